"""C types of endings.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.by_id cimport IdMemory
from mmfast._core.tuples cimport named
from mmfast.engine.orders.order cimport Order, bit_of

cdef int64_t _NEVER_MS
cdef int64_t _PRESUMED
cdef int64_t _UNHEARD
cdef int _FILLED
cdef int _PLACE
cdef int _AMEND
cdef int _NOT_SENT
cdef int _LOCAL_REJECT
cdef int _MAX_UNTOLD


@cython.final
cdef class Endings:
    cdef IdMemory _horizons
    cdef list _untold

    cpdef bint has_ended(self, int64_t client_id) except -1
    @cython.locals(horizon_ms=int64_t)
    cpdef void note(self, Order order, int event) except *
    cpdef void declined(self, Order order, int op, int outcome) except *
    cpdef void undone(self, Order order) except *
    cdef void _refused(self, Order order, int ops, evidence) except *
    cpdef list take(self)
    @cython.locals(horizon_ms=int64_t)
    cpdef bint is_late(self, update) except -1
    cpdef bint is_presumed(self, int64_t client_id) except -1
