/* Values of the barrier method's rows (see sc_timing_newton.h). */
#include "sc_timing_newton.h"

/* The weights by which a and b at each node depend on the two coefficients around it. */
void
sc_newton_weights(const problem *p)
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
bool
sc_newton_nodes(const problem *p)
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
double
sc_newton_duration(const problem *p)
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
double
sc_newton_merit(const problem *p)
{
    const sc_timing_grid *grid = p->grid;
    if (!sc_newton_nodes(p)) {
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
    return sc_newton_duration(p) - p->weight * sum;
}

/* The largest value of a row over its limit. */
double
sc_newton_worst(const problem *p)
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
