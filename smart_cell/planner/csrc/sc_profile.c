/* Rest-to-rest seven-phase profiles. */
#include "sc_profile.h"

#include <assert.h>
#include <math.h>

/* Times of the acceleration from 0 to velocity v under limits a and j. */
static void
acceleration_times(double v, double a, double j, double *t_jerk, double *t_accel)
{
    if (v * j >= a * a) {
        *t_jerk = a / j;
        *t_accel = v / a - a / j;
    }
    else {
        *t_jerk = sqrt(v / j);
        *t_accel = 0.0;
    }
}

/* The peak velocity at which `length` is used up by accelerating and braking alone. */
static double
peak_velocity(double length, double a, double j)
{
    double v = cbrt(0.25 * length * j) * cbrt(length); /* no underflow of length^2 */
    if (v * j > a * a) {
        double r = a / j;
        v = 2.0 * length / (r + sqrt(r * r + 4.0 * length / a));
    }
    return v;
}

/* Fills the profile whose peak velocity is v and whose total time is given. */
static void
fill(double distance, double v, double a, double j, double duration, sc_profile *out)
{
    double t_jerk, t_accel;
    acceleration_times(v, a, j, &t_jerk, &t_accel);
    out->distance = distance;
    out->t_jerk = t_jerk;
    out->t_accel = t_accel;
    out->t_cruise = fmax(0.0, duration - 4.0 * t_jerk - 2.0 * t_accel);
    out->duration = 4.0 * t_jerk + 2.0 * t_accel + out->t_cruise;
    /* The jerk that covers the distance exactly in these times: equal to +-j up to rounding. */
    double area = t_jerk * (t_jerk + t_accel) * (2.0 * t_jerk + t_accel + out->t_cruise);
    out->jerk = area > 0.0 ? distance / area : 0.0;
}

sc_status
sc_profile_fastest(double distance, double velocity, double acceleration, double jerk,
                   sc_profile *out)
{
    double length = fabs(distance);
    if (!(isfinite(length) && velocity > 0.0 && acceleration > 0.0 && jerk > 0.0)) {
        return SC_BAD_ARGUMENT;
    }
    double v = peak_velocity(length, acceleration, jerk);
    double t_jerk, t_accel, cruise = 0.0;
    if (v > velocity) {
        v = velocity;
        acceleration_times(v, acceleration, jerk, &t_jerk, &t_accel);
        cruise = fmax(0.0, length / v - 2.0 * t_jerk - t_accel);
    }
    else {
        acceleration_times(v, acceleration, jerk, &t_jerk, &t_accel);
    }
    fill(distance, v, acceleration, jerk, 4.0 * t_jerk + 2.0 * t_accel + cruise, out);
    return SC_OK;
}

/* State in the first half (accelerating or cruising). */
static void
forward_state(const sc_profile *p, double t, double state[4])
{
    double j = p->jerk, t1 = p->t_jerk, t2 = t1 + p->t_accel, t3 = t2 + t1;
    if (t < t1) {
        state[0] = j * t * t * t / 6.0;
        state[1] = 0.5 * j * t * t;
        state[2] = j * t;
        state[3] = j;
        return;
    }
    double a1 = j * t1, v1 = 0.5 * j * t1 * t1, p1 = v1 * t1 / 3.0;
    if (t < t2) {
        double x = t - t1;
        state[0] = p1 + x * (v1 + 0.5 * x * a1);
        state[1] = v1 + x * a1;
        state[2] = a1;
        state[3] = 0.0;
        return;
    }
    double ta = p->t_accel, v2 = v1 + a1 * ta, p2 = p1 + ta * (v1 + 0.5 * ta * a1);
    if (t < t3) {
        double x = t - t2;
        state[0] = p2 + x * (v2 + x * (0.5 * a1 - x * j / 6.0));
        state[1] = v2 + x * (a1 - 0.5 * x * j);
        state[2] = a1 - x * j;
        state[3] = -j;
        return;
    }
    double v3 = v2 + v1, p3 = p2 + t1 * (v2 + t1 * j * t1 / 3.0);
    state[0] = p3 + (t - t3) * v3;
    state[1] = v3;
    state[2] = 0.0;
    state[3] = 0.0;
}

void
sc_profile_state(const sc_profile *profile, double t, double state[4])
{
    assert(t >= 0.0 && t <= profile->duration);
    if (t <= 0.5 * profile->duration) {
        forward_state(profile, t, state);
        return;
    }
    /* The second half mirrors the first in time, so that the end is met exactly. */
    forward_state(profile, profile->duration - t, state);
    state[0] = profile->distance - state[0];
    state[2] = -state[2];
}

void
sc_profile_boundaries(const sc_profile *profile, double times[8])
{
    double t1 = profile->t_jerk, t2 = t1 + profile->t_accel, t3 = t2 + t1;
    const double half[4] = {0.0, t1, t2, t3};
    for (size_t i = 0; i < 4; i++) {
        times[i] = half[i];
        times[7 - i] = profile->duration - half[i];
    }
    times[4] = fmax(times[4], times[3]);
}
