/* Block Cholesky of block tridiagonal systems. */
#include "sc_blocks.h"

#include <math.h>
#include <string.h>

size_t
sc_blocks_doubles(size_t count, size_t size, size_t shared)
{
    return count * size * (size + shared + 1);
}

sc_blocks
sc_blocks_place(size_t count, size_t size, size_t shared, double *memory)
{
    sc_blocks blocks = {count, size, shared, memory, NULL, NULL};
    blocks.coupling = blocks.diagonal + count * size * size;
    blocks.rhs = blocks.coupling + count * size * shared;
    return blocks;
}

void
sc_blocks_clear(sc_blocks *blocks)
{
    size_t doubles = sc_blocks_doubles(blocks->count, blocks->size, blocks->shared);
    memset(blocks->diagonal, 0, doubles * sizeof(double));
}

sc_status
sc_cholesky(double *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = a[i * n + j];
            for (size_t k = 0; k < j; k++) {
                sum -= a[i * n + k] * a[j * n + k];
            }
            if (i != j) {
                a[i * n + j] = sum / a[j * n + j];
            }
            else if (sum > 0.0 && isfinite(sum)) {
                a[i * n + i] = sqrt(sum);
            }
            else {
                return SC_NOT_CONVERGED;
            }
        }
    }
    return SC_OK;
}

void
sc_cholesky_forward(const double *l, size_t n, double *x, size_t columns)
{
    for (size_t i = 0; i < n; i++) {
        double *row = x + i * columns;
        for (size_t k = 0; k < i; k++) {
            double f = l[i * n + k];
            for (size_t c = 0; c < columns; c++) {
                row[c] -= f * x[k * columns + c];
            }
        }
        for (size_t c = 0; c < columns; c++) {
            row[c] /= l[i * n + i];
        }
    }
}

void
sc_cholesky_backward(const double *l, size_t n, double *x)
{
    for (size_t i = n; i-- > 0;) {
        for (size_t j = i + 1; j < n; j++) {
            x[i] -= l[j * n + i] * x[j];
        }
        x[i] /= l[i * n + i];
    }
}

/* What block k leaves for block k + 1: its diagonal and right-hand side. */
static void
pass_on(sc_blocks *blocks, size_t k)
{
    size_t n = blocks->size, m = blocks->shared;
    const double *c = blocks->coupling + k * n * m, *b = blocks->rhs + k * n;
    double *next = blocks->diagonal + (k + 1) * n * n, *rhs = blocks->rhs + (k + 1) * n;
    for (size_t r = 0; r < n; r++) {
        for (size_t i = 0; i < m; i++) {
            double f = c[r * m + i];
            for (size_t j = 0; j <= i; j++) {
                next[i * n + j] -= f * c[r * m + j];
            }
            rhs[i] -= f * b[r];
        }
    }
}

static void
back_substitute(sc_blocks *blocks, size_t k)
{
    size_t n = blocks->size, m = blocks->shared;
    const double *l = blocks->diagonal + k * n * n, *c = blocks->coupling + k * n * m;
    double *x = blocks->rhs + k * n;
    for (size_t i = 0; k + 1 < blocks->count && i < n; i++) {
        for (size_t j = 0; j < m; j++) {
            x[i] -= c[i * m + j] * x[n + j];
        }
    }
    sc_cholesky_backward(l, n, x);
}

sc_status
sc_blocks_solve(sc_blocks *blocks)
{
    size_t n = blocks->size;
    for (size_t k = 0; k < blocks->count; k++) {
        double *diagonal = blocks->diagonal + k * n * n;
        sc_status status = sc_cholesky(diagonal, n);
        if (status != SC_OK) {
            return status;
        }
        sc_cholesky_forward(diagonal, n, blocks->rhs + k * n, 1);
        if (k + 1 < blocks->count) {
            sc_cholesky_forward(diagonal, n, blocks->coupling + k * n * blocks->shared,
                                blocks->shared);
            pass_on(blocks, k);
        }
    }
    for (size_t k = blocks->count; k-- > 0;) {
        back_substitute(blocks, k);
    }
    return SC_OK;
}
