"""C types of doubts.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast.engine.orders.order cimport Order

cdef int _UNKNOWN
cdef tuple _UNSHOWN
cdef int64_t _NEVER_NS


@cython.final
cdef class Doubt:
    cdef Order order
    cdef int code
    cdef int64_t settle_ns
    cdef int64_t since_ns

    cdef bint lasts(self) noexcept


@cython.final
cdef class Doubts:
    cdef dict _orders
    cdef dict _disputes
    cdef int64_t _limit_ns

    @cython.locals(code=int, since_ns=int64_t, known=Doubt)
    cpdef void see(self, Order order, int64_t now_ns) except *
    cpdef void dispute(self, instrument, int64_t now_ns) except *
    cpdef void agree(self, instrument) except *
    @cython.locals(since_ns=int64_t, doubt=Doubt)
    cpdef int64_t since_ns(self, instrument) except? -1
    cpdef bint too_long(self, instrument, int64_t now_ns) except -1
