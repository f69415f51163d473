"""C types of kernel.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.book cimport Book
from mmfast._core.leaving cimport LeavingCheck
from mmfast.engine.account.account cimport Account
from mmfast.engine.account.blocks cimport take_rows
from mmfast.engine.quoting.bus cimport CommandBus
from mmfast.engine.counters cimport Counters
from mmfast.engine.quoting.differ cimport Differ, Stance
from mmfast.engine.planning.dispatch cimport Dispatcher
from mmfast.engine.risk.holds cimport Holds
from mmfast.engine.orders.inventory cimport Inventory
from mmfast.engine.risk.losses cimport LossStop
from mmfast.engine.market.market cimport Market
from mmfast.engine.orders.orders cimport OrderTable
from mmfast.engine.risk.permits cimport Permits
from mmfast.engine.planning.planner cimport Planner
from mmfast.engine.quoting.quoter cimport Ladder, Quotes, reducing
from mmfast.engine.risk.risk cimport Risk
from mmfast.engine.rotation cimport Rotation
from mmfast.engine.quoting.terms cimport Terms

cdef int64_t _NEVER_NS
cdef int _CANCEL


@cython.final
cdef class Kernel:
    cdef object _params
    cdef object _own_strategy
    cdef Ladder _ladder
    cdef Py_ssize_t _at_once
    cdef readonly Counters counters
    cdef readonly object mode
    cdef object _gate
    cdef object _outbox
    cdef Rotation _dirty
    cdef Holds _holds
    cdef readonly Market _market
    cdef readonly OrderTable _orders
    cdef readonly Inventory _inventory
    cdef list _terms
    cdef readonly LeavingCheck leaving
    cdef readonly Risk _risk
    cdef object _reentry
    cdef Permits _permits
    cdef Account _account
    cdef readonly CommandBus _bus
    cdef readonly Planner planner
    cdef Differ _differ
    cdef Dispatcher _dispatcher
    cdef dict _in_air
    cdef list _pending
    cdef int64_t _check_ns
    cdef readonly LossStop losses
    cdef readonly object breakers

    cpdef void on_event(self, event, int64_t now_ns) except *
    cpdef void on_events(self, events, int64_t now_ns) except *
    cdef void _on_rare_event(self, event, int64_t now_ns) except *
    cdef void _on_reply(self, reply, int64_t now_ns) except *
    @cython.locals(instrument=int, batches=list)
    cpdef list flush(self, int64_t now_ns)
    @cython.locals(instrument=int, checks=bint)
    cdef void _look_around(self, int64_t now_ns) except *
    @cython.locals(terms=Terms, quotes=Quotes, stance=Stance, reduces=bint)
    cdef void _decide(self, int instrument, int64_t now_ns) except *
    @cython.locals(position=int64_t, book=Book, fair=int64_t, quotes=Quotes)
    cdef Quotes _quotes(self, int instrument, Terms terms, bint reduces)
    @cython.locals(reason=str)
    cpdef str last_look(self, batch, int64_t now_ns)
    @cython.locals(wake_ns=int64_t, homeless=bint)
    cpdef int64_t next_wake_ns(self, int64_t now_ns) except? -1
    cdef void _set_mode(self) except *
