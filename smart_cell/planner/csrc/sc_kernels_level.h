/* One level of the kernels; included by sc_kernels_<level>.c with LEVEL and WIDTH.
 *
 * Vector types stay inside functions that are always inlined: they are in no signature that a
 * linker sees, so files of different levels fit together.
 */
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

typedef double wide __attribute__((vector_size(8 * WIDTH)));
typedef int64_t wide_int __attribute__((vector_size(8 * WIDTH)));

/* Every lane the same; -0.0 stays. */
INLINE wide
spread(double value)
{
    return value - (wide){0};
}

INLINE wide
either(wide_int mask, wide yes, wide no)
{
    return (wide)((mask & (wide_int)yes) | (~mask & (wide_int)no));
}

/* Sine and cosine of |x| <= SC_KERNELS_ANGLE. x = n pi/2 + y + tail: n is the nearest integer, by
 * the constant that leaves no bits behind the point; pi/2 is held in parts of 33 bits, so that
 * their products with n are exact. */
INLINE void
sincos_small(wide x, wide *sine, wide *cosine)
{
    const double round = 0x1.8p52;
    wide n = x * 0x1.45f306dc9c883p-1 + round;
    wide_int quadrant = (wide_int)n;
    n -= round;
    wide left = x - n * 0x1.921fb544p+0;
    wide part = n * 0x1.0b4611a6p-34;
    wide rest = left - part;
    wide lost = n * 0x1.3198a2e037073p-69 - ((left - rest) - part);
    wide y = rest - lost, tail = (rest - y) - lost;
    wide z = y * y;
    wide odd =
        0x1.111111110f8a6p-7 + z * (-0x1.a01a019c161d5p-13 +
                                    z * (0x1.71de357b1fe7dp-19 +
                                         z * (-0x1.ae5e68a2b9cebp-26 + z * 0x1.5d93a5acfd57cp-33)));
    wide cube = z * y;
    wide s = y - ((z * (0.5 * tail - cube * odd) - tail) + cube * 0x1.5555555555549p-3);
    wide even = z * (0x1.555555555554cp-5 +
                     z * (-0x1.6c16c16c15177p-10 +
                          z * (0x1.a01a019cb1590p-16 +
                               z * (-0x1.27e4f809c52adp-22 +
                                    z * (0x1.1ee9ebdb4b1c4p-29 + z * -0x1.8fae9be8838d4p-37)))));
    wide half = 0.5 * z, w = 1.0 - half;
    wide c = w + (((1.0 - w) - half) + (z * even - y * tail));
    wide_int swap = -(quadrant & 1);
    *sine = (wide)((wide_int)either(swap, c, s) ^ ((quadrant & 2) << 62));
    *cosine = (wide)((wide_int)either(swap, s, c) ^ (((quadrant + 1) & 2) << 62));
}

INLINE void
sincos_any(sc_range range, wide x, wide *sine, wide *cosine)
{
    sincos_small(x, sine, cosine);
    if (range != SC_RANGE_SMALL) {
        for (size_t i = 0; i < WIDTH; i++) {
            if (!(fabs(x[i]) <= SC_KERNELS_ANGLE)) {
                (*sine)[i] = sin(x[i]);
                (*cosine)[i] = cos(x[i]);
            }
        }
    }
}

/* Lanes are configurations. */
#define LANES WIDTH
#define REAL wide
#define SPREAD(value) spread(value)
#define NAME(name) JOIN(name, _wide)
#include "sc_kernels_lanes.h"
#undef LANES
#undef REAL
#undef SPREAD
#undef NAME

/* One configuration. */
#define LANES 1
#define REAL double
#define SPREAD(value) (value)
#define NAME(name) JOIN(name, _one)
#include "sc_kernels_lanes.h"

INLINE void
load_wide(const sc_model *model, sc_range range, const double *q, size_t lanes, joints_wide *out)
{
    size_t dof = model->dof;
    for (size_t i = 0; i < dof; i++) {
        wide value;
        for (size_t k = 0; k < WIDTH; k++) {
            value[k] = q[(k < lanes ? k : lanes - 1) * dof + i];
        }
        bool turns = model->kind[i] == SC_REVOLUTE;
        wide angle = turns ? value + model->turn[i] : spread(model->turn[i]);
        out->shift[i] = value;
        sincos_any(range, angle, &out->sine[i], &out->cosine[i]);
    }
}

INLINE void
load_one(const sc_model *model, sc_range range, const double *q, joints_one *out)
{
    double angle[SC_MAX_DOF] = {0};
    for (size_t i = 0; i < model->dof; i++) {
        out->shift[i] = q[i];
        angle[i] = model->kind[i] == SC_REVOLUTE ? q[i] + model->turn[i] : model->turn[i];
    }
    for (size_t i = 0; i < model->dof; i += WIDTH) {
        wide x, sine, cosine;
        memcpy(&x, angle + i, sizeof x);
        sincos_any(range, x, &sine, &cosine);
        memcpy(out->sine + i, &sine, sizeof sine);
        memcpy(out->cosine + i, &cosine, sizeof cosine);
    }
}

/* Runs `one` for a single configuration, `many` for blocks of WIDTH; the last may be shorter. */
#define EACH_BLOCK(one, many)                                 \
    if (n == 1) {                                             \
        joints_one joints;                                    \
        load_one(model, range, q, &joints);                   \
        const size_t k = 0, lanes = 1;                        \
        one;                                                  \
        return;                                               \
    }                                                         \
    for (size_t k = 0; k < n; k += WIDTH) {                   \
        size_t lanes = n - k < WIDTH ? n - k : WIDTH;         \
        joints_wide joints;                                   \
        load_wide(model, range, q + k * dof, lanes, &joints); \
        many;                                                 \
    }

static void
fk(const sc_model *model, sc_range range, size_t n, const double *q, double *out)
{
    size_t dof = model->dof;
    EACH_BLOCK(fk_one(model, &joints, out + 16 * k, lanes),
               fk_wide(model, &joints, out + 16 * k, lanes))
}

static void
fk_links(const sc_model *model, sc_range range, size_t n, const double *q, double *out)
{
    size_t dof = model->dof, each = 16 * model->links;
    EACH_BLOCK(fk_links_one(model, &joints, out + each * k, lanes),
               fk_links_wide(model, &joints, out + each * k, lanes))
}

static void
jacobian(const sc_model *model, sc_range range, size_t n, const double *q, double *out)
{
    size_t dof = model->dof;
    EACH_BLOCK(jacobian_one(model, &joints, out + 6 * dof * k, lanes),
               jacobian_wide(model, &joints, out + 6 * dof * k, lanes))
}

static void
inverse_dynamics(const sc_model *model, const sc_load *load, sc_range range, size_t n,
                 const double *q, const double *qd, const double *qdd, double *out)
{
    size_t dof = model->dof;
    EACH_BLOCK(
        torques_one(model, load, &joints, qd + k, qdd + k, out + k, lanes),
        torques_wide(model, load, &joints, qd + k * dof, qdd + k * dof, out + k * dof, lanes))
}

static sc_range
scan(size_t n, const double *q)
{
    wide finite = {0};
    wide_int large = {0};
    const wide_int magnitude = (wide_int){0} + INT64_MAX;
    for (size_t i = 0; i < n; i += WIDTH) {
        wide x = {0};
        if (n - i >= WIDTH) {
            memcpy(&x, q + i, sizeof x);
        }
        else {
            memcpy(&x, q + i, (n - i) * sizeof(double));
        }
        finite += 0.0 * x; /* NaN as soon as one of them is not finite */
        large |= (wide)((wide_int)x & magnitude) > SC_KERNELS_ANGLE - 10.0;
    }
    bool all_finite = true, any_large = false;
    for (size_t i = 0; i < WIDTH; i++) {
        all_finite &= finite[i] == 0.0;
        any_large |= large[i] != 0;
    }
    return !all_finite ? SC_RANGE_NOT_FINITE : any_large ? SC_RANGE_LARGE : SC_RANGE_SMALL;
}

const sc_kernels JOIN(sc_kernels_, LEVEL) = {
    .name = TEXT(LEVEL),
    .width = WIDTH,
    .scan = scan,
    .fk = fk,
    .fk_links = fk_links,
    .jacobian = jacobian,
    .inverse_dynamics = inverse_dynamics,
};
