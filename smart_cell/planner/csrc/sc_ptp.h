/* Point-to-point motion of several joints from rest to rest, ending together. */
#ifndef SC_PTP_H
#define SC_PTP_H

#include "sc_profile.h"
#include "sc_spline.h"

/* Segments a point-to-point spline can need: eight boundaries per joint. */
#define SC_PTP_SEGMENTS(dof) (8 * (dof) + 1)

/* Time-optimal under velocity, acceleration and jerk limits; the joint with the longest minimum
 * time decides, the others lower their peak velocity. duration: 0, or the asked one [s].
 * needed: the minimum time, also set with SC_TOO_SHORT. Capacity >= SC_PTP_SEGMENTS(dof).
 * About 1 us per joint. */
sc_status sc_ptp_plan(const double *start, const double *goal, const sc_limits *limits,
                      double duration, sc_spline *out, double *needed);

#endif
