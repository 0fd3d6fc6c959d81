/* Time-optimal jerk-limited motion of one joint between any two states.
 *
 * A motion with a plateau (velocity v, acceleration zero for a time >= 0) is two ramps, one from
 * the start and, in reversed time, one from the goal: with p(t) -> -p(T - t) velocity, jerk and
 * displacement keep their signs, and the acceleration changes it. So both ends are the same thing,
 * a `side` (v, a), and a ramp to the plateau takes a pulse of jerk +j 0 -j or -j 0 +j (Kroeger 2010
 * and Alpers 2021 use the plateau as the unknown, too).
 *
 * For a given duration the displacements that are possible form an interval: limits and boundary
 * states are convex in the motion. Its upper end belongs to the plateau as high as it can be, its
 * lower end to the one as low as it can be; where the acceleration does not come down to zero
 * between the pulses, the valley z in between replaces the plateau as the parameter. Hence
 *
 *   - the minimum time is where the wanted displacement meets the upper or the lower end,
 *   - a duration is blocked where the displacement lies outside the interval,
 *   - every other duration has a motion: a plateau where there is one, and else the mean of
 *     the upper and the lower motion in the fitting proportion, which keeps all limits.
 *
 * If both ends have accelerations of the same sign and nearly the velocities that belong to them,
 * the interval exists for a short range of durations (the `lens`, accelerations of one sign only),
 * then not at all, and again from the main range on.
 *
 * Everything is reentrant, without memory of its own; the cost is bounded: below 1 us per call but
 * for durations at the border of a blocked interval. Units: rad or m, and s.
 */
#ifndef SC_OTG_JOINT_H
#define SC_OTG_JOINT_H

#include "sc_status.h"

#include <stdbool.h>
#include <stddef.h>

#define SC_OTG_PHASES 16 /* a brake of at most 3, then at most 13 */

/* Limits of a joint: v_min < 0 < v_max, a_min < 0 < a_max, j > 0. */
typedef struct {
    double v_min, v_max, a_min, a_max, j;
} sc_rates;

typedef struct {
    double p, v, a;
} sc_otg_state;

/* Phases of constant jerk from `start` on. */
typedef struct {
    sc_otg_state start;
    size_t count;
    double t[SC_OTG_PHASES], j[SC_OTG_PHASES];
} sc_otg_profile;

/* One end: velocity, acceleration away from the end, the velocity c where that becomes zero, and
 * how large the acceleration may be either way (both > 0). The rest: 1 / j, 1 / up, 1 / down. */
typedef struct {
    double v, a, c, up, down;
    double per_j, per_up, per_down;
} sc_otg_side;

/* Where on the upper (or, mirrored, lower) end of the interval: at plateau v, or at valley z. */
typedef struct {
    bool mirrored, valley;
    size_t side;     /* with a valley: which side's acceleration it leads to */
    double at;       /* v or z, of the mirrored problem if mirrored */
    double duration; /* with the time on the plateau */
} sc_otg_extreme;

/* A prepared joint; filled by sc_otg_prepare, then only read. */
typedef struct {
    sc_rates rates;         /* their velocities widened by rounding to hold both ends */
    sc_otg_side side[2];    /* after the brake; of the goal in reversed time */
    double displacement;    /* after the brake */
    double brake;           /* its duration */
    double size;            /* of the positions, whose rounding is forgiven */
    double moment;          /* what rounding of the states makes of times */
    sc_otg_profile braking; /* start and brake phases */
    double fastest;         /* minimum time, with the brake */
    double main;            /* first possible time of the main range, without the brake */
    bool in_lens;           /* whether the minimum lies in the lens */
    double lens_end;        /* last time of the lens, without the brake; 0 if there is none */
    sc_otg_extreme extreme; /* the motion of minimum time */
} sc_otg_joint;

/* Prepares a joint and finds its minimum time. A start outside the limits is brought back first:
 * as fast as the jerk allows (as Berscheid & Kroeger 2021 do), or to rest at the velocity's limit.
 * *out is the quicker of the two; true if there is the other one, too, in *other (or NULL): it may
 * take durations that *out cannot. The goal must be inside the limits: |v|, |a|, and the velocity
 * v - a |a| / 2 j from which it is reached. */
bool sc_otg_prepare(const sc_rates *rates, const sc_otg_state *start, const sc_otg_state *goal,
                    sc_otg_joint *out, sc_otg_joint *other);

/* The motion of minimum time. */
void sc_otg_fastest(const sc_otg_joint *joint, sc_otg_profile *out);

/* The motion of exactly `duration` >= 0 (brake included). SC_TOO_SHORT if there is none; *next is
 * then the smallest longer duration that is possible. Untouched otherwise. */
sc_status sc_otg_stretched(const sc_otg_joint *joint, double duration, sc_otg_profile *out,
                           double *next);

/* Goes on with a jerk for t seconds. An acceleration that comes to zero but for rounding is zero:
 * it may last. */
void sc_otg_advance(sc_otg_state *state, double t, double j);

#endif
