/* The short range of durations with accelerations of one sign; internal to sc_otg_*.c. */
#ifndef SC_OTG_LENS_H
#define SC_OTG_LENS_H

#include "sc_otg_joint.h"

/* Whether the joint has a lens, and its longest duration (without the brake; 0 without). */
bool sc_otg_lens(const sc_otg_joint *joint, double *end);

/* The shortest motion in the lens; false if the displacement is not possible in it, and *out
 * untouched. */
bool sc_otg_lens_fastest(const sc_otg_joint *joint, sc_otg_extreme *out);

/* The motions of the highest and (mirrored) the lowest displacement of a duration in the lens. */
bool sc_otg_lens_at_time(const sc_otg_joint *joint, double time, sc_otg_extreme out[2]);

#endif
