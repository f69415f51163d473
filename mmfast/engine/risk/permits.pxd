"""C types of permits.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast.engine.orders.doubts cimport Doubts
from mmfast.engine.risk.exposure cimport Exposure
from mmfast.engine.risk.holds cimport Holds
from mmfast.engine.orders.inventory cimport Inventory
from mmfast.engine.risk.losses cimport LossStop
from mmfast.engine.market.market cimport Market
from mmfast.engine.risk.risk cimport Risk
from mmfast.engine.rotation cimport Rotation


@cython.final
cdef class Permits:
    cdef Market _market
    cdef Inventory _inventory
    cdef Risk _risk
    cdef object _outbox
    cdef object _mode
    cdef object _reentry
    cdef str _stopped
    cdef list _terms
    cdef Holds _holds
    cdef object _breakers
    cdef object _symbols
    cdef int _widen_percent
    cdef bint _widened
    cdef list _doubtful
    cdef str _pulled
    cdef readonly bint quotes_at_all
    cdef readonly bint reduces
    cdef readonly bint halted

    cpdef void set_mode(self, mode) except *
    cpdef void look(self, int64_t now_ns, Rotation dirty) except *
    cpdef bint reduces_only(self, int instrument, int64_t now_ns) except -1
    cpdef void stop(self, str reason) except *
    @cython.locals(passed=str, instrument=int)
    cpdef void watch_losses(
        self, LossStop losses, bint whole, int64_t now_ns, Rotation dirty
    ) except *
    cpdef void set_status(self, rules) except *
    @cython.locals(reason=str)
    cpdef str pull_reason(self, int instrument, int64_t now_ns)
    @cython.locals(reason=str, instrument=int, seen=int, reduces=bint)
    cpdef str objection(self, batch, int64_t now_ns)
