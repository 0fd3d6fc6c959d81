/* Timing of a straight-line motion: the law of s, the knots in time, the final scaling. */
#include "sc_line.h"

#include <assert.h>
#include <string.h>

#include "sc_ik.h"
#include "sc_profile.h"

#define DEVIATION 2e-6  /* [m] or [rad], of the polynomials from the line between knots */
#define SEED_EXACT 1e-6 /* [m] or [rad], within which the seed is the start */
#define SEED_NEAR 0.1   /* [rad] or [m], of the start from the seed otherwise */
#define SPEEDS 14
#define SPEED_RATIO 0.82
#define SHARES 6
#define REFINEMENTS 4

/* Limits of the law of s. */
typedef struct {
    double velocity, acceleration, jerk;
} law;

static double
pose_distance(const sc_frame *a, const sc_frame *b)
{
    double d[3] = {a->p[0] - b->p[0], a->p[1] - b->p[1], a->p[2] - b->p[2]}, turn[3];
    sc_rotation_difference(a->r, b->r, turn);
    return fmax(sc_norm3(d), sc_norm3(turn));
}

/* The tool's own limits as limits of s. */
static law
tool_law(const sc_line_geometry *line, const sc_line_request *request)
{
    double length = sc_norm3(line->twist), angle = sc_norm3(line->twist + 3), limit[3];
    for (size_t i = 0; i < 3; i++) {
        limit[i] = fmin(request->translation[i] / length, request->rotation[i] / angle);
    }
    law result = {limit[0], limit[1], limit[2]};
    return result;
}

/* Highest speed, then acceleration, then jerk of s that the joints allow everywhere: by
 * v = q' s', a = q' s'' + q'' s'^2, j = q' s''' + 3 q'' s' s'' + q''' s'^3, worst signs assumed. */
static double
highest_speed(const sc_line_work *work, const sc_limits *limits, double most)
{
    for (size_t k = 0; k < work->count; k++) {
        const sc_line_point *p = &work->point[k];
        for (size_t i = 0; i < work->line.chain->dof; i++) {
            double v = fmin(limits->velocity[i] / fabs(p->q1[i]),
                            fmin(sqrt(limits->acceleration[i] / fabs(p->q2[i])),
                                 cbrt(limits->jerk[i] / fabs(p->q3[i]))));
            most = v < most ? v : most; /* a quotient 0 / 0 cannot arise: limits are > 0 */
        }
    }
    return most;
}

static double
highest_acceleration(const sc_line_work *work, const sc_limits *limits, double v, double most)
{
    for (size_t k = 0; k < work->count; k++) {
        const sc_line_point *p = &work->point[k];
        for (size_t i = 0; i < work->line.chain->dof; i++) {
            double room = limits->acceleration[i] - fabs(p->q2[i]) * v * v;
            most = fabs(p->q1[i]) * most > room ? room / fabs(p->q1[i]) : most;
        }
    }
    return most;
}

static double
highest_jerk(const sc_line_work *work, const sc_limits *limits, double v, double a, double most)
{
    for (size_t k = 0; k < work->count; k++) {
        const sc_line_point *p = &work->point[k];
        for (size_t i = 0; i < work->line.chain->dof; i++) {
            double room =
                limits->jerk[i] - 3.0 * fabs(p->q2[i]) * v * a - fabs(p->q3[i]) * v * v * v;
            most = fabs(p->q1[i]) * most > room ? room / fabs(p->q1[i]) : most;
        }
    }
    return most;
}

/* The quickest of a grid of speeds and accelerations, each with the jerk that is left. */
static sc_status
choose_profile(const sc_line_work *work, const sc_limits *limits, const law *tool, sc_profile *best)
{
    static const double shares[SHARES] = {0.999, 0.75, 0.55, 0.4, 0.28, 0.18};
    double v = highest_speed(work, limits, tool->velocity);
    best->duration = INFINITY;
    for (size_t i = 0; i < SPEEDS; i++, v *= SPEED_RATIO) {
        double most = highest_acceleration(work, limits, v, tool->acceleration);
        for (size_t k = 0; k < SHARES && most > 0.0; k++) {
            double a = shares[k] * most;
            double j = highest_jerk(work, limits, v, a, tool->jerk);
            sc_profile candidate;
            if (j > 0.0 && sc_profile_fastest(1.0, v, a, j, &candidate) == SC_OK &&
                candidate.duration < best->duration) {
                *best = candidate;
            }
        }
    }
    return isfinite(best->duration) ? SC_OK : SC_SINGULAR;
}

/* Joint state (position, velocity, acceleration of each joint) at time t of the profile. */
typedef struct {
    double s;
    double q[SC_MAX_DOF], v[SC_MAX_DOF], a[SC_MAX_DOF];
} knot;

static sc_status
make_knot(const sc_line_work *work, const sc_profile *profile, double t, size_t *hint, knot *out)
{
    const sc_line_geometry *line = &work->line;
    double law_state[4], q1[SC_MAX_DOF], q2[SC_MAX_DOF];
    sc_profile_state(profile, t, law_state);
    double s = fmin(fmax(law_state[0], 0.0), 1.0);
    while (*hint + 1 < work->count && work->point[*hint + 1].s <= s) {
        (*hint)++;
    }
    const sc_line_point *near = &work->point[*hint];
    out->s = s;
    memcpy(out->q, near->q, sizeof out->q);
    sc_status status = SC_OK;
    if (s != near->s) {
        status = sc_line_advance(line, near->s, s, out->q);
    }
    if (status == SC_OK) {
        status = sc_line_derivatives(line, out->q, q1, q2);
    }
    for (size_t i = 0; status == SC_OK && i < line->chain->dof; i++) {
        out->v[i] = q1[i] * law_state[1];
        out->a[i] = q1[i] * law_state[2] + q2[i] * law_state[1] * law_state[1];
    }
    return status;
}

/* Largest distance between the last segment's middle and the line there. */
static double
middle_deviation(const sc_line_work *work, const sc_spline *out, double s)
{
    size_t k = out->segments - 1, dof = out->dof;
    double q[SC_MAX_DOF], h = out->breaks[k + 1] - out->breaks[k];
    for (size_t i = 0; i < dof; i++) {
        double state[4];
        sc_poly_state(out->coeff + (k * dof + i) * SC_POLY, 0.5 * h, state);
        q[i] = state[0];
    }
    sc_frame is, should;
    sc_chain_fk(work->line.chain, q, &is);
    sc_line_pose(&work->line, s, &should);
    return pose_distance(&is, &should);
}

/* How many knots one phase of the profile gets: by its share of the path's points. */
static size_t
phase_parts(const sc_line_work *work, const sc_profile *profile, double from, double to,
            size_t refinement)
{
    double a[4], b[4];
    sc_profile_state(profile, from, a);
    sc_profile_state(profile, to, b);
    double points = fabs(b[0] - a[0]) * (double)work->count * 0.75;
    return (1 + (size_t)points) << refinement;
}

static sc_status
push_between(const knot *a, const knot *b, double h, sc_spline *out)
{
    double coeff[SC_MAX_DOF * SC_POLY];
    for (size_t i = 0; i < out->dof; i++) {
        const double from[3] = {a->q[i], a->v[i], a->a[i]};
        const double to[3] = {b->q[i], b->v[i], b->a[i]};
        sc_poly_quintic(from, to, h, coeff + i * SC_POLY);
    }
    return sc_spline_push(out, h, coeff);
}

/* All segments with one fineness of knots; worst: the largest deviation from the line. */
static sc_status
build(const sc_line_work *work, const sc_profile *profile, size_t refinement, sc_spline *out,
      double *worst)
{
    double times[8];
    knot a, b;
    size_t hint = 0;
    out->segments = 0;
    *worst = 0.0;
    sc_profile_boundaries(profile, times);
    sc_status status = make_knot(work, profile, 0.0, &hint, &a);
    for (size_t phase = 0; phase < 7; phase++) {
        double from = times[phase], span = times[phase + 1] - from;
        if (!(span > 1e-9 * profile->duration)) {
            continue;
        }
        size_t parts = phase_parts(work, profile, from, from + span, refinement);
        for (size_t k = 0; k < parts && status == SC_OK; k++) {
            double h = span / (double)parts, middle[4];
            double t = k + 1 == parts ? times[phase + 1] : from + h * (double)(k + 1);
            status = make_knot(work, profile, fmin(t, profile->duration), &hint, &b);
            if (status == SC_OK) {
                status = push_between(&a, &b, h, out);
            }
            if (status == SC_OK) {
                sc_profile_state(profile, t - 0.5 * h, middle);
                *worst = fmax(*worst, middle_deviation(work, out, middle[0]));
                a = b;
            }
        }
    }
    return status;
}

/* The factor in time that puts the motion exactly on its nearest limit. Between two points of the
 * path a joint may have left its position limits: SC_OUT_OF_LIMITS, with *failure. */
static sc_status
time_factor(const sc_spline *spline, const sc_limits *limits, const sc_profile *profile,
            const law *tool, double *result, sc_line_failure *failure)
{
    double acceleration = profile->jerk * profile->t_jerk;
    double velocity = acceleration * (profile->t_jerk + profile->t_accel);
    double factor = fmax(velocity / tool->velocity, fmax(sqrt(acceleration / tool->acceleration),
                                                         cbrt(profile->jerk / tool->jerk)));
    for (size_t i = 0; i < spline->dof; i++) {
        sc_extrema e = sc_spline_extrema(spline, i);
        bool low = !(e.lowest >= limits->lower[i] - 1e-9);
        if (low || !(e.highest <= limits->upper[i] + 1e-9)) {
            double state[4];
            sc_profile_state(profile, fmin(e.when[low ? 0 : 1], profile->duration), state);
            failure->s = state[0];
            failure->joint = i;
            return SC_OUT_OF_LIMITS;
        }
        factor = fmax(factor, e.largest[0] / limits->velocity[i]);
        factor = fmax(factor, sqrt(e.largest[1] / limits->acceleration[i]));
        factor = fmax(factor, cbrt(e.largest[2] / limits->jerk[i]));
    }
    *result = factor * (1.0 + 1e-10);
    return SC_OK;
}

/* Joint position at the start, and the line's geometry from there. */
static sc_status
prepare(const sc_chain *chain, const sc_line_request *request, const double *seed,
        sc_line_work *work, double *q0)
{
    sc_line_geometry *line = &work->line;
    sc_frame at;
    line->chain = chain;
    line->joints = 0;
    for (size_t i = 0; i < chain->dof; i++) {
        if (!(request->held >> i & 1u)) {
            line->use[line->joints++] = i;
        }
    }
    memcpy(q0, seed, chain->dof * sizeof *q0);
    sc_chain_fk(chain, q0, &at);
    if (pose_distance(&at, &request->start) > SEED_EXACT) {
        if (sc_ik_descend(chain, &request->start, request->held, 20, q0) != SC_OK) {
            return SC_MISMATCH;
        }
        for (size_t i = 0; i < chain->dof; i++) {
            if (!(fabs(q0[i] - seed[i]) <= SEED_NEAR)) {
                return SC_MISMATCH;
            }
        }
        sc_chain_fk(chain, q0, &at);
    }
    line->start = at;
    for (size_t i = 0; i < 3; i++) {
        line->twist[i] = request->goal.p[i] - at.p[i];
    }
    sc_rotation_difference(at.r, request->goal.r, line->twist + 3);
    return line->joints > 0 ? SC_OK : SC_BAD_ARGUMENT;
}

sc_status
sc_line_plan(const sc_chain *chain, const sc_limits *limits, const sc_line_request *request,
             const double *seed, sc_line_work *work, sc_spline *out, sc_line_failure *failure)
{
    assert(out->dof == chain->dof);
    double q0[SC_MAX_DOF], worst;
    failure->s = 0.0;
    sc_status status = prepare(chain, request, seed, work, q0);
    if (status != SC_OK) {
        return status;
    }
    if (sc_norm3(work->line.twist) < 1e-9 && sc_norm3(work->line.twist + 3) < 1e-9) {
        out->segments = 0;
        status = sc_spline_push_rest(out, 0.0, q0);
        sc_spline_close(out);
        return status;
    }
    status = sc_line_follow(limits, q0, work, failure);
    if (status != SC_OK) {
        return status;
    }
    sc_profile profile;
    law tool = tool_law(&work->line, request);
    status = choose_profile(work, limits, &tool, &profile);
    for (size_t refinement = 0; status == SC_OK; refinement++) {
        status = build(work, &profile, refinement, out, &worst);
        if (status == SC_OK && (worst <= DEVIATION || refinement >= REFINEMENTS)) {
            status = worst <= 4.0 * DEVIATION ? SC_OK : SC_SINGULAR;
            break;
        }
    }
    if (status != SC_OK) {
        return status == SC_NO_SPACE || status == SC_NOT_CONVERGED ? SC_SINGULAR : status;
    }
    sc_spline_close(out);
    for (size_t i = 0; i < out->dof; i++) {
        out->end[1][i] = out->end[2][i] = 0.0;
    }
    double factor;
    status = time_factor(out, limits, &profile, &tool, &factor, failure);
    if (status == SC_OK) {
        sc_spline_scale_time(out, factor);
    }
    return status;
}
