"""C types of account.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast.engine.counters cimport Counters
from mmfast.engine.holds cimport Holds
from mmfast.engine.inventory cimport Inventory
from mmfast.engine.order cimport Change, Order
from mmfast.engine.order_states cimport is_final
from mmfast.engine.orders cimport OrderTable
from mmfast.engine.rotation cimport Rotation

cdef tuple _OURS_TO_END
cdef int _LIVE
cdef int _UNKNOWN
cdef int _FILLED
cdef int _CANCELLED
cdef int _REJECTED
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
cdef class Account:
    cdef object _instruments
    cdef OrderTable _orders
    cdef Inventory _inventory
    cdef Counters _counters
    cdef object _outbox
    cdef Rotation _dirty
    cdef Holds _holds
    cdef int64_t _booking_ns
    cdef int64_t _booking_reads
    cdef readonly list acks
    cdef readonly object fills
    cdef public bint ask_all
    cdef readonly int64_t foreign_open

    @cython.locals(tick_id=int64_t, sent_ns=int64_t, commands=tuple)
    cpdef void on_reply(self, reply, int64_t now_ns) except *
    @cython.locals(op=int, instrument=int, client_id=object, result=int, change=Change)
    cdef void _on_item(
        self, command, item, int64_t tick_id, int64_t sent_ns, int64_t now_ns
    ) except *
    cdef void _count_ack(self, int op, int instrument) except *
    cdef void _count_refusal(self, command, int outcome, item, int64_t now_ns) except *
    @cython.locals(change=Change)
    cpdef void on_update(self, update, int64_t now_ns) except *
    cdef void _watch_refusal(self, Change change, update, int64_t now_ns) except *
    @cython.locals(change=Change)
    cpdef void on_execution(self, execution, int64_t now_ns) except *
    @cython.locals(order=Order)
    cpdef void ask_due(self, int64_t now_ns) except *
    cdef void _ask(self, Order order) except *
    @cython.locals(after=int, instrument=int)
    cdef void _follow(self, Change change) except *
    cdef void _count_end(self, int code) except *
