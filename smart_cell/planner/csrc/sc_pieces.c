/* The linear map of a stretch in pieces of constant jerk. */
#include "sc_pieces.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* What a unit jerk in piece j adds at time t: position, velocity, acceleration. */
static void
response(double t, size_t j, double out[3])
{
    double since_begin = fmax(t - (double)j / SC_PIECES, 0.0);
    double since_end = fmax(t - (double)(j + 1) / SC_PIECES, 0.0);
    out[0] = (since_begin * since_begin * since_begin - since_end * since_end * since_end) / 6.0;
    out[1] = 0.5 * (since_begin * since_begin - since_end * since_end);
    out[2] = since_begin - since_end;
}

static double
dot(const double *a, const double *b)
{
    double sum = 0.0;
    for (size_t j = 0; j < SC_PIECES; j++) {
        sum += a[j] * b[j];
    }
    return sum;
}

/* Takes its components along the first `count` rows of an orthonormal basis out of v, twice, so
 * that rounding does not matter; returns the length that is left. */
static double
reject(double basis[SC_PIECES][SC_PIECES], size_t count, double *v)
{
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t k = 0; k < count; k++) {
            double along = dot(basis[k], v);
            for (size_t j = 0; j < SC_PIECES; j++) {
                v[j] -= along * basis[k][j];
            }
        }
    }
    return sqrt(dot(v, v));
}

/* An orthonormal basis whose first three rows span the responses at the end; lower triangular
 * `triangle` gives those responses by these rows. */
static void
end_basis(double basis[SC_PIECES][SC_PIECES], double triangle[3][3])
{
    size_t count = 0;
    memset(triangle, 0, 3 * sizeof(triangle[0]));
    for (size_t candidate = 0; candidate < 3 + SC_PIECES && count < SC_PIECES; candidate++) {
        double row[SC_PIECES], v[SC_PIECES];
        for (size_t j = 0; j < SC_PIECES; j++) {
            double at[3];
            response(1.0, j, at);
            row[j] = candidate < 3 ? at[candidate] : (candidate - 3 == j ? 1.0 : 0.0);
            v[j] = row[j];
        }
        double left = reject(basis, count, v);
        if (candidate >= 3 && !(left > 0.1)) {
            continue; /* nearly in the span already: a later one serves better */
        }
        for (size_t j = 0; j < SC_PIECES; j++) {
            basis[count][j] = v[j] / left;
        }
        for (size_t k = 0; candidate < 3 && k <= count; k++) {
            triangle[candidate][k] = dot(basis[k], row);
        }
        count++;
    }
}

/* A row of acceleration, velocity or position: what the ends give, and the jerks' responses. */
static void
fill_row(size_t r, sc_pieces *out)
{
    size_t order = sc_row_order(r);
    size_t first = order == 2 ? SC_PIECES : order == 1 ? SC_VELOCITY_ROW : SC_POSITION_ROW;
    double t = (double)(r - first + 1) / (order == 1 ? 2.0 * SC_PIECES : SC_PIECES);
    double *row = out->row[r];
    for (size_t j = 0; j < SC_PIECES; j++) {
        double at[3];
        response(t, j, at);
        for (size_t column = 0; column < SC_COLUMNS; column++) {
            row[column] += at[order] * out->row[j][column];
        }
    }
    row[1] += order == 0 ? t : order == 1 ? 1.0 : 0.0;
    row[2] += order == 0 ? 0.5 * t * t : order == 1 ? t : 1.0;
}

void
sc_pieces_init(sc_pieces *out)
{
    double basis[SC_PIECES][SC_PIECES], triangle[3][3];
    /* What the jerks must add at the end, by column: distance, v0, a0, v1, a1. */
    static const double wanted[3][5] = {
        {1.0, -1.0, -0.5, 0.0, 0.0}, {0.0, -1.0, -1.0, 1.0, 0.0}, {0.0, 0.0, -1.0, 0.0, 1.0}};
    memset(out, 0, sizeof(*out));
    end_basis(basis, triangle);
    for (size_t column = 0; column < 5; column++) {
        double along[3];
        for (size_t k = 0; k < 3; k++) {
            along[k] = wanted[k][column];
            for (size_t l = 0; l < k; l++) {
                along[k] -= triangle[k][l] * along[l];
            }
            along[k] /= triangle[k][k];
            for (size_t j = 0; j < SC_PIECES; j++) {
                out->row[j][column] += along[k] * basis[k][j];
            }
        }
    }
    for (size_t f = 0; f < SC_FREE; f++) {
        for (size_t j = 0; j < SC_PIECES; j++) {
            out->row[j][5 + f] = basis[3 + f][j];
        }
    }
    for (size_t r = SC_PIECES; r < SC_ROWS; r++) {
        fill_row(r, out);
    }
}
