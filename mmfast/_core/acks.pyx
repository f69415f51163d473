"""Replies that accept every order: bytes to what they prove without anything in between.

The short way only, as in ``rows``: what is not spelled exactly as the venue spells it, or says
anything but that our very orders were accepted in their order, is answered with None.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyTypeObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_SET_ITEM
from libc.stdint cimport int64_t
from libc.string cimport memcmp

from mmfast._core.rows cimport id_of, is_text, plain_text, skip_plain, text_of
from mmfast._core.scan cimport Cursor, Span, scan_count, skip_space, skip_value, skip_word, take


cdef extern from "Python.h":
    object PyType_GenericAlloc(PyTypeObject* kind, Py_ssize_t items)
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    bint PyUnicode_IS_ASCII(object text)
    long long PyLong_AsLongLongAndOverflow(object number, int* beyond) except? -1


cdef enum:
    SEEN_REQ_ID = 1
    SEEN_CODE = 2
    SEEN_TEXT = 4
    SEEN_OP = 8
    SEEN_DATA = 16
    SEEN_EXT_INFO = 32
    SEEN_HEADER = 64
    #: What a message has to have, by the way it came.
    OF_SOCKET = 127
    OF_HTTP = 2 | 4 | 16 | 32


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


cdef int64_t rate_number(const Span* text) noexcept nogil:
    """Digits as a number; -1 for anything else."""
    cdef int64_t value = 0
    cdef unsigned int digit
    cdef Py_ssize_t at
    if text.size == 0 or text.size > RATE_DIGITS:
        return -1
    for at in range(text.size):
        digit = <unsigned int>text.start[at] ^ 48u
        if digit > 9:
            return -1
        value = value * 10 + digit
    return value


cdef int64_t named(object command) except? -1:
    """Which order a command names; -1 if that is no number of ours."""
    cdef object client_id = <object>PyTuple_GET_ITEM(command, CLIENT_ID)
    cdef int64_t number
    cdef int beyond = 0
    if not isinstance(client_id, int):
        return -1
    number = PyLong_AsLongLongAndOverflow(client_id, &beyond)
    return -1 if beyond else number


cdef int rate_place(const Span* key) noexcept nogil:
    """Which of the rate headers a key names, or -1."""
    if is_text(key, b"X-Bapi-Limit", 12):
        return 0
    if is_text(key, b"X-Bapi-Limit-Status", 19):
        return 1
    return 2 if is_text(key, b"X-Bapi-Limit-Reset-Timestamp", 28) else -1


@cython.final
@cython.freelist(8)
cdef class Reply:
    """A reply without a refusal of the whole, read but not judged; see the stub."""

    ret_code = 0
    ret_msg = ""

    @property
    def data(self):
        """See the stub: the JSON of ``data`` or ``result``."""
        return PyBytes_FromStringAndSize(<const char*>self._data.start, self._data.size)

    @property
    def ret_ext_info(self):
        """See the stub: the JSON of ``retExtInfo``."""
        return PyBytes_FromStringAndSize(<const char*>self._ext_info.start, self._ext_info.size)

    @property
    def rate(self):
        """See the stub: the rate budget."""
        cdef object rate = PyType_GenericAlloc(<PyTypeObject*>self._make_rate, 3)
        cdef object number
        cdef Py_ssize_t place
        for place in range(3):
            number = self._rate[place]
            Py_INCREF(number)
            PyTuple_SET_ITEM(rate, place, number)
        return rate

    cdef bint _read(self, Cursor* c, bint socket, Acks reader) except -1:
        """The whole message; False if it is not plain."""
        if not self._envelope(c, socket, reader):
            return False
        skip_space(c)
        return c.at == c.end

    cdef bint _envelope(self, Cursor* c, bint socket, Acks reader) except -1:
        cdef Span key, text
        cdef unsigned int seen = 0, field
        cdef int64_t code = 0
        cdef Cursor data
        if not take(c, c"{"):
            return False
        while True:
            if not plain_text(c, &key) or not take(c, c":"):
                return False
            if is_text(&key, b"retCode", 7):
                field = SEEN_CODE
                if not scan_count(c, &code) or code != 0:
                    return False
            elif is_text(&key, b"retMsg", 6):
                field = SEEN_TEXT
                if not plain_text(c, &text):
                    return False
            elif is_text(&key, b"retExtInfo", 10):
                field = SEEN_EXT_INFO
                skip_space(c)
                self._ext_info.start = c.at
                if not self._takes_all(c, reader) and not skip_value(c):
                    return False
                self._ext_info.size = c.at - self._ext_info.start
            elif is_text(&key, b"data", 4) if socket else is_text(&key, b"result", 6):
                field = SEEN_DATA
                skip_space(c)
                self._data.start = c.at
                data = c[0]
                if self._list(&data, reader._head):
                    c[0] = data
                else:
                    self._rows = NO_ROWS
                    if not skip_value(c):
                        return False
                self._data.size = c.at - self._data.start
            elif socket and is_text(&key, b"reqId", 5):
                field = SEEN_REQ_ID
                if not plain_text(c, &text):
                    return False
                self.req_id = text_of(&text)
            elif socket and is_text(&key, b"op", 2):
                field = SEEN_OP
                if not plain_text(c, &text):
                    return False
                self.op = text_of(&text)
            elif socket and is_text(&key, b"header", 6):
                field = SEEN_HEADER
                if not self._header(c):
                    return False
            else:
                field = 0
                if not skip_plain(c):
                    return False
            if seen & field:
                return False
            seen |= field
            if take(c, c","):
                continue
            return take(c, c"}") and seen == <unsigned int>(OF_SOCKET if socket else OF_HTTP)

    cdef bint _list(self, Cursor* c, bytes head) noexcept:
        """The rows of ``{"list":[...]}``; False if there is anything else."""
        cdef Span key, link_id
        cdef int rows = 0
        if not take(c, c"{") or not plain_text(c, &key) or not is_text(&key, b"list", 4):
            return False
        if not take(c, c":") or not take(c, c"["):
            return False
        if not take(c, c"]"):
            while True:
                if rows == ROWS_LIMIT or not scan_ack(c, &link_id, &self._names[rows]):
                    return False
                self._ids[rows] = id_of(&link_id, PyBytes_AS_STRING(head), PyBytes_GET_SIZE(head))
                rows += 1
                if take(c, c","):
                    continue
                if not take(c, c"]"):
                    return False
                break
        self._rows = rows
        return take(c, c"}")

    cdef bint _takes_all(self, Cursor* c, Acks reader) except -1:
        """Whether what comes next says, to the byte, that every row before it was accepted."""
        cdef bytes done
        if self._rows < 0:
            return False
        done = reader._all_done[self._rows]
        self._all_taken = skip_word(c, PyBytes_AS_STRING(done), PyBytes_GET_SIZE(done))
        return self._all_taken

    cdef bint _header(self, Cursor* c) noexcept:
        """The rate headers; False if one is missing or no number."""
        cdef Span key, text
        cdef int place
        if not take(c, c"{"):
            return False
        while True:
            # All values are text; of what else may stand there the long way knows what to think.
            if not plain_text(c, &key) or not take(c, c":") or not plain_text(c, &text):
                return False
            place = rate_place(&key)
            if place >= 0:
                if self._rate[place] >= 0:
                    return False
                self._rate[place] = rate_number(&text)
                if self._rate[place] < 0:
                    return False
            if take(c, c","):
                continue
            if not take(c, c"}"):
                return False
            return self._rate[0] >= 0 and self._rate[1] >= 0 and self._rate[2] >= 0


@cython.final
@cython.freelist(8)
cdef class Accepted:
    """A reply that accepts every command of a batch; see the stub."""

    def __len__(self):
        return PyTuple_GET_SIZE(self.commands)

    def __getitem__(self, place):
        return self._all()[place]

    def __iter__(self):
        return iter(self._all())

    def count(self, item):
        return self._all().count(item)

    def index(self, item, *between):
        return self._all().index(item, *between)

    def __eq__(self, other):
        return self._all() == (tuple(other) if isinstance(other, Accepted) else other)

    def __hash__(self):
        return hash(self._all())

    def __repr__(self):
        return repr(self._all())

    cpdef object client_id(self, Py_ssize_t row):
        """See the stub: which order a row is about."""
        return <object>PyTuple_GET_ITEM(self._command(row), CLIENT_ID)

    cpdef int64_t instrument(self, Py_ssize_t row) except -1:
        """See the stub: the instrument of that order."""
        return <object>PyTuple_GET_ITEM(self._command(row), INSTRUMENT)

    cdef object _command(self, Py_ssize_t row):
        if not 0 <= row < PyTuple_GET_SIZE(self.commands):
            raise IndexError(f"expected a row of {len(self.commands)}, found {row}")
        return <object>PyTuple_GET_ITEM(self.commands, row)

    cpdef str venue_id(self, Py_ssize_t row, str known):
        """See the stub: the venue's id of an order, ``known`` itself if that is it."""
        cdef const Span* name
        self._command(row)
        name = &self._reply._names[row]
        if known is not None and PyUnicode_GET_LENGTH(known) == name.size:
            if PyUnicode_IS_ASCII(known):
                if memcmp(PyUnicode_DATA(known), name.start, name.size) == 0:
                    return known
        return text_of(name)

    cdef tuple _all(self):
        if self._items is None:
            made = [self._made(row) for row in range(PyTuple_GET_SIZE(self.commands))]
            self._items = tuple(made)
        return self._items

    cdef object _made(self, Py_ssize_t row):
        cdef object client_id = <object>PyTuple_GET_ITEM(self.commands[row], CLIENT_ID)
        cdef object name = text_of(&self._reply._names[row])
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


@cython.final
cdef class Acks:
    """Reads replies that refuse nothing; see the stub."""

    def __cinit__(
        self, str head not None, type item not None, ack not None, type rate not None
    ):
        for kind in (item, rate):
            if not issubclass(kind, tuple):
                raise TypeError(f"expected a kind of tuple, found {kind.__name__}")
        self._head = head.encode("ascii")
        self._item = item
        self._ack = ack
        self._rate = rate
        done = b'{"code":0,"msg":"OK"}'
        self._all_done = [
            b'{"list":[%b]}' % b",".join([done] * count) for count in range(ROWS_LIMIT + 1)
        ]

    def socket(self, bytes frame not None):
        """See the stub: a message of the trade socket, or None."""
        return self._reply(frame, True)

    def http(self, bytes body not None):
        """See the stub: the body of an HTTP reply, or None."""
        return self._reply(body, False)

    cdef Reply _reply(self, bytes text, bint socket):
        cdef Reply reply = Reply.__new__(Reply)
        cdef Cursor c
        reply._frame = text
        reply._make_rate = self._rate
        reply._rows = NO_ROWS
        reply._rate[0] = reply._rate[1] = reply._rate[2] = -1
        c.at = <const unsigned char*>PyBytes_AS_STRING(text)
        c.end = c.at + PyBytes_GET_SIZE(text)
        return reply if reply._read(&c, socket, self) else None

    def accepted(self, Reply reply not None, tuple commands not None):
        """See the stub: what the reply proves, or None."""
        cdef Py_ssize_t count = PyTuple_GET_SIZE(commands)
        cdef Py_ssize_t row, other
        cdef object command
        cdef Accepted made
        if count != reply._rows or not reply._all_taken:
            return None
        for row in range(count):
            command = <object>PyTuple_GET_ITEM(commands, row)
            if not isinstance(command, tuple) or PyTuple_GET_SIZE(command) != COMMAND_FIELDS:
                return None
            if reply._ids[row] == 0 or reply._ids[row] != named(command):
                return None
            for other in range(row):
                if reply._ids[other] == reply._ids[row]:
                    return None
        made = Accepted.__new__(Accepted)
        made.commands = commands
        made._reply = reply
        made._item = self._item
        made._ack = self._ack
        return made
