/* Phase synchronisation. */
#include "sc_otg_straight.h"

#include "sc_otg_ramp.h"
#include "sc_otg_range.h"

#define SLACK 1e-12    /* relative to the limit */
#define ROUNDING 1e-10 /* rad or m */

/* The largest velocity, acceleration and jerk of a profile, absolute. */
static void
peaks(const sc_otg_profile *profile, double out[3])
{
    sc_otg_state s = profile->start;
    out[0] = fabs(s.v);
    out[1] = fabs(s.a);
    out[2] = 0.0;
    for (size_t k = 0; k < profile->count; k++) {
        double j = profile->j[k];
        sc_otg_state end = s;
        sc_otg_advance(&end, profile->t[k], j);
        if (s.a * end.a < 0.0) {
            out[0] = sc_otg_max(out[0], fabs(s.v - 0.5 * s.a * s.a / j));
        }
        out[0] = sc_otg_max(out[0], fabs(end.v));
        out[1] = sc_otg_max(out[1], fabs(end.a));
        out[2] = sc_otg_max(out[2], fabs(j));
        s = end;
    }
}

bool
sc_otg_proportional(size_t dof, size_t base, const sc_joints_state *start,
                    const sc_joints_state *goal, const sc_limits *limits, double *ratio)
{
    double way = goal->position[base] - start->position[base];
    for (size_t i = 0; i < dof; i++) {
        double v = SLACK * limits->velocity[i], a = SLACK * limits->acceleration[i];
        double r = ratio[i] = (goal->position[i] - start->position[i]) / way;
        if (!(fabs(start->velocity[i] - r * start->velocity[base]) <= v &&
              fabs(goal->velocity[i] - r * goal->velocity[base]) <= v &&
              fabs(start->acceleration[i] - r * start->acceleration[base]) <= a &&
              fabs(goal->acceleration[i] - r * goal->acceleration[base]) <= a)) {
            return false; /* or base stays where it is: not a number */
        }
    }
    return true;
}

/* Whether a joint that goes `low` to `high` from where it starts keeps its position limits. */
static bool
keeps_range(double low, double high, double from, double to, double lower, double upper)
{
    return from + sc_otg_min(low, high) >= sc_otg_min(lower, sc_otg_min(from, to)) - ROUNDING &&
           from + sc_otg_max(low, high) <= sc_otg_max(upper, sc_otg_max(from, to)) + ROUNDING;
}

bool
sc_otg_straight(size_t dof, size_t base, const double *ratio, const sc_joints_state *start,
                const sc_joints_state *goal, const sc_limits *limits, sc_otg_profile *profiles)
{
    const sc_otg_profile *model = &profiles[base];
    const double *most[3] = {limits->velocity, limits->acceleration, limits->jerk};
    double peak[3], lowest, highest;
    peaks(model, peak);
    for (size_t i = 0; i < dof; i++) {
        for (size_t level = 0; level < 3 && i != base; level++) {
            if (!(fabs(ratio[i]) * peak[level] <= most[level][i] * (1.0 + SLACK))) {
                return false;
            }
        }
    }
    sc_otg_range(model, &lowest, &highest);
    lowest -= model->start.p;
    highest -= model->start.p;
    for (size_t i = 0; i < dof; i++) {
        if (i != base && !keeps_range(ratio[i] * lowest, ratio[i] * highest, start->position[i],
                                      goal->position[i], limits->lower[i], limits->upper[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < dof; i++) {
        sc_otg_profile *own = &profiles[i];
        if (i == base) {
            continue;
        }
        sc_otg_state from = {start->position[i], start->velocity[i], start->acceleration[i]};
        own->start = from;
        own->count = model->count;
        for (size_t k = 0; k < model->count; k++) {
            own->t[k] = model->t[k];
            own->j[k] = ratio[i] * model->j[k];
        }
    }
    return true;
}
