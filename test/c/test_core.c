/* Tests of the pure C layer: statuses, untouched results, workspace bounds, misuse.
 *
 * Run by test_core.py, with the sanitizers where the compiler has them.
 */
#include <float.h>
#include <string.h>

#include "check.h"
#include "sc_blocks.h"
#include "sc_executor.h"
#include "sc_ik.h"
#include "sc_line.h"
#include "sc_otg.h"
#include "sc_pieces.h"
#include "sc_profile.h"

#define SEGMENTS SC_LINE_SEGMENTS

static const sc_frame identity = {{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, 0}};

/* Memory of one spline of at most six joints. */
typedef struct {
    sc_spline spline;
    double breaks[SEGMENTS + 1];
    double coeff[SEGMENTS * 6 * SC_POLY];
} spline_memory;

static spline_memory memory[3];

static sc_spline *
fresh(size_t which, size_t dof, size_t capacity)
{
    spline_memory *m = &memory[which];
    memset(m, 0, sizeof *m);
    m->spline.dof = dof;
    m->spline.capacity = capacity;
    m->spline.breaks = m->breaks;
    m->spline.coeff = m->coeff;
    return &m->spline;
}

/* A UR5e by its published dimensions. */
static sc_chain
six_axes(void)
{
    static const double d[6] = {0.1625, 0, 0, 0.1333, 0.0997, 0.0996};
    static const double a[6] = {0, -0.425, -0.3922, 0, 0, 0};
    static const double twist[6] = {SC_PI / 2, 0, 0, SC_PI / 2, -SC_PI / 2, 0};
    sc_chain chain = {.dof = 6, .links = 1};
    chain.before[0] = chain.link_offset[0] = identity;
    for (size_t i = 0; i < 6; i++) {
        double c = cos(twist[i]), s = sin(twist[i]);
        sc_frame link = {{1, 0, 0, 0, c, -s, 0, s, c}, {a[i], 0, d[i]}};
        *(i < 5 ? &chain.before[i + 1] : &chain.tip) = link;
        chain.lower[i] = -2 * SC_PI;
        chain.upper[i] = 2 * SC_PI;
    }
    return chain;
}

static const double low[6] = {-9, -9, -9, -9, -9, -9}, high[6] = {9, 9, 9, 9, 9, 9};
static const double speed[6] = {3, 3, 3, 3, 3, 3}, rate2[6] = {10, 10, 10, 10, 10, 10};
static const double rate3[6] = {90, 90, 90, 90, 90, 90};
static const sc_limits limits = {low, high, speed, rate2, rate3};
static const double ready[6] = {0.0, -1.2, 1.8, -2.2, -1.57, 0.3};
static const double other[6] = {1.0, -0.7, 1.1, -2.0, -1.0, 0.0};

static void
test_chain_check(void)
{
    sc_chain chain = six_axes();
    CHECK(sc_chain_check(&chain) == SC_OK);
    chain.dof = 0;
    CHECK(sc_chain_check(&chain) == SC_BAD_ARGUMENT);
    chain.dof = SC_MAX_DOF + 1;
    CHECK(sc_chain_check(&chain) == SC_BAD_ARGUMENT);
    chain = six_axes();
    chain.before[3].r[4] = 1.1;
    CHECK(sc_chain_check(&chain) == SC_BAD_ARGUMENT);
    chain = six_axes();
    chain.tip.p[0] = NAN;
    CHECK(sc_chain_check(&chain) == SC_BAD_ARGUMENT);
    chain = six_axes();
    chain.link_frame[0] = 7;
    CHECK(sc_chain_check(&chain) == SC_BAD_ARGUMENT);
    chain = six_axes();
    chain.before[1].r[8] *= -1.0; /* a reflection, made by two flipped signs */
    chain.before[1].r[5] *= -1.0;
    CHECK(sc_chain_check(&chain) == SC_BAD_ARGUMENT);
}

static void
test_rotation_log_inverts_exp(void)
{
    static const double angles[] = {0.0, 1e-12, 1e-9, 1e-5, 0.5, 3.0, SC_PI - 1e-9, SC_PI};
    for (size_t k = 0; k < sizeof angles / sizeof angles[0]; k++) {
        double w[3] = {0.48 * angles[k], -0.6 * angles[k], 0.64 * angles[k]}, r[9], back[3];
        sc_rotation_exp(w, r);
        sc_rotation_log(r, back);
        double sign = sc_dot3(w, back) < 0.0 ? -1.0 : 1.0; /* half a turn has two vectors */
        for (size_t i = 0; i < 3; i++) {
            CHECK(fabs(sign * back[i] - w[i]) < 2e-8);
        }
        CHECK(sign > 0.0 || angles[k] > 3.1);
    }
}

static void
test_spd_solver_refuses_a_singular_matrix(void)
{
    double a[SC_MAX_DOF * SC_MAX_DOF] = {4.0}, b[2] = {2.0, 1.0};
    a[SC_MAX_DOF] = 2.0;
    a[SC_MAX_DOF + 1] = 1.0;
    CHECK(!sc_solve_spd(2, a, b, 1e-12));
    a[0] = 4.0;
    a[SC_MAX_DOF] = 2.0;
    a[SC_MAX_DOF + 1] = 3.0;
    b[0] = 2.0;
    b[1] = 5.0;
    CHECK(sc_solve_spd(2, a, b, 1e-12));
    CHECK(fabs(b[0] + 0.5) < 1e-15 && fabs(b[1] - 2.0) < 1e-15);
}

static void
test_ik_writes_no_more_than_asked(void)
{
    sc_chain chain = six_axes();
    sc_frame pose;
    double found[4 * 6];
    size_t count = 99;
    sc_chain_fk(&chain, ready, &pose);
    found[18] = -77.0;
    CHECK(sc_ik_solve(&chain, NULL, &pose, ready, 0, 3, found, &count) == SC_OK);
    CHECK(count == 3 && found[18] == -77.0);
    for (size_t i = 0; i < 6; i++) {
        CHECK(fabs(found[i] - ready[i]) < 1e-9);
    }
    CHECK(sc_ik_solve(&chain, NULL, &pose, ready, 63u, 3, found, &count) == SC_OK);
    CHECK(count == 0); /* every joint held */
}

static void
test_profile_statuses(void)
{
    sc_profile profile = {.duration = -5.0};
    CHECK(sc_profile_fastest(NAN, 1, 1, 1, &profile) == SC_BAD_ARGUMENT);
    CHECK(sc_profile_fastest(1, 0, 1, 1, &profile) == SC_BAD_ARGUMENT);
    CHECK(profile.duration == -5.0);
    CHECK(sc_profile_fastest(DBL_MIN, 1, 1, 1, &profile) == SC_OK);
    CHECK(profile.duration > 0.0 && profile.duration < 1e-90);
    CHECK(sc_profile_fastest(1e300, 1, 1, 1, &profile) == SC_OK);
    CHECK(fabs(profile.duration / 1e300 - 1.0) < 1e-12);
}

/* Plans from rest to rest. */
static sc_status
plan(const double *from, const double *to, double duration, sc_spline *out, double *needed)
{
    static const double zeros[6] = {0.0};
    sc_joints_state start = {from, zeros, zeros}, goal = {to, zeros, zeros};
    sc_otg_motion motion;
    sc_otg_failure failure;
    sc_status status = sc_otg_plan(6, &start, &goal, &limits, duration, &motion, &failure);
    *needed = status == SC_OK ? motion.duration : failure.minimum;
    return status == SC_OK ? sc_otg_spline(&motion, out) : status;
}

static void
test_spline_capacity_is_respected(void)
{
    sc_spline *s = fresh(0, 1, 2);
    double coeff[SC_POLY] = {1, 0, 0, 0, 0, 0};
    CHECK(sc_spline_push(s, -1.0, coeff) == SC_BAD_ARGUMENT);
    CHECK(sc_spline_push(s, NAN, coeff) == SC_BAD_ARGUMENT);
    CHECK(sc_spline_push(s, 1.0, coeff) == SC_OK);
    CHECK(sc_spline_push(s, 0.0, coeff) == SC_OK);
    CHECK(sc_spline_push(s, 1.0, coeff) == SC_NO_SPACE);
    CHECK(s->segments == 2 && sc_spline_duration(s) == 1.0);
    double needed;
    CHECK(plan(ready, other, 0.0, fresh(1, 6, 3), &needed) == SC_NO_SPACE);
}

static void
test_time_scaling_is_exact(void)
{
    sc_spline *s = fresh(0, 6, SEGMENTS);
    double needed, a[4][6], b[4][6];
    size_t hint = 0;
    CHECK(plan(ready, other, 0.0, s, &needed) == SC_OK);
    sc_spline_sample(s, 0.4 * needed, &hint, a[0], a[1], a[2], a[3]);
    sc_spline_scale_time(s, 2.0);
    CHECK(fabs(sc_spline_duration(s) - 2.0 * needed) < 1e-12);
    hint = 999; /* any hint will do */
    sc_spline_sample(s, 0.8 * needed, &hint, b[0], b[1], b[2], b[3]);
    for (size_t level = 0; level < 4; level++) {
        for (size_t i = 0; i < 6; i++) {
            double expected = a[level][i] / (double)(1 << level);
            CHECK(fabs(b[level][i] - expected) < 1e-9);
        }
    }
}

static void
test_line_statuses(void)
{
    static sc_line_work work;
    sc_chain chain = six_axes();
    sc_line_request request = {.translation = {1, 5, 50}, .rotation = {3, 15, 150}};
    sc_line_failure failure;
    sc_chain_fk(&chain, ready, &request.start);
    request.goal = request.start;
    request.goal.p[1] += 0.2;
    sc_spline *s = fresh(0, 6, SEGMENTS);
    CHECK(sc_line_plan(&chain, &limits, &request, ready, &work, s, &failure) == SC_OK);
    sc_violation worst;
    CHECK(sc_spline_check(s, &limits, 1e-9, true, &worst) == SC_OK);
    CHECK(sc_line_plan(&chain, &limits, &request, other, &work, s, &failure) == SC_MISMATCH);
    request.goal.p[1] += 5.0;
    sc_status status = sc_line_plan(&chain, &limits, &request, ready, &work, s, &failure);
    CHECK(status == SC_UNREACHABLE || status == SC_SINGULAR);
    CHECK(failure.s > 0.0 && failure.s < 1.0);
    request.held = 63u;
    CHECK(sc_line_plan(&chain, &limits, &request, ready, &work, s, &failure) == SC_BAD_ARGUMENT);
}

static void
test_law_pieces_are_bounded(void)
{
    sc_law law;
    sc_law_constant(&law, 0.0, 0.0, 1.0);
    size_t made = 0;
    sc_law_shape shape = {0.25, 0.25};
    while (sc_law_append(&law, 1.0 + (double)made, made % 2 ? 1.0 : 0.5, 0.5, shape) == SC_OK) {
        made++;
        CHECK(made < 100);
        sc_law_state end = sc_law_at(&law, 0.5 + (double)made);
        CHECK(end.rate == (made % 2 ? 0.5 : 1.0) && end.rate1 == 0.0);
    }
    CHECK(law.count > SC_LAW_PIECES - 3 && law.count <= SC_LAW_PIECES);
    sc_law_state before = sc_law_at(&law, 4.9);
    sc_law_forget(&law, 4.0);
    sc_law_state after = sc_law_at(&law, 4.9);
    CHECK(law.count < SC_LAW_PIECES && before.sigma == after.sigma && before.rate == after.rate);
}

static void
test_executor_stops_on_its_path(void)
{
    sc_executor executor;
    CHECK(sc_executor_init(&executor, 6, 0.0, 1e-6, true, &limits) == SC_BAD_ARGUMENT);
    CHECK(sc_executor_init(&executor, 17, 0.01, 1e-6, true, &limits) == SC_BAD_ARGUMENT);
    CHECK(sc_executor_init(&executor, 6, 0.002, 1e-6, true, &limits) == SC_OK);
    sc_executor_reset(&executor, ready);
    sc_spline *path = fresh(0, 6, SEGMENTS), *taken = fresh(1, 6, SEGMENTS);
    double needed, p[6], v[6], a[6];
    CHECK(plan(ready, other, 0.0, path, &needed) == SC_OK);
    sc_mismatch mismatch;
    sc_violation violation;
    CHECK(sc_executor_capacity(&executor, path) <= SEGMENTS);
    CHECK(sc_executor_compose(&executor, path, 0.0, 1e-3, true, taken, &mismatch, &violation) ==
          SC_OK);
    sc_executor_adopt(&executor, taken, 0.0);
    sc_set_point point = {0};
    for (int k = 0; k < 60; k++) {
        point = sc_executor_step(&executor, p, v, a);
    }
    CHECK(point.active && executor.mode == SC_MOVING);
    CHECK(sc_executor_set_speed(&executor, 1.5) == SC_BAD_ARGUMENT);
    sc_status status = sc_executor_stop(&executor);
    CHECK(status == SC_OK || status == SC_LIMIT_EXCEEDED);
    double rest = sc_executor_rest_time(&executor);
    CHECK(rest <= needed + 1e-9);
    for (int k = 0; k < 10000 && point.active; k++) {
        point = sc_executor_step(&executor, p, v, a);
    }
    CHECK(!point.active && executor.path == NULL && fabs(point.time - rest) < 0.005);
    for (size_t i = 0; i < 6; i++) {
        CHECK(v[i] == 0.0 && a[i] == 0.0);
    }
}

static void
test_blocks_solve_a_tridiagonal_system(void)
{
    /* Blocks of 2, of which the first unknown is shared: 4 x 4, dense, with solution 1 2 3 4. */
    static const double a[4][4] = {
        {4.0, 1.0, -1.0, 0.0}, {1.0, 3.0, 0.5, 0.0}, {-1.0, 0.5, 5.0, 1.0}, {0.0, 0.0, 1.0, 2.0}};
    double space[10 + 8];
    CHECK(sc_blocks_doubles(2, 2, 1) <= sizeof(space) / sizeof(space[0]));
    sc_blocks blocks = sc_blocks_place(2, 2, 1, space);
    sc_blocks_clear(&blocks);
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) {
            if (i / 2 == j / 2) {
                blocks.diagonal[i / 2 * 4 + i % 2 * 2 + j % 2] = a[i][j];
            }
            blocks.rhs[i] += a[i][j] * (double)(j + 1);
        }
    }
    blocks.coupling[0] = a[0][2];
    blocks.coupling[1] = a[1][2];
    CHECK(sc_blocks_solve(&blocks) == SC_OK);
    for (size_t i = 0; i < 4; i++) {
        CHECK(fabs(blocks.rhs[i] - (double)(i + 1)) < 1e-14);
    }
    sc_blocks_clear(&blocks);
    CHECK(sc_blocks_solve(&blocks) == SC_NOT_CONVERGED);
}

static void
test_pieces_meet_both_ends(void)
{
    sc_pieces pieces;
    sc_pieces_init(&pieces);
    /* Distance, v0, a0, v1, a1 and the free ones: integrated piece by piece. */
    double values[SC_COLUMNS] = {0.7, -0.2, 1.1, 0.4, -2.0}, d = 1.0 / SC_PIECES;
    for (size_t f = 0; f < SC_FREE; f++) {
        values[5 + f] = 0.3 * (double)f - 1.0;
    }
    double p = 0.0, v = values[1], a = values[2];
    for (size_t n = 0; n < SC_PIECES; n++) {
        double u = 0.0;
        for (size_t column = 0; column < SC_COLUMNS; column++) {
            u += pieces.row[n][column] * values[column];
        }
        p += d * (v + d * (a / 2.0 + d * u / 6.0));
        v += d * (a + d * u / 2.0);
        a += d * u;
        if (n + 1 < SC_PIECES) {
            double at = 0.0;
            for (size_t column = 0; column < SC_COLUMNS; column++) {
                at += pieces.row[SC_POSITION_ROW + n][column] * values[column];
            }
            CHECK(fabs(at - p) < 1e-14);
        }
    }
    CHECK(fabs(p - 0.7) < 1e-13 && fabs(v - 0.4) < 1e-13 && fabs(a + 2.0) < 1e-12);
}

static void
test_every_status_has_a_text(void)
{
    for (int status = SC_OK; status <= SC_NO_MEMORY; status++) {
        CHECK(strcmp(sc_status_text((sc_status)status), "unknown status") != 0);
    }
}

int
main(void)
{
    test_chain_check();
    test_rotation_log_inverts_exp();
    test_spd_solver_refuses_a_singular_matrix();
    test_ik_writes_no_more_than_asked();
    test_profile_statuses();
    test_spline_capacity_is_respected();
    test_time_scaling_is_exact();
    test_line_statuses();
    test_law_pieces_are_bounded();
    test_executor_stops_on_its_path();
    test_blocks_solve_a_tridiagonal_system();
    test_pieces_meet_both_ends();
    test_every_status_has_a_text();
    puts("all tests passed");
    return 0;
}
