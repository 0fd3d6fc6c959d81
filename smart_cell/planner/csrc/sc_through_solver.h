/* The interior point solver behind sc_through: its unknowns and one iteration. */
#ifndef SC_THROUGH_SOLVER_H
#define SC_THROUGH_SOLVER_H

#include "sc_blocks.h"
#include "sc_linalg.h"
#include "sc_pieces.h"

/* A cell is one joint on one stretch; each row is a share of its limit and must lie in -1..1. Index
 * 0 of a pair is for the upper bound, 1 for the lower. */
typedef struct {
    double free[SC_FREE], best[SC_FREE];
    double slack[2][SC_ROWS], dual[2][SC_ROWS], slack_step[2][SC_ROWS], dual_step[2][SC_ROWS];
    double factor[SC_FREE * SC_FREE]; /* Cholesky factor of the free unknowns' Hessian */
    double coupling[SC_FREE * 6];     /* L^-1 times their coupling with the others, and gradient */
} sc_cell;

/* A knot is one joint at one waypoint: velocity and acceleration as shares of their limits. Each
 * may be off its middle by `most`; 0: it stays as it is. */
typedef struct {
    double value[2], best[2], middle[2], most[2];
    double slack[2][2], dual[2][2], slack_step[2][2], dual_step[2][2];
} sc_knot;

typedef struct {
    size_t dof, stretches;
    const double *waypoints;     /* (stretches + 1) x dof */
    double limit[4][SC_MAX_DOF]; /* half the position range, velocity, acceleration, jerk */
    double middle[SC_MAX_DOF];   /* of the position range */
    bool may_scale;              /* both ends at rest: time may be scaled */
    const sc_pieces *pieces;
    double *log_time, *best_log_time; /* of each stretch */
    sc_cell *cells;                   /* stretches x dof */
    sc_knot *knots;                   /* (stretches + 1) x dof */
    sc_blocks blocks;
    /* Of the present iterate. */
    double total;    /* sum of the durations */
    double residual; /* how far constraints and slacks are apart */
    double worst;    /* factor by which time must be scaled to keep all limits but positions */
    double outside;  /* how far positions are out of their range, as a share of half of it */
    double gap;      /* complementarity: bounds how much the total could still fall */
    double best;     /* the smallest total of an iterate, scaled until it keeps the limits */
} sc_through;

/* The doubles that a problem needs beyond the struct. */
size_t sc_through_memory(size_t dof, size_t stretches);

/* Lays the unknowns out in memory and puts them at the start, at rest at every waypoint; the caller
 * then sets the knots' values at both ends, and the bounds of all. */
void sc_through_place(sc_through *problem, double *memory);

/* Iterates until the gap is closed; `best` values are those of the best iterate.
 * SC_OK or SC_NOT_CONVERGED (then no iterate came near the constraints). */
sc_status sc_through_solve(sc_through *problem);

#endif
