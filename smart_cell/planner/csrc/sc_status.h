/* Status codes shared by every function of the planner core. */
#ifndef SC_STATUS_H
#define SC_STATUS_H

typedef enum {
    SC_OK = 0,
    SC_BAD_ARGUMENT,   /* a size, a range or a non-finite number; nothing was written */
    SC_NOT_CONVERGED,  /* an iteration used up its bounded number of steps */
    SC_UNREACHABLE,    /* no joint position gives the asked pose */
    SC_SINGULAR,       /* the tool cannot move in the asked direction here */
    SC_OUT_OF_LIMITS,  /* a joint would leave its position limits */
    SC_BRANCH_JUMP,    /* reachable, but only with another arm configuration */
    SC_TOO_SHORT,      /* the asked duration is below the minimum time */
    SC_NO_SPACE,       /* the caller's workspace is too small */
    SC_MISMATCH,       /* two states that should be equal are not */
    SC_LIMIT_EXCEEDED, /* velocity, acceleration or jerk above its limit */
    SC_NO_MEMORY,      /* an allocation failed */
    SC_LATE,           /* a moment had passed before its work was done */
    SC_ENDED           /* the thread that was asked has ended */
} sc_status;

/* A constant English phrase for a status; never NULL. */
const char *sc_status_text(sc_status status);

#endif
