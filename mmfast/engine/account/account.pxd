"""C types of account.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.rows cimport OrderBlock
from mmfast.engine.counters cimport Counters
from mmfast.engine.risk.holds cimport Holds
from mmfast.engine.orders.inventory cimport Inventory
from mmfast.engine.orders.order cimport Change, Order
from mmfast.engine.orders.orders cimport OrderTable
from mmfast.engine.account.outcomes cimport Outcomes
from mmfast.engine.risk.permits cimport Permits
from mmfast.engine.rotation cimport Rotation

cdef frozenset _UNREMARKABLE
cdef tuple _OURS_TO_END
cdef int64_t _NOT_OURS
cdef int _UNKNOWN
cdef int _CANCELLED
cdef int _REJECTED


@cython.final
cdef class Account:
    cdef object _instruments
    cdef OrderTable _orders
    cdef Inventory _inventory
    cdef Counters _counters
    cdef object _outbox
    cdef Outcomes _outcomes
    cdef Rotation _dirty
    cdef Holds _holds
    cdef Permits _permits
    cdef int64_t _booking_ns
    cdef int64_t _booking_reads
    cdef readonly list acks
    cdef readonly object fills
    cdef public bint ask_all

    cpdef void on_reply(self, reply, int64_t now_ns) except *
    @cython.locals(change=Change)
    cpdef void on_update(self, update, int64_t now_ns) except *
    @cython.locals(client_id=int64_t, order=Order, before=int)
    cpdef void on_row(self, OrderBlock block, Py_ssize_t row, int64_t now_ns) except *
    @cython.locals(after=int)
    cdef void _watch_refusal(
        self, Order order, int before, str reason, int64_t now_ns
    ) except *
    @cython.locals(change=Change)
    cpdef void on_execution(self, execution, int64_t now_ns) except *
    @cython.locals(order=Order)
    cpdef void ask_due(self, int64_t now_ns) except *
    cdef void _ask(self, Order order) except *
    cdef void _follow(self, Change change) except *
