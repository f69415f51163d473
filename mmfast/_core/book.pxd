"""Order book of one instrument, fed with the venue's own frames as bytes."""

from libc.stdint cimport int64_t

from mmfast._core.ladder cimport Ladder, Level
from mmfast._core.scan cimport Cursor


cdef struct Frame:
    unsigned int seen
    bint snapshot
    int64_t update_id
    int64_t seq
    int64_t ts_ms
    int64_t cts_ms
    Py_ssize_t changes[2]


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
    #: Changes of the frame being read: nothing is applied before all of it is understood.
    cdef Level* _changes[2]
    cdef Py_ssize_t _change_room
    cdef Py_ssize_t _depth
    cdef int _tick_decimals
    cdef int _step_decimals
    cdef int64_t _tick_units
    cdef int64_t _step_units
    cdef bytes _symbol
    cdef bytes _topic
    cdef const char* _symbol_text
    cdef Py_ssize_t _symbol_size
    cdef const char* _topic_text
    cdef Py_ssize_t _topic_size

    cdef int _scan_frame(self, Cursor* c, Frame* frame) noexcept nogil
    cdef int _scan_top(self, Cursor* c, Frame* frame) noexcept nogil
    cdef int _scan_data(self, Cursor* c, Frame* frame) noexcept nogil
    cdef int _scan_levels(self, Cursor* c, Frame* frame, int side) noexcept nogil
    cdef int _publish(self) noexcept nogil
