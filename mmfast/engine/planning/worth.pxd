"""C types of worth.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.wide cimport mul_div

cdef int _CANCEL
cdef int _AMEND
cdef int _KEEP
cdef int _SEND
cdef int _REPLACE
cdef int64_t _FIRST
cdef int64_t _ONE
cdef int64_t _SUBTICKS
cdef int64_t _FARTHEST_E10
cdef int64_t _MOST_STAKE_E8
cdef int64_t _WIDEST_X256
cdef int64_t _SECOND_NS


@cython.final
cdef class Facts:
    cdef public int op
    cdef public bint is_first
    cdef public int64_t lots
    cdef public bint rests
    cdef public int64_t resting_lots
    cdef public bint same_price
    cdef public int64_t edge_now_x256
    cdef public int64_t edge_then_x256
    cdef public int64_t half_x256
    cdef public int64_t others_now_lots
    cdef public int64_t ahead_then_lots
    cdef public int64_t tick_lot_value_e8
    cdef public int64_t age_ns
    cdef public int64_t stale_ns
    cdef public int64_t life
    cdef public bint may_amend
    cdef public bint has_room


@cython.locals(worth=int64_t, replaces=bint)
cpdef tuple decide(Facts facts)
@cython.locals(stake=int64_t)
cdef int64_t _of_cancel(Facts facts) except? -1
@cython.locals(wanted_x256=int64_t, stake=int64_t, queue_then=int64_t, distance=int64_t,
               queue_now=int64_t)
cdef int64_t _of_quote(Facts facts) except? -1
cdef int64_t _distance_now(Facts facts, int64_t wanted_x256) except? -1
@cython.locals(whole=int64_t)
cpdef int64_t distance_e10(int64_t edge_x256, int64_t wanted_x256) except? -1
cpdef int64_t aged_e10(int64_t distance, int64_t age_ns, int64_t stale_ns) except? -1
cpdef int64_t points(int64_t distance) except? -1
@cython.locals(tick_e10=int64_t)
cpdef int64_t queue_e10(int64_t own_lots, int64_t ahead_lots, int64_t wanted_x256) except -1
cpdef int64_t life_e10(int64_t moves_e10) except -1
# The product may leave 64 bits before it is bounded, so these are Python's integers.
cpdef int64_t stake_e8(object wanted_x256, object lots, object tick_lot_value_e8) except -1
cpdef int64_t of_place(int64_t stake, int64_t queue, int64_t life) except? -1
@cython.locals(now=int64_t)
cpdef int64_t of_move(
    int64_t stake, int64_t distance, int64_t queue_now, int64_t queue_then, int64_t life
) except? -1
cpdef int64_t of_cancel(int64_t stake, int64_t distance) except? -1
cpdef int64_t of_resize(
    int64_t stake, int64_t distance, int64_t resting_lots, int64_t lots, int64_t life
) except? -1
cpdef int64_t decayed_e10(int64_t moves_e10, int64_t past_ns) except? -1
