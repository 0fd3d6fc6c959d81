/* One descent of damped least squares, and the copies of a solution by full turns. */
#include "sc_ik.h"

#include <string.h>

#define STEP_LIMIT 0.7 /* [rad] or [m], the largest change of a joint in one step */
#define DAMPING 5e-4   /* times the squared residual */
#define SMALLEST_DAMPING 1e-14
#define FULL_TURN (2.0 * SC_PI)
#define TIE 1e-10 /* turns: of two copies equally near the greater one, whatever the rounding */
#define ROUNDING 1e-12 /* [rad], [m]: nearer than this to a limit is on it */

/* A range short of a whole turn by less than this is meant to be one (a file's rounded pi) [rad].
 */
#define NEARLY 1e-6

bool
sc_ik_turns_fully(const sc_chain *chain, size_t i)
{
    return chain->kind[i] == SC_REVOLUTE && chain->upper[i] - chain->lower[i] >= FULL_TURN - NEARLY;
}

static void
pose_error(const sc_frame *at, const sc_frame *target, double e[6])
{
    for (size_t i = 0; i < 3; i++) {
        e[i] = target->p[i] - at->p[i];
    }
    sc_rotation_difference(at->r, target->r, e + 3);
}

/* Damped step towards e over the joints in `use` (their count is n): dq, zero for the others. */
static bool
damped_step(const double *axes, const double e[6], const size_t *use, size_t n, double damping,
            double *dq)
{
    double a[SC_MAX_DOF * SC_MAX_DOF], b[SC_MAX_DOF];
    if (n >= 6) {
        for (size_t i = 0; i < 6; i++) {
            for (size_t j = 0; j <= i; j++) {
                double sum = i == j ? damping : 0.0;
                for (size_t k = 0; k < n; k++) {
                    sum += axes[6 * use[k] + i] * axes[6 * use[k] + j];
                }
                a[i * SC_MAX_DOF + j] = sum;
            }
            b[i] = e[i];
        }
        if (!sc_solve_spd(6, a, b, 0.0)) {
            return false;
        }
    }
    else {
        for (size_t i = 0; i < n; i++) {
            const double *ci = axes + 6 * use[i];
            for (size_t j = 0; j <= i; j++) {
                const double *cj = axes + 6 * use[j];
                a[i * SC_MAX_DOF + j] =
                    sc_dot3(ci, cj) + sc_dot3(ci + 3, cj + 3) + (i == j ? damping : 0.0);
            }
            b[i] = sc_dot3(ci, e) + sc_dot3(ci + 3, e + 3);
        }
        if (!sc_solve_spd(n, a, b, 0.0)) {
            return false;
        }
    }
    for (size_t k = 0; k < n; k++) {
        const double *c = axes + 6 * use[k];
        dq[use[k]] = n >= 6 ? sc_dot3(c, b) + sc_dot3(c + 3, b + 3) : b[k];
    }
    return true;
}

/* Adds the step, clamped in size and, for limited joints, to the limits. */
static void
apply_step(const sc_chain *chain, const size_t *use, size_t n, const double *dq, double *q)
{
    for (size_t k = 0; k < n; k++) {
        size_t i = use[k];
        q[i] += fmin(fmax(dq[i], -STEP_LIMIT), STEP_LIMIT);
        if (!sc_ik_turns_fully(chain, i)) {
            q[i] = fmin(fmax(q[i], chain->lower[i]), chain->upper[i]);
        }
    }
}

/* Removes from `use` the joints that stand on a limit and would step outwards. */
static size_t
drop_blocked(const sc_chain *chain, const double *q, const double *dq, size_t *use, size_t n)
{
    size_t kept = 0;
    for (size_t k = 0; k < n; k++) {
        size_t i = use[k];
        bool blocked = !sc_ik_turns_fully(chain, i) && ((q[i] <= chain->lower[i] && dq[i] < 0.0) ||
                                                        (q[i] >= chain->upper[i] && dq[i] > 0.0));
        if (!blocked) {
            use[kept++] = i;
        }
    }
    return kept;
}

sc_status
sc_ik_descend(const sc_chain *chain, const sc_frame *target, uint32_t held, size_t max_steps,
              double *q)
{
    double axes[6 * SC_MAX_DOF], e[6], dq[SC_MAX_DOF];
    double best[SC_MAX_DOF];
    double best_error = INFINITY;
    size_t stalled = 0;
    for (size_t step = 0; step <= max_steps; step++) {
        sc_frame at;
        sc_chain_jacobian(chain, q, &at, axes);
        pose_error(&at, target, e);
        double error = sc_dot3(e, e) + sc_dot3(e + 3, e + 3);
        bool better = error < 0.9 * best_error;
        if (error < best_error) {
            best_error = error;
            memcpy(best, q, chain->dof * sizeof *q);
        }
        stalled = better ? 0 : stalled + 1;
        if (best_error < SC_IK_GOAL * SC_IK_GOAL || stalled > 4 ||
            (stalled > 1 && best_error < SC_IK_ACCEPT * SC_IK_ACCEPT)) {
            break;
        }
        size_t use[SC_MAX_DOF], n = 0;
        for (size_t i = 0; i < chain->dof; i++) {
            if (!(held >> i & 1u)) {
                use[n++] = i;
            }
        }
        double damping = DAMPING * error + SMALLEST_DAMPING;
        bool solved = n > 0 && damped_step(axes, e, use, n, damping, dq);
        size_t kept = solved ? drop_blocked(chain, q, dq, use, n) : 0;
        if (solved && kept < n) {
            solved = kept > 0 && damped_step(axes, e, use, kept, damping, dq);
        }
        if (!solved) {
            break;
        }
        apply_step(chain, use, kept, dq, q);
    }
    memcpy(q, best, chain->dof * sizeof *q);
    return best_error < SC_IK_ACCEPT * SC_IK_ACCEPT ? SC_OK : SC_NOT_CONVERGED;
}

/* The nearest whole number, without a call and without a branch. */
static inline double
nearest_whole(double x)
{
    const double shift = 6755399441055744.0; /* 1.5 * 2^52: its neighbours are whole numbers */
    return (x + shift) - shift;
}

/* The copy of a joint that is not inside its limits (rounding apart) in the nearest one: the one
 * that is, or that is nearest to them. */
static double
copy_inside(double lower, double upper, double q)
{
    if (q > upper) {
        q -= FULL_TURN * ceil((q - upper) / FULL_TURN);
    }
    if (q < lower) {
        q += FULL_TURN * ceil((lower - q) / FULL_TURN);
    }
    if (q > upper && q - upper > lower + FULL_TURN - q) {
        q -= FULL_TURN;
    }
    return q;
}

double
sc_ik_wrap(const sc_chain *chain, size_t first, size_t n, const double *near, double *q)
{
    double outside = 0.0;
    for (size_t i = 0; i < n; i++) {
        double lower = chain->lower[first + i], upper = chain->upper[first + i];
        if (chain->kind[first + i] == SC_REVOLUTE) {
            q[i] += FULL_TURN * nearest_whole((near[i] - q[i]) / FULL_TURN + TIE);
            if (!(q[i] >= lower - ROUNDING && q[i] <= upper + ROUNDING)) {
                q[i] = copy_inside(lower - ROUNDING, upper + ROUNDING, q[i]);
            }
        }
        double excess = q[i] < lower ? lower - q[i] : q[i] - upper;
        if (excess > 0.0 && excess <= ROUNDING) {
            q[i] = q[i] < lower ? lower : upper;
            excess = 0.0;
        }
        if (!(excess <= outside)) {
            outside = excess;
        }
    }
    return outside;
}
