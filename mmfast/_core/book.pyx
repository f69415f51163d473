"""Order book of one instrument, fed with the venue's own frames as bytes.

A frame is handled in two steps: all of it is read and checked into a buffer of changes, and only
a frame that is right from end to end is applied. So a malformed frame leaves the book untouched.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp

from mmfast._core.fixed cimport (
    DECIMALS_LIMIT, FINE, OFF_GRID, TOO_LARGE, BAD_CHARACTER, integer, mmf_distance,
    scan_decimal,
)
from mmfast._core.ladder cimport Ladder, Level, load, merge, rank, trim
from mmfast._core.scan cimport (
    Cursor, Span, scan_count, scan_string, skip_space, skip_value, take,
)


cdef extern from "wide.h" nogil:
    int64_t mmf_microprice_x256(
        int64_t bid, int64_t bid_lots, int64_t ask, int64_t ask_lots
    ) noexcept


cdef enum:
    IS_SNAPSHOT = 1
    IS_TOP = 2
    IS_REPEAT = 4

cdef enum:
    DEPTH_LIMIT = 1000
    #: A full 1000-level frame has about 60 kB; more than this is not a book frame.
    FRAME_LIMIT = 1_048_576

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

#: Prices and sizes are at most this, so that a sum over 1000 levels fits 64 bits.
cdef uint64_t VALUE_LIMIT = <uint64_t>1 << 53

cdef dict FAULT_TEXTS = {
    1: "expected a number, found no digits",
    2: "expected fewer decimals",
    3: "expected a smaller number",
    4: "expected the end of a quoted number",
    5: "expected a multiple of the grid",
    NOT_JSON: "expected well-formed JSON",
    REPEATED_KEY: "expected each key once",
    FOREIGN_TOPIC: "expected this book's topic",
    FOREIGN_SYMBOL: "expected this book's symbol",
    UNKNOWN_TYPE: "expected type snapshot or delta",
    NOT_A_COUNT: "expected a whole number",
    TOO_MANY: "expected fewer changes",
    NOT_POSITIVE: "expected a positive price",
    MISSING_KEY: "expected topic, type, ts and data with s, b, a, u, seq",
    TRAILING: "expected the end of the frame",
}

SNAPSHOT = IS_SNAPSHOT
TOP = IS_TOP
REPEAT = IS_REPEAT


class BookError(ValueError):
    """Base; the book is left exactly as it was."""


class BookFrameError(BookError):
    """The bytes are not a well-formed book frame of this instrument."""


class BookGapError(BookError):
    """A delta came before any snapshot, or its ``u`` does not follow."""


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
    if units > VALUE_LIMIT:
        return TOO_LARGE
    out[0] = <int64_t>units
    return FINE


@cython.final
cdef class Book:
    """Levels by price in ticks; see the stub."""

    def __cinit__(
        self,
        str symbol not None,
        depth,
        tick_decimals,
        tick_units,
        step_decimals,
        step_units,
    ):
        cdef int side
        self._depth = integer(depth)
        self._tick_units = integer(tick_units)
        self._step_units = integer(step_units)
        if not symbol.isascii() or not symbol or '"' in symbol or "\\" in symbol:
            raise ValueError(f"symbol: expected plain ASCII text, found {symbol!r}")
        if not 0 < self._depth <= DEPTH_LIMIT:
            raise ValueError(f"depth: expected 1 to {DEPTH_LIMIT}, found {depth}")
        for name, decimals in (("tick", tick_decimals), ("step", step_decimals)):
            if not 0 <= integer(decimals) <= DECIMALS_LIMIT:
                raise ValueError(
                    f"{name}_decimals: expected 0 to {DECIMALS_LIMIT}, found {decimals}"
                )
        for name, units in (("tick", self._tick_units), ("step", self._step_units)):
            if units <= 0:
                raise ValueError(f"{name}_units: expected a positive integer, found {units}")
        self._tick_decimals = tick_decimals
        self._step_decimals = step_decimals
        self._symbol = symbol.encode("ascii")
        self._topic = b"orderbook.%d.%b" % (depth, self._symbol)
        self._symbol_text = PyBytes_AS_STRING(self._symbol)
        self._symbol_size = PyBytes_GET_SIZE(self._symbol)
        self._topic_text = PyBytes_AS_STRING(self._topic)
        self._topic_size = PyBytes_GET_SIZE(self._topic)
        # A frame can at most delete every level and bring as many new ones.
        self._change_room = 2 * self._depth + 16
        for side in range(2):
            self._changes[side] = <Level*>PyMem_Malloc(self._change_room * sizeof(Level))
            self._sides[side].levels = <Level*>PyMem_Malloc(
                (self._depth + self._change_room) * sizeof(Level)
            )
            if self._changes[side] == NULL or self._sides[side].levels == NULL:
                raise MemoryError(f"book of depth {depth}")

    def __dealloc__(self):
        cdef int side
        for side in range(2):
            PyMem_Free(self._changes[side])
            PyMem_Free(self._sides[side].levels)

    def __repr__(self):
        return f"Book({self._topic.decode('ascii')!r}, valid={self.valid}, u={self.update_id})"

    @property
    def bid_count(self):
        """Number of bid levels."""
        return self._sides[0].count

    @property
    def ask_count(self):
        """Number of ask levels."""
        return self._sides[1].count

    def apply(self, bytes frame not None):
        """See the stub: apply one frame."""
        cdef Cursor c
        cdef Frame parsed
        cdef int fault, side, report
        cdef bint repeat
        c.at = <const unsigned char*>PyBytes_AS_STRING(frame)
        c.end = c.at + PyBytes_GET_SIZE(frame)
        if PyBytes_GET_SIZE(frame) > FRAME_LIMIT:
            raise BookFrameError(
                f"{self!r}: expected at most {FRAME_LIMIT} bytes, found {len(frame)}"
            )
        fault = self._scan_frame(&c, &parsed)
        if fault != FINE:
            self._refuse(frame, fault, mmf_distance(PyBytes_AS_STRING(frame), c.at))
        # A restarted service counts from 1 again, whatever it calls that frame.
        if not parsed.snapshot and parsed.update_id != 1:
            if not self.valid or parsed.update_id != self.update_id + 1:
                self._report_gap(parsed.update_id)
            for side in range(2):
                merge(&self._sides[side], self._changes[side], parsed.changes[side])
            report = 0
            repeat = False
        else:
            repeat = self._depth == 1 and self.valid and parsed.update_id == self.update_id
            for side in range(2):
                load(&self._sides[side], self._changes[side], parsed.changes[side])
            report = IS_SNAPSHOT
            self.valid = True
        for side in range(2):
            trim(&self._sides[side], self._depth)
        self.update_id = parsed.update_id
        self.seq = parsed.seq
        self.ts_ms = parsed.ts_ms
        self.cts_ms = parsed.cts_ms
        if self._publish():
            report |= IS_TOP
        elif repeat:
            report = IS_REPEAT
        return report

    def reset(self):
        """See the stub: forget everything."""
        self.valid = False
        self.update_id = self.seq = self.cts_ms = self.ts_ms = 0
        self._sides[0].count = self._sides[1].count = 0
        self._publish()

    def mid_x2(self):
        """See the stub: twice the mid."""
        if not self.bid_ticks or not self.ask_ticks:
            return 0
        return self.bid_ticks + self.ask_ticks

    def microprice_x256(self):
        """See the stub: size-weighted mid in 1/256 tick."""
        if not self.bid_ticks or not self.ask_ticks:
            return 0
        return mmf_microprice_x256(self.bid_ticks, self.bid_lots, self.ask_ticks, self.ask_lots)

    def crossed(self):
        """See the stub: best bid at or above best ask."""
        return self.bid_ticks != 0 and self.ask_ticks != 0 and self.bid_ticks >= self.ask_ticks

    def levels(self, side, count):
        """See the stub: levels from the best outwards."""
        cdef int index = side_of(side)
        cdef int64_t wanted = integer(count)
        cdef const Ladder* ladder = &self._sides[index]
        cdef Py_ssize_t at = ladder.count - 1
        cdef list out = []
        while at >= 0 and wanted > 0:
            out.append((ladder.levels[at].key * (1 - 2 * index), ladder.levels[at].lots))
            at -= 1
            wanted -= 1
        return out

    def lots_at(self, side, ticks):
        """See the stub: size at one price."""
        cdef int index = side_of(side)
        cdef int64_t key = key_of(index, integer(ticks))
        cdef const Ladder* ladder = &self._sides[index]
        cdef Py_ssize_t at
        at = rank(ladder.levels, ladder.count, key)
        if at < ladder.count and ladder.levels[at].key == key:
            return ladder.levels[at].lots
        return 0

    def lots_better(self, side, ticks):
        """See the stub: total size at strictly better prices."""
        cdef int index = side_of(side)
        cdef int64_t key = key_of(index, integer(ticks))
        cdef const Ladder* ladder = &self._sides[index]
        cdef Py_ssize_t at = ladder.count - 1
        cdef int64_t total = 0
        while at >= 0 and ladder.levels[at].key > key:
            total += ladder.levels[at].lots
            at -= 1
        return total

    cdef int _publish(self) noexcept nogil:
        """Copy the best levels into the public fields; returns whether one of them changed."""
        cdef Level none
        cdef Level bid
        cdef Level ask
        cdef bint changed
        none.key = none.lots = 0
        bid = self._sides[0].levels[self._sides[0].count - 1] if self._sides[0].count else none
        ask = self._sides[1].levels[self._sides[1].count - 1] if self._sides[1].count else none
        changed = (
            bid.key != self.bid_ticks or bid.lots != self.bid_lots
            or ask.key != -self.ask_ticks or ask.lots != self.ask_lots
        )
        self.bid_ticks = bid.key
        self.bid_lots = bid.lots
        self.ask_ticks = -ask.key
        self.ask_lots = ask.lots
        return changed

    def _refuse(self, bytes frame, int fault, Py_ssize_t at):
        raise BookFrameError(
            f"{self!r}: {FAULT_TEXTS[fault]} before byte {at} of {len(frame)}, "
            f"found {frame[max(at - 12, 0):at + 12]!r}"
        )

    def _report_gap(self, int64_t found):
        known = self.valid
        self.valid = False
        if not known:
            raise BookGapError(f"{self!r}: expected a snapshot first, found delta u={found}")
        raise BookGapError(f"{self!r}: expected u={self.update_id + 1}, found {found}")

    cdef int _scan_frame(self, Cursor* c, Frame* frame) noexcept nogil:
        """Read a whole frame into ``frame`` and the change buffers; returns a fault."""
        cdef int fault
        frame.seen = 0
        frame.cts_ms = 0
        if not take(c, c"{"):
            return NOT_JSON
        while True:
            fault = self._scan_top(c, frame)
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

    cdef int _scan_top(self, Cursor* c, Frame* frame) noexcept nogil:
        """One key of the frame and its value."""
        cdef Span key
        cdef Span text
        cdef unsigned int bit = 0
        if not scan_string(c, &key) or not take(c, c":"):
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
            return self._scan_data(c, frame)
        if bit == SEEN_TS:
            return FINE if scan_count(c, &frame.ts_ms) else NOT_A_COUNT
        if bit == SEEN_CTS:
            return FINE if scan_count(c, &frame.cts_ms) else NOT_A_COUNT
        if bit == 0:
            return FINE if skip_value(c) else NOT_JSON
        if not scan_string(c, &text):
            return NOT_JSON
        if bit == SEEN_TOPIC:
            return FINE if same(&text, self._topic_text, self._topic_size) else FOREIGN_TOPIC
        frame.snapshot = same(&text, b"snapshot", 8)
        return FINE if frame.snapshot or same(&text, b"delta", 5) else UNKNOWN_TYPE

    cdef int _scan_data(self, Cursor* c, Frame* frame) noexcept nogil:
        """The object under ``data``."""
        cdef Span key
        cdef Span text
        cdef unsigned int bit
        cdef int fault
        if not take(c, c"{"):
            return NOT_JSON
        while True:
            if not scan_string(c, &key) or not take(c, c":"):
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
                fault = self._scan_levels(c, frame, 0)
            elif bit == SEEN_ASKS:
                fault = self._scan_levels(c, frame, 1)
            elif bit == SEEN_UPDATE:
                fault = FINE if scan_count(c, &frame.update_id) else NOT_A_COUNT
            elif bit == SEEN_SEQ:
                fault = FINE if scan_count(c, &frame.seq) else NOT_A_COUNT
            elif bit == SEEN_SYMBOL:
                if not scan_string(c, &text):
                    fault = NOT_JSON
                elif not same(&text, self._symbol_text, self._symbol_size):
                    fault = FOREIGN_SYMBOL
            elif not skip_value(c):
                fault = NOT_JSON
            if fault != FINE:
                return fault
            if take(c, c","):
                continue
            return FINE if take(c, c"}") else NOT_JSON

    cdef int _scan_levels(self, Cursor* c, Frame* frame, int side) noexcept nogil:
        """A list of [price, size] pairs into the change buffer of one side."""
        cdef Level* out = self._changes[side]
        cdef Py_ssize_t count = 0
        cdef int64_t ticks = 0
        cdef int fault
        frame.changes[side] = 0
        if not take(c, c"["):
            return NOT_JSON
        if take(c, c"]"):
            return FINE
        while True:
            if count == self._change_room:
                return TOO_MANY
            if not take(c, c"["):
                return NOT_JSON
            fault = scan_number(c, self._tick_decimals, self._tick_units, &ticks)
            if fault != FINE:
                return fault
            if ticks == 0:
                return NOT_POSITIVE
            if not take(c, c","):
                return NOT_JSON
            fault = scan_number(c, self._step_decimals, self._step_units, &out[count].lots)
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


cdef int side_of(object value) except -1:
    cdef int64_t side = integer(value)
    if side != 0 and side != 1:
        raise ValueError(f"side: expected 0 (bids) or 1 (asks), found {side}")
    return <int>side


cdef inline int64_t key_of(int side, int64_t ticks) noexcept nogil:
    """Key of a price; no level has a price of zero or less, so those all compare alike."""
    if ticks < 0:
        ticks = 0
    return -ticks if side else ticks
