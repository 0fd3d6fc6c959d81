/* Trajectories: quintic polynomials of all joints on common segments.
 *
 * The memory belongs to the caller: `breaks` has capacity + 1 doubles, `coeff` capacity * dof *
 * SC_POLY (segment after segment, joint after joint). Segment k runs from breaks[k] to breaks[k +
 * 1], breaks[0] is 0. `end` is the exact state at the end. A filled spline is only read: reentrant.
 */
#ifndef SC_SPLINE_H
#define SC_SPLINE_H

#include <stdbool.h>

#include "sc_linalg.h"
#include "sc_poly.h"
#include "sc_status.h"

typedef struct {
    size_t dof;      /* 1..SC_MAX_DOF */
    size_t segments; /* 0 while being built, then >= 1 */
    size_t capacity;
    double *breaks;
    double *coeff;
    double end[3][SC_MAX_DOF]; /* position, velocity, acceleration */
} sc_spline;

/* Limits of dof joints, all > 0 except the positions; pointers to arrays of dof doubles. */
typedef struct {
    const double *lower, *upper, *velocity, *acceleration, *jerk;
} sc_limits;

typedef enum {
    SC_POSITION = 0,
    SC_VELOCITY,
    SC_ACCELERATION,
    SC_JERK,
    SC_CONTINUITY /* position, velocity or acceleration jumps between two segments */
} sc_quantity;

/* What exceeds which limit where; excess is value / limit (or the distance outside, + 1). */
typedef struct {
    size_t joint;
    sc_quantity quantity;
    double value, limit, time, excess;
} sc_violation;

double sc_spline_duration(const sc_spline *spline);

/* Appends a segment of h >= 0 seconds; coeff: dof * SC_POLY doubles. SC_NO_SPACE when full. */
sc_status sc_spline_push(sc_spline *spline, double h, const double *coeff);

/* Appends a segment in which every joint stands still for h seconds. */
sc_status sc_spline_push_rest(sc_spline *spline, double h, const double *position);

/* Appends the part [from, to] of another spline of the same dof (clipped to its duration). */
sc_status sc_spline_push_part(sc_spline *spline, const sc_spline *other, double from, double to);

/* Sets `end` to the value of the last segment at its end. */
void sc_spline_close(sc_spline *spline);

/* The segment that holds t in [0, duration); the last one for t = duration. hint: any value. */
size_t sc_spline_segment(const sc_spline *spline, double t, size_t hint);

/* Position, velocity, acceleration, jerk at t, each dof values. Outside [0, duration] the end is
 * held and everything else is zero. hint: the last segment used, any value; updated. */
void sc_spline_sample(const sc_spline *spline, double t, size_t *hint, double *position,
                      double *velocity, double *acceleration, double *jerk);

/* Slows down (factor > 1) or speeds up (factor < 1) the whole spline in time, exactly. */
void sc_spline_scale_time(sc_spline *spline, double factor);

/* Extrema of one joint over the whole duration. Exact, bounded. */
sc_extrema sc_spline_extrema(const sc_spline *spline, size_t joint);

/* The worst limit violation beyond the relative tolerance, jumps included if with_jerk.
 * Without with_jerk neither the jerk nor jumps of the acceleration count.
 * Returns SC_LIMIT_EXCEEDED and fills *worst, or SC_OK. */
sc_status sc_spline_check(const sc_spline *spline, const sc_limits *limits, double tolerance,
                          bool with_jerk, sc_violation *worst);

/* Interpolates n >= 1 waypoints: quintic with accelerations, cubic where that is NULL.
 * times: n ascending, times[0] counts as the start; others: n x dof. Capacity >= max(n - 1, 1). */
sc_status sc_spline_waypoints(sc_spline *spline, size_t n, const double *times,
                              const double *positions, const double *velocities,
                              const double *accelerations);

#endif
