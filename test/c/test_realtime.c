/* Tests of the real-time thread: set-points of a stepped executor, commands of another thread,
 * and a reader that looks all the while. Nothing here depends on how fast the machine is.
 */
#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "sc_otg.h"
#include "sc_realtime.h"

#define DOF 3
#define PERIOD 0.001
#define CAPACITY 65536
#define RECORD (SC_RECORD_HEAD + 3 * DOF)

static const double low[DOF] = {-9, -9, -9}, high[DOF] = {9, 9, 9};
static const double velocity[DOF] = {4, 4, 4}, acceleration[DOF] = {20, 20, 20};
static const double jerk[DOF] = {400, 400, 400};
static const sc_limits limits = {low, high, velocity, acceleration, jerk};
static const double home[DOF] = {0, 1, 0}, away[DOF] = {1.5, -1, 0.2};

static double breaks[2][64], coeff[2][64 * DOF * SC_POLY];
static uint64_t memory[SC_RING_HEAD + CAPACITY * RECORD];
static sc_realtime rt;

static sc_spline
fresh(size_t which)
{
    sc_spline spline = {.dof = DOF, .capacity = 63, .breaks = breaks[which], .coeff = coeff[which]};
    return spline;
}

/* A motion from home to away, from rest to rest. */
static sc_spline
motion(size_t which)
{
    static const double zeros[DOF] = {0};
    sc_joints_state start = {home, zeros, zeros}, goal = {away, zeros, zeros};
    sc_spline path = fresh(which);
    sc_otg_motion planned;
    sc_otg_failure failure;
    CHECK(sc_otg_plan(DOF, &start, &goal, &limits, 0.0, &planned, &failure) == SC_OK);
    CHECK(sc_otg_spline(&planned, &path) == SC_OK);
    return path;
}

static bool
adopt(sc_executor *executor, void *context)
{
    sc_executor_adopt(executor, context, sc_executor_time(executor));
    return true;
}

static bool
stop(sc_executor *executor, void *context)
{
    (void)context;
    (void)sc_executor_stop(executor);
    return true;
}

static bool
change_speed(sc_executor *executor, void *context)
{
    (void)sc_executor_set_speed(executor, *(const double *)context);
    return true;
}

static bool
refuse(sc_executor *executor, void *context)
{
    (void)executor;
    (void)context;
    return false;
}

/* Reads what the ring offers until the last record; counts what it saw in order. */
static void *
follow(void *argument)
{
    const sc_ring *ring = argument;
    uint64_t record[RECORD] = {0}, seen = 0;
    while (seen == 0 || (record[8] & 2) == 0) {
        uint64_t newest = sc_ring_newest(ring);
        CHECK(newest >= seen);
        if (newest > seen && sc_ring_read(ring, newest, record) == SC_OK) {
            CHECK(record[0] == newest);
            seen = newest;
        }
        else {
            usleep(200);
        }
    }
    return NULL;
}

static void
same_as_stepped(const sc_ring *ring, const sc_executor *begin, const int64_t *ticks,
                const double *speeds, size_t count, sc_spline *path)
{
    sc_executor offline = *begin;
    double joints[3 * DOF];
    uint64_t record[RECORD], sequence = 1;
    for (size_t next = 0; sequence <= sc_ring_newest(ring);) {
        while (next < count && ticks[next] == offline.tick) {
            if (next == 0) {
                adopt(&offline, path);
            }
            else if (next == count - 1) {
                stop(&offline, NULL);
            }
            else {
                double speed = speeds[next];
                change_speed(&offline, &speed);
            }
            next++;
        }
        sc_executor_step(&offline, joints, joints + DOF, joints + 2 * DOF);
        CHECK(sc_ring_read(ring, sequence, record) == SC_OK);
        int64_t tick;
        memcpy(&tick, &record[2], sizeof tick);
        CHECK(tick >= offline.tick);
        if (tick == offline.tick) { /* others passed unsent, at rest */
            CHECK(memcmp(&record[SC_RECORD_HEAD], joints, sizeof joints) == 0);
            sequence++;
        }
    }
}

static void
test_commands_while_it_runs(void)
{
    sc_executor executor, after;
    sc_ring ring;
    sc_sink sink = {.socket = -1};
    sc_realtime_options options = {0, 20000, 1000000};
    sc_spline path = motion(0);
    CHECK(sc_executor_init(&executor, DOF, PERIOD, 1e-6, true, &limits) == SC_OK);
    sc_executor_reset(&executor, home);
    CHECK(sc_ring_make(memory, DOF, CAPACITY, PERIOD, &ring) == SC_OK);
    sink.ring = ring;
    CHECK(sc_realtime_init(&rt) == SC_OK);
    CHECK(sc_realtime_start(&rt, &executor, &sink, &options) == SC_OK);
    pthread_t reader;
    CHECK(pthread_create(&reader, NULL, follow, &ring) == 0);
    double speeds[7] = {0.0, 0.5, 0.9, 0.2, 0.7, 1.0, 0.0};
    int64_t ticks[7];
    CHECK(sc_realtime_command(&rt, adopt, &path, &after) == SC_OK);
    ticks[0] = after.tick;
    CHECK(sc_realtime_command(&rt, refuse, NULL, &after) == SC_OK);
    for (size_t k = 1; k < 6; k++) {
        usleep(30000);
        CHECK(sc_realtime_command(&rt, change_speed, &speeds[k], &after) == SC_OK);
        CHECK(after.tick > ticks[k - 1]);
        ticks[k] = after.tick;
    }
    CHECK(sc_realtime_command(&rt, stop, NULL, &after) == SC_OK);
    ticks[6] = after.tick;
    sc_realtime_leave(&rt, false);
    while (!sc_realtime_wait(&rt, 0.1)) {
    }
    CHECK(sc_realtime_command(&rt, stop, NULL, &after) == SC_ENDED);
    sc_executor final;
    int failure;
    sc_realtime_finish(&rt, &final, &failure);
    pthread_join(reader, NULL);
    CHECK(failure == 0 && final.mode == SC_IDLE && final.path == NULL);
    sc_realtime_statistics statistics;
    sc_realtime_read(&rt, &statistics);
    CHECK(statistics.cycles == sc_ring_newest(&ring) && statistics.cycles < CAPACITY);
    same_as_stepped(&ring, &executor, ticks, speeds, 7, &path);
    sc_realtime_free(&rt);
}

static void
test_failed_socket_ends_at_rest(void)
{
    sc_executor executor, final;
    sc_sink sink = {.socket = 1000}; /* no such descriptor */
    sc_realtime_options options = {0, 0, 0};
    int failure;
    CHECK(sc_executor_init(&executor, DOF, PERIOD, 1e-6, true, &limits) == SC_OK);
    sc_executor_reset(&executor, home);
    sc_spline path = motion(1);
    adopt(&executor, &path);
    CHECK(sc_realtime_init(&rt) == SC_OK);
    CHECK(sc_realtime_start(&rt, &executor, &sink, &options) == SC_OK);
    while (!sc_realtime_wait(&rt, 0.1)) {
    }
    sc_realtime_finish(&rt, &final, &failure);
    CHECK(failure != 0 && final.mode == SC_IDLE);
    CHECK(final.rest[0] < 0.1); /* stopped soon after its beginning */
    sc_realtime_free(&rt);
}

static void
test_ring_refuses_what_it_does_not_hold(void)
{
    uint64_t record[RECORD] = {0};
    sc_ring ring, opened;
    CHECK(sc_ring_make(memory, 0, 4, PERIOD, &ring) == SC_BAD_ARGUMENT);
    CHECK(sc_ring_make(memory, DOF, 0, PERIOD, &ring) == SC_BAD_ARGUMENT);
    CHECK(sc_ring_make(memory, DOF, 4, PERIOD, &ring) == SC_OK);
    size_t size = 8 * sc_ring_words(DOF, 4);
    CHECK(sc_ring_open(memory, size - 1, &opened) == SC_MISMATCH);
    CHECK(sc_ring_open(memory, size, &opened) == SC_OK && opened.capacity == 4);
    for (uint64_t n = 1; n <= 6; n++) {
        record[0] = n;
        sc_ring_write(&ring, record);
    }
    CHECK(sc_ring_read(&opened, 2, record) == SC_NO_SPACE);
    CHECK(sc_ring_read(&opened, 7, record) == SC_NO_SPACE);
    CHECK(sc_ring_read(&opened, 3, record) == SC_OK && record[0] == 3);
    memory[0] = 0;
    CHECK(sc_ring_open(memory, size, &opened) == SC_MISMATCH);
}

static void
test_quantiles_of_lateness(void)
{
    sc_realtime_statistics s = {.worst = 900000};
    CHECK(sc_realtime_quantile(&s, 0.5) == 0.0);
    s.lateness[3] = 98;         /* 3 ns */
    s.lateness[16 + 8 * 6] = 1; /* 1024..1151 ns */
    s.lateness[SC_LATENESS_BUCKETS - 1] = 1;
    CHECK(fabs(sc_realtime_quantile(&s, 0.5) - 3e-9) < 1e-15);
    CHECK(fabs(sc_realtime_quantile(&s, 0.985) - 1152e-9) < 1e-15);
    CHECK(fabs(sc_realtime_quantile(&s, 0.999) - 900e-6) < 1e-12);
}

int
main(void)
{
    test_ring_refuses_what_it_does_not_hold();
    test_quantiles_of_lateness();
    test_commands_while_it_runs();
    test_failed_socket_ends_at_rest();
    puts("all tests passed");
    return 0;
}
