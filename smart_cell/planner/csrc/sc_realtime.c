/* The real-time thread, and the commands that it takes. */
#define _GNU_SOURCE
#include "sc_realtime.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define SECOND 1000000000
#define TRIES 12        /* of a command, each twice as far ahead as the one before */
#define FIRST_LEAD 1e-3 /* what a command is given at first [s] */
#define CATCH_UP 1000   /* periods that may pass in one cycle while the set-point stands */
#define STACK 65536     /* of the thread, touched before it begins [bytes] */
#define LATENESS_LIMIT (INT64_C(1) << 40)

static int64_t
now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static void
sleep_until(int64_t when)
{
    struct timespec t = {(time_t)(when / SECOND), (long)(when % SECOND)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {
    }
}

static size_t
bucket_of(int64_t late)
{
    uint64_t value = (uint64_t)(late < 0 ? 0 : late < LATENESS_LIMIT ? late : LATENESS_LIMIT - 1);
    if (value < 16) {
        return (size_t)value;
    }
    size_t power = 63 - (size_t)__builtin_clzll(value);
    return 16 + (power - 4) * 8 + (size_t)((value >> (power - 3)) & 7);
}

/* The upper end of a bucket [ns]. */
static double
bucket_end(size_t index)
{
    if (index < 16) {
        return (double)index;
    }
    size_t power = 4 + (index - 16) / 8, part = (index - 16) % 8;
    return ldexp(1.0 + (double)(part + 1) / 8.0, (int)power);
}

/* Locks the memory of the process, if it may. What the limit does not allow for later allocations
 * is not asked for: they would fail. */
static bool
lock_memory(void)
{
    struct rlimit limit;
    int flags = MCL_CURRENT | MCL_ONFAULT;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY) {
        flags |= MCL_FUTURE;
    }
    return mlockall(flags) == 0;
}

static void
prepare(sc_realtime *rt)
{
    volatile char stack[STACK];
    for (size_t k = 0; k < sizeof stack; k += 512) {
        stack[k] = 0;
    }
    struct sched_param parameter = {.sched_priority = rt->options.priority};
    bool fifo = rt->options.priority > 0 &&
                pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameter) == 0;
    atomic_store(&rt->priority, fifo ? rt->options.priority : 0);
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

/* Takes or refuses what is pending; never waits. */
static void
take_pending(sc_realtime *rt)
{
    bool answer = false;
    if (pthread_mutex_trylock(&rt->mutex) != 0) {
        return;
    }
    if (rt->has_pending && rt->pending.tick <= rt->live.tick) {
        rt->verdict = SC_LATE;
        if (atomic_load(&rt->failure) != 0) {
            rt->verdict = SC_ENDED;
        }
        else if (rt->pending.tick == rt->live.tick) {
            rt->verdict = SC_OK;
            rt->live = rt->pending;
        }
        rt->has_pending = false;
        answer = true;
    }
    rt->published = rt->live;
    pthread_mutex_unlock(&rt->mutex);
    if (answer) {
        sem_post(&rt->answer);
    }
}

/* 0, or the errno of a sink that has failed. */
static int
send_record(sc_realtime *rt, const uint64_t *record)
{
    const sc_sink *sink = &rt->sink;
    if (sink->socket < 0) {
        sc_ring_write(&sink->ring, record);
        return 0;
    }
    size_t size = (SC_RECORD_HEAD + 3 * rt->live.dof) * sizeof *record;
    if (send(sink->socket, record, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
        return 0;
    }
    int error = errno;
    atomic_fetch_add(&rt->unsent, 1);
    bool passes = error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS ||
                  error == ECONNREFUSED || error == EINTR;
    return passes ? 0 : error;
}

/* One period further, and its set-point to the sink; whether it was the last one. */
static bool
cycle(sc_realtime *rt, int64_t due)
{
    uint64_t record[SC_RECORD_WORDS];
    size_t dof = rt->live.dof;
    double joints[3 * SC_MAX_DOF];
    sc_set_point point = sc_executor_step(&rt->live, joints, joints + dof, joints + 2 * dof);
    bool last = rt->live.path == NULL && atomic_load(&rt->leave);
    int64_t period = llround(rt->live.period * SECOND);
    int64_t next = last ? INT64_MAX : due + period + rt->options.grace;
    uint32_t shape[2] = {SC_RECORD_LAYOUT, (uint32_t)dof};
    record[0] = ++rt->sequence;
    memcpy(&record[1], shape, sizeof shape);
    memcpy(&record[2], &rt->live.tick, 8);
    memcpy(&record[3], &point.time, 8);
    memcpy(&record[4], &due, 8);
    memcpy(&record[5], &next, 8);
    memcpy(&record[6], &point.path_time, 8);
    memcpy(&record[7], &point.rate, 8);
    record[8] = (point.active ? 1u : 0u) | (last ? 2u : 0u);
    record[9] = atomic_load(&rt->missed);
    memcpy(&record[SC_RECORD_HEAD], joints, 3 * dof * sizeof joints[0]);
    int error = send_record(rt, record);
    if (error != 0 && atomic_load(&rt->failure) == 0) {
        atomic_store(&rt->failure, error);
        (void)sc_executor_stop(&rt->live); /* where it cannot slow down, it ends with its path */
    }
    return last || atomic_load(&rt->quit) ||
           (atomic_load(&rt->failure) != 0 && rt->live.path == NULL);
}

static void
count_lateness(sc_realtime *rt, int64_t late)
{
    atomic_fetch_add_explicit(&rt->lateness[bucket_of(late)], 1, memory_order_relaxed);
    if (late > atomic_load_explicit(&rt->worst, memory_order_relaxed)) {
        atomic_store_explicit(&rt->worst, late, memory_order_relaxed);
    }
    atomic_fetch_add_explicit(&rt->cycles, 1, memory_order_relaxed);
}

/* Lets periods pass unsent while executor time lags and the set-point stands still. */
static void
catch_up(sc_realtime *rt)
{
    double joints[3 * SC_MAX_DOF];
    size_t dof = rt->live.dof;
    for (int k = 0; k < CATCH_UP; k++) {
        if (atomic_load(&rt->lag) <= 0 || !sc_executor_stands(&rt->live)) {
            return;
        }
        sc_executor_step(&rt->live, joints, joints + dof, joints + 2 * dof);
        atomic_fetch_sub(&rt->lag, 1);
        take_pending(rt);
    }
}

static void
close_commands(sc_realtime *rt)
{
    pthread_mutex_lock(&rt->mutex);
    bool answer = rt->has_pending;
    rt->has_pending = false;
    rt->verdict = SC_ENDED;
    rt->closed = true;
    rt->published = rt->live;
    pthread_mutex_unlock(&rt->mutex);
    if (answer) {
        sem_post(&rt->answer);
    }
}

static void *
run(void *argument)
{
    sc_realtime *rt = argument;
    double period = rt->live.period * SECOND;
    prepare(rt);
    int64_t begin = now_ns(), count = 1;
    for (bool last = false; !last; count++) {
        int64_t due = begin + (int64_t)((double)count * period), now;
        sleep_until(due - rt->options.spin);
        while ((now = now_ns()) < due) {
        }
        count_lateness(rt, now - due);
        int64_t missed = (int64_t)((double)(now - due) / period);
        if (missed > 0) {
            atomic_fetch_add(&rt->missed, (uint64_t)missed);
            atomic_fetch_add(&rt->lag, missed);
            count += missed;
        }
        take_pending(rt);
        catch_up(rt);
        last = cycle(rt, begin + (int64_t)((double)count * period));
        take_pending(rt);
    }
    close_commands(rt);
    atomic_store(&rt->ended, true);
    return NULL;
}

sc_status
sc_realtime_init(sc_realtime *rt)
{
    memset(rt, 0, sizeof *rt);
    if (pthread_mutex_init(&rt->mutex, NULL) != 0) {
        return SC_NO_MEMORY;
    }
    if (sem_init(&rt->answer, 0, 0) != 0) {
        pthread_mutex_destroy(&rt->mutex);
        return SC_NO_MEMORY;
    }
    return SC_OK;
}

void
sc_realtime_free(sc_realtime *rt)
{
    sem_destroy(&rt->answer);
    pthread_mutex_destroy(&rt->mutex);
}

sc_status
sc_realtime_start(sc_realtime *rt, const sc_executor *executor, const sc_sink *sink,
                  const sc_realtime_options *options)
{
    pthread_mutex_lock(&rt->mutex);
    rt->published = *executor;
    rt->has_pending = rt->closed = false;
    pthread_mutex_unlock(&rt->mutex);
    rt->live = *executor;
    rt->sink = *sink;
    rt->options = *options;
    rt->sequence = sink->socket < 0 ? sc_ring_newest(&sink->ring) : 0;
    rt->leave = rt->quit = rt->ended = false;
    rt->failure = 0;
    rt->cycles = rt->missed = rt->unsent = 0;
    rt->lag = rt->worst = 0;
    for (size_t k = 0; k < SC_LATENESS_BUCKETS; k++) {
        rt->lateness[k] = 0;
    }
    rt->memory_locked = lock_memory();
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the other threads */
    int error = pthread_create(&rt->thread, NULL, run, rt);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0 ? SC_OK : SC_NO_MEMORY;
}

void
sc_realtime_look(sc_realtime *rt, sc_executor *out)
{
    pthread_mutex_lock(&rt->mutex);
    *out = rt->published;
    pthread_mutex_unlock(&rt->mutex);
}

/* Hands over an executor; SC_LATE at once if its time has passed. */
static sc_status
hand_over(sc_realtime *rt, const sc_executor *executor)
{
    sc_status status = SC_OK;
    pthread_mutex_lock(&rt->mutex);
    if (rt->closed || atomic_load(&rt->failure) != 0) {
        status = SC_ENDED;
    }
    else if (rt->published.tick > executor->tick) {
        status = SC_LATE;
    }
    else {
        rt->pending = *executor;
        rt->has_pending = true;
    }
    pthread_mutex_unlock(&rt->mutex);
    if (status != SC_OK) {
        return status;
    }
    while (sem_wait(&rt->answer) != 0) { /* interrupted; the thread always answers */
    }
    pthread_mutex_lock(&rt->mutex);
    status = rt->verdict;
    pthread_mutex_unlock(&rt->mutex);
    return status;
}

sc_status
sc_realtime_command(sc_realtime *rt, sc_change change, void *context, sc_executor *after)
{
    double joints[3 * SC_MAX_DOF];
    sc_executor copy, now;
    sc_realtime_look(rt, &now);
    int64_t lead = 1 + (int64_t)(FIRST_LEAD / now.period);
    sc_status status = SC_LATE;
    for (int k = 0; k < TRIES && status == SC_LATE; k++) {
        copy = now;
        for (int64_t step = 0; step < lead; step++) {
            sc_executor_step(&copy, joints, joints + copy.dof, joints + 2 * copy.dof);
        }
        status = change(&copy, context) ? hand_over(rt, &copy) : SC_OK;
        int64_t begin = now.tick;
        sc_realtime_look(rt, &now);
        int64_t took = (now.tick - begin) * 3 / 2 + 1;
        lead = took > 2 * lead ? took : 2 * lead;
    }
    *after = copy;
    return status;
}

void
sc_realtime_leave(sc_realtime *rt, bool at_once)
{
    atomic_store(&rt->leave, true);
    if (at_once) {
        atomic_store(&rt->quit, true);
    }
}

bool
sc_realtime_wait(sc_realtime *rt, double seconds)
{
    int64_t until = now_ns() + (int64_t)(seconds * SECOND), now = 0;
    while (!atomic_load(&rt->ended) && (now = now_ns()) < until) {
        int64_t pause = until - now < SECOND / 1000 ? until - now : SECOND / 1000;
        struct timespec t = {0, (long)pause};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
    }
    return atomic_load(&rt->ended);
}

void
sc_realtime_finish(sc_realtime *rt, sc_executor *executor, int *failure)
{
    pthread_join(rt->thread, NULL);
    *executor = rt->live;
    *failure = atomic_load(&rt->failure);
}

void
sc_realtime_read(sc_realtime *rt, sc_realtime_statistics *out)
{
    out->cycles = atomic_load(&rt->cycles);
    out->missed = atomic_load(&rt->missed);
    out->unsent = atomic_load(&rt->unsent);
    out->lag = atomic_load(&rt->lag);
    out->worst = atomic_load(&rt->worst);
    out->priority = atomic_load(&rt->priority);
    out->memory_locked = atomic_load(&rt->memory_locked);
    for (size_t k = 0; k < SC_LATENESS_BUCKETS; k++) {
        out->lateness[k] = atomic_load_explicit(&rt->lateness[k], memory_order_relaxed);
    }
}

double
sc_realtime_quantile(const sc_realtime_statistics *statistics, double share)
{
    uint64_t total = 0, sum = 0;
    for (size_t k = 0; k < SC_LATENESS_BUCKETS; k++) {
        total += statistics->lateness[k];
    }
    for (size_t k = 0; k < SC_LATENESS_BUCKETS; k++) {
        sum += statistics->lateness[k];
        if (sum > 0 && (double)sum >= share * (double)total) {
            return 1e-9 * fmin(bucket_end(k), (double)statistics->worst);
        }
    }
    return 0.0;
}
