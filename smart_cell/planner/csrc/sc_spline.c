/* Building and sampling trajectories. */
#include "sc_spline.h"

#include <assert.h>
#include <string.h>

double
sc_spline_duration(const sc_spline *spline)
{
    return spline->breaks[spline->segments];
}

/* Whether no value or derivative on [0, h] can overflow; false for what is not a number. */
static bool
is_moderate(double h, const double *coeff, size_t dof)
{
    for (size_t i = 0; i < dof * SC_POLY; i += SC_POLY) {
        double sum = 0.0;
        for (size_t k = SC_POLY; k-- > 0;) {
            sum = sum * fmax(h, 1.0) + fabs(coeff[i + k]);
        }
        if (!(sum < 1e100)) {
            return false;
        }
    }
    return true;
}

sc_status
sc_spline_push(sc_spline *spline, double h, const double *coeff)
{
    if (spline->segments >= spline->capacity) {
        return SC_NO_SPACE;
    }
    if (!(h >= 0.0 && isfinite(h) && is_moderate(h, coeff, spline->dof))) {
        return SC_BAD_ARGUMENT;
    }
    if (spline->segments == 0) {
        spline->breaks[0] = 0.0;
    }
    size_t k = spline->segments++;
    spline->breaks[k + 1] = spline->breaks[k] + h;
    memcpy(spline->coeff + k * spline->dof * SC_POLY, coeff, spline->dof * SC_POLY * sizeof *coeff);
    return SC_OK;
}

sc_status
sc_spline_push_rest(sc_spline *spline, double h, const double *position)
{
    double coeff[SC_MAX_DOF * SC_POLY] = {0.0};
    for (size_t i = 0; i < spline->dof; i++) {
        coeff[i * SC_POLY] = position[i];
    }
    return sc_spline_push(spline, h, coeff);
}

sc_status
sc_spline_push_part(sc_spline *spline, const sc_spline *other, double from, double to)
{
    assert(spline->dof == other->dof);
    double coeff[SC_MAX_DOF * SC_POLY];
    from = fmax(from, 0.0);
    to = fmin(to, sc_spline_duration(other));
    for (size_t k = 0; k < other->segments; k++) {
        double low = fmax(from, other->breaks[k]), high = fmin(to, other->breaks[k + 1]);
        if (!(high > low)) {
            continue;
        }
        const double *source = other->coeff + k * other->dof * SC_POLY;
        for (size_t i = 0; i < other->dof; i++) {
            sc_poly_shift(source + i * SC_POLY, low - other->breaks[k], coeff + i * SC_POLY);
        }
        sc_status status = sc_spline_push(spline, high - low, coeff);
        if (status != SC_OK) {
            return status;
        }
    }
    return SC_OK;
}

void
sc_spline_close(sc_spline *spline)
{
    assert(spline->segments >= 1);
    size_t k = spline->segments - 1;
    double h = spline->breaks[k + 1] - spline->breaks[k];
    for (size_t i = 0; i < spline->dof; i++) {
        double state[4];
        sc_poly_state(spline->coeff + (k * spline->dof + i) * SC_POLY, h, state);
        for (size_t level = 0; level < 3; level++) {
            spline->end[level][i] = state[level];
        }
    }
}

size_t
sc_spline_segment(const sc_spline *spline, double t, size_t hint)
{
    const double *breaks = spline->breaks;
    size_t last = spline->segments - 1;
    for (size_t k = hint; k <= last && k < hint + 2; k++) {
        if (breaks[k] <= t && t < breaks[k + 1]) {
            return k;
        }
    }
    size_t low = 0, high = last;
    while (low < high) {
        size_t mid = (low + high + 1) / 2;
        if (breaks[mid] <= t) {
            low = mid;
        }
        else {
            high = mid - 1;
        }
    }
    return low;
}

void
sc_spline_sample(const sc_spline *spline, double t, size_t *hint, double *position,
                 double *velocity, double *acceleration, double *jerk)
{
    size_t dof = spline->dof;
    double duration = sc_spline_duration(spline);
    bool outside = !(t >= 0.0 && t <= duration);
    size_t k =
        outside ? (t > duration ? spline->segments - 1 : 0) : sc_spline_segment(spline, t, *hint);
    *hint = k;
    const double *coeff = spline->coeff + k * dof * SC_POLY;
    double x = t - spline->breaks[k];
    for (size_t i = 0; i < dof; i++) {
        double state[4] = {t < 0.0 ? coeff[i * SC_POLY] : spline->end[0][i], 0.0, 0.0, 0.0};
        if (!outside) {
            sc_poly_state(coeff + i * SC_POLY, x, state);
            if (t == duration) {
                for (size_t level = 0; level < 3; level++) {
                    state[level] = spline->end[level][i];
                }
            }
        }
        position[i] = state[0];
        velocity[i] = state[1];
        acceleration[i] = state[2];
        jerk[i] = state[3];
    }
}

void
sc_spline_scale_time(sc_spline *spline, double factor)
{
    double power[SC_POLY] = {1.0};
    for (size_t k = 1; k < SC_POLY; k++) {
        power[k] = power[k - 1] / factor;
    }
    for (size_t k = 0; k < spline->segments * spline->dof * SC_POLY; k++) {
        spline->coeff[k] *= power[k % SC_POLY];
    }
    for (size_t k = 0; k <= spline->segments; k++) {
        spline->breaks[k] *= factor;
    }
    for (size_t i = 0; i < spline->dof; i++) {
        spline->end[1][i] *= power[1];
        spline->end[2][i] *= power[2];
    }
}

sc_status
sc_spline_waypoints(sc_spline *spline, size_t n, const double *times, const double *positions,
                    const double *velocities, const double *accelerations)
{
    size_t dof = spline->dof;
    double coeff[SC_MAX_DOF * SC_POLY];
    sc_status status = n >= 1 ? SC_OK : SC_BAD_ARGUMENT;
    spline->segments = 0;
    if (n == 1) {
        status = sc_spline_push_rest(spline, 0.0, positions);
    }
    for (size_t k = 0; status == SC_OK && k + 1 < n; k++) {
        double h = times[k + 1] - times[k];
        if (!(h > 0.0)) {
            return SC_BAD_ARGUMENT;
        }
        for (size_t i = 0; i < dof; i++) {
            size_t from = k * dof + i, to = from + dof;
            double a[3] = {positions[from], velocities[from], 0.0};
            double b[3] = {positions[to], velocities[to], 0.0};
            if (accelerations != NULL) {
                a[2] = accelerations[from];
                b[2] = accelerations[to];
                sc_poly_quintic(a, b, h, coeff + i * SC_POLY);
            }
            else {
                sc_poly_cubic(a, b, h, coeff + i * SC_POLY);
            }
        }
        status = sc_spline_push(spline, h, coeff);
    }
    if (status != SC_OK) {
        return status;
    }
    sc_spline_close(spline);
    for (size_t i = 0; i < dof; i++) {
        spline->end[0][i] = positions[(n - 1) * dof + i];
        spline->end[1][i] = n > 1 ? velocities[(n - 1) * dof + i] : 0.0;
        if (accelerations != NULL) {
            spline->end[2][i] = n > 1 ? accelerations[(n - 1) * dof + i] : 0.0;
        }
    }
    return SC_OK;
}
