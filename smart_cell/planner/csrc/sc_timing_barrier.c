/* Third-order timing: a log-barrier method on the coefficients of a (see sc_timing.h).
 *
 * The variables are the middle Bezier coefficients v[k + 1] of the cells k: those of a quadratic
 * B-spline, with one more beyond each end. a and b at node k depend on v[k] and v[k + 1] only. At
 * an end at rest the law of the first cell is fixed up to a factor, so that the second cell's
 * coefficient alone determines a and b at their common node; at a moving end both are given.
 * Either way v[2] .. v[cells - 1] are free. The Newton matrix has two diagonals beside its main
 * one; second derivatives of the jerk rows' roots are left out (Gauss-Newton).
 */
#include "sc_timing_newton.h"

#include <assert.h>

#define OUTER 40     /* most values of the barrier's weight */
#define INNER 40     /* Newton steps for each */
#define CENTRED 0.05 /* decrement per weight and cell that is near enough the central path */
#define OFF_CENTRE 5.0
#define SHRINK 0.1    /* of the weight */
#define GAP 3e-4      /* relative distance from the optimum to stop at */
#define BUMP 0.05     /* of a's larger end */
#define FIRMNESS 10.0 /* times the weight while the limits are relaxed */

/* A first guess: a bump between two rests; else what the speeds of the ends leave along the whole
 * path, and little more. */
static void
guess(const problem *p, double a, double end)
{
    const sc_timing_grid *grid = p->grid;
    size_t n = grid->cells;
    double total = grid->s[n], bump = INFINITY;
    for (size_t k = 0; k <= n; k++) {
        bump = fmin(bump, grid->cap[k]);
    }
    if (!grid->rest[0] || !grid->rest[1]) {
        bump = fmin(bump, BUMP * fmax(a, end));
    }
    for (size_t k = 2; k < n; k++) {
        double x = 0.5 * (grid->s[k - 1] + grid->s[k]) / total, y = 1.0 - x;
        double ends = a * pow(y, 4.0 / 3.0) * (1.0 + 4.0 / 3.0 * x) +
                      end * pow(x, 4.0 / 3.0) * (1.0 + 4.0 / 3.0 * y);
        grid->v[k] = ends + bump * pow(4.0 * x * y, 4.0 / 3.0);
    }
}

/* Scales the guess to a share of the limits, from rest to rest; else relaxes the limits until it
 * keeps them. */
static sc_status
make_feasible(problem *p, double share)
{
    const sc_timing_grid *grid = p->grid;
    if (!sc_newton_nodes(p)) {
        return SC_NOT_CONVERGED;
    }
    double worst = sc_newton_worst(p);
    if (!isfinite(worst)) {
        return SC_NOT_CONVERGED;
    }
    if (grid->rest[0] && grid->rest[1]) {
        double factor = worst > share ? share / worst : 1.0; /* rows go with a, or a^(3/2) */
        for (size_t k = 2; k < grid->cells; k++) {
            grid->v[k] *= factor;
        }
        return SC_OK;
    }
    p->relax = fmax(1.0, 1.1 * worst);
    return SC_OK;
}

/* Centres while the relaxed limits are drawn back to half their distance from the worst row; the
 * weight is raised where the duration pushes against them. SC_LIMIT_EXCEEDED if they never hold. */
static sc_status
draw_back(problem *p, int *steps)
{
    double weight = p->weight;
    p->weight *= FIRMNESS;
    for (int outer = 0; outer < OUTER && p->relax > 1.0; outer++) {
        double relax = p->relax, value = sc_newton_merit(p), worst = 0.0;
        for (int inner = 0; inner < INNER; inner++) {
            double decrement, length = sc_newton_step(p, &value, &decrement);
            ++*steps;
            p->relax = 1.0;
            worst = sc_newton_worst(p);
            p->relax = relax;
            if (worst < 0.95 || length == 0.0 || decrement < 0.3 * p->weight) {
                break;
            }
        }
        p->relax = worst < 0.95 ? 1.0 : fmin(relax, 0.5 * (worst + relax));
        if (p->relax > 0.97 * relax) {
            p->weight *= 4.0;
        }
    }
    p->weight = weight;
    return p->relax > 1.0 ? SC_LIMIT_EXCEEDED : SC_OK;
}

/* Follows the central path. SC_NOT_CONVERGED if Newton's method stops far from it. */
static sc_status
descend(problem *p, int *steps)
{
    double cells = (double)p->grid->cells, rows = 2.0 * cells * (double)(p->grid->dof + 1);
    for (int outer = 0; outer < OUTER; outer++) {
        double value = sc_newton_merit(p), decrement = INFINITY;
        for (int inner = 0; inner < INNER; inner++) {
            double length = sc_newton_step(p, &value, &decrement);
            ++*steps;
            if (length == 0.0 || decrement < CENTRED * p->weight * cells) {
                break;
            }
        }
        if (!(decrement < OFF_CENTRE * p->weight * cells)) {
            return SC_NOT_CONVERGED;
        }
        if (p->weight * rows < GAP * sc_newton_duration(p)) {
            return SC_OK;
        }
        p->weight *= SHRINK;
    }
    return SC_NOT_CONVERGED;
}

static void
write_cells(const problem *p)
{
    const sc_timing_grid *grid = p->grid;
    for (size_t k = 0; k < grid->cells; k++) {
        const double *left = node(p, k), *right = node(p, k + 1);
        sc_timing_cell cell = {left[A], left[B], (right[B] - left[B]) / length_of(grid, k),
                               SC_SMOOTH};
        if (k == 0 && grid->rest[0]) {
            cell = (sc_timing_cell){right[A], 0.0, 0.0, SC_RISING};
        }
        else if (k + 1 == grid->cells && grid->rest[1]) {
            cell = (sc_timing_cell){left[A], 0.0, 0.0, SC_FALLING};
        }
        grid->cell[k] = cell;
    }
}

sc_status
sc_timing_barrier(const sc_timing_grid *grid, double a, double b, double end, bool warm, int *steps)
{
    size_t n = grid->cells;
    problem p = {
        grid, SC_TIMING_WORK(grid->lanes), grid->rest[0] ? 1 : 0, grid->rest[1] ? n - 1 : n, 1.0,
        0.0};
    assert(n >= 4);
    sc_newton_weights(&p);
    grid->v[0] = grid->v[1] = grid->v[n] = grid->v[n + 1] = 1.0;
    if (!grid->rest[0]) {
        double h = length_of(grid, 0);
        grid->v[0] = a - b * h;
        grid->v[1] = a + b * h;
    }
    if (!grid->rest[1]) {
        grid->v[n] = grid->v[n + 1] = end;
    }
    if (!warm) {
        guess(&p, a, end);
    }
    sc_status status = make_feasible(&p, warm ? 0.995 : 0.5);
    if (status != SC_OK || !sc_newton_nodes(&p)) {
        return SC_NOT_CONVERGED;
    }
    p.weight = 0.1 * sc_newton_duration(&p) / (double)n * (warm ? 0.001 : 1.0);
    if (!isfinite(sc_newton_merit(&p))) {
        return SC_NOT_CONVERGED;
    }
    status = draw_back(&p, steps);
    if (status == SC_OK) {
        status = descend(&p, steps);
        write_cells(&p);
    }
    return status;
}
