/* The whole timing of a path: solve, build, tighten, slow down (see sc_timing.h). */
#include "sc_timing.h"

#define ROUNDS 7         /* solutions from rest to rest */
#define JERK_ROUNDS 4    /* the same with jerk */
#define MOVING_ROUNDS 10 /* where the ends' speeds forbid slowing down at the end */
#define ACCEPTED 2e-4    /* relative slowing down that is not worth another solution */
#define COARSE 1.02      /* a slowing down that tells of too few cells */
#define RESERVE 1e-3     /* by which a moving problem's rows are tightened too much */
#define RAMP 10.0        /* the inverse share of the path over which it comes about */
#define OVERDONE 0.5     /* share of an excess by which these are tightened too much */
#define POSITION_ROUNDING 1e-9

/* The first joint whose path leaves its position limits. */
static sc_status
check_positions(const sc_timing_request *request, sc_violation *worst)
{
    const sc_spline *path = request->path;
    for (size_t i = 0; i < path->dof; i++) {
        double low = request->limits->lower[i] - POSITION_ROUNDING;
        double high = request->limits->upper[i] + POSITION_ROUNDING;
        sc_extrema e = {low, high, {INFINITY, INFINITY, INFINITY}, {0.0}};
        for (size_t k = 0; k < path->segments; k++) {
            sc_poly_extrema(path->coeff + (k * path->dof + i) * SC_POLY,
                            path->breaks[k + 1] - path->breaks[k], path->breaks[k], &e);
        }
        if (e.lowest < low || e.highest > high) {
            bool below = e.lowest < low;
            sc_violation found = {i,
                                  SC_POSITION,
                                  below ? e.lowest : e.highest,
                                  below ? request->limits->lower[i] : request->limits->upper[i],
                                  e.when[below ? 0 : 1],
                                  0.0};
            *worst = found;
            return SC_OUT_OF_LIMITS;
        }
    }
    return SC_OK;
}

/* The factor of time that puts the motion inside its limits. */
static double
slowing(const sc_timing_excess *excess, size_t cells)
{
    double factor = 0.0;
    for (size_t k = 0; k < cells; k++) {
        factor = fmax(factor, excess[k].ratio[0]);
        factor = fmax(factor, sqrt(excess[k].ratio[1]));
        factor = fmax(factor, cbrt(excess[k].ratio[2]));
    }
    return factor;
}

static void
scale_rows(double *A1, double *A2, size_t lanes, double factor)
{
    for (size_t i = 0; i < lanes; i++) {
        A1[i] *= factor;
        A2[i] *= factor;
    }
}

/* Tightens the rows of a cell that exceeds a limit. */
static void
tighten_cell(const sc_timing_grid *grid, size_t k, const sc_timing_excess *excess)
{
    size_t at = k * grid->lanes;
    double velocity = excess->ratio[0], acceleration = excess->ratio[1];
    if (velocity > 1.0) {
        grid->capM[k] /= (velocity) * (velocity);
    }
    if (acceleration > 1.0) {
        scale_rows(grid->A1M + at, grid->A2M + at, grid->lanes, acceleration);
    }
    if (excess->ratio[2] > 1.0) {
        grid->gain[k] *= excess->ratio[2];
    }
}

/* Tightens all rows a little, so that the rest of an excess need not be slowed down; less towards
 * an end that moves, where the limits may be reached already. */
static void
reserve(const sc_timing_grid *grid)
{
    double total = grid->s[grid->cells];
    for (size_t k = 0; k <= grid->cells; k++) {
        double x = grid->s[k] / total, away = 1.0;
        away = grid->rest[0] ? away : fmin(away, RAMP * x);
        away = grid->rest[1] ? away : fmin(away, RAMP * (1.0 - x));
        double factor = 1.0 + RESERVE * away * away * away;
        sc_timing_excess all = {{factor, factor, factor}};
        size_t at = k * grid->lanes;
        if (k < grid->cells) {
            tighten_cell(grid, k, &all);
        }
        grid->cap[k] /= factor * factor;
        scale_rows(grid->A1 + at, grid->A2 + at, grid->lanes, factor);
    }
}

/* Raises every excess, so that a few solutions take all of it out. */
static void
overdo(sc_timing_excess *excess, size_t cells)
{
    for (size_t k = 0; k < cells; k++) {
        for (size_t level = 0; level < 3; level++) {
            double over = excess[k].ratio[level] - 1.0;
            excess[k].ratio[level] += over > 0.0 ? OVERDONE * over : 0.0;
        }
    }
}

/* Second order: cells whose bend exceeds the acceleration become straight, without more ado. */
static void
straighten(const sc_timing_grid *grid, sc_timing_excess *excess)
{
    for (size_t k = 0; k < grid->cells; k++) {
        if (grid->cell[k].c > 0.0 && excess[k].ratio[1] > 1.0) {
            grid->gain[k] = 0.0;
            excess[k].ratio[0] = excess[k].ratio[1] = 0.0;
        }
    }
}

/* Tightens the rows of all cells that exceed a limit. */
static void
tighten(const sc_timing_grid *grid, sc_timing_excess *excess, bool with_jerk)
{
    size_t n = grid->cells;
    if (!with_jerk) {
        straighten(grid, excess);
    }
    for (size_t k = 0; k < n; k++) {
        tighten_cell(grid, k, &excess[k]);
    }
    for (size_t k = 0; k <= n; k++) {
        double ratio[2];
        for (size_t level = 0; level < 2; level++) {
            ratio[level] = fmax(k > 0 ? excess[k - 1].ratio[level] : 0.0,
                                k < n ? excess[k].ratio[level] : 0.0);
        }
        if (ratio[0] > 1.0) {
            grid->cap[k] /= (ratio[0]) * (ratio[0]);
        }
        if (ratio[1] > 1.0) {
            size_t at = k * grid->lanes;
            scale_rows(grid->A1 + at, grid->A2 + at, grid->lanes, ratio[1]);
        }
    }
}

static sc_status
solve(const sc_timing_request *request, const sc_timing_grid *grid, double slowed,
      sc_timing_report *report)
{
    double start = request->start[0] * request->start[0];
    double end = request->end_speed * request->end_speed, highest = 0.0;
    bool first = report->rounds++ == 0;
    sc_status status = SC_OK;
    if (first || !request->with_jerk) {
        status = sc_timing_reach(grid, start, end, &highest);
        report->highest_start = highest < 0.0 ? -sqrt(-highest) : sqrt(highest);
    }
    if (status != SC_OK || !request->with_jerk) {
        return status;
    }
    bool warm = !first && grid->rest[0] && grid->rest[1];
    if (warm) {
        for (size_t k = 2; k < grid->cells; k++) {
            grid->v[k] /= slowed * slowed;
        }
    }
    return sc_timing_barrier(grid, start, request->start[1], end, warm, &report->steps);
}

sc_status
sc_timing_plan(const sc_timing_request *request, size_t cells, void *memory, sc_spline *out,
               sc_timing_report *report)
{
    sc_timing_grid grid;
    sc_timing_report none = {.cells = cells, .slowed = 1.0};
    *report = none;
    sc_status status = check_positions(request, &report->worst);
    if (status == SC_OK) {
        status = sc_timing_fill(request, cells, memory, &grid);
    }
    if (status != SC_OK) {
        return status;
    }
    bool rests = grid.rest[0] && grid.rest[1];
    if (!rests) {
        reserve(&grid);
    }
    sc_timing_excess *excess = (sc_timing_excess *)(void *)grid.work;
    double factor = 1.0, enough = rests ? 1.0 + ACCEPTED : 1.0 + 1e-9;
    int rounds = !rests ? MOVING_ROUNDS : request->with_jerk ? JERK_ROUNDS : ROUNDS;
    bool quick = rests && !request->with_jerk && request->chain == NULL;
    for (;;) {
        status = solve(request, &grid, factor, report);
        if (status == SC_OK && quick && report->rounds < rounds) {
            sc_timing_look(request, &grid, excess);
            factor = slowing(excess, cells);
            if (factor > enough) {
                overdo(excess, cells);
                tighten(&grid, excess, false);
                continue;
            }
        }
        if (status == SC_OK) {
            status = sc_timing_build(request, &grid, out, excess);
        }
        if (status != SC_OK) {
            return status;
        }
        factor = slowing(excess, cells);
        if (!(factor > enough) || report->rounds >= rounds) {
            break;
        }
        if (!rests) {
            overdo(excess, cells);
        }
        tighten(&grid, excess, request->with_jerk);
    }
    if (rests) {
        report->slowed = factor * (1.0 + 1e-10);
        sc_spline_scale_time(out, report->slowed);
        return factor <= COARSE ? SC_OK : SC_NOT_CONVERGED;
    }
    return factor <= enough ? SC_OK : SC_NOT_CONVERGED;
}
