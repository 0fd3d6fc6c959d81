/* Tests of paths and their timing in the pure C layer: statuses, workspace bounds, misuse. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "sc_path.h"
#include "sc_timing.h"

#define POINTS 4
#define CAPACITY 8192

static double breaks[2][CAPACITY + 1], coeff[2][CAPACITY * 2 * SC_POLY];

static sc_spline
fresh(size_t which, size_t capacity)
{
    sc_spline spline = {
        .dof = 2, .capacity = capacity, .breaks = breaks[which], .coeff = coeff[which]};
    return spline;
}

static const double points[POINTS * 2] = {0, 0, 1, 0.5, 0.4, 1.5, -1, 0.2};
static const double at[POINTS] = {0, 1, 2.5, 3};
static const double low[2] = {-9, -9}, high[2] = {9, 9}, speed[2] = {2, 3}, rate2[2] = {8, 6};
static const double rate3[2] = {80, 90};
static const sc_limits limits = {low, high, speed, rate2, rate3};

/* Runs a request with exactly the memory it asks for. */
static sc_status
run(const sc_timing_request *request, sc_spline *out, sc_timing_report *report)
{
    size_t cells = sc_timing_count(request);
    CHECK(cells > 0 && cells <= SC_TIMING_CELLS);
    void *memory = malloc(sc_timing_space(cells, request->path->dof));
    CHECK(memory != NULL);
    sc_status status = sc_timing_plan(request, cells, memory, out, report);
    free(memory);
    return status;
}

static void
test_paths(void)
{
    sc_spline path = fresh(0, SC_PATH_POLYLINE(POINTS));
    const double twice[POINTS] = {0, 1, 1, 3};
    CHECK(sc_path_through(POINTS, points, at, &path) == SC_OK);
    CHECK(path.segments == POINTS - 1 && path.end[0][0] == -1.0);
    CHECK(sc_path_through(POINTS, points, twice, &path) == SC_BAD_ARGUMENT);
    CHECK(sc_path_polyline(POINTS, points, 0.1, &path) == SC_OK);
    CHECK(path.segments <= path.capacity && path.end[0][1] == 0.2);
    const double same[4] = {1, 1, 1, 1};
    CHECK(sc_path_polyline(2, same, 0.1, &path) == SC_BAD_ARGUMENT);
}

static void
test_timing_keeps_limits(void)
{
    sc_spline path = fresh(0, POINTS - 1), out = fresh(1, CAPACITY);
    sc_timing_report report;
    sc_violation worst;
    CHECK(sc_path_through(POINTS, points, at, &path) == SC_OK);
    for (int jerk = 0; jerk < 2; jerk++) {
        for (int moving = 0; moving < 2; moving++) {
            sc_timing_request request = {.path = &path,
                                         .limits = &limits,
                                         .start = {0.3 * moving, 0.0},
                                         .end_speed = 0.2 * moving,
                                         .with_jerk = jerk == 1};
            CHECK(run(&request, &out, &report) == SC_OK);
            CHECK(sc_spline_check(&out, &limits, 1e-8, jerk == 1, &worst) == SC_OK);
            CHECK(report.rounds >= 1);
        }
    }
}

static void
test_timing_refusals(void)
{
    sc_spline path = fresh(0, POINTS - 1), out = fresh(1, CAPACITY);
    sc_timing_report report;
    CHECK(sc_path_through(POINTS, points, at, &path) == SC_OK);
    sc_timing_request request = {.path = &path, .limits = &limits, .start = {99.0, 0.0}};
    CHECK(run(&request, &out, &report) == SC_LIMIT_EXCEEDED);
    CHECK(report.highest_start > 0.0 && report.highest_start < 99.0);
    request.start[0] = 0.0;
    request.end_speed = 99.0;
    CHECK(run(&request, &out, &report) == SC_LIMIT_EXCEEDED);
    CHECK(report.highest_start < 0.0);
    request.end_speed = 0.0;
    request.cells = SC_TIMING_CELLS + 1;
    CHECK(sc_timing_count(&request) == 0);
    request.cells = 0;
    out = fresh(1, 20);
    CHECK(run(&request, &out, &report) == SC_NO_SPACE);
    out = fresh(1, CAPACITY);
    const double tight[2] = {0.9, 9};
    const sc_limits narrow = {low, tight, speed, rate2, rate3};
    request.limits = &narrow;
    CHECK(run(&request, &out, &report) == SC_OUT_OF_LIMITS);
    CHECK(report.worst.joint == 0 && report.worst.value >= 1.0);
}

int
main(void)
{
    test_paths();
    test_timing_keeps_limits();
    test_timing_refusals();
    puts("all tests passed");
    return 0;
}
