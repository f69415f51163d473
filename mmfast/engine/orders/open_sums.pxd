"""C types of open_sums.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.wide cimport product_greater
from mmfast.engine.orders.order cimport Order
from mmfast.engine.rotation cimport Rotation

cdef int64_t _MOST_E8
cdef int64_t _NOT_COUNTED


@cython.final
cdef class OpenSum:
    cdef public int64_t unit_e8
    cdef readonly int64_t count
    cdef readonly int64_t open_e8


@cython.final
cdef class OpenSums:
    cdef list _sums
    cdef readonly Rotation moved
    cdef readonly int64_t open_e8

    @cython.locals(one=OpenSum)
    cpdef OpenSum of(self, Py_ssize_t instrument)
    @cython.locals(one=OpenSum)
    cdef void drop(self, Order order) except *
    @cython.locals(one=OpenSum, price=int64_t, worth_e8=int64_t)
    cdef void count(self, Order order) except *


cpdef int64_t value_e8(int64_t lots, int64_t price_ticks, int64_t unit_e8) except -1
