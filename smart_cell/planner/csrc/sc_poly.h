/* Quintic polynomials of one joint on one segment: evaluation, interpolation, extrema. */
#ifndef SC_POLY_H
#define SC_POLY_H

#include <stddef.h>

#define SC_POLY 6 /* coefficients c[0] + c[1] x + ... + c[5] x^5, x in seconds from the start */

/* state: position, velocity, acceleration, jerk at x. */
static inline void
sc_poly_state(const double c[SC_POLY], double x, double state[4])
{
    state[0] = c[0] + x * (c[1] + x * (c[2] + x * (c[3] + x * (c[4] + x * c[5]))));
    state[1] = c[1] + x * (2.0 * c[2] + x * (3.0 * c[3] + x * (4.0 * c[4] + x * 5.0 * c[5])));
    state[2] = 2.0 * c[2] + x * (6.0 * c[3] + x * (12.0 * c[4] + x * 20.0 * c[5]));
    state[3] = 6.0 * c[3] + x * (24.0 * c[4] + x * 60.0 * c[5]);
}

/* The quintic from state a to state b (position, velocity, acceleration) in h > 0 seconds. */
void sc_poly_quintic(const double a[3], const double b[3], double h, double c[SC_POLY]);

/* The cubic from (position, velocity) a to b in h > 0 seconds. */
void sc_poly_cubic(const double a[2], const double b[2], double h, double c[SC_POLY]);

/* The same curve, its variable counted from x: out(y) = c(x + y). out may be c. */
void sc_poly_shift(const double c[SC_POLY], double x, double out[SC_POLY]);

/* Extrema on [0, h]: lowest and highest position, largest absolute velocity, acceleration, jerk. */
typedef struct {
    double lowest, highest;
    double largest[3];
    double when[5]; /* at which x: of lowest, highest, largest[0..2] */
} sc_extrema;

/* Widens *out where this polynomial, shifted in time by `offset`, goes beyond it; exact up to
 * rounding (roots of the derivatives, found interval by interval). Bounded cost, about 1 us. */
void sc_poly_extrema(const double c[SC_POLY], double h, double offset, sc_extrema *out);

/* The empty extrema to start from. */
sc_extrema sc_extrema_none(void);

#endif
