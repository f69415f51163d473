"""C types of exposure.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.wide cimport mul_div, product_greater
from mmfast.engine.orders.draft cimport Draft
from mmfast.engine.orders.inventory cimport Inventory, Position
from mmfast.engine.market.market cimport Market
from mmfast.engine.orders.open_sums cimport OpenSum, OpenSums, value_e8
from mmfast.engine.orders.order cimport Order
from mmfast.engine.orders.orders cimport OrderTable
from mmfast.engine.rotation cimport Rotation

cdef int64_t _MOST_E8
cdef int64_t _NO_LIMIT
cdef int64_t _ONE_E4
cdef int64_t _WINDOW_NS
cdef int _PLACE
cdef int _REDUCE_ONLY


@cython.final
cdef class MessageRate:
    cdef list _times_ns
    cdef Py_ssize_t _at
    cdef Py_ssize_t _limit

    @cython.locals(oldest_ns=int64_t)
    cpdef bint is_spent(self, int64_t now_ns) except -1
    cpdef void spend(self, int64_t now_ns) except *


@cython.final
cdef class Holding:
    cdef readonly OpenSum sum
    cdef public int64_t lot_e8
    cdef public int64_t mid_x2
    cdef public int64_t worst_lots
    cdef public int64_t worst_e8
    cdef public int64_t max_open_e8
    cdef public int64_t max_orders
    cdef public MessageRate rate


@cython.final
cdef class Exposure:
    cdef Market _market
    cdef OrderTable _orders
    cdef Inventory _inventory
    cdef OpenSums _sums
    cdef list _holdings
    cdef MessageRate _rate
    cdef int64_t _equity_e8
    cdef dict _equity_by_coin
    cdef readonly int64_t worst_e8
    cdef int64_t _max_open_e8
    cdef int64_t _max_orders
    cdef int64_t _max_portfolio_e8
    cdef int64_t _margin_e4
    cdef int64_t _shocked_e4

    @cython.locals(holding=Holding, mid_x2=int64_t, position=int64_t, bought=int64_t,
                   sold=int64_t, worst_e8=int64_t, open_lots=list)
    cpdef void weigh(self, Py_ssize_t instrument) except *
    @cython.locals(holding=Holding, control=str)
    cpdef str refusing(self, Draft draft, Order amended, int64_t adds_lots, int64_t now_ns)
    @cython.locals(instrument=Py_ssize_t)
    cpdef str passed(self)
    @cython.locals(holding=Holding)
    cpdef void reprice(self, Py_ssize_t instrument) except *
    @cython.locals(adds_lots=int64_t, filled=int64_t, held=int64_t)
    cpdef bint builds(self, Order order) except -1
    cdef bint _has_too_many(self, Holding holding) except -1
    @cython.locals(price=int64_t, before_e8=int64_t, lots=int64_t, adds_e8=int64_t)
    cdef bint _is_too_much_open(
        self, Draft draft, Order amended, Holding holding, int64_t adds_lots
    ) except -1
    @cython.locals(instrument=Py_ssize_t, holding=Holding, position=int64_t, held=int64_t, filled=int64_t,
                   worst_e8=int64_t, open_lots=list, side=int)
    cdef str _worst_case(self, Draft draft, int64_t adds_lots)
    cdef str _over(self, int64_t worst_e8)
    cdef void _weigh_all(self, Rotation moved) except *


@cython.locals(two_lots_e8=int64_t, lot_e8=int64_t)
cdef int64_t _lot_e8(int64_t mid_x2, int64_t tick_lot_value_e8, int64_t shocked_e4) except -1
