"""Intent: one wanted command per order slot."""

from libc.stdint cimport int32_t, int64_t


cdef struct Cell:
    int64_t price_ticks
    int64_t lots
    int64_t client_id
    #: The resting order a REPLACE cancels first.
    int64_t cancel_id
    int32_t flags
    #: Neighbours in the list of wanted slots, oldest first; the last cell is the list's head.
    int32_t older
    int32_t newer
    int32_t held


cdef class IntentTable:
    cdef Cell* _cells
    cdef readonly int64_t saved
    cdef int32_t _slots
    cdef bint _amend_replaces
    #: Commands of each operation that a full drain would give.
    cdef int64_t _counts[3]
    #: Cells with the URGENT flag, and those of them that hold a cancel.
    cdef int64_t _urgent
    cdef int64_t _urgent_cancels
    #: The drain that is open: where it stands, what it takes and how much of that it still may.
    cdef int32_t _at
    cdef bint _urgent_pass
    cdef int64_t _left
    #: What :meth:`take` has taken last.
    cdef readonly int taken_op
    cdef readonly int32_t taken_slot
    cdef readonly int32_t taken_flags
    cdef readonly int64_t taken_price_ticks
    cdef readonly int64_t taken_lots
    cdef readonly int64_t taken_client_id

    cdef int32_t _slot_of(self, object value) except -1
    cdef void _link(self, int32_t slot) noexcept nogil
    cdef void _unlink(self, int32_t slot) noexcept nogil
    cdef void _tally(self, const Cell* cell, int sign) noexcept nogil
    cdef int64_t _merge(self, int32_t at, Cell* newer) noexcept nogil
    cdef int32_t _read(
        self, Cell* newer, object op, object slot, object flags, object price_ticks, object lots,
        object client_id,
    ) except -1
    cdef int _take_all(self, list out, int op, int64_t limit) except -1
    cdef void _hand_out(self, int32_t at, Cell* cell) noexcept nogil

    # Python may call these too, but hands them integers only: C has no other numbers.
    cpdef int put_fields(
        self, int op, int64_t slot, int64_t flags, int64_t price_ticks, int64_t lots,
        int64_t client_id,
    ) except -1
    cpdef int64_t clear(self, slot) except -1
    cpdef int64_t count(self, op) except -1
    cpdef int64_t urgent_cancels(self) noexcept
    cpdef tuple peek(self, slot)
    cpdef list held_slots(self)
    cpdef void open_drain(self, int op, int64_t limit) except *
    cpdef bint take(self) noexcept
    cpdef bint take_at(self, int op, int64_t slot) except -1
    cpdef bint split(self, int64_t slot, int64_t flags, int64_t client_id) except -1
