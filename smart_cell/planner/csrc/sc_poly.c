/* Quintic polynomials: interpolation, shifting, exact extrema. */
#include "sc_poly.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

void
sc_poly_quintic(const double a[3], const double b[3], double h, double c[SC_POLY])
{
    assert(h > 0.0);
    double dp = (b[0] - a[0] - h * (a[1] + 0.5 * h * a[2])) / (h * h * h);
    double dv = (b[1] - a[1] - h * a[2]) / (h * h);
    double da = (b[2] - a[2]) / h;
    c[0] = a[0];
    c[1] = a[1];
    c[2] = 0.5 * a[2];
    c[3] = 10.0 * dp - 4.0 * dv + 0.5 * da;
    c[4] = (-15.0 * dp + 7.0 * dv - da) / h;
    c[5] = (6.0 * dp - 3.0 * dv + 0.5 * da) / (h * h);
}

void
sc_poly_cubic(const double a[2], const double b[2], double h, double c[SC_POLY])
{
    assert(h > 0.0);
    double slope = (b[0] - a[0]) / h;
    c[0] = a[0];
    c[1] = a[1];
    c[2] = (3.0 * slope - 2.0 * a[1] - b[1]) / h;
    c[3] = (a[1] + b[1] - 2.0 * slope) / (h * h);
    c[4] = c[5] = 0.0;
}

void
sc_poly_shift(const double c[SC_POLY], double x, double out[SC_POLY])
{
    double work[SC_POLY];
    memcpy(work, c, sizeof work);
    for (size_t i = 0; i + 1 < SC_POLY; i++) { /* repeated synthetic division */
        for (size_t k = SC_POLY - 1; k-- > i;) {
            work[k] += x * work[k + 1];
        }
    }
    memcpy(out, work, sizeof work);
}

static double
value(const double *c, size_t degree, double x)
{
    double sum = c[degree];
    for (size_t k = degree; k-- > 0;) {
        sum = sum * x + c[k];
    }
    return sum;
}

/* The zero of a polynomial that is monotone between low and high and changes sign there. */
static double
monotone_root(const double *c, size_t degree, double low, double high, double f_low)
{
    for (int step = 0; step < 60; step++) {
        double mid = 0.5 * (low + high);
        if (!(mid > low && mid < high)) {
            break;
        }
        double f = value(c, degree, mid);
        if ((f > 0.0) == (f_low > 0.0)) {
            low = mid;
        }
        else {
            high = mid;
        }
    }
    return 0.5 * (low + high);
}

/* Zeros of c in (0, h), given the ascending zeros `turns` of its derivative there; ascending. */
static size_t
zeros(const double *c, size_t degree, double h, const double *turns, size_t n, double *out)
{
    size_t found = 0;
    double low = 0.0, f_low = value(c, degree, 0.0);
    for (size_t k = 0; k <= n; k++) {
        double high = k < n ? turns[k] : h;
        double f_high = value(c, degree, high);
        if ((f_low > 0.0) != (f_high > 0.0) && f_low != 0.0) {
            out[found++] = monotone_root(c, degree, low, high, f_low);
        }
        low = high;
        f_low = f_high;
    }
    return found;
}

/* An upper bound of |c| on [0, h]. */
static double
bound(const double *c, size_t degree, double h)
{
    double sum = 0.0;
    for (size_t k = degree + 1; k-- > 0;) {
        sum = sum * h + fabs(c[k]);
    }
    return sum;
}

static void
widen(const double *c, size_t level, double x, double offset, sc_extrema *out)
{
    double f = value(c, SC_POLY - 1 - level, x);
    if (level > 0) {
        if (fabs(f) > out->largest[level - 1]) {
            out->largest[level - 1] = fabs(f);
            out->when[level + 1] = offset + x;
        }
        return;
    }
    if (f < out->lowest) {
        out->lowest = f;
        out->when[0] = offset + x;
    }
    if (f > out->highest) {
        out->highest = f;
        out->when[1] = offset + x;
    }
}

sc_extrema
sc_extrema_none(void)
{
    sc_extrema none = {INFINITY, -INFINITY, {0.0, 0.0, 0.0}, {0.0, 0.0, 0.0, 0.0, 0.0}};
    return none;
}

void
sc_poly_extrema(const double c[SC_POLY], double h, double offset, sc_extrema *out)
{
    double d[5][SC_POLY]; /* the polynomial and its derivatives up to the fourth */
    memcpy(d[0], c, SC_POLY * sizeof *c);
    bool needed[5] = {false};
    for (size_t level = 1; level < 5; level++) {
        for (size_t k = 0; k < SC_POLY - level; k++) {
            d[level][k] = (double)(k + 1) * d[level - 1][k + 1];
        }
    }
    double swing = bound(d[1], SC_POLY - 2, h) * h;
    needed[0] = c[0] - swing < out->lowest || c[0] + swing > out->highest;
    size_t deepest = needed[0] ? 0 : 4;
    for (size_t level = 1; level < 4; level++) {
        needed[level] = bound(d[level], SC_POLY - 1 - level, h) > out->largest[level - 1];
        if (needed[level] && level < deepest) {
            deepest = level;
        }
    }
    double turns[SC_POLY], next[SC_POLY];
    size_t n = 0;
    for (size_t level = 4; level-- > deepest;) {
        n = zeros(d[level + 1], SC_POLY - 2 - level, h, turns, n, next);
        memcpy(turns, next, n * sizeof *turns);
        if (!needed[level]) {
            continue;
        }
        widen(d[level], level, 0.0, offset, out);
        widen(d[level], level, h, offset, out);
        for (size_t k = 0; k < n; k++) {
            widen(d[level], level, turns[k], offset, out);
        }
    }
}
