"""C types of bus.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.coalesce cimport IntentTable
from mmfast.engine.orders.draft cimport Draft

cdef int _CANCEL
cdef int _AMEND
cdef int _PLACE
cdef int _SLOTS


@cython.final
cdef class CommandBus:
    cdef IntentTable _table
    cdef readonly list wanted
    cdef readonly list coalesced

    @cython.locals(table=IntentTable, cancels=int64_t, saved=int)
    cpdef int put_fields(
        self, int op, int slot, int flags, int64_t price_ticks, int64_t lots,
        int64_t client_id
    ) except -1
    cdef void _count_saved(self, int op, int saved, int64_t more_cancels) except *
    @cython.locals(held=tuple)
    cpdef int clear(self, slot) except -1
    @cython.locals(first=int, slot=int)
    cpdef void clear_instrument(self, int instrument) except *
    @cython.locals(held=tuple)
    cpdef bint waits(self, slot, int op, int64_t price_ticks, int64_t lots) except -1
    @cython.locals(held=tuple)
    cpdef bint waits_to_cancel(self, slot, int flags) except -1
    @cython.locals(held=tuple)
    cpdef bint waits_to_move(
        self, slot, int64_t client_id, int64_t price_ticks, int64_t lots
    ) except -1
    @cython.locals(held=tuple)
    cpdef void clear_place(self, slot) except *
    cpdef void open_drain(self, int op, int64_t limit) except *
    @cython.locals(table=IntentTable)
    cpdef bint take(self, Draft draft) except -1
    @cython.locals(table=IntentTable)
    cdef void _fill(self, Draft draft) except *
    @cython.locals(held=tuple)
    cpdef bint look(self, int op, int slot, Draft draft) except -1
    @cython.locals(table=IntentTable)
    cpdef bint take_at(self, int op, int slot, Draft draft) except -1
    cpdef bint split(self, int slot, int flags, int64_t client_id) except -1
    cpdef list held_slots(self)
    cpdef int64_t count(self, int op) except -1
    cpdef bint is_empty(self) except -1
    cpdef int64_t urgent_cancels(self) except -1
    cpdef list waiting(self)


cdef bint _aims_at(tuple intent, int64_t price_ticks, int64_t lots) except -1
