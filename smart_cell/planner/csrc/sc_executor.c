/* Stepping the executor, stopping and changing its speed. */
#include "sc_executor.h"

#include <assert.h>
#include <string.h>

sc_status
sc_executor_init(sc_executor *executor, size_t dof, double period, double tolerance, bool with_jerk,
                 const sc_limits *limits)
{
    if (dof < 1 || dof > SC_MAX_DOF || !(period > 0.0 && isfinite(period)) || !(tolerance >= 0.0)) {
        return SC_BAD_ARGUMENT;
    }
    memset(executor, 0, sizeof *executor);
    executor->dof = dof;
    executor->period = period;
    executor->tolerance = tolerance;
    executor->with_jerk = with_jerk;
    executor->speed = 1.0;
    const double *rows[5] = {limits->lower, limits->upper, limits->velocity, limits->acceleration,
                             limits->jerk};
    for (size_t k = 0; k < 5; k++) {
        memcpy(executor->rows[k], rows[k], dof * sizeof(double));
    }
    sc_law_constant(&executor->law, 0.0, 0.0, 1.0);
    return SC_OK;
}

double
sc_executor_time(const sc_executor *executor)
{
    return (double)executor->tick * executor->period;
}

static void
become_idle(sc_executor *executor, const double *position)
{
    memmove(executor->rest, position, executor->dof * sizeof *position);
    executor->placed = true;
    executor->path = NULL;
    executor->mode = SC_IDLE;
    executor->begin = sc_executor_time(executor);
    sc_law_constant(&executor->law, sc_executor_time(executor), 0.0, executor->speed);
}

void
sc_executor_reset(sc_executor *executor, const double *position)
{
    become_idle(executor, position);
}

static void
stand(const sc_executor *executor, double *position, double *velocity, double *acceleration)
{
    memcpy(position, executor->rest, executor->dof * sizeof *position);
    memset(velocity, 0, executor->dof * sizeof *velocity);
    memset(acceleration, 0, executor->dof * sizeof *acceleration);
}

sc_set_point
sc_executor_step(sc_executor *executor, double *position, double *velocity, double *acceleration)
{
    assert(executor->placed);
    size_t dof = executor->dof;
    executor->tick++;
    sc_set_point point = {sc_executor_time(executor), 0.0, executor->speed, false};
    if (executor->path == NULL) {
        stand(executor, position, velocity, acceleration);
        return point;
    }
    sc_law_state law = sc_law_at(&executor->law, point.time);
    point.path_time = law.sigma;
    point.rate = law.rate;
    if (law.sigma >= sc_spline_duration(executor->path)) {
        point.path_time = sc_spline_duration(executor->path);
        become_idle(executor, executor->path->end[0]);
        stand(executor, position, velocity, acceleration);
        return point;
    }
    double jerk[SC_MAX_DOF];
    sc_spline_sample(executor->path, law.sigma, &executor->hint, position, velocity, acceleration,
                     jerk);
    for (size_t i = 0; i < dof; i++) {
        double state[4] = {position[i], velocity[i], acceleration[i], jerk[i]};
        sc_law_apply(&law, state);
        velocity[i] = state[1];
        acceleration[i] = state[2];
    }
    point.active = true;
    if (executor->mode == SC_STOPPING && law.rate == 0.0 &&
        point.time >= sc_law_settled(&executor->law)) {
        become_idle(executor, position);
        stand(executor, position, velocity, acceleration);
        point.active = false;
    }
    return point;
}

bool
sc_executor_stands(const sc_executor *executor)
{
    double next = (double)(executor->tick + 1) * executor->period;
    const sc_law *law = &executor->law;
    return executor->path == NULL || executor->begin >= next ||
           (sc_law_settled(law) <= sc_executor_time(executor) &&
            law->piece[law->count - 1].final == 0.0);
}

static sc_limits
limits_of(const sc_executor *executor)
{
    sc_limits limits = {executor->rows[0], executor->rows[1], executor->rows[2], executor->rows[3],
                        executor->rows[4]};
    return limits;
}

/* Whether the path is one that is waited for: it begins at rest, and nothing of it is done. */
static bool
waits(const sc_executor *executor)
{
    double now = sc_executor_time(executor);
    return executor->path != NULL && executor->begin > now;
}

static sc_status
change_rate(sc_executor *executor, double rate)
{
    if (waits(executor)) {
        sc_law_waiting(&executor->law, sc_executor_time(executor), executor->begin, rate);
        return SC_OK;
    }
    sc_limits limits = limits_of(executor);
    sc_law_context context = {executor->path,      &limits,
                              executor->period,    sc_executor_time(executor),
                              executor->tolerance, executor->with_jerk};
    return sc_law_change(&context, rate, &executor->law);
}

sc_status
sc_executor_hold(sc_executor *executor)
{
    if (executor->path == NULL || executor->mode != SC_MOVING) {
        return SC_OK;
    }
    executor->mode = SC_HOLDING;
    return change_rate(executor, 0.0);
}

sc_status
sc_executor_stop(sc_executor *executor)
{
    if (executor->path == NULL || executor->mode == SC_STOPPING) {
        return SC_OK;
    }
    if (waits(executor)) {
        become_idle(executor, executor->rest);
        return SC_OK;
    }
    bool held = executor->mode == SC_HOLDING;
    executor->mode = SC_STOPPING;
    return held ? SC_OK : change_rate(executor, 0.0);
}

sc_status
sc_executor_resume(sc_executor *executor)
{
    if (executor->path == NULL || executor->mode != SC_HOLDING) {
        return SC_OK;
    }
    executor->mode = SC_MOVING;
    return change_rate(executor, executor->speed);
}

sc_status
sc_executor_set_speed(sc_executor *executor, double speed)
{
    if (!(speed >= 0.0 && speed <= 1.0)) {
        return SC_BAD_ARGUMENT;
    }
    executor->speed = speed;
    if (executor->path == NULL) {
        sc_law_constant(&executor->law, sc_executor_time(executor), 0.0, speed);
        return SC_OK;
    }
    return executor->mode == SC_MOVING ? change_rate(executor, speed) : SC_OK;
}

double
sc_executor_stand_time(const sc_executor *executor)
{
    double now = sc_executor_time(executor);
    if (executor->path == NULL) {
        return now;
    }
    double arrival = sc_law_arrival(&executor->law, now, sc_spline_duration(executor->path));
    return isinf(arrival) ? fmax(now, sc_law_settled(&executor->law)) : arrival;
}

double
sc_executor_rest_time(const sc_executor *executor)
{
    double now = sc_executor_time(executor);
    if (executor->path == NULL || executor->mode == SC_STOPPING) {
        return sc_executor_stand_time(executor);
    }
    return sc_law_arrival(&executor->law, now, sc_spline_duration(executor->path));
}
