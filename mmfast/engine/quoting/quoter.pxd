"""C types of quoter.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.wide cimport mul_div
from mmfast.engine.quoting.terms cimport Terms

cdef int64_t _SUBTICKS
cdef int64_t _ONE_E4
cdef int64_t _WIDEST


@cython.final
@cython.freelist(64)
cdef class Level:
    cdef readonly int64_t price_ticks
    cdef readonly int64_t lots

    cdef void take(self, int64_t price_ticks, int64_t lots) except *


@cython.locals(level=Level)
cpdef Level level_at(int64_t price_ticks, int64_t lots)


@cython.final
@cython.freelist(16)
cdef class Quotes:
    cdef readonly list bids
    cdef readonly list asks


@cython.final
cdef class Ladder:
    cdef bint _by_microprice

    cpdef int64_t fair_x256(self, int64_t mid_x2_ticks, int64_t microprice_x256) except? -1
    @cython.locals(centre=int64_t, half=int64_t, step=int64_t, room=int64_t)
    cpdef Quotes round(
        self, int64_t fair, Terms terms, int64_t bid_ticks, int64_t ask_ticks,
        int64_t position_lots
    )


cpdef int64_t mid_x256(int64_t mid_x2_ticks) except? -1
@cython.locals(room=int64_t, held=int64_t)
cpdef int64_t skew_x256(int64_t fair, Terms terms, int64_t position_lots) except? -1
@cython.locals(levels=list, level=int64_t, price=int64_t, lots=int64_t)
cpdef list bid_levels(
    int64_t first_x256, int64_t step_x256, int64_t highest_ticks, Terms terms,
    int64_t room_lots
)
@cython.locals(levels=list, level=int64_t, price=int64_t, lots=int64_t)
cpdef list ask_levels(
    int64_t first_x256, int64_t step_x256, int64_t lowest_ticks, Terms terms,
    int64_t room_lots
)
@cython.locals(lots=int64_t)
cpdef int64_t sized(int64_t price_ticks, Terms terms, int64_t room_lots) except? -1
@cython.locals(room=int64_t, kept=list, level=Level)
cpdef Quotes reducing(Quotes quotes, Terms terms, int64_t position_lots)
