"""C types of rows.pyx, and the short cursor steps that it is made of."""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

from mmfast._core.fixed cimport FINE, mmf_distance, scan_decimal
from mmfast._core.scan cimport Cursor, Span, skip_space, skip_value, take


cdef extern from "text.h" nogil:
    const uint8_t* mmf_text_end(const uint8_t* at, const uint8_t* end) noexcept


cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 most)
    void* text_data "PyUnicode_DATA"(object text)


cdef enum:
    #: The fields of an order row that are read, as places in ``Row.texts``.
    SYMBOL = 0
    ORDER_ID = 1
    SIDE = 2
    STATUS = 3
    CATEGORY = 4
    LINK_ID = 5
    PRICE = 6
    QTY = 7
    CUM_QTY = 8
    LEAVES_QTY = 9
    REJECT_REASON = 10
    CANCEL_TYPE = 11
    UPDATED_TIME = 12
    REDUCE_ONLY = 13
    FIELDS = 14
    #: The first four have to be there, the first five may not be null.
    REQUIRED = 15
    NEVER_NULL = 5
    STATUS_LIMIT = 16
    WORD_LIMIT = 8
    OUR_DIGITS = 16
    TIME_DIGITS = 15
    POSITION_FIELDS = 5
    #: The fields of a position row that are read; texts first, as places in ``Position.texts``.
    P_SYMBOL = 0
    P_SIZE = 1
    P_CATEGORY = 2
    P_SIDE = 3
    P_ENTRY_PRICE = 4
    P_AVG_PRICE = 5
    P_UPDATED_TIME = 6
    P_TEXTS = 7
    P_IDX = 7
    P_SEQ = 8
    P_REQUIRED = 3
    #: What :func:`next_field` answers at the end of a row.
    ROW_END = 32
    #: More of a row is read anew in each.
    STRETCHES = 40
    #: Values between two that are wanted which are compared together, and read anew together.
    STRETCH = 5
    STRETCH_END = 33
    #: What a row gives: a line of its own, nothing, or no way to read it.
    KEPT = 1
    DROPPED = 2
    ODD = 0
    #: Lines of a block at first, and what it grows by.
    ROOM = 8
    E8_DECIMALS = 8
    #: No more digits than fit 64 bits.
    NUMBER_SIZE = 18


cdef struct Trace:
    #: What the row before said between the values that are read, and which value came next.
    #: Rows of one kind say much the same: what is equal is compared and not read again.
    int count
    int field[40]
    const uint8_t* start[40]
    Py_ssize_t size[40]

cdef struct Row:
    #: Which fields were met, as bits.
    unsigned int seen
    bint reduce_only
    #: Absent and null texts are empty, as the venue means them.
    Span[14] texts


cdef inline bint plain_text(Cursor* c, Span* out) noexcept nogil:
    """Printable ASCII within quotes and without an escape."""
    cdef const uint8_t* last
    if not take(c, c'"'):
        return False
    last = mmf_text_end(c.at, c.end)
    if last == NULL:
        return False
    out.start = c.at
    out.size = mmf_distance(c.at, last)
    c.at = last + 1
    return True


cdef inline bint skip_plain(Cursor* c) noexcept nogil:
    """A value that nobody reads."""
    cdef Span ignored
    skip_space(c)
    if c.at < c.end and c.at[0] == c'"':
        return plain_text(c, &ignored)
    return skip_value(c)


cdef inline object text_of(const Span* span):
    """A str of ASCII text."""
    cdef inline object text = PyUnicode_New(span.size, 127)
    if span.size:
        memcpy(text_data(text), span.start, span.size)
    return text


cdef inline bint is_text(const Span* span, const char* text, Py_ssize_t size) noexcept nogil:
    # An absent text has no address to compare at.
    return span.size == size and (size == 0 or memcmp(span.start, text, size) == 0)


cdef inline int field_of(const Span* key) noexcept nogil:
    """Which of our fields a key names, or -1."""
    if key.size == 3:
        return QTY if is_text(key, b"qty", 3) else -1
    if key.size == 4:
        return SIDE if is_text(key, b"side", 4) else -1
    if key.size == 5:
        return PRICE if is_text(key, b"price", 5) else -1
    if key.size == 6:
        return SYMBOL if is_text(key, b"symbol", 6) else -1
    if key.size == 7:
        return ORDER_ID if is_text(key, b"orderId", 7) else -1
    if key.size == 8:
        return CATEGORY if is_text(key, b"category", 8) else -1
    if key.size == 9:
        return LEAVES_QTY if is_text(key, b"leavesQty", 9) else -1
    if key.size == 10:
        if is_text(key, b"cumExecQty", 10):
            return CUM_QTY
        if is_text(key, b"cancelType", 10):
            return CANCEL_TYPE
        return REDUCE_ONLY if is_text(key, b"reduceOnly", 10) else -1
    if key.size == 11:
        if is_text(key, b"orderLinkId", 11):
            return LINK_ID
        if is_text(key, b"orderStatus", 11):
            return STATUS
        return UPDATED_TIME if is_text(key, b"updatedTime", 11) else -1
    if key.size == 12:
        return REJECT_REASON if is_text(key, b"rejectReason", 12) else -1
    return -1


cdef inline bint steps_of(
    const Span* text, int decimals, int64_t unit, int64_t* out
) noexcept nogil:
    """A decimal as whole grid steps; no text is 0."""
    cdef const unsigned char* at = text.start
    cdef const unsigned char* end
    cdef uint64_t units = 0
    if text.size == 0:
        out[0] = 0
        return True
    end = at + text.size
    if scan_decimal(&at, end, decimals, &units) != FINE or at != end:
        return False
    if units >> 63:
        return False
    if unit != 1:
        if units % <uint64_t>unit:
            return False
        units //= <uint64_t>unit
    out[0] = <int64_t>units
    return True


cdef inline int64_t time_of(const Span* text) noexcept nogil:
    """Milliseconds; 0 when they are not told."""
    cdef int64_t value = 0
    cdef unsigned int digit
    cdef Py_ssize_t at
    if text.size > TIME_DIGITS:
        return 0
    for at in range(text.size):
        digit = <unsigned int>text.start[at] ^ 48u
        if digit > 9:
            return 0
        value = value * 10 + digit
    return value


cdef inline int64_t id_of(const Span* text, const char* head, Py_ssize_t size) noexcept nogil:
    """The number in an id of ours; 0 for one that is not ours."""
    cdef uint64_t value = 0
    cdef unsigned int digit
    cdef unsigned char byte
    cdef Py_ssize_t at
    if text.size != size + OUR_DIGITS or memcmp(text.start, head, size) != 0:
        return 0
    for at in range(size, text.size):
        byte = text.start[at]
        digit = <unsigned int>byte ^ 48u
        if digit > 9:
            if not c"a" <= byte <= c"f":
                return 0
            digit = <unsigned int>byte - 87
        value = value << 4 | digit
    return 0 if value >> 63 else <int64_t>value


cdef inline int position_field_of(const Span* key) noexcept nogil:
    """Which field of a position a key names, or -1."""
    if key.size == 3:
        return P_SEQ if is_text(key, b"seq", 3) else -1
    if key.size == 4:
        if is_text(key, b"size", 4):
            return P_SIZE
        return P_SIDE if is_text(key, b"side", 4) else -1
    if key.size == 6:
        return P_SYMBOL if is_text(key, b"symbol", 6) else -1
    if key.size == 8:
        if is_text(key, b"category", 8):
            return P_CATEGORY
        return P_AVG_PRICE if is_text(key, b"avgPrice", 8) else -1
    if key.size == 10:
        return P_ENTRY_PRICE if is_text(key, b"entryPrice", 10) else -1
    if key.size == 11:
        if is_text(key, b"updatedTime", 11):
            return P_UPDATED_TIME
        return P_IDX if is_text(key, b"positionIdx", 11) else -1
    return -1


cdef inline int find_field(Cursor* c, bint orders, bint behind) noexcept nogil:
    """Reads on, from the opening brace or (``behind``) from behind a value, to the next value
    that is wanted; STRETCH_END behind the last of a few others, ROW_END behind the closing brace,
    -1 for what is not plain."""
    cdef Span key
    cdef int field
    cdef int others
    for others in range(STRETCH):
        if behind:
            if take(c, c"}"):
                return ROW_END
            if not take(c, c","):
                return -1
        if not plain_text(c, &key) or not take(c, c":"):
            return -1
        skip_space(c)
        field = field_of(&key) if orders else position_field_of(&key)
        if field >= 0:
            return field
        if not skip_plain(c):
            return -1
        behind = True
    return STRETCH_END


cdef inline int next_field(Cursor* c, Trace* trace, int place, bint orders) noexcept nogil:
    """As :func:`find_field`; ``place`` counts the calls for this row. What stands there was read
    in the row before, at the same place of it, if it is the same to the byte."""
    cdef const uint8_t* start = c.at
    cdef int field
    if place < trace.count and mmf_distance(start, c.end) >= trace.size[place] and (
        memcmp(start, trace.start[place], trace.size[place]) == 0
    ):
        trace.start[place] = start
        c.at += trace.size[place]
        return trace.field[place]
    field = find_field(c, orders, place > 0)
    if place >= STRETCHES:
        return field
    if place >= trace.count or trace.field[place] != field:
        trace.count = place + 1
    trace.field[place] = field
    trace.start[place] = start
    trace.size[place] = mmf_distance(start, c.at)
    return field


cdef class Market:
    cdef bytes symbol
    cdef int64_t index
    cdef int tick_decimals
    cdef int64_t tick_units
    cdef int step_decimals
    cdef int64_t step_units
    #: Whose row came last time behind one of this instrument.
    cdef Market follower


cdef struct OrderLine:
    int64_t client_id
    int64_t instrument
    int64_t price_ticks
    int64_t lots
    int64_t cum_lots
    int64_t leaves_lots
    int64_t updated_ms
    #: 0 for buy, 1 for sell; and the place of the status among the status words.
    int side
    int status
    #: Places among the words that come again and again, or -1.
    int reject_reason
    int cancel_type
    bint reduce_only
    #: Point into the frame.
    Span link_id
    Span venue_id
    Span reject_text
    Span cancel_text

cdef inline Py_ssize_t checked(Py_ssize_t row, Py_ssize_t count) except -1:
    if not 0 <= row < count:
        raise IndexError(f"expected a row below {count}, found {row}")
    return row


cdef class Block:
    cdef bytes _frame
    cdef Py_ssize_t _count
    cdef Py_ssize_t _room

    cdef object _message(self, Py_ssize_t row)


@cython.final
cdef class OrderBlock(Block):
    cdef OrderRows _reader
    cdef OrderLine* _lines

    cdef OrderLine* _add(self) except NULL
    cpdef int64_t client_id(self, Py_ssize_t row) except? -1
    cpdef int status(self, Py_ssize_t row) except? -1
    cpdef int64_t price_ticks(self, Py_ssize_t row) except? -1
    cpdef int64_t lots(self, Py_ssize_t row) except? -1
    cpdef int64_t cum_lots(self, Py_ssize_t row) except? -1
    cpdef int64_t updated_ms(self, Py_ssize_t row) except? -1
    cpdef str venue_id(self, Py_ssize_t row, str known=*)
    cpdef str reject_reason(self, Py_ssize_t row)
    cpdef str cancel_type(self, Py_ssize_t row)


@cython.final
cdef class OrderRow:
    cdef OrderBlock _block
    cdef Py_ssize_t _row


cdef class Frames:
    cdef bytes _root
    cdef bytes _category
    cdef dict _markets
    cdef Market _last
    cdef object _make
    cdef tuple _names
    #: The trace of the last row that was read, and the frame it points into.
    cdef Trace _trace
    cdef bytes _traced

    cdef bint _topic(self, const Span* text) noexcept
    cdef bint _data(self, Cursor* c, Trace* trace, Block block, Py_ssize_t* dropped) except -1
    cdef Block _block(self)
    cdef int _row(self, Cursor* c, Trace* trace, Block block) except -1
    cdef Market _market(self, const Span* symbol)
    cdef bint _is_ours(self, const Span* category) noexcept


@cython.final
cdef class OrderRows(Frames):
    cdef object _buy
    cdef object _sell
    cdef bytes _head
    cdef list _words
    cdef list _status_words
    cdef list _statuses
    cdef list _codes
    cdef list _finals
    #: Where the last status was found.
    cdef Py_ssize_t _status_place

    cdef bint _line(self, Row* row, Market market, OrderLine* line) except -1
    cdef Py_ssize_t _status_of(self, const Span* text) except -2
    cdef int _word(self, const Span* text) except -2
    cdef str _text(self, int word, const Span* text)
