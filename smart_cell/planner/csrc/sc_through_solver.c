/* Primal-dual interior point iterations for motion through waypoints. */
#include "sc_through_solver.h"

#include <math.h>
#include <string.h>

/* Local unknowns of a cell: velocity and acceleration at both ends, the free ones, log time. */
#define LOCAL (5 + SC_FREE)
#define LAST (LOCAL - 1)
#define ITERATIONS 100
#define CENTRING 0.2     /* share of the complementarity that is kept in a step */
#define TO_BOUNDARY 0.95 /* share of the way to the nearest bound that a step may go */
#define LARGEST_STEP 0.5 /* of a log time */
#define LEAST_SLACK 0.1  /* at the start */
#define GAP 1e-5         /* relative, at the end */
#define RESIDUAL 1e-7

static double
positive_minimum(double value, double limit)
{
    return value < limit ? value : limit;
}

/* By order of a row: what makes its columns shares of the limit, and their powers of time. */
static void
column_scales(const sc_through *p, size_t i, double h, double scale[4][SC_COLUMNS],
              double power[4][SC_COLUMNS])
{
    double powers[4] = {1.0, h, h * h, h * h * h};
    for (size_t order = 0; order < 4; order++) {
        double unit = 1.0 / (p->limit[order][i] * powers[order]);
        for (size_t column = 0; column < SC_COLUMNS; column++) {
            size_t kind = column == 0 ? 0 : column >= 5 ? 3 : 2 - column % 2;
            scale[order][column] = kind == 0 ? unit : p->limit[kind][i] * powers[kind] * unit;
            power[order][column] = (double)kind - (double)order;
        }
    }
}

/* Values and derivatives of a cell's rows at the present unknowns. */
static void
cell_rows(const sc_through *p, size_t k, size_t i, double g[SC_ROWS], double slope[][LOCAL])
{
    const sc_knot *from = &p->knots[k * p->dof + i], *to = from + p->dof;
    const double *here = p->waypoints + k * p->dof + i, *free = p->cells[k * p->dof + i].free;
    double values[SC_COLUMNS] = {here[p->dof] - here[0], from->value[0], from->value[1],
                                 to->value[0], to->value[1]};
    double scale[4][SC_COLUMNS], power[4][SC_COLUMNS];
    memcpy(values + 5, free, sizeof(p->cells->free));
    column_scales(p, i, exp(p->log_time[k]), scale, power);
    for (size_t row = 0; row < SC_ROWS; row++) {
        const double *c = p->pieces->row[row];
        size_t order = sc_row_order(row);
        double sum = order == 0 ? (here[0] - p->middle[i]) / p->limit[0][i] : 0.0, by_time = 0.0;
        for (size_t column = 0; column < SC_COLUMNS; column++) {
            double f = c[column] * scale[order][column], part = f * values[column];
            sum += part;
            by_time += part * power[order][column];
            slope[row][column == 0 ? LAST : column - 1] = f;
        }
        slope[row][LAST] = by_time;
        g[row] = sum;
    }
}

size_t
sc_through_memory(size_t dof, size_t stretches)
{
    return 2 * stretches + stretches * dof * (sizeof(sc_cell) / sizeof(double)) +
           (stretches + 1) * dof * (sizeof(sc_knot) / sizeof(double)) +
           sc_blocks_doubles(stretches + 1, 2 * dof + 1, 2 * dof);
}

/* The time in which a stretch from rest to rest with the jerk of least norm keeps the limits. */
static double
rest_time(const sc_through *p, size_t k)
{
    double time = 0.0;
    for (size_t i = 0; i < p->dof; i++) {
        double peak[4] = {0.0, 0.0, 0.0, 0.0};
        const double *here = p->waypoints + k * p->dof + i;
        for (size_t r = 0; r < SC_ROWS; r++) {
            size_t order = sc_row_order(r);
            peak[order] = fmax(peak[order], fabs(p->pieces->row[r][0]));
        }
        double distance = fabs(here[p->dof] - here[0]);
        time = fmax(time, distance * peak[1] / p->limit[1][i]);
        time = fmax(time, sqrt(distance * peak[2] / p->limit[2][i]));
        time = fmax(time, cbrt(distance * peak[3] / p->limit[3][i]));
    }
    return 1.05 * time;
}

void
sc_through_place(sc_through *p, double *memory)
{
    size_t m = p->stretches, cells = m * p->dof, knots = (m + 1) * p->dof;
    p->log_time = memory;
    p->best_log_time = memory + m;
    p->cells = (sc_cell *)(void *)(memory + 2 * m);
    p->knots = (sc_knot *)(void *)(p->cells + cells);
    p->blocks =
        sc_blocks_place(m + 1, 2 * p->dof + 1, 2 * p->dof, (double *)(void *)(p->knots + knots));
    memset(p->cells, 0, cells * sizeof(sc_cell));
    memset(p->knots, 0, knots * sizeof(sc_knot));
    for (size_t k = 0; k < m; k++) {
        p->log_time[k] = log(rest_time(p, k));
    }
}

/* Slacks away from zero, duals on the central path. */
static void
centre(const double *g, size_t count, double mu, double *slack, double *dual, size_t stride)
{
    for (size_t side = 0; side < 2; side++) {
        for (size_t r = 0; r < count; r++) {
            double s = fmax(side == 0 ? 1.0 - g[r] : 1.0 + g[r], LEAST_SLACK);
            slack[side * stride + r] = s;
            dual[side * stride + r] = mu / s;
        }
    }
}

static size_t
constraint_count(const sc_through *p)
{
    return 2 * p->dof * (p->stretches * SC_ROWS + 2 * (p->stretches - 1));
}

static void
start(sc_through *p)
{
    double g[SC_ROWS], slope[SC_ROWS][LOCAL], total = 0.0;
    for (size_t k = 0; k < p->stretches; k++) {
        total += exp(p->log_time[k]);
    }
    double mu = total / (double)constraint_count(p);
    for (size_t c = 0; c < p->stretches * p->dof; c++) {
        sc_cell *cell = &p->cells[c];
        cell_rows(p, c / p->dof, c % p->dof, g, slope);
        centre(g, SC_ROWS, mu, cell->slack[0], cell->dual[0], SC_ROWS);
    }
    for (size_t c = 0; c < (p->stretches + 1) * p->dof; c++) {
        sc_knot *knot = &p->knots[c];
        for (size_t order = 0; order < 2; order++) {
            double off = knot->value[order] - knot->middle[order];
            double share = knot->most[order] > 0.0 ? off / knot->most[order] : 0.0;
            centre(&share, 1, mu, knot->slack[order], knot->dual[order], 1);
        }
    }
    p->best = INFINITY;
}

static double
products(const double *a, const double *b, size_t count)
{
    double sum = 0.0;
    for (size_t r = 0; r < count; r++) {
        sum += a[r] * b[r];
    }
    return sum;
}

static void
measure_gap(sc_through *p)
{
    p->gap = p->total = 0.0;
    for (size_t k = 0; k < p->stretches; k++) {
        p->total += exp(p->log_time[k]);
    }
    for (size_t c = 0; c < p->stretches * p->dof; c++) {
        p->gap += products(p->cells[c].slack[0], p->cells[c].dual[0], 2 * SC_ROWS);
    }
    for (size_t c = 0; c < (p->stretches + 1) * p->dof; c++) {
        for (size_t order = 0; order < 2; order++) {
            if (p->knots[c].most[order] > 0.0) {
                p->gap += products(p->knots[c].slack[order], p->knots[c].dual[order], 2);
            }
        }
    }
}

/* Weight and gradient of one row in the condensed system; its residual counts. */
static void
weigh(sc_through *p, double g, const double slack[2], const double dual[2], double target,
      double *weight, double *gradient)
{
    *weight = *gradient = 0.0;
    for (size_t side = 0; side < 2; side++) {
        double sign = side == 0 ? 1.0 : -1.0, r = sign * g + slack[side] - 1.0;
        *weight += dual[side] / slack[side];
        *gradient += sign * (target + dual[side] * r) / slack[side];
        p->residual = fmax(p->residual, fabs(r));
    }
}

/* How much time must be stretched for a share of the limit of that order. */
static double
stretch(double share, size_t order)
{
    share = fabs(share);
    return order == 3 ? cbrt(share) : order == 2 ? sqrt(share) : order == 1 ? share : 0.0;
}

/* Hessian and gradient of a cell. */
static void
cell_system(sc_through *p, size_t c, double target, double hessian[LOCAL][LOCAL],
            double gradient[LOCAL])
{
    double g[SC_ROWS], slope[SC_ROWS][LOCAL];
    const sc_cell *cell = &p->cells[c];
    cell_rows(p, c / p->dof, c % p->dof, g, slope);
    memset(hessian, 0, LOCAL * sizeof(hessian[0]));
    memset(gradient, 0, LOCAL * sizeof(gradient[0]));
    for (size_t r = 0; r < SC_ROWS; r++) {
        double slack[2] = {cell->slack[0][r], cell->slack[1][r]};
        double dual[2] = {cell->dual[0][r], cell->dual[1][r]}, weight, pull;
        weigh(p, g[r], slack, dual, target, &weight, &pull);
        p->worst = fmax(p->worst, stretch(g[r], sc_row_order(r)));
        p->outside = sc_row_order(r) == 0 ? fmax(p->outside, fabs(g[r]) - 1.0) : p->outside;
        for (size_t a = 0; a < LOCAL; a++) {
            double f = weight * slope[r][a];
            gradient[a] += pull * slope[r][a];
            for (size_t b = 0; b < LOCAL; b++) { /* all of it: a loop of fixed length is faster */
                hessian[a][b] += f * slope[r][b];
            }
        }
    }
}

/* Eliminates a cell's free unknowns: outer and its gradient (index 5) are what is left of the
 * others (velocity and acceleration at both ends, log time). */
static sc_status
condense(sc_cell *cell, double hessian[LOCAL][LOCAL], const double gradient[LOCAL],
         double outer[5][6])
{
    static const size_t index[5] = {0, 1, 2, 3, LAST};
    for (size_t a = 0; a < SC_FREE; a++) {
        for (size_t b = 0; b <= a; b++) {
            cell->factor[a * SC_FREE + b] = hessian[4 + a][4 + b];
        }
        for (size_t b = 0; b < 5; b++) {
            cell->coupling[a * 6 + b] = hessian[4 + a][index[b]];
        }
        cell->coupling[a * 6 + 5] = gradient[4 + a];
    }
    sc_status status = sc_cholesky(cell->factor, SC_FREE);
    if (status != SC_OK) {
        return status;
    }
    sc_cholesky_forward(cell->factor, SC_FREE, cell->coupling, 6);
    for (size_t a = 0; a < 5; a++) {
        for (size_t b = 0; b < 6; b++) {
            double sum = b == 5 ? gradient[index[a]] : hessian[index[a]][index[b]];
            for (size_t f = 0; f < SC_FREE; f++) {
                sum -= cell->coupling[f * 6 + a] * cell->coupling[f * 6 + b];
            }
            outer[a][b] = sum;
        }
    }
    return SC_OK;
}

/* Adds a condensed cell to the blocks of its two waypoints. */
static void
scatter(sc_blocks *blocks, size_t k, size_t i, size_t dof, double outer[5][6])
{
    size_t n = blocks->size, at[5] = {i, dof + i, i, dof + i, 2 * dof};
    double *here = blocks->diagonal + k * n * n, *next = here + n * n;
    double *between = blocks->coupling + k * n * blocks->shared;
    double *rhs = blocks->rhs + k * n;
    for (size_t a = 0; a < 5; a++) {
        bool a_next = a == 2 || a == 3;
        (a_next ? rhs + n : rhs)[at[a]] -= outer[a][5];
        for (size_t b = 0; b < 5; b++) {
            bool b_next = b == 2 || b == 3;
            if (a_next == b_next) {
                (a_next ? next : here)[at[a] * n + at[b]] += outer[a][b];
            }
            else if (b_next) {
                between[at[a] * blocks->shared + at[b]] += outer[a][b];
            }
        }
    }
}

/* Takes an unknown of a block out of the system: it does not change. */
static void
fix(sc_blocks *blocks, size_t block, size_t at)
{
    size_t n = blocks->size, shared = blocks->shared;
    double *diagonal = blocks->diagonal + block * n * n;
    for (size_t b = 0; b < n; b++) {
        diagonal[at * n + b] = diagonal[b * n + at] = 0.0;
        if (block > 0 && at < shared) {
            blocks->coupling[((block - 1) * n + b) * shared + at] = 0.0;
        }
    }
    if (block + 1 < blocks->count) {
        memset(blocks->coupling + (block * n + at) * shared, 0, shared * sizeof(double));
    }
    diagonal[at * n + at] = 1.0;
    blocks->rhs[block * n + at] = 0.0;
}

/* The bounds of a knot's velocity and acceleration. */
static void
add_knot(sc_through *p, size_t c, double target)
{
    const sc_knot *knot = &p->knots[c];
    size_t n = p->blocks.size, block = c / p->dof;
    for (size_t order = 0; order < 2; order++) {
        size_t at = order * p->dof + c % p->dof;
        double most = knot->most[order], weight, pull;
        if (!(most > 0.0)) {
            fix(&p->blocks, block, at);
            continue;
        }
        weigh(p, (knot->value[order] - knot->middle[order]) / most, knot->slack[order],
              knot->dual[order], target, &weight, &pull);
        p->worst = fmax(p->worst, stretch(knot->value[order], order + 1));
        p->blocks.diagonal[block * n * n + at * (n + 1)] += weight / (most * most);
        p->blocks.rhs[block * n + at] -= pull / most;
    }
}

/* The condensed Newton system; also residual and worst of the present iterate. */
static sc_status
assemble(sc_through *p, double target)
{
    size_t n = p->blocks.size;
    sc_blocks_clear(&p->blocks);
    p->residual = p->worst = p->outside = 0.0;
    for (size_t c = 0; c < p->stretches * p->dof; c++) {
        double hessian[LOCAL][LOCAL], gradient[LOCAL], outer[5][6];
        cell_system(p, c, target, hessian, gradient);
        sc_status status = condense(&p->cells[c], hessian, gradient, outer);
        if (status != SC_OK) {
            return status;
        }
        scatter(&p->blocks, c / p->dof, c % p->dof, p->dof, outer);
    }
    for (size_t k = 0; k < p->stretches; k++) {
        double h = exp(p->log_time[k]);
        p->blocks.diagonal[k * n * n + n * n - 1] += h;
        p->blocks.rhs[k * n + n - 1] -= h;
    }
    for (size_t c = 0; c < (p->stretches + 1) * p->dof; c++) {
        add_knot(p, c, target);
    }
    fix(&p->blocks, p->stretches, n - 1); /* after the last waypoint there is no stretch */
    return SC_OK;
}

/* Steps of slacks and duals of `count` rows; shrinks how far primal and dual may go. */
static void
row_steps(const double *g, const double *dg, size_t count, double target, const double *slack,
          const double *dual, double *slack_step, double *dual_step, double reach[2])
{
    for (size_t side = 0; side < 2; side++) {
        double sign = side == 0 ? 1.0 : -1.0;
        for (size_t r = 0; r < count; r++) {
            double s = slack[side * count + r], z = dual[side * count + r];
            double ds = -(sign * (g[r] + dg[r]) + s - 1.0);
            double dz = (target - z * ds) / s - z;
            slack_step[side * count + r] = ds;
            dual_step[side * count + r] = dz;
            if (ds < 0.0) {
                reach[0] = positive_minimum(-TO_BOUNDARY * s / ds, reach[0]);
            }
            if (dz < 0.0) {
                reach[1] = positive_minimum(-TO_BOUNDARY * z / dz, reach[1]);
            }
        }
    }
}

/* The step of a cell's free unknowns (to its gradient column) and of its rows. */
static void
cell_step(sc_through *p, size_t c, double target, double reach[2])
{
    sc_cell *cell = &p->cells[c];
    size_t n = p->blocks.size, k = c / p->dof, i = c % p->dof;
    const double *here = p->blocks.rhs + k * n, *next = here + n;
    double outer[5] = {here[i], here[p->dof + i], next[i], next[p->dof + i], here[n - 1]};
    double g[SC_ROWS], dg[SC_ROWS], slope[SC_ROWS][LOCAL], step[SC_FREE];
    for (size_t f = 0; f < SC_FREE; f++) {
        step[f] = -cell->coupling[f * 6 + 5];
        for (size_t a = 0; a < 5; a++) {
            step[f] -= cell->coupling[f * 6 + a] * outer[a];
        }
    }
    sc_cholesky_backward(cell->factor, SC_FREE, step);
    cell_rows(p, k, i, g, slope);
    for (size_t r = 0; r < SC_ROWS; r++) {
        dg[r] = slope[r][LAST] * outer[4];
        for (size_t a = 0; a < LAST; a++) {
            dg[r] += slope[r][a] * (a < 4 ? outer[a] : step[a - 4]);
        }
    }
    row_steps(g, dg, SC_ROWS, target, cell->slack[0], cell->dual[0], cell->slack_step[0],
              cell->dual_step[0], reach);
    for (size_t f = 0; f < SC_FREE; f++) {
        cell->coupling[f * 6 + 5] = step[f];
    }
}

static void
move(double *values, const double *steps, size_t count, double by)
{
    for (size_t r = 0; r < count; r++) {
        values[r] += by * steps[r];
    }
}

/* Goes along the solution of the blocks as far as slacks and duals stay positive. */
static void
advance(sc_through *p, double target)
{
    size_t n = p->blocks.size, dof = p->dof;
    double reach[2] = {1.0, 1.0};
    for (size_t c = 0; c < p->stretches * dof; c++) {
        cell_step(p, c, target, reach);
    }
    for (size_t c = 0; c < (p->stretches + 1) * dof; c++) {
        sc_knot *knot = &p->knots[c];
        const double *x = p->blocks.rhs + c / dof * n + c % dof;
        for (size_t order = 0; order < 2; order++) {
            double most = knot->most[order];
            if (most > 0.0) {
                double share = (knot->value[order] - knot->middle[order]) / most;
                double change = x[order * dof] / most;
                row_steps(&share, &change, 1, target, knot->slack[order], knot->dual[order],
                          knot->slack_step[order], knot->dual_step[order], reach);
            }
        }
    }
    for (size_t k = 0; k < p->stretches; k++) {
        double change = fabs(p->blocks.rhs[k * n + n - 1]);
        reach[0] = change > 0.0 ? positive_minimum(LARGEST_STEP / change, reach[0]) : reach[0];
    }
    for (size_t c = 0; c < p->stretches * dof; c++) {
        sc_cell *cell = &p->cells[c];
        for (size_t f = 0; f < SC_FREE; f++) {
            cell->free[f] += reach[0] * cell->coupling[f * 6 + 5];
        }
        move(cell->slack[0], cell->slack_step[0], 2 * SC_ROWS, reach[0]);
        move(cell->dual[0], cell->dual_step[0], 2 * SC_ROWS, reach[1]);
    }
    for (size_t c = 0; c < (p->stretches + 1) * dof; c++) {
        sc_knot *knot = &p->knots[c];
        const double *x = p->blocks.rhs + c / dof * n + c % dof;
        knot->value[0] += reach[0] * x[0];
        knot->value[1] += reach[0] * x[dof];
        move(knot->slack[0], knot->slack_step[0], 4, reach[0]);
        move(knot->dual[0], knot->dual_step[0], 4, reach[1]);
    }
    for (size_t k = 0; k < p->stretches; k++) {
        p->log_time[k] += reach[0] * p->blocks.rhs[k * n + n - 1];
    }
}

/* Keeps the iterate if it is the best one: after scaling, or, where time can not be scaled, among
 * those that are as good as feasible. */
static void
keep_best(sc_through *p)
{
    bool counts = p->may_scale ? p->outside <= RESIDUAL : p->residual <= 10.0 * RESIDUAL;
    double reached = p->may_scale ? p->total * p->worst : p->total;
    if (!(counts && reached < p->best)) {
        return;
    }
    p->best = reached;
    memcpy(p->best_log_time, p->log_time, p->stretches * sizeof(double));
    for (size_t c = 0; c < p->stretches * p->dof; c++) {
        memcpy(p->cells[c].best, p->cells[c].free, sizeof(p->cells[c].free));
    }
    for (size_t c = 0; c < (p->stretches + 1) * p->dof; c++) {
        memcpy(p->knots[c].best, p->knots[c].value, sizeof(p->knots[c].value));
    }
}

sc_status
sc_through_solve(sc_through *p)
{
    start(p);
    for (size_t iteration = 0; iteration < ITERATIONS; iteration++) {
        measure_gap(p);
        double target = CENTRING * p->gap / (double)constraint_count(p);
        if (assemble(p, target) != SC_OK) {
            break;
        }
        keep_best(p);
        if (p->gap <= GAP * p->total && p->residual <= RESIDUAL) {
            break;
        }
        if (sc_blocks_solve(&p->blocks) != SC_OK) {
            break;
        }
        advance(p, target);
    }
    return isfinite(p->best) ? SC_OK : SC_NOT_CONVERGED;
}
