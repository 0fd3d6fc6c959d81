/* Which structure six axes have, and the way of each. */
#include "sc_closed.h"

#include <string.h>

#define NEAR 2e-3          /* [rad], [m]: as near as a calibrated arm is to its drawing */
#define SLACK_EXACT 1e-9   /* rounding only */
#define SLACK_INEXACT 1e-4 /* the deviation may hide what touches */

static const sc_frame identity = {{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, 0}};

static void
invert(const sc_frame *f, sc_frame *out)
{
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            out->r[3 * i + j] = f->r[3 * j + i];
        }
    }
    sc_rotate(out->r, f->p, out->p);
    for (size_t i = 0; i < 3; i++) {
        out->p[i] = -out->p[i];
    }
}

void
sc_across(const double *h, double *out)
{
    double x = fabs(h[0]), y = fabs(h[1]), z = fabs(h[2]);
    size_t least = x <= y ? (x <= z ? 0 : 2) : (y <= z ? 1 : 2);
    double unit[3] = {0.0, 0.0, 0.0};
    unit[least] = 1.0;
    sc_cross3(h, unit, out);
    double norm = sc_norm3(out);
    for (size_t i = 0; i < 3; i++) {
        out[i] /= norm;
    }
}

void
sc_common_normal(const double *h1, const double *o1, const double *h2, const double *o2,
                 double *foot1, double *foot2)
{
    double apart[3], dot = sc_dot3(h1, h2), sine2 = 1.0 - dot * dot, along1, along2;
    for (size_t i = 0; i < 3; i++) {
        apart[i] = o2[i] - o1[i];
    }
    double p1 = sc_dot3(h1, apart), p2 = sc_dot3(h2, apart);
    if (sine2 > 1e-12) {
        along1 = (p1 - dot * p2) / sine2;
        along2 = (dot * p1 - p2) / sine2;
    }
    else {
        along1 = p1;
        along2 = 0.0;
    }
    for (size_t i = 0; i < 3; i++) {
        foot1[i] = o1[i] + along1 * h1[i];
        foot2[i] = o2[i] + along2 * h2[i];
    }
}

/* Lists the axes from the other end: the inverse pose is the product of the inverse turns. */
static void
reverse(sc_closed *closed)
{
    sc_closed old = *closed;
    for (size_t i = 0; i < 6; i++) {
        for (size_t j = 0; j < 3; j++) {
            closed->h[i][j] = -old.h[5 - i][j];
            closed->o[i][j] = old.o[5 - i][j];
        }
    }
    closed->reversed = !old.reversed;
}

static sc_closed_kind
fit(sc_closed *closed, double near, bool *exact)
{
    *exact = true;
    if (sc_wrist_fit(closed, near, exact)) {
        return SC_CLOSED_WRIST;
    }
    *exact = true;
    return sc_parallel_fit(closed, near, exact) ? SC_CLOSED_PARALLEL : SC_CLOSED_NONE;
}

void
sc_closed_analyse(const sc_chain *chain, size_t first, sc_closed *closed)
{
    memset(closed, 0, sizeof *closed);
    sc_frame at = identity;
    for (size_t i = 0; i < 6; i++) {
        sc_frame next;
        if (chain->kind[first + i] != SC_REVOLUTE) {
            return;
        }
        sc_compose(&at, &chain->before[first + i], &next);
        at = next;
        for (size_t j = 0; j < 3; j++) {
            closed->h[i][j] = at.r[3 * j + 2];
            closed->o[i][j] = at.p[j];
        }
    }
    invert(&at, &closed->unturn);
    for (size_t round = 0; round < 4; round++) { /* what is exact goes before what is nearly so */
        bool exact;
        closed->kind = fit(closed, round < 2 ? 1e-9 : NEAR, &exact);
        if (closed->kind != SC_CLOSED_NONE) {
            closed->slack = exact ? SLACK_EXACT : SLACK_INEXACT;
            return;
        }
        reverse(closed);
    }
}

size_t
sc_closed_solve(const sc_closed *closed, const sc_frame *goal, const double *seed,
                sc_branch *branches, bool *doubt)
{
    sc_frame turned, back;
    double turned_seed[6];
    sc_compose(goal, &closed->unturn, &turned);
    *doubt = *doubt || closed->slack > SLACK_EXACT;
    if (closed->reversed) {
        invert(&turned, &back);
        turned = back;
        for (size_t i = 0; i < 6; i++) {
            turned_seed[i] = seed[5 - i];
        }
        seed = turned_seed;
    }
    size_t n = closed->kind == SC_CLOSED_WRIST
                   ? sc_wrist_solve(closed, &turned, seed, branches, doubt)
                   : sc_parallel_solve(closed, &turned, seed, branches, doubt);
    for (size_t k = 0; closed->reversed && k < n; k++) {
        for (size_t i = 0; i < 3; i++) {
            sc_turn swap = branches[k].turn[i];
            branches[k].turn[i] = branches[k].turn[5 - i];
            branches[k].turn[5 - i] = swap;
        }
    }
    return n;
}
