/* The ring of set-point records. */
#include "sc_ring.h"

#include <stdatomic.h>
#include <string.h>

enum { MAGIC = 0, SHAPE, CAPACITY, PERIOD, NEWEST };

static const char magic[8] = {'S', 'C', 'S', 'E', 'T', 'P', 'T', '1'};

static size_t
record_words(size_t dof)
{
    return SC_RECORD_HEAD + 3 * dof;
}

size_t
sc_ring_words(size_t dof, size_t capacity)
{
    return SC_RING_HEAD + capacity * record_words(dof);
}

static uint64_t
word_of(const void *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

static uint64_t
shape_of(size_t dof)
{
    uint32_t shape[2] = {SC_RECORD_LAYOUT, (uint32_t)dof};
    return word_of(shape);
}

sc_status
sc_ring_make(void *memory, size_t dof, size_t capacity, double period, sc_ring *ring)
{
    if (dof < 1 || dof > SC_MAX_DOF || capacity < 1 || capacity > SC_RING_CAPACITY) {
        return SC_BAD_ARGUMENT;
    }
    sc_ring_word *words = memory;
    for (size_t k = 0; k < sc_ring_words(dof, capacity); k++) {
        atomic_store_explicit(&words[k], 0, memory_order_relaxed);
    }
    atomic_store_explicit(&words[SHAPE], shape_of(dof), memory_order_relaxed);
    atomic_store_explicit(&words[CAPACITY], capacity, memory_order_relaxed);
    atomic_store_explicit(&words[PERIOD], word_of(&period), memory_order_relaxed);
    atomic_store_explicit(&words[MAGIC], word_of(magic), memory_order_release);
    sc_ring made = {words, dof, capacity};
    *ring = made;
    return SC_OK;
}

sc_status
sc_ring_open(const void *memory, size_t size, sc_ring *ring)
{
    /* Loads only: a reader may have mapped the memory for reading. */
    sc_ring_word *words = (sc_ring_word *)(uintptr_t)memory;
    if (size < SC_RING_HEAD * sizeof *words ||
        atomic_load_explicit(&words[MAGIC], memory_order_acquire) != word_of(magic)) {
        return SC_MISMATCH;
    }
    uint64_t shape = atomic_load_explicit(&words[SHAPE], memory_order_relaxed);
    uint64_t capacity = atomic_load_explicit(&words[CAPACITY], memory_order_relaxed);
    uint32_t parts[2];
    memcpy(parts, &shape, sizeof parts);
    if (parts[0] != SC_RECORD_LAYOUT || parts[1] < 1 || parts[1] > SC_MAX_DOF || capacity < 1 ||
        capacity > SC_RING_CAPACITY || size / sizeof *words < sc_ring_words(parts[1], capacity)) {
        return SC_MISMATCH;
    }
    sc_ring opened = {words, parts[1], capacity};
    *ring = opened;
    return SC_OK;
}

static sc_ring_word *
slot(const sc_ring *ring, uint64_t sequence)
{
    size_t index = (size_t)((sequence - 1) % ring->capacity);
    return ring->words + SC_RING_HEAD + index * record_words(ring->dof);
}

void
sc_ring_write(const sc_ring *ring, const uint64_t *record)
{
    sc_ring_word *to = slot(ring, record[0]);
    atomic_store_explicit(&to[0], 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (size_t k = 1; k < record_words(ring->dof); k++) {
        atomic_store_explicit(&to[k], record[k], memory_order_relaxed);
    }
    atomic_store_explicit(&to[0], record[0], memory_order_release);
    atomic_store_explicit(&ring->words[NEWEST], record[0], memory_order_release);
}

uint64_t
sc_ring_newest(const sc_ring *ring)
{
    return atomic_load_explicit(&ring->words[NEWEST], memory_order_acquire);
}

sc_status
sc_ring_read(const sc_ring *ring, uint64_t sequence, uint64_t *record)
{
    const sc_ring_word *from = slot(ring, sequence);
    if (sequence < 1 || atomic_load_explicit(&from[0], memory_order_acquire) != sequence) {
        return SC_NO_SPACE;
    }
    uint64_t copy[SC_RECORD_WORDS] = {sequence};
    for (size_t k = 1; k < record_words(ring->dof); k++) {
        copy[k] = atomic_load_explicit(&from[k], memory_order_relaxed);
    }
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&from[0], memory_order_relaxed) != sequence) {
        return SC_NO_SPACE;
    }
    memcpy(record, copy, record_words(ring->dof) * sizeof *record);
    return SC_OK;
}
