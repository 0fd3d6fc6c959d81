/* Tests of the kernels in pure C: every level gives the same bits, misuse is refused, nothing is
 * written beyond the last configuration.
 *
 * Run by test_kernels.py, with the sanitizers where the compiler has them.
 */
#include <string.h>

#include "check.h"
#include "sc_kernels.h"

#define MOST 19
#define CANARY 12345.0

static const double gravity[3] = {0.5, -0.2, -9.81};

/* Revolute joints with a prismatic one at every third place, axes askew, links of odd weights. */
static sc_chain
askew(size_t dof, double *inertias)
{
    sc_chain chain = {.dof = dof, .links = dof + 1};
    for (size_t i = 0; i <= dof; i++) {
        double turn[3] = {0.3 * (double)i, 1.1 - 0.4 * (double)i, 0.2};
        sc_frame frame = {{0}, {0.1, -0.05 * (double)i, 0.3}};
        sc_rotation_exp(turn, frame.r);
        *(i < dof ? &chain.before[i] : &chain.tip) = frame;
        chain.link_frame[i] = i;
        chain.link_offset[i] = frame;
    }
    for (size_t i = 0; i < dof; i++) {
        chain.kind[i] = i % 3 == 2 ? SC_PRISMATIC : SC_REVOLUTE;
        chain.lower[i] = -1.0;
        chain.upper[i] = 1.0;
        double *m = inertias + 16 * i, mass = 1.0 + (double)i;
        memset(m, 0, 16 * sizeof *m);
        m[0] = m[5] = m[10] = 0.1;
        m[1] = m[4] = 0.02;
        m[3] = m[12] = 0.1 * mass;
        m[15] = mass;
    }
    return chain;
}

static void
test_compile_refuses(void)
{
    double inertias[16 * SC_MAX_DOF];
    sc_chain chain = askew(5, inertias);
    sc_model model, before;
    memset(&model, 7, sizeof model);
    before = model;
    inertias[20] = NAN;
    CHECK(sc_model_compile(&chain, inertias, &model) == SC_BAD_ARGUMENT);
    inertias[20] = 0.0;
    chain.dof = 0;
    CHECK(sc_model_compile(&chain, inertias, &model) == SC_BAD_ARGUMENT);
    CHECK(memcmp(&model, &before, sizeof model) == 0);
    chain.dof = 5;
    CHECK(sc_model_compile(&chain, inertias, &model) == SC_OK);
    sc_load load = {.acceleration = {CANARY, 0, 0}};
    double bad[16] = {0};
    bad[3] = INFINITY;
    CHECK(sc_model_load(&model, gravity, bad, &load) == SC_BAD_ARGUMENT);
    CHECK(sc_model_load(&model, bad + 1, NULL, &load) == SC_BAD_ARGUMENT);
    CHECK(load.acceleration[0] == CANARY);
}

static void
test_levels_by_name(void)
{
    CHECK(sc_kernels_get("base") == &sc_kernels_base);
    CHECK(sc_kernels_get("mmx") == NULL);
    CHECK(sc_kernels_get(NULL) != NULL);
}

static void
test_scan(const sc_kernels *kernels)
{
    double q[17];
    for (size_t n = 0; n <= 17; n++) {
        for (size_t i = 0; i < 17; i++) {
            q[i] = (i % 2 == 0 ? 1.0 : -1.0) * 9e4;
        }
        CHECK(kernels->scan(n, q) == SC_RANGE_SMALL);
        if (n > 0) {
            q[n - 1] = -1e5;
            CHECK(kernels->scan(n, q) == SC_RANGE_LARGE);
            q[n - 1] = n % 2 == 0 ? NAN : -INFINITY;
            CHECK(kernels->scan(n, q) == SC_RANGE_NOT_FINITE);
        }
    }
}

/* All results of n configurations, one after the other; returns how many numbers. */
static size_t
results(const sc_kernels *kernels, const sc_model *model, const sc_load *load, size_t n,
        const double *q, double *out)
{
    sc_range range = kernels->scan(n * model->dof, q);
    CHECK(range != SC_RANGE_NOT_FINITE);
    double *at = out;
    kernels->fk(model, range, n, q, at);
    at += 16 * n;
    kernels->fk_links(model, range, n, q, at);
    at += 16 * model->links * n;
    kernels->jacobian(model, range, n, q, at);
    at += 6 * model->dof * n;
    kernels->inverse_dynamics(model, load, range, n, q, q, q, at);
    at += model->dof * n;
    return (size_t)(at - out);
}

static void
test_same_bits(const sc_kernels *kernels)
{
    static double q[MOST * SC_MAX_DOF], expected[MOST * 700], found[MOST * 700];
    double inertias[16 * SC_MAX_DOF];
    for (size_t dof = 1; dof <= SC_MAX_DOF; dof++) {
        sc_chain chain = askew(dof, inertias);
        sc_model model;
        sc_load load;
        CHECK(sc_model_compile(&chain, inertias, &model) == SC_OK);
        CHECK(sc_model_load(&model, gravity, inertias, &load) == SC_OK);
        for (size_t n = 1; n <= MOST; n++) {
            for (size_t i = 0; i < n * dof; i++) {
                q[i] = sin((double)(i + n)) * (n == MOST && i % 5 == 0 ? 3e5 : 4.0);
            }
            size_t count = results(&sc_kernels_base, &model, &load, n, q, expected);
            CHECK(count < MOST * 700);
            found[count] = CANARY;
            CHECK(results(kernels, &model, &load, n, q, found) == count);
            CHECK(found[count] == CANARY);
            CHECK(memcmp(found, expected, count * sizeof(double)) == 0);
            double pose[16];
            kernels->fk(&model, SC_RANGE_LARGE, 1, q + (n - 1) * dof, pose);
            CHECK(memcmp(pose, expected + 16 * (n - 1), sizeof pose) == 0);
        }
    }
}

int
main(void)
{
    static const char *const levels[] = {"base", "avx2", "avx512"};
    test_compile_refuses();
    test_levels_by_name();
    for (size_t i = 0; i < 3; i++) {
        const sc_kernels *kernels = sc_kernels_get(levels[i]);
        if (kernels != NULL) {
            test_scan(kernels);
            test_same_bits(kernels);
        }
    }
    puts("passed");
    return 0;
}
