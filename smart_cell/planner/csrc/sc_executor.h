/* The set-point executor of one arm: follows a trajectory, replaces it on the way, stops and
 * changes speed along it, without ever leaving its path or exceeding a limit.
 *
 * Time is counted in steps of a fixed period. The executor refers to one path at a time, which the
 * caller owns and keeps alive; sc_executor_compose builds the next one (what is left of the
 * current path, then the new trajectory) and sc_executor_adopt takes it. Not reentrant: one
 * executor is for one thread at a time. No memory is allocated.
 */
#ifndef SC_EXECUTOR_H
#define SC_EXECUTOR_H

#include <stdint.h>

#include "sc_law.h"

typedef enum {
    SC_IDLE = 0, /* stands, without a path */
    SC_MOVING,   /* follows its path */
    SC_HOLDING,  /* slows down or stands on its path, which it keeps */
    SC_STOPPING  /* slows down and then drops its path */
} sc_mode;

typedef struct {
    size_t dof;
    double period;              /* [s] */
    double tolerance;           /* relative excess over a limit that is taken for rounding */
    bool with_jerk;             /* whether jerk, and jumps of the acceleration, count */
    double rows[5][SC_MAX_DOF]; /* limits: lower, upper, velocity, acceleration, jerk */
    int64_t tick;
    bool placed;             /* whether `rest` is known */
    double rest[SC_MAX_DOF]; /* position while there is no path */
    sc_mode mode;
    double begin; /* executor time at which a path that waits begins; else in the past */
    double speed; /* the asked rate, 0..1 */
    const sc_spline *path;
    sc_law law;
    size_t hint;
} sc_executor;

typedef struct {
    double time, path_time, rate;
    bool active;
} sc_set_point;

/* period, tolerance > 0; limits: dof values each. */
sc_status sc_executor_init(sc_executor *executor, size_t dof, double period, double tolerance,
                           bool with_jerk, const sc_limits *limits);

double sc_executor_time(const sc_executor *executor);

/* Places the set-point at rest; drops the path. */
void sc_executor_reset(sc_executor *executor, const double *position);

/* One period further: position, velocity, acceleration get dof values each. Constant time, about
 * 0.1 us. `placed` must be true. */
sc_set_point sc_executor_step(sc_executor *executor, double *position, double *velocity,
                              double *acceleration);

/* Whether the next step leaves the set-point where it is: there is no path, it has not begun, or
 * the arm stands on it. */
bool sc_executor_stands(const sc_executor *executor);

/* Which part of the coming motion does not fit. */
typedef struct {
    sc_quantity quantity;
    size_t joint;
    double value, expected;
} sc_mismatch;

/* Segments that sc_executor_compose needs. */
size_t sc_executor_capacity(const sc_executor *executor, const sc_spline *next);

/* Builds in `out` what is left of the path up to executor time `at`, then `next`; without a path,
 * `next` alone, for which the executor waits. A time in the past enters `next` that much later.
 * Where the set-point at `at` and `next` differ, the difference fades out over the shortest time
 * that keeps all limits, if it stays within `position_tolerance` of `next` all the while.
 * from_rest: refuse unless the set-point at `at` is at rest.
 * SC_OK; SC_MISMATCH with *mismatch; SC_LIMIT_EXCEEDED with *violation: `next`, its transition,
 * or the speed change in progress exceeds a limit. */
sc_status sc_executor_compose(const sc_executor *executor, const sc_spline *next, double at,
                              double position_tolerance, bool from_rest, sc_spline *out,
                              sc_mismatch *mismatch, sc_violation *violation);

/* Takes the composed path, from now on; `at` as given to sc_executor_compose. */
void sc_executor_adopt(sc_executor *executor, const sc_spline *path, double at);

/* Changes the rate along the path to 0 (hold: keeps the path, stop: drops it once standing), to
 * the asked rate again (resume), or to a new asked rate. SC_LIMIT_EXCEEDED: the limits leave no
 * room before the path's end; the motion then ends there. */
sc_status sc_executor_hold(sc_executor *executor);
sc_status sc_executor_stop(sc_executor *executor);
sc_status sc_executor_resume(sc_executor *executor);
sc_status sc_executor_set_speed(sc_executor *executor, double speed);

/* When the arm will stand by the present law: on the path, or at its end. */
double sc_executor_stand_time(const sc_executor *executor);

/* When the present motion will have ended; infinity if it is held, or its speed is 0. */
double sc_executor_rest_time(const sc_executor *executor);

#endif
