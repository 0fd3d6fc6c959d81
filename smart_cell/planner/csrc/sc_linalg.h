/* Small fixed-size linear algebra: 3-vectors, rotations, Cholesky of at most 16x16. */
#ifndef SC_LINALG_H
#define SC_LINALG_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#define SC_PI 3.14159265358979323846
#define SC_MAX_DOF 16

/* A rigid transform: r is the 3x3 rotation, row-major; p the translation [m]. */
typedef struct {
    double r[9];
    double p[3];
} sc_frame;

static inline double
sc_dot3(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static inline void
sc_cross3(const double *a, const double *b, double *out)
{
    double x = a[1] * b[2] - a[2] * b[1];
    double y = a[2] * b[0] - a[0] * b[2];
    double z = a[0] * b[1] - a[1] * b[0];
    out[0] = x;
    out[1] = y;
    out[2] = z;
}

static inline double
sc_norm3(const double *a)
{
    return sqrt(sc_dot3(a, a));
}

/* out = r * v; out must not alias v. */
static inline void
sc_rotate(const double *r, const double *v, double *out)
{
    out[0] = r[0] * v[0] + r[1] * v[1] + r[2] * v[2];
    out[1] = r[3] * v[0] + r[4] * v[1] + r[5] * v[2];
    out[2] = r[6] * v[0] + r[7] * v[1] + r[8] * v[2];
}

/* out = a * b; out must not alias a or b. */
static inline void
sc_matmul3(const double *a, const double *b, double *out)
{
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            out[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
        }
    }
}

/* out = a * b; out must not alias a or b. */
static inline void
sc_compose(const sc_frame *a, const sc_frame *b, sc_frame *out)
{
    double moved[3];
    sc_matmul3(a->r, b->r, out->r);
    sc_rotate(a->r, b->p, moved);
    for (size_t i = 0; i < 3; i++) {
        out->p[i] = a->p[i] + moved[i];
    }
}

/* Between the 4x4 row-major homogeneous matrices of the API and frames. */
static inline void
sc_frame_from_matrix(const double *m, sc_frame *out)
{
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            out->r[3 * i + j] = m[4 * i + j];
        }
        out->p[i] = m[4 * i + 3];
    }
}

static inline void
sc_frame_to_matrix(const sc_frame *f, double *m)
{
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            m[4 * i + j] = f->r[3 * i + j];
        }
        m[4 * i + 3] = f->p[i];
        m[12 + i] = 0.0;
    }
    m[15] = 1.0;
}

/* The rotation vector [rad] (axis times angle, angle in [0, pi]) of rotation r. */
void sc_rotation_log(const double r[9], double out[3]);

/* The rotation of rotation vector w [rad] (Rodrigues). */
void sc_rotation_exp(const double w[3], double out[9]);

/* The rotation vector, in the common frame, that turns `from` into `to`: log(to * from^T). */
void sc_rotation_difference(const double from[9], const double to[9], double out[3]);

/* Solves the symmetric positive definite n x n system a x = b in place (b becomes x; the lower
 * triangle of the row-major a, row stride SC_MAX_DOF, becomes its Cholesky factor).
 * Returns false, with b spoilt, if a pivot is not above `smallest`. n <= SC_MAX_DOF. */
bool sc_solve_spd(size_t n, double *a, double *b, double smallest);

#endif
