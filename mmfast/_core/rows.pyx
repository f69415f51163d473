"""Rows of the private stream about our orders: from bytes to integers, and to messages where
somebody asks for one. What all kinds of rows share is here too.

The short way only: what is not spelled exactly as the venue spells it (an escape, a letter beyond
ASCII, an unknown word, a number off its grid, a repeated key) is answered with None, and the
caller reads the frame the long way, which alone decides what is wrong and says so.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cpython.object cimport PyObject
from libc.stdint cimport int64_t
from libc.string cimport memcmp, memset

from sys import intern

from mmfast._core.fixed cimport DECIMALS_LIMIT, integer, mmf_distance
from mmfast._core.scan cimport (
    Cursor, Span, peek, scan_count, skip_space, skip_value, skip_word, take,
)


cdef extern from "Python.h":
    void* PyUnicode_DATA(object text)
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    object PyObject_Vectorcall(object call, PyObject** args, size_t count, PyObject* names)

cdef enum:
    SEEN_TOPIC = 1
    SEEN_TIME = 2
    SEEN_DATA = 4

cdef int64_t TIME_LIMIT = 10**15


@cython.final
cdef class Market:
    """The grids of one instrument."""


cdef bint is_named(Market market, const Span* symbol) noexcept:
    return is_text(symbol, PyBytes_AS_STRING(market.symbol), PyBytes_GET_SIZE(market.symbol))


cdef bint scan_row(Cursor* c, Trace* trace, Row* row) noexcept nogil:
    """One row, up to and with its closing brace; False if it is not plain."""
    cdef int field
    cdef int place = 0
    memset(row, 0, sizeof(Row))
    if not take(c, c"{"):
        return False
    while True:
        field = next_field(c, trace, place, True)
        place += 1
        if field == STRETCH_END:
            continue
        if field == ROW_END:
            return row.seen & REQUIRED == REQUIRED
        if field < 0 or row.seen >> field & 1:
            return False
        row.seen |= 1u << field
        if field == REDUCE_ONLY:
            if skip_word(c, b"true", 4):
                row.reduce_only = True
            elif not skip_word(c, b"false", 5) and not skip_word(c, b"null", 4):
                return False
        elif not plain_text(c, &row.texts[field]):
            if field < NEVER_NULL or not skip_word(c, b"null", 4):
                return False


cdef class Block:
    """The rows of one frame that are about us; see the stub."""

    cdef object _message(self, Py_ssize_t row):
        raise NotImplementedError

    def __len__(self):
        return self._count

    def __getitem__(self, Py_ssize_t row):
        return self._message(checked(row, self._count))

    def __iter__(self):
        return iter([self._message(row) for row in range(self._count)])

    def __contains__(self, message):
        return any([message == one for one in self])

    def __eq__(self, other):
        return tuple(self) == tuple(other) if isinstance(other, (Block, tuple)) else NotImplemented

    def __repr__(self):
        return repr(tuple(self))


@cython.final
cdef class OrderBlock(Block):
    """Rows of orders; see the stub."""

    def __dealloc__(self):
        PyMem_Free(self._lines)

    cdef OrderLine* _add(self) except NULL:
        cdef OrderLine* lines
        if self._count == self._room:
            lines = <OrderLine*>PyMem_Realloc(
                self._lines, (self._room + ROOM) * 2 * sizeof(OrderLine)
            )
            if lines == NULL:
                raise MemoryError
            self._lines = lines
            self._room = (self._room + ROOM) * 2
        return &self._lines[self._count]

    cpdef int64_t client_id(self, Py_ssize_t row) except? -1:
        return self._lines[checked(row, self._count)].client_id

    cpdef int status(self, Py_ssize_t row) except? -1:
        return self._reader._codes[self._lines[checked(row, self._count)].status]

    cpdef int64_t price_ticks(self, Py_ssize_t row) except? -1:
        return self._lines[checked(row, self._count)].price_ticks

    cpdef int64_t lots(self, Py_ssize_t row) except? -1:
        return self._lines[checked(row, self._count)].lots

    cpdef int64_t cum_lots(self, Py_ssize_t row) except? -1:
        return self._lines[checked(row, self._count)].cum_lots

    cpdef int64_t updated_ms(self, Py_ssize_t row) except? -1:
        return self._lines[checked(row, self._count)].updated_ms

    cpdef str venue_id(self, Py_ssize_t row, str known=""):
        cdef Span* told = &self._lines[checked(row, self._count)].venue_id
        if told.size == 0 or (
            PyUnicode_IS_COMPACT_ASCII(known)
            and is_text(told, <const char*>PyUnicode_DATA(known), PyUnicode_GET_LENGTH(known))
        ):
            return known
        return text_of(told)

    def finals(self):
        """See the stub: the rows of orders that have ended."""
        cdef Py_ssize_t row
        cdef OrderRow one
        cdef list found = []
        for row in range(self._count):
            if self._reader._finals[self._lines[row].status] is True:
                one = OrderRow.__new__(OrderRow)
                one._block = self
                one._row = row
                found.append(one)
        return found

    cpdef str reject_reason(self, Py_ssize_t row):
        cdef OrderLine* line = &self._lines[checked(row, self._count)]
        return self._reader._text(line.reject_reason, &line.reject_text)

    cpdef str cancel_type(self, Py_ssize_t row):
        cdef OrderLine* line = &self._lines[checked(row, self._count)]
        return self._reader._text(line.cancel_type, &line.cancel_text)

    cdef object _message(self, Py_ssize_t row):
        cdef OrderLine* line = &self._lines[row]
        cdef OrderRows reader = self._reader
        cdef PyObject* args[FIELDS]
        cdef object client_id = line.client_id
        cdef object link_id = text_of(&line.link_id)
        cdef object venue_id = text_of(&line.venue_id)
        cdef object instrument = line.instrument
        cdef object price_ticks = line.price_ticks
        cdef object lots = line.lots
        cdef object cum_lots = line.cum_lots
        cdef object leaves_lots = line.leaves_lots
        cdef object reject_reason = reader._text(line.reject_reason, &line.reject_text)
        cdef object cancel_type = reader._text(line.cancel_type, &line.cancel_text)
        cdef object updated_ms = line.updated_ms
        cdef object reduce_only = <bint>line.reduce_only
        args[0] = <PyObject*>client_id
        args[1] = <PyObject*>link_id
        args[2] = <PyObject*>venue_id
        args[3] = <PyObject*>instrument
        args[4] = <PyObject*>(reader._sell if line.side else reader._buy)
        args[5] = <PyObject*>reader._statuses[line.status]
        args[6] = <PyObject*>price_ticks
        args[7] = <PyObject*>lots
        args[8] = <PyObject*>cum_lots
        args[9] = <PyObject*>leaves_lots
        args[10] = <PyObject*>reject_reason
        args[11] = <PyObject*>cancel_type
        args[12] = <PyObject*>updated_ms
        args[13] = <PyObject*>reduce_only
        return PyObject_Vectorcall(reader._make, args, 0, <PyObject*>reader._names)


@cython.final
@cython.freelist(64)
cdef class OrderRow:
    """One row; see the stub."""

    @property
    def client_id(self):
        return self._block.client_id(self._row)

    @property
    def venue_id(self):
        return self._block.venue_id(self._row)

    @property
    def status(self):
        return self._block.status(self._row)

    @property
    def lots(self):
        return self._block.lots(self._row)

    @property
    def cum_lots(self):
        return self._block.cum_lots(self._row)

    @property
    def updated_ms(self):
        return self._block.updated_ms(self._row)

    @property
    def reject_reason(self):
        return self._block.reject_reason(self._row)

    @property
    def cancel_type(self):
        return self._block.cancel_type(self._row)


cdef class Frames:
    """Frames of one topic: the way through them that all kinds of rows share."""

    def __cinit__(self):
        self._category = self._root = b""
        self._markets = {}

    def add(self, symbol, index, tick_decimals, tick_units, step_decimals, step_units):
        """See the stub: an instrument, or its new grids."""
        cdef Market market = Market()
        market.symbol = symbol.encode()
        market.index = integer(index)
        market.tick_units = integer(tick_units)
        market.step_units = integer(step_units)
        for name, decimals in (("tick", tick_decimals), ("step", step_decimals)):
            if not 0 <= integer(decimals) <= DECIMALS_LIMIT:
                raise ValueError(
                    f"{name}_decimals: expected 0 to {DECIMALS_LIMIT}, found {decimals}"
                )
        if market.tick_units <= 0 or market.step_units <= 0:
            raise ValueError(f"units: expected positive integers, found {tick_units}, {step_units}")
        market.tick_decimals = tick_decimals
        market.step_decimals = step_decimals
        self._markets[market.symbol] = market
        self._last = None
        for other in self._markets.values():
            (<Market>other).follower = None  # it might have the old grids

    def read(self, bytes frame not None):
        """See the stub: time of creation, rows that are not about us, and the messages."""
        cdef Cursor c
        cdef Span key, text
        cdef unsigned int seen = 0
        cdef int64_t created_ms = 0
        cdef Py_ssize_t dropped = 0
        cdef Block block = self._block()
        # While a frame is read there is no trace to go by: whatever ends the reading early, the
        # pieces of two frames are never taken for one.
        cdef Trace trace = self._trace
        self._trace.count = 0
        block._frame = frame
        c.at = <const unsigned char*>PyBytes_AS_STRING(frame)
        c.end = c.at + PyBytes_GET_SIZE(frame)
        if not take(&c, c"{"):
            return None
        while True:
            if not plain_text(&c, &key) or not take(&c, c":"):
                return None
            if is_text(&key, b"topic", 5):
                # Compact, as the long way looks for it; it would go by another one elsewhere.
                if mmf_distance(key.start, c.at) != 7 or c.at == c.end or c.at[0] != c'"':
                    return None
                if seen & SEEN_TOPIC or not plain_text(&c, &text) or not self._topic(&text):
                    return None
                seen |= SEEN_TOPIC
            elif not seen & SEEN_TOPIC:
                # What stands in front could hold another topic, if it could hold anything.
                if peek(&c, c"{") or peek(&c, c"["):
                    return None
                if is_text(&key, b"creationTime", 12) or is_text(&key, b"data", 4):
                    return None
                if not skip_value(&c):
                    return None
            elif is_text(&key, b"creationTime", 12):
                if seen & SEEN_TIME or not scan_count(&c, &created_ms) or created_ms >= TIME_LIMIT:
                    return None
                seen |= SEEN_TIME
            elif is_text(&key, b"data", 4):
                if seen & SEEN_DATA or not self._data(&c, &trace, block, &dropped):
                    return None
                seen |= SEEN_DATA
            elif not skip_value(&c):
                return None
            if take(&c, c","):
                continue
            if not take(&c, c"}"):
                return None
            skip_space(&c)
            if c.at != c.end or not seen & SEEN_TOPIC:
                return None
            if block._count or dropped:
                self._trace = trace
                self._traced = frame
            return created_ms, dropped, block

    cdef bint _topic(self, const Span* text) noexcept:
        """The root of our topics, or that, a point and our category."""
        cdef Py_ssize_t root = PyBytes_GET_SIZE(self._root)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(self._category)
        if text.size < root or memcmp(text.start, PyBytes_AS_STRING(self._root), root) != 0:
            return False
        return text.size == root or (
            text.size == root + 1 + size
            and text.start[root] == c"."
            and memcmp(text.start + root + 1, PyBytes_AS_STRING(self._category), size) == 0
        )

    cdef bint _data(
        self, Cursor* c, Trace* trace, Block block, Py_ssize_t* dropped
    ) except -1:
        """The rows; False if one of them is not plain."""
        cdef int found
        if not take(c, c"["):
            return False
        if take(c, c"]"):
            return True
        while True:
            found = self._row(c, trace, block)
            if found == ODD:
                return False
            if found == DROPPED:
                dropped[0] += 1
            else:
                block._count += 1
            if take(c, c","):
                continue
            return take(c, c"]")

    cdef Block _block(self):
        """What the rows of a frame are put into."""
        raise NotImplementedError

    cdef int _row(self, Cursor* c, Trace* trace, Block block) except -1:
        """KEPT when the next row was put into the next line of the block, DROPPED if it is not
        about us, ODD if it is not plain."""
        raise NotImplementedError

    cdef Market _market(self, const Span* symbol):
        """The instrument of a row, or None. Those of one instrument come in a row, and the others
        behind them mostly as the time before."""
        cdef Market last = self._last
        cdef Market found
        if last is not None:
            if is_named(last, symbol):
                return last
            found = last.follower
            if found is not None and is_named(found, symbol):
                self._last = found
                return found
        found = self._markets.get(PyBytes_FromStringAndSize(<const char*>symbol.start, symbol.size))
        if found is not None:
            if last is not None:
                last.follower = found
            self._last = found
        return found

    cdef bint _is_ours(self, const Span* category) noexcept:
        """Anything else is another product of the same name, or a word that nobody knows."""
        return category.size == 0 or is_text(
            category, PyBytes_AS_STRING(self._category), PyBytes_GET_SIZE(self._category)
        )


@cython.final
cdef class OrderRows(Frames):
    """Reads frames of order rows; see the stub."""

    def __cinit__(
        self,
        str category not None,
        str head not None,
        make not None,
        tuple fields not None,
        tuple sides not None,
        statuses not None,
    ):
        if len(fields) != FIELDS:
            raise ValueError(f"fields: expected {FIELDS} names, found {len(fields)}")
        if len(sides) != 2 or not 0 < len(statuses) <= STATUS_LIMIT:
            raise ValueError(f"expected 2 sides and 1 to {STATUS_LIMIT} statuses")
        self._make = make
        self._buy, self._sell = sides
        self._names = fields
        self._category = category.encode("ascii")
        self._head = head.encode("ascii")
        self._root = b"order"
        self._words = []
        self._status_words = [word.encode("ascii") for word in statuses]
        self._statuses = [status for status, _ in statuses.values()]
        self._codes = [int(status) for status, _ in statuses.values()]
        self._finals = [bool(final) for _, final in statuses.values()]

    cdef Block _block(self):
        cdef OrderBlock block = OrderBlock.__new__(OrderBlock)
        block._reader = self
        return block

    cdef int _row(self, Cursor* c, Trace* trace, Block block) except -1:
        cdef Row row
        cdef Market market
        if not scan_row(c, trace, &row):
            return ODD
        market = self._market(&row.texts[SYMBOL])
        if market is None:
            return DROPPED
        if not self._is_ours(&row.texts[CATEGORY]):
            return ODD
        return KEPT if self._line(&row, market, (<OrderBlock>block)._add()) else ODD

    cdef bint _line(self, Row* row, Market market, OrderLine* line) except -1:
        """A row about us as integers; False if one of its values is not plain."""
        cdef Span* texts = row.texts
        cdef Py_ssize_t place
        line.side = not is_text(&texts[SIDE], b"Buy", 3)
        if line.side and not is_text(&texts[SIDE], b"Sell", 4):
            return False
        place = self._status_of(&texts[STATUS])
        if place < 0:
            return False
        line.status = <int>place
        if not (
            steps_of(&texts[PRICE], market.tick_decimals, market.tick_units, &line.price_ticks)
            and steps_of(&texts[QTY], market.step_decimals, market.step_units, &line.lots)
            and steps_of(&texts[CUM_QTY], market.step_decimals, market.step_units, &line.cum_lots)
        ):
            return False
        line.leaves_lots = 0
        if self._finals[place] is False and not steps_of(
            &texts[LEAVES_QTY], market.step_decimals, market.step_units, &line.leaves_lots
        ):
            return False
        line.instrument = market.index
        line.client_id = id_of(
            &texts[LINK_ID], PyBytes_AS_STRING(self._head), PyBytes_GET_SIZE(self._head)
        )
        line.link_id = texts[LINK_ID]
        line.venue_id = texts[ORDER_ID]
        line.reject_text = texts[REJECT_REASON]
        line.cancel_text = texts[CANCEL_TYPE]
        line.reject_reason = self._word(&texts[REJECT_REASON])
        line.cancel_type = self._word(&texts[CANCEL_TYPE])
        line.updated_ms = time_of(&texts[UPDATED_TIME])
        line.reduce_only = row.reduce_only
        return True

    cdef Py_ssize_t _status_of(self, const Span* text) except -2:
        """The place of a status word, or -1; mostly that of the row before."""
        cdef bytes word = self._status_words[self._status_place]
        cdef Py_ssize_t place
        if is_text(text, PyBytes_AS_STRING(word), PyBytes_GET_SIZE(word)):
            return self._status_place
        for place in range(len(self._status_words)):
            word = self._status_words[place]
            if is_text(text, PyBytes_AS_STRING(word), PyBytes_GET_SIZE(word)):
                self._status_place = place
                return place
        return -1

    cdef int _word(self, const Span* text) except -2:
        """The place of one of the few words that come again and again; -1 for other ones."""
        cdef Py_ssize_t place
        cdef object word
        for place in range(len(self._words)):
            word = self._words[place]
            if is_text(text, <const char*>PyUnicode_DATA(word), PyUnicode_GET_LENGTH(word)):
                return <int>place
        if len(self._words) < WORD_LIMIT:
            self._words.append(intern(text_of(text)))
            return <int>len(self._words) - 1
        return -1

    cdef str _text(self, int word, const Span* text):
        """A word by its place, or as it stands in its frame."""
        return text_of(text) if word < 0 else self._words[word]
