"""C types of ranking.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.book cimport Book
from mmfast._core.wide cimport mul_div
from mmfast.engine.bus cimport CommandBus
from mmfast.engine.draft cimport Draft
from mmfast.engine.inventory cimport Inventory
from mmfast.engine.market cimport Market
from mmfast.engine.order cimport Order
from mmfast.engine.orders cimport OrderTable
from mmfast.engine.terms cimport Terms
from mmfast.engine.worth cimport (
    aged_e10, decayed_e10, distance_e10, life_e10, of_cancel, of_move, of_place, queue_e10,
    stake_e8,
)

cdef int _CANCEL
cdef int _AMEND
cdef int _URGENT
cdef int _REDUCE_ONLY
cdef int _LEVELS
cdef int _SLOTS
cdef int64_t _ONE_E4
cdef int _MOST_RANKED
cdef int64_t _FIRST
cdef int64_t _MOVE_E10
cdef int64_t _WHOLE


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
    cdef int _instrument
    cdef int64_t _start
    cdef int64_t _fair_x256
    cdef int64_t _age_ns
    cdef int64_t _stale_ns
    cdef int64_t _life
    cdef readonly int64_t first

    @cython.locals(ranked=list, at=int, slot=int, worth=int64_t)
    cpdef list best(self, int op, int64_t now_ns)
    @cython.locals(instrument=int, side=int, held=int64_t, terms=Terms, open_lots=int64_t)
    cpdef bint has_room(self, int slot, int64_t lots) except -1
    @cython.locals(slots=list, count=int64_t, start=int64_t)
    cdef list _candidates(self)
    @cython.locals(instrument=int, worth=int64_t)
    cdef int64_t _worth(self, Draft draft, int64_t now_ns) except? -1
    @cython.locals(terms=Terms, held=int64_t, against=int64_t)
    cdef bint _reduces(self, Draft draft) except -1
    @cython.locals(order=Order, terms=Terms, half_x256=int64_t, edge_x256=int64_t,
                   wanted_x256=int64_t, stake=int64_t, queue_then=int64_t, distance=int64_t)
    cdef int64_t _of_command(self, Draft draft) except? -1
    @cython.locals(resting=int64_t, added=int64_t)
    cdef int64_t _of_resize(
        self, int64_t stake, int64_t distance, Draft draft, Order order
    ) except? -1
    @cython.locals(book=Book, pace=Pace, terms=Terms, tolerance=int64_t)
    cdef void _look_at(self, int instrument, int64_t now_ns) except *
    @cython.locals(behind=int64_t)
    cdef int64_t _edge_x256(self, int side, int64_t price_ticks) except? -1
    @cython.locals(distance=int64_t)
    cdef int64_t _distance(self, int side, int64_t price_ticks, int64_t wanted_x256) except? -1
    @cython.locals(book=Book, ahead=int64_t)
    cdef int64_t _queue_then(self, Draft draft, int64_t wanted_x256) except -1
    @cython.locals(book=Book, leaves=int64_t, others=int64_t)
    cdef int64_t _queue_now(self, Order order, int64_t wanted_x256) except -1
