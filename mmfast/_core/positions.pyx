"""Rows of the private stream about our positions; the short way only, as :mod:`rows` says."""

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cpython.object cimport PyObject
from libc.stdint cimport int64_t
from libc.string cimport memset

from mmfast._core.rows cimport (
    DROPPED, E8_DECIMALS, KEPT, ODD, P_AVG_PRICE, P_CATEGORY, P_ENTRY_PRICE, P_IDX,
    P_REQUIRED, P_SIDE, P_SIZE, P_SYMBOL, P_TEXTS, P_UPDATED_TIME, POSITION_FIELDS, ROOM, ROW_END,
    STRETCH_END, Block, Frames, Market, Trace, checked, is_text, next_field, plain_text, steps_of, time_of,
)
from mmfast._core.scan cimport Cursor, Span, scan_count, skip_word, take


cdef extern from "Python.h":
    object PyObject_Vectorcall(object call, PyObject** args, size_t count, PyObject* names)


cdef bint scan_position(Cursor* c, Trace* trace, Position* row) noexcept nogil:
    """One row, up to and with its closing brace; False if it is not plain. Null is left to the
    long way."""
    cdef int field
    cdef int place = 0
    cdef int64_t count = 0
    memset(row, 0, sizeof(Position))
    row.seq = -1
    if not take(c, c"{"):
        return False
    while True:
        field = next_field(c, trace, place, False)
        place += 1
        if field == STRETCH_END:
            continue
        if field == ROW_END:
            return row.seen & P_REQUIRED == P_REQUIRED
        if field < 0 or row.seen >> field & 1:
            return False
        row.seen |= 1u << field
        if field < P_TEXTS:
            if not plain_text(c, &row.texts[field]):
                return False
        elif field == P_IDX:
            if not scan_count(c, &count) or count != 0:
                return False
        elif not skip_word(c, b"-1", 2) and not scan_count(c, &row.seq):
            return False


@cython.final
cdef class PositionBlock(Block):
    """Rows of positions; see the stub."""

    def __dealloc__(self):
        PyMem_Free(self._lines)

    cdef PositionLine* _add(self) except NULL:
        cdef PositionLine* lines
        if self._count == self._room:
            lines = <PositionLine*>PyMem_Realloc(
                self._lines, (self._room + ROOM) * 2 * sizeof(PositionLine)
            )
            if lines == NULL:
                raise MemoryError
            self._lines = lines
            self._room = (self._room + ROOM) * 2
        return &self._lines[self._count]

    cpdef Py_ssize_t instrument(self, Py_ssize_t row) except? -1:
        return self._lines[checked(row, self._count)].instrument

    cpdef int64_t lots(self, Py_ssize_t row) except? -1:
        return self._lines[checked(row, self._count)].lots

    cpdef int64_t seq(self, Py_ssize_t row) except? -1:
        return self._lines[checked(row, self._count)].seq

    cdef object _message(self, Py_ssize_t row):
        cdef PositionLine* line = &self._lines[row]
        cdef PyObject* args[POSITION_FIELDS]
        cdef object instrument = line.instrument
        cdef object lots = line.lots
        cdef object value_e8 = line.value_e8
        cdef object updated_ms = line.updated_ms
        cdef object seq = line.seq
        args[0] = <PyObject*>instrument
        args[1] = <PyObject*>lots
        args[2] = <PyObject*>value_e8
        args[3] = <PyObject*>updated_ms
        args[4] = <PyObject*>seq
        return PyObject_Vectorcall(
            self._reader._make, args, 0, <PyObject*>self._reader._names
        )


@cython.final
cdef class PositionRows(Frames):
    """Reads frames of position rows; see the stub."""

    def __cinit__(self, str category not None, make not None, tuple fields not None):
        if len(fields) != POSITION_FIELDS:
            raise ValueError(f"fields: expected {POSITION_FIELDS} names, found {len(fields)}")
        self._category = category.encode("ascii")
        self._root = b"position"
        self._make = make
        self._names = fields

    cdef Block _block(self):
        cdef PositionBlock block = PositionBlock.__new__(PositionBlock)
        block._reader = self
        return block

    cdef int _row(self, Cursor* c, Trace* trace, Block block) except -1:
        cdef Position row
        cdef Market market
        if not scan_position(c, trace, &row):
            return ODD
        market = self._market(&row.texts[P_SYMBOL])
        if market is None:
            return DROPPED
        if not self._is_ours(&row.texts[P_CATEGORY]):
            return ODD
        return KEPT if self._line(&row, market, (<PositionBlock>block)._add()) else ODD

    cdef bint _line(self, Position* row, Market market, PositionLine* line) except -1:
        """A row about us as integers; False if one of its values is not plain."""
        cdef Span* texts = row.texts
        cdef Span* price = &texts[P_ENTRY_PRICE]
        cdef object value_e8
        if not steps_of(&texts[P_SIZE], market.step_decimals, market.step_units, &line.lots):
            return False
        value_e8 = product_e8(price if price.size else &texts[P_AVG_PRICE], &texts[P_SIZE])
        if value_e8 is None:
            return False
        if line.lots and not is_text(&texts[P_SIDE], b"Buy", 3):
            if not is_text(&texts[P_SIDE], b"Sell", 4):
                return False
            line.lots = -line.lots
        line.instrument = market.index
        line.value_e8 = value_e8
        line.updated_ms = time_of(&texts[P_UPDATED_TIME])
        line.seq = row.seq
        return True


cdef object product_e8(const Span* left, const Span* right):
    """The product in 1e-8, rounded once and half up; None if a number is not plain, or the
    product beyond 64 bits. No text is 0."""
    cdef int64_t units[2]
    cdef int decimals[2]
    cdef object product, scale
    if left.size == 0 or right.size == 0:
        return 0
    if not plain_number(left, &units[0], &decimals[0]):
        return None
    if not plain_number(right, &units[1], &decimals[1]):
        return None
    if units[0] == 0 or units[1] == 0:
        return 0
    product = <object>units[0] * <object>units[1]
    if decimals[0] + decimals[1] <= E8_DECIMALS:
        product *= 10 ** <object>(E8_DECIMALS - decimals[0] - decimals[1])
    else:
        scale = 10 ** <object>(decimals[0] + decimals[1] - E8_DECIMALS)
        product = (2 * product + scale) // (2 * scale)
    return product if product < 1 << <object>63 else None
