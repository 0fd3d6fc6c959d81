/* Three axes that meet at the end: the first three joints place the point, the last three turn. */
#include <string.h>

#include "sc_closed.h"

#define FLAT 1e-2    /* a sine or an amplitude [m] below this decides nothing */
#define FREE 1e-9    /* [m] or [1]: a lever shorter than this turns nothing */
#define SMALL 1e-9   /* rounding of a file's 15 digits, with room */
#define SPECIAL 1e-4 /* [m], [rad]: nearer than this, the special shape is the better start */

static void
subtract(const double *a, const double *b, double *out)
{
    for (size_t i = 0; i < 3; i++) {
        out[i] = a[i] - b[i];
    }
}

/* The point nearest to three lines (least squares) and its largest distance from them. */
static bool
meeting_point(const sc_closed *closed, double *point, double *distance)
{
    double a[3 * SC_MAX_DOF] = {0.0}, b[3] = {0.0};
    for (size_t k = 3; k < 6; k++) {
        double along = sc_dot3(closed->h[k], closed->o[k]);
        for (size_t i = 0; i < 3; i++) {
            for (size_t j = 0; j < 3; j++) {
                a[i * SC_MAX_DOF + j] += (i == j ? 1.0 : 0.0) - closed->h[k][i] * closed->h[k][j];
            }
            b[i] += closed->o[k][i] - along * closed->h[k][i];
        }
    }
    if (!sc_solve_spd(3, a, b, 1e-3)) {
        return false;
    }
    memcpy(point, b, 3 * sizeof *b);
    *distance = 0.0;
    for (size_t k = 3; k < 6; k++) {
        double off[3], across[3];
        subtract(point, closed->o[k], off);
        sc_cross3(off, closed->h[k], across);
        *distance = fmax(*distance, sc_norm3(across));
    }
    return true;
}

/* The wrist's own constants. */
static bool
fit_turning(sc_closed *closed)
{
    sc_wrist_arm *arm = &closed->wrist;
    const double *h4 = closed->h[3], *h5 = closed->h[4], *h6 = closed->h[5];
    double across[3], h45 = sc_dot3(h4, h5), h56 = sc_dot3(h5, h6);
    sc_cross3(h5, h6, across);
    arm->tilt[0] = h45 * h56;
    arm->tilt[1] = sc_dot3(h4, h6) - arm->tilt[0];
    arm->tilt[2] = sc_dot3(h4, across);
    arm->orthogonal = fabs(h45) < SMALL && fabs(h56) < SMALL;
    sc_across(h6, arm->mark);
    return hypot(arm->tilt[1], arm->tilt[2]) > FLAT;
}

/* Common normal of axes 1 and 2; `parallel`: as if they were exactly that. */
static void
fit_normal(sc_closed *closed, bool parallel, double *o2)
{
    sc_wrist_arm *arm = &closed->wrist;
    const double *h1 = closed->h[0], *h2 = closed->h[1];
    sc_common_normal(h1, closed->o[0], h2, closed->o[1], arm->o1, o2);
    if (parallel) {
        double apart[3];
        subtract(closed->o[1], closed->o[0], apart);
        double along = sc_dot3(h1, apart);
        for (size_t i = 0; i < 3; i++) {
            arm->o1[i] = closed->o[0][i] + along * h1[i];
            o2[i] = closed->o[1][i];
        }
    }
    subtract(o2, arm->o1, arm->d);
    arm->a1 = sc_norm3(arm->d);
    if (!parallel) {
        sc_cross3(h1, h2, arm->u);
    }
    else {
        memcpy(arm->u, arm->d, sizeof arm->u);
    }
    double length = sc_norm3(arm->u);
    for (size_t i = 0; i < 3; i++) {
        arm->u[i] = length > 0.0 ? arm->u[i] / length : 0.0;
    }
    arm->a1 = sc_dot3(arm->d, arm->u);
    sc_cross3(h2, arm->u, arm->v);
    arm->cosine = sc_dot3(h1, h2);
    arm->sine = parallel ? 0.0 : sc_dot3(h1, arm->v);
}

/* The wrist seen from axis 2, over the turn of joint 3. */
static void
fit_elbow(sc_closed *closed, const double *o2)
{
    sc_wrist_arm *arm = &closed->wrist;
    const double *h2 = closed->h[1], *h3 = closed->h[2];
    double from[3], o3[3];
    subtract(arm->wrist, closed->o[2], from);
    double along = sc_dot3(h3, from);
    for (size_t i = 0; i < 3; i++) {
        o3[i] = closed->o[2][i] + along * h3[i];
    }
    subtract(o3, o2, arm->k);
    subtract(arm->wrist, o3, arm->m);
    sc_cross3(h3, arm->m, arm->n);
    arm->square[0] = sc_dot3(arm->k, arm->k) + sc_dot3(arm->m, arm->m);
    arm->square[1] = 2.0 * sc_dot3(arm->k, arm->m);
    arm->square[2] = 2.0 * sc_dot3(arm->k, arm->n);
    arm->high[0] = sc_dot3(h2, arm->k);
    arm->high[1] = sc_dot3(h2, arm->m);
    arm->high[2] = sc_dot3(h2, arm->n);
}

static bool
is_small(double value, double near, bool *exact)
{
    if (fabs(value) > fmax(near, SPECIAL)) {
        return false;
    }
    *exact = *exact && fabs(value) <= SMALL;
    return true;
}

/* Sine of the angle between two axes, and how far apart they pass. */
static void
relation(const sc_closed *closed, size_t i, double *sine, double *apart)
{
    double foot1[3], foot2[3], between[3];
    sc_cross3(closed->h[i], closed->h[i + 1], between);
    *sine = sc_norm3(between);
    sc_common_normal(closed->h[i], closed->o[i], closed->h[i + 1], closed->o[i + 1], foot1, foot2);
    subtract(foot2, foot1, between);
    *apart = sc_norm3(between);
}

bool
sc_wrist_fit(sc_closed *closed, double near, bool *exact)
{
    sc_wrist_arm *arm = &closed->wrist;
    double distance, sine12, apart12, sine23, apart23, o2[3];
    if (!meeting_point(closed, arm->wrist, &distance) || !(distance <= near) ||
        !fit_turning(closed)) {
        return false;
    }
    *exact = *exact && distance <= SMALL;
    relation(closed, 0, &sine12, &apart12);
    relation(closed, 1, &sine23, &apart23);
    bool stacked = is_small(sine12, near, exact);
    fit_normal(closed, stacked, o2);
    fit_elbow(closed, o2);
    double length = hypot(arm->square[1], arm->square[2]); /* [m^2] */
    double height = hypot(arm->high[1], arm->high[2]);
    if (stacked) {
        arm->shape = SC_ARM_STACKED;
        return arm->a1 > FLAT && height > FLAT;
    }
    if (sine12 < FLAT) {
        return false;
    }
    if (is_small(sine23, near, exact)) {
        arm->shape = SC_ARM_PLANAR;
        return length > FLAT * FLAT;
    }
    if (is_small(apart12, near, exact)) {
        arm->shape = SC_ARM_CROSSED;
        return length > FLAT * FLAT;
    }
    if (is_small(apart23, near, exact)) {
        arm->shape = SC_ARM_ELBOW;
        return height > FLAT;
    }
    arm->shape = SC_ARM_GENERAL;
    return length + height > FLAT;
}

/* One place of the wrist: the turn of joint 3 and where joint 2 must bring it, along u and v. */
typedef struct {
    sc_turn third;
    double gu, gv;
} place;

/* What a pose asks of the arm: the wrist from o1, its height along axis 1, squared distance. */
typedef struct {
    double from[3], high, square, slack;
    bool *doubt;
} asked;

static double
over(const double *p, sc_turn turn)
{
    return p[0] + p[1] * turn.c + p[2] * turn.s;
}

static size_t
linear(const double *p, double value, const asked *ask, sc_turn *out)
{
    size_t n = sc_turn_linear(p[1], p[2], value - p[0], ask->slack, out);
    *ask->doubt = *ask->doubt || n == 1;
    return n;
}

/* The roots of x^2 = square: how many signs there are; touching within slack * scale. */
static size_t
signs(double square, double scale, const asked *ask, double *root)
{
    *root = sqrt(fmax(square, 0.0));
    if (square > 0.0) {
        return 2;
    }
    bool touching = square >= -ask->slack * scale;
    *ask->doubt = *ask->doubt || touching;
    return touching ? 1 : 0;
}

/* Second and third axis parallel: the height above axis 2 is known, so the first joint and the
 * reach in the arm's plane come first. */
static size_t
planar_places(const sc_wrist_arm *arm, const asked *ask, place *out)
{
    double gv = (ask->high - arm->cosine * arm->high[0]) / arm->sine, root;
    double square = ask->square - arm->high[0] * arm->high[0] - gv * gv;
    size_t n = 0, both = signs(square, ask->square, ask, &root);
    for (size_t i = 0; i < both; i++, root = -root) {
        sc_turn third[2];
        double gu = root - arm->a1;
        double length = ask->square - arm->a1 * arm->a1 - 2.0 * arm->a1 * gu;
        size_t m = linear(arm->square, length, ask, third);
        for (size_t j = 0; j < m; j++) {
            out[n++] = (place){third[j], gu, gv};
        }
    }
    return n;
}

/* First and second axis meet (the distance from there fixes joint 3) or are parallel (the height
 * does); then joint 2 has two ways. */
static size_t
split_places(const sc_wrist_arm *arm, const asked *ask, place *out)
{
    bool crossed = arm->shape == SC_ARM_CROSSED;
    sc_turn third[2];
    size_t n = 0, m = crossed ? linear(arm->square, ask->square, ask, third)
                              : linear(arm->high, arm->cosine * ask->high, ask, third);
    for (size_t j = 0; j < m; j++) {
        double square = over(arm->square, third[j]), high = over(arm->high, third[j]), root;
        double known = crossed ? (ask->high - arm->cosine * high) / arm->sine
                               : 0.5 * (ask->square - arm->a1 * arm->a1 - square) / arm->a1;
        size_t both = signs(square - high * high - known * known, square, ask, &root);
        for (size_t i = 0; i < both; i++, root = -root) {
            out[n++] = crossed ? (place){third[j], root, known} : (place){third[j], known, root};
        }
    }
    return n;
}

/* Second and third axis meet: the squared distance from axis 2 is linear in the height along it,
 * which makes the equation of general_places a quadratic one for that height. */
static size_t
elbow_places(const sc_wrist_arm *arm, const asked *ask, place *out)
{
    double height2 = arm->high[1] * arm->high[1] + arm->high[2] * arm->high[2];
    double rise = (arm->square[1] * arm->high[1] + arm->square[2] * arm->high[2]) / height2;
    double base = arm->square[0] - rise * arm->high[0];
    double g0 = 0.5 * (ask->square - arm->a1 * arm->a1 - base) / arm->a1;
    double g1 = 0.5 * rise / arm->a1, sine2 = arm->sine * arm->sine;
    double a = (g1 * g1 + 1.0) * sine2 + arm->cosine * arm->cosine;
    double half = (g0 * g1 + 0.5 * rise) * sine2 + ask->high * arm->cosine, root;
    double c = (g0 * g0 - base) * sine2 + ask->high * ask->high;
    size_t n = 0, both = signs(half * half - a * c, half * half + fabs(a * c), ask, &root);
    for (size_t i = 0; i < both; i++, root = -root) {
        sc_turn third[2];
        size_t m = linear(arm->high, (half + root) / a, ask, third);
        for (size_t j = 0; j < m; j++) {
            double high = over(arm->high, third[j]);
            double gv = (ask->high - arm->cosine * high) / arm->sine;
            out[n++] = (place){third[j], g0 - g1 * high, gv};
        }
    }
    return n;
}

/* k += weight p q for p, q linear in cosine and sine. */
static void
add_product(double k[6], double weight, const double *p, const double *q)
{
    k[0] += weight * p[0] * q[0];
    k[1] += weight * (p[0] * q[1] + p[1] * q[0]);
    k[2] += weight * (p[0] * q[2] + p[2] * q[0]);
    k[3] += weight * p[1] * q[1];
    k[4] += weight * (p[1] * q[2] + p[2] * q[1]);
    k[5] += weight * p[2] * q[2];
}

/* Any first three axes: the part of the wrist's position across axis 2 has the length that the
 * two conditions of axis 1, distance and height, leave (Pieper 1968). */
static size_t
general_places(const sc_wrist_arm *arm, const asked *ask, place *out)
{
    static const double one[3] = {1.0, 0.0, 0.0};
    double gu[3], gv[3], k[6] = {0.0};
    for (size_t i = 0; i < 3; i++) { /* both times their divisors: a1, sine */
        gu[i] = -0.5 * arm->square[i];
        gv[i] = -arm->cosine * arm->high[i];
    }
    gu[0] += 0.5 * (ask->square - arm->a1 * arm->a1);
    gv[0] += ask->high;
    double sine2 = arm->sine * arm->sine, a2 = arm->a1 * arm->a1;
    add_product(k, sine2, gu, gu);
    add_product(k, a2, gv, gv);
    add_product(k, a2 * sine2, arm->high, arm->high);
    add_product(k, -a2 * sine2, arm->square, one);
    sc_turn third[4];
    size_t n = sc_turn_conic(k, ask->slack, third);
    *ask->doubt = *ask->doubt || n % 2 != 0;
    for (size_t j = 0; j < n; j++) {
        out[j] = (place){third[j], over(gu, third[j]) / arm->a1, over(gv, third[j]) / arm->sine};
    }
    return n;
}

/* The first three turns of one place. */
static void
turns_of_place(const sc_closed *closed, const asked *ask, const place *at, const double *seed,
               sc_turn *turn)
{
    const sc_wrist_arm *arm = &closed->wrist;
    const double *h1 = closed->h[0], *h2 = closed->h[1];
    double f[3], there[3], reached[3];
    double high = over(arm->high, at->third);
    for (size_t i = 0; i < 3; i++) {
        f[i] = arm->k[i] + arm->m[i] * at->third.c + arm->n[i] * at->third.s;
        there[i] = at->gu * arm->u[i] + at->gv * arm->v[i] + high * h2[i];
    }
    turn[2] = at->third;
    if (!sc_turn_between(h2, f, there, FREE, &turn[1])) {
        turn[1] = (sc_turn){cos(seed[1]), sin(seed[1])};
        *ask->doubt = true;
    }
    sc_turn_vector(h2, turn[1], f, reached);
    for (size_t i = 0; i < 3; i++) {
        reached[i] += arm->d[i];
    }
    if (!sc_turn_between(h1, reached, ask->from, FREE, &turn[0])) {
        turn[0] = (sc_turn){cos(seed[0]), sin(seed[0])};
        *ask->doubt = true;
    }
}

/* v as seen from behind the first three joints. */
static void
behind_arm(const sc_closed *closed, const sc_turn *turn, double *v)
{
    double next[3];
    for (size_t i = 0; i < 3; i++) {
        sc_turn_vector(closed->h[i], sc_turn_back(turn[i]), v, next);
        memcpy(v, next, sizeof next);
    }
}

/* The turns of joint 5 that tilt axis 6 to z, which is as seen from behind the first three. */
static size_t
fifth_turns(const sc_closed *closed, const double *z, const asked *ask, sc_turn *out)
{
    const sc_wrist_arm *arm = &closed->wrist;
    double across[3], d = sc_dot3(closed->h[3], z);
    if (!arm->orthogonal) {
        return linear(arm->tilt, d, ask, out);
    }
    sc_cross3(closed->h[3], z, across); /* the sine without cancellation */
    double w = sc_norm3(across);
    out[0] = (sc_turn){arm->tilt[1] * d - arm->tilt[2] * w, arm->tilt[2] * d + arm->tilt[1] * w};
    out[1] = (sc_turn){arm->tilt[1] * d + arm->tilt[2] * w, arm->tilt[2] * d - arm->tilt[1] * w};
    return w > 0.0 ? 2 : 1;
}

/* The branches of one place: the last three turns, two ways. along, mark: axis 6 and the mark
 * across it in the goal. */
static size_t
turn_wrist(const sc_closed *closed, const sc_turn *arm_turns, const double *along,
           const double *mark, const asked *ask, const double *seed, sc_branch *out)
{
    const sc_wrist_arm *arm = &closed->wrist;
    const double *h4 = closed->h[3], *h5 = closed->h[4], *h6 = closed->h[5];
    double z[3], y[3];
    sc_turn fifth[2];
    memcpy(z, along, sizeof z);
    memcpy(y, mark, sizeof y);
    behind_arm(closed, arm_turns, z);
    behind_arm(closed, arm_turns, y);
    size_t n = fifth_turns(closed, z, ask, fifth);
    for (size_t j = 0; j < n; j++) {
        double axis[3], back4[3], back5[3];
        sc_turn *turn = out[j].turn;
        memcpy(turn, arm_turns, 3 * sizeof *turn);
        turn[4] = fifth[j];
        if (j == 1 && arm->orthogonal) { /* the other way round: half a turn on both sides of it */
            turn[3] = (sc_turn){-out[0].turn[3].c, -out[0].turn[3].s};
            turn[5] = (sc_turn){-out[0].turn[5].c, -out[0].turn[5].s};
            return n;
        }
        sc_turn_vector(h5, turn[4], h6, axis);
        if (!sc_turn_between(h4, axis, z, FREE, &turn[3])) {
            turn[3] = (sc_turn){cos(seed[3]), sin(seed[3])};
            *ask->doubt = true;
        }
        sc_turn_vector(h4, sc_turn_back(turn[3]), y, back4);
        sc_turn_vector(h5, sc_turn_back(turn[4]), back4, back5);
        if (!sc_turn_between(h6, arm->mark, back5, FREE, &turn[5])) {
            return j;
        }
    }
    return n;
}

size_t
sc_wrist_solve(const sc_closed *closed, const sc_frame *goal, const double *seed,
               sc_branch *branches, bool *doubt)
{
    const sc_wrist_arm *arm = &closed->wrist;
    place places[4];
    double along[3], mark[3];
    asked ask = {.slack = closed->slack, .doubt = doubt};
    sc_rotate(goal->r, arm->wrist, ask.from);
    for (size_t i = 0; i < 3; i++) {
        ask.from[i] += goal->p[i] - arm->o1[i];
    }
    ask.high = sc_dot3(closed->h[0], ask.from);
    ask.square = sc_dot3(ask.from, ask.from);
    sc_rotate(goal->r, closed->h[5], along);
    sc_rotate(goal->r, arm->mark, mark);
    size_t n = 0, m = arm->shape == SC_ARM_PLANAR    ? planar_places(arm, &ask, places)
                      : arm->shape == SC_ARM_ELBOW   ? elbow_places(arm, &ask, places)
                      : arm->shape == SC_ARM_GENERAL ? general_places(arm, &ask, places)
                                                     : split_places(arm, &ask, places);
    for (size_t j = 0; j < m; j++) {
        sc_turn turn[3];
        turns_of_place(closed, &ask, &places[j], seed, turn);
        n += turn_wrist(closed, turn, along, mark, &ask, seed, branches + n);
    }
    return n;
}
