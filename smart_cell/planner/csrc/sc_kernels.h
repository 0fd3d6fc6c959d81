/* Kinematics and inverse dynamics of compiled models, one call for one or many configurations.
 *
 * Each level is the same code (sc_kernels_level.h) for vectors of another width: the lanes of a
 * batch are configurations, those of the sines and cosines of a single call are joints. Nothing is
 * fused or reordered, so all levels, and single calls and batches, give the same bits.
 *
 * Angles up to SC_KERNELS_ANGLE go through own sine and cosine (error below 1 ulp; reduction and
 * polynomials of fdlibm, Sun Microsystems 1993); larger ones through the C library's.
 *
 * All functions are pure and reentrant. Inputs must be finite; `out` may be one of the inputs, but
 * must not overlap one otherwise. Costs are per configuration of a seven-joint arm.
 */
#ifndef SC_KERNELS_H
#define SC_KERNELS_H

#include "sc_model.h"

#define SC_KERNELS_ANGLE 1e5

typedef enum {
    SC_RANGE_SMALL,     /* all angles are below SC_KERNELS_ANGLE, with room for a joint's turn */
    SC_RANGE_LARGE,     /* finite */
    SC_RANGE_NOT_FINITE /* the kernels must not be called */
} sc_range;

typedef struct {
    const char *name;
    size_t width; /* doubles in a vector */

    /* The range of n joint positions. */
    sc_range (*scan)(size_t n, const double *q);

    /* Poses of the tip in the base, 16 values each (row-major 4x4). q: n x dof. 10..60 ns. */
    void (*fk)(const sc_model *model, sc_range range, size_t n, const double *q, double *out);

    /* Poses of all links: n x links x 16 values. */
    void (*fk_links)(const sc_model *model, sc_range range, size_t n, const double *q, double *out);

    /* Geometric Jacobians at the tip in base axes, n x 6 x dof values. 15..80 ns. */
    void (*jacobian)(const sc_model *model, sc_range range, size_t n, const double *q, double *out);

    /* Joint torques and forces, n x dof values: recursive Newton-Euler (Luh, Walker and Paul 1980,
     * in body frames as in Featherstone 2008, section 5.3). q, qd, qdd: n x dof. 40..200 ns. */
    void (*inverse_dynamics)(const sc_model *model, const sc_load *load, sc_range range, size_t n,
                             const double *q, const double *qd, const double *qdd, double *out);
} sc_kernels;

/* The kernels of a level: "base" (any machine), "avx2", "avx512", or NULL for the widest that this
 * processor has. NULL if there is no such level here. */
const sc_kernels *sc_kernels_get(const char *level);

extern const sc_kernels sc_kernels_base;
#if defined(__x86_64__)
extern const sc_kernels sc_kernels_avx2;
extern const sc_kernels sc_kernels_avx512;
#endif

#endif
