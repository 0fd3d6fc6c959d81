/* Motion through waypoints: the problem, its solution as a spline, and the proof of its limits. */
#include "sc_through.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "sc_through_solver.h"

#define ATTEMPTS 10
#define TOLERANCE 1e-9 /* relative excess that is taken for rounding */

size_t
sc_through_doubles(size_t dof, size_t waypoints)
{
    return dof * waypoints + sc_through_memory(dof, waypoints - 1);
}

static bool
at_rest(const sc_through_ends *ends, size_t dof)
{
    for (size_t i = 0; i < dof; i++) {
        for (size_t order = 0; order < 2; order++) {
            if (ends->start[order][i] != 0.0 || ends->goal[order][i] != 0.0) {
                return false;
            }
        }
    }
    return true;
}

/* Narrows the limits by a share: of the position range on both sides, of the others. */
static void
set_limits(sc_through *problem, const sc_limits *limits, double position_share, double rate_share)
{
    for (size_t i = 0; i < problem->dof; i++) {
        double half = 0.5 * (limits->upper[i] - limits->lower[i]);
        problem->middle[i] = isfinite(half) ? 0.5 * (limits->upper[i] + limits->lower[i]) : 0.0;
        problem->limit[0][i] = half * (1.0 - position_share);
        problem->limit[1][i] = limits->velocity[i] * (1.0 - rate_share);
        problem->limit[2][i] = limits->acceleration[i] * (1.0 - rate_share);
        problem->limit[3][i] = limits->jerk[i] * (1.0 - rate_share);
    }
}

/* The bounds of the inner knots. Where `stands` is set, and at the end of a joint's range, the
 * joint stands and does not accelerate outwards, or it would swing out beyond. */
static void
bound_knots(sc_through *problem, const sc_limits *limits, const double *stands)
{
    size_t dof = problem->dof;
    for (size_t c = dof; c < problem->stretches * dof; c++) {
        sc_knot *knot = &problem->knots[c];
        double above = limits->upper[c % dof] - problem->waypoints[c];
        double below = problem->waypoints[c] - limits->lower[c % dof];
        bool still = fmin(above, below) <= TOLERANCE || stands[c] > 0.0;
        knot->most[0] = still ? 0.0 : 1.0;
        knot->most[1] = still ? 0.5 : 1.0;
        knot->middle[1] = !still ? 0.0 : above < below ? -0.5 : 0.5;
    }
}

/* Has a joint stand at both ends of every stretch in which it leaves its range. Returns whether
 * that is new anywhere. */
static bool
mark_stands(const sc_spline *spline, const sc_limits *limits, double *stands)
{
    bool news = false;
    for (size_t k = 0; k < spline->segments; k++) {
        double h = spline->breaks[k + 1] - spline->breaks[k];
        for (size_t i = 0; i < spline->dof; i++) {
            sc_extrema extrema = sc_extrema_none();
            double *knots = stands + k / SC_PIECES * spline->dof + i;
            sc_poly_extrema(spline->coeff + (k * spline->dof + i) * SC_POLY, h, 0.0, &extrema);
            bool out = extrema.lowest < limits->lower[i] || extrema.highest > limits->upper[i];
            if (out && !(knots[0] > 0.0 && knots[spline->dof] > 0.0)) {
                knots[0] = knots[spline->dof] = 1.0;
                news = true;
            }
        }
    }
    return news;
}

static void
set_ends(sc_through *problem, const sc_through_ends *ends)
{
    size_t dof = problem->dof;
    sc_knot *last = problem->knots + problem->stretches * dof;
    for (size_t i = 0; i < dof; i++) {
        for (size_t order = 0; order < 2; order++) {
            double most = problem->limit[order + 1][i];
            problem->knots[i].value[order] = ends->start[order][i] / most;
            last[i].value[order] = ends->goal[order][i] / most;
        }
    }
}

/* The pieces of one stretch of all joints; each begins where the one before it ended. */
static sc_status
push_stretch(const sc_through *p, size_t k, sc_spline *out)
{
    double state[SC_MAX_DOF][3], jerk[SC_MAX_DOF][SC_PIECES], coeff[SC_MAX_DOF * SC_POLY];
    double h = exp(p->best_log_time[k]), d = h / SC_PIECES;
    for (size_t i = 0; i < p->dof; i++) {
        const sc_knot *from = &p->knots[k * p->dof + i], *to = from + p->dof;
        const double *here = p->waypoints + k * p->dof + i;
        double v = p->limit[1][i] * h, a = p->limit[2][i] * h * h, u = p->limit[3][i] * h * h * h;
        double values[SC_COLUMNS] = {here[p->dof] - here[0], v * from->best[0], a * from->best[1],
                                     v * to->best[0], a * to->best[1]};
        for (size_t f = 0; f < SC_FREE; f++) {
            values[5 + f] = u * p->cells[k * p->dof + i].best[f];
        }
        state[i][0] = here[0];
        state[i][1] = values[1] / h;
        state[i][2] = values[2] / (h * h);
        for (size_t n = 0; n < SC_PIECES; n++) {
            jerk[i][n] = 0.0;
            for (size_t column = 0; column < SC_COLUMNS; column++) {
                jerk[i][n] += p->pieces->row[n][column] * values[column];
            }
            jerk[i][n] /= h * h * h;
        }
    }
    for (size_t n = 0; n < SC_PIECES; n++) {
        for (size_t i = 0; i < p->dof; i++) {
            double *c = coeff + i * SC_POLY, *s = state[i], j = jerk[i][n];
            c[0] = s[0];
            c[1] = s[1];
            c[2] = 0.5 * s[2];
            c[3] = j / 6.0;
            c[4] = c[5] = 0.0;
            s[0] += d * (s[1] + d * (0.5 * s[2] + d * j / 6.0));
            s[1] += d * (s[2] + d * 0.5 * j);
            s[2] += d * j;
        }
        sc_status status = sc_spline_push(out, d, coeff);
        if (status != SC_OK) {
            return status;
        }
    }
    return SC_OK;
}

/* The factor by which time must be scaled so that all limits but the positions' are just kept. */
static double
time_factor(const sc_spline *spline, const sc_limits *limits)
{
    double factor = 0.0;
    for (size_t i = 0; i < spline->dof; i++) {
        sc_extrema extrema = sc_spline_extrema(spline, i);
        factor = fmax(factor, extrema.largest[0] / limits->velocity[i]);
        factor = fmax(factor, sqrt(extrema.largest[1] / limits->acceleration[i]));
        factor = fmax(factor, cbrt(extrema.largest[2] / limits->jerk[i]));
    }
    return factor;
}

static sc_status
fill(const sc_through *p, const sc_through_ends *ends, const sc_limits *limits, sc_spline *out)
{
    out->segments = 0;
    for (size_t k = 0; k < p->stretches; k++) {
        sc_status status = push_stretch(p, k, out);
        if (status != SC_OK) {
            return status;
        }
    }
    if (p->may_scale) {
        sc_spline_scale_time(out, time_factor(out, limits));
    }
    for (size_t i = 0; i < p->dof; i++) {
        out->end[0][i] = p->waypoints[p->stretches * p->dof + i];
        out->end[1][i] = ends->goal[0][i];
        out->end[2][i] = ends->goal[1][i];
    }
    return SC_OK;
}

sc_status
sc_through_plan(size_t count, const double *waypoints, const sc_through_ends *ends,
                const sc_limits *limits, double *work, sc_spline *out, sc_violation *worst)
{
    assert(count >= 2 && out->dof >= 1 && out->dof <= SC_MAX_DOF);
    sc_pieces pieces;
    sc_pieces_init(&pieces);
    sc_through problem = {.dof = out->dof,
                          .stretches = count - 1,
                          .waypoints = waypoints,
                          .may_scale = at_rest(ends, out->dof),
                          .pieces = &pieces};
    double position_share = 0.0, rate_share = 0.0, *stands = work;
    sc_status status = SC_NOT_CONVERGED;
    memset(stands, 0, count * out->dof * sizeof(double));
    for (size_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        set_limits(&problem, limits, position_share, rate_share);
        sc_through_place(&problem, work + count * out->dof);
        set_ends(&problem, ends);
        bound_knots(&problem, limits, stands);
        status = sc_through_solve(&problem);
        status = status == SC_OK ? fill(&problem, ends, limits, out) : status;
        status = status == SC_OK ? sc_spline_check(out, limits, TOLERANCE, true, worst) : status;
        if (status != SC_LIMIT_EXCEEDED) {
            break;
        }
        /* Between two nodes the motion may go further than at them: leave room for that. */
        if (worst->quantity == SC_POSITION && !mark_stands(out, limits, stands)) {
            position_share += 2.0 * (worst->excess - 1.0) / problem.limit[0][worst->joint];
        }
        else if (worst->quantity != SC_POSITION) {
            rate_share += 1.5 * (worst->excess - 1.0);
        }
        if (!(position_share < 0.5 && rate_share < 0.5)) {
            break;
        }
    }
    return status;
}
