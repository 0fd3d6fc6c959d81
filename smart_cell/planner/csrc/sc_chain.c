/* Forward kinematics and Jacobian of a serial chain. */
#include "sc_chain.h"

#include <assert.h>

static bool
frame_is_rigid(const sc_frame *f)
{
    for (size_t i = 0; i < 3; i++) {
        if (!isfinite(f->p[i])) {
            return false;
        }
        for (size_t j = 0; j <= i; j++) {
            double product = sc_dot3(&f->r[3 * i], &f->r[3 * j]);
            if (!(fabs(product - (i == j ? 1.0 : 0.0)) < 1e-6)) {
                return false;
            }
        }
    }
    double normal[3];
    sc_cross3(&f->r[0], &f->r[3], normal);
    return sc_dot3(normal, &f->r[6]) > 0.0;
}

sc_status
sc_chain_check(const sc_chain *chain)
{
    if (chain->dof < 1 || chain->dof > SC_MAX_DOF || chain->links < 1 ||
        chain->links > SC_MAX_LINKS || !frame_is_rigid(&chain->tip)) {
        return SC_BAD_ARGUMENT;
    }
    for (size_t i = 0; i < chain->dof; i++) {
        if (!frame_is_rigid(&chain->before[i]) || !(chain->lower[i] < chain->upper[i]) ||
            (chain->kind[i] != SC_REVOLUTE && chain->kind[i] != SC_PRISMATIC)) {
            return SC_BAD_ARGUMENT;
        }
    }
    for (size_t i = 0; i < chain->links; i++) {
        if (chain->link_frame[i] > chain->dof || !frame_is_rigid(&chain->link_offset[i])) {
            return SC_BAD_ARGUMENT;
        }
    }
    return SC_OK;
}

/* Moves the running frame across joint i: at <- at * before[i] * joint(q). */
static inline void
advance(const sc_chain *chain, size_t i, double q, sc_frame *at)
{
    sc_frame next;
    sc_compose(at, &chain->before[i], &next);
    if (chain->kind[i] == SC_REVOLUTE) {
        double s = sin(q), c = cos(q);
        for (size_t k = 0; k < 3; k++) {
            double x = next.r[3 * k], y = next.r[3 * k + 1];
            next.r[3 * k] = c * x + s * y;
            next.r[3 * k + 1] = c * y - s * x;
        }
    }
    else {
        for (size_t k = 0; k < 3; k++) {
            next.p[k] += q * next.r[3 * k + 2];
        }
    }
    *at = next;
}

static const sc_frame identity = {{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, 0}};

void
sc_chain_fk(const sc_chain *chain, const double *q, sc_frame *tip)
{
    assert(chain->dof <= SC_MAX_DOF);
    sc_frame at = identity;
    for (size_t i = 0; i < chain->dof; i++) {
        advance(chain, i, q[i], &at);
    }
    sc_compose(&at, &chain->tip, tip);
}

void
sc_chain_jacobian(const sc_chain *chain, const double *q, sc_frame *tip, double *axes)
{
    sc_frame behind[SC_MAX_DOF];
    sc_frame at = identity;
    for (size_t i = 0; i < chain->dof; i++) {
        advance(chain, i, q[i], &at);
        behind[i] = at;
    }
    sc_compose(&at, &chain->tip, tip);
    for (size_t i = 0; i < chain->dof; i++) {
        const sc_frame *f = &behind[i];
        double *column = axes + 6 * i;
        double z[3] = {f->r[2], f->r[5], f->r[8]};
        if (chain->kind[i] == SC_REVOLUTE) {
            double arm[3] = {tip->p[0] - f->p[0], tip->p[1] - f->p[1], tip->p[2] - f->p[2]};
            sc_cross3(z, arm, column);
            column[3] = z[0];
            column[4] = z[1];
            column[5] = z[2];
        }
        else {
            column[0] = z[0];
            column[1] = z[1];
            column[2] = z[2];
            column[3] = column[4] = column[5] = 0.0;
        }
    }
}

double
sc_chain_reach(const sc_chain *chain)
{
    double reach = sc_norm3(chain->tip.p);
    for (size_t i = 0; i < chain->dof; i++) {
        reach += i > 0 ? sc_norm3(chain->before[i].p) : 0.0;
        if (chain->kind[i] == SC_PRISMATIC) {
            reach += fmax(fabs(chain->lower[i]), fabs(chain->upper[i]));
        }
    }
    return reach;
}
