/* A stretch of one joint's motion in equal pieces of constant jerk, as a linear map.
 *
 * In normalised time (the stretch lasts 1) velocity, acceleration and jerk are v h, a h^2 and
 * u h^3 of a stretch of h seconds. Everything inside then depends linearly on what is at its ends
 * and on SC_FREE numbers that are left free: column 0 distance, 1 velocity and 2 acceleration at
 * the beginning, 3 velocity and 4 acceleration at the end, from 5 the free ones.
 */
#ifndef SC_PIECES_H
#define SC_PIECES_H

#include <stddef.h>

#define SC_PIECES 12
#define SC_FREE (SC_PIECES - 3)
#define SC_COLUMNS (5 + SC_FREE)

/* Rows: the jerk of each piece; acceleration at the inner nodes; velocity at the inner nodes and
 * in the middle of each piece; position, from the beginning's, at the inner nodes. */
#define SC_VELOCITY_ROW (2 * SC_PIECES - 1)
#define SC_POSITION_ROW (SC_VELOCITY_ROW + 2 * SC_PIECES - 1)
#define SC_ROWS (SC_POSITION_ROW + SC_PIECES - 1)

typedef struct {
    double row[SC_ROWS][SC_COLUMNS];
} sc_pieces;

/* Which derivative of the position a row is: 3 for the jerk. */
static inline size_t
sc_row_order(size_t row)
{
    return row < SC_PIECES ? 3 : row < SC_VELOCITY_ROW ? 2 : row < SC_POSITION_ROW ? 1 : 0;
}

/* Fills the map: the jerk of least norm that meets the ends, plus an orthonormal basis of those
 * that leave both ends as they are. About 5 us. */
void sc_pieces_init(sc_pieces *out);

#endif
