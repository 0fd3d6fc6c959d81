/* The speed law of an executor: path time sigma as a function of executor time.
 *
 * A list of pieces, in each of which the rate d(sigma)/dt is a parabola in time; after the last one
 * it is kept. A change of rate takes two or three of them: the slope of the rate grows evenly,
 * stays, and goes back to zero evenly, so that it is continuous. Rates lie in [0, 1].
 */
#ifndef SC_LAW_H
#define SC_LAW_H

#include "sc_spline.h"

#define SC_LAW_PIECES 16

typedef struct {
    double start;   /* executor time [s] */
    double sigma;   /* path time there [s] */
    double rate[3]; /* the rate is the sum of rate[k] x^k, x = t - start, while x < length */
    double length;  /* [s]; afterwards the rate stays `final` */
    double final;
} sc_law_piece;

typedef struct {
    size_t count; /* 1..SC_LAW_PIECES */
    sc_law_piece piece[SC_LAW_PIECES];
} sc_law;

/* Path time and its first three derivatives at executor time t. */
typedef struct {
    double sigma, rate, rate1, rate2;
} sc_law_state;

/* A law of constant rate from (t, sigma). */
void sc_law_constant(sc_law *law, double t, double sigma, double rate);

sc_law_state sc_law_at(const sc_law *law, double t);

/* When the rate stops changing. */
double sc_law_settled(const sc_law *law);

/* When path time reaches `duration`, not before `now`; infinity if the rate falls to zero first. */
double sc_law_arrival(const sc_law *law, double now, double duration);

/* A law that stands at path time 0 until `begin` and then goes at a constant rate. */
void sc_law_waiting(sc_law *law, double t, double begin, double rate);

/* How a change divides its time: the shares in which its slope grows and goes back, > 0, together
 * at most 1. */
typedef struct {
    double first, last;
} sc_law_shape;

/* Cuts the law at t and appends the change to rate `to` within `length` seconds; SC_NO_SPACE. */
sc_status sc_law_append(sc_law *law, double t, double to, double length, sc_law_shape shape);

/* Forgets the pieces that are over at t. */
void sc_law_forget(sc_law *law, double t);

/* Position, velocity, acceleration, jerk of a joint: state holds them by path time, and gets them
 * by executor time. */
static inline void
sc_law_apply(const sc_law_state *law, double state[4])
{
    double r = law->rate;
    state[3] = state[3] * r * r * r + 3.0 * state[2] * r * law->rate1 + state[1] * law->rate2;
    state[2] = state[2] * r * r + state[1] * law->rate1;
    state[1] = state[1] * r;
}

/* What a search for a feasible change of rate needs to know. */
typedef struct {
    const sc_spline *path;
    const sc_limits *limits;
    double period, now, tolerance;
    bool with_jerk;
} sc_law_context;

/* Whether the motion keeps all limits in [from, to], and the rate stays in [0, 1]: at both ends, on
 * the grid of half periods, and on both sides of every boundary of the path's polynomials and of
 * the law's pieces, where the jerk may jump. budget: samples left, counted down; none left counts
 * as not feasible. */
bool sc_law_feasible(const sc_law_context *context, const sc_law *law, double from, double to,
                     size_t *budget);

/* Changes the rate to `to` as early as the limits allow: searches the beginning (now or later on
 * the path), the shape and the length of the change; where speeding up does not go all the way, an
 * intermediate rate first. Coming to a stand later than the path would have ended is no gain.
 * SC_OK, also where the law comes to that rate by itself as soon; or SC_LIMIT_EXCEEDED with *law
 * unchanged: then the path runs to its end as it was.
 * At most 100 000 samples (about 10 ms), typically some thousand. */
sc_status sc_law_change(const sc_law_context *context, double to, sc_law *law);

#endif
