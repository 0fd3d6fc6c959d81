/* The kernels with vectors of 8 doubles; called only where the processor has them. */
#include "sc_kernels.h"

#if defined(__x86_64__)
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq")
#endif

#define LEVEL avx512
#define WIDTH 8
#include "sc_kernels_level.h"

#ifdef __clang__
#pragma clang attribute pop
#endif
#else
typedef int sc_kernels_avx512_is_absent; /* ISO C wants something in a file */
#endif
