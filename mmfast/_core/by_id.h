/* Places of seats: arithmetic that is meant to wrap round. */
#ifndef MMFAST_BY_ID_H
#define MMFAST_BY_ID_H

#include <stdint.h>

/* The place that an id points to. Four ids that follow each other sit side by side, for the orders
   of one tick do, and a seat that nobody has looked at for a while is slow to fetch; which four
   places, their number mixed by the golden ratio tells. */
static inline uint64_t mmf_place(int64_t id, int shift)
{
    uint64_t four = (((uint64_t)id >> 2) * UINT64_C(0x9E3779B97F4A7C15)) >> shift;
    return (four & ~UINT64_C(3)) | ((uint64_t)id & 3);
}

/* How far one has to walk from a place to another, round the end. */
static inline uint64_t mmf_walk(uint64_t from, uint64_t to, uint64_t mask)
{
    return (to - from) & mask;
}

#endif
