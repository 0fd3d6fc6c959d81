/* Symmetric positive definite block tridiagonal systems, by block Cholesky.
 *
 * Block k is size x size; it couples with the first `shared` unknowns of block k + 1.
 */
#ifndef SC_BLOCKS_H
#define SC_BLOCKS_H

#include <stddef.h>

#include "sc_status.h"

typedef struct {
    size_t count, size, shared;
    double *diagonal; /* count x size x size; the lower triangles are read and overwritten */
    double *coupling; /* (count - 1) x size x shared; overwritten */
    double *rhs;      /* count x size; becomes the solution */
} sc_blocks;

/* The doubles that one system needs. */
size_t sc_blocks_doubles(size_t count, size_t size, size_t shared);

/* Lays a system out in memory of that many doubles. */
sc_blocks sc_blocks_place(size_t count, size_t size, size_t shared, double *memory);

/* Sets everything to zero. */
void sc_blocks_clear(sc_blocks *blocks);

/* The Cholesky factor of the n x n matrix a, in its lower triangle. SC_NOT_CONVERGED: not positive
 * definite. */
sc_status sc_cholesky(double *a, size_t n);

/* x = L^-1 x for `columns` right-hand sides, x being n x columns. */
void sc_cholesky_forward(const double *l, size_t n, double *x, size_t columns);

/* x = L^-T x. */
void sc_cholesky_backward(const double *l, size_t n, double *x);

/* Solves in place. SC_NOT_CONVERGED: not positive definite. Cost: count x size^3. */
sc_status sc_blocks_solve(sc_blocks *blocks);

#endif
