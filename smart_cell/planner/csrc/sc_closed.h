/* Closed-form inverse kinematics of six revolute joints, by the geometry of their axes.
 *
 * Two structures, found numerically from the axes in any zero position, and each also from the
 * tip to the base: three axes that meet in one point at the end (a spherical wrist; the three
 * joints before it are arbitrary, Pieper 1968), and three parallel axes in second to fourth place
 * (Universal Robots' arms, with arbitrary offsets). The unknowns come one after the other from
 * the equations of sc_turn.h, in the order of Elias and Wen (2025), "IK-Geo: Unified robot inverse
 * kinematics using subproblem decomposition".
 *
 * A chain that has a structure only nearly (a file's rounded angles, a calibrated arm) gets
 * solutions as inexact as that; whoever asks polishes and verifies.
 */
#ifndef SC_CLOSED_H
#define SC_CLOSED_H

#include "sc_chain.h"
#include "sc_turn.h"

#define SC_CLOSED_MOST 16 /* branches of one pose; eight for nearly all arms */

typedef enum {
    SC_CLOSED_NONE = 0,
    SC_CLOSED_WRIST,   /* the last three axes meet */
    SC_CLOSED_PARALLEL /* the second, third and fourth axis are parallel */
} sc_closed_kind;

/* How the first two unknowns of a spherical wrist's arm come. */
typedef enum {
    SC_ARM_GENERAL = 0, /* a quartic */
    SC_ARM_PLANAR,      /* second and third axis parallel */
    SC_ARM_CROSSED,     /* first and second axis meet */
    SC_ARM_STACKED,     /* first and second axis parallel */
    SC_ARM_ELBOW        /* second and third axis meet */
} sc_arm_shape;

typedef struct {
    sc_arm_shape shape;
    double wrist[3];           /* where the last three axes meet */
    double o1[3];              /* foot of the common normal on axis 1 */
    double d[3], u[3], v[3];   /* common normal of axes 1 and 2, its direction, axis 2 cross u */
    double a1, cosine, sine;   /* its signed length; axis 1 = cosine * axis 2 + sine * v */
    double k[3], m[3], n[3];   /* wrist seen from axis 2: k + m cos + n sin of the third joint */
    double square[3], high[3]; /* squared length and height along axis 2, likewise */
    double tilt[3];            /* axis 4 times (axis 6 turned by joint 5), likewise */
    double mark[3];            /* a unit vector across axis 6 */
    bool orthogonal;           /* axis 5 is square to axes 4 and 6 */
} sc_wrist_arm;

typedef struct {
    double p6[3];                      /* foot of the common normal of axes 5 and 6, on axis 6 */
    double o1[3], o2[3], o4[3], o5[3]; /* points on the axes */
    double place[3], tilt[3];          /* height of p6, and of axis 6, along axis 2: over joint 5 */
    double k[3], m[3], n[3];           /* o4 seen from axis 2, across it: over joint 3 */
    double square[3];                  /* its squared length */
    double mark[3];                    /* a unit vector across axis 2 */
    double sign3, sign4;               /* -1 where joint 3, 4 turns against joint 2 */
    bool orthogonal;                   /* axis 5 is square to axes 2 and 6 */
} sc_parallel_arm;

typedef struct {
    sc_closed_kind kind;
    bool reversed;      /* the axes are listed from the tip to the base */
    double slack;       /* how far outside the solvable a touching solution is tried, relative */
    double h[6][3];     /* the axes in the zero position, in the base of the six joints */
    double o[6][3];     /* a point on each */
    sc_frame unturn;    /* inverse of the frame behind the sixth joint in the zero position */
    sc_wrist_arm wrist; /* of the kind's two, the one that counts */
    sc_parallel_arm parallel;
} sc_closed;

typedef struct {
    sc_turn turn[6]; /* joint by joint, from the base */
} sc_branch;

/* Finds the structure of the joints first .. first + 5 of a checked chain; all must be revolute,
 * else the kind is SC_CLOSED_NONE. About 2 us. */
void sc_closed_analyse(const sc_chain *chain, size_t first, sc_closed *closed);

/* Joint positions that bring the frame behind the sixth joint to `goal`, in the frame in front of
 * the first. seed: six angles; where a joint may have any angle it takes the seed's.
 * branches: SC_CLOSED_MOST of them. doubt: set, never cleared, when a branch may be missing: a
 * singular pose, a touching solution, or a structure that is there only nearly.
 * Returns how many were found, 0 to SC_CLOSED_MOST. About 0.6 us. */
size_t sc_closed_solve(const sc_closed *closed, const sc_frame *goal, const double *seed,
                       sc_branch *branches, bool *doubt);

/* The two structures (used by the above): fit_ returns false if the axes have another. `near` is
 * how far from it they may be [rad], [m]; `exact` is cleared if they are not on it. */
bool sc_wrist_fit(sc_closed *closed, double near, bool *exact);
bool sc_parallel_fit(sc_closed *closed, double near, bool *exact);
size_t sc_wrist_solve(const sc_closed *closed, const sc_frame *goal, const double *seed,
                      sc_branch *branches, bool *doubt);
size_t sc_parallel_solve(const sc_closed *closed, const sc_frame *goal, const double *seed,
                         sc_branch *branches, bool *doubt);

/* Feet of the common normal of two lines that are not parallel (any pair of nearest points if they
 * are): on the first, on the second. */
void sc_common_normal(const double *h1, const double *o1, const double *h2, const double *o2,
                      double *foot1, double *foot2);

/* Any unit vector across h. */
void sc_across(const double *h, double *out);

#endif
