/* Ramps, and the upper end of the interval of displacements. */
#include "sc_otg_ramp.h"

#define ROUNDS 100 /* of a root search; half of them would do for bisection alone */

void
sc_otg_look(const sc_otg_joint *joint, bool mirrored, sc_otg_view *out)
{
    out->v_max = joint->rates.v_max;
    out->j = joint->rates.j;
    out->side[0] = joint->side[0];
    out->side[1] = joint->side[1];
    out->displacement = joint->displacement;
    out->mirrored = mirrored;
    if (mirrored) {
        out->v_max = -joint->rates.v_min;
        out->displacement = -joint->displacement;
        for (size_t i = 0; i < 2; i++) {
            out->side[i].v = -joint->side[i].v;
            out->side[i].a = -joint->side[i].a;
            out->side[i].c = -joint->side[i].c;
            out->side[i].up = joint->side[i].down;
            out->side[i].down = joint->side[i].up;
            out->side[i].per_up = joint->side[i].per_down;
            out->side[i].per_down = joint->side[i].per_up;
        }
    }
}

void
sc_otg_valley(const sc_otg_view *view, size_t x, double z, sc_otg_ramp *ramp, double *time,
              double *displacement)
{
    const sc_otg_side *end = &view->side[x], *other = &view->side[1 - x];
    double j = view->j, inverse = other->per_j, most = other->up;
    double junction = end->v - 0.5 * inverse * (end->a * end->a - z * z);
    double square = j * (junction - other->v) + 0.5 * (other->a * other->a + z * z);
    double peak = sc_otg_max(sqrt(sc_otg_max(square, 0.0)), sc_otg_max(other->a, z)), hold = 0.0;
    if (peak > most) {
        peak = sc_otg_max(most, sc_otg_max(other->a, z));
        hold = sc_otg_max(square - peak * peak, 0.0) * inverse / peak;
    }
    double t1 = (peak - other->a) * inverse, t3 = (peak - z) * inverse;
    double tail = (-end->a - z) * inverse;
    double d = t1 * (other->v + t1 * (0.5 * other->a + j * t1 / 6.0));
    double v = other->v + 0.5 * t1 * (other->a + peak);
    d += hold * (v + 0.5 * hold * peak);
    v += hold * peak;
    d += t3 * (v + t3 * (0.5 * peak - j * t3 / 6.0));
    v += 0.5 * t3 * (peak + z);
    d += tail * (v + tail * (0.5 * z + j * tail / 6.0));
    ramp->direction = 1.0;
    ramp->peak = peak;
    ramp->t[0] = t1;
    ramp->t[1] = hold;
    ramp->t[2] = t3;
    ramp->time = t1 + hold + t3;
    *time = ramp->time + tail;
    *displacement = d;
}

void
sc_otg_plateau(const sc_otg_view *view, double v, double *time, double *displacement)
{
    sc_otg_ramp a, b;
    sc_otg_ramp_to(&view->side[0], view->j, v, &a);
    sc_otg_ramp_to(&view->side[1], view->j, v, &b);
    *time = a.time + b.time;
    *displacement = v * (a.time + b.time) + a.h + b.h;
}

/* A value to bring to zero as a function of w, the root of the plateau's height above `base`. */
typedef struct {
    const sc_otg_view *view;
    double base, wanted;
    bool of_time; /* the time, or else the displacement */
} target;

/* Value and derivative; returns the size of the terms of the value. */
static double
evaluate(const target *f, double w, double *value, double *slope)
{
    sc_otg_ramp a, b;
    double v = f->base + w * w, j = f->view->j;
    sc_otg_ramp_to(&f->view->side[0], j, v, &a);
    sc_otg_ramp_to(&f->view->side[1], j, v, &b);
    double time = a.time + b.time, rate = 1.0 / a.peak + 1.0 / b.peak;
    if (f->of_time) {
        *value = time - f->wanted;
        *slope = 2.0 * w * rate;
        return time;
    }
    *value = v * time + a.h + b.h - f->wanted;
    *slope = 2.0 * w * (v * rate + 0.5 * (a.peak + b.peak) * f->view->side[0].per_j);
    return fabs(v) * time + fabs(a.h) + fabs(b.h);
}

/* The root between low (value <= 0) and high (value >= 0) from a first guess: Newton steps inside
 * the bracket, else halves. */
static double
root(const target *f, double low, double high, double w)
{
    for (size_t round = 0; round < ROUNDS; round++) {
        double value, slope;
        w = w > low && w < high ? w : 0.5 * (low + high);
        double size = evaluate(f, w, &value, &slope);
        if (value > 0.0) {
            high = w;
        }
        else {
            low = w;
        }
        if (fabs(value) <= SC_OTG_CLOSE * size || high - low <= SC_OTG_EPS * high) {
            break;
        }
        double next = w - value / slope;
        next = next > low && next < high && round % 16 != 15 ? next : 0.5 * (low + high);
        if (fabs(next - w) <= 0.5 * SC_OTG_EPS * w) {
            break;
        }
        w = next;
    }
    return w;
}

/* The valley between high (below the target) and low (not below it), by halving. */
static double
valley_root(const sc_otg_view *view, size_t x, double low, double high, double wanted, bool of_time)
{
    for (size_t round = 0; round < ROUNDS && high - low > SC_OTG_EPS * high; round++) {
        double z = 0.5 * (low + high), time, displacement;
        sc_otg_ramp ramp;
        sc_otg_valley(view, x, z, &ramp, &time, &displacement);
        if ((of_time ? time : displacement) < wanted) {
            high = z;
        }
        else {
            low = z;
        }
    }
    return 0.5 * (low + high);
}

/* The rate of the displacement with the time at valley z, v - (a^2 + z peak - 2 z^2) / 2 j: it
 * falls with the valley, and grows again where the valley is less than about a quarter of the peak.
 */
static double
valley_rate(const sc_otg_view *view, size_t x, double z, bool *growing)
{
    const sc_otg_side *end = &view->side[x];
    double time, displacement;
    sc_otg_ramp ramp;
    sc_otg_valley(view, x, z, &ramp, &time, &displacement);
    double quarter = ramp.t[1] > 0.0 ? 4.0 : 2.0 + sqrt(3.0);
    *growing = ramp.peak > quarter * z;
    return end->v - 0.5 * (end->a * end->a + z * (ramp.peak - 2.0 * z)) / view->j;
}

/* Halves between low and high for where the rate begins to grow, or else where it is zero: it is
 * negative at low with sign 1, at high with sign -1. */
static double
rate_root(const sc_otg_view *view, size_t x, double low, double high, double sign)
{
    for (size_t round = 0; round < ROUNDS && high - low > SC_OTG_EPS * high; round++) {
        double z = 0.5 * (low + high);
        bool growing;
        double rate = valley_rate(view, x, z, &growing);
        bool right = sign == 0.0 ? growing : sign * rate < 0.0;
        *(right ? &low : &high) = z;
    }
    return 0.5 * (low + high);
}

static double
valley_displacement(const sc_otg_view *view, size_t x, double z)
{
    double time, displacement;
    sc_otg_ramp ramp;
    sc_otg_valley(view, x, z, &ramp, &time, &displacement);
    return displacement;
}

bool
sc_otg_find_valley(const sc_otg_view *view, size_t x, double last, double high, double displacement,
                   double *z)
{
    const sc_otg_side *end = &view->side[x];
    double time, begin, longest, at_last;
    sc_otg_ramp ramp;
    bool growing;
    sc_otg_valley(view, x, last, &ramp, &longest, &at_last);
    sc_otg_valley(view, x, high, &ramp, &time, &begin);
    if (displacement > begin + sc_otg_max(end->v, 0.0) * (longest - time)) {
        return false; /* the rate is never larger than v */
    }
    double least = end->a * end->a + 0.125 * ramp.peak * ramp.peak;
    if (end->v < 0.5 * least / view->j) {
        double lowest = rate_root(view, x, last, high, 0.0);
        if (valley_rate(view, x, lowest, &growing) < 0.0) {
            /* Up to a summit, down again, and possibly up once more. */
            double summit = rate_root(view, x, lowest, high, 1.0);
            if (valley_displacement(view, x, summit) >= displacement) {
                *z = valley_root(view, x, summit, high, displacement, false);
                return true;
            }
            high = rate_root(view, x, last, lowest, -1.0);
        }
    }
    if (!(at_last > displacement)) {
        return false;
    }
    *z = valley_root(view, x, last, high, displacement, false);
    return true;
}

static void
set_valley(const sc_otg_view *view, size_t x, double z, sc_otg_extreme *out)
{
    sc_otg_ramp ramp;
    double displacement;
    out->mirrored = view->mirrored;
    out->valley = true;
    out->side = x;
    out->at = z;
    sc_otg_valley(view, x, z, &ramp, &out->duration, &displacement);
}

static void
set_plateau(const sc_otg_view *view, double v, double duration, sc_otg_extreme *out)
{
    double time, displacement;
    out->mirrored = view->mirrored;
    out->valley = false;
    out->side = 0;
    out->at = v;
    sc_otg_plateau(view, v, &time, &displacement);
    out->duration = sc_otg_max(time, duration);
}

/* Where the displacement is the wanted one if both ramps come to their largest accelerations; as
 * the root of the height above the base (then more than the square of these over j). */
static double
guess(const target *f)
{
    const sc_otg_view *view = f->view;
    double j = view->j, c[3] = {-f->wanted, 0.0, 0.0};
    for (size_t i = 0; i < 2; i++) {
        /* h + v * time, the time (v - begin) / most + most / j less what came before. */
        const sc_otg_side *side = &view->side[i];
        double before = side->a * side->per_j, begin = side->v - 0.5 * side->a * before;
        sc_otg_ramp_parabola(side, j, 1.0, c);
        c[1] += side->up * side->per_j - begin * side->per_up - before;
        c[2] += side->per_up;
    }
    double square = c[1] * c[1] - 4.0 * c[2] * c[0];
    double v = square >= 0.0 ? -2.0 * c[0] / (c[1] + sqrt(square)) : f->base;
    return sqrt(sc_otg_max(v - f->base, 0.0));
}

void
sc_otg_upper_at_displacement(const sc_otg_view *view, const sc_otg_extreme *from,
                             double displacement, sc_otg_extreme *out)
{
    size_t x = sc_otg_far_side(view);
    double top = view->v_max, time, at_top;
    target f = {view, view->side[x].c, displacement, false};
    double low = 0.0, at_base, z;
    bool valley = from != NULL ? from->valley : view->side[x].a < 0.0;
    if (valley && sc_otg_find_valley(view, x, 0.0, from != NULL ? from->at : -view->side[x].a,
                                     displacement, &z)) {
        set_valley(view, x, z, out);
        return;
    }
    sc_otg_plateau(view, top, &time, &at_top);
    if (displacement >= at_top) {
        sc_otg_extreme found = {.mirrored = view->mirrored, .at = top};
        found.duration = time + (displacement - at_top) / top;
        *out = found;
        return;
    }
    if (from != NULL && !valley) {
        low = sqrt(sc_otg_max(from->at - f.base, 0.0));
    }
    double high = sqrt(sc_otg_max(top - f.base, 0.0)), w = guess(&f);
    double most = sc_otg_max(view->side[0].up, view->side[1].up);
    if (!(w * w * view->j > most * most)) { /* the guess is not right */
        sc_otg_plateau(view, f.base, &time, &at_base);
        w = high * cbrt(sc_otg_max(displacement - at_base, 0.0) / (at_top - at_base));
    }
    w = w > 0.0 || low > 0.0 ? root(&f, low, high, w) : 0.0;
    set_plateau(view, f.base + w * w, 0.0, out);
}

void
sc_otg_upper_at_time(const sc_otg_view *view, double time, sc_otg_extreme *out)
{
    size_t x = sc_otg_far_side(view);
    double top = view->v_max, base = view->side[x].c, at_top, at_base, displacement;
    sc_otg_plateau(view, top, &at_top, &displacement);
    sc_otg_plateau(view, base, &at_base, &displacement);
    if (time >= at_top) {
        set_plateau(view, top, time, out);
    }
    else if (time >= at_base) {
        target f = {view, base, time, true};
        double high = sqrt(sc_otg_max(top - base, 0.0));
        double w = root(&f, 0.0, high, high * (time - at_base) / (at_top - at_base));
        set_plateau(view, base + w * w, 0.0, out);
    }
    else if (view->side[x].a < 0.0) {
        double z = valley_root(view, x, 0.0, -view->side[x].a, time, true);
        set_valley(view, x, z, out);
    }
    else {
        set_plateau(view, base, 0.0, out);
    }
}

double
sc_otg_extreme_displacement(const sc_otg_view *view, const sc_otg_extreme *extreme)
{
    sc_otg_ramp ramp;
    double time, displacement;
    if (extreme->valley) {
        sc_otg_valley(view, extreme->side, extreme->at, &ramp, &time, &displacement);
        return displacement;
    }
    sc_otg_plateau(view, extreme->at, &time, &displacement);
    return displacement + extreme->at * (extreme->duration - time);
}

static void
push(sc_otg_profile *out, double t, double j)
{
    if (t > 0.0) {
        out->t[out->count] = t;
        out->j[out->count++] = j;
    }
}

static void
push_ramp(sc_otg_profile *out, const sc_otg_ramp *ramp, bool reversed, double j)
{
    push(out, ramp->t[reversed ? 2 : 0], reversed ? -j : j);
    push(out, ramp->t[1], 0.0);
    push(out, ramp->t[reversed ? 0 : 2], reversed ? j : -j);
}

void
sc_otg_plateau_phases(const sc_otg_ramp *to, const sc_otg_ramp *from, double duration, double j,
                      sc_otg_profile *out)
{
    push_ramp(out, to, false, to->direction * j);
    push(out, duration - to->time - from->time, 0.0);
    push_ramp(out, from, true, from->direction * j);
}

void
sc_otg_extreme_phases(const sc_otg_view *view, const sc_otg_extreme *extreme, sc_otg_profile *out)
{
    sc_otg_ramp ramp;
    double time, displacement, j = view->mirrored ? -view->j : view->j;
    if (!extreme->valley) {
        sc_otg_ramp from;
        sc_otg_ramp_to(&view->side[0], view->j, extreme->at, &ramp);
        sc_otg_ramp_to(&view->side[1], view->j, extreme->at, &from);
        sc_otg_plateau_phases(&ramp, &from, extreme->duration, j, out);
        return;
    }
    sc_otg_valley(view, extreme->side, extreme->at, &ramp, &time, &displacement);
    if (extreme->side == 1) {
        push_ramp(out, &ramp, false, j);
        push(out, time - ramp.time, j);
    }
    else {
        push(out, time - ramp.time, j);
        push_ramp(out, &ramp, true, j);
    }
}
