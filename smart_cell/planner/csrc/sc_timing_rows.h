/* Rows of sc_timing_barrier.c over all joints at once: margins, worst values, derivatives.
 *
 * Loops over blocks of eight joints with no branch in them, which compilers turn into vectors.
 */
#ifndef SC_TIMING_ROWS_H
#define SC_TIMING_ROWS_H

#include <math.h>
#include <stddef.h>

#define SC_ROW_BLOCK 8

/* gain sqrt(a) (J3 a + J2 b + J1 c) for all joints. */
typedef struct {
    const double *J1, *J2, *J3;
    double gain, a, b, c, root;
} jerk_row;

/* First and second derivatives of -log(1 - w^2), summed over the joints, by a, b, c. */
typedef struct {
    double a, b, c, aa, ab, ac, bb, bc, cc;
} row_sums;

static inline double
sum_block(const double *x)
{
    return ((x[0] + x[4]) + (x[1] + x[5])) + ((x[2] + x[6]) + (x[3] + x[7]));
}

static inline double
dot_block(const double *x, const double *y)
{
    double product[SC_ROW_BLOCK];
    for (size_t i = 0; i < SC_ROW_BLOCK; i++) {
        product[i] = x[i] * y[i];
    }
    return sum_block(product);
}

/* The product of 1 - w^2, or -1 if a |w| is 1 or more. */
static inline double
block_margin(const double *w)
{
    double m[SC_ROW_BLOCK], least[4];
    for (size_t i = 0; i < SC_ROW_BLOCK; i++) {
        m[i] = 1.0 - w[i] * w[i];
    }
    for (size_t i = 0; i < 4; i++) {
        least[i] = m[i] < m[i + 4] ? m[i] : m[i + 4];
        m[i] *= m[i + 4];
    }
    double low = least[0] < least[1] ? least[0] : least[1];
    double high = least[2] < least[3] ? least[2] : least[3];
    return (low < high ? low : high) > 0.0 ? (m[0] * m[1]) * (m[2] * m[3]) : -1.0;
}

static inline void
jerk_block(const jerk_row *row, size_t at, double *w)
{
    double scale = row->gain * row->root;
    for (size_t i = 0; i < SC_ROW_BLOCK; i++) {
        w[i] = scale *
               (row->J3[at + i] * row->a + row->J2[at + i] * row->b + row->J1[at + i] * row->c);
    }
}

static inline double
jerk_row_margin(const jerk_row *row, size_t lanes)
{
    double result = 1.0, w[SC_ROW_BLOCK];
    for (size_t at = 0; at < lanes && result > 0.0; at += SC_ROW_BLOCK) {
        jerk_block(row, at, w);
        double margin = block_margin(w);
        result = margin > 0.0 ? result * margin : -1.0;
    }
    return result;
}

static inline double
block_worst(const double *w)
{
    double worst = 0.0;
    for (size_t i = 0; i < SC_ROW_BLOCK; i++) {
        worst = fmax(worst, fabs(w[i]));
    }
    return worst;
}

static inline double
jerk_row_worst(const jerk_row *row, size_t lanes)
{
    double worst = 0.0, w[SC_ROW_BLOCK];
    for (size_t at = 0; at < lanes; at += SC_ROW_BLOCK) {
        jerk_block(row, at, w);
        worst = fmax(worst, block_worst(w));
    }
    return worst;
}

static inline void
jerk_row_sums(const jerk_row *row, size_t lanes, row_sums *out)
{
    row_sums sums = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
    double scale = row->gain * row->root, by_root = 0.5 / row->a;
    for (size_t at = 0; at < lanes; at += SC_ROW_BLOCK) {
        double w[SC_ROW_BLOCK], g[SC_ROW_BLOCK], da[SC_ROW_BLOCK], db[SC_ROW_BLOCK];
        double dc[SC_ROW_BLOCK], ha[SC_ROW_BLOCK], hb[SC_ROW_BLOCK], hc[SC_ROW_BLOCK];
        jerk_block(row, at, w);
        for (size_t i = 0; i < SC_ROW_BLOCK; i++) {
            double r = 1.0 / (1.0 - w[i] * w[i]), h = 2.0 * (1.0 + w[i] * w[i]) * r * r;
            g[i] = 2.0 * w[i] * r;
            da[i] = scale * row->J3[at + i] + w[i] * by_root;
            db[i] = scale * row->J2[at + i];
            dc[i] = scale * row->J1[at + i];
            ha[i] = h * da[i];
            hb[i] = h * db[i];
            hc[i] = h * dc[i];
        }
        sums.a += dot_block(g, da);
        sums.b += dot_block(g, db);
        sums.c += dot_block(g, dc);
        sums.aa += dot_block(ha, da);
        sums.ab += dot_block(ha, db);
        sums.ac += dot_block(ha, dc);
        sums.bb += dot_block(hb, db);
        sums.bc += dot_block(hb, dc);
        sums.cc += dot_block(hc, dc);
    }
    *out = sums;
}

/* The same for A1 b + A2 a. */
static inline double
linear_row_margin(const double *A1, const double *A2, double a, double b, size_t lanes)
{
    double result = 1.0, w[SC_ROW_BLOCK];
    for (size_t at = 0; at < lanes && result > 0.0; at += SC_ROW_BLOCK) {
        for (size_t i = 0; i < SC_ROW_BLOCK; i++) {
            w[i] = A1[at + i] * b + A2[at + i] * a;
        }
        double margin = block_margin(w);
        result = margin > 0.0 ? result * margin : -1.0;
    }
    return result;
}

static inline double
linear_row_worst(const double *A1, const double *A2, double a, double b, size_t lanes)
{
    double worst = 0.0;
    for (size_t i = 0; i < lanes; i++) {
        worst = fmax(worst, fabs(A1[i] * b + A2[i] * a));
    }
    return worst;
}

static inline void
linear_row_sums(const double *A1, const double *A2, double a, double b, double scale, size_t lanes,
                row_sums *out)
{
    row_sums sums = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
    for (size_t at = 0; at < lanes; at += SC_ROW_BLOCK) {
        double g[SC_ROW_BLOCK], da[SC_ROW_BLOCK], db[SC_ROW_BLOCK], ha[SC_ROW_BLOCK];
        double hb[SC_ROW_BLOCK];
        for (size_t i = 0; i < SC_ROW_BLOCK; i++) {
            double w = scale * (A1[at + i] * b + A2[at + i] * a), r = 1.0 / (1.0 - w * w);
            double h = 2.0 * (1.0 + w * w) * r * r;
            g[i] = 2.0 * w * r;
            da[i] = scale * A2[at + i];
            db[i] = scale * A1[at + i];
            ha[i] = h * da[i];
            hb[i] = h * db[i];
        }
        sums.a += dot_block(g, da);
        sums.b += dot_block(g, db);
        sums.aa += dot_block(ha, da);
        sums.ab += dot_block(ha, db);
        sums.bb += dot_block(hb, db);
    }
    *out = sums;
}

#endif
