"""Rows about our orders, of the private stream and of replies: bytes to messages without
anything in between.

The short way only: what is not spelled exactly as the venue spells it (an escape, a letter beyond
ASCII, an unknown word, a number off its grid, a repeated key) is answered with None, and the
caller reads the frame the long way, which alone decides what is wrong and says so.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_SET_ITEM
from libc.stdint cimport int64_t
from libc.string cimport memcmp, memcpy, memset

from mmfast._core.fixed cimport DECIMALS_LIMIT, integer, mmf_distance
from mmfast._core.scan cimport (
    Cursor, Span, peek, scan_count, skip_space, skip_value, skip_word, take,
)


cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 most)
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    object PyObject_Vectorcall(object call, PyObject** args, size_t count, PyObject* names)
    object PyType_GenericAlloc(PyTypeObject* kind, Py_ssize_t items)

cdef enum:
    SEEN_TOPIC = 1
    SEEN_TIME = 2
    SEEN_DATA = 4

cdef int64_t TIME_LIMIT = 10**15


@cython.final
cdef class Market:
    """The grids of one instrument."""


cdef object text_of(const Span* span):
    """A str of ASCII text."""
    cdef object text = PyUnicode_New(span.size, 127)
    if span.size:
        memcpy(PyUnicode_DATA(text), span.start, span.size)
    return text


cdef bint skip_plain(Cursor* c) noexcept nogil:
    """A value that nobody reads."""
    cdef Span ignored
    skip_space(c)
    if c.at < c.end and c.at[0] == c'"':
        return plain_text(c, &ignored)
    return skip_value(c)


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


@cython.final
cdef class OrderRows:
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
        self._markets = {}
        self._words = []
        self._status_words = [word.encode("ascii") for word in statuses]
        self._statuses = [status for status, _ in statuses.values()]
        self._finals = [bool(final) for _, final in statuses.values()]

    def add(self, symbol, index, tick_decimals, tick_units, step_decimals, step_units):
        """See the stub: an instrument, or its new grids."""
        cdef Market market = Market()
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
        self._markets[symbol.encode()] = market

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
        """``order``, or ``order.`` and our category."""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(self._category)
        if text.size == 5:
            return memcmp(text.start, b"order", 5) == 0
        return (
            text.size == 6 + size
            and memcmp(text.start, b"order.", 6) == 0
            and memcmp(text.start + 6, PyBytes_AS_STRING(self._category), size) == 0
        )

    cdef bint _data(self, Cursor* c, list events, Py_ssize_t* dropped) except -1:
        """The rows; False if one of them is not plain."""
        cdef Row row
        cdef Span* symbol = &row.texts[SYMBOL]
        cdef Span* category = &row.texts[CATEGORY]
        cdef Span known
        cdef Market market = None
        cdef object event
        known.start, known.size = NULL, -1
        if not take(c, c"["):
            return False
        if take(c, c"]"):
            return True
        while True:
            if not scan_row(c, &row):
                return False
            # Orders of one instrument come in a row.
            if symbol.size != known.size or memcmp(symbol.start, known.start, known.size) != 0:
                known = symbol[0]
                market = self._markets.get(
                    PyBytes_FromStringAndSize(<const char*>symbol.start, symbol.size)
                )
            if market is None:
                dropped[0] += 1
            elif category.size and not is_text(
                category, PyBytes_AS_STRING(self._category), PyBytes_GET_SIZE(self._category)
            ):
                # Another product of the same name, or a word that nobody knows.
                return False
            else:
                event = self._event(&row, market)
                if event is None:
                    return False
                events.append(event)
            if take(c, c","):
                continue
            return take(c, c"]")

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


cdef bint scan_ack(Cursor* c, Span* link_id, Span* venue_id) noexcept nogil:
    """One row of a reply; False if it is not plain, or lacks one of the ids."""
    cdef Span key
    link_id.start, link_id.size = NULL, 0
    venue_id.start, venue_id.size = NULL, 0
    if not take(c, c"{"):
        return False
    while True:
        if not plain_text(c, &key) or not take(c, c":"):
            return False
        if is_text(&key, b"orderLinkId", 11):
            if link_id.start != NULL or not plain_text(c, link_id):
                return False
        elif is_text(&key, b"orderId", 7):
            if venue_id.start != NULL or not plain_text(c, venue_id):
                return False
        elif not skip_plain(c):
            return False
        if take(c, c","):
            continue
        return take(c, c"}") and link_id.size > 0 and venue_id.size > 0


@cython.final
cdef class Acks:
    """Reads rows of replies in which everything was accepted; see the stub."""

    def __cinit__(self, str head not None, type item not None, ack not None):
        if not issubclass(item, tuple):
            raise TypeError(f"item: expected a kind of tuple, found {item.__name__}")
        self._head = head.encode("ascii")
        self._item = item
        self._ack = ack

    def read(self, result not None, tuple commands not None):
        """See the stub: an item for each command, or None."""
        cdef bytes text = bytes(result)
        cdef Cursor c
        cdef Span key
        cdef tuple items
        c.at = <const unsigned char*>PyBytes_AS_STRING(text)
        c.end = c.at + PyBytes_GET_SIZE(text)
        if not take(&c, c"{") or not plain_text(&c, &key) or not is_text(&key, b"list", 4):
            return None
        if not take(&c, c":") or not take(&c, c"["):
            return None
        items = self._rows(&c, commands)
        if items is None or not take(&c, c"]") or not take(&c, c"}"):
            return None
        skip_space(&c)
        return items if c.at == c.end else None

    cdef tuple _rows(self, Cursor* c, tuple commands):
        """The rows, each about the command in its place; None if one is not."""
        cdef int64_t[ITEMS_LIMIT] ids
        cdef Py_ssize_t count = PyTuple_GET_SIZE(commands)
        cdef Py_ssize_t row, other
        cdef Span link_id, venue_id
        cdef list items = []
        cdef object command, client_id
        if count > ITEMS_LIMIT:
            return None
        for row in range(count):
            command = commands[row]
            if not isinstance(command, tuple) or PyTuple_GET_SIZE(command) != COMMAND_FIELDS:
                return None
            client_id = <object>PyTuple_GET_ITEM(command, CLIENT_ID)
            if row and not take(c, c",") or not scan_ack(c, &link_id, &venue_id):
                return None
            ids[row] = id_of(
                &link_id, PyBytes_AS_STRING(self._head), PyBytes_GET_SIZE(self._head)
            )
            if ids[row] == 0 or client_id != ids[row]:
                return None
            for other in range(row):
                if ids[other] == ids[row]:
                    return None
            items.append(self._made(client_id, &venue_id))
        return tuple(items)

    cdef object _made(self, object client_id, const Span* venue_id):
        cdef object name = text_of(venue_id)
        cdef object item = PyType_GenericAlloc(<PyTypeObject*>self._item, 5)
        # Each place takes a reference of its own.
        Py_INCREF(client_id)
        PyTuple_SET_ITEM(item, 0, client_id)
        Py_INCREF(self._ack)
        PyTuple_SET_ITEM(item, 1, self._ack)
        Py_INCREF(0)
        PyTuple_SET_ITEM(item, 2, 0)
        Py_INCREF("")
        PyTuple_SET_ITEM(item, 3, "")
        Py_INCREF(name)
        PyTuple_SET_ITEM(item, 4, name)
        return item
