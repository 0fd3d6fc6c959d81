/* A chain compiled for the kernels, with the mass of its bodies.
 *
 * The rotation of every fixed transform between two joints is split as Rz Rx Rz; both turns about z
 * are folded into the joints before and behind it, so that joint i moves its frame by
 *     Trans(offset) Rx(twist) Rz(turn + q) Trans(0 0 q)
 * of which a revolute joint uses q in the turn only, a prismatic one in the shift only. Unlike
 * Denavit-Hartenberg parameters this needs no common normals: almost parallel axes do no harm.
 *
 * Mass is held as a body's moments about the origin of its joint's frame: mass, first moment and
 * second moment, that is the pseudo-inertia matrix of Wensing, Kim and Slotine (2018), "Linear
 * matrix inequalities for physically consistent inertial parameter identification", IEEE RA-L 3(1):
 *     [ integral r r^T dm   integral r dm ]
 *     [ integral r^T dm     mass          ]
 * which a change of frame T takes to T M T^T, and which adds up over bodies that move together.
 *
 * All functions are pure and reentrant; a compiled model is never changed.
 */
#ifndef SC_MODEL_H
#define SC_MODEL_H

#include "sc_chain.h"

typedef struct {
    double mass;      /* [kg] */
    double first[3];  /* [kg m] */
    double second[6]; /* xx yy zz xy xz yz [kg m^2] */
} sc_body;

typedef struct {
    size_t dof;     /* 1..SC_MAX_DOF */
    size_t links;   /* 1..SC_MAX_LINKS */
    sc_frame start; /* of joint 0, its turn left out, in the base */
    sc_joint_kind kind[SC_MAX_DOF];
    double offset[SC_MAX_DOF][3]; /* [m]; joint 0: none, it is in `start` */
    double twist_cosine[SC_MAX_DOF];
    double twist_sine[SC_MAX_DOF];
    double turn[SC_MAX_DOF];            /* [rad] */
    sc_frame tip;                       /* of the tip in the frame behind the last joint */
    size_t link_frame[SC_MAX_LINKS];    /* 0: base, i: behind joint i - 1 */
    sc_frame link_offset[SC_MAX_LINKS]; /* of the link in that frame */
    sc_body body[SC_MAX_DOF];           /* all that moves with joint i, in the frame behind it */
} sc_model;

/* What a call of inverse dynamics may change: gravity, and what the last joint carries. */
typedef struct {
    double acceleration[3]; /* of the base, opposite to gravity, in the frame `start` [m/s^2] */
    sc_body last;           /* body of the last joint, with the payload */
} sc_load;

/* Compiles a checked chain. inertias: dof pseudo-inertias, 16 values each, of all that moves with
 * joint i, in the chain's frame behind it. O(dof + links). SC_BAD_ARGUMENT, with `out` untouched,
 * if a value is not finite. */
sc_status sc_model_compile(const sc_chain *chain, const double *inertias, sc_model *out);

/* gravity: 3 values in base axes [m/s^2]; payload: its pseudo-inertia in the tip frame, 16 values,
 * or NULL. SC_BAD_ARGUMENT, with `out` untouched, if a value is not finite. */
sc_status sc_model_load(const sc_model *model, const double *gravity, const double *payload,
                        sc_load *out);

#endif
