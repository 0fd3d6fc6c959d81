/* Time-optimal motion along a geometric path (sc_path.h) under limits of the joints and the tool.
 *
 * The path parameter s is cut into cells. With a = (ds/dt)^2 as a function of s and b = d2s/dt2 =
 * a'/2, joint velocity is q' sqrt(a), acceleration q'' a + q' b, jerk sqrt(a) (q''' a + 3 q'' b +
 * q' b') (Bobrow, Dubowsky, Gibson 1985).
 *
 * Second order (sc_timing_reach.c): a is linear in each cell, but bent in its middle where the
 * velocity limits curve so. Backwards the largest controllable a
 * of every node, forwards the largest reachable one (Pham & Pham 2018, TOPP-RA); each of their
 * two-variable linear programs is solved exactly by Newton's method on its concave piecewise
 * linear slack, about one step per node.
 *
 * Third order (sc_timing_barrier.c): a is quadratic in each cell and once differentiable (b is
 * linear, the jerk's b' constant), in the cells at an end at rest proportional to |s - end|^(4/3),
 * which is constant jerk of s. A barrier method with a banded Newton system finds the shortest
 * time; the jerk rows are the true ones, on both ends of each cell.
 *
 * The law of s is then turned into quintics in time that meet position, velocity and acceleration
 * at all nodes (sc_timing_build.c). What they exceed between nodes is measured exactly, the cells
 * concerned get tighter rows and the problem is solved again; the last rest is taken out by
 * slowing the whole motion down, or, if it does not begin at rest, by a reserve.
 *
 * Pure, reentrant; the caller owns the memory.
 */
#ifndef SC_TIMING_H
#define SC_TIMING_H

#include "sc_chain.h"
#include "sc_spline.h"

#define SC_TIMING_CELLS 4000 /* most cells */
#define SC_TIMING_SPLITS 16  /* into how many quintics a cell may be cut */

typedef struct {
    const sc_spline *path;
    const sc_limits *limits;
    const sc_chain *chain; /* for tool_speed; NULL if that is infinite */
    double tool_speed;     /* largest speed of the tip [m/s] */
    double start[2];       /* ds/dt and d2s/dt2 at the start; the second counts with jerk only */
    double end_speed;      /* ds/dt at the end */
    bool with_jerk;
    size_t cells; /* least number of cells; 0: chosen by the path */
} sc_timing_request;

/* One cell's law of s: a = a0 + 2 b0 x + c x^2, x from its start; or, beside a rest, constant jerk
 * of s from (SC_RISING) or to (SC_FALLING) standstill, with a0 then the value at its other end. */
typedef enum { SC_SMOOTH = 0, SC_RISING, SC_FALLING } sc_timing_kind;

typedef struct {
    double a0, b0, c;
    sc_timing_kind kind;
} sc_timing_cell;

/* What the solvers work on; arrays of `cells` + 1 nodes, rows of `lanes` joints (dof rounded up
 * to a multiple of 8; the joints that do not exist have rows of zeros). Rows are relative to
 * their limits: a <= cap and |A1 b + A2 a| <= 1 at each node, and with the tables that end in M in
 * the middle of each cell; gain sqrt(a) |J3 a + J2 b + J1 c| <= 1 at both ends of each cell, J3
 * being J3L at its right end. */
typedef struct {
    size_t cells, lanes, dof;
    bool rest[2]; /* whether the motion starts, ends at rest */
    double *s, *cap, *capM;
    size_t *segment; /* of the path, per cell */
    double *A1, *A2, *J1, *J2, *J3, *J3L, *A1M, *A2M;
    double *gain;         /* of the jerk rows, per cell */
    double *a;            /* the second-order solution at the nodes */
    double *v;            /* coefficients of the third-order solution, cells + 2 */
    double *work;         /* cells + 2 rows of SC_TIMING_WORK(lanes) */
    sc_timing_cell *cell; /* the law found */
} sc_timing_grid;

#define SC_TIMING_TABLES 8
#define SC_TIMING_WORK(lanes) (6 * (lanes)) /* doubles of scratch per node */

/* What the result is like, and why there is none. */
typedef struct {
    size_t cells;
    int rounds;           /* how often the problem was solved */
    int steps;            /* Newton steps of the barrier method altogether */
    double slowed;        /* the factor of time that took the last excess out */
    double highest_start; /* for SC_LIMIT_EXCEEDED: the largest possible start speed */
    sc_violation worst;   /* for SC_LIMIT_EXCEEDED of a joint */
} sc_timing_report;

/* Cells that the request makes: what the memory must hold. At most SC_TIMING_CELLS, else 0. */
size_t sc_timing_count(const sc_timing_request *request);

/* Bytes of memory for a grid of so many cells and joints. */
size_t sc_timing_space(size_t cells, size_t dof);

/* The whole motion. memory: sc_timing_space bytes, aligned as malloc does. out: dof as the path,
 * capacity >= SC_TIMING_SPLITS * cells.
 * SC_LIMIT_EXCEEDED: start or end speed too high; SC_NOT_CONVERGED: no usable solution with so
 * few cells; SC_OUT_OF_LIMITS: the path leaves the position limits (report->worst). */
sc_status sc_timing_plan(const sc_timing_request *request, size_t cells, void *memory,
                         sc_spline *out, sc_timing_report *report);

/* --- the parts --- */

/* Fills grid from the request; the arrays lie in memory. */
sc_status sc_timing_fill(const sc_timing_request *request, size_t cells, void *memory,
                         sc_timing_grid *grid);

/* Second order: fills grid->a and grid->cell from start and end values of a. SC_LIMIT_EXCEEDED
 * with *highest = largest possible a at the start (or at the end, negated), SC_NOT_CONVERGED. */
sc_status sc_timing_reach(const sc_timing_grid *grid, double start, double end, double *highest);

/* Third order: fills grid->cell, from a and b at the start and a at the end (b = 0 there), values
 * at a rest being ignored. warm: begin at grid->v, which an earlier call left. steps: is raised by
 * the Newton steps. SC_LIMIT_EXCEEDED: the ends' speeds do not fit the limits. */
sc_status sc_timing_barrier(const sc_timing_grid *grid, double a, double b, double end, bool warm,
                            int *steps);

/* The largest value over its limit of velocity, acceleration and jerk in one cell. */
typedef struct {
    double ratio[3];
} sc_timing_excess;

/* The law in grid->cell as quintics in time, cut so finely that they are within 1e-7 of the path.
 * excess: grid->cells entries; exact where a value exceeds its limit by much, else an upper bound.
 * SC_NOT_CONVERGED: a cell would have to be cut into more than SC_TIMING_SPLITS. */
sc_status sc_timing_build(const sc_timing_request *request, const sc_timing_grid *grid,
                          sc_spline *out, sc_timing_excess *excess);

/* A cheap estimate of the same for a second-order law, without the tool's speed: by a few points
 * of each cell. */
void sc_timing_look(const sc_timing_request *request, const sc_timing_grid *grid,
                    sc_timing_excess *excess);

#endif
