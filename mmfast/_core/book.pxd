"""Order book of one instrument, fed with the venue's own frames as bytes."""

from libc.stdint cimport int64_t

from mmfast._core.frame cimport Shape
from mmfast._core.ladder cimport Ladder


cdef class Book:
    cdef readonly bint valid
    cdef readonly int64_t update_id
    cdef readonly int64_t seq
    cdef readonly int64_t cts_ms
    cdef readonly int64_t ts_ms
    cdef readonly int64_t bid_ticks
    cdef readonly int64_t bid_lots
    cdef readonly int64_t ask_ticks
    cdef readonly int64_t ask_lots
    cdef Ladder _sides[2]
    cdef Shape _shape
    cdef Py_ssize_t _depth
    cdef bytes _symbol
    cdef bytes _topic
    cdef bytes _front
    cdef bytes _middle

    cpdef int apply(self, bytes frame) except -1
    cpdef int64_t mid_x2(self) noexcept
    cpdef int64_t microprice_x256(self) noexcept
    cdef int _publish(self) noexcept nogil
