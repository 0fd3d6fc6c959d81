/* Jerk-limited motion of one joint from rest to rest: the classic seven-phase profile.
 *
 * Jerk +j, 0, -j while accelerating, none while cruising, -j, 0, +j while braking. From rest to
 * rest the minimum-time profile of this form is the time-optimal one (e.g. Biagiotti & Melchiorri
 * 2008, section 3.4). All times in seconds; distance in rad or m.
 */
#ifndef SC_PROFILE_H
#define SC_PROFILE_H

#include "sc_status.h"

#include <stddef.h>

typedef struct {
    double distance; /* signed */
    double jerk;     /* signed like the distance */
    double t_jerk;   /* each of the four jerk phases */
    double t_accel;  /* each of the two phases of constant acceleration */
    double t_cruise; /* constant velocity */
    double duration;
} sc_profile;

/* The minimum-time profile. velocity, acceleration, jerk: limits, > 0. Constant time. */
sc_status sc_profile_fastest(double distance, double velocity, double acceleration, double jerk,
                             sc_profile *out);

/* Position, velocity, acceleration and jerk at t in [0, duration]. */
void sc_profile_state(const sc_profile *profile, double t, double state[4]);

/* The eight phase boundaries, from 0 to duration, ascending. */
void sc_profile_boundaries(const sc_profile *profile, double times[8]);

#endif
