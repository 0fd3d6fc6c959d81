/* Straight-line motion of the tool from rest to rest, in two steps: the joint path that follows
 * the line on one inverse kinematics branch (sc_line_path.c), and its timing (sc_line.c).
 *
 * The tool's position goes straight, its orientation turns about one fixed axis; both are
 * proportional to s, which runs from 0 to 1 under a jerk-limited rest-to-rest law. Its velocity,
 * acceleration and jerk are the largest (of a small search) for which every joint keeps its
 * limits; what the search assumed is then checked on the finished polynomials, and the whole
 * motion scaled in time by the exact factor that puts it on the limit.
 *
 * Pure, reentrant; the caller owns the workspace. Typically 0.3 ms for six joints.
 */
#ifndef SC_LINE_H
#define SC_LINE_H

#include "sc_chain.h"
#include "sc_spline.h"

#define SC_LINE_POINTS 1024   /* of the joint path */
#define SC_LINE_SEGMENTS 2048 /* capacity that the result needs */

typedef struct {
    sc_frame start, goal;  /* of the tool in the base */
    double translation[3]; /* limits of the tool: speed, acceleration, jerk [m/s ...] */
    double rotation[3];    /* the same for its turning [rad/s ...] */
    uint32_t held;         /* joints that keep their value */
} sc_line_request;

/* One point of the joint path: joint positions and their derivatives by s. */
typedef struct {
    double s;
    double q[SC_MAX_DOF], q1[SC_MAX_DOF], q2[SC_MAX_DOF], q3[SC_MAX_DOF];
} sc_line_point;

/* What is known of the line's geometry. */
typedef struct {
    const sc_chain *chain;
    sc_frame start;
    double twist[6]; /* d(pose)/ds: translation [m], then rotation vector [rad] */
    size_t joints;   /* how many are free */
    size_t use[SC_MAX_DOF];
} sc_line_geometry;

typedef struct {
    sc_line_geometry line;
    size_t count;
    sc_line_point point[SC_LINE_POINTS];
} sc_line_work;

/* Where and why a line is impossible. */
typedef struct {
    double s;
    size_t joint; /* for SC_OUT_OF_LIMITS */
} sc_line_failure;

/* Follows the line from joint position q0, which stands at s = 0, and fills work->point.
 * SC_OK, SC_UNREACHABLE, SC_SINGULAR, SC_BRANCH_JUMP or SC_OUT_OF_LIMITS (with *failure). */
sc_status sc_line_follow(const sc_limits *limits, const double *q0, sc_line_work *work,
                         sc_line_failure *failure);

/* Joint position (in q: a position on the line at `from`, changed in place) and derivatives by s
 * at `to`. SC_OK, SC_SINGULAR or SC_NOT_CONVERGED. */
sc_status sc_line_advance(const sc_line_geometry *line, double from, double to, double *q);
sc_status sc_line_derivatives(const sc_line_geometry *line, const double *q, double *q1,
                              double *q2);

/* The pose at s. */
void sc_line_pose(const sc_line_geometry *line, double s, sc_frame *out);

/* The whole motion. seed: joint position at the start pose (within 1e-6 m and rad it is the
 * exact start; else the solution next to it is). SC_MISMATCH if it is not near the start pose.
 * out: capacity >= SC_LINE_SEGMENTS. Other statuses as sc_line_follow. */
sc_status sc_line_plan(const sc_chain *chain, const sc_limits *limits,
                       const sc_line_request *request, const double *seed, sc_line_work *work,
                       sc_spline *out, sc_line_failure *failure);

#endif
