"""C types of orders.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.by_id cimport IdTable
from mmfast._core.rows cimport OrderBlock
from mmfast.engine.orders.draft cimport Draft
from mmfast.engine.orders.endings cimport Endings
from mmfast.engine.orders.evidence cimport (
    end_of_status, event_of_outcome, expects_reply, is_open_status, judge,
)
from mmfast.engine.orders.open_sums cimport OpenSums
from mmfast.engine.orders.order cimport Change, Order, bit_of, changed, placed
from mmfast.engine.orders.order_states cimport following, is_final, is_in_flight
from mmfast.engine.orders.strays cimport Strays

cdef int _PLACED
cdef int _LIVE
cdef int _AMENDED
cdef int _CANCEL_ACKED
cdef int _UNKNOWN
cdef int _AMEND
cdef int _CANCEL
cdef int _ACKED
cdef int _ACK
cdef int _SEND_AMEND
cdef int _SEND_CANCEL
cdef int _REFUSED
cdef int _UNSENT
cdef int _TRADED
cdef int _MISSING
cdef int _ABSENT
cdef int _VANISHED
cdef int _NO_SLOT
cdef int _LEVELS
cdef int64_t _NEVER_NS
cdef int64_t _CONFIRM_NS


@cython.final
cdef class OrderTable:
    cdef IdTable _orders
    cdef readonly Strays strays
    cdef IdTable _unbooked
    cdef readonly Endings endings
    cdef readonly list by_slot
    cdef readonly int levels
    cdef readonly list open_lots
    cdef readonly OpenSums sums
    cdef readonly int64_t expiry_ns
    cdef readonly int64_t next_resolve_ns

    cpdef Order get(self, int64_t client_id)
    cpdef Py_ssize_t count(self) except -1

    @cython.locals(client_id=int64_t, slot=int, ended=bint, holder=Order, order=Order)
    cpdef Order place(self, Draft draft, int64_t tick_id, int64_t now_ns)
    @cython.locals(order=Order)
    cpdef void amend(self, Draft draft, int64_t tick_id, int64_t now_ns) except *
    cpdef void cancel(self, int64_t client_id, int64_t tick_id, int64_t now_ns) except *

    @cython.locals(order=Order, event=int)
    cpdef Change on_reply(
        self, int op, int64_t client_id, int outcome, str venue_id, int64_t tick_id, int64_t sent_ns,
        int64_t now_ns
    )
    cpdef bint on_ack(
        self, Order order, int op, int64_t tick_id, int64_t sent_ns, int64_t now_ns
    ) except -1
    @cython.locals(order=Order, cum_lots=int64_t, before=int)
    cpdef Change on_update(self, told, int64_t now_ns)
    @cython.locals(status=int, cum_lots=int64_t)
    cpdef int on_row(
        self, Order order, OrderBlock block, Py_ssize_t row, int64_t now_ns
    ) except -1
    @cython.locals(final=int, event=int)
    cdef int _report(
        self, Order order, int status, int64_t price_ticks, int64_t lots, int64_t updated_ms,
        int64_t asked_ns, int64_t now_ns
    ) except -1
    @cython.locals(order=Order, change=Change)
    cpdef Change on_execution(self, int64_t client_id, int64_t lots, int64_t now_ns)
    @cython.locals(order=Order)
    cpdef Change on_absent(self, int64_t client_id, int64_t now_ns)
    cpdef Change on_missing(self, Order order, int64_t now_ns)
    @cython.locals(order=Order)
    cpdef Order adopt(self, update, int64_t now_ns)
    @cython.locals(order=Order)
    cpdef void credit(self, int64_t client_id, int64_t lots) except *

    @cython.locals(order=Order, orders=list, due=list, next_ns=int64_t)
    cpdef list due_for_resolve(self, int64_t now_ns)

    @cython.locals(order=Order)
    cdef Order _own(self, int64_t client_id)
    cdef void _send(
        self, Order order, int op, int event, int64_t tick_id, int64_t now_ns
    ) except *
    cdef Change _step(self, Order order, int event, int64_t now_ns)
    @cython.locals(before=int, after=int)
    cdef int _meet(self, Order order, int event, int64_t now_ns) except -1
    @cython.locals(code=int)
    cdef void _schedule(self, Order order, int64_t now_ns) except *
    @cython.locals(client_id=int64_t)
    cdef void _end(self, Order order, int event) except *
    cdef void _unseat(self, Order order) except *
    @cython.locals(worst=int64_t)
    cdef void _count(self, Order order) except *
