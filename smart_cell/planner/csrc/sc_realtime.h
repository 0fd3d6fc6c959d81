/* The real-time thread of an executor: one set-point to a sink per period.
 *
 * The thread wakes by clock_nanosleep at absolute times of CLOCK_MONOTONIC, a little early, and
 * spins until the moment itself. It takes no lock that it could wait for, allocates nothing, and
 * calls nothing of Python.
 *
 * Late cycles: every set-point is one period of executor time after the one before, whatever the
 * clock does, so that the set-points are those of sc_executor_step, none left out and none
 * repeated. A wake-up less than a period late is made good by the next deadline. Whole periods that
 * were slept through are counted as missed, and executor time lags behind the clock by them; the
 * lag is made good while the set-point stands still (before a motion begins, after it ended, while
 * it is held), where periods pass without being sent.
 *
 * Commands: sc_realtime_command works on a copy of the executor that it steps ahead of the thread
 * by a few periods, takes its time, and hands the copy over. The thread takes it in exactly the
 * period that it was made for; if that has passed, the command is computed again for a later one.
 * So the set-points are those of a command given between two calls of sc_executor_step.
 *
 * A sink that fails: the executor is stopped along its path, and the thread ends when it stands.
 */
#ifndef SC_REALTIME_H
#define SC_REALTIME_H

#include <pthread.h>
#include <semaphore.h>

#include "sc_executor.h"
#include "sc_ring.h"

/* Lateness [ns] is counted in 8 buckets per factor of 2, the last one up to 2^40 ns. */
#define SC_LATENESS_BUCKETS 304

/* Where set-points go: a ring, or a connected datagram socket if `socket` >= 0 (not waited for; a
 * datagram that nobody wants or that has no room is counted and forgotten). */
typedef struct {
    int socket;
    sc_ring ring;
} sc_sink;

typedef struct {
    int priority;  /* of SCHED_FIFO, 1..99; 0: ordinary scheduling */
    int64_t spin;  /* how long before each deadline the thread stays awake [ns] */
    int64_t grace; /* how long after its deadline a set-point may come, for the receiver [ns] */
} sc_realtime_options;

typedef struct {
    uint64_t cycles, missed, unsent;
    int64_t lag;        /* periods that executor time is behind the clock */
    int64_t worst;      /* largest lateness of a wake-up [ns] */
    int priority;       /* obtained: of SCHED_FIFO, or 0 */
    bool memory_locked; /* whether the process' memory is locked */
    uint64_t lateness[SC_LATENESS_BUCKETS];
} sc_realtime_statistics;

typedef struct {
    /* Under the mutex, which the thread only tries to take. */
    pthread_mutex_t mutex;
    sc_executor published; /* as of the thread's latest period */
    sc_executor pending;   /* to be taken when the thread's time is its time */
    bool has_pending, closed;
    sc_status verdict;
    sem_t answer; /* posted once for each pending executor */
    /* The thread's own. */
    pthread_t thread;
    sc_executor live;
    sc_sink sink;
    sc_realtime_options options;
    uint64_t sequence;
    /* Atomic. */
    _Atomic bool leave, quit, ended;
    _Atomic int failure, priority;
    _Atomic bool memory_locked;
    _Atomic uint64_t cycles, missed, unsent;
    _Atomic int64_t lag, worst;
    _Atomic uint64_t lateness[SC_LATENESS_BUCKETS];
} sc_realtime;

/* Prepares the memory; to be called once, before anything else. */
sc_status sc_realtime_init(sc_realtime *rt);
void sc_realtime_free(sc_realtime *rt);

/* Starts the thread with a copy of a placed executor. The sink's memory stays until the end. */
sc_status sc_realtime_start(sc_realtime *rt, const sc_executor *executor, const sc_sink *sink,
                            const sc_realtime_options *options);

/* Copies the executor as of the latest period. Waits less than a microsecond. */
void sc_realtime_look(sc_realtime *rt, sc_executor *out);

/* Changes an executor; false: it is to be left as it was. May be called several times. */
typedef bool (*sc_change)(sc_executor *executor, void *context);

/* Has the thread take a change; returns when it has. *after: the executor then, at the time at
 * which the change was made. One call at a time. SC_LATE: the thread was faster each time;
 * SC_ENDED: it has ended, or its sink has failed. */
sc_status sc_realtime_command(sc_realtime *rt, sc_change change, void *context, sc_executor *after);

/* Asks the thread to end: as soon as the arm stands without a path, or at once. */
void sc_realtime_leave(sc_realtime *rt, bool at_once);

/* Waits at most `seconds`; whether the thread has ended. */
bool sc_realtime_wait(sc_realtime *rt, double seconds);

/* Waits for the thread to end and copies its executor; *failure: errno of the sink, or 0. */
void sc_realtime_finish(sc_realtime *rt, sc_executor *executor, int *failure);

void sc_realtime_read(sc_realtime *rt, sc_realtime_statistics *out);

/* A lateness [s] that at least `share` (0..1) of the wake-ups do not exceed; within 12.5 %. */
double sc_realtime_quantile(const sc_realtime_statistics *statistics, double share);

#endif
