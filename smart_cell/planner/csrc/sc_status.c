/* Texts of the status codes. */
#include "sc_status.h"

const char *
sc_status_text(sc_status status)
{
    switch (status) {
    case SC_OK:
        return "ok";
    case SC_BAD_ARGUMENT:
        return "bad argument";
    case SC_NOT_CONVERGED:
        return "not converged";
    case SC_UNREACHABLE:
        return "unreachable";
    case SC_SINGULAR:
        return "singularity";
    case SC_OUT_OF_LIMITS:
        return "joint position limit";
    case SC_BRANCH_JUMP:
        return "reachable only with another arm configuration";
    case SC_TOO_SHORT:
        return "duration below the minimum time";
    case SC_NO_SPACE:
        return "workspace too small";
    case SC_MISMATCH:
        return "states do not match";
    case SC_LIMIT_EXCEEDED:
        return "limit exceeded";
    case SC_NO_MEMORY:
        return "out of memory";
    case SC_LATE:
        return "too late";
    case SC_ENDED:
        return "the thread has ended";
    }
    return "unknown status";
}
