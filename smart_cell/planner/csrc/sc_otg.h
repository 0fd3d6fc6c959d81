/* Time-optimal jerk-limited motion of several joints between any two states, ending together. */
#ifndef SC_OTG_H
#define SC_OTG_H

#include "sc_otg_joint.h"
#include "sc_spline.h"

/* Segments of a spline of n such joints at most. */
#define SC_OTG_SEGMENTS(dof) (SC_OTG_PHASES * (dof) + 1)

/* States of all joints as arrays of dof doubles. */
typedef struct {
    const double *position, *velocity, *acceleration;
} sc_joints_state;

/* A planned motion: one profile per joint, all of the same duration. */
typedef struct {
    size_t dof;
    double duration;
    sc_otg_profile profile[SC_MAX_DOF];
    double goal[3][SC_MAX_DOF]; /* position, velocity, acceleration at the end */
} sc_otg_motion;

/* What was in the way. */
typedef struct {
    size_t joint;
    sc_quantity quantity;
    double value, limit;
    double minimum; /* with SC_TOO_SHORT: the minimum time, and the nearest possible durations */
    double before, after;
} sc_otg_failure;

/* The smallest common duration that no joint blocks, at least `duration` if that is > 0. Where a
 * straight line takes no longer (both ends are in one proportion, and no joint's limit is exceeded
 * by its part of the slowest joint's motion) the motion is one.
 *
 * SC_LIMIT_EXCEEDED: the goal's velocity or acceleration is outside its limits (1e-9, relative), or
 * it cannot be reached from inside (failure: joint, quantity, value, limit). SC_TOO_SHORT: an asked
 * duration is below the minimum or blocked (failure: minimum, before, after). SC_OUT_OF_LIMITS: a
 * joint cannot keep its position limits on the way (failure: joint, quantity, the position reached,
 * limit). Start and goal positions count as inside. About 0.3 us per joint. */
sc_status sc_otg_plan(size_t dof, const sc_joints_state *start, const sc_joints_state *goal,
                      const sc_limits *limits, double duration, sc_otg_motion *out,
                      sc_otg_failure *failure);

/* The motion as a spline; capacity >= SC_OTG_SEGMENTS(dof). */
sc_status sc_otg_spline(const sc_otg_motion *motion, sc_spline *out);

#endif
