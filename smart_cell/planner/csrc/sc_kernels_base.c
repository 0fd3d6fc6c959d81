/* The kernels with vectors of two doubles: SSE2, NEON, or whatever the compiler makes of them. */
#include "sc_kernels.h"

#define LEVEL base
#define WIDTH 2
#include "sc_kernels_level.h"
