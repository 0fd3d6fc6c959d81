/* Multi-start damped least squares inverse kinematics. */
#include "sc_ik.h"

#include <assert.h>
#include <string.h>

#define MAX_STEPS 40
#define STEP_LIMIT 0.7 /* [rad] or [m], the largest change of a joint in one step */
#define DAMPING 5e-4   /* times the squared residual */
#define SMALLEST_DAMPING 1e-14
#define FULL_TURN (2.0 * SC_PI)
#define SAME 1e-3           /* two solutions closer than this in every joint are one */
#define SAME_REDUNDANT 0.1  /* the same for chains with more than six free joints */
#define FIRST_BUDGET 100    /* starts without any solution before giving up */
#define PATIENCE 64         /* starts without a new solution before it is enough */
#define MOST_STARTS 300     /* starts of one search, whatever it finds */
#define ENOUGH_REDUNDANT 16 /* solutions of a redundant chain, which has no end of them */

/* A range short of a whole turn by less than this is meant to be one (a file's rounded pi) [rad].
 */
#define NEARLY 1e-6

static bool
turns_fully(const sc_chain *chain, size_t i)
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
        if (!turns_fully(chain, i)) {
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
        bool blocked = !turns_fully(chain, i) && ((q[i] <= chain->lower[i] && dq[i] < 0.0) ||
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

bool
sc_ik_wrap_near(const sc_chain *chain, const double *near, double *q)
{
    for (size_t i = 0; i < chain->dof; i++) {
        if (turns_fully(chain, i)) {
            double lower = chain->lower[i], upper = chain->upper[i];
            q[i] += FULL_TURN * nearbyint((near[i] - q[i]) / FULL_TURN);
            if (q[i] > upper) {
                q[i] -= FULL_TURN * ceil((q[i] - upper) / FULL_TURN);
            }
            if (q[i] < lower) {
                q[i] += FULL_TURN * ceil((lower - q[i]) / FULL_TURN);
            }
            if (q[i] > upper && q[i] < upper + 1e-9) {
                q[i] = upper; /* the range is one turn and rounding pushed it across */
            }
        }
        if (!(q[i] >= chain->lower[i] && q[i] <= chain->upper[i])) {
            return false;
        }
    }
    return true;
}

/* What one search knows so far. */
typedef struct {
    const sc_chain *chain;
    const sc_frame *target;
    const double *seed;
    uint32_t held;
    double same;
    size_t count;
    double distance[SC_IK_MAX_SOLUTIONS];
    double found[SC_IK_MAX_SOLUTIONS][SC_MAX_DOF];
} search;

static bool
is_known(const search *s, const double *q)
{
    for (size_t k = 0; k < s->count; k++) {
        double largest = 0.0;
        for (size_t i = 0; i < s->chain->dof; i++) {
            double d = fabs(q[i] - s->found[k][i]);
            if (turns_fully(s->chain, i)) {
                d = fabs(d - FULL_TURN * nearbyint(d / FULL_TURN));
            }
            largest = fmax(largest, d);
        }
        if (largest < s->same) {
            return true;
        }
    }
    return false;
}

/* Descends from q and keeps the result if it is new; sorted insertion by distance. */
static bool
try_start(search *s, double *q)
{
    size_t dof = s->chain->dof;
    if (sc_ik_descend(s->chain, s->target, s->held, MAX_STEPS, q) != SC_OK ||
        !sc_ik_wrap_near(s->chain, s->seed, q) || is_known(s, q) ||
        s->count == SC_IK_MAX_SOLUTIONS) {
        return false;
    }
    double distance = 0.0;
    for (size_t i = 0; i < dof; i++) {
        distance += (q[i] - s->seed[i]) * (q[i] - s->seed[i]);
    }
    size_t at = s->count;
    while (at > 0 && s->distance[at - 1] > distance) {
        s->distance[at] = s->distance[at - 1];
        memcpy(s->found[at], s->found[at - 1], sizeof s->found[at]);
        at--;
    }
    s->distance[at] = distance;
    memcpy(s->found[at], q, dof * sizeof *q);
    s->count++;
    return true;
}

/* Solution of x^(n+1) = x + 1: the additive sequence's base in n dimensions (Roberts 2018). */
static double
golden(size_t n)
{
    double x = 2.0;
    for (size_t i = 0; i < 40; i++) {
        x = pow(1.0 + x, 1.0 / (double)(n + 1));
    }
    return x;
}

/* The k-th start: a point of the low-discrepancy sequence inside the limits. */
static void
spread_start(const search *s, const double *alpha, size_t k, double *q)
{
    for (size_t i = 0; i < s->chain->dof; i++) {
        double lower = s->chain->lower[i], upper = s->chain->upper[i];
        if (s->held >> i & 1u) {
            q[i] = s->seed[i];
            continue;
        }
        if (turns_fully(s->chain, i)) {
            lower = s->seed[i] - SC_PI;
            upper = s->seed[i] + SC_PI;
        }
        double u = 0.5 + (double)(k + 1) * alpha[i];
        q[i] = lower + (u - floor(u)) * (upper - lower);
    }
}

static bool
out_of_reach(const sc_chain *chain, const sc_frame *target)
{
    double d[3];
    for (size_t i = 0; i < 3; i++) {
        d[i] = target->p[i] - chain->before[0].p[i];
    }
    return sc_norm3(d) > sc_chain_reach(chain) + 1e-9;
}

static void
run_search(search *s, size_t free_joints)
{
    double alpha[SC_MAX_DOF], q[SC_MAX_DOF];
    double base = golden(free_joints), power = 1.0;
    for (size_t i = 0; i < s->chain->dof; i++) {
        if (!(s->held >> i & 1u)) {
            power /= base;
        }
        alpha[i] = power;
    }
    size_t enough = free_joints > 6 ? ENOUGH_REDUNDANT : SC_IK_MAX_SOLUTIONS;
    memcpy(q, s->seed, s->chain->dof * sizeof *q);
    size_t last = 0; /* starts used when the newest solution was found */
    try_start(s, q);
    for (size_t k = 0; k < MOST_STARTS; k++) {
        if (s->count >= enough || k >= (s->count > 0 ? last + PATIENCE : FIRST_BUDGET)) {
            break;
        }
        spread_start(s, alpha, k, q);
        if (try_start(s, q)) {
            last = k;
        }
    }
}

sc_status
sc_ik_solve(const sc_chain *chain, const sc_frame *target, const double *seed, uint32_t held,
            size_t most, double *solutions, size_t *count)
{
    assert(most >= 1 && most <= SC_IK_MAX_SOLUTIONS);
    size_t free_joints = 0;
    for (size_t i = 0; i < chain->dof; i++) {
        free_joints += held >> i & 1u ? 0 : 1;
    }
    search s = {.chain = chain, .target = target, .seed = seed, .held = held};
    s.same = free_joints > 6 ? SAME_REDUNDANT : SAME;
    if (free_joints > 0 && !out_of_reach(chain, target)) {
        run_search(&s, free_joints);
    }
    *count = s.count < most ? s.count : most;
    for (size_t k = 0; k < *count; k++) {
        memcpy(solutions + k * chain->dof, s.found[k], chain->dof * sizeof *solutions);
    }
    return SC_OK;
}
