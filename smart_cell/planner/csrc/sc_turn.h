/* Turns about fixed axes, as (cosine, sine) pairs, and the equations that ask for one.
 *
 * These are the subproblems into which closed-form inverse kinematics falls apart: Paden (1986),
 * Kahan (1983); the forms with a linear and a quadratic right side after Elias and Wen (2025),
 * "IK-Geo: Unified robot inverse kinematics using subproblem decomposition". All are pure; vectors
 * have three doubles, axes are unit vectors. Near the end of what is solvable the touching
 * solution (a double root) is returned as well, within `slack`; whoever asks verifies.
 */
#ifndef SC_TURN_H
#define SC_TURN_H

#include "sc_linalg.h"

typedef struct {
    double c, s; /* cosine and sine of the angle */
} sc_turn;

/* out = v turned about h; out must not alias v. */
static inline void
sc_turn_vector(const double *h, sc_turn turn, const double *v, double *out)
{
    double along = (1.0 - turn.c) * sc_dot3(h, v);
    out[0] = turn.c * v[0] + turn.s * (h[1] * v[2] - h[2] * v[1]) + along * h[0];
    out[1] = turn.c * v[1] + turn.s * (h[2] * v[0] - h[0] * v[2]) + along * h[1];
    out[2] = turn.c * v[2] + turn.s * (h[0] * v[1] - h[1] * v[0]) + along * h[2];
}

static inline sc_turn
sc_turn_back(sc_turn turn)
{
    return (sc_turn){turn.c, -turn.s};
}

static inline sc_turn
sc_turn_sum(sc_turn a, sc_turn b)
{
    return (sc_turn){a.c * b.c - a.s * b.s, a.s * b.c + a.c * b.s};
}

/* The turn about h that brings `from` over `to` (their parts across h). False, and *out untouched,
 * if the product of these parts is not above least^2: then every turn does. About 10 ns. */
static inline bool
sc_turn_between(const double *h, const double *from, const double *to, double least, sc_turn *out)
{
    double a[3], b[3], across[3]; /* parts across h, themselves turned by a right angle */
    sc_cross3(h, from, a);
    sc_cross3(h, to, b);
    sc_cross3(a, b, across);
    double c = sc_dot3(a, b), s = sc_dot3(h, across);
    double norm2 = c * c + s * s;
    if (!(norm2 > least * least * least * least)) {
        return false;
    }
    double factor = 1.0 / sqrt(norm2);
    out->c = c * factor;
    out->s = s * factor;
    return true;
}

/* Turns with a c + b s = d: returns 0, 1 or 2. One if |d| is above hypot(a, b) by at most `slack`
 * times that; none if a and b are zero. About 5 ns. */
size_t sc_turn_linear(double a, double b, double d, double slack, sc_turn out[2]);

/* Turns with k0 + k1 c + k2 s + k3 c c + k4 c s + k5 s s = 0: returns 0 to 4, touching ones where
 * the left side comes within `slack` times its largest coefficient of zero. About 300 ns. */
size_t sc_turn_conic(const double k[6], double slack, sc_turn out[4]);

/* The angles [rad], -pi to pi, of n turns; within 4e-16 for angles of unit turns. About 3 ns each.
 */
void sc_turn_angles(const sc_turn *turns, size_t n, double *out);

#endif
