"""Rows of the private stream about our orders and positions: bytes to messages without anything
in between.

The short way only: what is not spelled exactly as the venue spells it (an escape, a letter beyond
ASCII, an unknown word, a number off its grid, a repeated key) is answered with None, and the
caller reads the frame the long way, which alone decides what is wrong and says so.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from libc.stdint cimport int64_t
from libc.string cimport memcmp, memset

from mmfast._core.fixed cimport DECIMALS_LIMIT, integer, mmf_distance
from mmfast._core.scan cimport (
    Cursor, Span, peek, scan_count, skip_space, skip_value, skip_word, take,
)


cdef extern from "Python.h":
    void* PyUnicode_DATA(object text)
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


cdef bint scan_row(Cursor* c, Row* row) noexcept nogil:
    """One row, up to and with its closing brace; False if it is not plain."""
    cdef Span key
    cdef int field
    memset(row, 0, sizeof(Row))
    if not take(c, c"{"):
        return False
    while True:
        if not plain_text(c, &key) or not take(c, c":"):
            return False
        field = field_of(&key)
        skip_space(c)
        if field < 0:
            if not skip_plain(c):
                return False
        else:
            if row.seen >> field & 1:
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
        if take(c, c","):
            continue
        return take(c, c"}") and row.seen & REQUIRED == REQUIRED


cdef class Frames:
    """Frames of one topic: the way through them that all kinds of rows share."""

    def __cinit__(self):
        self._category = self._root = b""
        self._markets = {}

    def add(self, symbol, index, tick_decimals, tick_units, step_decimals, step_units):
        """See the stub: an instrument, or its new grids."""
        cdef Market market = Market()
        market.symbol = symbol.encode()
        market.index = index
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

    def read(self, bytes frame not None):
        """See the stub: time of creation, rows that are not about us, and the messages."""
        cdef Cursor c
        cdef Span key, text
        cdef unsigned int seen = 0
        cdef int64_t created_ms = 0
        cdef Py_ssize_t dropped = 0
        cdef list events = []
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
                if seen & SEEN_TIME or not scan_count(&c, &created_ms):
                    return None
                if created_ms >= TIME_LIMIT:
                    return None
                seen |= SEEN_TIME
            elif is_text(&key, b"data", 4):
                if seen & SEEN_DATA or not self._data(&c, events, &dropped):
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
            return created_ms, dropped, tuple(events)

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

    cdef bint _data(self, Cursor* c, list events, Py_ssize_t* dropped) except -1:
        """The rows; False if one of them is not plain."""
        cdef object event
        if not take(c, c"["):
            return False
        if take(c, c"]"):
            return True
        while True:
            event = self._row(c)
            if event is None:
                return False
            if event is False:
                dropped[0] += 1
            else:
                events.append(event)
            if take(c, c","):
                continue
            return take(c, c"]")

    cdef object _row(self, Cursor* c):
        """The message of the next row, False if it is not about us, None if it is not plain."""
        return None

    cdef Market _market(self, const Span* symbol):
        """The instrument of a row, or None. Those of one instrument come in a row."""
        cdef Market last = self._last
        if last is None or not is_text(
            symbol, PyBytes_AS_STRING(last.symbol), PyBytes_GET_SIZE(last.symbol)
        ):
            last = self._markets.get(
                PyBytes_FromStringAndSize(<const char*>symbol.start, symbol.size)
            )
            if last is not None:
                self._last = last
        return last

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
        if len(sides) != 2 or len(statuses) > STATUS_LIMIT:
            raise ValueError(f"expected 2 sides and at most {STATUS_LIMIT} statuses")
        self._make = make
        self._buy, self._sell = sides
        self._names = fields
        self._category = category.encode("ascii")
        self._head = head.encode("ascii")
        self._root = b"order"
        self._words = []
        self._status_words = [word.encode("ascii") for word in statuses]
        self._statuses = [status for status, _ in statuses.values()]
        self._finals = [bool(final) for _, final in statuses.values()]

    cdef object _row(self, Cursor* c):
        cdef Row row
        cdef Market market
        if not scan_row(c, &row):
            return None
        market = self._market(&row.texts[SYMBOL])
        if market is None:
            return False
        return self._event(&row, market) if self._is_ours(&row.texts[CATEGORY]) else None

    cdef object _event(self, Row* row, Market market):
        """The message of a row about us, or None."""
        cdef PyObject* args[FIELDS]
        cdef Span* texts = row.texts
        cdef Span* status = &texts[STATUS]
        cdef Py_ssize_t place
        cdef int64_t ticks, lots, cum_lots, leaves_lots
        cdef object side
        cdef bytes word
        if is_text(&texts[SIDE], b"Buy", 3):
            side = self._buy
        elif is_text(&texts[SIDE], b"Sell", 4):
            side = self._sell
        else:
            return None
        for place in range(len(self._status_words)):
            word = self._status_words[place]
            if is_text(status, PyBytes_AS_STRING(word), PyBytes_GET_SIZE(word)):
                break
        else:
            return None
        if not (
            steps_of(&texts[PRICE], market.tick_decimals, market.tick_units, &ticks)
            and steps_of(&texts[QTY], market.step_decimals, market.step_units, &lots)
            and steps_of(&texts[CUM_QTY], market.step_decimals, market.step_units, &cum_lots)
        ):
            return None
        leaves_lots = 0
        if self._finals[place] is False and not steps_of(
            &texts[LEAVES_QTY], market.step_decimals, market.step_units, &leaves_lots
        ):
            return None
        cdef object client_id = id_of(
            &texts[LINK_ID], PyBytes_AS_STRING(self._head), PyBytes_GET_SIZE(self._head)
        )
        cdef object link_id = text_of(&texts[LINK_ID])
        cdef object venue_id = text_of(&texts[ORDER_ID])
        cdef object price_ticks = ticks
        cdef object lots_of_all = lots
        cdef object lots_done = cum_lots
        cdef object lots_left = leaves_lots
        cdef object reject_reason = self._word(&texts[REJECT_REASON])
        cdef object cancel_type = self._word(&texts[CANCEL_TYPE])
        cdef object updated_ms = time_of(&texts[UPDATED_TIME])
        cdef object reduce_only = <bint>row.reduce_only
        args[0] = <PyObject*>client_id
        args[1] = <PyObject*>link_id
        args[2] = <PyObject*>venue_id
        args[3] = <PyObject*>market.index
        args[4] = <PyObject*>side
        args[5] = <PyObject*>self._statuses[place]
        args[6] = <PyObject*>price_ticks
        args[7] = <PyObject*>lots_of_all
        args[8] = <PyObject*>lots_done
        args[9] = <PyObject*>lots_left
        args[10] = <PyObject*>reject_reason
        args[11] = <PyObject*>cancel_type
        args[12] = <PyObject*>updated_ms
        args[13] = <PyObject*>reduce_only
        return PyObject_Vectorcall(self._make, args, 0, <PyObject*>self._names)

    cdef object _word(self, const Span* text):
        """A str of one of the few words that come again and again."""
        cdef object word
        for word in self._words:
            if is_text(text, <const char*>PyUnicode_DATA(word), PyUnicode_GET_LENGTH(word)):
                return word
        word = text_of(text)
        if len(self._words) < WORD_LIMIT:
            self._words.append(word)
        return word


cdef bint scan_position(Cursor* c, Position* row) noexcept nogil:
    """One row, up to and with its closing brace; False if it is not plain."""
    cdef Span key
    cdef Span* text
    cdef int64_t count = 0
    memset(row, 0, sizeof(Position))
    row.seq = -1
    if not take(c, c"{"):
        return False
    while True:
        if not plain_text(c, &key) or not take(c, c":"):
            return False
        skip_space(c)
        text = position_text(row, &key)
        if text != NULL:
            # Null and repeated keys are left to the long way.
            if text.start != NULL or not plain_text(c, text):
                return False
        elif is_text(&key, b"positionIdx", 11):
            if row.seen & SEEN_IDX or not scan_count(c, &count) or count != 0:
                return False
            row.seen |= SEEN_IDX
        elif is_text(&key, b"seq", 3):
            if row.seen & SEEN_SEQ or not (
                skip_word(c, b"-1", 2) or scan_count(c, &row.seq)
            ):
                return False
            row.seen |= SEEN_SEQ
        elif not skip_plain(c):
            return False
        if take(c, c","):
            continue
        return take(c, c"}") and row.symbol.start != NULL and row.size.start != NULL


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

    cdef object _row(self, Cursor* c):
        cdef Position row
        cdef Market market
        cdef int64_t lots
        cdef object lots_signed, value_e8, updated_ms, seq
        cdef PyObject* args[POSITION_FIELDS]
        if not scan_position(c, &row):
            return None
        market = self._market(&row.symbol)
        if market is None:
            return False
        if not self._is_ours(&row.category):
            return None
        if not steps_of(&row.size, market.step_decimals, market.step_units, &lots):
            return None
        value_e8 = product_e8(
            &row.entry_price if row.entry_price.size else &row.avg_price, &row.size
        )
        if value_e8 is None:
            return None
        if lots == 0 or is_text(&row.side, b"Buy", 3):
            lots_signed = lots
        elif is_text(&row.side, b"Sell", 4):
            lots_signed = -lots
        else:
            return None
        updated_ms = time_of(&row.updated_time)
        seq = row.seq
        args[0] = <PyObject*>market.index
        args[1] = <PyObject*>lots_signed
        args[2] = <PyObject*>value_e8
        args[3] = <PyObject*>updated_ms
        args[4] = <PyObject*>seq
        return PyObject_Vectorcall(self._make, args, 0, <PyObject*>self._names)


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
