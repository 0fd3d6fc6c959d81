/* Inverse kinematics of any serial chain.
 *
 * Where six of the joints in a row have a structure of sc_closed.h, all solutions come from it in
 * closed form; the joints in front of them and behind (a rail, a gantry, the first or last axis of
 * a seven-axis arm) are tried at and round the seed. Everything else is damped least squares from
 * many deterministic starts: one descent is the Levenberg-Marquardt iteration with the damping of
 * Sugihara (2011), "Solvability-unconcerned inverse kinematics by the Levenberg-Marquardt method",
 * IEEE T-RO 27(5); further starts come from an additive low-discrepancy sequence (Roberts 2018)
 * over the joint limits. No memory is allocated; everything is reentrant and deterministic.
 */
#ifndef SC_IK_H
#define SC_IK_H

#include "sc_chain.h"
#include "sc_closed.h"

#define SC_IK_MAX_SOLUTIONS 64

/* Residuals below which a descent stops, and below which its end counts as a solution. */
#define SC_IK_GOAL 1e-11
#define SC_IK_ACCEPT 1e-9

/* How a chain is solved. */
typedef struct {
    size_t first;     /* the first of the six joints that are solved in closed form */
    sc_closed closed; /* of kind SC_CLOSED_NONE where everything is numerical */
} sc_ik_model;

/* Looks for six joints in a row with a structure, the last ones first; chains of 6 to 9 joints.
 * About 2 to 10 us. */
void sc_ik_analyse(const sc_chain *chain, sc_ik_model *model);

/* One descent from q (dof values, changed in place) to `target`. Joints whose bit is set in `held`
 * keep their value; joints with a range below one turn, and prismatic ones, stay inside their
 * limits. At most `max_steps` steps (about 0.4 us each for six joints).
 * Returns SC_OK if both residuals [m], [rad] end below SC_IK_ACCEPT, else SC_NOT_CONVERGED. */
sc_status sc_ik_descend(const sc_chain *chain, const sc_frame *target, uint32_t held,
                        size_t max_steps, double *q);

/* Whether a joint can turn a full circle. */
bool sc_ik_turns_fully(const sc_chain *chain, size_t joint);

/* Replaces each revolute one of the joints first .. first + n - 1 by its copy (q + 2 pi k) nearest
 * to `near` inside the limits, or nearest to the limits if none is inside. near, q: their n values.
 * Returns how far the worst is outside, 0 if all are inside; less than 1e-12 outside is put on the
 * limit. */
double sc_ik_wrap(const sc_chain *chain, size_t first, size_t n, const double *near, double *q);

/* Distinct solutions inside the limits, nearest (Euclidean, joint space) to `seed` first.
 * model: of this chain, or NULL: it is made here; seed: dof values inside the limits; held: as
 * above, held joints stay at their seed value. most: 1..SC_IK_MAX_SOLUTIONS; solutions: most x dof
 * values; count: how many were written. Always SC_OK, count 0 when there is none.
 * In closed form all solutions are found, about 2 us. With one more joint and most = 1 the search
 * ends with the first position of the free axes, from the seed outwards, that has a solution. A
 * numerical search for one solution ends with the first; for more it takes some 100 us. */
sc_status sc_ik_solve(const sc_chain *chain, const sc_ik_model *model, const sc_frame *target,
                      const double *seed, uint32_t held, size_t most, double *solutions,
                      size_t *count);

/* The same without held joints, where the closed form of six joints settles it in about 1.5 us:
 * else returns false, and nothing is written. */
bool sc_ik_solve_quick(const sc_chain *chain, const sc_ik_model *model, const sc_frame *target,
                       const double *seed, size_t most, double *solutions, size_t *count);

#endif
