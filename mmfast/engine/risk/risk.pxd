"""C types of risk.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.leaving cimport LeavingCheck
from mmfast._core.wide cimport product_greater
from mmfast.engine.orders.doubts cimport Doubts
from mmfast.engine.orders.draft cimport Draft
from mmfast.engine.risk.exposure cimport Exposure
from mmfast.engine.orders.inventory cimport Inventory, Position
from mmfast.engine.market.market cimport Market
from mmfast.engine.orders.order cimport Order
from mmfast.engine.orders.order_states cimport is_cancellable
from mmfast.engine.orders.orders cimport OrderTable
from mmfast.engine.quoting.terms cimport Terms

cdef int _REDUCE_ONLY
cdef int _TRADING
cdef int _REDUCING
cdef int _CANCEL
cdef int _AMEND
cdef int _LIVE
cdef int64_t _ONE_E4
cdef int _LEVELS


@cython.final
cdef class Facts:
    cdef Terms terms
    cdef int index
    cdef int64_t now_ns
    cdef int mode
    cdef str status
    cdef str pull
    cdef bint doubtful
    cdef int64_t mid_x2
    cdef int64_t reference_x2
    cdef int side
    cdef int flags
    cdef int64_t price
    cdef int64_t leaves_lots
    cdef int64_t adds_lots
    cdef int64_t held_lots
    cdef int64_t open_lots


cdef bint _wrong_mode(Facts f) except -1
cdef bint _grows(Facts f) except -1
cdef bint _too_large(Facts f) except -1
cdef bint _outside_collar(Facts f) except -1
@cython.locals(beyond_x2=int64_t)
cdef bint _beyond(Facts f, int64_t reference_x2) except -1
@cython.locals(distance_x2=int64_t)
cdef bint _too_far(Facts f) except -1
cdef bint _over_position(Facts f) except -1
@cython.locals(worst=int64_t)
cdef bint _over_open_position(Facts f) except -1
cdef str _unfounded(Facts f)
cdef str refusing(Facts f)
@cython.locals(there=int64_t)
cdef bint _meets(Order order, int side, int64_t price) except -1
@cython.locals(seats=int)
cdef bint _repeats(Order order, Facts f, int slot) except -1
@cython.locals(first=int, other=int)
cdef str clashing(Facts f, OrderTable orders, int slot, bint is_place)
@cython.locals(order=Order)
cdef str _clashing_homeless(Facts f, OrderTable orders, int slot, bint is_place)


@cython.final
cdef class Risk:
    cdef Market _market
    cdef OrderTable _orders
    cdef Inventory _inventory
    cdef LeavingCheck _leaving
    cdef list _terms
    cdef Facts _facts
    cdef int64_t _flush
    cdef list _shown
    cdef readonly Exposure exposure
    cdef public int mode
    cdef readonly list status

    @cython.locals(refusal=str)
    cpdef str check(self, Draft draft, Order order, int64_t now_ns)
    @cython.locals(f=Facts, index=int, side=int, lots=int64_t, position=int64_t,
                   worst=int64_t)
    cdef void _gather(self, Draft draft, Order amended, int64_t now_ns) except *
    @cython.locals(f=Facts)
    cdef void _look_at(self, int index, int64_t now_ns) except *
    @cython.locals(order=Order)
    cpdef bint opens(self, command) except -1
    @cython.locals(control=str, order=Order, reduces=bint)
    cpdef str worst_case_objection(self, commands)
    cpdef void begin(self) except *
