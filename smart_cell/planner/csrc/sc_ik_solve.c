/* The entry: held joints are folded away, then the chain's model says who searches. */
#include <assert.h>
#include <string.h>

#include "sc_ik_search.h"

#define SAME 1e-3        /* descents that end closer than this in every joint found one solution */
#define SAME_CLOSED 1e-6 /* the same in closed form: only rounding tells a double one apart */
#define SAME_REDUNDANT 0.1 /* the same for chains with more than six joints */

void
sc_ik_analyse(const sc_chain *chain, sc_ik_model *model)
{
    model->first = 0;
    model->closed.kind = SC_CLOSED_NONE;
    if (chain->dof < 6 || chain->dof > 9) {
        return;
    }
    for (size_t first = chain->dof - 6 + 1; first-- > 0;) {
        sc_closed_analyse(chain, first, &model->closed);
        if (model->closed.kind != SC_CLOSED_NONE) {
            model->first = first;
            return;
        }
    }
}

static bool
out_of_reach(const sc_chain *chain, const sc_frame *target)
{
    double d[3];
    for (size_t i = 0; i < 3; i++) {
        d[i] = target->p[i] - chain->before[0].p[i];
    }
    return sc_norm3(d) > sc_chain_reach(chain) + 1e-9;
}

/* The chain without the held joints, which stand at q; which: the joints that are left. */
static void
fold(const sc_chain *chain, const double *q, uint32_t held, sc_chain *out, size_t *which)
{
    static const sc_frame identity = {{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, 0}};
    sc_frame running = identity, next;
    out->dof = 0;
    out->links = 1;
    out->link_frame[0] = 0;
    out->link_offset[0] = identity;
    for (size_t i = 0; i < chain->dof; i++) {
        sc_compose(&running, &chain->before[i], &next);
        running = next;
        if (!(held >> i & 1u)) {
            which[out->dof] = i;
            out->before[out->dof] = running;
            out->kind[out->dof] = chain->kind[i];
            out->lower[out->dof] = chain->lower[i];
            out->upper[out->dof] = chain->upper[i];
            out->dof++;
            running = identity;
            continue;
        }
        sc_frame motion = identity;
        if (chain->kind[i] == SC_REVOLUTE) {
            motion.r[0] = motion.r[4] = cos(q[i]);
            motion.r[3] = sin(q[i]);
            motion.r[1] = -motion.r[3];
        }
        else {
            motion.p[2] = q[i];
        }
        sc_compose(&running, &motion, &next);
        running = next;
    }
    sc_compose(&running, &chain->tip, &out->tip);
}

static void
run(sc_ik_search *search, const sc_ik_model *model)
{
    bool closed = model->closed.kind != SC_CLOSED_NONE;
    search->same = search->chain->dof > 6 ? SAME_REDUNDANT : closed ? SAME_CLOSED : SAME;
    if (search->chain->dof == 0 || out_of_reach(search->chain, search->target)) {
        return;
    }
    if (closed && search->chain->dof > 6) {
        sc_ik_search_around(search, model);
    }
    else if (!closed || !sc_ik_search_six(search, model)) {
        sc_ik_search_numeric(search);
    }
}

bool
sc_ik_solve_quick(const sc_chain *chain, const sc_ik_model *model, const sc_frame *target,
                  const double *seed, size_t most, double *solutions, size_t *count)
{
    assert(most >= 1 && most <= SC_IK_MAX_SOLUTIONS);
    if (chain->dof != 6 || model->closed.kind == SC_CLOSED_NONE) {
        return false;
    }
    sc_ik_search search;
    search.chain = chain;
    search.target = target;
    search.seed = seed;
    search.most = most;
    search.same = SAME_CLOSED;
    search.count = 0;
    if (!sc_ik_search_six(&search, model)) {
        return false;
    }
    for (size_t k = 0; k < search.count; k++) {
        memcpy(solutions + 6 * k, search.found[k], 6 * sizeof *solutions);
    }
    *count = search.count;
    return true;
}

sc_status
sc_ik_solve(const sc_chain *chain, const sc_ik_model *model, const sc_frame *target,
            const double *seed, uint32_t held, size_t most, double *solutions, size_t *count)
{
    assert(most >= 1 && most <= SC_IK_MAX_SOLUTIONS);
    sc_ik_search search;
    sc_ik_model own;
    sc_chain folded;
    double left[SC_MAX_DOF];
    size_t which[SC_MAX_DOF];
    search.chain = chain;
    search.target = target;
    search.seed = seed;
    search.most = most;
    search.count = 0;
    for (size_t i = 0; i < chain->dof; i++) {
        which[i] = i;
    }
    if (held != 0) {
        fold(chain, seed, held, &folded, which);
        for (size_t i = 0; i < folded.dof; i++) {
            left[i] = seed[which[i]];
        }
        search.chain = &folded;
        search.seed = left;
        model = NULL;
    }
    if (model == NULL) {
        sc_ik_analyse(search.chain, &own);
        model = &own;
    }
    run(&search, model);
    for (size_t k = 0; k < search.count; k++) {
        double *row = solutions + k * chain->dof;
        memcpy(row, seed, chain->dof * sizeof *row);
        for (size_t i = 0; i < search.chain->dof; i++) {
            row[which[i]] = search.found[k][i];
        }
    }
    *count = search.count;
    return SC_OK;
}
