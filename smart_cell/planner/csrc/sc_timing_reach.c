/* Second-order timing: controllable and reachable a, node by node (see sc_timing.h). */
#include "sc_timing.h"

#define NEWTON_STEPS 40
#define STALLED 1e-10 /* of the largest a: below it the motion would stand still on the way */
#define TINY 1e-12    /* of the largest |A1|: what a row without A1 is divided by */

#define ROWS 3 /* at a node, in the middle of its cell, at the next node */

/* A cell's rows as b in [-H - B a, H - B a], a at its first node. */
typedef struct {
    double *H, *B; /* ROWS * lanes each */
} row_set;

static row_set
rows_of(const sc_timing_grid *grid, size_t k)
{
    double *at = grid->work + k * SC_TIMING_WORK(grid->lanes);
    row_set rows = {at, at + ROWS * grid->lanes};
    return rows;
}

/* Rows of |A1 b + A2 (a + step b)| <= 1. */
static inline void
set_rows(const double *A1, const double *A2, double step, double tiny, double *H, double *B,
         size_t lanes)
{
    for (size_t i = 0; i < lanes; i++) {
        double slope = A1[i] + step * A2[i], h = 1.0 / (fabs(slope) + tiny);
        H[i] = h;
        B[i] = A2[i] * copysign(h, slope);
    }
}

static inline void
prepare(const sc_timing_grid *grid, size_t k, double tiny, size_t lanes)
{
    row_set rows = rows_of(grid, k);
    double ds = grid->s[k + 1] - grid->s[k];
    size_t at = k * lanes, next = at + lanes;
    set_rows(grid->A1 + at, grid->A2 + at, 0.0, tiny, rows.H, rows.B, lanes);
    set_rows(grid->A1M + at, grid->A2M + at, ds, tiny, rows.H + lanes, rows.B + lanes, lanes);
    set_rows(grid->A1 + next, grid->A2 + next, 2.0 * ds, tiny, rows.H + 2 * lanes,
             rows.B + 2 * lanes, lanes);
}

/* Largest b that all rows allow at a. */
static inline double
upper(const row_set *rows, double a, size_t lanes)
{
    double least[8];
    for (size_t i = 0; i < 8; i++) {
        least[i] = rows->H[i] - rows->B[i] * a;
    }
    for (size_t at = 8; at < ROWS * lanes; at += 8) {
        for (size_t i = 0; i < 8; i++) {
            double h = rows->H[at + i] - rows->B[at + i] * a;
            least[i] = h < least[i] ? h : least[i];
        }
    }
    double result = least[0];
    for (size_t i = 1; i < 8; i++) {
        result = least[i] < result ? least[i] : result;
    }
    return result;
}

/* Least b likewise. */
static inline double
lower(const row_set *rows, double a, size_t lanes)
{
    double most[8];
    for (size_t i = 0; i < 8; i++) {
        most[i] = -rows->H[i] - rows->B[i] * a;
    }
    for (size_t at = 8; at < ROWS * lanes; at += 8) {
        for (size_t i = 0; i < 8; i++) {
            double h = -rows->H[at + i] - rows->B[at + i] * a;
            most[i] = h > most[i] ? h : most[i];
        }
    }
    double result = most[0];
    for (size_t i = 1; i < 8; i++) {
        result = most[i] > result ? most[i] : result;
    }
    return result;
}

/* Slope -B of the row that gives `value` at a; sign: +1 for an upper row, -1 for a lower one. */
static inline double
slope(const row_set *rows, double a, double value, double sign, size_t lanes)
{
    for (size_t i = 0; i < ROWS * lanes; i++) {
        if (sign * rows->H[i] - rows->B[i] * a == value) {
            return -rows->B[i];
        }
    }
    return 0.0;
}

/* Largest a in [0, cap] from which some b leads into [0, next]. */
static inline double
controllable(const row_set *rows, double cap, double next, double ds, size_t lanes)
{
    double a = cap, half = 0.5 / ds;
    for (int step = 0; step < NEWTON_STEPS; step++) {
        double high = upper(rows, a, lanes), low = lower(rows, a, lanes);
        double high_next = (next - a) * half, low_next = -a * half;
        bool by_next = high_next<high, to_zero = low_next> low;
        double slack = (by_next ? high_next : high) - (to_zero ? low_next : low);
        if (slack >= -1e-12 * (fabs(high) + fabs(low))) {
            return a;
        }
        double rate = (by_next ? -half : slope(rows, a, high, 1.0, lanes)) -
                      (to_zero ? -half : slope(rows, a, low, -1.0, lanes));
        if (!(rate < 0.0)) {
            return 0.0;
        }
        double moved = a - slack / rate;
        if (!(moved > 0.0)) {
            return 0.0;
        }
        if (!(moved < a)) {
            return a; /* rounding */
        }
        a = moved;
    }
    return a;
}

static inline void
backward(const sc_timing_grid *grid, double end, double tiny, size_t lanes)
{
    grid->a[grid->cells] = end;
    for (size_t k = grid->cells; k-- > 0;) {
        prepare(grid, k, tiny, lanes);
        row_set rows = rows_of(grid, k);
        grid->a[k] =
            controllable(&rows, grid->cap[k], grid->a[k + 1], grid->s[k + 1] - grid->s[k], lanes);
    }
}

static inline void
forward(const sc_timing_grid *grid, double start, size_t lanes)
{
    double a = start;
    grid->a[0] = start;
    for (size_t k = 0; k < grid->cells; k++) {
        row_set rows = rows_of(grid, k);
        double step = 2.0 * (grid->s[k + 1] - grid->s[k]);
        double reached = a + step * upper(&rows, a, lanes), most = grid->a[k + 1];
        reached = reached < most ? reached : most;
        a = reached > 0.0 ? reached : 0.0;
        grid->a[k + 1] = a;
    }
}

/* The law of a cell between the values at its nodes: linear, or, where the velocity limits lie
 * below its middle, bent down to them. */
static sc_timing_cell
cell_of(const sc_timing_grid *grid, size_t k)
{
    double ds = grid->s[k + 1] - grid->s[k], a0 = grid->a[k], a1 = grid->a[k + 1];
    double above = 0.5 * (a0 + a1) - grid->capM[k];
    double c = above > 0.0 && grid->gain[k] > 0.0 ? 4.0 * above / (ds * ds) : 0.0;
    sc_timing_cell cell = {a0, 0.5 * ((a1 - a0) / ds - c * ds), c, SC_SMOOTH};
    return cell;
}

sc_status
sc_timing_reach(const sc_timing_grid *grid, double start, double end, double *highest)
{
    size_t n = grid->cells;
    double tiny = 0.0, largest = 0.0;
    for (size_t i = 0; i < (n + 1) * grid->lanes; i++) {
        double size = fabs(grid->A1[i]);
        tiny = size > tiny ? size : tiny;
    }
    tiny = TINY * tiny + 1e-200;
    if (!(end <= grid->cap[n] * (1.0 + 1e-12))) {
        *highest = -grid->cap[n];
        return SC_LIMIT_EXCEEDED;
    }
    if (grid->lanes == 8) {
        backward(grid, end, tiny, 8);
    }
    else {
        backward(grid, end, tiny, 16);
    }
    if (!(start <= grid->a[0] * (1.0 + 1e-9))) {
        *highest = grid->a[0];
        return SC_LIMIT_EXCEEDED;
    }
    if (grid->lanes == 8) {
        forward(grid, start, 8);
    }
    else {
        forward(grid, start, 16);
    }
    for (size_t k = 0; k <= n; k++) {
        largest = fmax(largest, grid->a[k]);
    }
    for (size_t k = 1; k < n; k++) {
        if (!(grid->a[k] > STALLED * largest)) {
            return SC_NOT_CONVERGED;
        }
    }
    if (!(grid->a[n] >= end * (1.0 - 1e-9))) {
        *highest = -grid->a[n];
        return SC_LIMIT_EXCEEDED;
    }
    for (size_t k = 0; k < n; k++) {
        grid->cell[k] = cell_of(grid, k);
    }
    return SC_OK;
}
