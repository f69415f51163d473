"""One side of a book: sizes by price in a ring, and the few levels that lie beyond it.

The ring spans a window of keys round the best; a bit per key tells where a level stands, and a
bit per word of those where to look. So a change costs the same at any depth. Levels below the
window are kept in a sorted array; above it there is none: the window moves up before.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memmove, memset


cdef extern from "levels.h" nogil:
    #: Ticks for bids, minus ticks for asks: on both sides the best level has the largest key.
    ctypedef struct Level "mmf_level":
        int64_t key
        int64_t lots

    uint64_t mmf_rotate(uint64_t x, int n) noexcept
    int mmf_lowest(uint64_t x) noexcept
    int mmf_highest(uint64_t x) noexcept


cdef enum:
    WINDOW = 4096
    WORDS = 64
    #: Where a window that moves puts the best: room above it for a better market, and most of
    #: the book below.
    BEST_OFFSET = 3072
    #: A best below this has most of its book beyond the window.
    LOWEST_OFFSET = 1024


cdef struct Ladder:
    #: Sizes of the window, at the key modulo WINDOW; what has no bit means nothing.
    int64_t* lots
    uint64_t words[WORDS]
    #: Which words have a bit.
    uint64_t summary
    #: The lowest key of the window, a multiple of 64 so that no word straddles its ends.
    int64_t low
    Py_ssize_t near
    #: Levels below the window by rising key.
    Level* far
    Py_ssize_t far_count


cdef struct Walk:
    #: Only keys below ``low + under`` are still to come.
    uint64_t under
    Py_ssize_t far_left


cdef inline Py_ssize_t rank(const Level* levels, Py_ssize_t count, int64_t key) noexcept nogil:
    """How many levels have a smaller key. The loop's branch does not depend on the data."""
    cdef Py_ssize_t base = 0
    cdef Py_ssize_t half
    while count > 0:
        half = (count + 1) >> 1
        base += half if levels[base + half - 1].key < key else 0
        count -= half
    return base


cdef inline int first_word(const Ladder* ladder) noexcept nogil:
    """The word of the window's lowest keys; they go round from there."""
    return <int>((<uint64_t>ladder.low >> 6) & (WORDS - 1))


cdef inline bint in_window(const Ladder* ladder, int64_t key) noexcept nogil:
    return <uint64_t>(key - ladder.low) < <uint64_t>WINDOW


cdef inline void set_near(Ladder* ladder, int64_t key, int64_t lots) noexcept nogil:
    """Insert, replace or delete in the window; whichever it is, without a branch."""
    cdef uint64_t at = <uint64_t>key & <uint64_t>(WINDOW - 1)
    cdef uint64_t word = at >> 6
    cdef uint64_t bit = at & 63
    cdef uint64_t one = 1
    cdef uint64_t there = lots != 0
    cdef uint64_t before = ladder.words[word]
    cdef uint64_t after = (before & ~(one << bit)) | there << bit
    ladder.lots[at] = lots
    ladder.words[word] = after
    ladder.summary = (ladder.summary & ~(one << word)) | <uint64_t>(after != 0) << word
    ladder.near += <Py_ssize_t>there - <Py_ssize_t>((before >> bit) & 1)


cdef inline void set_far(Ladder* ladder, const Level* change) noexcept nogil:
    cdef Level* levels = ladder.far
    cdef Py_ssize_t at = rank(levels, ladder.far_count, change.key)
    if at < ladder.far_count and levels[at].key == change.key:
        if change.lots:
            levels[at].lots = change.lots
            return
        ladder.far_count -= 1
        memmove(&levels[at], &levels[at + 1], (ladder.far_count - at) * sizeof(Level))
    elif change.lots:
        memmove(&levels[at + 1], &levels[at], (ladder.far_count - at) * sizeof(Level))
        levels[at] = change[0]
        ladder.far_count += 1


cdef inline int64_t low_for(int64_t best) noexcept nogil:
    """Where the window begins that has ``best`` at its offset."""
    return (best & ~<int64_t>63) - BEST_OFFSET


cdef inline int64_t lowest_near(const Ladder* ladder) noexcept nogil:
    """The worst key of the window, which must hold one."""
    cdef int first = first_word(ladder)
    cdef int word = mmf_lowest(mmf_rotate(ladder.summary, first))
    return ladder.low + 64 * word + mmf_lowest(ladder.words[(word + first) & (WORDS - 1)])


cdef inline void raise_window(Ladder* ladder, int64_t low) noexcept nogil:
    """Move up; what falls out of the window is better than all that is beyond it already."""
    cdef int64_t key
    while ladder.near:
        key = lowest_near(ladder)
        if key >= low:
            break
        ladder.far[ladder.far_count].key = key
        ladder.far[ladder.far_count].lots = ladder.lots[<uint64_t>key & <uint64_t>(WINDOW - 1)]
        ladder.far_count += 1
        set_near(ladder, key, 0)
    ladder.low = low


cdef inline void lower_window(Ladder* ladder, int64_t low) noexcept nogil:
    """Move down, and take in what was beyond. All that is near must fit the lower window."""
    cdef Level* top
    ladder.low = low
    while ladder.far_count:
        top = &ladder.far[ladder.far_count - 1]
        if top.key < low:
            break
        set_near(ladder, top.key, top.lots)
        ladder.far_count -= 1


cdef inline void set_outside(Ladder* ladder, const Level* change) noexcept nogil:
    """A change that does not lie in the window."""
    if change.lots == 0 and change.key >= ladder.low:
        return
    if ladder.near == 0 and ladder.far_count == 0:
        ladder.low = low_for(change.key)
    elif change.key >= ladder.low:
        raise_window(ladder, low_for(change.key))
    else:
        set_far(ladder, change)
        return
    set_near(ladder, change.key, change.lots)


cdef inline void merge(Ladder* ladder, const Level* changes, Py_ssize_t count) noexcept nogil:
    """Apply changes in their order. The caller keeps room for ``count`` more levels."""
    cdef Py_ssize_t i
    for i in range(count):
        if in_window(ladder, changes[i].key):
            set_near(ladder, changes[i].key, changes[i].lots)
        else:
            set_outside(ladder, &changes[i])


cdef inline void clear(Ladder* ladder) noexcept nogil:
    memset(ladder.words, 0, sizeof(ladder.words))
    ladder.summary = 0
    ladder.near = ladder.far_count = 0


cdef inline void load(Ladder* ladder, const Level* changes, Py_ssize_t count) noexcept nogil:
    """Replace all levels. The venue lists them from the best outwards."""
    cdef Py_ssize_t i
    cdef bint ordered = count > 0
    clear(ladder)
    for i in range(count):
        ordered &= changes[i].lots > 0 and (i == 0 or changes[i].key < changes[i - 1].key)
    if not ordered:
        merge(ladder, changes, count)
        return
    ladder.low = low_for(changes[0].key)
    # From the worst, so that those beyond the window come by rising key.
    for i in range(count - 1, -1, -1):
        if changes[i].key >= ladder.low:
            set_near(ladder, changes[i].key, changes[i].lots)
        else:
            ladder.far[ladder.far_count] = changes[i]
            ladder.far_count += 1


cdef inline bint best_of(const Ladder* ladder, Level* out) noexcept nogil:
    """The best level, or zeros when there is none."""
    cdef int first, word
    if ladder.near:
        first = first_word(ladder)
        word = mmf_highest(mmf_rotate(ladder.summary, first))
        out.key = 64 * word + mmf_highest(ladder.words[(word + first) & (WORDS - 1)]) + ladder.low
        out.lots = ladder.lots[<uint64_t>out.key & <uint64_t>(WINDOW - 1)]
        return True
    if ladder.far_count:
        out[0] = ladder.far[ladder.far_count - 1]
        return True
    out.key = out.lots = 0
    return False


cdef inline void trim(Ladder* ladder, Py_ssize_t depth) noexcept nogil:
    """Drop the worst levels beyond the subscribed depth: the venue no longer tells of them."""
    cdef Py_ssize_t surplus = ladder.near + ladder.far_count - depth
    cdef Py_ssize_t dropped
    if surplus <= 0:
        return
    dropped = surplus if surplus < ladder.far_count else ladder.far_count
    if dropped:
        ladder.far_count -= dropped
        memmove(ladder.far, &ladder.far[dropped], ladder.far_count * sizeof(Level))
    for surplus in range(dropped, surplus):
        set_near(ladder, lowest_near(ladder), 0)


cdef inline bint settle(Ladder* ladder, Py_ssize_t depth, Level* best) noexcept nogil:
    """End of a frame: cut to the depth, keep the window on the best, and tell the best."""
    trim(ladder, depth)
    if not best_of(ladder, best):
        return False
    if ladder.far_count and best.key - ladder.low < LOWEST_OFFSET:
        lower_window(ladder, low_for(best.key))
    return True


cdef inline int64_t lots_of(const Ladder* ladder, int64_t key) noexcept nogil:
    """Size at a key, 0 for none."""
    cdef uint64_t at = <uint64_t>key & <uint64_t>(WINDOW - 1)
    cdef Py_ssize_t place
    if in_window(ladder, key):
        return ladder.lots[at] if (ladder.words[at >> 6] >> (at & 63)) & 1 else 0
    place = rank(ladder.far, ladder.far_count, key)
    if place < ladder.far_count and ladder.far[place].key == key:
        return ladder.far[place].lots
    return 0


cdef inline void start_walk(const Ladder* ladder, Walk* walk) noexcept nogil:
    walk.under = WINDOW
    walk.far_left = ladder.far_count


cdef inline bint descend(const Ladder* ladder, Walk* walk, Level* out) noexcept nogil:
    """The next level from the best outwards; False after the last."""
    cdef uint64_t one = 1
    cdef uint64_t bits
    cdef int first = first_word(ladder)
    cdef int word
    if walk.under:
        # What is left of the word in which the walk stands, then the words below it.
        word = <int>((walk.under - 1) >> 6)
        bits = ladder.words[(word + first) & (WORDS - 1)]
        bits &= ~<uint64_t>0 >> (63 - ((walk.under - 1) & 63))
        if bits == 0:
            bits = mmf_rotate(ladder.summary, first) & ((one << word) - 1)
            if bits:
                word = mmf_highest(bits)
                bits = ladder.words[(word + first) & (WORDS - 1)]
        if bits:
            walk.under = 64 * word + mmf_highest(bits)
            out.key = ladder.low + <int64_t>walk.under
            out.lots = ladder.lots[<uint64_t>out.key & <uint64_t>(WINDOW - 1)]
            return True
        walk.under = 0
    if walk.far_left == 0:
        return False
    walk.far_left -= 1
    out[0] = ladder.far[walk.far_left]
    return True
