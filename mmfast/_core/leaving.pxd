"""C types of leaving.pyx."""

from libc.stdint cimport int32_t, int64_t

from mmfast._core.scan cimport Cursor

cdef enum:
    SYMBOL_ROOM = 32
    #: Hex digits behind the head of an order id.
    ID_DIGITS = 16
    ORDERS_LIMIT = 20

cdef struct Allowed:
    bint known
    int32_t symbol_size
    char symbol[SYMBOL_ROOM]
    int tick_decimals
    int step_decimals
    int64_t tick_units
    int64_t step_units
    int64_t max_lots
    int64_t max_tick_lots
    int64_t collar_e4
    int64_t distance_e4
    #: Twice the mid of the book by which the orders were judged; 0: no price may leave.
    int64_t mid_x2
    #: The lower and the higher of that and twice the second reference.
    int64_t lower_x2
    int64_t higher_x2
    #: The most that is filled of an order which is amended.
    int64_t filled_lots

cdef struct Figures:
    int side
    int64_t lots
    int64_t ticks


cdef class LeavingCheck:
    cdef Allowed* _allowed
    cdef int _count
    cdef int _last
    cdef bytes _head
    cdef bytes _opening

    cdef Allowed* _at(self, int64_t index) except NULL
    cpdef void see(self, int index, int64_t mid_x2_ticks, int64_t reference_x2_ticks) except *
    cpdef void see_filled(self, int index, int64_t lots) except *
    cdef int _orders(self, int op, Cursor* c, const unsigned char** item) noexcept
    cdef int _order(self, int op, Cursor* c) noexcept
    cdef int _figures(self, int op, Cursor* c, const Allowed* allowed) noexcept
    cdef const Allowed* _find(self, Cursor* c) noexcept
    cdef int _pass_frame(self, int op, Cursor* c) noexcept
    cdef int _answer(self, int found, Cursor* c, const unsigned char* item) except -1
