/* Synchronising joints, and the spline of a motion. */
#include "sc_otg.h"

#include "sc_otg_range.h"
#include "sc_otg_straight.h"

#include <assert.h>
#include <math.h>

#define GOAL_SLACK 1e-9 /* relative: how far outside its limits rounding may put a goal */
#define SEARCH 64       /* durations looked at for the nearest possible one */

/* Fills the failure; returns false. */
static bool
refuse(sc_otg_failure *failure, size_t joint, sc_quantity quantity, double value, double limit)
{
    failure->joint = joint;
    failure->quantity = quantity;
    failure->value = value;
    failure->limit = limit;
    return false;
}

/* Whether the goal of a joint can be reached without leaving the limits. */
static bool
goal_is_inside(size_t i, const sc_rates *r, double v, double a, sc_otg_failure *failure)
{
    double slack_v = GOAL_SLACK * fmax(r->v_max, -r->v_min);
    double slack_a = GOAL_SLACK * fmax(r->a_max, -r->a_min);
    if (!(a <= r->a_max + slack_a && a >= r->a_min - slack_a)) {
        return refuse(failure, i, SC_ACCELERATION, a, a > 0.0 ? r->a_max : r->a_min);
    }
    double before = v - 0.5 * a * fabs(a) / r->j; /* where the acceleration was zero */
    double worst = fabs(before) > fabs(v) ? before : v;
    if (!(worst <= r->v_max + slack_v && worst >= r->v_min - slack_v)) {
        return refuse(failure, i, SC_VELOCITY, worst, worst > 0.0 ? r->v_max : r->v_min);
    }
    return true;
}

/* The prepared joints of one plan, and their position limits. */
typedef struct {
    size_t dof;
    sc_otg_joint joint[SC_MAX_DOF], other[SC_MAX_DOF]; /* other: where two_ways */
    bool two_ways[SC_MAX_DOF];
    double lower[SC_MAX_DOF], upper[SC_MAX_DOF];
} plan;

static sc_status
stretch_one(const plan *p, size_t i, const sc_otg_joint *joint, double duration,
            sc_otg_profile *out, double *next)
{
    if (isinf(p->lower[i]) && isinf(p->upper[i])) {
        return sc_otg_stretched(joint, duration, out, next);
    }
    return sc_otg_inside(joint, p->lower[i], p->upper[i], duration, out, next);
}

/* The motion of one joint in a duration. */
static sc_status
stretch(const plan *p, size_t i, double duration, sc_otg_profile *out, double *next)
{
    sc_status status = stretch_one(p, i, &p->joint[i], duration, out, next);
    if (status == SC_OK || !p->two_ways[i]) {
        return status;
    }
    double later;
    sc_status second = stretch_one(p, i, &p->other[i], duration, out, &later);
    if (second == SC_TOO_SHORT) {
        *next = status == SC_TOO_SHORT ? fmin(*next, later) : later;
    }
    return second == SC_OUT_OF_LIMITS ? status : second;
}

/* The longest possible duration below `blocked`, found among `SEARCH` and then by halving. */
static double
possible_before(const plan *p, double minimum, double blocked)
{
    double low = minimum, high = blocked;
    sc_otg_profile profile;
    for (size_t round = 0; round < 2 * SEARCH; round++) {
        double left = (double)(SEARCH - 1 - round) / SEARCH, next;
        double t = round < SEARCH ? minimum + left * (blocked - minimum) : 0.5 * (low + high);
        bool possible = true;
        for (size_t i = 0; i < p->dof && possible; i++) {
            possible = stretch(p, i, t, &profile, &next) == SC_OK;
        }
        *(possible ? &low : &high) = t;
        round = possible && round < SEARCH ? SEARCH : round;
    }
    return low;
}

/* Stretches all joints to the smallest common duration from *duration on. */
static sc_status
synchronise(const plan *p, double *duration, sc_otg_motion *out, sc_otg_failure *failure)
{
    for (size_t round = 0; round < 16 * p->dof; round++) {
        double next = *duration;
        sc_status status = SC_OK;
        for (size_t i = 0; i < p->dof && status == SC_OK; i++) {
            status = stretch(p, i, *duration, &out->profile[i], &next);
            if (status == SC_OUT_OF_LIMITS) {
                refuse(failure, i, SC_POSITION, next,
                       next < p->lower[i] ? p->lower[i] : p->upper[i]);
            }
        }
        if (status != SC_TOO_SHORT) {
            return status;
        }
        *duration = next;
    }
    return SC_NOT_CONVERGED;
}

/* The motion on a straight line in out->duration, if there is one: all joints in the proportion of
 * the slowest one's motion. */
static bool
try_straight(const plan *p, const sc_joints_state *start, const sc_joints_state *goal,
             const sc_limits *limits, sc_otg_motion *out)
{
    size_t base = 0;
    double ratio[SC_MAX_DOF], next;
    for (size_t i = 1; i < p->dof; i++) {
        base = p->joint[i].fastest > p->joint[base].fastest ? i : base;
    }
    return p->dof > 1 && sc_otg_proportional(p->dof, base, start, goal, limits, ratio) &&
           stretch(p, base, out->duration, &out->profile[base], &next) == SC_OK &&
           sc_otg_straight(p->dof, base, ratio, start, goal, limits, out->profile);
}

/* Fills the joints; *longest: of their minimum times. */
static sc_status
prepare(plan *p, const sc_joints_state *start, const sc_joints_state *goal, const sc_limits *limits,
        double *longest, sc_otg_failure *failure)
{
    *longest = 0.0;
    for (size_t i = 0; i < p->dof; i++) {
        sc_rates rates = {-limits->velocity[i], limits->velocity[i], -limits->acceleration[i],
                          limits->acceleration[i], limits->jerk[i]};
        sc_otg_state from = {start->position[i], start->velocity[i], start->acceleration[i]};
        sc_otg_state to = {goal->position[i], goal->velocity[i], goal->acceleration[i]};
        if (!goal_is_inside(i, &rates, to.v, to.a, failure)) {
            return SC_LIMIT_EXCEEDED;
        }
        p->two_ways[i] = sc_otg_prepare(&rates, &from, &to, &p->joint[i], &p->other[i]);
        p->lower[i] = fmin(limits->lower[i], fmin(from.p, to.p));
        p->upper[i] = fmax(limits->upper[i], fmax(from.p, to.p));
        *longest = fmax(*longest, p->joint[i].fastest);
    }
    return SC_OK;
}

sc_status
sc_otg_plan(size_t dof, const sc_joints_state *start, const sc_joints_state *goal,
            const sc_limits *limits, double duration, sc_otg_motion *out, sc_otg_failure *failure)
{
    assert(dof >= 1 && dof <= SC_MAX_DOF);
    plan p;
    double longest;
    p.dof = dof;
    sc_status status = prepare(&p, start, goal, limits, &longest, failure);
    if (status != SC_OK) {
        return status;
    }
    out->dof = dof;
    for (size_t i = 0; i < dof; i++) {
        out->goal[0][i] = goal->position[i];
        out->goal[1][i] = goal->velocity[i];
        out->goal[2][i] = goal->acceleration[i];
    }
    out->duration = fmax(longest, duration);
    status = try_straight(&p, start, goal, limits, out)
                 ? SC_OK
                 : synchronise(&p, &out->duration, out, failure);
    if (status == SC_OK && duration > 0.0 && duration < out->duration * (1.0 - 1e-12)) {
        failure->after = out->duration;
        failure->minimum = longest;
        status = synchronise(&p, &failure->minimum, out, failure);
        failure->before = duration > failure->minimum
                              ? possible_before(&p, failure->minimum, duration)
                              : failure->minimum;
        return status == SC_OK ? SC_TOO_SHORT : status;
    }
    return status;
}

/* A joint's place in its profile. */
typedef struct {
    size_t phase;
    double passed; /* when the phase began */
    sc_otg_state state;
} cursor;

/* The cubic of a joint from `from` to `to`, between which no phase ends. */
static void
joint_cubic(const sc_otg_profile *profile, cursor *at, double from, double to, double *c)
{
    double middle = 0.5 * (from + to);
    while (at->phase < profile->count && at->passed + profile->t[at->phase] <= middle) {
        sc_otg_advance(&at->state, profile->t[at->phase], profile->j[at->phase]);
        at->passed += profile->t[at->phase++];
    }
    double j = at->phase < profile->count ? profile->j[at->phase] : 0.0, x = from - at->passed;
    const sc_otg_state *s = &at->state;
    c[0] = s->p + x * (s->v + x * (0.5 * s->a + x * j / 6.0));
    c[1] = s->v + x * (s->a + 0.5 * x * j);
    c[2] = 0.5 * (s->a + x * j);
    c[3] = j / 6.0;
    c[4] = c[5] = 0.0;
}

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

sc_status
sc_otg_spline(const sc_otg_motion *motion, sc_spline *out)
{
    double times[SC_OTG_PHASES * SC_MAX_DOF + 1], coeff[SC_MAX_DOF * SC_POLY];
    cursor at[SC_MAX_DOF];
    size_t n = 0, dof = motion->dof;
    assert(out->dof == dof);
    for (size_t i = 0; i < dof; i++) {
        const sc_otg_profile *profile = &motion->profile[i];
        double t = 0.0;
        at[i].phase = 0;
        at[i].passed = 0.0;
        at[i].state = profile->start;
        for (size_t k = 0; k + 1 < profile->count; k++) {
            times[n++] = t += profile->t[k];
        }
    }
    sort(times, n);
    times[n++] = motion->duration;
    out->segments = 0;
    double last = 0.0, smallest = 1e-15 * motion->duration;
    for (size_t k = 0; k < n; k++) {
        bool final = k + 1 == n;
        double next = fmin(times[k], motion->duration);
        if (!final && !(next - last > smallest && motion->duration - next > smallest)) {
            continue;
        }
        for (size_t i = 0; i < dof; i++) {
            joint_cubic(&motion->profile[i], &at[i], last, next, coeff + i * SC_POLY);
        }
        sc_status status = sc_spline_push(out, next - last, coeff);
        if (status != SC_OK) {
            return status;
        }
        last = next;
    }
    for (size_t level = 0; level < 3; level++) {
        for (size_t i = 0; i < dof; i++) {
            out->end[level][i] = motion->goal[level][i];
        }
    }
    return SC_OK;
}
