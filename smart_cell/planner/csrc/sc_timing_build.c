/* From the law of s to quintics in time, and what they exceed (see sc_timing.h). */
#include "sc_timing.h"

#define DEVIATION 1e-7  /* [rad or m] of a quintic's middle from the path */
#define JERK_ERROR 1e-3 /* of the limit, by the quintic instead of the path's own law */
#define ACCELERATION_ERROR 1e-5
#define BEZIER_ENOUGH 3e-4 /* excess up to which the Bezier bound, about 4/3 of it, will do */
#define LOOKS 4            /* parts of a second-order cell between which its law is looked at */
#define TOOL_POINTS 6      /* intervals of a quintic between which the tool's speed is looked at */

/* The larger one; unlike fmax inlined everywhere, and not for what is not a number. */
static inline double
larger(double a, double b)
{
    return a > b ? a : b;
}

/* A point of the law, and the joints there. */
typedef struct {
    double s, rate[2]; /* ds/dt, d2s/dt2 */
    double q[SC_MAX_DOF], v[SC_MAX_DOF], a[SC_MAX_DOF];
} law_point;

/* s and its rates at share f of a cell: of its length, beside a rest of its time. */
static void
law_at(const sc_timing_grid *grid, size_t k, double f, law_point *out)
{
    const sc_timing_cell *cell = &grid->cell[k];
    double h = grid->s[k + 1] - grid->s[k], x = f * h, y = 1.0 - f;
    switch (cell->kind) {
    case SC_SMOOTH:
        out->s = grid->s[k] + x;
        out->rate[0] = sqrt(fmax(cell->a0 + x * (2.0 * cell->b0 + x * cell->c), 0.0));
        out->rate[1] = cell->b0 + x * cell->c;
        break;
    case SC_RISING:
        out->s = grid->s[k] + h * f * f * f;
        out->rate[0] = sqrt(cell->a0) * f * f;
        out->rate[1] = 2.0 / 3.0 * cell->a0 / h * f;
        break;
    case SC_FALLING:
        out->s = grid->s[k + 1] - h * y * y * y;
        out->rate[0] = sqrt(cell->a0) * y * y;
        out->rate[1] = -2.0 / 3.0 * cell->a0 / h * y;
        break;
    }
}

/* Time between two points of a cell. Where d2s/dt2 is linear in s with slope c, the distance is
 * the sum of both speeds times tanh(sqrt(c) t / 2) / sqrt(c). */
static double
time_between(const sc_timing_cell *cell, double ds, const law_point *a, const law_point *b,
             double share)
{
    if (cell->kind != SC_SMOOTH) {
        return share * 3.0 * ds / sqrt(cell->a0);
    }
    double r = (b->s - a->s) / (a->rate[0] + b->rate[0]), y = cell->c * r * r, root;
    if (fabs(y) < 1e-3) {
        return 2.0 * r * (1.0 + y * (1.0 / 3.0 + y * (1.0 / 5.0 + y * (1.0 / 7.0 + y / 9.0))));
    }
    root = sqrt(fabs(y));
    return 2.0 * r * (y > 0.0 ? atanh(root) : atan(root)) / root;
}

/* The joints at a point of the law, by one segment of the path. */
static void
joints_at(const sc_spline *path, size_t segment, law_point *p)
{
    const double *c = path->coeff + segment * path->dof * SC_POLY;
    double x = p->s - path->breaks[segment];
    double squared = p->rate[0] * p->rate[0];
    for (size_t i = 0; i < path->dof; i++, c += SC_POLY) {
        double state[4];
        sc_poly_state(c, x, state);
        p->q[i] = state[0];
        p->v[i] = state[1] * p->rate[0];
        p->a[i] = state[1] * p->rate[1] + state[2] * squared;
    }
}

/* Middle of the quintic between two states. */
static double
middle(double p0, double p1, double v0, double v1, double a0, double a1, double h)
{
    return 0.5 * (p0 + p1) + h * (5.0 / 32.0 * (v0 - v1) + h / 64.0 * (a0 + a1));
}

/* Whether the quintic between two points is as close to the path as it must be. */
static bool
is_close(const sc_timing_request *request, size_t segment, const law_point *a, const law_point *b,
         double h)
{
    const sc_spline *path = request->path;
    const double *c = path->coeff + segment * path->dof * SC_POLY;
    double s = middle(a->s, b->s, a->rate[0], b->rate[0], a->rate[1], b->rate[1], h);
    double x = s - path->breaks[segment];
    for (size_t i = 0; i < path->dof; i++, c += SC_POLY) {
        double should = c[0] + x * (c[1] + x * (c[2] + x * (c[3] + x * (c[4] + x * c[5]))));
        double is = middle(a->q[i], b->q[i], a->v[i], b->v[i], a->a[i], b->a[i], h);
        /* an error e in the middle is one of 384 e / h^3 in the jerk at both ends */
        double allowed = request->with_jerk
                             ? JERK_ERROR / 384.0 * request->limits->jerk[i] * h * h * h
                             : ACCELERATION_ERROR / 32.0 * request->limits->acceleration[i] * h * h;
        double rounding = 4e-16 * (fabs(should) + 1.0);
        if (!(fabs(is - should) <= (allowed < DEVIATION ? allowed : DEVIATION) + rounding)) {
            return false;
        }
    }
    return true;
}

/* Raises the ratios by one joint's quintic: by the Bezier coefficients of its derivatives, and
 * where these exceed the limit by much exactly. */
static void
measure(const double *c, double h, const double limit[3], sc_timing_excess *excess)
{
    double v1 = 0.5 * c[2] * h, v2 = 0.5 * c[3] * h * h, v3 = c[4] * h * h * h;
    double v4 = 5.0 * c[5] * h * h * h * h;
    const double bezier[3][5] = {
        {c[1], c[1] + v1, c[1] + 2.0 * v1 + v2, c[1] + 3.0 * v1 + 3.0 * v2 + v3,
         c[1] + 4.0 * v1 + 6.0 * v2 + 4.0 * v3 + v4},
        {2.0 * c[2], 2.0 * (c[2] + c[3] * h), 2.0 * c[2] + 4.0 * h * (c[3] + c[4] * h),
         2.0 * c[2] + h * (6.0 * c[3] + h * (12.0 * c[4] + h * 20.0 * c[5])), 0.0},
        {6.0 * c[3], 6.0 * c[3] + 12.0 * c[4] * h, 6.0 * c[3] + h * (24.0 * c[4] + h * 60.0 * c[5]),
         0.0, 0.0}};
    for (size_t level = 0; level < 3; level++) {
        double most = 0.0;
        for (size_t m = 0; m + level < 5; m++) {
            most = larger(fabs(bezier[level][m]), most);
        }
        double ratio = most / limit[level];
        if (ratio > 1.0 + BEZIER_ENOUGH) {
            sc_extrema e = {-INFINITY, INFINITY, {INFINITY, INFINITY, INFINITY}, {0.0}};
            e.largest[level] = limit[level];
            sc_poly_extrema(c, h, 0.0, &e);
            ratio = e.largest[level] / limit[level];
        }
        excess->ratio[level] = larger(ratio, excess->ratio[level]);
    }
}

/* Speed of the tip over its limit: the largest at some points of a quintic, and what a parabola
 * through three of them may reach above. */
static double
tool_ratio(const sc_timing_request *request, const double *coeff, double h)
{
    double speed[TOOL_POINTS + 1], worst = 0.0, bend = 0.0;
    for (size_t point = 0; point <= TOOL_POINTS; point++) {
        sc_frame tip;
        double axes[6 * SC_MAX_DOF], velocity[3] = {0.0, 0.0, 0.0}, q[SC_MAX_DOF], v[SC_MAX_DOF];
        for (size_t i = 0; i < request->path->dof; i++) {
            double state[4];
            sc_poly_state(coeff + i * SC_POLY, h * (double)point / TOOL_POINTS, state);
            q[i] = state[0];
            v[i] = state[1];
        }
        sc_chain_jacobian(request->chain, q, &tip, axes);
        for (size_t i = 0; i < request->path->dof; i++) {
            for (size_t m = 0; m < 3; m++) {
                velocity[m] += axes[6 * i + m] * v[i];
            }
        }
        speed[point] = sc_norm3(velocity);
        worst = fmax(worst, speed[point]);
    }
    for (size_t point = 1; point < TOOL_POINTS; point++) {
        bend = fmax(bend, 2.0 * speed[point] - speed[point - 1] - speed[point + 1]);
    }
    return (worst + 0.125 * bend) / request->tool_speed;
}

static sc_status
push_piece(const sc_timing_request *request, const law_point *a, const law_point *b, double h,
           sc_spline *out, sc_timing_excess *excess)
{
    const sc_limits *limits = request->limits;
    double coeff[SC_MAX_DOF * SC_POLY];
    for (size_t i = 0; i < out->dof; i++) {
        const double from[3] = {a->q[i], a->v[i], a->a[i]};
        const double to[3] = {b->q[i], b->v[i], b->a[i]};
        const double limit[3] = {limits->velocity[i], limits->acceleration[i],
                                 request->with_jerk ? limits->jerk[i] : HUGE_VAL};
        sc_poly_quintic(from, to, h, coeff + i * SC_POLY);
        measure(coeff + i * SC_POLY, h, limit, excess);
    }
    if (request->chain != NULL) {
        excess->ratio[0] = larger(tool_ratio(request, coeff, h), excess->ratio[0]);
    }
    return sc_spline_push(out, h, coeff);
}

/* Appends one cell, cut into as many pieces as it needs. */
static sc_status
push_cell(const sc_timing_request *request, const sc_timing_grid *grid, size_t k, sc_spline *out,
          sc_timing_excess *excess)
{
    const sc_timing_cell *cell = &grid->cell[k];
    law_point points[SC_TIMING_SPLITS + 1];
    double times[SC_TIMING_SPLITS], ds = grid->s[k + 1] - grid->s[k];
    for (size_t parts = 1; parts <= SC_TIMING_SPLITS; parts *= 2) {
        bool close = true;
        double share = 1.0 / (double)parts;
        for (size_t m = 0; m <= parts && close; m++) {
            law_at(grid, k, (double)m * share, &points[m]);
            if (m == parts && k + 1 == grid->cells && grid->rest[1]) {
                points[m].rate[0] = 0.0; /* not the root of a rounding error */
            }
            joints_at(request->path, grid->segment[k], &points[m]);
            if (m > 0) {
                times[m - 1] = time_between(cell, ds, &points[m - 1], &points[m], share);
                close =
                    is_close(request, grid->segment[k], &points[m - 1], &points[m], times[m - 1]);
            }
        }
        if (!close && parts < SC_TIMING_SPLITS) {
            continue;
        }
        sc_status status = close ? SC_OK : SC_NOT_CONVERGED;
        for (size_t m = 0; m < parts && status == SC_OK; m++) {
            status = push_piece(request, &points[m], &points[m + 1], times[m], out, excess);
        }
        return status;
    }
    return SC_NOT_CONVERGED;
}

sc_status
sc_timing_build(const sc_timing_request *request, const sc_timing_grid *grid, sc_spline *out,
                sc_timing_excess *excess)
{
    out->segments = 0;
    for (size_t k = 0; k < grid->cells; k++) {
        sc_timing_excess none = {{0.0, 0.0, 0.0}};
        excess[k] = none;
        sc_status status = push_cell(request, grid, k, out, &excess[k]);
        if (status != SC_OK) {
            return status;
        }
    }
    sc_spline_close(out);
    for (size_t i = 0; i < out->dof; i++) {
        out->end[0][i] = request->path->end[0][i];
    }
    return SC_OK;
}

/* The same of one cell by looking at a few of its points; inverse: 1 / limit of velocity and
 * acceleration. Where a is linear the solver has looked at both ends. */
static sc_timing_excess
look_at(const sc_timing_request *request, const sc_timing_grid *grid, size_t k,
        double inverse[2][SC_MAX_DOF])
{
    const sc_spline *path = request->path;
    const sc_timing_cell *cell = &grid->cell[k];
    const double *coeff = path->coeff + grid->segment[k] * path->dof * SC_POLY;
    double ds = grid->s[k + 1] - grid->s[k], from = grid->s[k] - path->breaks[grid->segment[k]];
    sc_timing_excess excess = {{0.0, 0.0, 0.0}};
    size_t ends = cell->c != 0.0 ? 0 : 1;
    for (size_t point = ends; point <= LOOKS - ends; point++) {
        double x = ds * (double)point / LOOKS, s = from + x, fastest = 0.0, hardest = 0.0;
        double a = cell->a0 + x * (2.0 * cell->b0 + x * cell->c), b = cell->b0 + x * cell->c;
        for (size_t i = 0; i < path->dof; i++) {
            double state[4];
            sc_poly_state(coeff + i * SC_POLY, s, state);
            fastest = larger(fabs(state[1]) * inverse[0][i], fastest);
            hardest = larger(fabs(state[1] * b + state[2] * a) * inverse[1][i], hardest);
        }
        excess.ratio[0] = larger(fastest * sqrt(fmax(a, 0.0)), excess.ratio[0]);
        excess.ratio[1] = larger(hardest, excess.ratio[1]);
    }
    return excess;
}

void
sc_timing_look(const sc_timing_request *request, const sc_timing_grid *grid,
               sc_timing_excess *excess)
{
    double inverse[2][SC_MAX_DOF];
    for (size_t i = 0; i < grid->dof; i++) {
        inverse[0][i] = 1.0 / request->limits->velocity[i];
        inverse[1][i] = 1.0 / request->limits->acceleration[i];
    }
    for (size_t k = 0; k < grid->cells; k++) {
        excess[k] = look_at(request, grid, k, inverse);
    }
}
