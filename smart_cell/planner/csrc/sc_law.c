/* Speed laws and the search for a feasible change of speed along a path. */
#include "sc_law.h"

#include <assert.h>
#include <string.h>

#define BUDGET 100000
#define DELAYS 100 /* of the remaining path, tried for the beginning of a change */
#define LENGTHS 44 /* of a change, each 12 % longer than the one before */
#define LENGTH_RATIO 1.12
#define REFINEMENTS 3 /* halvings of the interval of lengths in which a change becomes feasible */
#define STAGES 3      /* changes in a row to reach one rate */

/* The shapes that are tried for a change. */
static const sc_law_shape shapes[] = {
    {0.5, 0.5}, {0.25, 0.25}, {0.25, 0.5}, {0.5, 0.25}, {0.125, 0.125}};

void
sc_law_constant(sc_law *law, double t, double sigma, double rate)
{
    sc_law_piece piece = {t, sigma, {rate, 0.0, 0.0}, 0.0, rate};
    law->count = 1;
    law->piece[0] = piece;
}

static sc_law_state
piece_at(const sc_law_piece *p, double t)
{
    double x = fmax(t - p->start, 0.0), over = fmax(x - p->length, 0.0);
    x = fmin(x, p->length);
    const double *c = p->rate;
    sc_law_state state;
    state.sigma = p->sigma + x * (c[0] + x * (c[1] / 2.0 + x * c[2] / 3.0)) + over * p->final;
    bool settled = t >= p->start + p->length;
    state.rate = settled ? p->final : c[0] + x * (c[1] + x * c[2]);
    state.rate1 = settled ? 0.0 : c[1] + 2.0 * x * c[2];
    state.rate2 = settled ? 0.0 : 2.0 * c[2];
    return state;
}

sc_law_state
sc_law_at(const sc_law *law, double t)
{
    size_t k = law->count - 1;
    while (k > 0 && t < law->piece[k].start) {
        k--;
    }
    return piece_at(&law->piece[k], t);
}

double
sc_law_settled(const sc_law *law)
{
    const sc_law_piece *last = &law->piece[law->count - 1];
    return last->start + last->length;
}

double
sc_law_arrival(const sc_law *law, double now, double duration)
{
    double settled = fmax(now, sc_law_settled(law));
    sc_law_state last = sc_law_at(law, settled);
    if (last.sigma < duration) {
        return last.rate > 0.0 ? settled + (duration - last.sigma) / last.rate : (double)INFINITY;
    }
    double low = now, high = settled; /* the path ends before the rate has settled */
    for (int k = 0; k < 60; k++) {
        double middle = 0.5 * (low + high);
        if (sc_law_at(law, middle).sigma >= duration) {
            high = middle;
        }
        else {
            low = middle;
        }
    }
    return high;
}

void
sc_law_waiting(sc_law *law, double t, double begin, double rate)
{
    sc_law_constant(law, t, 0.0, 0.0);
    sc_law_piece going = {begin, 0.0, {rate, 0.0, 0.0}, 0.0, rate};
    law->piece[law->count++] = going;
}

/* Appends a piece of the law's slope from `slope` to `next` within `length`. */
static void
push_piece(sc_law *law, const sc_law_piece *before, double slope, double next, double length)
{
    double x = before->length;
    const double *c = before->rate;
    sc_law_piece piece = {before->start + x,
                          before->sigma + x * (c[0] + x * (c[1] / 2.0 + x * c[2] / 3.0)),
                          {before->final, slope, (next - slope) / (2.0 * length)},
                          length,
                          before->final + 0.5 * length * (slope + next)};
    law->piece[law->count++] = piece;
}

sc_status
sc_law_append(sc_law *law, double t, double to, double length, sc_law_shape shape)
{
    sc_law_state at = sc_law_at(law, t);
    size_t keep = law->count;
    while (keep > 0 && law->piece[keep - 1].start >= t) {
        keep--;
    }
    if (keep + 3 > SC_LAW_PIECES) {
        return SC_NO_SPACE;
    }
    assert(length > 0.0 && shape.first > 0.0 && shape.last > 0.0);
    double first = shape.first * length, last = shape.last * length;
    double middle = fmax(0.0, length - first - last);
    double slope = (to - at.rate - 0.5 * at.rate1 * first) / (0.5 * first + middle + 0.5 * last);
    sc_law_piece now = {t, at.sigma, {at.rate, 0.0, 0.0}, 0.0, at.rate};
    law->count = keep;
    push_piece(law, &now, at.rate1, slope, first);
    if (middle > 1e-9 * length) {
        push_piece(law, &law->piece[law->count - 1], slope, slope, middle);
    }
    push_piece(law, &law->piece[law->count - 1], slope, 0.0, last);
    law->piece[law->count - 1].final = to;
    return SC_OK;
}

void
sc_law_forget(sc_law *law, double t)
{
    size_t first = 0;
    while (first + 1 < law->count && law->piece[first + 1].start <= t) {
        first++;
    }
    memmove(law->piece, law->piece + first, (law->count - first) * sizeof law->piece[0]);
    law->count -= first;
}

/* Whether the limits hold at x seconds into segment k of the path. */
static bool
keeps(const sc_law_context *context, const sc_law_state *law, size_t k, double x)
{
    const sc_limits *limits = context->limits;
    const sc_spline *path = context->path;
    double most = 1.0 + context->tolerance;
    for (size_t i = 0; i < path->dof; i++) {
        double state[4];
        sc_poly_state(path->coeff + (k * path->dof + i) * SC_POLY, x, state);
        sc_law_apply(law, state);
        if (!(fabs(state[1]) <= most * limits->velocity[i] &&
              fabs(state[2]) <= most * limits->acceleration[i] &&
              (!context->with_jerk || fabs(state[3]) <= most * limits->jerk[i]))) {
            return false;
        }
    }
    return law->rate >= -1e-12 && law->rate <= 1.0 + 1e-9;
}

/* Where the check of a law stands: at executor time t, path time sigma, in segment k. */
typedef struct {
    double t, sigma;
    size_t k;
} progress;

/* Checks both sides of the boundaries that were crossed between `at` and (t, sigma, k). */
static bool
boundaries_keep(const sc_law_context *context, const sc_law *law, const progress *at,
                const progress *next)
{
    const double *breaks = context->path->breaks;
    for (size_t k = at->k; k < next->k; k++) {
        double share = (breaks[k + 1] - at->sigma) / fmax(next->sigma - at->sigma, 1e-300);
        double t = at->t + fmin(fmax(share, 0.0), 1.0) * (next->t - at->t);
        sc_law_state state = sc_law_at(law, t);
        if (state.rate > 0.0) { /* one step of Newton's method onto the boundary */
            t += (breaks[k + 1] - state.sigma) / state.rate;
            state = sc_law_at(law, fmin(fmax(t, at->t), next->t));
        }
        if (!keeps(context, &state, k, breaks[k + 1] - breaks[k]) ||
            !keeps(context, &state, k + 1, 0.0)) {
            return false;
        }
    }
    return true;
}

/* The end of a piece of the law after t, or `to`. */
static double
next_corner(const sc_law *law, double t, double to)
{
    for (size_t k = 0; k < law->count; k++) {
        double end = law->piece[k].start + law->piece[k].length;
        if (end > t) {
            return fmin(end, to);
        }
    }
    return to;
}

bool
sc_law_feasible(const sc_law_context *context, const sc_law *law, double from, double to,
                size_t *budget)
{
    const sc_spline *path = context->path;
    double step = 0.5 * context->period, duration = sc_spline_duration(path);
    double index = floor((from - context->now) / step) + 1.0, t = from;
    progress at = {from, 0.0, 0};
    for (bool first = true;; first = false) {
        sc_law_state state = sc_law_at(law, t);
        bool over = state.sigma >= duration;
        double sigma = fmin(fmax(state.sigma, 0.0), duration);
        progress next = {t, sigma, sc_spline_segment(path, sigma, at.k)};
        if (*budget == 0 || !keeps(context, &state, next.k, sigma - path->breaks[next.k]) ||
            (!first && !boundaries_keep(context, law, &at, &next))) {
            return false;
        }
        (*budget)--;
        if (over || t > to) {
            return true;
        }
        at = next;
        double grid = context->now + index * step, corner = next_corner(law, t, to);
        bool corner_first = t < corner && grid >= corner;
        if (corner_first) { /* the last moment before it, then, unless it ends there, itself */
            t = nextafter(corner, t);
            t = t > at.t ? t : corner;
        }
        else {
            t = grid;
            index += 1.0;
        }
    }
}

/* The least time in which a joint comes to rest from velocity v and acceleration a, the path aside.
 */
static double
stop_time(double v, double a, double most_a, double most_j)
{
    if (v + a * fabs(a) / (2.0 * most_j) < 0.0) { /* the sign that is left when a has gone */
        v = -v;
        a = -a;
    }
    double peak = sqrt(fmax(0.0, most_j * v + 0.5 * a * a));
    if (peak <= most_a) {
        return (a + 2.0 * peak) / most_j;
    }
    return (a + 2.0 * most_a) / most_j +
           (v + (a * a - 2.0 * most_a * most_a) / (2.0 * most_j)) / most_a;
}

/* A length below which the change is not tried, by the state where it begins: for a stop the least
 * that the joints allow, else a guess. */
static double
shortest_length(const sc_law_context *context, const sc_law *law, double t, double to,
                sc_law_shape shape)
{
    sc_law_state at = sc_law_at(law, t);
    double p[SC_MAX_DOF], v[SC_MAX_DOF], a[SC_MAX_DOF], j[SC_MAX_DOF];
    double change = fabs(to - at.rate), length = 2.0 * context->period;
    double steep = 2.0 / (2.0 - shape.first - shape.last); /* slope over the average one */
    double bent = steep / fmin(shape.first, shape.last);
    const sc_limits *limits = context->limits;
    size_t hint = 0;
    sc_spline_sample(context->path, at.sigma, &hint, p, v, a, j);
    for (size_t i = 0; i < context->path->dof; i++) {
        double state[4] = {p[i], v[i], a[i], j[i]}, speed = change * fabs(v[i]);
        double least = 0.5 * steep * speed / limits->acceleration[i];
        if (context->with_jerk) {
            least = fmax(least, 0.5 * sqrt(bent * speed / limits->jerk[i]));
        }
        if (to == 0.0) {
            sc_law_apply(&at, state);
            least = context->with_jerk
                        ? stop_time(state[1], state[2], limits->acceleration[i], limits->jerk[i])
                        : fabs(state[1]) / limits->acceleration[i];
        }
        length = fmax(length, least);
    }
    return length;
}

/* Slowing down is of no use if the path ends before it is over. */
static bool
worth_it(const sc_law_context *context, const sc_law *law, double begin, double length)
{
    sc_law_state end = sc_law_at(law, begin + length);
    return end.rate >= sc_law_at(law, begin).rate || end.sigma < sc_spline_duration(context->path);
}

/* Beginnings that are tried for a change: half of them while the law still changes, the others
 * from then on to the end of the path; just one if it stands. */
typedef struct {
    double from, settled, early_step, late_step;
    size_t count;
} beginnings;

static beginnings
plan_beginnings(const sc_law_context *context, const sc_law *law, double from)
{
    double settled = fmax(from, sc_law_settled(law));
    sc_law_state last = sc_law_at(law, settled);
    double left = sc_spline_duration(context->path) - last.sigma;
    size_t half = settled > from ? DELAYS / 2 : 0;
    beginnings b = {from, settled, 0.0, 0.0, half + 1};
    if (half > 0) {
        b.early_step = (settled - from) / (double)half;
    }
    if (last.rate > 0.0 && left > 0.0) {
        b.count = DELAYS + 1;
        b.late_step = fmax(context->period, left / last.rate / (double)(DELAYS - half));
    }
    return b;
}

static double
beginning(const beginnings *b, size_t k)
{
    size_t half = b->early_step > 0.0 ? DELAYS / 2 : 0;
    return k < half ? b->from + (double)k * b->early_step
                    : b->settled + (double)(k - half) * b->late_step;
}

/* Whether `change` is a feasible law with the change to `to` at `begin`. */
static bool
try_change(const sc_law_context *context, const sc_law *law, double begin, double to, double length,
           sc_law_shape shape, size_t *budget, sc_law *change)
{
    *change = *law;
    return sc_law_append(change, begin, to, length, shape) == SC_OK &&
           worth_it(context, change, begin, length) &&
           sc_law_feasible(context, change, begin, begin + length, budget);
}

/* The shortest feasible change at `begin` that is over before *end, which then is when it is. */
static bool
best_at(const sc_law_context *context, const sc_law *law, double begin, double to,
        sc_law_shape shape, size_t *budget, sc_law *best, double *end)
{
    double length = shortest_length(context, law, begin, to, shape);
    sc_law change;
    size_t m = 0;
    while (m < LENGTHS && begin + length < *end &&
           !try_change(context, law, begin, to, length, shape, budget, &change)) {
        length *= LENGTH_RATIO;
        m++;
    }
    if (m == LENGTHS || !(begin + length < *end)) {
        return false;
    }
    *best = change;
    *end = begin + length;
    double low = length / LENGTH_RATIO;
    for (size_t k = 0; k < (m > 0 ? REFINEMENTS : 0u); k++) {
        double middle = 0.5 * (low + length);
        if (try_change(context, law, begin, to, middle, shape, budget, &change)) {
            *best = change;
            *end = begin + middle;
            length = middle;
        }
        else {
            low = middle;
        }
    }
    return true;
}

/* The change from `from` on that is over first; *end: when, only better ones are accepted. */
static bool
best_change(const sc_law_context *context, const sc_law *law, double from, double to,
            size_t *budget, sc_law *best, double *end)
{
    bool found = false;
    beginnings at = plan_beginnings(context, law, from);
    for (size_t k = 0; k < at.count; k++) {
        double begin = beginning(&at, k);
        for (size_t m = 0; m < sizeof shapes / sizeof shapes[0]; m++) {
            found = best_at(context, law, begin, to, shapes[m], budget, best, end) || found;
        }
    }
    return found;
}

sc_status
sc_law_change(const sc_law_context *context, double to, sc_law *law)
{
    static const double shares[] = {1.0, 0.9, 0.75, 0.5, 0.25};
    sc_law result = *law;
    double from = context->now, settled = sc_law_settled(law);
    size_t budget = BUDGET;
    double arrival = sc_law_arrival(law, context->now, sc_spline_duration(context->path));
    bool by_itself = sc_law_at(law, fmax(from, settled)).rate == to && settled <= arrival;
    bool changed = false;
    sc_law_forget(&result, context->now);
    if (by_itself && settled <= from) {
        return SC_OK;
    }
    for (size_t stage = 0; stage < STAGES; stage++) {
        double rate = sc_law_at(&result, from).rate;
        bool found = false;
        size_t tries = to > rate && !by_itself ? sizeof shares / sizeof shares[0] : 1;
        for (size_t k = 0; k < tries && !found; k++) {
            double target = rate + shares[k] * (to - rate);
            double end = to > 0.0 ? (double)INFINITY : arrival;
            if (by_itself) {
                end = settled;
            }
            sc_law next;
            found = best_change(context, &result, from, target, &budget, &next, &end);
            if (found) {
                result = next;
                from = end;
                changed = true;
                if (k == 0) {
                    *law = result;
                    return SC_OK;
                }
            }
        }
        if (!found) {
            break;
        }
    }
    if (changed) {
        *law = result;
        return SC_OK;
    }
    return by_itself ? SC_OK : SC_LIMIT_EXCEEDED;
}
