/* Which level of the kernels this processor has. */
#include "sc_kernels.h"

#include <string.h>

const sc_kernels *
sc_kernels_get(const char *level)
{
    const sc_kernels *levels[3] = {&sc_kernels_base, NULL, NULL};
    size_t n = 1;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2")) {
        levels[n++] = &sc_kernels_avx2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) {
            levels[n++] = &sc_kernels_avx512;
        }
    }
#endif
    if (level == NULL) {
        return levels[n - 1];
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(level, levels[i]->name) == 0) {
            return levels[i];
        }
    }
    return NULL;
}
