/* Runs one hot function of the planner core for bench/instructions.py, which counts instructions.
 *
 *   instructions LEVEL FUNCTION COUNT
 *
 * A seven-joint arm with masses, COUNT configurations in one call: once to warm up, then once
 * inside measured(), the only function that is counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sc_kernels.h"

#define MOST 1024
#define JOINTS 7

static sc_model model;
static sc_load load;
static double q[MOST * JOINTS], qd[MOST * JOINTS], qdd[MOST * JOINTS],
    out[MOST * 16 * (JOINTS + 1)];

/* A Panda by its published dimensions; every link a ball of 2 kg, 0.1 m beside its frame. */
static int
prepare(void)
{
    static const double d[JOINTS] = {0.333, 0, 0.316, 0, 0.384, 0, 0};
    static const double a[JOINTS] = {0, 0, 0, 0.0825, -0.0825, 0, 0.088};
    static const double sine[JOINTS] = {0, -1, 1, 1, -1, 1, 1};
    static const double gravity[3] = {0, 0, -9.81};
    static double inertias[16 * JOINTS];
    sc_chain chain = {.dof = JOINTS, .links = JOINTS + 1};
    const sc_frame identity = {{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, 0}};
    chain.tip = chain.link_offset[0] = identity;
    for (size_t i = 0; i < JOINTS; i++) {
        double s = sine[i], c = s == 0.0 ? 1.0 : 0.0;
        sc_frame before = {{1, 0, 0, 0, c, -s, 0, s, c}, {a[i], -s * d[i], c * d[i]}};
        chain.before[i] = before;
        chain.lower[i] = -3.0;
        chain.upper[i] = 3.0;
        chain.link_frame[i + 1] = i + 1;
        chain.link_offset[i + 1] = identity;
        double *m = inertias + 16 * i;
        m[0] = 0.04;
        m[5] = m[10] = 0.02;
        m[3] = m[12] = 0.2;
        m[15] = 2.0;
    }
    for (size_t i = 0; i < MOST * JOINTS; i++) {
        q[i] = 0.001 * (double)(i * 7919 % 5000) - 2.5;
        qd[i] = 0.5 * q[i];
        qdd[i] = 1.0 - q[i];
    }
    return sc_model_compile(&chain, inertias, &model) == SC_OK &&
           sc_model_load(&model, gravity, NULL, &load) == SC_OK;
}

static void
call(const sc_kernels *kernels, const char *function, size_t n)
{
    sc_range range = kernels->scan(n * JOINTS, q);
    if (strcmp(function, "fk") == 0) {
        kernels->fk(&model, range, n, q, out);
    }
    else if (strcmp(function, "fk_all") == 0) {
        kernels->fk_links(&model, range, n, q, out);
    }
    else if (strcmp(function, "jacobian") == 0) {
        kernels->jacobian(&model, range, n, q, out);
    }
    else {
        kernels->inverse_dynamics(&model, &load, range, n, q, qd, qdd, out);
    }
}

__attribute__((noinline)) void measured(const sc_kernels *kernels, const char *function, size_t n);

__attribute__((noinline)) void
measured(const sc_kernels *kernels, const char *function, size_t n)
{
    call(kernels, function, n);
}

int
main(int argc, char **argv)
{
    const sc_kernels *kernels = argc == 4 ? sc_kernels_get(argv[1]) : NULL;
    size_t n = argc == 4 ? (size_t)strtoul(argv[3], NULL, 10) : 0;
    if (kernels == NULL || n < 1 || n > MOST || !prepare()) {
        return EXIT_FAILURE;
    }
    call(kernels, argv[2], n);
    measured(kernels, argv[2], n);
    printf("%g\n", out[0]);
    return EXIT_SUCCESS;
}
