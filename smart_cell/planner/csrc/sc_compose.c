/* Composing the executor's next path: what is left of the present one, then the new one. */
#include <assert.h>
#include <string.h>

#include "sc_executor.h"

#define EQUAL 1e-9 /* relative difference of two states that is rounding */
#define FADES 12   /* lengths tried for a fading difference, each twice the one before */

typedef struct {
    double p[SC_MAX_DOF], v[SC_MAX_DOF], a[SC_MAX_DOF], j[SC_MAX_DOF];
} joint_state;

/* Where the composed path switches. */
typedef struct {
    double from;  /* path time of the present path, now */
    double to;    /* path time of the present path at the switch */
    double gap;   /* path time of standing between */
    double entry; /* path time at which the next one is entered */
} splice;

size_t
sc_executor_capacity(const sc_executor *executor, const sc_spline *next)
{
    size_t present = executor->path != NULL ? executor->path->segments : 0;
    return present + next->segments + 4;
}

static splice
plan_splice(const sc_executor *executor, const sc_spline *next, double at)
{
    double now = sc_executor_time(executor);
    splice s = {0.0, 0.0, 0.0, 0.0};
    s.entry = at < now ? fmin(now - at, sc_spline_duration(next)) : 0.0;
    if (executor->path == NULL) {
        return s; /* it is waited for in executor time */
    }
    double when = fmax(at, now);
    sc_law_state present = sc_law_at(&executor->law, now);
    sc_law_state coming = sc_law_at(&executor->law, when);
    double duration = sc_spline_duration(executor->path);
    s.from = present.sigma;
    s.to = fmin(coming.sigma, duration);
    s.gap = fmax(0.0, coming.sigma - duration);
    return s;
}

static void
state_at_splice(const sc_executor *executor, const splice *s, joint_state *out)
{
    memset(out, 0, sizeof *out);
    if (executor->path == NULL) {
        memcpy(out->p, executor->rest, sizeof out->p);
        return;
    }
    size_t hint = 0;
    sc_spline_sample(executor->path, s->to, &hint, out->p, out->v, out->a, out->j);
    if (s->gap > 0.0) {
        memset(out->v, 0, sizeof out->v);
        memset(out->a, 0, sizeof out->a);
    }
}

static bool
differs(double x, double y, double tolerance)
{
    return !(fabs(x - y) <= tolerance);
}

/* Compares the state at the switch with rest, and the new path's position with it. */
static sc_status
compare(const sc_executor *executor, const joint_state *is, const joint_state *next,
        double tolerance, bool from_rest, sc_mismatch *mismatch)
{
    for (size_t i = 0; i < executor->dof; i++) {
        double vmax = executor->rows[2][i], amax = executor->rows[3][i];
        sc_mismatch found = {SC_POSITION, i, next->p[i], is->p[i]};
        bool bad = differs(next->p[i], is->p[i], tolerance);
        if (!bad && from_rest && differs(is->v[i], 0.0, 1e-6 * vmax)) {
            sc_mismatch moving = {SC_VELOCITY, i, is->v[i], 0.0};
            found = moving;
            bad = true;
        }
        if (!bad && from_rest && executor->with_jerk && differs(is->a[i], 0.0, 1e-6 * amax)) {
            sc_mismatch moving = {SC_ACCELERATION, i, is->a[i], 0.0};
            found = moving;
            bad = true;
        }
        if (bad) {
            *mismatch = found;
            return SC_MISMATCH;
        }
    }
    return SC_OK;
}

static bool
states_equal(const sc_executor *executor, const joint_state *a, const joint_state *b)
{
    for (size_t i = 0; i < executor->dof; i++) {
        if (differs(a->p[i], b->p[i], EQUAL * fmax(1.0, fabs(a->p[i]))) ||
            differs(a->v[i], b->v[i], EQUAL * executor->rows[2][i]) ||
            (executor->with_jerk && differs(a->a[i], b->a[i], EQUAL * executor->rows[3][i]))) {
            return false;
        }
    }
    return true;
}

/* Adds to the segments of out between path times low and high the quintics `fade` (their variable
 * counted from low). */
static void
add_fade(sc_spline *out, double low, double high, const double *fade)
{
    for (size_t k = 0; k < out->segments; k++) {
        double middle = 0.5 * (out->breaks[k] + out->breaks[k + 1]);
        if (!(middle > low && middle < high)) {
            continue;
        }
        for (size_t i = 0; i < out->dof; i++) {
            double shifted[SC_POLY], *c = out->coeff + (k * out->dof + i) * SC_POLY;
            sc_poly_shift(fade + i * SC_POLY, out->breaks[k] - low, shifted);
            for (size_t m = 0; m < SC_POLY; m++) {
                c[m] += shifted[m];
            }
        }
    }
}

/* Writes the quintics by which the difference `off` fades out over `length` seconds. */
static void
make_fade(const joint_state *off, size_t dof, double length, double *fade)
{
    const double zero[3] = {0.0, 0.0, 0.0};
    for (size_t i = 0; i < dof; i++) {
        const double from[3] = {off->p[i], off->v[i], off->a[i]};
        sc_poly_quintic(from, zero, length, fade + i * SC_POLY);
    }
}

/* Whether a fade goes further from the new path than `tolerance`; *joint: the one that does. */
static bool
goes_far(const double *fade, size_t dof, double length, double tolerance, size_t *joint)
{
    double worst = tolerance * (1.0 + 1e-9) + 1e-15;
    bool far = false;
    for (size_t i = 0; i < dof; i++) {
        sc_extrema e = sc_extrema_none();
        sc_poly_extrema(fade + i * SC_POLY, length, 0.0, &e);
        double distance = fmax(fabs(e.lowest), fabs(e.highest));
        if (!(distance <= worst)) {
            worst = distance;
            *joint = i;
            far = true;
        }
    }
    return far;
}

/* Writes the composed path; `fade` is added over `length` seconds (0: none). */
static sc_status
assemble(const sc_executor *executor, const sc_spline *next, const splice *s, const joint_state *is,
         const double *fade, double length, sc_spline *out)
{
    sc_status status = SC_OK;
    out->segments = 0;
    if (executor->path != NULL && s->to > s->from) {
        status = sc_spline_push_part(out, executor->path, s->from, s->to);
    }
    if (status == SC_OK && s->gap > 0.0) {
        status = sc_spline_push_rest(out, s->gap, is->p);
    }
    double begin = out->segments > 0 ? sc_spline_duration(out) : 0.0;
    if (status == SC_OK && length > 0.0) {
        status = sc_spline_push_part(out, next, s->entry, s->entry + length);
    }
    if (status == SC_OK) {
        status = sc_spline_push_part(out, next, s->entry + length, INFINITY);
    }
    if (status == SC_OK && out->segments == 0) {
        status = sc_spline_push_rest(out, 0.0, next->end[0]);
    }
    if (status == SC_OK && length > 0.0) {
        add_fade(out, begin, begin + length, fade);
    }
    memcpy(out->end, next->end, sizeof out->end);
    return status;
}

/* Checks limits and, if the rate is changing, that the change still fits the new path. */
static sc_status
check(const sc_executor *executor, const sc_spline *out, const sc_law *law, sc_violation *violation)
{
    sc_limits limits = {executor->rows[0], executor->rows[1], executor->rows[2], executor->rows[3],
                        executor->rows[4]};
    sc_status status =
        sc_spline_check(out, &limits, executor->tolerance, executor->with_jerk, violation);
    double now = sc_executor_time(executor), settled = sc_law_settled(law);
    if (status == SC_OK && settled > now) {
        sc_law_context context = {
            out, &limits, executor->period, now, executor->tolerance, executor->with_jerk};
        size_t budget = (size_t)-1;
        if (!sc_law_feasible(&context, law, now, settled, &budget)) {
            sc_violation found = {0, SC_JERK, INFINITY, executor->rows[4][0], 0.0, INFINITY};
            *violation = found;
            return SC_LIMIT_EXCEEDED;
        }
    }
    return status;
}

/* The law with path time counted from now. */
static void
shift_law(const sc_executor *executor, sc_law *law)
{
    double now = sc_executor_time(executor);
    *law = executor->law;
    double sigma = sc_law_at(law, now).sigma;
    for (size_t k = 0; k < law->count; k++) {
        law->piece[k].sigma -= sigma;
    }
}

static sc_status
check_end(const sc_executor *executor, const sc_spline *next, sc_mismatch *mismatch)
{
    for (size_t i = 0; i < next->dof; i++) {
        for (size_t level = 1; level < (executor->with_jerk ? 3u : 2u); level++) {
            if (differs(next->end[level][i], 0.0, 1e-6 * executor->rows[level + 1][i])) {
                sc_mismatch found = {(sc_quantity)level, i, next->end[level][i], 0.0};
                *mismatch = found;
                return SC_MISMATCH;
            }
        }
    }
    return SC_OK;
}

sc_status
sc_executor_compose(const sc_executor *executor, const sc_spline *next, double at,
                    double position_tolerance, bool from_rest, sc_spline *out,
                    sc_mismatch *mismatch, sc_violation *violation)
{
    assert(executor->placed && next->dof == executor->dof && out->dof == executor->dof);
    splice s = plan_splice(executor, next, at);
    joint_state is, begin, off;
    size_t hint = 0;
    sc_law law;
    shift_law(executor, &law);
    state_at_splice(executor, &s, &is);
    sc_spline_sample(next, s.entry, &hint, begin.p, begin.v, begin.a, begin.j);
    sc_status status = compare(executor, &is, &begin, position_tolerance, from_rest, mismatch);
    if (status == SC_OK) {
        status = check_end(executor, next, mismatch);
    }
    if (status != SC_OK) {
        return status;
    }
    for (size_t i = 0; i < executor->dof; i++) {
        off.p[i] = is.p[i] - begin.p[i];
        off.v[i] = is.v[i] - begin.v[i];
        off.a[i] = is.a[i] - begin.a[i];
    }
    bool exact = states_equal(executor, &is, &begin);
    double remaining = sc_spline_duration(next) - s.entry, length = 4.0 * executor->period;
    double curves[SC_MAX_DOF * SC_POLY];
    for (size_t k = 0; k < (exact ? 1u : FADES); k++, length *= 2.0) {
        double fade = exact ? 0.0 : fmin(length, remaining);
        if (!exact && !(fade > 0.0)) {
            sc_mismatch found = {SC_POSITION, 0, begin.p[0], is.p[0]};
            *mismatch = found;
            return SC_MISMATCH;
        }
        size_t joint = 0;
        if (!exact) {
            make_fade(&off, executor->dof, fade, curves);
            if (goes_far(curves, executor->dof, fade, position_tolerance, &joint)) {
                sc_mismatch found = {SC_VELOCITY, joint, begin.v[joint], is.v[joint]};
                *mismatch = found;
                return k == 0 ? SC_MISMATCH : status;
            }
        }
        status = assemble(executor, next, &s, &is, curves, fade, out);
        if (status == SC_OK) {
            status = check(executor, out, &law, violation);
        }
        if (status != SC_LIMIT_EXCEEDED || fade >= remaining) {
            break;
        }
    }
    return status;
}

void
sc_executor_adopt(sc_executor *executor, const sc_spline *path, double at)
{
    sc_law law;
    double now = sc_executor_time(executor);
    bool idle = executor->path == NULL;
    shift_law(executor, &law);
    executor->begin = idle ? fmax(at, now) : now;
    if (executor->begin > now) {
        sc_law_waiting(&law, now, executor->begin, executor->speed);
    }
    executor->law = law;
    executor->path = path;
    executor->mode = SC_MOVING;
    executor->hint = 0;
    sc_law_forget(&executor->law, sc_executor_time(executor));
}
