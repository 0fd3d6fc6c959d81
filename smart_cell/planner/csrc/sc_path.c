/* Building geometric paths: cubic splines, and polylines with rounded corners. */
#include "sc_path.h"

#include <assert.h>

/* Share of the leg between the end of a blend and its corner by which the control points of the
 * Bezier curve are apart. With 0.4 the curve's parameter runs at unit speed at both ends when it
 * is as long as both legs, and a blend of two collinear segments is a straight line. */
#define BLEND_STEP 0.4
/* Distance of the corner from the curve's middle, per leg and |difference of directions|:
 * (1 + 5 (1 - 0.4) + 10 (1 - 0.8)) / 32. */
#define BLEND_MIDDLE (6.0 / 32.0)
/* Straight rests shorter than this, relative to the path, are rounding. */
#define SHORTEST 1e-12

/* Where the second derivatives (c[2]) and the elimination's factors (c[5]) of point k stand
 * while the spline is being built: in segment k's own coefficients. */
static double *
slot(sc_spline *out, size_t k, size_t joint, size_t power)
{
    return out->coeff + (k * out->dof + joint) * SC_POLY + power;
}

/* Second derivatives at all points but the last, by the tridiagonal elimination; they are zero
 * at both ends. */
static void
curvatures(size_t n, const double *points, const double *at, sc_spline *out)
{
    size_t dof = out->dof;
    for (size_t i = 0; i < dof; i++) {
        *slot(out, 0, i, 2) = 0.0;
        *slot(out, 0, i, 5) = 0.0;
    }
    for (size_t k = 1; k + 1 < n; k++) {
        double before = at[k] - at[k - 1], after = at[k + 1] - at[k];
        for (size_t i = 0; i < dof; i++) {
            const double *p = points + k * dof + i;
            double slopes = (p[dof] - p[0]) / after - (p[0] - *(p - dof)) / before;
            double pivot = 2.0 * (before + after) - before * *slot(out, k - 1, i, 5);
            *slot(out, k, i, 5) = after / pivot;
            *slot(out, k, i, 2) = (6.0 * slopes - before * *slot(out, k - 1, i, 2)) / pivot;
        }
    }
    for (size_t k = n - 2; k-- > 1;) {
        for (size_t i = 0; i < dof; i++) {
            *slot(out, k, i, 2) -= *slot(out, k, i, 5) * *slot(out, k + 1, i, 2);
        }
    }
}

sc_status
sc_path_through(size_t n, const double *points, const double *at, sc_spline *out)
{
    size_t dof = out->dof;
    double coeff[SC_MAX_DOF * SC_POLY] = {0.0};
    assert(n >= 2 && out->capacity >= n - 1);
    for (size_t k = 0; k + 1 < n; k++) {
        if (!(at[k + 1] > at[k])) {
            return SC_BAD_ARGUMENT;
        }
    }
    curvatures(n, points, at, out);
    out->segments = 0;
    for (size_t k = 0; k + 1 < n; k++) {
        double h = at[k + 1] - at[k];
        for (size_t i = 0; i < dof; i++) {
            const double *p = points + k * dof + i;
            double here = *slot(out, k, i, 2);
            double next = k + 2 < n ? *slot(out, k + 1, i, 2) : 0.0;
            double *c = coeff + i * SC_POLY;
            c[0] = p[0];
            c[1] = (p[dof] - p[0]) / h - h * (2.0 * here + next) / 6.0;
            c[2] = 0.5 * here;
            c[3] = (next - here) / (6.0 * h);
        }
        sc_status status = sc_spline_push(out, h, coeff);
        if (status != SC_OK) {
            return status;
        }
    }
    sc_spline_close(out);
    for (size_t i = 0; i < dof; i++) {
        out->end[0][i] = points[(n - 1) * dof + i];
    }
    return SC_OK;
}

static double
distance(const double *a, const double *b, size_t dof)
{
    double sum = 0.0;
    for (size_t i = 0; i < dof; i++) {
        sum += (b[i] - a[i]) * (b[i] - a[i]);
    }
    return sqrt(sum);
}

/* Unit direction from a to b. */
static void
direction(const double *a, const double *b, size_t dof, double length, double *out)
{
    for (size_t i = 0; i < dof; i++) {
        out[i] = (b[i] - a[i]) / length;
    }
}

/* Appends the straight part of `length` from `from` in direction d. */
static sc_status
push_straight(sc_spline *out, const double *from, const double *d, double length)
{
    double coeff[SC_MAX_DOF * SC_POLY] = {0.0};
    for (size_t i = 0; i < out->dof; i++) {
        coeff[i * SC_POLY] = from[i];
        coeff[i * SC_POLY + 1] = d[i];
    }
    return sc_spline_push(out, length, coeff);
}

/* Appends the blend with the given leg at a corner between directions d0 and d1. */
static sc_status
push_blend(sc_spline *out, const double *corner, const double *d0, const double *d1, double leg)
{
    static const double choose[SC_POLY] = {1.0, 5.0, 10.0, 10.0, 5.0, 1.0};
    static const double along[3] = {1.0, 1.0 - BLEND_STEP, 1.0 - 2.0 * BLEND_STEP};
    double coeff[SC_MAX_DOF * SC_POLY];
    for (size_t i = 0; i < out->dof; i++) {
        double control[SC_POLY], scale = 1.0;
        for (size_t k = 0; k < 3; k++) {
            control[k] = corner[i] - along[k] * leg * d0[i];
            control[SC_POLY - 1 - k] = corner[i] + along[k] * leg * d1[i];
        }
        for (size_t power = 0; power < SC_POLY; power++) {
            coeff[i * SC_POLY + power] = choose[power] * control[0] * scale;
            scale /= 2.0 * leg;
            for (size_t k = 0; k + 1 < SC_POLY - power; k++) {
                control[k] = control[k + 1] - control[k];
            }
        }
    }
    return sc_spline_push(out, 2.0 * leg, coeff);
}

sc_status
sc_path_polyline(size_t n, const double *points, double deviation, sc_spline *out)
{
    size_t dof = out->dof;
    double total = 0.0, used = 0.0, from[SC_MAX_DOF], d0[SC_MAX_DOF], d1[SC_MAX_DOF];
    assert(n >= 2 && deviation > 0.0);
    for (size_t k = 0; k + 1 < n; k++) {
        total += distance(points + k * dof, points + (k + 1) * dof, dof);
    }
    out->segments = 0;
    sc_status status = SC_OK;
    double length = distance(points, points + dof, dof);
    for (size_t k = 0; k + 1 < n && status == SC_OK; k++) {
        const double *a = points + k * dof, *b = a + dof;
        double leg = 0.0, next = 0.0;
        if (!(length > SHORTEST * total)) {
            return SC_BAD_ARGUMENT;
        }
        direction(a, b, dof, length, d0);
        if (k + 2 < n) {
            next = distance(b, b + dof, dof);
            direction(b, b + dof, dof, next, d1);
            leg = fmin(0.5 * fmin(length, next),
                       deviation / (BLEND_MIDDLE * fmax(distance(d0, d1, dof), 1e-12)));
        }
        for (size_t i = 0; i < dof; i++) {
            from[i] = a[i] + used * d0[i];
        }
        if (length - used - leg > SHORTEST * total) {
            status = push_straight(out, from, d0, length - used - leg);
        }
        if (status == SC_OK && leg > 0.0) {
            status = push_blend(out, b, d0, d1, leg);
        }
        used = leg;
        length = next;
    }
    if (status == SC_OK) {
        sc_spline_close(out);
        for (size_t i = 0; i < dof; i++) {
            out->end[0][i] = points[(n - 1) * dof + i];
        }
    }
    return status;
}
