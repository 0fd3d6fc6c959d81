/* The kernels with vectors of 4 doubles; called only where the processor has them. */
#include "sc_kernels.h"

#if defined(__x86_64__)
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif

#define LEVEL avx2
#define WIDTH 4
#include "sc_kernels_level.h"

#ifdef __clang__
#pragma clang attribute pop
#endif
#else
typedef int sc_kernels_avx2_is_absent; /* ISO C wants something in a file */
#endif
