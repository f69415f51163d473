"""C types of other_hand.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.by_id cimport IdMemory
from mmfast._core.rows cimport OrderBlock

cdef int _CANCELLED
cdef int _EPOCH_SHIFT
cdef int64_t _UNHEARD
cdef bytes _FINAL
cdef frozenset _ON_REQUEST


@cython.final
cdef class OtherHand:
    cdef object _ids
    cdef int64_t _epoch
    cdef int64_t _grace_ms
    cdef object _venue_ms
    cdef int64_t _alone_since_ms
    cdef readonly IdMemory _cancelled
    cdef readonly IdMemory _placed
    cdef readonly dict _amended

    @cython.locals(first=int64_t)
    cdef bint _may_stand_at(self, int64_t client_id, int64_t price_ticks) except -1
    cdef bint _forget(self, int64_t client_id) except -1
    @cython.locals(row=Py_ssize_t, first=str, reason=str)
    cpdef str rows(self, OrderBlock block)
    @cython.locals(client_id=int64_t, status=int, expected=bint)
    cdef str _row(self, OrderBlock block, Py_ssize_t row)
