/* Geometric paths in joint space: an sc_spline whose variable is the path parameter s, not time.
 *
 * Both builders give a path that is twice continuously differentiable in s, so that velocity and
 * acceleration of a motion along it are continuous. The caller owns the memory of `out` (dof and
 * capacity set, see sc_spline.h); on an error nothing useful is in it.
 */
#ifndef SC_PATH_H
#define SC_PATH_H

#include "sc_spline.h"

/* The natural cubic spline through n >= 2 points (n x dof) at the parameters `at` (n ascending;
 * at[0] counts as the start). Capacity >= n - 1. SC_BAD_ARGUMENT: parameters do not ascend, or
 * values beyond all measure. O(n dof). de Boor, A Practical Guide to Splines (1978), ch. IV. */
sc_status sc_path_through(size_t n, const double *points, const double *at, sc_spline *out);

/* Capacity that sc_path_polyline needs for n points. */
#define SC_PATH_POLYLINE(n) (2 * (n))

/* Straight segments between n >= 2 points, s the length along them; every corner is replaced by
 * a quintic Bezier curve whose ends have the segments' direction and no curvature and which
 * passes the corner at a distance of at most `deviation` > 0 (less where a neighbouring segment
 * is too short). No two neighbouring points may be equal: SC_BAD_ARGUMENT. O(n dof). */
sc_status sc_path_polyline(size_t n, const double *points, double deviation, sc_spline *out);

#endif
