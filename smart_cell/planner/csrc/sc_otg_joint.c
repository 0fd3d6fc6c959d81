/* One joint: minimum time, blocked durations, and the motion of a given duration. */
#include "sc_otg_joint.h"

#include "sc_otg_brake.h"
#include "sc_otg_lens.h"
#include "sc_otg_ramp.h"

#define ROUNDS 60 /* of the plateau search */

void
sc_otg_advance(sc_otg_state *s, double t, double j)
{
    double change = t * j, a = s->a + change;
    s->p += t * (s->v + t * (0.5 * s->a + change / 6.0));
    s->v += t * (s->a + 0.5 * change);
    s->a = fabs(a) <= 8.0 * SC_OTG_EPS * fabs(change) ? 0.0 : a;
}

/* per: 1 / j, 1 / up, 1 / down. */
static void
set_side(sc_otg_side *side, double v, double a, double up, double down, const double per[3])
{
    side->v = v;
    side->a = a;
    side->c = v + 0.5 * a * fabs(a) * per[0];
    side->up = up;
    side->down = down;
    side->per_j = per[0];
    side->per_up = per[1];
    side->per_down = per[2];
    if (a > up) { /* by rounding */
        side->up = a;
        side->per_up = 1.0 / a;
    }
    if (-a > down) {
        side->down = -a;
        side->per_down = -1.0 / a;
    }
}

/* The start of the main range, where upper and lower end are the same: its displacement. */
static double
first_of_main(const sc_otg_view *view, sc_otg_extreme *out)
{
    size_t x = sc_otg_far_side(view);
    double displacement;
    sc_otg_ramp ramp;
    out->mirrored = view->mirrored;
    out->valley = view->side[x].a < 0.0;
    out->side = x;
    if (out->valley) {
        out->at = -view->side[x].a;
        sc_otg_valley(view, x, out->at, &ramp, &out->duration, &displacement);
    }
    else {
        const sc_otg_side *a = &view->side[0], *b = &view->side[1];
        out->at = view->side[x].c;
        out->duration = displacement = 0.0;
        if (!(a->a == 0.0 && b->a == 0.0 && a->v == b->v)) {
            sc_otg_plateau(view, out->at, &out->duration, &displacement);
        }
    }
    return displacement;
}

/* The first motion of the main range with the wanted displacement. What rounding takes away from
 * the very first one must not cost a detour. */
static void
first_possible(const sc_otg_joint *joint, sc_otg_extreme *out)
{
    sc_otg_view view;
    sc_otg_look(joint, false, &view);
    double over = joint->displacement - first_of_main(&view, out);
    if (fabs(over) <= sc_otg_slack(joint, out->duration)) {
        return;
    }
    if (over < 0.0) {
        sc_otg_look(joint, true, &view);
    }
    sc_otg_upper_at_displacement(&view, NULL, view.displacement, out);
}

/* Fills everything but the braking phases, which are there. */
static void
prepare_after_brake(const sc_rates *rates, const sc_otg_state *goal, sc_otg_joint *out)
{
    sc_otg_state from = out->braking.start;
    out->brake = 0.0;
    for (size_t k = 0; k < out->braking.count; k++) {
        sc_otg_advance(&from, out->braking.t[k], out->braking.j[k]);
        out->brake += out->braking.t[k];
    }
    out->rates = *rates;
    const double per[3] = {1.0 / rates->j, 1.0 / rates->a_max, -1.0 / rates->a_min};
    const double turned[3] = {per[0], per[2], per[1]};
    set_side(&out->side[0], from.v, from.a, rates->a_max, -rates->a_min, per);
    set_side(&out->side[1], goal->v, -goal->a, -rates->a_min, rates->a_max, turned);
    out->rates.v_max = sc_otg_max(rates->v_max, sc_otg_max(out->side[0].c, out->side[1].c));
    out->rates.v_min = sc_otg_min(rates->v_min, sc_otg_min(out->side[0].c, out->side[1].c));
    out->displacement = goal->p - from.p;
    out->size = fabs(out->braking.start.p) + fabs(goal->p);
    out->moment = 64.0 * SC_OTG_EPS *
                  ((fabs(from.v) + fabs(goal->v)) * sc_otg_max(per[1], per[2]) +
                   (fabs(from.a) + fabs(goal->a)) * per[0] +
                   out->size / sc_otg_min(rates->v_max, -rates->v_min));

    first_possible(out, &out->extreme);
    out->main = out->extreme.duration;
    out->in_lens = false;
    if (sc_otg_lens(out, &out->lens_end)) {
        out->in_lens = sc_otg_lens_fastest(out, &out->extreme);
    }
    out->fastest = out->brake + out->extreme.duration;
}

/* Another way back from a velocity outside its limits: to the limit itself, with no acceleration
 * left there (nothing is to be done if the acceleration leads back inside already). It takes longer
 * to be inside, but the joint need not speed up again afterwards, or even turn back. False if the
 * velocity is not outside, or the acceleration is. */
static bool
settle(const sc_rates *rates, const sc_otg_state *start, const sc_otg_state *goal,
       sc_otg_joint *out)
{
    const double per[3] = {1.0 / rates->j, 1.0 / rates->a_max, -1.0 / rates->a_min};
    sc_otg_side side;
    sc_otg_ramp ramp;
    if (start->a > rates->a_max || start->a < rates->a_min) {
        return false;
    }
    set_side(&side, start->v, start->a, rates->a_max, -rates->a_min, per);
    out->braking.start = *start;
    out->braking.count = 0;
    if (side.c > rates->v_max || side.c < rates->v_min) {
        sc_otg_ramp_to(&side, rates->j, side.c > 0.0 ? rates->v_max : rates->v_min, &ramp);
        for (size_t k = 0; k < 3; k++) {
            if (ramp.t[k] > 0.0) {
                out->braking.t[out->braking.count] = ramp.t[k];
                out->braking.j[out->braking.count++] =
                    (1.0 - (double)k) * ramp.direction * rates->j;
            }
        }
    }
    prepare_after_brake(rates, goal, out);
    return true;
}

bool
sc_otg_prepare(const sc_rates *rates, const sc_otg_state *start, const sc_otg_state *goal,
               sc_otg_joint *out, sc_otg_joint *other)
{
    double t[2], j = sc_otg_brake(rates, start->v, start->a, t);
    out->braking.start = *start;
    out->braking.count = 0;
    for (size_t k = 0; k < 2; k++) {
        if (t[k] > 0.0) {
            out->braking.t[out->braking.count] = t[k];
            out->braking.j[out->braking.count++] = k == 0 ? j : 0.0;
        }
    }
    prepare_after_brake(rates, goal, out);
    if (out->braking.count == 0 || other == NULL || !settle(rates, start, goal, other)) {
        return false;
    }
    if (other->fastest < out->fastest) {
        sc_otg_joint braked = *out;
        *out = *other;
        *other = braked;
    }
    return true;
}

/* The start, and the phases of the brake. */
static void
begin(const sc_otg_joint *joint, sc_otg_profile *out)
{
    out->start = joint->braking.start;
    out->count = joint->braking.count;
    for (size_t k = 0; k < out->count; k++) {
        out->t[k] = joint->braking.t[k];
        out->j[k] = joint->braking.j[k];
    }
}

void
sc_otg_fastest(const sc_otg_joint *joint, sc_otg_profile *out)
{
    sc_otg_view view;
    sc_otg_look(joint, joint->extreme.mirrored, &view);
    begin(joint, out);
    sc_otg_extreme_phases(&view, &joint->extreme, out);
}

/* A first guess of the plateau: right if both ramps come to their largest accelerations. */
static double
guess_plateau(const sc_otg_view *view, double time)
{
    double mean = view->displacement / time, c[3] = {-view->displacement, time, 0.0};
    for (size_t i = 0; i < 2; i++) {
        sc_otg_ramp_parabola(&view->side[i], view->j, mean >= view->side[i].c ? 1.0 : -1.0, c);
    }
    double square = c[1] * c[1] - 4.0 * c[2] * c[0];
    double v = -2.0 * c[0] / (c[1] + sqrt(sc_otg_max(square, 0.0)));
    return square >= 0.0 && c[1] > 0.0 ? v : mean;
}

/* The plateau whose motion takes the given time, if there is one: the displacement grows with it.
 * Newton steps inside a bracket. ramp: to it, and from it. */
static bool
find_plateau(const sc_otg_view *view, double v_min, double time, sc_otg_ramp ramp[2])
{
    double low = v_min, high = view->v_max;
    double least = sc_otg_min(view->side[0].c, view->side[1].c);
    double most = sc_otg_max(view->side[0].c, view->side[1].c);
    double v = guess_plateau(view, time);
    for (size_t round = 0; round < ROUNDS; round++) {
        v = v >= low && v <= high ? v : 0.5 * (low + high);
        sc_otg_ramp_to(&view->side[0], view->j, v, &ramp[0]);
        sc_otg_ramp_to(&view->side[1], view->j, v, &ramp[1]);
        double rest = time - ramp[0].time - ramp[1].time, h = ramp[0].h + ramp[1].h;
        double value = v * time + h - view->displacement;
        double size = fabs(v) * time + fabs(ramp[0].h) + fabs(ramp[1].h);
        if (rest < -1e-14 * time) {
            if (v < most && v > least) {
                return false;
            }
            *(v >= most ? &high : &low) = v;
            v = high < low ? high : 0.5 * (low + high);
        }
        else if (fabs(value) <= SC_OTG_CLOSE * size) {
            return true;
        }
        else {
            *(value > 0.0 ? &high : &low) = v;
            double slope = 0.5 * (ramp[0].t[2] + ramp[1].t[2]) + sc_otg_max(rest, 0.0);
            double next = v - value / slope;
            if (fabs(next - v) <= 2.0 * SC_OTG_EPS * fabs(v) &&
                fabs(value) <= 64.0 * SC_OTG_EPS * (size + fabs(view->displacement))) {
                return true;
            }
            v = next > low && next < high && round % 16 != 15 ? next : 0.5 * (low + high);
        }
        if (high - low <= SC_OTG_EPS * sc_otg_max(fabs(high), fabs(low))) {
            return false;
        }
    }
    return false;
}

/* The mean of two motions of the same duration: jerks in the proportion 1 - part, part. */
static void
mix(const sc_otg_profile *a, const sc_otg_profile *b, double part, sc_otg_profile *out)
{
    size_t i = 0, k = 0;
    double left_a = a->count > 0 ? a->t[0] : 0.0, left_b = b->count > 0 ? b->t[0] : 0.0;
    while (i < a->count || k < b->count) {
        double jerk_a = i < a->count ? a->j[i] : 0.0, jerk_b = k < b->count ? b->j[k] : 0.0;
        double step = i >= a->count ? left_b : k >= b->count ? left_a : sc_otg_min(left_a, left_b);
        if (step > 0.0) {
            out->t[out->count] = step;
            out->j[out->count++] = jerk_a + part * (jerk_b - jerk_a);
        }
        left_a -= step;
        left_b -= step;
        if (i < a->count && !(left_a > 0.0)) {
            left_a = ++i < a->count ? a->t[i] : 0.0;
        }
        if (k < b->count && !(left_b > 0.0)) {
            left_b = ++k < b->count ? b->t[k] : 0.0;
        }
    }
}

/* The mean of the extremes at one duration that has the wanted displacement. The jerks of the
 * brake are in *out already. Returns 0, or 1 (-1) if the displacement lies above (below). */
static int
mix_extremes(const sc_otg_joint *joint, double time, const sc_otg_extreme extreme[2],
             sc_otg_profile *out)
{
    double reached[2];
    sc_otg_profile parts[2];
    for (size_t i = 0; i < 2; i++) {
        sc_otg_view view;
        sc_otg_look(joint, i == 1, &view);
        reached[i] = sc_otg_extreme_displacement(&view, &extreme[i]) * (i == 0 ? 1.0 : -1.0);
        parts[i].count = 0;
        sc_otg_extreme_phases(&view, &extreme[i], &parts[i]);
    }
    double slack = sc_otg_slack(joint, time);
    if (joint->displacement > reached[0] + slack) {
        return 1;
    }
    if (joint->displacement < reached[1] - slack) {
        return -1;
    }
    double span = reached[0] - reached[1];
    double part = span > 0.0 ? (reached[0] - joint->displacement) / span : 0.0;
    begin(joint, out);
    mix(&parts[0], &parts[1], sc_otg_min(sc_otg_max(part, 0.0), 1.0), out);
    return 0;
}

sc_status
sc_otg_stretched(const sc_otg_joint *joint, double duration, sc_otg_profile *out, double *next)
{
    double time = duration - joint->brake;
    sc_otg_ramp ramp[2];
    sc_otg_extreme extreme[2];
    double moment = SC_OTG_SLACK * duration + joint->moment;
    if (fabs(duration - joint->fastest) <= moment) {
        sc_otg_fastest(joint, out);
        return SC_OK;
    }
    if (duration < joint->fastest) {
        *next = joint->fastest;
        return SC_TOO_SHORT;
    }
    if (time < joint->main - moment) {
        if (time <= joint->lens_end && sc_otg_lens_at_time(joint, time, extreme) &&
            mix_extremes(joint, time, extreme, out) == 0) {
            return SC_OK;
        }
        *next = joint->brake + joint->main;
        return SC_TOO_SHORT;
    }
    sc_otg_view view;
    sc_otg_look(joint, false, &view);
    if (find_plateau(&view, joint->rates.v_min, time, ramp)) {
        begin(joint, out);
        sc_otg_plateau_phases(&ramp[0], &ramp[1], time, view.j, out);
        return SC_OK;
    }
    sc_otg_upper_at_time(&view, time, &extreme[0]);
    sc_otg_look(joint, true, &view);
    sc_otg_upper_at_time(&view, time, &extreme[1]);
    int outside = mix_extremes(joint, time, extreme, out);
    if (outside == 0) {
        return SC_OK;
    }
    sc_otg_look(joint, outside < 0, &view);
    sc_otg_upper_at_displacement(&view, &extreme[outside < 0 ? 1 : 0], view.displacement,
                                 &extreme[0]);
    *next = sc_otg_max(joint->brake + extreme[0].duration, duration * (1.0 + SC_OTG_SLACK));
    return SC_TOO_SHORT;
}
