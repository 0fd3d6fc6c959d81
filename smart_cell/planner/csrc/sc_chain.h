/* A serial kinematic chain: forward kinematics and the geometric Jacobian.
 *
 * Each joint moves along or about its own z axis: T = before[0] J0(q0) before[1] J1(q1) ... tip.
 * `before` folds every fixed transform between two joints and the turn that brings z onto the
 * joint's axis. Links are constant offsets from the frame behind a joint.
 *
 * All functions are pure and reentrant; a filled sc_chain is never changed.
 */
#ifndef SC_CHAIN_H
#define SC_CHAIN_H

#include <stdint.h>

#include "sc_linalg.h"
#include "sc_status.h"

#define SC_MAX_LINKS 64

typedef enum { SC_REVOLUTE = 0, SC_PRISMATIC = 1 } sc_joint_kind;

typedef struct {
    size_t dof;                  /* 1..SC_MAX_DOF */
    size_t links;                /* 1..SC_MAX_LINKS */
    sc_frame before[SC_MAX_DOF]; /* of the joint in the frame behind the one before it */
    sc_joint_kind kind[SC_MAX_DOF];
    sc_frame tip;                       /* of the tip in the frame behind the last joint */
    size_t link_frame[SC_MAX_LINKS];    /* 0: base, i: behind joint i - 1 */
    sc_frame link_offset[SC_MAX_LINKS]; /* of the link in that frame */
    double lower[SC_MAX_DOF];           /* [rad] or [m]; -inf for continuous joints */
    double upper[SC_MAX_DOF];
} sc_chain;

/* Checks sizes, kinds, finiteness and orthonormality (1e-6). O(dof + links). */
sc_status sc_chain_check(const sc_chain *chain);

/* Pose of the tip in the base. q: dof values [rad, m]. About 60 ns for six joints. */
void sc_chain_fk(const sc_chain *chain, const double *q, sc_frame *tip);

/* Pose and geometric Jacobian of the tip, in base axes.
 * axes: 6 doubles per joint, joint after joint: linear (3) then angular (3), that is the
 * transposed 6 x dof Jacobian. */
void sc_chain_jacobian(const sc_chain *chain, const double *q, sc_frame *tip, double *axes);

/* An upper bound [m] of the distance between the first joint's origin and the tip, valid inside
 * the position limits; infinity if a prismatic joint is unlimited. */
double sc_chain_reach(const sc_chain *chain);

#endif
