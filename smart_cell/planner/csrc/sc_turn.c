/* Equations for the cosine and sine of a turn. */
#include "sc_turn.h"

#include <assert.h>
#include <stdint.h>

#define LANES 2 /* what every processor of 64 bits has */
typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));
typedef int64_t masks __attribute__((vector_size(LANES * sizeof(int64_t))));

static inline lanes
choose(masks where, lanes yes, lanes no)
{
    return (lanes)(((masks)yes & where) | ((masks)no & ~where));
}

/* atan2 with the rational approximation of Moshier's Cephes library (atan.c) on [0, tan(pi/8)]. */
static inline lanes
angle(lanes c, lanes s)
{
    const masks sign = {INT64_MIN, INT64_MIN};
    lanes a = (lanes)((masks)c & ~sign), b = (lanes)((masks)s & ~sign);
    masks steep = b > a;
    lanes low = choose(steep, a, b), high = choose(steep, b, a);
    masks far = low > 0.41421356237309504880 * high;
    lanes x = choose(far, low - high, low) / choose(far, low + high, high);
    lanes z = x * x;
    lanes p = (((-8.750608600031904122785e-1 * z - 1.615753718733365076637e1) * z -
                7.500855792314704667340e1) *
                   z -
               1.228866684490136173410e2) *
                  z -
              6.485021904942025371773e1;
    lanes q = ((((z + 2.485846490142306297962e1) * z + 1.650270098316988542046e2) * z +
                4.328810604912902668951e2) *
                   z +
               4.853903996359136964868e2) *
                  z +
              1.945506571482613964425e2;
    const lanes zero = {0.0}, quarter = zero + 0.25 * SC_PI;
    lanes t = x + x * (z * p / q);
    t += (lanes)((masks)quarter & far);
    t = choose(steep, 0.5 * SC_PI - t, t);
    t = choose(c < 0.0, SC_PI - t, t);
    return (lanes)((masks)t | ((masks)s & sign));
}

void
sc_turn_angles(const sc_turn *turns, size_t n, double *out)
{
    for (size_t i = 0; i < n; i += LANES) {
        const sc_turn *one = &turns[i], *other = &turns[i + 1 < n ? i + 1 : i];
        lanes c = {one->c, other->c}, s = {one->s, other->s};
        lanes t = angle(c, s);
        out[i] = t[0];
        if (i + 1 < n) {
            out[i + 1] = t[1];
        }
    }
}

size_t
sc_turn_linear(double a, double b, double d, double slack, sc_turn out[2])
{
    double r2 = a * a + b * b;
    double r = sqrt(r2);
    double excess = fabs(d) - r;
    if (!(r > 0.0) || !(excess <= slack * r)) {
        return 0;
    }
    if (excess >= 0.0) {
        double sign = d < 0.0 ? -1.0 : 1.0;
        out[0] = (sc_turn){sign * a / r, sign * b / r};
        return 1;
    }
    double w = sqrt((r - d) * (r + d));
    out[0] = (sc_turn){(a * d - b * w) / r2, (b * d + a * w) / r2};
    out[1] = (sc_turn){(a * d + b * w) / r2, (b * d - a * w) / r2};
    return 2;
}

static double
conic_at(const double k[6], double c, double s)
{
    return k[0] + k[1] * c + k[2] * s + c * (k[3] * c + k[4] * s) + k[5] * s * s;
}

static double
polynomial(const double *p, size_t degree, double t)
{
    double value = p[degree];
    for (size_t i = degree; i-- > 0;) {
        value = value * t + p[i];
    }
    return value;
}

/* The root between a and b, where p has opposite signs: Newton, kept inside by bisection. */
static double
bracketed_root(const double *p, const double *slope, size_t degree, double a, double b)
{
    bool rising = polynomial(p, degree, b) > 0.0;
    double t = 0.5 * (a + b);
    for (size_t i = 0; i < 100; i++) {
        double value = polynomial(p, degree, t);
        if ((value > 0.0) == rising) {
            b = t;
        }
        else {
            a = t;
        }
        double next = t - value / polynomial(slope, degree - 1, t);
        if (!(next > a && next < b)) {
            next = 0.5 * (a + b);
        }
        if (fabs(next - t) <= 1e-16 * fabs(t) || next <= a || next >= b) {
            return next;
        }
        t = next;
    }
    return t;
}

/* Real roots of p inside (-bound, bound) in rising order, found between the roots `turning` of its
 * derivative; a turning point with |p| <= slack counts as a root if p does not cross beside it. */
static size_t
roots_between(const double *p, size_t degree, const double *turning, size_t n, double bound,
              double slack, double *out)
{
    double slope[4];
    for (size_t i = 0; i < degree; i++) {
        slope[i] = (double)(i + 1) * p[i + 1];
    }
    size_t count = 0;
    double left = -bound, at_left = polynomial(p, degree, left);
    for (size_t i = 0; i <= n; i++) {
        double right = i < n ? turning[i] : bound;
        double at_right = polynomial(p, degree, right);
        if (left < right && (at_left > 0.0) != (at_right > 0.0)) {
            out[count++] = bracketed_root(p, slope, degree, left, right);
        }
        else if (i < n && fabs(at_right) <= slack) {
            double beyond = polynomial(p, degree, i + 1 < n ? turning[i + 1] : bound);
            if ((at_right > 0.0) == (beyond > 0.0)) {
                out[count++] = right;
            }
        }
        left = right;
        at_left = at_right;
    }
    return count;
}

/* Real roots of a quartic, p[4] not zero. */
static size_t
quartic_roots(const double p[5], double slack, double out[5])
{
    double bound = 0.0;
    for (size_t i = 0; i < 4; i++) {
        bound = fmax(bound, fabs(p[i] / p[4]));
    }
    bound += 1.0;
    const double d1[4] = {p[1], 2.0 * p[2], 3.0 * p[3], 4.0 * p[4]};
    const double d2[3] = {2.0 * p[2], 6.0 * p[3], 12.0 * p[4]};
    double flex[2], turning[3];
    size_t flexes = 0, turnings;
    double square = d2[1] * d2[1] - 4.0 * d2[0] * d2[2];
    if (square > 0.0) {
        double half = -0.5 * (d2[1] + copysign(sqrt(square), d2[1]));
        double x = half / d2[2], y = half != 0.0 ? d2[0] / half : 0.0;
        flex[0] = fmin(x, y);
        flex[1] = fmax(x, y);
        flexes = 2;
    }
    turnings = roots_between(d1, 3, flex, flexes, bound, 0.0, turning);
    return roots_between(p, 4, turning, turnings, bound, slack, out);
}

size_t
sc_turn_conic(const double k[6], double slack, sc_turn out[4])
{
    /* With c = (1 - t^2)/(1 + t^2), s = 2t/(1 + t^2) the turn by pi is at infinity: put there the
     * one of eight turns at which the left side is largest. */
    static const double h = 0.70710678118654752440;
    static const sc_turn eight[8] = {{-1, 0}, {-h, -h}, {0, -1}, {h, -h},
                                     {1, 0},  {h, h},   {0, 1},  {-h, h}};
    sc_turn far = eight[0];
    double largest = 0.0, scale = 0.0;
    for (size_t i = 0; i < 8; i++) {
        double value = fabs(conic_at(k, eight[i].c, eight[i].s));
        if (value > largest) {
            largest = value;
            far = eight[i];
        }
    }
    for (size_t i = 0; i < 6; i++) {
        scale = fmax(scale, fabs(k[i]));
    }
    if (!(largest > 1e-13 * scale)) {
        return 0; /* zero everywhere: no equation at all */
    }
    /* c = e c' - f s', s = f c' + e s' with (e, f) the turn opposite to the far one. */
    double e = -far.c, f = -far.s;
    double m1 = k[1] * e + k[2] * f, m2 = k[2] * e - k[1] * f;
    double m3 = k[3] * e * e + k[4] * e * f + k[5] * f * f;
    double m5 = k[3] * f * f - k[4] * e * f + k[5] * e * e;
    double m4 = 2.0 * e * f * (k[5] - k[3]) + k[4] * (e * e - f * f);
    const double p[5] = {k[0] + m1 + m3, 2.0 * (m2 + m4), 2.0 * (k[0] - m3) + 4.0 * m5,
                         2.0 * (m2 - m4), k[0] - m1 + m3};
    double t[5];
    size_t n = quartic_roots(p, slack * scale, t);
    assert(n <= 4);
    for (size_t i = 0; i < n; i++) {
        double w = 1.0 / (1.0 + t[i] * t[i]);
        sc_turn near = {(1.0 - t[i] * t[i]) * w, 2.0 * t[i] * w};
        out[i] = sc_turn_sum((sc_turn){e, f}, near);
    }
    return n;
}
