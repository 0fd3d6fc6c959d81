/* Compiles a chain into the flat form of the kernels. */
#include "sc_model.h"

#include <string.h>

static bool
all_finite(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) {
            return false;
        }
    }
    return true;
}

/* A pure rotation about z. */
static sc_frame
about_z(double angle)
{
    double c = cos(angle), s = sin(angle);
    sc_frame frame = {{c, -s, 0, s, c, 0, 0, 0, 1}, {0, 0, 0}};
    return frame;
}

/* frame <- left * frame */
static void
precede(const sc_frame *left, sc_frame *frame)
{
    sc_frame product;
    sc_compose(left, frame, &product);
    *frame = product;
}

/* The moments of a pseudo-inertia matrix after a change of frame: T M T^T. */
static sc_body
body_in(const sc_frame *frame, const double *m)
{
    double rows[4][4]; /* T, then T M */
    double product[4][4];
    double t[16];
    sc_frame_to_matrix(frame, t);
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) {
            rows[i][j] = t[4 * i] * m[j] + t[4 * i + 1] * m[4 + j] + t[4 * i + 2] * m[8 + j] +
                         t[4 * i + 3] * m[12 + j];
        }
    }
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) {
            product[i][j] = rows[i][0] * t[4 * j] + rows[i][1] * t[4 * j + 1] +
                            rows[i][2] * t[4 * j + 2] + rows[i][3] * t[4 * j + 3];
        }
    }
    sc_body body = {
        product[3][3],
        {product[0][3], product[1][3], product[2][3]},
        {product[0][0], product[1][1], product[2][2], product[0][1], product[0][2], product[1][2]}};
    return body;
}

/* Splits the rotation of `before` as Rz(first) Rx(twist) Rz(second) (zxz Euler angles). */
static void
split(const sc_frame *before, double *first, double *cosine, double *sine, double *second)
{
    const double *r = before->r;
    double a = r[2] != 0.0 || r[5] != 0.0 ? atan2(r[2], -r[5]) : 0.0;
    double c = cos(a), s = sin(a);
    /* Rz(-a) R = Rx Rz: its first row holds the second turn, its third column the twist. */
    *second = atan2(-(c * r[1] + s * r[4]), c * r[0] + s * r[3]);
    double x = s * r[2] - c * r[5], z = r[8], norm = sqrt(x * x + z * z);
    *sine = x / norm;
    *cosine = z / norm;
    *first = a;
}

sc_status
sc_model_compile(const sc_chain *chain, const double *inertias, sc_model *out)
{
    sc_status status = sc_chain_check(chain);
    if (status != SC_OK || !all_finite(inertias, 16 * chain->dof)) {
        return SC_BAD_ARGUMENT;
    }
    size_t n = chain->dof;
    sc_frame undo[SC_MAX_DOF + 1]; /* of the chain's frame in the model's, behind joint i - 1 */
    undo[0] = undo[n] = about_z(0.0);
    memset(out, 0, sizeof *out);
    out->dof = n;
    out->links = chain->links;
    out->start = chain->before[0];
    out->twist_cosine[0] = 1.0;
    for (size_t i = 1; i < n; i++) {
        double first;
        split(&chain->before[i], &first, &out->twist_cosine[i], &out->twist_sine[i], &out->turn[i]);
        out->turn[i - 1] += first;
        undo[i] = about_z(-first);
        sc_rotate(undo[i].r, chain->before[i].p, out->offset[i]);
    }
    out->tip = chain->tip;
    for (size_t i = 0; i < n; i++) {
        out->kind[i] = chain->kind[i];
        out->body[i] = body_in(&undo[i + 1], inertias + 16 * i);
    }
    for (size_t k = 0; k < chain->links; k++) {
        out->link_frame[k] = chain->link_frame[k];
        out->link_offset[k] = chain->link_offset[k];
        precede(&undo[chain->link_frame[k]], &out->link_offset[k]);
    }
    return SC_OK;
}

sc_status
sc_model_load(const sc_model *model, const double *gravity, const double *payload, sc_load *out)
{
    if (!all_finite(gravity, 3) || (payload != NULL && !all_finite(payload, 16))) {
        return SC_BAD_ARGUMENT;
    }
    const double *r = model->start.r;
    for (size_t i = 0; i < 3; i++) {
        out->acceleration[i] = -(r[i] * gravity[0] + r[3 + i] * gravity[1] + r[6 + i] * gravity[2]);
    }
    out->last = model->body[model->dof - 1];
    if (payload != NULL) {
        sc_body more = body_in(&model->tip, payload);
        out->last.mass += more.mass;
        for (size_t i = 0; i < 3; i++) {
            out->last.first[i] += more.first[i];
        }
        for (size_t i = 0; i < 6; i++) {
            out->last.second[i] += more.second[i];
        }
    }
    return SC_OK;
}
