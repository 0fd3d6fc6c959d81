/* Keeping a joint inside its position limits; internal to sc_otg_*.c. */
#ifndef SC_OTG_RANGE_H
#define SC_OTG_RANGE_H

#include "sc_otg_joint.h"

/* Lowest and highest position on the way, both ends included. */
void sc_otg_range(const sc_otg_profile *profile, double *lowest, double *highest);

/* As sc_otg_stretched, inside [lower, upper]. Where that motion would leave them, the joint stops
 * (or, where there is no room for that, turns round) and from there goes on to where it turns for
 * the goal; or it takes the shortest other duration found (*next, with SC_TOO_SHORT).
 * SC_OUT_OF_LIMITS: none of these keeps the limits; *next is then the position reached. */
sc_status sc_otg_inside(const sc_otg_joint *joint, double lower, double upper, double duration,
                        sc_otg_profile *out, double *next);

#endif
