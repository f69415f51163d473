"""C types of terms.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.wide cimport product_greater


@cython.final
cdef class Terms:
    cdef readonly str symbol
    cdef readonly int levels
    cdef readonly int64_t half_spread_e4
    cdef readonly int64_t level_step_e4
    cdef readonly int64_t skew_e4
    cdef readonly int64_t tolerance_e4
    cdef readonly int64_t price_collar_e4
    cdef readonly int64_t max_distance_e4
    cdef readonly int64_t order_lots
    cdef readonly int64_t max_order_lots
    cdef readonly int64_t max_position_lots
    cdef readonly int64_t min_price_ticks
    cdef readonly int64_t max_price_ticks
    cdef readonly int64_t least_lots
    cdef readonly int64_t most_lots
    cdef readonly int64_t least_tick_lots
    cdef readonly int64_t most_tick_lots

    cpdef bint below_minimum(self, int64_t price_ticks, int64_t lots) noexcept
    cpdef bint too_valuable(self, int64_t price_ticks, int64_t lots) noexcept
    cpdef bint outside_range(self, int64_t price_ticks) noexcept
