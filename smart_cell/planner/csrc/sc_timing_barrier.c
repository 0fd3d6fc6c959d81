/* Third-order timing: a log-barrier method on the coefficients of a (see sc_timing.h).
 *
 * The variables are the middle Bezier coefficients v[k + 1] of the cells k: those of a quadratic
 * B-spline, with one more beyond each end. a and b at node k depend on v[k] and v[k + 1] only. At
 * an end at rest the law of the first cell is fixed up to a factor, so that the second cell's
 * coefficient alone determines a and b at their common node; at a moving end both are given.
 * Either way v[2] .. v[cells - 1] are free. The Newton matrix has two diagonals beside its main
 * one; second derivatives of the jerk rows' roots are left out (Gauss-Newton).
 */
#include "sc_timing.h"

#include <assert.h>
#include <string.h>

#include "sc_timing_rows.h"

#define OUTER 40 /* most values of the barrier's weight */
#define INNER 40 /* Newton steps for each */
#define HALVINGS 30
#define CENTRED 0.05 /* decrement per weight and cell that is near enough the central path */
#define OFF_CENTRE 5.0
#define SMALLEST_PIVOT 1e-14
#define SHRINK 0.1    /* of the weight */
#define GAP 3e-4      /* relative distance from the optimum to stop at */
#define FIRMNESS 10.0 /* times the weight while the limits are relaxed */

/* Where a node's columns lie in its row of grid->work. */
enum { LEFT_A, RIGHT_A, LEFT_B, RIGHT_B, A, B, ROOT, H0, H1, H2, G, D1, D2, DIAGONAL, STEP, KEPT };

typedef struct {
    const sc_timing_grid *grid;
    size_t width;       /* doubles per node in grid->work */
    size_t first, last; /* nodes with rows: those not at a rest */
    double relax;       /* the limits are multiplied by it: >= 1 */
    double weight;      /* of the barrier */
} problem;

static double *
node(const problem *p, size_t k)
{
    return p->grid->work + k * p->width;
}

static double
length_of(const sc_timing_grid *grid, size_t k)
{
    return grid->s[k + 1] - grid->s[k];
}

/* The weights by which a and b at each node depend on the two coefficients around it. */
static void
set_weights(const problem *p)
{
    const sc_timing_grid *grid = p->grid;
    size_t n = grid->cells;
    for (size_t k = 0; k <= n; k++) {
        double before = length_of(grid, k > 0 ? k - 1 : 0),
               after = length_of(grid, k < n ? k : k - 1);
        double *at = node(p, k), sum = before + after;
        at[LEFT_A] = after / sum;
        at[RIGHT_A] = before / sum;
        at[LEFT_B] = -1.0 / sum;
        at[RIGHT_B] = 1.0 / sum;
    }
    if (grid->rest[0]) {
        double *at = node(p, 1), h = length_of(grid, 0);
        at[RIGHT_A] = 1.0 / (1.0 + 2.0 / 3.0 * length_of(grid, 1) / h);
        at[RIGHT_B] = 2.0 / 3.0 * at[RIGHT_A] / h;
        at[LEFT_A] = at[LEFT_B] = 0.0;
    }
    if (grid->rest[1]) {
        double *at = node(p, n - 1), h = length_of(grid, n - 1);
        at[LEFT_A] = 1.0 / (1.0 + 2.0 / 3.0 * length_of(grid, n - 2) / h);
        at[LEFT_B] = -2.0 / 3.0 * at[LEFT_A] / h;
        at[RIGHT_A] = at[RIGHT_B] = 0.0;
    }
}

/* a, b and the root of a at all nodes; false if some a is not positive. */
static bool
set_nodes(const problem *p)
{
    const double *v = p->grid->v;
    for (size_t k = p->first; k <= p->last; k++) {
        double *at = node(p, k);
        at[A] = at[LEFT_A] * v[k] + at[RIGHT_A] * v[k + 1];
        at[B] = at[LEFT_B] * v[k] + at[RIGHT_B] * v[k + 1];
        if (!(at[A] > 0.0)) {
            return false;
        }
        at[ROOT] = sqrt(at[A]);
    }
    for (size_t k = 2; k < p->grid->cells; k++) {
        if (!(v[k] > 0.0)) {
            return false;
        }
    }
    return true;
}

/* The time that the law takes, by the mean of the speeds at both ends of each cell. */
static double
duration(const problem *p)
{
    const sc_timing_grid *grid = p->grid;
    double sum = 0.0;
    if (grid->rest[0]) {
        sum += 3.0 * length_of(grid, 0) / node(p, 1)[ROOT];
    }
    if (grid->rest[1]) {
        sum += 3.0 * length_of(grid, grid->cells - 1) / node(p, grid->cells - 1)[ROOT];
    }
    for (size_t k = p->first; k < p->last; k++) {
        sum += 2.0 * length_of(grid, k) / (node(p, k)[ROOT] + node(p, k + 1)[ROOT]);
    }
    return sum;
}

/* b' in a cell, and how it depends on v[k .. k + 2]. */
static double
curvature(const problem *p, size_t k, double slope[3])
{
    const double *left = node(p, k), *right = node(p, k + 1);
    double inverse = 1.0 / length_of(p->grid, k);
    slope[0] = -left[LEFT_B] * inverse;
    slope[1] = (right[LEFT_B] - left[RIGHT_B]) * inverse;
    slope[2] = right[RIGHT_B] * inverse;
    return (right[B] - left[B]) * inverse;
}

/* The jerk rows beside a rest: the node at the rest, that at the cell's other end, b' = rate * a
 * there, and the third derivatives at that end. */
typedef struct {
    size_t rest, moving;
    double rate;
    const double *third;
} rest_cell;

static rest_cell
rest_of(const sc_timing_grid *grid, bool at_end)
{
    size_t n = grid->cells;
    double h = length_of(grid, at_end ? n - 1 : 0);
    rest_cell r = {at_end ? n : 0, at_end ? n - 1 : 1, 2.0 / 9.0 / (h * h),
                   at_end ? grid->J3 + (n - 1) * grid->lanes : grid->J3L};
    return r;
}

static jerk_row
row_at(const problem *p, size_t k, const double *third, double gain, double c)
{
    const sc_timing_grid *grid = p->grid;
    const double *at = node(p, k);
    size_t from = k * grid->lanes;
    jerk_row row = {grid->J1 + from, grid->J2 + from, third, gain / p->relax,
                    at[A],           at[B],           c,     at[ROOT]};
    return row;
}

/* The row at the rest itself: only the jerk of s is not zero there. */
static jerk_row
row_at_rest(const problem *p, const rest_cell *r, double gain)
{
    static const double nothing[16] = {0.0};
    const double *at = node(p, r->moving);
    jerk_row row = {p->grid->J1 + r->rest * p->grid->lanes,
                    nothing,
                    nothing,
                    gain / p->relax,
                    at[A],
                    0.0,
                    r->rate * at[A],
                    at[ROOT]};
    return row;
}

/* The product of two margins, unless one of them says that its row does not hold. */
static double
both(double one, double two)
{
    return one > 0.0 && two > 0.0 ? one * two : -1.0;
}

/* The product of 1 - w^2 of a cell's jerk rows, or of a rest cell's; <= 0: one does not hold. */
static double
jerk_margin(const problem *p, size_t k)
{
    const sc_timing_grid *grid = p->grid;
    size_t lanes = grid->lanes;
    bool at_end = k + 1 == grid->cells;
    if ((k == 0 && grid->rest[0]) || (at_end && grid->rest[1])) {
        rest_cell r = rest_of(grid, at_end);
        jerk_row one = row_at_rest(p, &r, grid->gain[k]);
        jerk_row two = row_at(p, r.moving, r.third, grid->gain[k], r.rate * node(p, r.moving)[A]);
        return both(jerk_row_margin(&one, lanes), jerk_row_margin(&two, lanes));
    }
    double slope[3], c = curvature(p, k, slope);
    jerk_row left = row_at(p, k, grid->J3 + k * lanes, grid->gain[k], c);
    jerk_row right = row_at(p, k + 1, grid->J3L + k * lanes, grid->gain[k], c);
    return both(jerk_row_margin(&left, lanes), jerk_row_margin(&right, lanes));
}

/* a in the middle of a cell that is not beside a rest. */
static double
middle_a(const problem *p, size_t k)
{
    return 0.25 * (node(p, k)[A] + node(p, k + 1)[A]) + 0.5 * p->grid->v[k + 1];
}

static double
middle_b(const problem *p, size_t k)
{
    return 0.5 * (node(p, k)[B] + node(p, k + 1)[B]);
}

/* The product of the margins in the middles of cells that are not beside a rest. */
static double
middle_margin(const problem *p, size_t k)
{
    const sc_timing_grid *grid = p->grid;
    double a = middle_a(p, k), room = 1.0 - a / (grid->capM[k] * p->relax);
    size_t at = k * grid->lanes;
    if (!(room > 0.0)) {
        return -1.0;
    }
    return both(room, linear_row_margin(grid->A1M + at, grid->A2M + at, a / p->relax,
                                        middle_b(p, k) / p->relax, grid->lanes));
}

/* Time minus the weighted logarithms; infinite outside the limits. */
static double
merit(const problem *p)
{
    const sc_timing_grid *grid = p->grid;
    if (!set_nodes(p)) {
        return INFINITY;
    }
    double sum = 0.0, cap = p->relax;
    for (size_t k = 0; k < grid->cells; k++) {
        double margin = jerk_margin(p, k);
        if (!(margin > 0.0)) {
            return INFINITY;
        }
        sum += log(margin);
    }
    for (size_t k = 1; k < grid->cells; k++) {
        const double *at = node(p, k);
        double margin = linear_row_margin(grid->A1 + k * grid->lanes, grid->A2 + k * grid->lanes,
                                          at[A] / p->relax, at[B] / p->relax, grid->lanes);
        double room = 1.0 - at[A] / (grid->cap[k] * cap);
        if (!(margin > 0.0 && room > 0.0)) {
            return INFINITY;
        }
        sum += log(margin * room);
    }
    for (size_t k = p->first; k < p->last; k++) {
        double margin = middle_margin(p, k);
        if (!(margin > 0.0)) {
            return INFINITY;
        }
        sum += log(margin);
    }
    return duration(p) - p->weight * sum;
}

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
        double ga = 0.0, haa = 0.0, d = 0.5 / s, dd = -0.25 / (s * at[A]);
        bool beside_rest[2] = {k == 1 && grid->rest[0], k + 1 == grid->cells && grid->rest[1]};
        for (size_t side = 0; side < 2; side++) {
            if (beside_rest[side]) {
                double h = 3.0 * length_of(grid, side == 0 ? 0 : k);
                ga -= h / at[A] * d;
                haa += 2.0 * h / (at[A] * s) * d * d - h / at[A] * dd;
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
                ga += g * d;
                haa += curve * d * d + g * dd;
                if (side == 1) {
                    double cross = curve * d * (0.5 / other);
                    at[H1] += cross * at[LEFT_A] * next[LEFT_A];
                    at[H2] += cross * at[LEFT_A] * next[RIGHT_A];
                    next[H0] += 2.0 * cross * at[RIGHT_A] * next[LEFT_A];
                    next[H1] += cross * at[RIGHT_A] * next[RIGHT_A];
                }
            }
        }
        at[G] += ga * at[LEFT_A];
        next[G] += ga * at[RIGHT_A];
        at[H0] += haa * at[LEFT_A] * at[LEFT_A];
        at[H1] += haa * at[LEFT_A] * at[RIGHT_A];
        next[H0] += haa * at[RIGHT_A] * at[RIGHT_A];
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
static double
newton(const problem *p, double *value, double *decrement)
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
        double moved = merit(p);
        if (moved < *value - 1e-4 * length * *decrement) {
            *value = moved;
            return length;
        }
    }
    for (size_t k = 2; k < end; k++) {
        v[k] = node(p, k)[KEPT];
    }
    *value = merit(p);
    return 0.0;
}

/* The largest value of a row over its limit. */
static double
worst_ratio(problem *p)
{
    const sc_timing_grid *grid = p->grid;
    size_t lanes = grid->lanes;
    double worst = 0.0;
    for (size_t k = 1; k < grid->cells; k++) {
        const double *at = node(p, k);
        worst = fmax(worst, at[A] / grid->cap[k]);
        worst = fmax(worst, linear_row_worst(grid->A1 + k * lanes, grid->A2 + k * lanes, at[A],
                                             at[B], lanes));
    }
    for (size_t k = p->first; k < p->last; k++) {
        double a = middle_a(p, k);
        worst = fmax(worst, a / grid->capM[k]);
        worst = fmax(worst, linear_row_worst(grid->A1M + k * lanes, grid->A2M + k * lanes, a,
                                             middle_b(p, k), lanes));
    }
    for (size_t k = 0; k < grid->cells; k++) {
        bool at_end = k + 1 == grid->cells;
        jerk_row one, two;
        if ((k == 0 && grid->rest[0]) || (at_end && grid->rest[1])) {
            rest_cell r = rest_of(grid, at_end);
            one = row_at_rest(p, &r, grid->gain[k]);
            two = row_at(p, r.moving, r.third, grid->gain[k], r.rate * node(p, r.moving)[A]);
        }
        else {
            double slope[3], c = curvature(p, k, slope);
            one = row_at(p, k, grid->J3 + k * lanes, grid->gain[k], c);
            two = row_at(p, k + 1, grid->J3L + k * lanes, grid->gain[k], c);
        }
        worst = fmax(worst, fmax(jerk_row_worst(&one, lanes), jerk_row_worst(&two, lanes)));
    }
    return worst;
}

/* A first guess between the given ends: what is left of their speeds, and a bump. */
static void
guess(const problem *p, double a, double end)
{
    const sc_timing_grid *grid = p->grid;
    size_t n = grid->cells;
    double total = grid->s[n], bump = INFINITY;
    for (size_t k = 0; k <= n; k++) {
        bump = fmin(bump, grid->cap[k]);
    }
    for (size_t k = 2; k < n; k++) {
        double x = 0.5 * (grid->s[k - 1] + grid->s[k]) / total, y = 1.0 - x;
        double ends = a * y * y * y * (1.0 + 3.0 * x) + end * x * x * x * (1.0 + 3.0 * y);
        grid->v[k] = ends + bump * pow(4.0 * x * y, 4.0 / 3.0);
    }
}

/* Scales the guess to a share of the limits, from rest to rest; else relaxes the limits until it
 * keeps them. */
static sc_status
make_feasible(problem *p, double share)
{
    const sc_timing_grid *grid = p->grid;
    if (!set_nodes(p)) {
        return SC_NOT_CONVERGED;
    }
    double worst = worst_ratio(p);
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
        double relax = p->relax, value = merit(p), worst = 0.0;
        for (int inner = 0; inner < INNER; inner++) {
            double decrement, length = newton(p, &value, &decrement);
            ++*steps;
            p->relax = 1.0;
            worst = worst_ratio(p);
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
        double value = merit(p), decrement = INFINITY;
        for (int inner = 0; inner < INNER; inner++) {
            double length = newton(p, &value, &decrement);
            ++*steps;
            if (length == 0.0 || decrement < CENTRED * p->weight * cells) {
                break;
            }
        }
        if (!(decrement < OFF_CENTRE * p->weight * cells)) {
            return SC_NOT_CONVERGED;
        }
        if (p->weight * rows < GAP * duration(p)) {
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
    set_weights(&p);
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
    if (status != SC_OK || !set_nodes(&p)) {
        return SC_NOT_CONVERGED;
    }
    p.weight = 0.1 * duration(&p) / (double)n * (warm ? 0.001 : 1.0);
    if (!isfinite(merit(&p))) {
        return SC_NOT_CONVERGED;
    }
    status = draw_back(&p, steps);
    if (status == SC_OK) {
        status = descend(&p, steps);
        write_cells(&p);
    }
    return status;
}
