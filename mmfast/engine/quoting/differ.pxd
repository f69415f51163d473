"""C types of differ.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.wide cimport mul_div
from mmfast.engine.quoting.bus cimport CommandBus
from mmfast.engine.orders.order cimport Order
from mmfast.engine.orders.order_states cimport is_cancellable
from mmfast.engine.orders.orders cimport OrderTable
from mmfast.engine.quoting.quoter cimport Level, Quotes
from mmfast.ids cimport ClientIds

cdef int _POST_ONLY
cdef int _PLACE_REDUCING
cdef int _URGENT
cdef int _AMEND_QTY
cdef int _CANCEL
cdef int _AMEND
cdef int _PLACE
cdef int _LIVE
cdef int _LEVELS
cdef int64_t _ONE_E4


@cython.final
@cython.freelist(8)
cdef class Stance:
    cdef readonly bint pulled
    cdef readonly bint holding
    cdef readonly bint reducing


@cython.final
cdef class Differ:
    cdef OrderTable _orders
    cdef CommandBus _bus
    cdef ClientIds _ids
    cdef list _depth
    cdef bint _holding
    cdef bint _moves_by_amend

    cpdef void begin(self) except *
    @cython.locals(bids=list, asks=list, depth=int, first=int, rises=bint)
    cpdef void put(
        self, int instrument, Quotes quotes, int64_t tolerance_e4, Stance stance
    ) except *
    @cython.locals(level=int)
    cdef void _side(
        self, int first, int depth, list levels, int64_t tolerance_e4, Stance stance
    ) except *
    @cython.locals(bid=Order, ask=Order)
    cdef bint _rises(self, int first, list bids, list asks) except -1
    @cython.locals(order=Order)
    cdef void _slot(
        self, int slot, Level target, int64_t tolerance_e4, Stance stance
    ) except *
    cdef void _resize(self, Order order, Level target, Stance stance) except *
    cdef void _amend_size(self, Order order, Level target) except *
    cdef void _move(self, Order order, Level target, Stance stance) except *
    cdef void _only_cancel(self, Order order, int flags) except *
    cdef void _place(self, int slot, Level target, Stance stance) except *
    cdef void _cancel(self, Order order, int flags) except *
    cdef void _forget(self, int slot) except *
    cdef void _forget_place(self, int slot) except *
    cdef bint _waits(self, int slot, int op, int64_t price_ticks, int64_t lots) except -1


cdef Level _at(list levels, Py_ssize_t level)
@cython.locals(tolerance=int64_t)
cdef bint _near(Order order, Level target, int64_t tolerance_e4) except -1
@cython.locals(leaves=int64_t)
cdef bint _enough(Order order, int64_t wanted) except -1
