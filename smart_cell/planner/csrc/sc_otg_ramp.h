/* Ramps and the ends of the interval of displacements; internal to sc_otg_*.c. */
#ifndef SC_OTG_RAMP_H
#define SC_OTG_RAMP_H

#include "sc_otg_joint.h"

#include <math.h>

#define SC_OTG_EPS 2.3e-16
#define SC_OTG_CLOSE 1.5e-15 /* relative: a root is found */
#define SC_OTG_SLACK 1e-11   /* relative: what is less is rounding */

/* As fmax and fmin, inline: no number here is NaN. */
static inline double
sc_otg_max(double a, double b)
{
    return a > b ? a : b;
}

static inline double
sc_otg_min(double a, double b)
{
    return a < b ? a : b;
}

/* A ramp from a side to a plateau v. */
typedef struct {
    double direction; /* of its first jerk: +1 or -1 */
    double peak;      /* largest acceleration, >= 0 in its direction */
    double t[3];
    double time;
    double h; /* displacement - v * time */
} sc_otg_ramp;

/* A joint seen as one that goes up: both sides, limits and displacement, possibly mirrored. */
typedef struct {
    double v_max, j;
    sc_otg_side side[2];
    double displacement;
    bool mirrored;
} sc_otg_view;

/* The ramp from a side to plateau v. Its time changes with v by direction / peak, its displacement
 * by that times v plus peak / (2 j). */
static inline void
sc_otg_ramp_to(const sc_otg_side *side, double j, double v, sc_otg_ramp *r)
{
    double up = v >= side->c ? 1.0 : -1.0, a = up * side->a;
    double most = up > 0.0 ? side->up : side->down, before = sc_otg_max(a, 0.0);
    double square = j * fabs(v - side->c) + before * before;
    double inverse = side->per_j, peak = most, hold = 0.0;
    if (square <= most * most) {
        peak = sc_otg_max(sqrt(square), before);
    }
    else {
        hold = (square - most * most) * inverse * (up > 0.0 ? side->per_up : side->per_down);
    }
    double t1 = (peak - a) * inverse, t3 = peak * inverse;
    double behind = 0.5 * peak * t3, more = behind + peak * hold;
    r->direction = up;
    r->peak = peak;
    r->t[0] = t1;
    r->t[1] = hold;
    r->t[2] = t3;
    r->time = t1 + hold + t3;
    r->h = -up * (behind * t3 / 3.0 + hold * (behind + 0.5 * peak * hold) +
                  t1 * (more + t1 * (0.5 * peak - j * t1 / 6.0)));
}

/* What rounding makes of the displacement of a motion of the given time. */
static inline double
sc_otg_slack(const sc_otg_joint *joint, double time)
{
    double speed = sc_otg_max(joint->rates.v_max, -joint->rates.v_min);
    return SC_OTG_SLACK * (joint->size + speed * time);
}

/* Coefficients c[0] + c[1] v + c[2] v^2 of the displacement (h) of a ramp less v times its time, if
 * it comes to its largest acceleration: added to c. The ramp begins as if from zero acceleration,
 * t seconds before. */
static inline void
sc_otg_ramp_parabola(const sc_otg_side *side, double j, double up, double c[3])
{
    double most = up > 0.0 ? side->up : side->down, t = up * side->a * side->per_j;
    double v = side->v - 0.5 * side->a * t, linear = 0.5 * most * side->per_j;
    double half = 0.5 * (up > 0.0 ? side->per_up : side->per_down);
    c[0] += linear * v - up * half * v * v - t * (v + up * j * t * t / 6.0);
    c[1] += t - linear + 2.0 * up * half * v;
    c[2] -= up * half;
}

/* The joint as it is, or mirrored. */
void sc_otg_look(const sc_otg_joint *joint, bool mirrored, sc_otg_view *out);

/* Time and displacement with a valley z (the acceleration between the two upward pulses):
 * side[x] has acceleration a < 0 and 0 <= z <= -a. ramp: of the other side, to the valley. */
void sc_otg_valley(const sc_otg_view *view, size_t x, double z, sc_otg_ramp *ramp, double *time,
                   double *displacement);

/* The first valley from `high` down to `last` with at least the displacement, which must not be
 * less than that of `high`; false if there is none. */
bool sc_otg_find_valley(const sc_otg_view *view, size_t x, double last, double high,
                        double displacement, double *z);

/* Time and displacement of the plateau v without time on it. */
void sc_otg_plateau(const sc_otg_view *view, double v, double *time, double *displacement);

/* Where the upper end of the main range has the given displacement, from the extreme `from` on
 * (NULL: from its beginning), whose displacement must not be larger. */
void sc_otg_upper_at_displacement(const sc_otg_view *view, const sc_otg_extreme *from,
                                  double displacement, sc_otg_extreme *out);

/* Where the upper end of the main range has the given duration, not below its first one. */
void sc_otg_upper_at_time(const sc_otg_view *view, double time, sc_otg_extreme *out);

/* The displacement of an extreme. */
double sc_otg_extreme_displacement(const sc_otg_view *view, const sc_otg_extreme *extreme);

/* Appends the phases of an extreme (seen in its view) to the profile. */
void sc_otg_extreme_phases(const sc_otg_view *view, const sc_otg_extreme *extreme,
                           sc_otg_profile *out);

/* Appends the phases of the ramp to a plateau, the time on it, and the ramp from it. */
void sc_otg_plateau_phases(const sc_otg_ramp *to, const sc_otg_ramp *from, double duration,
                           double j, sc_otg_profile *out);

/* Index of the side with the larger c. */
static inline size_t
sc_otg_far_side(const sc_otg_view *view)
{
    return view->side[1].c > view->side[0].c ? 1 : 0;
}

#endif
