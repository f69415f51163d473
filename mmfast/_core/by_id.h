/* Places of seats: arithmetic that is meant to wrap round. */
#ifndef MMFAST_BY_ID_H
#define MMFAST_BY_ID_H

#include <stdint.h>

/* The place that an id points to: its bits mixed by the golden ratio, the highest of them taken. */
static inline uint64_t mmf_place(int64_t id, int shift)
{
    return ((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15)) >> shift;
}

/* How far one has to walk from a place to another, round the end. */
static inline uint64_t mmf_walk(uint64_t from, uint64_t to, uint64_t mask)
{
    return (to - from) & mask;
}

#endif
