/* Tests of the equations for turns: every root is one, none is lost, degenerate ones are told. */
#include <math.h>
#include <stdint.h>

#include "check.h"
#include "sc_turn.h"

static uint64_t state = 88172645463325252u;

/* Uniform in [-1, 1). */
static double
draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / 4503599627370496.0 - 1.0;
}

static double
conic(const double *k, double c, double s)
{
    return k[0] + k[1] * c + k[2] * s + k[3] * c * c + k[4] * c * s + k[5] * s * s;
}

static void
test_conic_finds_every_change_of_sign(void)
{
    for (int round = 0; round < 3000; round++) {
        double k[6];
        for (size_t i = 0; i < 6; i++) {
            k[i] = draw() * (round % 3 == 0 && i > 2 ? 1e-6 : 1.0);
        }
        sc_turn root[4];
        size_t n = sc_turn_conic(k, 1e-9, root);
        CHECK(n <= 4);
        for (size_t i = 0; i < n; i++) {
            CHECK(fabs(conic(k, root[i].c, root[i].s)) < 1e-8);
            CHECK(fabs(root[i].c * root[i].c + root[i].s * root[i].s - 1.0) < 1e-14);
        }
        size_t changes = 0;
        for (int j = 0; j < 1000; j++) {
            double a = 2.0 * SC_PI * j / 1000.0, b = 2.0 * SC_PI * (j + 1) / 1000.0;
            changes += (conic(k, cos(a), sin(a)) > 0.0) != (conic(k, cos(b), sin(b)) > 0.0);
        }
        CHECK(n >= changes);
    }
}

static void
test_conic_finds_what_it_was_made_of(void)
{
    for (int round = 0; round < 3000; round++) {
        /* (c ca + s sa - cos w)(c cb + s sb - cos v): four roots a +- w, b +- v */
        double a = 3.2 * draw(), b = 3.2 * draw(), w = 1.5 * draw(), v = 1.5 * draw();
        double p[3] = {-cos(w), cos(a), sin(a)}, q[3] = {-cos(v), cos(b), sin(b)};
        double k[6] = {p[0] * q[0], p[0] * q[1] + p[1] * q[0], p[0] * q[2] + p[2] * q[0],
                       p[1] * q[1], p[1] * q[2] + p[2] * q[1], p[2] * q[2]};
        double roots[4] = {a + w, a - w, b + v, b - v};
        sc_turn found[4];
        size_t n = sc_turn_conic(k, 1e-9, found);
        for (size_t i = 0; i < 4; i++) {
            double nearest = 10.0;
            for (size_t j = 0; j < n; j++) {
                nearest =
                    fmin(nearest, hypot(found[j].c - cos(roots[i]), found[j].s - sin(roots[i])));
            }
            CHECK(nearest < 1e-4); /* two that nearly coincide are good to half the digits */
        }
    }
}

static void
test_linear_and_degenerate(void)
{
    sc_turn root[4];
    CHECK(sc_turn_linear(0.0, 0.0, 0.0, 1e-9, root) == 0);
    CHECK(sc_turn_linear(1.0, 0.0, NAN, 1e-9, root) == 0);
    CHECK(sc_turn_linear(3.0, 4.0, 5.1, 1e-9, root) == 0);
    CHECK(sc_turn_linear(3.0, 4.0, -5.0 - 1e-12, 1e-9, root) == 1);
    CHECK(fabs(root[0].c + 0.6) < 1e-15 && fabs(root[0].s + 0.8) < 1e-15);
    CHECK(sc_turn_linear(3.0, 4.0, 1.0, 1e-9, root) == 2);
    for (size_t i = 0; i < 2; i++) {
        CHECK(fabs(3.0 * root[i].c + 4.0 * root[i].s - 1.0) < 1e-14);
    }
    const double nothing[6] = {0.0}, always[6] = {-1.0, 0.0, 0.0, 1.0, 0.0, 1.0};
    const double never[6] = {2.0, 1.0, 0.0, 0.0, 0.0, 0.0};
    CHECK(sc_turn_conic(nothing, 1e-9, root) == 0);
    CHECK(sc_turn_conic(always, 1e-9, root) == 0);
    CHECK(sc_turn_conic(never, 1e-9, root) == 0);
}

static void
test_between_keeps_its_digits_near_the_axis(void)
{
    const double h[3] = {0.6, 0.0, 0.8}, e[3] = {0.0, 1.0, 0.0};
    for (int k = 0; k < 8; k++) {
        double size = pow(10.0, -k), to[3], from[3];
        sc_turn turn = {cos(0.7), sin(0.7)}, found;
        for (size_t i = 0; i < 3; i++) {
            from[i] = h[i] + size * e[i];
        }
        sc_turn_vector(h, turn, from, to);
        CHECK(sc_turn_between(h, from, to, 1e-9, &found));
        CHECK(fabs(found.c - turn.c) + fabs(found.s - turn.s) < 1e-15 / size + 1e-14);
    }
    sc_turn untouched = {7.0, 7.0};
    CHECK(!sc_turn_between(h, h, e, 1e-9, &untouched) && untouched.c == 7.0);
}

static void
test_angles_are_those_of_atan2(void)
{
    sc_turn turn[5] = {{-1.0, 0.0}, {-1.0, -0.0}, {0.0, 1.0}, {0.0, -1.0}, {1.0, 0.0}};
    double angle[6] = {0, 0, 0, 0, 0, -77.0};
    for (int round = 0; round < 20000; round++) {
        sc_turn_angles(turn, 5, angle);
        CHECK(angle[5] == -77.0);
        for (size_t i = 0; i < 5; i++) {
            CHECK(fabs(angle[i] - atan2(turn[i].s, turn[i].c)) < 5e-16);
            double t = SC_PI * draw() * (round % 2 == 0 ? 1.0 : 1e-5);
            turn[i] = (sc_turn){cos(t), sin(t)};
        }
    }
}

int
main(void)
{
    test_conic_finds_every_change_of_sign();
    test_conic_finds_what_it_was_made_of();
    test_linear_and_degenerate();
    test_between_keeps_its_digits_near_the_axis();
    test_angles_are_those_of_atan2();
    puts("all tests passed");
    return 0;
}
