/* The barrier method's problem: values and derivatives of its rows, and one Newton step.
 *
 * Internal to sc_timing_barrier.c, sc_timing_values.c and sc_timing_newton.c; see there and
 * sc_timing.h for what the variables are.
 */
#ifndef SC_TIMING_NEWTON_H
#define SC_TIMING_NEWTON_H

#include "sc_timing.h"
#include "sc_timing_rows.h"

/* Where a node's columns lie in its row of grid->work. */
enum { LEFT_A, RIGHT_A, LEFT_B, RIGHT_B, A, B, ROOT, H0, H1, H2, G, D1, D2, DIAGONAL, STEP, KEPT };

typedef struct {
    const sc_timing_grid *grid;
    size_t width;       /* doubles per node in grid->work */
    size_t first, last; /* nodes with rows: those not at a rest */
    double relax;       /* the limits are multiplied by it: >= 1 */
    double weight;      /* of the barrier */
} problem;

static inline double *
node(const problem *p, size_t k)
{
    return p->grid->work + k * p->width;
}

static inline double
length_of(const sc_timing_grid *grid, size_t k)
{
    return grid->s[k + 1] - grid->s[k];
}

/* Sets the weights by which a and b at each node depend on the two coefficients around it. */
void sc_newton_weights(const problem *p);

/* Sets a, b and the root of a at all nodes from grid->v; false if some a is not positive. */
bool sc_newton_nodes(const problem *p);

/* The time that the law takes, by the mean of the speeds at both ends of each cell. */
double sc_newton_duration(const problem *p);

/* Time minus the weighted logarithms; sets the nodes; infinite outside the limits. */
double sc_newton_merit(const problem *p);

/* The largest value of a row over its limit, of the nodes as they are set. */
double sc_newton_worst(const problem *p);

/* One Newton step with backtracking; *value: the merit, updated. Returns the length taken, 0 if
 * none helps. *decrement: Newton's, or a NaN. O(cells). */
double sc_newton_step(const problem *p, double *value, double *decrement);

/* b' in a cell, and how it depends on v[k .. k + 2]. */
static inline double
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

static inline rest_cell
rest_of(const sc_timing_grid *grid, bool at_end)
{
    size_t n = grid->cells;
    double h = length_of(grid, at_end ? n - 1 : 0);
    rest_cell r = {at_end ? n : 0, at_end ? n - 1 : 1, 2.0 / 9.0 / (h * h),
                   at_end ? grid->J3 + (n - 1) * grid->lanes : grid->J3L};
    return r;
}

static inline jerk_row
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
static inline jerk_row
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

/* a in the middle of a cell that is not beside a rest. */
static inline double
middle_a(const problem *p, size_t k)
{
    return 0.25 * (node(p, k)[A] + node(p, k + 1)[A]) + 0.5 * p->grid->v[k + 1];
}

static inline double
middle_b(const problem *p, size_t k)
{
    return 0.5 * (node(p, k)[B] + node(p, k + 1)[B]);
}

#endif
