/* Second, third and fourth axis parallel: they move in a plane and leave the heights to the rest.
 */
#include <string.h>

#include "sc_closed.h"

#define FLAT 1e-2
#define FREE 1e-9
#define SMALL 1e-9

static void
subtract(const double *a, const double *b, double *out)
{
    for (size_t i = 0; i < 3; i++) {
        out[i] = a[i] - b[i];
    }
}

static void
remove_along(const double *h, double *v)
{
    double along = sc_dot3(h, v);
    for (size_t i = 0; i < 3; i++) {
        v[i] -= along * h[i];
    }
}

/* What h sees of v while v turns about `axis`: p0 + p1 cos + p2 sin. */
static void
seen_turning(const double *h, const double *axis, const double *v, double *p)
{
    double across[3];
    sc_cross3(axis, v, across);
    p[0] = sc_dot3(h, axis) * sc_dot3(axis, v);
    p[1] = sc_dot3(h, v) - p[0];
    p[2] = sc_dot3(h, across);
}

static bool
is_parallel(const double *a, const double *b, double near, bool *exact)
{
    double across[3];
    sc_cross3(a, b, across);
    double sine = sc_norm3(across);
    *exact = *exact && sine <= SMALL;
    return sine <= near;
}

bool
sc_parallel_fit(sc_closed *closed, double near, bool *exact)
{
    sc_parallel_arm *arm = &closed->parallel;
    const double *h1 = closed->h[0], *h = closed->h[1], *h5 = closed->h[4], *h6 = closed->h[5];
    if (!is_parallel(h, closed->h[2], near, exact) || !is_parallel(h, closed->h[3], near, exact)) {
        return false;
    }
    arm->sign3 = sc_dot3(h, closed->h[2]) < 0.0 ? -1.0 : 1.0;
    arm->sign4 = sc_dot3(h, closed->h[3]) < 0.0 ? -1.0 : 1.0;
    memcpy(arm->o1, closed->o[0], sizeof arm->o1);
    memcpy(arm->o2, closed->o[1], sizeof arm->o2);
    memcpy(arm->o4, closed->o[3], sizeof arm->o4);
    sc_common_normal(h5, closed->o[4], h6, closed->o[5], arm->o5, arm->p6);
    double lever[3], across[3], from[3];
    subtract(arm->p6, arm->o5, lever);
    if (sc_norm3(lever) <= near) {
        *exact = *exact && sc_norm3(lever) <= SMALL;
        memset(lever, 0, sizeof lever);
    }
    seen_turning(h, h5, lever, arm->place);
    subtract(arm->o5, arm->o1, from);
    arm->place[0] += sc_dot3(h, from);
    seen_turning(h, h5, h6, arm->tilt);
    arm->orthogonal = fabs(sc_dot3(h, h5)) < SMALL && fabs(sc_dot3(h5, h6)) < SMALL;
    subtract(closed->o[2], arm->o2, arm->k);
    subtract(arm->o4, closed->o[2], arm->m);
    remove_along(h, arm->k);
    remove_along(h, arm->m);
    sc_cross3(h, arm->m, arm->n);
    arm->square[0] = sc_dot3(arm->k, arm->k) + sc_dot3(arm->m, arm->m);
    arm->square[1] = 2.0 * sc_dot3(arm->k, arm->m);
    arm->square[2] = 2.0 * sc_dot3(arm->k, arm->n);
    sc_across(h, arm->mark);
    sc_cross3(h1, h, across);
    return sc_norm3(across) > FLAT && hypot(arm->tilt[1], arm->tilt[2]) > FLAT &&
           hypot(arm->square[1], arm->square[2]) > FLAT * FLAT;
}

typedef struct {
    sc_turn first, fifth;
} pair;

static double
over(const double *p, sc_turn turn)
{
    return p[0] + p[1] * turn.c + p[2] * turn.s;
}

/* The turns of joint 5 for one of joint 1, where axis 6 then points along z as seen from behind
 * joint 1. */
static size_t
fifth_turns(const sc_closed *closed, const double *z, bool *doubt, sc_turn *out)
{
    const sc_parallel_arm *arm = &closed->parallel;
    const double *h = closed->h[1];
    double d = sc_dot3(h, z);
    if (!arm->orthogonal) {
        size_t n = sc_turn_linear(arm->tilt[1], arm->tilt[2], d - arm->tilt[0], closed->slack, out);
        *doubt = *doubt || n == 1;
        return n;
    }
    double across[3]; /* the sine without cancellation */
    sc_cross3(h, z, across);
    double w = sc_norm3(across), r2 = arm->tilt[1] * arm->tilt[1] + arm->tilt[2] * arm->tilt[2];
    for (size_t j = 0; j < 2; j++, w = -w) {
        out[j].c = (arm->tilt[1] * d - arm->tilt[2] * w) / r2;
        out[j].s = (arm->tilt[2] * d + arm->tilt[1] * w) / r2;
    }
    return w > 0.0 || w < 0.0 ? 2 : 1;
}

/* Both heights (of p6, of axis 6) as functions of joint 1 (left sides) and of joint 5. */
static size_t
first_and_fifth(const sc_closed *closed, const double *left, const double *turned, const double *z,
                bool *doubt, pair *out)
{
    const sc_parallel_arm *arm = &closed->parallel;
    const double *place = arm->place, *tilt = arm->tilt;
    double det = place[1] * tilt[2] - place[2] * tilt[1],
           tilt2 = tilt[1] * tilt[1] + tilt[2] * tilt[2];
    sc_turn first[4];
    if (fabs(det) <= 1e-6 * tilt2) { /* joint 5 moves both alike, or p6 not at all */
        double ratio = (place[1] * tilt[1] + place[2] * tilt[2]) / tilt2;
        size_t n = 0, m = sc_turn_linear(left[1] - ratio * turned[1], left[2] - ratio * turned[2],
                                         place[0] - left[0] - ratio * (tilt[0] - turned[0]),
                                         closed->slack, first);
        *doubt = *doubt || m == 1;
        for (size_t i = 0; i < m; i++) {
            double seen[3];
            sc_turn fifth[2];
            sc_turn_vector(closed->h[0], sc_turn_back(first[i]), z, seen);
            size_t both = fifth_turns(closed, seen, doubt, fifth);
            for (size_t j = 0; j < both; j++) {
                out[n++] = (pair){first[i], fifth[j]};
            }
        }
        return n;
    }
    double c[3], s[3], k[6] = {-1.0, 0.0, 0.0, 0.0, 0.0, 0.0};
    for (size_t i = 0; i < 3; i++) { /* cosine and sine of joint 5 over joint 1 */
        double p = left[i] - (i == 0 ? place[0] : 0.0), t = turned[i] - (i == 0 ? tilt[0] : 0.0);
        c[i] = (p * tilt[2] - t * place[2]) / det;
        s[i] = (t * place[1] - p * tilt[1]) / det;
    }
    k[0] += c[0] * c[0] + s[0] * s[0];
    k[1] = 2.0 * (c[0] * c[1] + s[0] * s[1]);
    k[2] = 2.0 * (c[0] * c[2] + s[0] * s[2]);
    k[3] = c[1] * c[1] + s[1] * s[1];
    k[4] = 2.0 * (c[1] * c[2] + s[1] * s[2]);
    k[5] = c[2] * c[2] + s[2] * s[2];
    size_t n = sc_turn_conic(k, closed->slack, first);
    *doubt = *doubt || n % 2 != 0;
    for (size_t i = 0; i < n; i++) {
        double x = over(c, first[i]), y = over(s, first[i]), norm = hypot(x, y);
        out[i] = (pair){first[i], {x / norm, y / norm}};
    }
    return n;
}

/* The sixth turn; the plane's point o4 and its rotation, given joints 1, 5 and 6. */
typedef struct {
    double target[3]; /* o4 from o2, across the axes */
    sc_turn whole;    /* the turns of joints 2, 3 and 4 together */
} planar_goal;

static void
plane(const sc_closed *closed, const sc_frame *goal, const pair *at, sc_turn sixth,
      planar_goal *out)
{
    const sc_parallel_arm *arm = &closed->parallel;
    const double *h = closed->h[1], *h5 = closed->h[4], *h6 = closed->h[5];
    double from[3], behind5[3], behind6[3], there[3], across[3];
    subtract(arm->o4, arm->o5, from);
    sc_turn_vector(h5, sc_turn_back(at->fifth), from, behind5);
    for (size_t i = 0; i < 3; i++) {
        behind5[i] += arm->o5[i] - arm->p6[i];
    }
    sc_turn_vector(h6, sc_turn_back(sixth), behind5, behind6);
    for (size_t i = 0; i < 3; i++) {
        behind6[i] += arm->p6[i];
    }
    sc_rotate(goal->r, behind6, there);
    for (size_t i = 0; i < 3; i++) {
        there[i] += goal->p[i] - arm->o1[i];
    }
    sc_turn_vector(closed->h[0], sc_turn_back(at->first), there, out->target);
    for (size_t i = 0; i < 3; i++) {
        out->target[i] += arm->o1[i] - arm->o2[i];
    }
    remove_along(h, out->target);
    sc_turn_vector(h5, sc_turn_back(at->fifth), arm->mark, behind5);
    sc_turn_vector(h6, sc_turn_back(sixth), behind5, behind6);
    sc_rotate(goal->r, behind6, there);
    sc_turn_vector(closed->h[0], sc_turn_back(at->first), there, behind5);
    sc_cross3(arm->mark, behind5, across);
    double c = sc_dot3(arm->mark, behind5), s = sc_dot3(h, across), norm = hypot(c, s);
    out->whole = (sc_turn){c / norm, s / norm};
}

/* The branches with joints 1, 5 and 6 given: elbow to either side. */
static size_t
elbow(const sc_closed *closed, const sc_frame *goal, const pair *at, sc_turn sixth,
      const double *seed, bool *doubt, sc_branch *out)
{
    const sc_parallel_arm *arm = &closed->parallel;
    const double *h = closed->h[1];
    planar_goal ask;
    sc_turn third[2];
    plane(closed, goal, at, sixth, &ask);
    size_t n =
        sc_turn_linear(arm->square[1], arm->square[2],
                       sc_dot3(ask.target, ask.target) - arm->square[0], closed->slack, third);
    *doubt = *doubt || n == 1;
    for (size_t j = 0; j < n; j++) {
        sc_turn *turn = out[j].turn;
        double from[3];
        for (size_t i = 0; i < 3; i++) {
            from[i] = arm->k[i] + arm->m[i] * third[j].c + arm->n[i] * third[j].s;
        }
        if (!sc_turn_between(h, from, ask.target, FREE, &turn[1])) {
            turn[1] = (sc_turn){cos(seed[1]), sin(seed[1])};
            *doubt = true;
        }
        turn[0] = at->first;
        turn[2] = third[j];
        turn[3] = sc_turn_sum(ask.whole, sc_turn_back(sc_turn_sum(turn[1], turn[2])));
        turn[2].s *= arm->sign3; /* so far all about axis 2 */
        turn[3].s *= arm->sign4;
        turn[4] = at->fifth;
        turn[5] = sixth;
    }
    return n;
}

size_t
sc_parallel_solve(const sc_closed *closed, const sc_frame *goal, const double *seed,
                  sc_branch *branches, bool *doubt)
{
    const sc_parallel_arm *arm = &closed->parallel;
    const double *h1 = closed->h[0], *h = closed->h[1], *h5 = closed->h[4], *h6 = closed->h[5];
    double from[3], z[3], left[3], turned[3];
    sc_rotate(goal->r, arm->p6, from);
    for (size_t i = 0; i < 3; i++) {
        from[i] += goal->p[i] - arm->o1[i];
    }
    sc_rotate(goal->r, h6, z);
    seen_turning(h, h1, from, left);
    seen_turning(h, h1, z, turned);
    left[2] = -left[2]; /* joint 1 turns back */
    turned[2] = -turned[2];
    pair pairs[4];
    size_t n = 0, m = first_and_fifth(closed, left, turned, z, doubt, pairs);
    for (size_t i = 0; i < m; i++) {
        double normal[3], down[3], ahead[3];
        sc_turn sixth;
        sc_turn_vector(h1, pairs[i].first, h, normal);
        for (size_t j = 0; j < 3; j++) { /* transposed */
            down[j] =
                goal->r[j] * normal[0] + goal->r[3 + j] * normal[1] + goal->r[6 + j] * normal[2];
        }
        sc_turn_vector(h5, sc_turn_back(pairs[i].fifth), h, ahead);
        if (!sc_turn_between(h6, down, ahead, FREE, &sixth)) {
            sixth = (sc_turn){cos(seed[5]), sin(seed[5])};
            *doubt = true;
        }
        n += elbow(closed, goal, &pairs[i], sixth, seed, doubt, branches + n);
    }
    return n;
}
