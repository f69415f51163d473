"""C types of durations.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

cdef int64_t _FINE_HALF
cdef int64_t _FINE_TOP
cdef int64_t _MAX_US
cdef int64_t _US
cdef int64_t _SIZE


@cython.final
cdef class Durations:
    cdef readonly tuple bounds_ms
    cdef list _bounds_ns
    cdef readonly list buckets
    cdef readonly int64_t count
    cdef readonly int64_t max_ns
    cdef readonly object sum_ns
    cdef list _fine
    cdef object _ring

    cpdef void record(self, int64_t duration_ns) except *


@cython.locals(shift=int64_t)
cdef int64_t _fine_index(int64_t value_us) except -1
