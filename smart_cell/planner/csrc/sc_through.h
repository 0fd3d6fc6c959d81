/* Motion through waypoints: exactly through each, jerk-limited, without stopping, short in time.
 *
 * Direct collocation: every stretch between two waypoints has SC_PIECES equal pieces of constant
 * jerk per joint. The unknowns are the stretches' durations, velocity and acceleration at the
 * waypoints, and what each stretch leaves free (sc_pieces.h). The sum of the durations is
 * minimised under the limits by a primal-dual interior point method whose Hessian leaves out the
 * curvature of the constraints, which amounts to successive linear programs (Nocedal & Wright
 * 2006, sections 14.2 and 19.3). The unknowns inside a stretch are eliminated stretch by stretch;
 * what remains is block tridiagonal.
 */
#ifndef SC_THROUGH_H
#define SC_THROUGH_H

#include "sc_pieces.h"
#include "sc_spline.h"

/* Segments of the resulting spline. */
#define SC_THROUGH_SEGMENTS(waypoints) (((waypoints) - 1) * SC_PIECES)

/* The doubles of workspace for that many waypoints (>= 2). */
size_t sc_through_doubles(size_t dof, size_t waypoints);

/* Velocity and acceleration of all joints at both ends. */
typedef struct {
    const double *start[2], *goal[2];
} sc_through_ends;

/* waypoints: count x out->dof, neighbours different, inside the position limits; ends inside the
 * limits. work: sc_through_doubles doubles. out: capacity SC_THROUGH_SEGMENTS.
 * SC_OK: all limits are kept, exactly. SC_LIMIT_EXCEEDED with *worst: no motion was found that
 * keeps them. SC_NOT_CONVERGED: none was found.
 * About 15 to 30 iterations; each costs about 2 us per stretch and joint. */
sc_status sc_through_plan(size_t count, const double *waypoints, const sc_through_ends *ends,
                          const sc_limits *limits, double *work, sc_spline *out,
                          sc_violation *worst);

#endif
