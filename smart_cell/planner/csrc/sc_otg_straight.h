/* Phase synchronisation: all joints in one proportion; internal to sc_otg_*.c. */
#ifndef SC_OTG_STRAIGHT_H
#define SC_OTG_STRAIGHT_H

#include "sc_otg.h"

/* Whether the ways, velocities and accelerations of all joints are in one proportion; ratio: of
 * each joint to `base`. */
bool sc_otg_proportional(size_t dof, size_t base, const sc_joints_state *start,
                         const sc_joints_state *goal, const sc_limits *limits, double *ratio);

/* If proportional joints may be so all the way, inside every limit, fills the other profiles from
 * that of joint `base`: a straight line. Otherwise false, and they are untouched. */
bool sc_otg_straight(size_t dof, size_t base, const double *ratio, const sc_joints_state *start,
                     const sc_joints_state *goal, const sc_limits *limits,
                     sc_otg_profile *profiles);

#endif
