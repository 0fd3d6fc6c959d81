/* The yardstick for an executor's real-time thread: a loop that does nothing but wake up in time.
 *
 *     bare_loop PERIOD_NS CYCLES
 *
 * SCHED_FIFO where permitted, memory locked where permitted, timer slack 1 ns, absolute deadlines,
 * 50 us of spinning before each. Prints the lateness of every wake-up [ns], one a line, and counts
 * periods slept through as the executor does.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#define SECOND 1000000000

static int64_t
now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

int
main(int count, char **arguments)
{
    if (count != 3) {
        return 2;
    }
    int64_t period = atoll(arguments[1]);
    long cycles = atol(arguments[2]);
    int64_t *late = calloc((size_t)cycles, sizeof *late);
    if (late == NULL) {
        return 1;
    }
    struct sched_param parameter = {.sched_priority = 80};
    (void)sched_setscheduler(0, SCHED_FIFO, &parameter);
    (void)mlockall(MCL_CURRENT | MCL_FUTURE);
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    int64_t due = now_ns() + period, now = 0;
    for (long k = 0; k < cycles; k++, due += period) {
        int64_t early = due - 50000;
        struct timespec t = {(time_t)(early / SECOND), (long)(early % SECOND)};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0) {
        }
        while ((now = now_ns()) < due) {
        }
        late[k] = now - due;
        due += late[k] / period * period;
    }
    for (long k = 0; k < cycles; k++) {
        printf("%lld\n", (long long)late[k]);
    }
    free(late);
    return 0;
}
