"""C types of outcomes.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.acks cimport Accepted
from mmfast.engine.counters cimport Counters
from mmfast.engine.risk.holds cimport Holds
from mmfast.engine.orders.order cimport Change, Order
from mmfast.engine.orders.order_states cimport is_final
from mmfast.engine.orders.orders cimport OrderTable
from mmfast.engine.rotation cimport Rotation

cdef int _LIVE
cdef int _FILLED
cdef int _CANCELLED
cdef int _EXPIRED_UNSENT
cdef int _CANCEL
cdef int _AMEND
cdef int _PLACE
cdef int _ACK
cdef int _LOST
cdef int _REJECT
cdef int _THROTTLED
cdef int _GONE


@cython.final
cdef class Outcomes:
    cdef object _instruments
    cdef OrderTable _orders
    cdef Counters _counters
    cdef object _outbox
    cdef Rotation _dirty
    cdef Holds _holds
    cdef readonly list acks

    @cython.locals(tick_id=int64_t, sent_ns=int64_t, commands=tuple)
    cpdef void on_reply(self, reply, int64_t now_ns) except *
    @cython.locals(after=int, instrument=int)
    cpdef void moved(self, Order order, int before) except *
    @cython.locals(orders=OrderTable, order=Order, before=int, row=Py_ssize_t)
    cdef void _on_accepted(
        self, Accepted items, int op, int64_t tick_id, int64_t sent_ns, int64_t now_ns
    ) except *
    @cython.locals(op=int, instrument=int, client_id=int64_t, result=int, change=Change)
    cdef void _on_item(
        self, command, item, int64_t tick_id, int64_t sent_ns, int64_t now_ns
    ) except *
    cdef void _count_ack(self, int op, int instrument) except *
    cdef void _count_refusal(self, command, int outcome, item, int64_t now_ns) except *
    cdef void _count_end(self, int code) except *
