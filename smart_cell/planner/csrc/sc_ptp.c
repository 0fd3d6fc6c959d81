/* Synchronised rest-to-rest motion. */
#include "sc_ptp.h"

#include <assert.h>

static void
sort(double *values, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        double v = values[i];
        size_t k = i;
        for (; k > 0 && values[k - 1] > v; k--) {
            values[k] = values[k - 1];
        }
        values[k] = v;
    }
}

/* One segment between two neighbouring boundaries: every joint is a cubic there. The jerk is that
 * of the middle (never more: on a segment of some roundings' length a difference quotient would be
 * noise), and the acceleration is kept in its range, so that a boundary some roundings away from
 * its place does no harm. */
static sc_status
push_segment(const double *start, const sc_profile *profiles, double from, double to,
             sc_spline *out)
{
    double coeff[SC_MAX_DOF * SC_POLY], half = 0.5 * (to - from);
    for (size_t i = 0; i < out->dof; i++) {
        double at[4], middle[4], *c = coeff + i * SC_POLY;
        double end = profiles[i].duration;
        sc_profile_state(&profiles[i], fmin(from, end), at);
        sc_profile_state(&profiles[i], fmin(from + half, end), middle);
        c[0] = start[i] + at[0];
        c[1] = at[1];
        double most = fabs(profiles[i].jerk) * profiles[i].t_jerk;
        double begin = fmin(fmax(middle[2] - half * middle[3], -most), most);
        double finish = fmin(fmax(middle[2] + half * middle[3], -most), most);
        c[2] = 0.5 * begin;
        double most_jerk = fabs(middle[3]) / 6.0;
        c[3] = half > 0.0 ? (finish - begin) / (12.0 * half) : 0.0;
        c[3] = fmin(fmax(c[3], -most_jerk), most_jerk);
        c[4] = c[5] = 0.0;
    }
    return sc_spline_push(out, to - from, coeff);
}

sc_status
sc_ptp_plan(const double *start, const double *goal, const sc_limits *limits, double duration,
            sc_spline *out, double *needed)
{
    size_t dof = out->dof;
    sc_profile profiles[SC_MAX_DOF];
    double longest = 0.0;
    assert(dof >= 1 && dof <= SC_MAX_DOF);
    for (size_t i = 0; i < dof; i++) {
        sc_status status =
            sc_profile_fastest(goal[i] - start[i], limits->velocity[i], limits->acceleration[i],
                               limits->jerk[i], &profiles[i]);
        if (status != SC_OK) {
            return status;
        }
        longest = fmax(longest, profiles[i].duration);
    }
    *needed = longest;
    if (duration > 0.0) {
        if (duration < longest * (1.0 - 1e-12)) {
            return SC_TOO_SHORT;
        }
        longest = fmax(longest, duration);
    }
    double times[8 * SC_MAX_DOF + 2];
    size_t n = 0;
    times[n++] = 0.0;
    times[n++] = longest;
    for (size_t i = 0; i < dof; i++) {
        sc_status status =
            sc_profile_stretched(goal[i] - start[i], limits->velocity[i], limits->acceleration[i],
                                 limits->jerk[i], longest, &profiles[i]);
        if (status != SC_OK) {
            return status;
        }
        sc_profile_boundaries(&profiles[i], times + n);
        n += goal[i] != start[i] ? 8 : 0;
    }
    sort(times, n);
    out->segments = 0;
    double last = 0.0, smallest = 1e-14 * longest;
    for (size_t k = 0; k < n; k++) {
        double next = longest - times[k] <= smallest ? longest : times[k];
        if (next - last > smallest || (k + 1 == n && out->segments == 0)) {
            sc_status status = push_segment(start, profiles, last, next, out);
            if (status != SC_OK) {
                return status;
            }
            last = next;
        }
    }
    for (size_t i = 0; i < dof; i++) {
        out->end[0][i] = goal[i];
        out->end[1][i] = out->end[2][i] = 0.0;
    }
    return SC_OK;
}
