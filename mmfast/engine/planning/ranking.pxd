"""C types of ranking.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.book cimport Book
from mmfast._core.wide cimport mul_div
from mmfast.engine.quoting.bus cimport CommandBus
from mmfast.engine.orders.draft cimport Draft
from mmfast.engine.orders.inventory cimport Inventory
from mmfast.engine.market.market cimport Market
from mmfast.engine.orders.order cimport Order
from mmfast.engine.orders.orders cimport OrderTable
from mmfast.engine.quoting.terms cimport Terms
from mmfast.engine.planning.worth cimport Facts, decayed_e10, decide, life_e10

cdef int _CANCEL
cdef int _AMEND
cdef int _URGENT
cdef int _REDUCE_ONLY
cdef int64_t _ONE_E4
cdef int _MOST_RANKED
cdef int64_t _FIRST
cdef int _KEEP
cdef int _REPLACE
cdef int64_t _MOVE_E10


@cython.final
cdef class Pace:
    cdef int64_t fair_x256
    cdef int64_t moves_e10
    cdef int64_t seen_ns


@cython.final
cdef class Ranking:
    cdef CommandBus _bus
    cdef Market _market
    cdef OrderTable _orders
    cdef Inventory _inventory
    cdef list _terms
    cdef list _pace
    cdef Draft _draft
    cdef Facts _facts
    cdef int _instrument
    cdef int64_t _start
    cdef int64_t _fair_x256
    cdef readonly int64_t first

    @cython.locals(ranked=list, at=int, slot=int, way=int, worth=int64_t)
    cpdef list best(self, int op, int64_t now_ns)
    @cython.locals(way=int)
    cpdef bint replaces(self, Draft draft, int64_t now_ns) except -1
    @cython.locals(held=int64_t, terms=Terms, open_lots=int64_t)
    cdef bint _bears(self, Draft draft) except -1
    @cython.locals(slots=list, count=int64_t, start=int64_t)
    cdef list _candidates(self)
    @cython.locals(facts=Facts, book=Book, order=Order, at_its_price=int64_t)
    cdef void _gather(self, Draft draft, int64_t now_ns) except *
    @cython.locals(terms=Terms, held=int64_t, against=int64_t)
    cdef bint _reduces(self, Draft draft) except -1
    @cython.locals(book=Book, pace=Pace, terms=Terms, tolerance=int64_t, facts=Facts)
    cdef void _look_at(self, int instrument, int64_t now_ns) except *
    @cython.locals(behind=int64_t)
    cdef int64_t _edge_x256(self, int side, int64_t price_ticks) except? -1
