/* Following a straight line of the tool in joint space, on one inverse kinematics branch. */
#include <string.h>

#include "sc_ik.h"
#include "sc_line.h"

#define SMALLEST_PIVOT 1e-11 /* of J J^T: below it the tool is taken for singular */
#define NEAR 0.5             /* [rad] or [m], of a solution behind a singularity */
#define JOINT_STEP 0.05      /* [rad] or [m], between two points of the path */
#define LONGEST_STEP (1.0 / 24.0)
#define SHORTEST_STEP (1.0 / 4096.0)
#define CORRECTIONS 8
#define PROBE 1e-4 /* [rad] or [m], of the directional derivative */

void
sc_line_pose(const sc_line_geometry *line, double s, sc_frame *out)
{
    double turn[3], r[9];
    for (size_t i = 0; i < 3; i++) {
        out->p[i] = line->start.p[i] + s * line->twist[i];
        turn[i] = s * line->twist[3 + i];
    }
    sc_rotation_exp(turn, r);
    sc_matmul3(r, line->start.r, out->r);
}

/* dq = least-norm (or, with fewer than six free joints, least-squares) solution of J dq = x.
 * False at a singularity. */
static bool
solve_joints(const sc_line_geometry *line, const double *axes, const double x[6], double *dq)
{
    double a[SC_MAX_DOF * SC_MAX_DOF], b[SC_MAX_DOF];
    size_t n = line->joints, rows = n >= 6 ? 6 : n;
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = 0.0;
            if (n >= 6) {
                for (size_t k = 0; k < n; k++) {
                    const double *c = axes + 6 * line->use[k];
                    sum += c[i] * c[j];
                }
            }
            else {
                const double *ci = axes + 6 * line->use[i], *cj = axes + 6 * line->use[j];
                sum = sc_dot3(ci, cj) + sc_dot3(ci + 3, cj + 3);
            }
            a[i * SC_MAX_DOF + j] = sum;
        }
        const double *c = axes + 6 * line->use[i];
        b[i] = n >= 6 ? x[i] : sc_dot3(c, x) + sc_dot3(c + 3, x + 3);
    }
    if (!sc_solve_spd(rows, a, b, SMALLEST_PIVOT)) {
        return false;
    }
    memset(dq, 0, line->chain->dof * sizeof *dq);
    for (size_t k = 0; k < n; k++) {
        const double *c = axes + 6 * line->use[k];
        dq[line->use[k]] = n >= 6 ? sc_dot3(c, b) + sc_dot3(c + 3, b + 3) : b[k];
    }
    return true;
}

/* dq/ds of the path through q. */
static bool
tangent(const sc_line_geometry *line, const double *q, double *q1)
{
    double axes[6 * SC_MAX_DOF];
    sc_frame at;
    sc_chain_jacobian(line->chain, q, &at, axes);
    return solve_joints(line, axes, line->twist, q1);
}

static void
offset(size_t n, const double *q, double factor, const double *direction, double *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = q[i] + factor * direction[i];
    }
}

/* One step of the classic Runge-Kutta method along the tangent field. */
static bool
predict(const sc_line_geometry *line, double ds, double *q)
{
    size_t n = line->chain->dof;
    double k1[SC_MAX_DOF], k2[SC_MAX_DOF], k3[SC_MAX_DOF], k4[SC_MAX_DOF], at[SC_MAX_DOF];
    if (!tangent(line, q, k1)) {
        return false;
    }
    offset(n, q, 0.5 * ds, k1, at);
    if (!tangent(line, at, k2)) {
        return false;
    }
    if (line->joints <= 6) { /* the corrector fixes all that is left: the midpoint rule will do */
        offset(n, q, ds, k2, q);
        return true;
    }
    offset(n, q, 0.5 * ds, k2, at);
    if (!tangent(line, at, k3)) {
        return false;
    }
    offset(n, q, ds, k3, at);
    if (!tangent(line, at, k4)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        q[i] += ds / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
    }
    return true;
}

/* Newton's method onto the pose at s. */
static sc_status
correct(const sc_line_geometry *line, double s, double *q)
{
    double axes[6 * SC_MAX_DOF], e[6], dq[SC_MAX_DOF], before = INFINITY;
    sc_frame target, at;
    sc_line_pose(line, s, &target);
    for (size_t step = 0; step < CORRECTIONS; step++) {
        sc_chain_jacobian(line->chain, q, &at, axes);
        for (size_t i = 0; i < 3; i++) {
            e[i] = target.p[i] - at.p[i];
        }
        sc_rotation_difference(at.r, target.r, e + 3);
        double error = sqrt(sc_dot3(e, e) + sc_dot3(e + 3, e + 3));
        if (error < 1e-12 || (error < SC_IK_ACCEPT && error > 0.5 * before)) {
            return SC_OK;
        }
        if (!(error < 4.0 * before)) {
            return SC_NOT_CONVERGED;
        }
        before = error;
        if (!solve_joints(line, axes, e, dq)) {
            return SC_SINGULAR;
        }
        offset(line->chain->dof, q, 1.0, dq, q);
    }
    return before < SC_IK_ACCEPT ? SC_OK : SC_NOT_CONVERGED;
}

sc_status
sc_line_advance(const sc_line_geometry *line, double from, double to, double *q)
{
    if (to != from && !predict(line, to - from, q)) {
        return SC_SINGULAR;
    }
    return correct(line, to, q);
}

sc_status
sc_line_derivatives(const sc_line_geometry *line, const double *q, double *q1, double *q2)
{
    size_t n = line->chain->dof;
    double ahead[SC_MAX_DOF], behind[SC_MAX_DOF], at[SC_MAX_DOF], largest = 0.0;
    if (!tangent(line, q, q1)) {
        return SC_SINGULAR;
    }
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(q1[i]));
    }
    if (largest == 0.0) {
        memset(q2, 0, n * sizeof *q2);
        return SC_OK;
    }
    double h = PROBE / largest;
    offset(n, q, h, q1, at);
    bool solved = tangent(line, at, ahead);
    offset(n, q, -h, q1, at);
    if (!solved || !tangent(line, at, behind)) {
        return SC_SINGULAR;
    }
    for (size_t i = 0; i < n; i++) {
        q2[i] = (ahead[i] - behind[i]) / (2.0 * h);
    }
    return SC_OK;
}

/* Says why the line cannot go on to s from joint position q: a pose there, or a little further, is
 * out of reach; or the branch ends in a singularity, behind which the next solution is near
 * (SC_SINGULAR) or far (SC_BRANCH_JUMP). */
static sc_status
diagnose(const sc_line_work *work, double s, const double *q)
{
    const sc_line_geometry *line = &work->line;
    uint32_t held = (1u << line->chain->dof) - 1u;
    for (size_t k = 0; k < line->joints; k++) {
        held &= ~(1u << line->use[k]);
    }
    double solution[SC_MAX_DOF], distance = 0.0;
    for (size_t ahead = 0; ahead <= 64; ahead = ahead == 0 ? 1 : 4 * ahead) {
        sc_frame target;
        size_t count = 0;
        sc_line_pose(line, fmin(1.0, s + (double)ahead * SHORTEST_STEP), &target);
        sc_ik_solve(line->chain, NULL, &target, q, held, 1, solution, &count);
        if (count == 0) {
            return SC_UNREACHABLE;
        }
    }
    for (size_t i = 0; i < line->chain->dof; i++) {
        distance = fmax(distance, fabs(solution[i] - q[i]));
    }
    return distance < NEAR ? SC_SINGULAR : SC_BRANCH_JUMP;
}

static bool
inside_limits(const sc_limits *limits, size_t dof, const double *q, size_t *joint)
{
    for (size_t i = 0; i < dof; i++) {
        if (!(q[i] >= limits->lower[i] - 1e-9 && q[i] <= limits->upper[i] + 1e-9)) {
            *joint = i;
            return false;
        }
    }
    return true;
}

/* Third derivatives, from the second ones of the neighbours. */
static void
fill_third(sc_line_work *work)
{
    size_t last = work->count - 1;
    for (size_t k = 0; k <= last; k++) {
        const sc_line_point *a = &work->point[k > 0 ? k - 1 : 0];
        const sc_line_point *b = &work->point[k < last ? k + 1 : last];
        for (size_t i = 0; i < work->line.chain->dof; i++) {
            work->point[k].q3[i] = b->s > a->s ? (b->q2[i] - a->q2[i]) / (b->s - a->s) : 0.0;
        }
    }
}

/* The next step: short enough for the fastest joint, and that the end is met. */
static double
choose_step(const sc_line_geometry *line, const sc_line_point *at)
{
    double largest = 0.0;
    for (size_t i = 0; i < line->chain->dof; i++) {
        largest = fmax(largest, fabs(at->q1[i]));
    }
    double ds = fmin(LONGEST_STEP, largest > 0.0 ? JOINT_STEP / largest : 1.0);
    double left = 1.0 - at->s;
    return left <= 1.2 * ds ? left : ds;
}

/* From point `from` to the next one; halves the step until the joints move smoothly. */
static sc_status
march(const sc_limits *limits, sc_line_work *work, sc_line_failure *failure)
{
    const sc_line_geometry *line = &work->line;
    size_t dof = line->chain->dof;
    const sc_line_point *from = &work->point[work->count - 1];
    sc_line_point *next = &work->point[work->count];
    double ds = choose_step(line, from);
    failure->s = from->s;
    for (; ds >= SHORTEST_STEP || from->s + ds == 1.0; ds *= 0.5) {
        next->s = from->s + ds >= 1.0 - 1e-12 ? 1.0 : from->s + ds;
        memcpy(next->q, from->q, sizeof next->q);
        double predicted[SC_MAX_DOF], moved = 0.0;
        failure->s = next->s;
        if (!predict(line, next->s - from->s, next->q)) {
            continue;
        }
        memcpy(predicted, next->q, sizeof predicted);
        if (correct(line, next->s, next->q) != SC_OK ||
            sc_line_derivatives(line, next->q, next->q1, next->q2) != SC_OK) {
            continue;
        }
        for (size_t i = 0; i < dof; i++) {
            moved = fmax(moved, fabs(next->q[i] - predicted[i]));
        }
        if (moved > 0.25 * JOINT_STEP) {
            continue;
        }
        work->count++;
        return inside_limits(limits, dof, next->q, &failure->joint) ? SC_OK : SC_OUT_OF_LIMITS;
    }
    return diagnose(work, failure->s, from->q);
}

sc_status
sc_line_follow(const sc_limits *limits, const double *q0, sc_line_work *work,
               sc_line_failure *failure)
{
    const sc_line_geometry *line = &work->line;
    sc_line_point *first = &work->point[0];
    first->s = failure->s = 0.0;
    memcpy(first->q, q0, line->chain->dof * sizeof *q0);
    work->count = 1;
    if (!inside_limits(limits, line->chain->dof, q0, &failure->joint)) {
        return SC_OUT_OF_LIMITS;
    }
    if (sc_line_derivatives(line, q0, first->q1, first->q2) != SC_OK) {
        return SC_SINGULAR;
    }
    while (work->point[work->count - 1].s < 1.0) {
        if (work->count >= SC_LINE_POINTS) {
            return SC_SINGULAR; /* so many points are only needed where joints race */
        }
        sc_status status = march(limits, work, failure);
        if (status != SC_OK) {
            return status;
        }
    }
    fill_third(work);
    return SC_OK;
}
