"""Frames of one book: bytes to numbers and changes, checked from end to end.

Two scanners: a short one for the compact form in which the venue writes today, and a strict one
for whatever is well-formed JSON. The short one takes nothing that the strict one would refuse;
whatever it does not take goes to the strict one, which also finds the words for a fault.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcmp

from mmfast._core.fixed cimport BAD_CHARACTER, FINE, OFF_GRID, TOO_LARGE, scan_decimal
from mmfast._core.ladder cimport Level
from mmfast._core.scan cimport (
    Cursor, Span, scan_count, scan_key, scan_string, skip_space, skip_value, skip_word, take,
)


cdef extern from "levels.h" nogil:
    ctypedef struct Grid "mmf_grid":
        pass

    void mmf_grid_prepare(Grid* grid, int decimals, uint64_t unit, uint64_t most) noexcept
    int mmf_plain_available() noexcept
    bint mmf_plain_count(
        const uint8_t** cursor, const uint8_t* end, int64_t* out
    ) noexcept
    Py_ssize_t mmf_plain_levels(
        const uint8_t** cursor, const uint8_t* end, const Grid* price, const Grid* size,
        int64_t sign, Level* out, Py_ssize_t room
    ) noexcept


cdef enum:
    #: Keys of a frame, as bits of ``Frame.seen``.
    SEEN_TOPIC = 1
    SEEN_TYPE = 2
    SEEN_TS = 4
    SEEN_CTS = 8
    SEEN_DATA = 16
    SEEN_SYMBOL = 32
    SEEN_BIDS = 64
    SEEN_ASKS = 128
    SEEN_UPDATE = 256
    SEEN_SEQ = 512
    SEEN_ALL = 1023

cdef enum:
    #: Faults beyond those of a number; the values go on where ``fixed.Fault`` ends.
    NOT_JSON = 16
    REPEATED_KEY = 17
    FOREIGN_TOPIC = 18
    FOREIGN_SYMBOL = 19
    UNKNOWN_TYPE = 20
    NOT_A_COUNT = 21
    TOO_MANY = 22
    NOT_POSITIVE = 23
    MISSING_KEY = 24
    TRAILING = 25

#: Prices and sizes are at most 2**53, so that a sum over 1000 levels fits 64 bits.
cdef enum:
    VALUE_BITS = 53


cdef struct Shape:
    #: What a frame of this book looks like, and where its changes go.
    const char* topic_text
    Py_ssize_t topic_size
    const char* symbol_text
    Py_ssize_t symbol_size
    #: The constant text of a compact frame up to its type, and from its time to its bids.
    const char* front_text
    Py_ssize_t front_size
    const char* middle_text
    Py_ssize_t middle_size
    int tick_decimals
    int step_decimals
    int64_t tick_units
    int64_t step_units
    Grid price
    Grid size
    bint plain
    #: Nothing is applied before all of a frame is understood.
    Level* changes[2]
    Py_ssize_t room


cdef struct Frame:
    unsigned int seen
    bint snapshot
    int64_t update_id
    int64_t seq
    int64_t ts_ms
    int64_t cts_ms
    Py_ssize_t changes[2]


cdef inline bint same(const Span* span, const char* text, Py_ssize_t size) noexcept nogil:
    return span.size == size and memcmp(span.start, text, size) == 0


cdef inline int scan_number(
    Cursor* c, int decimals, int64_t unit, int64_t* out
) noexcept nogil:
    """A quoted decimal as a count of grid steps; returns a fault."""
    cdef uint64_t units = 0
    cdef int fault
    if not take(c, c'"'):
        return NOT_JSON
    fault = scan_decimal(&c.at, c.end, decimals, &units)
    if fault != FINE:
        return fault
    if c.at >= c.end or c.at[0] != c'"':
        return BAD_CHARACTER
    c.at += 1
    if unit != 1:
        if units % <uint64_t>unit:
            return OFF_GRID
        units //= <uint64_t>unit
    if units > <uint64_t>1 << VALUE_BITS:
        return TOO_LARGE
    out[0] = <int64_t>units
    return FINE


cdef inline int scan_levels(
    const Shape* shape, Cursor* c, Frame* frame, int side
) noexcept nogil:
    """A list of [price, size] pairs into the change buffer of one side."""
    cdef Level* out = shape.changes[side]
    cdef Py_ssize_t count = 0
    cdef int64_t ticks = 0
    cdef int fault
    frame.changes[side] = 0
    if not take(c, c"["):
        return NOT_JSON
    if take(c, c"]"):
        return FINE
    while True:
        if count == shape.room:
            return TOO_MANY
        if not take(c, c"["):
            return NOT_JSON
        fault = scan_number(c, shape.tick_decimals, shape.tick_units, &ticks)
        if fault != FINE:
            return fault
        if ticks == 0:
            return NOT_POSITIVE
        if not take(c, c","):
            return NOT_JSON
        fault = scan_number(c, shape.step_decimals, shape.step_units, &out[count].lots)
        if fault != FINE:
            return fault
        if not take(c, c"]"):
            return NOT_JSON
        out[count].key = -ticks if side else ticks
        count += 1
        if take(c, c","):
            continue
        frame.changes[side] = count
        return FINE if take(c, c"]") else NOT_JSON


cdef inline int scan_data(const Shape* shape, Cursor* c, Frame* frame) noexcept nogil:
    """The object under ``data``."""
    cdef Span key
    cdef Span text
    cdef unsigned int bit
    cdef int fault
    if not take(c, c"{"):
        return NOT_JSON
    while True:
        if not scan_key(c, &key):
            return NOT_JSON
        bit = 0
        if key.size == 1:
            if key.start[0] == c"b":
                bit = SEEN_BIDS
            elif key.start[0] == c"a":
                bit = SEEN_ASKS
            elif key.start[0] == c"u":
                bit = SEEN_UPDATE
            elif key.start[0] == c"s":
                bit = SEEN_SYMBOL
        elif same(&key, b"seq", 3):
            bit = SEEN_SEQ
        if frame.seen & bit:
            return REPEATED_KEY
        frame.seen |= bit
        fault = FINE
        if bit == SEEN_BIDS:
            fault = scan_levels(shape, c, frame, 0)
        elif bit == SEEN_ASKS:
            fault = scan_levels(shape, c, frame, 1)
        elif bit == SEEN_UPDATE:
            fault = FINE if scan_count(c, &frame.update_id) else NOT_A_COUNT
        elif bit == SEEN_SEQ:
            fault = FINE if scan_count(c, &frame.seq) else NOT_A_COUNT
        elif bit == SEEN_SYMBOL:
            if not scan_string(c, &text):
                fault = NOT_JSON
            elif not same(&text, shape.symbol_text, shape.symbol_size):
                fault = FOREIGN_SYMBOL
        elif not skip_value(c):
            fault = NOT_JSON
        if fault != FINE:
            return fault
        if take(c, c","):
            continue
        return FINE if take(c, c"}") else NOT_JSON


cdef inline int scan_top(const Shape* shape, Cursor* c, Frame* frame) noexcept nogil:
    """One key of the frame and its value."""
    cdef Span key
    cdef Span text
    cdef unsigned int bit = 0
    if not scan_key(c, &key):
        return NOT_JSON
    if same(&key, b"topic", 5):
        bit = SEEN_TOPIC
    elif same(&key, b"type", 4):
        bit = SEEN_TYPE
    elif same(&key, b"ts", 2):
        bit = SEEN_TS
    elif same(&key, b"data", 4):
        bit = SEEN_DATA
    elif same(&key, b"cts", 3):
        bit = SEEN_CTS
    if frame.seen & bit:
        return REPEATED_KEY
    frame.seen |= bit
    if bit == SEEN_DATA:
        return scan_data(shape, c, frame)
    if bit == SEEN_TS:
        return FINE if scan_count(c, &frame.ts_ms) else NOT_A_COUNT
    if bit == SEEN_CTS:
        return FINE if scan_count(c, &frame.cts_ms) else NOT_A_COUNT
    if bit == 0:
        return FINE if skip_value(c) else NOT_JSON
    if not scan_string(c, &text):
        return NOT_JSON
    if bit == SEEN_TOPIC:
        return FINE if same(&text, shape.topic_text, shape.topic_size) else FOREIGN_TOPIC
    frame.snapshot = same(&text, b"snapshot", 8)
    return FINE if frame.snapshot or same(&text, b"delta", 5) else UNKNOWN_TYPE


cdef inline int scan_strict(const Shape* shape, Cursor* c, Frame* frame) noexcept nogil:
    """Read a whole frame into ``frame`` and the change buffers; returns a fault."""
    cdef int fault
    frame.seen = 0
    frame.cts_ms = 0
    if not take(c, c"{"):
        return NOT_JSON
    while True:
        fault = scan_top(shape, c, frame)
        if fault != FINE:
            return fault
        if take(c, c","):
            continue
        if not take(c, c"}"):
            return NOT_JSON
        break
    skip_space(c)
    if c.at != c.end:
        return TRAILING
    # The engine time came late to the protocol, so a frame may do without it.
    if frame.seen | SEEN_CTS != SEEN_ALL:
        return MISSING_KEY
    return FINE


cdef inline bint plain_type(Cursor* c, Frame* frame) noexcept nogil:
    frame.snapshot = skip_word(c, b'"type":"snapshot"', 17)
    return frame.snapshot or skip_word(c, b'"type":"delta"', 14)


cdef inline bint plain_count(
    Cursor* c, const char* name, Py_ssize_t size, int64_t* out
) noexcept nogil:
    return skip_word(c, name, size) and mmf_plain_count(&c.at, c.end, out)


cdef inline bint plain_levels(const Shape* shape, Cursor* c, Frame* frame, int side) noexcept nogil:
    frame.changes[side] = mmf_plain_levels(
        &c.at, c.end, &shape.price, &shape.size, 1 - 2 * side, shape.changes[side], shape.room
    )
    return frame.changes[side] >= 0


cdef inline bint scan_plain(const Shape* shape, Cursor* c, Frame* frame) noexcept nogil:
    """The compact form; False for anything else, whatever it is."""
    frame.cts_ms = 0
    if not skip_word(c, shape.front_text, shape.front_size):
        return False
    # Spot and level 1 have the time first.
    if plain_type(c, frame):
        if not plain_count(c, b',"ts":', 6, &frame.ts_ms):
            return False
    elif not plain_count(c, b'"ts":', 5, &frame.ts_ms) or not (
        skip_word(c, b",", 1) and plain_type(c, frame)
    ):
        return False
    if not (
        skip_word(c, shape.middle_text, shape.middle_size)
        and plain_levels(shape, c, frame, 0)
        and skip_word(c, b',"a":[', 6)
        and plain_levels(shape, c, frame, 1)
        and plain_count(c, b',"u":', 5, &frame.update_id)
        and plain_count(c, b',"seq":', 7, &frame.seq)
        and skip_word(c, b"}", 1)
    ):
        return False
    if not skip_word(c, b"}", 1):
        if not plain_count(c, b',"cts":', 7, &frame.cts_ms) or not skip_word(c, b"}", 1):
            return False
    return c.at == c.end


cdef inline int scan_frame(const Shape* shape, Cursor* c, Frame* frame) noexcept nogil:
    """Read a whole frame into ``frame`` and the change buffers; returns a fault."""
    cdef const unsigned char* start = c.at
    if shape.plain and scan_plain(shape, c, frame):
        return FINE
    c.at = start
    return scan_strict(shape, c, frame)
