/* Inverse kinematics of any serial chain: damped least squares from many deterministic starts.
 *
 * One descent is the Levenberg-Marquardt iteration with the damping of Sugihara (2011),
 * "Solvability-unconcerned inverse kinematics by the Levenberg-Marquardt method", IEEE T-RO 27(5).
 * Further starts come from an additive low-discrepancy sequence (Roberts 2018) over the joint
 * limits. No memory is allocated; everything is reentrant.
 */
#ifndef SC_IK_H
#define SC_IK_H

#include "sc_chain.h"

#define SC_IK_MAX_SOLUTIONS 64

/* Residuals below which a descent stops, and below which its end counts as a solution. */
#define SC_IK_GOAL 1e-11
#define SC_IK_ACCEPT 1e-9

/* One descent from q (dof values, changed in place) to `target`. Joints whose bit is set in `held`
 * keep their value; joints with a range below one turn, and prismatic ones, stay inside their
 * limits. At most `max_steps` steps (about 0.4 us each for six joints).
 * Returns SC_OK if both residuals [m], [rad] end below SC_IK_ACCEPT, else SC_NOT_CONVERGED. */
sc_status sc_ik_descend(const sc_chain *chain, const sc_frame *target, uint32_t held,
                        size_t max_steps, double *q);

/* Replaces each joint that may turn a full circle by its copy (q + 2 pi k) nearest to `near`
 * inside the limits; every other joint must already be inside. Returns false if one is not. */
bool sc_ik_wrap_near(const sc_chain *chain, const double *near, double *q);

/* Distinct solutions inside the limits, nearest (Euclidean, joint space) to `seed` first.
 * seed: dof values inside the limits; held: as above, held joints stay at their seed value.
 * most: 1..SC_IK_MAX_SOLUTIONS; solutions: most x dof values; count: how many were written.
 * Always SC_OK, count 0 when there is none. A few 100 us for six joints. */
sc_status sc_ik_solve(const sc_chain *chain, const sc_frame *target, const double *seed,
                      uint32_t held, size_t most, double *solutions, size_t *count);

#endif
