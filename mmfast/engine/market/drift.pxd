"""C types of drift.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.wide cimport product_greater

cdef int64_t _ONE_E4


@cython.final
cdef class DriftLimit:
    cdef int64_t most_e4
    cdef int64_t half_ns
    cdef int64_t pause_ns

    cpdef void set_limits(self, params) except *


@cython.final
cdef class Drift:
    cdef readonly int64_t paused_until_ns
    cdef int64_t _since_ns
    cdef int64_t _low
    cdef int64_t _high
    cdef int64_t _old_low
    cdef int64_t _old_high

    cpdef void forget(self) except *
    @cython.locals(low=int64_t, high=int64_t)
    cpdef bint too_far(self, int64_t mid_x2, int64_t now_ns, DriftLimit limit) except -1
    cdef void _begin(self, int64_t mid_x2, int64_t now_ns) except *
