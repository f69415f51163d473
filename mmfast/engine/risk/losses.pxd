"""C types of losses.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast.engine.orders.inventory cimport Inventory, Position
from mmfast.engine.market.market cimport Market


@cython.final
cdef class Result:
    cdef public object max_drawdown_e8
    cdef public object max_loss_e8
    cdef public object net_base_e8
    cdef public object open_base_e8
    cdef public object open_e8
    cdef public object peak_e8
    cdef public object result_e8

    cdef bint is_beyond(self) except -1


@cython.final
cdef class LossStop:
    cdef Market _market
    cdef Inventory _inventory
    cdef list _results
    cdef int _unvalued
    cdef readonly Result whole
    cdef object _day
    cdef object _offset_ns
    cdef bint _asked
    cdef bint _halted

    @cython.locals(instrument=int, reason=str)
    cpdef str look(self, int64_t now_ns)
    cpdef str look_at(self, int instrument)
    cdef void _turn_day(self, now_ns) except *
    @cython.locals(result=Result, position=Position)
    cdef void _begin(self) except *
    @cython.locals(result=Result, whole=Result, position=Position, mid_x2=int64_t)
    cdef str _value(self, int instrument)
    @cython.locals(whole=Result)
    cdef str _tell(self, str reason)
