"""C types of other_hand.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.rows cimport OrderBlock

cdef int _CANCELLED
cdef int _EPOCH_SHIFT
cdef tuple _FINAL
cdef frozenset _ON_REQUEST


@cython.final
cdef class OtherHand:
    cdef object _ids
    cdef int64_t _epoch
    cdef int64_t _grace_ms
    cdef object _venue_ms
    cdef int64_t _alone_since_ms
    cdef readonly dict _cancelled
    cdef readonly dict _prices

    @cython.locals(row=Py_ssize_t, first=str, reason=str)
    cpdef str rows(self, OrderBlock block)
    @cython.locals(client_id=object, number=int64_t, status=int, expected=bint, prices=tuple)
    cdef str _row(self, OrderBlock block, Py_ssize_t row)
