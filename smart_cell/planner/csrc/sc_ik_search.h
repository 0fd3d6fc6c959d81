/* What the searches for solutions share: the question, and the solutions found so far. */
#ifndef SC_IK_SEARCH_H
#define SC_IK_SEARCH_H

#include "sc_ik.h"

typedef struct {
    const sc_chain *chain;
    const sc_frame *target;
    const double *seed; /* inside the limits */
    double same;        /* two solutions closer than this in every joint are one [rad], [m] */
    size_t most;        /* solutions to keep, the nearest ones */
    size_t count;       /* kept so far, nearest first */
    double distance[SC_IK_MAX_SOLUTIONS];
    double found[SC_IK_MAX_SOLUTIONS][SC_MAX_DOF];
} sc_ik_search;

/* Squared distance of q from the seed. */
double sc_ik_distance(const sc_ik_search *search, const double *q);

/* Whether a solution at this squared distance would be kept. */
bool sc_ik_wanted(const sc_ik_search *search, double distance);

/* Keeps a verified solution inside the limits, at this squared distance from the seed, in its
 * order; false if it is known or too far. */
bool sc_ik_keep(sc_ik_search *search, double distance, const double *q);

/* Descends from q (changed in place; joints of `held` stay) and keeps the result if it is new.
 * Returns whether it was. */
bool sc_ik_try(sc_ik_search *search, uint32_t held, size_t steps, double *q);

/* Starts from the seed and from all over the limits until there is nothing new to be found. */
void sc_ik_search_numeric(sc_ik_search *search);

/* Solutions of six joints by a model whose kind is not SC_CLOSED_NONE. Returns false if there is
 * none and it cannot be sure of that. */
bool sc_ik_search_six(sc_ik_search *search, const sc_ik_model *model);

/* The same with joints before and behind the six; numerical where that finds none. */
void sc_ik_search_around(sc_ik_search *search, const sc_ik_model *model);

#endif
