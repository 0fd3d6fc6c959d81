/* Positions on the way, and detours that keep them inside their limits. */
#include "sc_otg_range.h"

#include "sc_otg_ramp.h"

#define ROUNDING 1e-10 /* rad or m */
#define DURATIONS 32   /* tried between the quickest motion and the detour */
#define ROUNDS 30

static void
widen(double p, double *lowest, double *highest)
{
    *lowest = sc_otg_min(*lowest, p);
    *highest = sc_otg_max(*highest, p);
}

void
sc_otg_range(const sc_otg_profile *profile, double *lowest, double *highest)
{
    sc_otg_state s = profile->start;
    *lowest = *highest = s.p;
    for (size_t k = 0; k < profile->count; k++) {
        double t = profile->t[k], j = profile->j[k];
        sc_otg_state end = s;
        sc_otg_advance(&end, t, j);
        bool bend = s.a * end.a < 0.0 && s.v * (s.v - 0.5 * s.a * s.a / j) < 0.0;
        if (s.v * end.v < 0.0 || bend) {
            double square = sqrt(sc_otg_max(s.a * s.a - 2.0 * j * s.v, 0.0));
            double q = -(s.a + copysign(square, s.a)); /* no cancellation */
            const double roots[2] = {q / j, 2.0 * s.v / q};
            for (size_t i = 0; i < 2; i++) {
                if (roots[i] > 0.0 && roots[i] < t) {
                    sc_otg_state turn = s;
                    sc_otg_advance(&turn, roots[i], j);
                    widen(turn.p, lowest, highest);
                }
            }
        }
        widen(end.p, lowest, highest);
        s = end;
    }
}

static bool
is_inside(const sc_otg_profile *profile, double lower, double upper)
{
    double lowest, highest;
    sc_otg_range(profile, &lowest, &highest);
    return lowest >= lower && highest <= upper;
}

static void
append(sc_otg_profile *out, double t, double j)
{
    if (t > 0.0) {
        out->t[out->count] = t;
        out->j[out->count++] = j;
    }
}

/* Lowest and highest way from a side on the ramp to plateau v. */
static void
ramp_range(const sc_otg_side *side, double j, double v, double *lowest, double *highest)
{
    sc_otg_ramp ramp;
    sc_otg_profile profile = {{0.0, side->v, side->a}, 0, {0.0}, {0.0}};
    sc_otg_ramp_to(side, j, v, &ramp);
    append(&profile, ramp.t[0], ramp.direction * j);
    append(&profile, ramp.t[1], 0.0);
    append(&profile, ramp.t[2], -ramp.direction * j);
    sc_otg_range(&profile, lowest, highest);
}

/* The plateau nearest to standing still to which the ramp from a side keeps the way from it in
 * [lower, upper]: where it may not even stop, the joint turns round at a higher acceleration. */
static double
turning_plateau(const sc_otg_joint *joint, size_t i, double lower, double upper)
{
    const sc_otg_side *side = &joint->side[i];
    double j = joint->rates.j, lowest, highest;
    ramp_range(side, j, 0.0, &lowest, &highest);
    bool over = highest > upper;
    if (!over && lowest >= lower) {
        return 0.0;
    }
    double near = 0.0, far = over ? joint->rates.v_min : joint->rates.v_max;
    for (size_t round = 0; round < ROUNDS; round++) {
        double v = 0.5 * (near + far);
        ramp_range(side, j, v, &lowest, &highest);
        *((over ? highest > upper : lowest < lower) ? &near : &far) = v;
    }
    return far;
}

/* To a plateau near rest, on to the one from which the goal is reached, and there; in `duration`,
 * or in the shortest time possible if that is longer. Returns the duration. */
static double
detour(const sc_otg_joint *joint, double lower, double upper, double duration, sc_otg_profile *out)
{
    double j = joint->rates.j, next;
    sc_otg_state from = joint->braking.start;
    for (size_t k = 0; k < joint->braking.count; k++) {
        sc_otg_advance(&from, joint->braking.t[k], joint->braking.j[k]);
    }
    double goal = from.p + joint->displacement;
    double first = turning_plateau(joint, 0, lower - from.p, upper - from.p);
    double last = turning_plateau(joint, 1, goal - upper, goal - lower);
    sc_otg_ramp stop, run;
    sc_otg_ramp_to(&joint->side[0], j, first, &stop);
    sc_otg_ramp_to(&joint->side[1], j, last, &run);
    const sc_otg_state begin = {0.0, first, 0.0};
    const sc_otg_state end = {
        joint->displacement - stop.h - run.h - first * stop.time - last * run.time, last, 0.0};
    sc_otg_joint between;
    sc_otg_profile middle;
    (void)sc_otg_prepare(&joint->rates, &begin, &end, &between, NULL);
    double ends = joint->brake + stop.time + run.time;
    double time = sc_otg_max(duration - ends, between.fastest);
    for (size_t round = 0; round < 4; round++) {
        if (sc_otg_stretched(&between, time, &middle, &next) == SC_OK) {
            break;
        }
        time = next;
        sc_otg_fastest(&between, &middle);
    }
    *out = joint->braking;
    append(out, stop.t[0], stop.direction * j);
    append(out, stop.t[1], 0.0);
    append(out, stop.t[2], -stop.direction * j);
    for (size_t k = 0; k < middle.count && k < 7; k++) {
        append(out, middle.t[k], middle.j[k]);
    }
    append(out, run.t[2], -run.direction * j);
    append(out, run.t[1], 0.0);
    append(out, run.t[0], run.direction * j);
    return middle.count <= 7 ? ends + time : HUGE_VAL;
}

/* The shortest duration in (shortest, longest] whose own motion keeps the limits, as far as a few
 * samples tell; `longest` if none does. */
static double
shortest_inside(const sc_otg_joint *joint, double lower, double upper, double shortest,
                double longest)
{
    double low = shortest, high = longest, next;
    sc_otg_profile profile;
    for (size_t round = 1; round < DURATIONS + ROUNDS; round++) {
        bool searching = round < DURATIONS;
        double t = searching ? shortest + (longest - shortest) * (double)round / DURATIONS
                             : 0.5 * (low + high);
        bool fits = sc_otg_stretched(joint, t, &profile, &next) == SC_OK &&
                    is_inside(&profile, lower, upper);
        *(fits ? &high : &low) = t;
        round = fits && searching ? DURATIONS : round;
        if (!fits && round == DURATIONS - 1) {
            return longest;
        }
    }
    return high;
}

/* Whether the limits are so far away that no motion from one end to the other comes near them: a
 * joint only turns round while it gets rid of its first, or gains its last velocity. */
static bool
is_far_inside(const sc_otg_joint *joint, double lower, double upper)
{
    double from = joint->braking.start.p, to = from + joint->displacement, reach = 0.0;
    for (size_t i = 0; i < 2; i++) {
        const sc_otg_side *side = &joint->side[i];
        double j = joint->rates.j, a = fabs(side->a), least = sc_otg_min(side->up, side->down);
        double most = sc_otg_max(side->up, side->down), v = fabs(side->v) + 0.5 * a * a / j;
        reach += 2.0 * v * ((a + 2.0 * most) / j + v / least);
    }
    return joint->brake == 0.0 && sc_otg_min(from, to) - reach >= lower &&
           sc_otg_max(from, to) + reach <= upper;
}

sc_status
sc_otg_inside(const sc_otg_joint *joint, double lower, double upper, double duration,
              sc_otg_profile *out, double *next)
{
    sc_otg_profile other;
    sc_status status = sc_otg_stretched(joint, duration, out, next);
    lower -= ROUNDING;
    upper += ROUNDING;
    if (status != SC_OK || is_far_inside(joint, lower, upper) || is_inside(out, lower, upper)) {
        return status;
    }
    double needed = detour(joint, lower, upper, duration, &other);
    if (isinf(needed) || !is_inside(&other, lower, upper)) {
        double lowest, highest;
        sc_otg_range(out, &lowest, &highest);
        *next = lowest < lower ? lowest : highest;
        needed = isinf(needed) ? 2.0 * duration : sc_otg_max(needed, duration) * (1.0 + 1e-9);
        needed = shortest_inside(joint, lower, upper, duration, needed);
        if (sc_otg_stretched(joint, needed, &other, &lowest) != SC_OK ||
            !is_inside(&other, lower, upper)) {
            return SC_OUT_OF_LIMITS;
        }
        *next = needed;
        return SC_TOO_SHORT;
    }
    if (needed <= duration * (1.0 + SC_OTG_SLACK)) {
        *out = other;
        return SC_OK;
    }
    *next = shortest_inside(joint, lower, upper, duration, needed);
    return SC_TOO_SHORT;
}
