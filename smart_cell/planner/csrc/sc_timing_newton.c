/* Derivatives of the barrier method's rows, and its Newton step (see sc_timing_newton.h). */
#include "sc_timing_newton.h"

#define HALVINGS 30
#define SMALLEST_PIVOT 1e-14

/* Adds the derivatives of a row, given by (a, b, c) and the dependence of these on v[k .. k + 2],
 * to gradient and matrix. */
static void
scatter(const problem *p, size_t k, const row_sums *sums, double map[3][3])
{
    double *rows[3] = {node(p, k), node(p, k + 1), node(p, k + 2)}, half[3][3];
    const double full[3][3] = {{sums->aa, sums->ab, sums->ac},
                               {sums->ab, sums->bb, sums->bc},
                               {sums->ac, sums->bc, sums->cc}};
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            half[i][j] = full[i][0] * map[0][j] + full[i][1] * map[1][j] + full[i][2] * map[2][j];
        }
    }
    double w = p->weight;
    for (size_t j = 0; j < 3; j++) {
        rows[j][G] += w * (sums->a * map[0][j] + sums->b * map[1][j] + sums->c * map[2][j]);
        for (size_t i = 0; i <= j; i++) {
            double value = map[0][i] * half[0][j] + map[1][i] * half[1][j] + map[2][i] * half[2][j];
            rows[i][H0 + (j - i)] += w * value;
        }
    }
}

/* Jerk rows of a cell beside a rest. */
static void
add_rest_cell(const problem *p, size_t k)
{
    const sc_timing_grid *grid = p->grid;
    bool at_end = k > 0;
    rest_cell r = rest_of(grid, at_end);
    const double *at = node(p, r.moving);
    size_t base = at_end ? r.moving - 1 : r.moving; /* of the three coefficients */
    double wa = at_end ? at[LEFT_A] : at[RIGHT_A], wb = at_end ? at[LEFT_B] : at[RIGHT_B];
    double map[3][3] = {{0.0}};
    map[0][1] = wa;
    map[1][1] = wb;
    map[2][1] = r.rate * wa;
    row_sums sums;
    jerk_row row = row_at_rest(p, &r, grid->gain[k]);
    jerk_row_sums(&row, grid->lanes, &sums);
    scatter(p, base, &sums, map);
    row = row_at(p, r.moving, r.third, grid->gain[k], r.rate * at[A]);
    jerk_row_sums(&row, grid->lanes, &sums);
    scatter(p, base, &sums, map);
}

/* Jerk rows of any other cell. */
static void
add_cell(const problem *p, size_t k)
{
    const sc_timing_grid *grid = p->grid;
    const double *left = node(p, k), *right = node(p, k + 1);
    size_t lanes = grid->lanes;
    double slope[3], c = curvature(p, k, slope);
    double from_left[3][3] = {{left[LEFT_A], left[RIGHT_A], 0.0},
                              {left[LEFT_B], left[RIGHT_B], 0.0},
                              {slope[0], slope[1], slope[2]}};
    double from_right[3][3] = {{0.0, right[LEFT_A], right[RIGHT_A]},
                               {0.0, right[LEFT_B], right[RIGHT_B]},
                               {slope[0], slope[1], slope[2]}};
    row_sums sums;
    jerk_row row = row_at(p, k, grid->J3 + k * lanes, grid->gain[k], c);
    jerk_row_sums(&row, lanes, &sums);
    scatter(p, k, &sums, from_left);
    row = row_at(p, k + 1, grid->J3L + k * lanes, grid->gain[k], c);
    jerk_row_sums(&row, lanes, &sums);
    scatter(p, k, &sums, from_right);
}

/* Derivatives of the duration: of the node's root, of two nodes' together. */
static void
add_duration(const problem *p)
{
    const sc_timing_grid *grid = p->grid;
    for (size_t k = p->first; k <= p->last; k++) {
        double *at = node(p, k), *next = node(p, k + 1), s = at[ROOT];
        double slope_a = 0.0, curve_a = 0.0, d = 0.5 / s, dd = -0.25 / (s * at[A]);
        bool beside_rest[2] = {k == 1 && grid->rest[0], k + 1 == grid->cells && grid->rest[1]};
        for (size_t side = 0; side < 2; side++) {
            if (beside_rest[side]) {
                double h = 3.0 * length_of(grid, side == 0 ? 0 : k);
                slope_a -= h / at[A] * d;
                curve_a += 2.0 * h / (at[A] * s) * d * d - h / at[A] * dd;
            }
        }
        {
            for (size_t side = 0; side < 2; side++) {
                if (side == 0 ? k == p->first : k == p->last) {
                    continue;
                }
                double other = (side == 0 ? node(p, k - 1) : next)[ROOT], sum = s + other;
                double h = 2.0 * length_of(grid, side == 0 ? k - 1 : k);
                double g = -h / (sum * sum), curve = 2.0 * h / (sum * sum * sum);
                slope_a += g * d;
                curve_a += curve * d * d + g * dd;
                if (side == 1) {
                    double cross = curve * d * (0.5 / other);
                    at[H1] += cross * at[LEFT_A] * next[LEFT_A];
                    at[H2] += cross * at[LEFT_A] * next[RIGHT_A];
                    next[H0] += 2.0 * cross * at[RIGHT_A] * next[LEFT_A];
                    next[H1] += cross * at[RIGHT_A] * next[RIGHT_A];
                }
            }
        }
        at[G] += slope_a * at[LEFT_A];
        next[G] += slope_a * at[RIGHT_A];
        at[H0] += curve_a * at[LEFT_A] * at[LEFT_A];
        at[H1] += curve_a * at[LEFT_A] * at[RIGHT_A];
        next[H0] += curve_a * at[RIGHT_A] * at[RIGHT_A];
    }
}

/* Acceleration rows and cap of the inner nodes. */
static void
add_nodes(const problem *p)
{
    const sc_timing_grid *grid = p->grid;
    size_t lanes = grid->lanes;
    for (size_t k = 1; k < grid->cells; k++) {
        const double *at = node(p, k);
        row_sums sums;
        linear_row_sums(grid->A1 + k * lanes, grid->A2 + k * lanes, at[A], at[B], 1.0 / p->relax,
                        lanes, &sums);
        double room = 1.0 / (grid->cap[k] * p->relax - at[A]);
        sums.a += room;
        sums.aa += room * room;
        double map[3][3] = {{at[LEFT_A], at[RIGHT_A], 0.0}, {at[LEFT_B], at[RIGHT_B], 0.0}};
        scatter(p, k, &sums, map);
    }
}

/* The same in the middles of cells. */
static void
add_middles(const problem *p)
{
    const sc_timing_grid *grid = p->grid;
    size_t lanes = grid->lanes;
    for (size_t k = p->first; k < p->last; k++) {
        const double *left = node(p, k), *right = node(p, k + 1);
        double a = middle_a(p, k);
        row_sums sums;
        linear_row_sums(grid->A1M + k * lanes, grid->A2M + k * lanes, a, middle_b(p, k),
                        1.0 / p->relax, lanes, &sums);
        double room = 1.0 / (grid->capM[k] * p->relax - a);
        sums.a += room;
        sums.aa += room * room;
        double map[3][3] = {
            {0.25 * left[LEFT_A], 0.25 * (left[RIGHT_A] + right[LEFT_A]) + 0.5,
             0.25 * right[RIGHT_A]},
            {0.5 * left[LEFT_B], 0.5 * (left[RIGHT_B] + right[LEFT_B]), 0.5 * right[RIGHT_B]}};
        scatter(p, k, &sums, map);
    }
}

static void
assemble(const problem *p)
{
    const sc_timing_grid *grid = p->grid;
    for (size_t k = 0; k <= grid->cells + 1; k++) {
        double *at = node(p, k);
        at[G] = at[H0] = at[H1] = at[H2] = 0.0;
    }
    add_duration(p);
    add_nodes(p);
    add_middles(p);
    for (size_t k = 0; k < grid->cells; k++) {
        if ((k == 0 && grid->rest[0]) || (k + 1 == grid->cells && grid->rest[1])) {
            add_rest_cell(p, k);
        }
        else {
            add_cell(p, k);
        }
    }
}

/* Solves for the step of v[2 .. cells - 1]; returns the decrement, or a NaN. */
static double
solve(const problem *p)
{
    size_t first = 2, end = p->grid->cells;
    double decrement = 0.0;
    for (size_t k = first; k < end; k++) {
        double *at = node(p, k), d = at[H0], u = at[H1], x = -at[G];
        if (k > first) {
            const double *before = node(p, k - 1);
            d -= before[D1] * before[D1] * before[DIAGONAL];
            u -= before[D1] * before[DIAGONAL] * before[D2];
            x -= before[D1] * before[STEP];
        }
        if (k > first + 1) {
            const double *before = node(p, k - 2);
            d -= before[D2] * before[D2] * before[DIAGONAL];
            x -= before[D2] * before[STEP];
        }
        d = d > SMALLEST_PIVOT * at[H0] ? d : SMALLEST_PIVOT * at[H0]; /* rounding */
        if (!(d > 0.0)) {
            return NAN;
        }
        at[DIAGONAL] = d;
        at[D1] = u / d;
        at[D2] = at[H2] / d;
        at[STEP] = x;
        decrement += x * x / d;
    }
    for (size_t k = end; k-- > first;) {
        double *at = node(p, k);
        at[STEP] /= at[DIAGONAL];
        if (k + 1 < end) {
            at[STEP] -= at[D1] * node(p, k + 1)[STEP];
        }
        if (k + 2 < end) {
            at[STEP] -= at[D2] * node(p, k + 2)[STEP];
        }
    }
    return decrement;
}

/* One Newton step with backtracking; *value: the merit, updated. Returns the length taken, 0 if
 * none helps; *decrement as solve. */
double
sc_newton_step(const problem *p, double *value, double *decrement)
{
    double *v = p->grid->v;
    size_t end = p->grid->cells;
    assemble(p);
    *decrement = solve(p);
    if (!(*decrement >= 0.0)) {
        return 0.0;
    }
    for (size_t k = 2; k < end; k++) {
        node(p, k)[KEPT] = v[k];
    }
    double length = 1.0;
    for (int i = 0; i < HALVINGS; i++, length *= 0.5) {
        for (size_t k = 2; k < end; k++) {
            const double *at = node(p, k);
            v[k] = at[KEPT] + length * at[STEP];
        }
        double moved = sc_newton_merit(p);
        if (moved < *value - 1e-4 * length * *decrement) {
            *value = moved;
            return length;
        }
    }
    for (size_t k = 2; k < end; k++) {
        v[k] = node(p, k)[KEPT];
    }
    *value = sc_newton_merit(p);
    return 0.0;
}
