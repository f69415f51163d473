"""C types of dispatch.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast.engine.quoting.bus cimport CommandBus
from mmfast.engine.counters cimport Counters
from mmfast.engine.orders.draft cimport Draft
from mmfast.engine.orders.order cimport Order
from mmfast.engine.orders.orders cimport OrderTable
from mmfast.engine.planning.planner cimport Planner
from mmfast.engine.planning.ranking cimport Ranking
from mmfast.engine.risk.risk cimport Risk
from mmfast.ids cimport ClientIds

cdef int _CANCEL
cdef int _AMEND
cdef int _PLACE
cdef int _LIVE
cdef int _NO_SLOT
cdef int _URGENT
cdef int _AMEND_PRICE
cdef int _AMEND_QTY
cdef int _AMENDS
cdef int _POST_ONLY
cdef int _TRADING
cdef int _KEPT_BY_AMEND


@cython.final
cdef class Dispatcher:
    cdef CommandBus _bus
    cdef OrderTable _orders
    cdef Risk _risk
    cdef Planner _planner
    cdef Counters _counters
    cdef object _outbox
    cdef Ranking _ranking
    cdef ClientIds _ids
    cdef Draft _draft
    cdef dict _alerted
    cdef dict _silent_until_ns

    @cython.locals(homeless=list, bus=CommandBus, urgent=int64_t, cancels=int64_t,
                   amends=int64_t, ordinary=int64_t, places=int64_t, leaving=list, batches=list, op=int,
                   limit=int64_t)
    cpdef list batches(self, int64_t tick_id, int64_t now_ns)
    @cython.locals(draft=Draft)
    cdef object _cancel_homeless(self, Order order, int64_t tick_id, int64_t now_ns)
    @cython.locals(draft=Draft, kept=int64_t)
    cdef void _drain(
        self, list leaving, int op, int64_t limit, int64_t tick_id, int64_t now_ns
    ) except *
    @cython.locals(draft=Draft, slots=list, reducing=int64_t, at=int64_t, slot=int)
    cdef void _drain_best(
        self, list leaving, int op, int64_t limit, int64_t kept, int64_t tick_id, int64_t now_ns
    ) except *
    @cython.locals(bus=CommandBus, spare=int64_t, draft=Draft, at=int64_t, slot=int)
    cdef void _move_by_replacing(
        self, int64_t cancels, int64_t amends, int64_t places, int64_t now_ns
    ) except *
    @cython.locals(order=Order, control=str)
    cdef bint _admit(self, Draft draft, int64_t tick_id, int64_t now_ns) except -1
    cdef void _refuse(self, Draft draft, str control, int64_t now_ns) except *
    cdef void _lower_alerts(self, int instrument) except *
    @cython.locals(batches=list)
    cdef list _pack(self, int op, list leaving, int64_t tick_id, int64_t now_ns)


cdef bint _is_overtaken(Draft draft, Order order) except -1
