/* Set-point records, and a ring of them in memory that one thread writes and any number read, also
 * from other processes. No lock: the writer never waits; a reader that was too slow is told so.
 *
 * A record is 10 + 3 dof words of 8 bytes in native byte order:
 *   0  u64  sequence: 1, 2, 3 ... in the order of sending
 *   1  u32  layout of the record (1); u32 dof
 *   2  i64  executor time in periods
 *   3  f64  executor time [s]
 *   4  i64  CLOCK_MONOTONIC at which this set-point was due [ns]
 *   5  i64  CLOCK_MONOTONIC by which the next one is due [ns]; later: the sender has failed
 *   6  f64  path time [s]
 *   7  f64  rate of path time, 0..1
 *   8  u64  bit 0: there is a trajectory to follow; bit 1: the last record of its thread
 *   9  u64  cycles missed so far
 *  10  f64  positions [rad or m], then velocities, then accelerations: dof words each
 *
 * The memory of a ring begins with 8 words, then the slots follow, record after record; record n
 * lies in slot (n - 1) mod capacity, and its word 0 is not n while it is being written:
 *   0  the bytes "SCSETPT1"
 *   1  u32  layout (1); u32 dof
 *   2  u64  capacity: number of slots
 *   3  f64  period [s]
 *   4  u64  sequence of the newest complete record; 0: none yet
 *   5..7    0
 */
#ifndef SC_RING_H
#define SC_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sc_linalg.h"
#include "sc_status.h"

#define SC_RECORD_LAYOUT 1
#define SC_RECORD_HEAD 10
#define SC_RECORD_WORDS (SC_RECORD_HEAD + 3 * SC_MAX_DOF)
#define SC_RING_HEAD 8
#define SC_RING_CAPACITY 1048576

typedef _Atomic(uint64_t) sc_ring_word;

typedef struct {
    sc_ring_word *words;
    size_t dof, capacity;
} sc_ring;

/* Words of a ring's memory. */
size_t sc_ring_words(size_t dof, size_t capacity);

/* Makes an empty ring of `capacity` 1..SC_RING_CAPACITY slots in sc_ring_words() words of memory,
 * 8-byte aligned. */
sc_status sc_ring_make(void *memory, size_t dof, size_t capacity, double period, sc_ring *ring);

/* Opens memory of `size` bytes in which a ring was made; SC_MISMATCH if there is none. */
sc_status sc_ring_open(const void *memory, size_t size, sc_ring *ring);

/* Appends a record: SC_RECORD_HEAD + 3 dof words, word 0 its sequence number. */
void sc_ring_write(const sc_ring *ring, const uint64_t *record);

uint64_t sc_ring_newest(const sc_ring *ring);

/* Copies record `sequence` >= 1. SC_NO_SPACE: it has been overwritten, or is not there yet. */
sc_status sc_ring_read(const sc_ring *ring, uint64_t sequence, uint64_t *record);

#endif
