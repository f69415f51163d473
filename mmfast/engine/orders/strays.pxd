"""C types of strays.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.by_id cimport IdTable
from mmfast.engine.orders.order cimport Order
from mmfast.engine.orders.order_states cimport is_cancellable


@cython.final
cdef class Strays:
    cdef IdTable _orders
    cdef IdTable _homeless
    cdef readonly int64_t adopted

    cpdef void add(self, Order order) except *
    cpdef void look_again(self, Order order) except *
    cpdef void drop(self, Order order) except *
    cpdef list homeless(self)
    cpdef bint has_homeless(self) except -1
