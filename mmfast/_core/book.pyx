"""Order book of one instrument, fed with the venue's own frames as bytes.

A frame is handled in two steps: all of it is read and checked into a buffer of changes, and only
a frame that is right from end to end is applied. So a malformed frame leaves the book untouched.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc
from libc.stdint cimport int64_t, uint64_t

from mmfast._core.fixed cimport DECIMALS_LIMIT, FINE, integer, mmf_distance
from mmfast._core.frame cimport (
    FOREIGN_SYMBOL, FOREIGN_TOPIC, MISSING_KEY, NOT_A_COUNT, NOT_JSON, NOT_POSITIVE, REPEATED_KEY,
    TOO_MANY, TRAILING, UNKNOWN_TYPE, VALUE_BITS, Frame, Shape, mmf_grid_prepare, mmf_plain_available,
    scan_frame,
)
from mmfast._core.ladder cimport (
    WINDOW, Ladder, Level, Walk, clear, descend, load, lots_of, merge, settle, start_walk,
)
from mmfast._core.scan cimport Cursor


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
        cdef uint64_t one = 1
        cdef Shape* shape = &self._shape
        self._depth = integer(depth)
        shape.tick_units = integer(tick_units)
        shape.step_units = integer(step_units)
        if not symbol.isascii() or not symbol or '"' in symbol or "\\" in symbol:
            raise ValueError(f"symbol: expected plain ASCII text, found {symbol!r}")
        if not 0 < self._depth <= DEPTH_LIMIT:
            raise ValueError(f"depth: expected 1 to {DEPTH_LIMIT}, found {depth}")
        for name, decimals in (("tick", tick_decimals), ("step", step_decimals)):
            if not 0 <= integer(decimals) <= DECIMALS_LIMIT:
                raise ValueError(
                    f"{name}_decimals: expected 0 to {DECIMALS_LIMIT}, found {decimals}"
                )
        for name, units in (("tick", shape.tick_units), ("step", shape.step_units)):
            if units <= 0:
                raise ValueError(f"{name}_units: expected a positive integer, found {units}")
        self._symbol = symbol.encode("ascii")
        self._topic = b"orderbook.%d.%b" % (depth, self._symbol)
        self._front = b'{"topic":"%b",' % self._topic
        self._middle = b',"data":{"s":"%b","b":[' % self._symbol
        shape.topic_text = PyBytes_AS_STRING(self._topic)
        shape.topic_size = PyBytes_GET_SIZE(self._topic)
        shape.symbol_text = PyBytes_AS_STRING(self._symbol)
        shape.symbol_size = PyBytes_GET_SIZE(self._symbol)
        shape.front_text = PyBytes_AS_STRING(self._front)
        shape.front_size = PyBytes_GET_SIZE(self._front)
        shape.middle_text = PyBytes_AS_STRING(self._middle)
        shape.middle_size = PyBytes_GET_SIZE(self._middle)
        shape.tick_decimals = tick_decimals
        shape.step_decimals = step_decimals
        mmf_grid_prepare(&shape.price, tick_decimals, shape.tick_units, one << VALUE_BITS)
        mmf_grid_prepare(&shape.size, step_decimals, shape.step_units, one << VALUE_BITS)
        shape.plain = mmf_plain_available()
        # A frame can at most delete every level and bring as many new ones.
        shape.room = 2 * self._depth + 16
        for side in range(2):
            shape.changes[side] = <Level*>PyMem_Malloc(shape.room * sizeof(Level))
            self._sides[side].far = <Level*>PyMem_Malloc(
                (self._depth + shape.room) * sizeof(Level)
            )
            # Cleared by the system when a page is first touched, so only what is used costs.
            self._sides[side].lots = <int64_t*>PyMem_Calloc(WINDOW, sizeof(int64_t))
            if (
                shape.changes[side] == NULL or self._sides[side].far == NULL
                or self._sides[side].lots == NULL
            ):
                raise MemoryError(f"book of depth {depth}")

    def __dealloc__(self):
        cdef int side
        for side in range(2):
            PyMem_Free(self._shape.changes[side])
            PyMem_Free(self._sides[side].far)
            PyMem_Free(self._sides[side].lots)

    def __repr__(self):
        return f"Book({self._topic.decode('ascii')!r}, valid={self.valid}, u={self.update_id})"

    @property
    def bid_count(self):
        """Number of bid levels."""
        return self._sides[0].near + self._sides[0].far_count

    @property
    def ask_count(self):
        """Number of ask levels."""
        return self._sides[1].near + self._sides[1].far_count

    cpdef int apply(self, bytes frame) except -1:
        """See the stub: apply one frame."""
        cdef Cursor c
        cdef Frame parsed
        cdef int fault, side, report
        cdef bint repeat
        if frame is None:
            raise TypeError("frame: expected bytes, found None")
        c.at = <const unsigned char*>PyBytes_AS_STRING(frame)
        c.end = c.at + PyBytes_GET_SIZE(frame)
        if PyBytes_GET_SIZE(frame) > FRAME_LIMIT:
            raise BookFrameError(
                f"{self!r}: expected at most {FRAME_LIMIT} bytes, found {len(frame)}"
            )
        fault = scan_frame(&self._shape, &c, &parsed)
        if fault != FINE:
            self._refuse(frame, fault, mmf_distance(PyBytes_AS_STRING(frame), c.at))
        # A restarted service counts from 1 again, whatever it calls that frame.
        if not parsed.snapshot and parsed.update_id != 1:
            if not self.valid or parsed.update_id != self.update_id + 1:
                self._report_gap(parsed.update_id)
            for side in range(2):
                merge(&self._sides[side], self._shape.changes[side], parsed.changes[side])
            report = 0
            repeat = False
        else:
            repeat = self._depth == 1 and self.valid and parsed.update_id == self.update_id
            for side in range(2):
                load(&self._sides[side], self._shape.changes[side], parsed.changes[side])
            report = IS_SNAPSHOT
            self.valid = True
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
        clear(&self._sides[0])
        clear(&self._sides[1])
        self._publish()

    cpdef int64_t mid_x2(self) noexcept:
        """See the stub: twice the mid."""
        if not self.bid_ticks or not self.ask_ticks:
            return 0
        return self.bid_ticks + self.ask_ticks

    cpdef int64_t microprice_x256(self) noexcept:
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
        cdef Level level
        cdef Walk walk
        cdef list out = []
        start_walk(ladder, &walk)
        while wanted > 0 and descend(ladder, &walk, &level):
            out.append((level.key * (1 - 2 * index), level.lots))
            wanted -= 1
        return out

    def lots_at(self, side, ticks):
        """See the stub: size at one price."""
        cdef int index = side_of(side)
        return lots_of(&self._sides[index], key_of(index, integer(ticks)))

    def lots_better(self, side, ticks):
        """See the stub: total size at strictly better prices."""
        cdef int index = side_of(side)
        cdef int64_t key = key_of(index, integer(ticks))
        cdef const Ladder* ladder = &self._sides[index]
        cdef Level level
        cdef Walk walk
        cdef int64_t total = 0
        start_walk(ladder, &walk)
        while descend(ladder, &walk, &level) and level.key > key:
            total += level.lots
        return total

    cdef int _publish(self) noexcept nogil:
        """Settle both sides and copy the best levels into the public fields; returns whether one
        of them changed."""
        cdef Level bid
        cdef Level ask
        cdef bint changed
        settle(&self._sides[0], self._depth, &bid)
        settle(&self._sides[1], self._depth, &ask)
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

cdef int side_of(object value) except -1:
    cdef int64_t side = integer(value)
    if side != 0 and side != 1:
        raise ValueError(f"side: expected 0 (bids) or 1 (asks), found {side}")
    return <int>side


cdef inline int64_t key_of(int side, int64_t ticks) noexcept nogil:
    """Key of a price. No level has a price of zero or less, so those all compare alike; nor one
    beyond 2**53, so nearer keys stand for keys whose distances would overflow."""
    if ticks < 0:
        ticks = 0
    elif ticks > <int64_t>1 << 62:
        ticks = <int64_t>1 << 62
    return -ticks if side else ticks
