/* The recursions, for LANES configurations at once; included by sc_kernels_level.h, twice.
 *
 * REAL: a number per lane; SPREAD(x): a constant in every lane; NAME(x): x for this width.
 * lanes: how many of them are wanted, 1..LANES. No include guard.
 */

/* Sine and cosine of each joint's turn, and its position. */
typedef struct {
    REAL sine[SC_MAX_DOF];
    REAL cosine[SC_MAX_DOF];
    REAL shift[SC_MAX_DOF];
} NAME(joints);

/* A frame by the columns of its matrix. */
typedef struct {
    REAL x[3], y[3], z[3], p[3];
} NAME(frame);

/* out[lane * stride] = value[lane] */
INLINE void
NAME(put)(REAL value, double *out, size_t stride, size_t lanes)
{
    double buffer[LANES];
    memcpy(buffer, &value, sizeof value);
    if (lanes == LANES) {
        for (size_t k = 0; k < LANES; k++) {
            out[k * stride] = buffer[k];
        }
        return;
    }
    for (size_t k = 0; k < lanes; k++) {
        out[k * stride] = buffer[k];
    }
}

INLINE REAL
NAME(get)(const double *in, size_t stride, size_t lanes)
{
    double buffer[LANES];
    REAL value;
    for (size_t k = 0; k < LANES; k++) {
        buffer[k] = in[(k < lanes ? k : lanes - 1) * stride];
    }
    memcpy(&value, buffer, sizeof value);
    return value;
}

INLINE void
NAME(put_pose)(const NAME(frame) * f, double *out, size_t stride, size_t lanes)
{
    for (size_t i = 0; i < 3; i++) {
        NAME(put)(f->x[i], out + 4 * i, stride, lanes);
        NAME(put)(f->y[i], out + 4 * i + 1, stride, lanes);
        NAME(put)(f->z[i], out + 4 * i + 2, stride, lanes);
        NAME(put)(f->p[i], out + 4 * i + 3, stride, lanes);
        NAME(put)(SPREAD(0.0), out + 12 + i, stride, lanes);
    }
    NAME(put)(SPREAD(1.0), out + 15, stride, lanes);
}

INLINE void
NAME(begin)(const sc_frame *constant, NAME(frame) * f)
{
    for (size_t k = 0; k < 3; k++) {
        f->x[k] = SPREAD(constant->r[3 * k]);
        f->y[k] = SPREAD(constant->r[3 * k + 1]);
        f->z[k] = SPREAD(constant->r[3 * k + 2]);
        f->p[k] = SPREAD(constant->p[k]);
    }
}

/* Moves the frame across joint i; the first one has neither offset nor twist. */
INLINE void
NAME(advance)(const sc_model *model, const NAME(joints) * joints, size_t i, NAME(frame) * f)
{
    const double *d = model->offset[i];
    double c = model->twist_cosine[i], s = model->twist_sine[i];
    REAL sine = joints->sine[i], cosine = joints->cosine[i];
    for (size_t k = 0; k < 3; k++) {
        if (i > 0) {
            REAL across = f->y[k] * c + f->z[k] * s;
            f->p[k] += f->x[k] * d[0] + f->y[k] * d[1] + f->z[k] * d[2];
            f->z[k] = f->z[k] * c - f->y[k] * s;
            f->y[k] = across;
        }
        REAL x = f->x[k];
        f->x[k] = x * cosine + f->y[k] * sine;
        f->y[k] = f->y[k] * cosine - x * sine;
        if (model->kind[i] == SC_PRISMATIC) {
            f->p[k] += f->z[k] * joints->shift[i];
        }
    }
}

/* out = f * constant */
INLINE void
NAME(offset)(const NAME(frame) * f, const sc_frame *constant, NAME(frame) * out)
{
    const double *r = constant->r, *p = constant->p;
    for (size_t k = 0; k < 3; k++) {
        out->x[k] = f->x[k] * r[0] + f->y[k] * r[3] + f->z[k] * r[6];
        out->y[k] = f->x[k] * r[1] + f->y[k] * r[4] + f->z[k] * r[7];
        out->z[k] = f->x[k] * r[2] + f->y[k] * r[5] + f->z[k] * r[8];
        out->p[k] = f->p[k] + (f->x[k] * p[0] + f->y[k] * p[1] + f->z[k] * p[2]);
    }
}

INLINE void
NAME(fk)(const sc_model *model, const NAME(joints) * joints, double *out, size_t lanes)
{
    NAME(frame) f, tip;
    NAME(begin)(&model->start, &f);
    for (size_t i = 0; i < model->dof; i++) {
        NAME(advance)(model, joints, i, &f);
    }
    NAME(offset)(&f, &model->tip, &tip);
    NAME(put_pose)(&tip, out, 16, lanes);
}

INLINE void
NAME(fk_links)(const sc_model *model, const NAME(joints) * joints, double *out, size_t lanes)
{
    NAME(frame) behind[SC_MAX_DOF + 1];
    const sc_frame base = {{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, 0}};
    NAME(begin)(&base, &behind[0]);
    NAME(begin)(&model->start, &behind[1]);
    NAME(advance)(model, joints, 0, &behind[1]);
    for (size_t i = 1; i < model->dof; i++) {
        behind[i + 1] = behind[i];
        NAME(advance)(model, joints, i, &behind[i + 1]);
    }
    for (size_t k = 0; k < model->links; k++) {
        NAME(frame) link;
        NAME(offset)(&behind[model->link_frame[k]], &model->link_offset[k], &link);
        NAME(put_pose)(&link, out + 16 * k, 16 * model->links, lanes);
    }
}

INLINE void
NAME(cross)(const REAL *a, const REAL *b, REAL *out)
{
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

INLINE void
NAME(jacobian)(const sc_model *model, const NAME(joints) * joints, double *out, size_t lanes)
{
    size_t dof = model->dof;
    NAME(frame) f;
    REAL axis[SC_MAX_DOF][3], at[SC_MAX_DOF][3], tip[3];
    NAME(begin)(&model->start, &f);
    for (size_t i = 0; i < dof; i++) {
        NAME(advance)(model, joints, i, &f);
        memcpy(axis[i], f.z, sizeof f.z);
        memcpy(at[i], f.p, sizeof f.p);
    }
    const double *p = model->tip.p;
    for (size_t k = 0; k < 3; k++) {
        tip[k] = f.p[k] + (f.x[k] * p[0] + f.y[k] * p[1] + f.z[k] * p[2]);
    }
    for (size_t i = 0; i < dof; i++) {
        bool turns = model->kind[i] == SC_REVOLUTE;
        REAL linear[3], arm[3] = {tip[0] - at[i][0], tip[1] - at[i][1], tip[2] - at[i][2]};
        NAME(cross)(axis[i], arm, linear);
        for (size_t k = 0; k < 3; k++) {
            NAME(put)(turns ? linear[k] : axis[i][k], out + k * dof + i, 6 * dof, lanes);
            NAME(put)(turns ? axis[i][k] : SPREAD(0.0), out + (3 + k) * dof + i, 6 * dof, lanes);
        }
    }
}

/* The motion of a joint's frame, in its own axes. `turning` times a vector that is fixed in the
 * frame is that vector's acceleration: (dw x) + (w x)(w x). */
typedef struct {
    REAL w[3], dw[3], a[3];
    REAL turning[3][3];
} NAME(motion);

/* Axes before joint i, to those behind it. */
INLINE void
NAME(down)(double c, double s, REAL cosine, REAL sine, REAL *v)
{
    REAL y = v[1] * c + v[2] * s;
    REAL x = v[0];
    v[2] = v[2] * c - v[1] * s;
    v[0] = x * cosine + y * sine;
    v[1] = y * cosine - x * sine;
}

/* Axes behind joint i, to those before it. */
INLINE void
NAME(up)(double c, double s, REAL cosine, REAL sine, REAL *v)
{
    REAL x = v[0] * cosine - v[1] * sine;
    REAL y = v[1] * cosine + v[0] * sine;
    v[0] = x;
    v[1] = y * c - v[2] * s;
    v[2] = v[2] * c + y * s;
}

INLINE void
NAME(set_turning)(NAME(motion) * m)
{
    REAL xx = m->w[0] * m->w[0], yy = m->w[1] * m->w[1], zz = m->w[2] * m->w[2];
    REAL xy = m->w[0] * m->w[1], xz = m->w[0] * m->w[2], yz = m->w[1] * m->w[2];
    m->turning[0][0] = -(yy + zz);
    m->turning[1][1] = -(xx + zz);
    m->turning[2][2] = -(xx + yy);
    m->turning[0][1] = xy - m->dw[2];
    m->turning[1][0] = xy + m->dw[2];
    m->turning[0][2] = xz + m->dw[1];
    m->turning[2][0] = xz - m->dw[1];
    m->turning[1][2] = yz - m->dw[0];
    m->turning[2][1] = yz + m->dw[0];
}

/* The motion behind joint i from the one before it. */
INLINE void
NAME(move)(const sc_model *model, const NAME(joints) * joints, size_t i, REAL qd, REAL qdd,
           NAME(motion) * m)
{
    double c = model->twist_cosine[i], s = model->twist_sine[i];
    REAL cosine = joints->cosine[i], sine = joints->sine[i];
    const double *d = model->offset[i];
    if (i > 0) {
        for (size_t k = 0; k < 3; k++) {
            m->a[k] += m->turning[k][0] * d[0] + m->turning[k][1] * d[1] + m->turning[k][2] * d[2];
        }
        NAME(down)(c, s, cosine, sine, m->w);
        NAME(down)(c, s, cosine, sine, m->dw);
    }
    NAME(down)(c, s, cosine, sine, m->a);
    if (model->kind[i] == SC_REVOLUTE) {
        m->dw[0] += m->w[1] * qd;
        m->dw[1] -= m->w[0] * qd;
        m->dw[2] += qdd;
        m->w[2] += qd;
        NAME(set_turning)(m);
        return;
    }
    NAME(set_turning)(m);
    REAL shift = joints->shift[i], twice = qd + qd;
    m->a[0] += m->turning[0][2] * shift + m->w[1] * twice;
    m->a[1] += m->turning[1][2] * shift - m->w[0] * twice;
    m->a[2] += m->turning[2][2] * shift + qdd;
}

/* Force, and moment about the frame's origin, that move a body so. */
INLINE void
NAME(wrench)(const sc_body *body, const NAME(motion) * m, REAL *force, REAL *moment)
{
    const double *h = body->first, *q = body->second;
    const REAL(*t)[3] = m->turning;
    for (size_t k = 0; k < 3; k++) {
        force[k] = m->a[k] * body->mass + (t[k][0] * h[0] + t[k][1] * h[1] + t[k][2] * h[2]);
    }
    /* integral r x (a + turning r) dm; with second moments xx yy zz xy xz yz */
    moment[0] = (m->a[2] * h[1] - m->a[1] * h[2]) +
                (t[2][0] * q[3] + t[2][1] * q[1] + t[2][2] * q[5]) -
                (t[1][0] * q[4] + t[1][1] * q[5] + t[1][2] * q[2]);
    moment[1] = (m->a[0] * h[2] - m->a[2] * h[0]) +
                (t[0][0] * q[4] + t[0][1] * q[5] + t[0][2] * q[2]) -
                (t[2][0] * q[0] + t[2][1] * q[3] + t[2][2] * q[4]);
    moment[2] = (m->a[1] * h[0] - m->a[0] * h[1]) +
                (t[1][0] * q[0] + t[1][1] * q[3] + t[1][2] * q[4]) -
                (t[0][0] * q[3] + t[0][1] * q[1] + t[0][2] * q[5]);
}

INLINE void
NAME(torques)(const sc_model *model, const sc_load *load, const NAME(joints) * joints,
              const double *qd, const double *qdd, double *out, size_t lanes)
{
    size_t dof = model->dof;
    REAL force[SC_MAX_DOF][3], moment[SC_MAX_DOF][3];
    NAME(motion) m;
    memset(&m, 0, sizeof m);
    for (size_t k = 0; k < 3; k++) {
        m.a[k] = SPREAD(load->acceleration[k]);
    }
    for (size_t i = 0; i < dof; i++) {
        NAME(move)(model, joints, i, NAME(get)(qd + i, dof, lanes), NAME(get)(qdd + i, dof, lanes),
                   &m);
        NAME(wrench)(i + 1 < dof ? &model->body[i] : &load->last, &m, force[i], moment[i]);
    }
    for (size_t i = dof - 1;; i--) {
        REAL *f = force[i], *n = moment[i], lever[3];
        bool turns = model->kind[i] == SC_REVOLUTE;
        NAME(put)(turns ? n[2] : f[2], out + i, dof, lanes);
        if (i == 0) {
            return;
        }
        if (!turns) {
            n[0] -= joints->shift[i] * f[1];
            n[1] += joints->shift[i] * f[0];
        }
        double c = model->twist_cosine[i], s = model->twist_sine[i];
        NAME(up)(c, s, joints->cosine[i], joints->sine[i], f);
        NAME(up)(c, s, joints->cosine[i], joints->sine[i], n);
        const double *d = model->offset[i];
        lever[0] = f[2] * d[1] - f[1] * d[2];
        lever[1] = f[0] * d[2] - f[2] * d[0];
        lever[2] = f[1] * d[0] - f[0] * d[1];
        for (size_t k = 0; k < 3; k++) {
            force[i - 1][k] += f[k];
            moment[i - 1][k] += n[k] + lever[k];
        }
    }
}
