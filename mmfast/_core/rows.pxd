"""C types of rows.pyx, and the short cursor steps that it is made of."""

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
    SEEN_IDX = 1
    SEEN_SEQ = 2
    E8_DECIMALS = 8
    #: No more digits than fit 64 bits.
    NUMBER_SIZE = 18


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


cdef struct Position:
    unsigned int seen
    Span symbol
    Span size
    Span category
    Span side
    Span entry_price
    Span avg_price
    Span updated_time
    int64_t seq


cdef inline Span* position_text(Position* row, const Span* key) noexcept nogil:
    """Where the text of a key goes, or NULL."""
    if is_text(key, b"symbol", 6):
        return &row.symbol
    if is_text(key, b"size", 4):
        return &row.size
    if is_text(key, b"category", 8):
        return &row.category
    if is_text(key, b"side", 4):
        return &row.side
    if is_text(key, b"entryPrice", 10):
        return &row.entry_price
    if is_text(key, b"avgPrice", 8):
        return &row.avg_price
    if is_text(key, b"updatedTime", 11):
        return &row.updated_time
    return NULL


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


cdef class Market:
    cdef bytes symbol
    cdef object index
    cdef int tick_decimals
    cdef int64_t tick_units
    cdef int step_decimals
    cdef int64_t step_units


cdef class Frames:
    cdef bytes _root
    cdef bytes _category
    cdef dict _markets
    cdef Market _last
    cdef object _make
    cdef tuple _names

    cdef bint _topic(self, const Span* text) noexcept
    cdef bint _data(self, Cursor* c, list events, Py_ssize_t* dropped) except -1
    cdef object _row(self, Cursor* c)
    cdef Market _market(self, const Span* symbol)
    cdef bint _is_ours(self, const Span* category) noexcept


cdef class OrderRows(Frames):
    cdef object _buy
    cdef object _sell
    cdef bytes _head
    cdef list _words
    cdef list _status_words
    cdef list _statuses
    cdef list _finals

    cdef object _event(self, Row* row, Market market)
    cdef object _word(self, const Span* text)


cdef class PositionRows(Frames):
    pass
