/* The list of solutions, and the multi-start search that fills it. */
#include <string.h>

#include "sc_ik_search.h"

#define MAX_STEPS 40
#define FULL_TURN (2.0 * SC_PI)
#define FIRST_BUDGET 100    /* starts without any solution before giving up */
#define PATIENCE 64         /* starts without a new solution before it is enough */
#define MOST_STARTS 300     /* starts of one search, whatever it finds */
#define ENOUGH_REDUNDANT 16 /* solutions of a redundant chain, which has no end of them */

double
sc_ik_distance(const sc_ik_search *search, const double *q)
{
    double sum = 0.0;
    for (size_t i = 0; i < search->chain->dof; i++) {
        double d = q[i] - search->seed[i];
        sum += d * d;
    }
    return sum;
}

bool
sc_ik_wanted(const sc_ik_search *search, double distance)
{
    return search->count < search->most || distance < search->distance[search->count - 1];
}

static bool
is_known(const sc_ik_search *search, double distance, const double *q)
{
    const sc_chain *chain = search->chain;
    /* What is the same in every joint is about as far from the seed. */
    double apart = search->same * sqrt((double)chain->dof);
    double slack = apart * (2.0 * sqrt(distance) + apart);
    for (size_t k = 0; k < search->count; k++) {
        double largest = fabs(distance - search->distance[k]) <= slack ? 0.0 : 2.0 * search->same;
        for (size_t i = 0; i < chain->dof && largest < search->same; i++) {
            double d = fabs(q[i] - search->found[k][i]);
            if (d > SC_PI && sc_ik_turns_fully(chain, i)) {
                d = fabs(d - FULL_TURN * nearbyint(d / FULL_TURN));
            }
            largest = d > largest ? d : largest;
        }
        if (largest < search->same) {
            return true;
        }
    }
    return false;
}

bool
sc_ik_keep(sc_ik_search *search, double distance, const double *q)
{
    if (!sc_ik_wanted(search, distance) || is_known(search, distance, q)) {
        return false;
    }
    size_t at = search->count < search->most ? search->count++ : search->most - 1;
    while (at > 0 && search->distance[at - 1] > distance) {
        search->distance[at] = search->distance[at - 1];
        memcpy(search->found[at], search->found[at - 1], sizeof search->found[at]);
        at--;
    }
    search->distance[at] = distance;
    memcpy(search->found[at], q, search->chain->dof * sizeof *q);
    return true;
}

bool
sc_ik_try(sc_ik_search *search, uint32_t held, size_t steps, double *q)
{
    return sc_ik_descend(search->chain, search->target, held, steps, q) == SC_OK &&
           sc_ik_wrap(search->chain, 0, search->chain->dof, search->seed, q) <= 0.0 &&
           sc_ik_keep(search, sc_ik_distance(search, q), q);
}

/* Solution of x^(n+1) = x + 1: the additive sequence's base in n dimensions (Roberts 2018). */
static double
golden(size_t n)
{
    double x = 2.0;
    for (size_t i = 0; i < 40; i++) {
        x = pow(1.0 + x, 1.0 / (double)(n + 1));
    }
    return x;
}

/* The k-th start: a point of the low-discrepancy sequence inside the limits. */
static void
spread_start(const sc_ik_search *search, const double *alpha, size_t k, double *q)
{
    const sc_chain *chain = search->chain;
    for (size_t i = 0; i < chain->dof; i++) {
        double lower = chain->lower[i], upper = chain->upper[i];
        if (sc_ik_turns_fully(chain, i)) {
            lower = search->seed[i] - SC_PI;
            upper = search->seed[i] + SC_PI;
        }
        double u = 0.5 + (double)(k + 1) * alpha[i];
        q[i] = lower + (u - floor(u)) * (upper - lower);
    }
}

void
sc_ik_search_numeric(sc_ik_search *search)
{
    double alpha[SC_MAX_DOF], q[SC_MAX_DOF];
    size_t dof = search->chain->dof, most = search->most;
    size_t enough = most == 1 ? 1 : dof > 6 ? ENOUGH_REDUNDANT : SC_IK_MAX_SOLUTIONS;
    search->most = SC_IK_MAX_SOLUTIONS; /* those that are not asked for are still not new twice */
    memcpy(q, search->seed, dof * sizeof *q);
    sc_ik_try(search, 0, MAX_STEPS, q);
    double base = search->count < enough ? golden(dof) : 2.0, power = 1.0;
    for (size_t i = 0; i < dof; i++) {
        power /= base;
        alpha[i] = power;
    }
    size_t last = 0; /* starts used when the newest solution was found */
    for (size_t k = 0; k < MOST_STARTS; k++) {
        if (search->count >= enough || k >= (search->count > 0 ? last + PATIENCE : FIRST_BUDGET)) {
            break;
        }
        spread_start(search, alpha, k, q);
        if (sc_ik_try(search, 0, MAX_STEPS, q)) {
            last = k;
        }
    }
    search->most = most;
    search->count = search->count < most ? search->count : most;
}
