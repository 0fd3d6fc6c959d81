/* Rotation logarithm and exponential, and the small Cholesky solver. */
#include "sc_linalg.h"

void
sc_rotation_log(const double r[9], double out[3])
{
    double v[3] = {r[7] - r[5], r[2] - r[6], r[3] - r[1]};
    double sine2 = sc_norm3(v);
    double cosine2 = r[0] + r[4] + r[8] - 1.0;
    if (sine2 > 1e-7) {
        double factor = atan2(sine2, cosine2) / sine2;
        for (size_t i = 0; i < 3; i++) {
            out[i] = v[i] * factor;
        }
        return;
    }
    if (cosine2 > 0.0) {
        for (size_t i = 0; i < 3; i++) {
            out[i] = 0.5 * v[i];
        }
        return;
    }
    /* Angle close to pi: r + 1 = 2 a a^T; take its longest column as the axis. */
    size_t k = r[0] >= r[4] ? (r[0] >= r[8] ? 0 : 2) : (r[4] >= r[8] ? 1 : 2);
    double axis[3];
    for (size_t i = 0; i < 3; i++) {
        axis[i] = 0.5 * (r[3 * i + k] + r[3 * k + i]) + (i == k ? 1.0 : 0.0);
    }
    double scale = (SC_PI - 0.5 * sine2) / sc_norm3(axis);
    if (sc_dot3(v, axis) < 0.0) {
        scale = -scale;
    }
    for (size_t i = 0; i < 3; i++) {
        out[i] = axis[i] * scale;
    }
}

void
sc_rotation_exp(const double w[3], double out[9])
{
    double angle2 = sc_dot3(w, w);
    double angle = sqrt(angle2);
    double s, c; /* sin(angle)/angle and (1 - cos(angle))/angle^2 */
    if (angle > 1e-4) {
        double half = sin(0.5 * angle);
        s = sin(angle) / angle;
        c = 2.0 * half * half / angle2;
    }
    else {
        s = 1.0 - angle2 / 6.0;
        c = 0.5 - angle2 / 24.0;
    }
    double x = w[0], y = w[1], z = w[2];
    out[0] = 1.0 - c * (y * y + z * z);
    out[1] = c * x * y - s * z;
    out[2] = c * x * z + s * y;
    out[3] = c * x * y + s * z;
    out[4] = 1.0 - c * (x * x + z * z);
    out[5] = c * y * z - s * x;
    out[6] = c * x * z - s * y;
    out[7] = c * y * z + s * x;
    out[8] = 1.0 - c * (x * x + y * y);
}

void
sc_rotation_difference(const double from[9], const double to[9], double out[3])
{
    double r[9];
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            r[3 * i + j] = sc_dot3(&to[3 * i], &from[3 * j]);
        }
    }
    sc_rotation_log(r, out);
}

bool
sc_solve_spd(size_t n, double *a, double *b, double smallest)
{
    for (size_t i = 0; i < n; i++) {
        double *row = a + i * SC_MAX_DOF;
        for (size_t j = 0; j < i; j++) {
            const double *other = a + j * SC_MAX_DOF;
            double sum = row[j];
            for (size_t k = 0; k < j; k++) {
                sum -= row[k] * other[k];
            }
            row[j] = sum * other[j]; /* the diagonal holds reciprocals */
        }
        double pivot = row[i];
        for (size_t k = 0; k < i; k++) {
            pivot -= row[k] * row[k];
        }
        if (!(pivot > smallest)) {
            return false;
        }
        row[i] = 1.0 / sqrt(pivot);
        double sum = b[i];
        for (size_t k = 0; k < i; k++) {
            sum -= row[k] * b[k];
        }
        b[i] = sum * row[i];
    }
    for (size_t i = n; i-- > 0;) {
        double sum = b[i];
        for (size_t k = i + 1; k < n; k++) {
            sum -= a[k * SC_MAX_DOF + i] * b[k];
        }
        b[i] = sum * a[i * SC_MAX_DOF + i];
    }
    return true;
}
