/* Solutions in closed form: of six joints, and of six with up to three more before and behind. */
#include <string.h>

#include "sc_ik_search.h"

#define GOOD 1e-12         /* [m], [rad]: a branch this near to the goal is not polished */
#define POLISH_STEPS 12    /* steps of a descent from a branch that is not */
#define GRAZE 1e-5         /* [rad]: a branch this near to a limit is tried on it */
#define GRAZE_INEXACT 0.02 /* the same where the branches are inexact */
#define STEP 0.13          /* [rad]: between positions of a free turning axis; above SAME */
#define PLACES 96          /* most positions of the free axes */
#define REACHES 0.03       /* of the arm's reach: the same for a sliding axis */
#define DESCENT_STEPS 40
#define FAR_OUTSIDE 10.0 /* [rad]: no branch yet */

/* The best branch that only the limits forbid: where a descent inside them may begin. */
typedef struct {
    double outside; /* [rad] */
    double q[SC_MAX_DOF];
} near_miss;

typedef struct {
    double distance, outside;
    size_t branch;
    double q[6];
} candidate;

#define LANES 2 /* what every processor of 64 bits has */
typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));

static void
turn_z(sc_frame *f, double c, double s)
{
    for (size_t k = 0; k < 3; k++) {
        double x = f->r[3 * k], y = f->r[3 * k + 1];
        f->r[3 * k] = c * x + s * y;
        f->r[3 * k + 1] = c * y - s * x;
    }
}

static void
pass(const sc_chain *chain, size_t i, double q, sc_frame *at)
{
    sc_frame next;
    sc_compose(at, &chain->before[i], &next);
    if (chain->kind[i] == SC_REVOLUTE) {
        turn_z(&next, cos(q), sin(q));
    }
    else {
        for (size_t k = 0; k < 3; k++) {
            next.p[k] += q * next.r[3 * k + 2];
        }
    }
    *at = next;
}

/* out = a^-1 b */
static void
relative(const sc_frame *a, const sc_frame *b, sc_frame *out)
{
    double apart[3];
    for (size_t i = 0; i < 3; i++) {
        apart[i] = b->p[i] - a->p[i];
    }
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            out->r[3 * i + j] =
                a->r[i] * b->r[j] + a->r[3 + i] * b->r[3 + j] + a->r[6 + i] * b->r[6 + j];
        }
        out->p[i] = a->r[i] * apart[0] + a->r[3 + i] * apart[1] + a->r[6 + i] * apart[2];
    }
}

/* The goal of the six joints in the frame in front of them, the others standing at q. */
static void
goal_of_six(const sc_chain *chain, size_t first, const sc_frame *target, const double *q,
            sc_frame *goal)
{
    static const sc_frame identity = {{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, 0}};
    sc_frame front = identity, behind = identity, from_front = *target, tip, back;
    if (first > 0) {
        for (size_t i = 0; i < first; i++) {
            pass(chain, i, q[i], &front);
        }
        relative(&front, target, &from_front);
    }
    for (size_t i = first + 6; i < chain->dof; i++) {
        pass(chain, i, q[i], &behind);
    }
    sc_compose(&behind, &chain->tip, &tip);
    relative(&tip, &identity, &back);
    sc_compose(&from_front, &back, goal);
}

/* Squared distances from the goal [m^2 + rad^2] of LANES branches at once: the origin,
 * x and z of the frame behind the sixth joint, carried from joint to joint towards the base. */
static void
misses(const sc_chain *chain, size_t first, const sc_branch *branches, size_t n,
       const sc_frame *goal, double *out)
{
    lanes turns[6][2], v[3][3], square = {0.0};
    for (size_t i = 0; i < 6; i++) {
        for (size_t k = 0; k < LANES; k++) {
            const sc_turn *turn = &branches[k < n ? k : 0].turn[i];
            turns[i][0][k] = turn->c;
            turns[i][1][k] = turn->s;
        }
    }
    const lanes zero = {0.0}, one = zero + 1.0;
    const lanes start[3][3] = {{one, zero, zero}, {zero, zero, one}, {zero, zero, zero}};
    memcpy(v, start, sizeof v);
    for (size_t i = 6; i-- > 0;) {
        const double *r = chain->before[first + i].r, *p = chain->before[first + i].p;
        for (size_t k = 0; k < 3; k++) {
            lanes x = turns[i][0] * v[k][0] - turns[i][1] * v[k][1];
            lanes y = turns[i][1] * v[k][0] + turns[i][0] * v[k][1];
            lanes z = v[k][2];
            v[k][0] = r[0] * x + r[1] * y + r[2] * z;
            v[k][1] = r[3] * x + r[4] * y + r[5] * z;
            v[k][2] = r[6] * x + r[7] * y + r[8] * z;
        }
        v[2][0] += p[0];
        v[2][1] += p[1];
        v[2][2] += p[2];
    }
    for (size_t j = 0; j < 3; j++) {
        lanes x = v[0][j] - goal->r[3 * j], z = v[1][j] - goal->r[3 * j + 2];
        lanes o = v[2][j] - goal->p[j];
        square += x * x + z * z + o * o;
    }
    for (size_t k = 0; k < LANES && k < n; k++) {
        out[k] = square[k];
    }
}

/* Branches inside the limits, or so near to them that a descent may end inside, by distance. The
 * other joints add `others` to the squared distance. */
static size_t
candidates_of(const sc_ik_search *search, const sc_ik_model *model, const sc_branch *branches,
              size_t n, double others, candidate *best_outside, candidate *out)
{
    double graze = model->closed.slack > 1e-8 ? GRAZE_INEXACT : GRAZE;
    const double *seed = search->seed + model->first;
    size_t count = 0;
    for (size_t k = 0; k < n; k++) {
        candidate one = {.branch = k, .distance = others};
        sc_turn_angles(branches[k].turn, 6, one.q);
        one.outside = sc_ik_wrap(search->chain, model->first, 6, seed, one.q);
        for (size_t i = 0; i < 6; i++) {
            one.distance += (one.q[i] - seed[i]) * (one.q[i] - seed[i]);
        }
        if (one.outside > 0.0 && one.outside < best_outside->outside) {
            *best_outside = one;
        }
        if (!(one.outside <= graze)) {
            continue;
        }
        size_t at = count++;
        while (at > 0 && out[at - 1].distance > one.distance) {
            out[at] = out[at - 1];
            at--;
        }
        out[at] = one;
    }
    return count;
}

static void
into_limits(const sc_chain *chain, double *q)
{
    for (size_t i = 0; i < chain->dof; i++) {
        q[i] = fmin(fmax(q[i], chain->lower[i]), chain->upper[i]);
    }
}

/* All solutions with the joints before and behind the six at q. */
static void
solve_at(sc_ik_search *search, const sc_ik_model *model, const double *q, near_miss *miss,
         bool *doubt)
{
    const sc_chain *chain = search->chain;
    size_t first = model->first, six = 6 * sizeof *q;
    uint32_t others = ((1u << chain->dof) - 1u) & ~(63u << first);
    sc_frame goal;
    sc_branch branches[SC_CLOSED_MOST];
    candidate list[SC_CLOSED_MOST], outside = {.outside = miss->outside};
    double off[SC_CLOSED_MOST], full[SC_MAX_DOF];
    goal_of_six(chain, first, search->target, q, &goal);
    size_t n = sc_closed_solve(&model->closed, &goal, search->seed + first, branches, doubt);
    for (size_t k = 0; k < n; k += LANES) {
        misses(chain, first, branches + k, n - k, &goal, off + k);
    }
    memcpy(full, q, chain->dof * sizeof *q);
    memcpy(full + first, search->seed + first, six);
    n = candidates_of(search, model, branches, n, sc_ik_distance(search, full), &outside, list);
    if (outside.outside < miss->outside) {
        miss->outside = outside.outside;
        memcpy(miss->q, q, chain->dof * sizeof *q);
        memcpy(miss->q + first, outside.q, six);
    }
    for (size_t k = 0; k < n; k++) {
        const candidate *one = &list[k];
        bool inside = one->outside <= 0.0;
        if (inside && !sc_ik_wanted(search, one->distance)) {
            break;
        }
        memcpy(full + first, one->q, six);
        if (inside && off[one->branch] < GOOD * GOOD) {
            sc_ik_keep(search, one->distance, full);
            continue;
        }
        into_limits(chain, full);
        sc_ik_try(search, others, POLISH_STEPS, full);
    }
}

/* Whether a free axis at this distance from the seed can still bring something nearer. */
static bool
worth_trying(const sc_ik_search *search, const sc_ik_model *model, const double *q)
{
    double sum = 0.0;
    for (size_t i = 0; i < search->chain->dof; i++) {
        double d = i >= model->first && i < model->first + 6 ? 0.0 : q[i] - search->seed[i];
        sum += d * d;
    }
    return sc_ik_wanted(search, sum);
}

/* The k-th position of the free axes round the centre, k from 1; false if it is outside the limits
 * or too far off. One axis goes to either side by turns; several fill a growing box (the additive
 * sequence of Roberts 2018 in three dimensions). */
static bool
place_around(const sc_chain *chain, const sc_ik_model *model, const double *centre, double slide,
             size_t k, double *q)
{
    static const double alpha[3] = {0.8191725133961645, 0.6710436067037893, 0.5497004779019703};
    size_t axes = chain->dof - 6, axis = 0;
    for (size_t i = 0; i < chain->dof; i++) {
        if (i >= model->first && i < model->first + 6) {
            continue;
        }
        double step = chain->kind[i] == SC_REVOLUTE ? STEP : slide, offset;
        if (axes == 1) {
            offset = step * (double)((k + 1) / 2) * (k % 2 == 1 ? 1.0 : -1.0);
        }
        else {
            double u = (double)k * alpha[axis % 3], size = sqrt((double)k / PLACES);
            offset = 24.0 * step * size * 2.0 * (u - floor(u) - 0.5);
        }
        axis++;
        q[i] = centre[i] + offset;
        if (!(q[i] >= chain->lower[i] && q[i] <= chain->upper[i])) {
            return false;
        }
        if (chain->kind[i] == SC_REVOLUTE && fabs(offset) > SC_PI && sc_ik_turns_fully(chain, i)) {
            return false;
        }
    }
    return true;
}

/* From the seed outwards over the free axes. */
void
sc_ik_search_around(sc_ik_search *search, const sc_ik_model *model)
{
    const sc_chain *chain = search->chain;
    double centre[SC_MAX_DOF], q[SC_MAX_DOF];
    bool doubt = false, sliding = false;
    near_miss miss = {.outside = FAR_OUTSIDE};
    double reach = 0.0;
    memcpy(q, search->seed, chain->dof * sizeof *q);
    memcpy(centre, q, chain->dof * sizeof *q);
    solve_at(search, model, q, &miss, &doubt);
    for (size_t i = 0; i < chain->dof; i++) {
        sliding = sliding || chain->kind[i] == SC_PRISMATIC;
        reach += i > model->first && i < model->first + 6 ? sc_norm3(chain->before[i].p) : 0.0;
    }
    if (sliding && !(search->most == 1 && search->count == 1)) {
        /* a descent slides the arm to where it reaches */
        if (sc_ik_descend(chain, search->target, 0, DESCENT_STEPS, q) == SC_OK &&
            sc_ik_wrap(chain, 0, chain->dof, search->seed, q) <= 0.0) {
            sc_ik_keep(search, sc_ik_distance(search, q), q);
            memcpy(centre, q, chain->dof * sizeof *q);
            solve_at(search, model, q, &miss, &doubt);
        }
    }
    for (size_t k = 1; k <= PLACES && !(search->most == 1 && search->count == 1); k++) {
        if (place_around(chain, model, centre, REACHES * reach, k, q) &&
            worth_trying(search, model, q)) {
            solve_at(search, model, q, &miss, &doubt);
        }
    }
    if (search->count == 0 && miss.outside < FAR_OUTSIDE) {
        into_limits(chain, miss.q);
        sc_ik_try(search, 0, DESCENT_STEPS, miss.q);
    }
    if (search->count == 0) {
        sc_ik_search_numeric(search);
    }
}

bool
sc_ik_search_six(sc_ik_search *search, const sc_ik_model *model)
{
    bool doubt = false;
    near_miss miss = {.outside = 0.0};
    solve_at(search, model, search->seed, &miss, &doubt);
    return search->count > 0 || !doubt;
}
