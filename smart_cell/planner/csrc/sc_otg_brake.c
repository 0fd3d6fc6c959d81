/* Bringing a joint back inside its limits. */
#include "sc_otg_brake.h"

#include <math.h>

#define ROUNDING 1e-12 /* relative: what is less outside counts as inside */

/* Downwards at full jerk until the velocity is v_max, or until it could only just be caught at
 * v_min; at a_min the acceleration stays. */
static void
brake_velocity(const sc_rates *r, double v, double a, double t[2])
{
    double to_min = (a - r->a_min) / r->j;
    double inside = (a + sqrt(fmax(a * a + 2.0 * r->j * (v - r->v_max), 0.0))) / r->j;
    double below = (a + sqrt(fmax(0.5 * a * a + r->j * (v - r->v_min), 0.0))) / r->j;
    double first = fmin(inside, below);
    if (to_min < first) {
        double then = v + to_min * (a - 0.5 * r->j * to_min);
        double hold_inside = (r->v_max - then) / r->a_min;
        double hold_below = 0.5 * r->a_min / r->j + (r->v_min - then) / r->a_min;
        t[0] = fmax(to_min, 0.0);
        t[1] = fmax(fmin(hold_inside, hold_below), 0.0);
        return;
    }
    t[0] = fmax(first, 0.0);
}

/* Downwards until the acceleration is a_max, which stays until the velocity is inside. */
static void
brake_acceleration(const sc_rates *r, double v, double a, double t[2])
{
    double to_max = (a - r->a_max) / r->j;
    double then = v + to_max * (a - 0.5 * r->j * to_max);
    if (v + 0.5 * a * a / r->j > r->v_max) {
        brake_velocity(r, v, a, t);
        return;
    }
    t[0] = to_max;
    if (then < r->v_min) {
        double inside = (r->v_min - then) / r->a_max;
        double above = (r->v_max - then) / r->a_max - 0.5 * r->a_max / r->j;
        t[1] = fmax(fmin(inside, above), 0.0);
    }
}

static bool
too_fast(const sc_rates *r, double v, double a)
{
    double slack = ROUNDING * r->v_max, square = 0.5 * a * a / r->j;
    return (v > r->v_max + slack && v - square > r->v_min) ||
           (a > 0.0 && v + square > r->v_max + slack);
}

double
sc_otg_brake(const sc_rates *r, double v, double a, double t[2])
{
    const sc_rates turned = {-r->v_max, -r->v_min, -r->a_max, -r->a_min, r->j};
    double turn = 0.5 * a * a / r->j;
    t[0] = t[1] = 0.0;
    if (a <= r->a_max && a >= r->a_min && v + turn <= r->v_max && v - turn >= r->v_min) {
        return 0.0; /* nearly always */
    }
    if (a > r->a_max * (1.0 + ROUNDING)) {
        brake_acceleration(r, v, a, t);
        return -r->j;
    }
    if (a < r->a_min * (1.0 + ROUNDING)) {
        brake_acceleration(&turned, -v, -a, t);
        return r->j;
    }
    if (too_fast(r, v, a)) {
        brake_velocity(r, v, a, t);
        return -r->j;
    }
    if (too_fast(&turned, -v, -a)) {
        brake_velocity(&turned, -v, -a, t);
        return r->j;
    }
    return 0.0;
}
