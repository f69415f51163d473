"""One side of a book: a sorted array of levels, its best at the end."""

from libc.stdint cimport int64_t
from libc.string cimport memmove


cdef struct Level:
    #: Ticks for bids, minus ticks for asks: on both sides the best level has the largest key.
    int64_t key
    int64_t lots


cdef struct Ladder:
    #: Sorted by rising key, so that the best stands at the end, where most changes fall.
    Level* levels
    Py_ssize_t count


cdef inline Py_ssize_t rank(const Level* levels, Py_ssize_t count, int64_t key) noexcept nogil:
    """How many levels have a smaller key. The loop's branch does not depend on the data."""
    cdef Py_ssize_t base = 0
    cdef Py_ssize_t half
    while count > 0:
        half = (count + 1) >> 1
        if levels[base + half - 1].key < key:
            base += half
        count -= half
    return base


cdef inline void set_level(Ladder* ladder, Py_ssize_t at, const Level* change) noexcept nogil:
    """Insert, replace or delete the level at its rank."""
    cdef Level* levels = ladder.levels
    if at < ladder.count and levels[at].key == change.key:
        if change.lots:
            levels[at].lots = change.lots
            return
        ladder.count -= 1
        memmove(&levels[at], &levels[at + 1], (ladder.count - at) * sizeof(Level))
    elif change.lots:
        memmove(&levels[at + 1], &levels[at], (ladder.count - at) * sizeof(Level))
        levels[at] = change[0]
        ladder.count += 1


cdef inline void merge(Ladder* ladder, const Level* changes, Py_ssize_t count) noexcept nogil:
    """Apply changes in their order. The caller keeps room for ``count`` more levels."""
    cdef Py_ssize_t i
    for i in range(count):
        set_level(ladder, rank(ladder.levels, ladder.count, changes[i].key), &changes[i])


cdef inline void load(Ladder* ladder, const Level* changes, Py_ssize_t count) noexcept nogil:
    """Replace all levels. The venue lists them from the best outwards, which is a reversal."""
    cdef Py_ssize_t i
    cdef bint ordered = True
    for i in range(count):
        ladder.levels[count - 1 - i] = changes[i]
        ordered &= changes[i].lots > 0 and (i == 0 or changes[i].key < changes[i - 1].key)
    ladder.count = count
    if not ordered:
        ladder.count = 0
        merge(ladder, changes, count)


cdef inline void trim(Ladder* ladder, Py_ssize_t depth) noexcept nogil:
    """Drop the worst levels beyond the subscribed depth: the venue no longer tells of them."""
    cdef Py_ssize_t surplus = ladder.count - depth
    if surplus > 0:
        memmove(ladder.levels, &ladder.levels[surplus], depth * sizeof(Level))
        ladder.count = depth
