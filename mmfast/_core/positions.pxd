"""C types of positions.pyx."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.rows cimport NUMBER_SIZE, Block, Frames, Market
from mmfast._core.scan cimport Span


cdef struct Position:
    #: Which fields were met, as bits.
    unsigned int seen
    Span[7] texts
    int64_t seq


cdef struct PositionLine:
    int64_t instrument
    int64_t lots
    int64_t value_e8
    int64_t updated_ms
    int64_t seq


cdef inline bint plain_number(const Span* text, int64_t* units, int* decimals) noexcept nogil:
    """Digits, and more behind a point if there is one: 18 characters at most, and the first a
    digit."""
    cdef int64_t value = 0
    cdef int behind = -1
    cdef unsigned int digit
    cdef Py_ssize_t at
    if text.size > NUMBER_SIZE:
        return False
    for at in range(text.size):
        if text.start[at] == c"." and behind < 0 and at > 0:
            behind = 0
            continue
        digit = <unsigned int>text.start[at] ^ 48u
        if digit > 9:
            return False
        value = value * 10 + digit
        if behind >= 0:
            behind += 1
    units[0] = value
    decimals[0] = behind if behind > 0 else 0
    return True


@cython.final
cdef class PositionBlock(Block):
    cdef PositionRows _reader
    cdef PositionLine* _lines

    cdef PositionLine* _add(self) except NULL
    cpdef Py_ssize_t instrument(self, Py_ssize_t row) except? -1
    cpdef int64_t lots(self, Py_ssize_t row) except? -1
    cpdef int64_t seq(self, Py_ssize_t row) except? -1

@cython.final
cdef class PositionRows(Frames):
    cdef bint _line(self, Position* row, Market market, PositionLine* line) except -1
