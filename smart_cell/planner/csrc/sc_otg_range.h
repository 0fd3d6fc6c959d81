/* Keeping a joint inside its position limits; internal to sc_otg_*.c. */
#ifndef SC_OTG_RANGE_H
#define SC_OTG_RANGE_H

#include "sc_otg_joint.h"

/* Lowest and highest position on the way, both ends included. */
void sc_otg_range(const sc_otg_profile *profile, double *lowest, double *highest);

/* As sc_otg_stretched, inside [lower, upper]. Where the quickest motion would leave them the joint
 * stops, goes from rest to rest, and runs up to the goal, or takes the shortest other duration
 * found that needs no such detour (*next, with SC_TOO_SHORT). SC_OUT_OF_LIMITS: even stopping at
 * once, or running up from rest, leaves the limits; *next is then the position reached. */
sc_status sc_otg_inside(const sc_otg_joint *joint, double lower, double upper, double duration,
                        sc_otg_profile *out, double *next);

#endif
