/* Exact check of a trajectory against limits: polynomial extrema and jumps between segments. */
#include "sc_spline.h"

sc_extrema
sc_spline_extrema(const sc_spline *spline, size_t joint)
{
    sc_extrema extrema = sc_extrema_none();
    for (size_t k = 0; k < spline->segments; k++) {
        sc_poly_extrema(spline->coeff + (k * spline->dof + joint) * SC_POLY,
                        spline->breaks[k + 1] - spline->breaks[k], spline->breaks[k], &extrema);
    }
    return extrema;
}

static void
report(sc_violation *worst, size_t joint, sc_quantity quantity, double value, double limit,
       double time, double excess)
{
    if (excess > worst->excess) {
        sc_violation v = {joint, quantity, value, limit, time, excess};
        *worst = v;
    }
}

static void
check_joint(const sc_spline *spline, const sc_limits *limits, double tolerance, bool with_jerk,
            size_t i, sc_violation *worst)
{
    sc_extrema e = sc_spline_extrema(spline, i);
    double reach = fmin(limits->upper[i] - limits->lower[i], 1e3);
    double slack = tolerance * fmax(reach, 1.0);
    if (!(e.lowest >= limits->lower[i] - slack)) {
        report(worst, i, SC_POSITION, e.lowest, limits->lower[i], e.when[0],
               1.0 + limits->lower[i] - e.lowest);
    }
    if (!(e.highest <= limits->upper[i] + slack)) {
        report(worst, i, SC_POSITION, e.highest, limits->upper[i], e.when[1],
               1.0 + e.highest - limits->upper[i]);
    }
    const double *rates[3] = {limits->velocity, limits->acceleration, limits->jerk};
    for (size_t level = 0; level < (with_jerk ? 3u : 2u); level++) {
        double limit = rates[level][i];
        if (!(e.largest[level] <= limit * (1.0 + tolerance))) {
            report(worst, i, (sc_quantity)(level + 1), e.largest[level], limit, e.when[level + 2],
                   e.largest[level] / limit);
        }
    }
}

/* A jump of the acceleration is an infinite jerk, a jump of the velocity an infinite
 * acceleration. What rounding leaves behind (1e-6 of the limit, 1e-7 in position, and what the
 * next rate does in the rounding of the time) is no jump. */
static void
check_jumps(const sc_spline *spline, const sc_limits *limits, bool with_jerk, size_t i,
            sc_violation *worst)
{
    double moment = 2e-14 * sc_spline_duration(spline);
    for (size_t k = 0; k + 1 < spline->segments; k++) {
        double before[4], after[4];
        sc_poly_state(spline->coeff + (k * spline->dof + i) * SC_POLY,
                      spline->breaks[k + 1] - spline->breaks[k], before);
        sc_poly_state(spline->coeff + ((k + 1) * spline->dof + i) * SC_POLY, 0.0, after);
        const double allowed[3] = {1e-7 + moment * limits->velocity[i],
                                   1e-6 * limits->velocity[i] + moment * limits->acceleration[i],
                                   1e-6 * limits->acceleration[i] + moment * limits->jerk[i]};
        for (size_t level = 0; level < (with_jerk ? 3u : 2u); level++) {
            double jump = fabs(after[level] - before[level]);
            if (!(jump <= allowed[level])) {
                report(worst, i, SC_CONTINUITY, jump, allowed[level], spline->breaks[k + 1],
                       1e6 + jump / allowed[level]);
            }
        }
    }
}

sc_status
sc_spline_check(const sc_spline *spline, const sc_limits *limits, double tolerance, bool with_jerk,
                sc_violation *worst)
{
    sc_violation none = {0, SC_POSITION, 0.0, 0.0, 0.0, 0.0};
    sc_violation found = none;
    for (size_t i = 0; i < spline->dof; i++) {
        check_joint(spline, limits, tolerance, with_jerk, i, &found);
        check_jumps(spline, limits, with_jerk, i, &found);
    }
    if (found.excess == 0.0) {
        return SC_OK;
    }
    *worst = found;
    return SC_LIMIT_EXCEEDED;
}
