"""Order requests as JSON bytes, written from per-instrument templates and integers.

Everything that does not change from order to order is written once, when the instrument is
registered; an order costs a few copies and the digits of its numbers.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcpy, memset

from mmfast._core.fixed cimport (
    DECIMALS_LIMIT, integer, mmf_distance, mmf_mul, mmf_put_hex, mmf_put_padded, write_decimal,
)

cdef enum:
    CANCEL = 0
    AMEND = 1
    PLACE = 2

cdef enum:
    POST_ONLY = 1
    REDUCE_ONLY = 2
    IOC = 4
    AMEND_PRICE = 16
    AMEND_QTY = 32

cdef enum:
    #: Positions in ``mmfast.messages.Command``.
    AT_OP = 0
    AT_INSTRUMENT = 2
    AT_SIDE = 3
    AT_FLAGS = 4
    AT_PRICE = 5
    AT_LOTS = 6
    AT_CLIENT_ID = 7
    COMMAND_FIELDS = 8

cdef enum:
    #: What may be wrong with an item.
    FINE = 0
    OTHER_OPERATION = 1
    NO_CLIENT_ID = 2
    AMENDS_NOTHING = 3
    NO_PRICE = 4
    NO_SIZE = 5
    NO_SIDE = 6
    TWO_FORCES = 7
    NO_INSTRUMENT = 8
    PRICE_TOO_LARGE = 9
    SIZE_TOO_LARGE = 10

cdef dict FAULT_TEXTS = {
    OTHER_OPERATION: "expected the operation of the request throughout",
    NO_CLIENT_ID: "expected a positive client id",
    AMENDS_NOTHING: "expected AMEND_PRICE or AMEND_QTY among the flags",
    NO_PRICE: "expected a positive price",
    NO_SIZE: "expected a positive size",
    NO_SIDE: "expected side 0 or 1",
    TWO_FORCES: "expected POST_ONLY or IOC, not both",
    NO_INSTRUMENT: "expected a registered instrument",
    PRICE_TOO_LARGE: "price: expected units that fit 64 bits",
    SIZE_TOO_LARGE: "qty: expected units that fit 64 bits",
}

MAX_BATCH = BATCH_LIMIT


class EncodeError(ValueError):
    """A command that must not be written."""


cdef int check_word(str what, str word, Py_ssize_t limit) except -1:
    """Only what needs no escaping in JSON, in a query string and in a header."""
    if not 0 < len(word) <= limit:
        raise EncodeError(f"{what}: expected 1 to {limit} characters, found {len(word)}")
    for character in word:
        if not (character.isascii() and character.isalnum()) and character not in "_-":
            raise EncodeError(
                f"{what}: expected letters, digits, '_' and '-' only, found {word!r}"
            )
    return 0


cdef int check_grid(str what, int64_t decimals, int64_t units) except -1:
    if not 0 <= decimals <= DECIMALS_LIMIT:
        raise EncodeError(
            f"{what}_decimals: expected 0 to {DECIMALS_LIMIT}, found {decimals}"
        )
    if units <= 0:
        raise EncodeError(f"{what}_units: expected a positive integer, found {units}")
    return 0


cdef int set_text(Text* text, bytes value) except -1:
    cdef Py_ssize_t size = PyBytes_GET_SIZE(value)
    if size > PREFIX_ROOM:
        raise EncodeError(f"template of {size} bytes exceeds {PREFIX_ROOM}")
    memcpy(text.data, PyBytes_AS_STRING(value), size)
    text.size = <int32_t>size
    return 0


cdef inline char* put_text(char* out, const Text* text) noexcept nogil:
    return mmf_put_padded(out, text.data, text.size)


cdef inline int place_kind(int64_t side, int64_t flags) noexcept nogil:
    cdef int force = 2 if flags & IOC else (1 if flags & POST_ONLY else 0)
    return <int>(side * 6 + force * 2 + (1 if flags & REDUCE_ONLY else 0))


cdef inline char* put_grid(
    char* out, int64_t count, int64_t units, int decimals
) noexcept nogil:
    """Digits of a count of grid steps, which must fit 64 bits."""
    return out + write_decimal(out, <uint64_t>(count * units), decimals)


@cython.final
cdef class OrderEncoder:
    """Writes bodies of the order endpoints for one category; see the stub."""

    def __cinit__(self, str category not None, str head not None):
        check_word("category", category, SMP_LIMIT)
        check_word("head", head, HEAD_LIMIT)
        self._category = category.encode("ascii")
        self._head = head.encode("ascii")
        set_text(&self._batch_prefix, b'{"category":"%b","request":[' % self._category)
        set_text(&self._single_prefix, b'{"category":"%b",' % self._category)
        self._room = <char*>PyMem_Malloc(FRAME_ROOM + PREFIX_ROOM + ITEM_ROOM * BATCH_LIMIT)
        if self._room == NULL:
            raise MemoryError("room for one batch")

    def __dealloc__(self):
        PyMem_Free(self._room)
        PyMem_Free(self._templates)

    def add_instrument(
        self,
        index,
        str symbol not None,
        tick_decimals,
        tick_units,
        step_decimals,
        step_units,
        str smp_type not None="",
    ):
        """See the stub: register or replace one instrument."""
        cdef Template* template
        cdef int64_t at = integer(index)
        cdef int kind
        cdef bytes name, smp
        if not 0 <= at < INSTRUMENTS_LIMIT:
            raise EncodeError(f"index: expected 0 to {INSTRUMENTS_LIMIT - 1}, found {at}")
        check_word("symbol", symbol, SYMBOL_LIMIT)
        check_grid("tick", integer(tick_decimals), integer(tick_units))
        check_grid("step", integer(step_decimals), integer(step_units))
        if smp_type:
            check_word("smp_type", smp_type, SMP_LIMIT)
        self._grow(at + 1)
        template = &self._templates[at]
        template.known = True
        template.tick_decimals = tick_decimals
        template.tick_units = tick_units
        template.step_decimals = step_decimals
        template.step_units = step_units
        name = symbol.encode("ascii")
        smp = smp_type.encode("ascii")
        for kind in range(PLACE_KINDS):
            set_text(&template.place[kind], place_prefix(name, kind, smp, self._head))
        set_text(&template.name, b'"symbol":"%b","orderLinkId":"%b' % (name, self._head))

    cdef int _grow(self, Py_ssize_t count) except -1:
        """Room for ``count`` templates; new ones are zero, so not known."""
        cdef Template* grown
        if count <= self._count:
            return 0
        grown = <Template*>PyMem_Realloc(self._templates, count * sizeof(Template))
        if grown == NULL:
            raise MemoryError(f"{count} instrument templates")
        memset(&grown[self._count], 0, (count - self._count) * sizeof(Template))
        self._templates = grown
        self._count = count
        return 0

    cdef int _read(self, object command, int op, Item* item) except -1:
        """Read one command by position and refuse what must not be written."""
        cdef int fault
        if not isinstance(command, tuple) or PyTuple_GET_SIZE(command) != COMMAND_FIELDS:
            raise EncodeError(f"expected a command of {COMMAND_FIELDS} fields, found {command!r}")
        try:
            item.op = integer(<object>PyTuple_GET_ITEM(command, AT_OP))
            item.instrument = integer(<object>PyTuple_GET_ITEM(command, AT_INSTRUMENT))
            item.side = integer(<object>PyTuple_GET_ITEM(command, AT_SIDE))
            item.flags = integer(<object>PyTuple_GET_ITEM(command, AT_FLAGS))
            item.price_ticks = integer(<object>PyTuple_GET_ITEM(command, AT_PRICE))
            item.lots = integer(<object>PyTuple_GET_ITEM(command, AT_LOTS))
            item.client_id = integer(<object>PyTuple_GET_ITEM(command, AT_CLIENT_ID))
        except (OverflowError, TypeError) as error:
            raise EncodeError(f"expected 64-bit integers, found {command!r}") from error
        fault = fault_of(item, op)
        if fault == FINE:
            fault = self._fault_of_grid(item)
        if fault != FINE:
            self._refuse(command, fault)
        return 0

    cdef int _refuse(self, object command, int fault) except -1:
        raise EncodeError(f"{FAULT_TEXTS[fault]}, found {command!r}")

    cdef int _fault_of_grid(self, const Item* item) noexcept nogil:
        """Whether the instrument is known, and the numbers fit on its grid."""
        cdef const Template* template
        cdef int64_t units = 0
        if not 0 <= item.instrument < self._count:
            return NO_INSTRUMENT
        template = &self._templates[item.instrument]
        if not template.known:
            return NO_INSTRUMENT
        if is_sized(item) and mmf_mul(item.lots, template.step_units, &units):
            return SIZE_TOO_LARGE
        if is_priced(item) and mmf_mul(item.price_ticks, template.tick_units, &units):
            return PRICE_TOO_LARGE
        return FINE

    cdef char* _write(self, char* out, const Item* item) noexcept nogil:
        """One item without its opening brace."""
        cdef const Template* template = &self._templates[item.instrument]
        if item.op == PLACE:
            out = put_text(out, &template.place[place_kind(item.side, item.flags)])
        else:
            out = put_text(out, &template.name)
        out = mmf_put_hex(out, <uint64_t>item.client_id)
        if is_sized(item):
            memcpy(out, b'","qty":"', 9)
            out = put_grid(out + 9, item.lots, template.step_units, template.step_decimals)
        if is_priced(item):
            memcpy(out, b'","price":"', 11)
            out = put_grid(out + 11, item.price_ticks, template.tick_units, template.tick_decimals)
        memcpy(out, b'"}', 2)
        return out + 2

    cdef char* _put_batch(self, char* out, int op, object commands) except NULL:
        cdef Item item
        cdef Py_ssize_t count = len(commands)
        if not 0 < count <= BATCH_LIMIT:
            raise EncodeError(f"expected 1 to {BATCH_LIMIT} commands in a batch, found {count}")
        out = put_text(out, &self._batch_prefix)
        for command in commands:
            # A sequence may lie about its length; the room does not.
            count -= 1
            if count < 0:
                raise EncodeError("the batch gave more commands than its length")
            self._read(command, op, &item)
            out[0] = c"{"
            out = self._write(out + 1, &item)
            out[0] = c","
            out += 1
        if count:
            raise EncodeError("the batch gave fewer commands than its length")
        memcpy(out - 1, b"]}", 2)
        return out + 1

    cdef char* _put_single(self, char* out, int op, object command) except NULL:
        cdef Item item
        self._read(command, op, &item)
        return self._write(put_text(out, &self._single_prefix), &item)

    cdef char* _open_frame(
        self, int op, bint batch, object req_id, object timestamp_ms, object recv_window_ms
    ) except NULL:
        """Everything before the body."""
        cdef const char* text
        cdef const char* word
        cdef Py_ssize_t size = 0
        cdef int64_t time_ms = integer(timestamp_ms)
        cdef int64_t window_ms = integer(recv_window_ms)
        cdef char* out = self._room
        text = check_req_id(req_id, &size)
        if time_ms < 0 or window_ms <= 0:
            raise EncodeError(
                f"expected a time of 0 or more and a positive window, "
                f"found {time_ms} and {window_ms} ms"
            )
        memcpy(out, b'{"reqId":"', 10)
        memcpy(out + 10, text, size)
        out += 10 + size
        memcpy(out, b'","header":{"X-BAPI-TIMESTAMP":"', 32)
        out += 32 + write_decimal(out + 32, <uint64_t>time_ms, 0)
        memcpy(out, b'","X-BAPI-RECV-WINDOW":"', 24)
        out += 24 + write_decimal(out + 24, <uint64_t>window_ms, 0)
        memcpy(out, b'"},"op":"order.', 15)
        out += 15
        word = b"create" if op == PLACE else b"amend" if op == AMEND else b"cancel"
        memcpy(out, word, 5 if op == AMEND else 6)
        out += 5 if op == AMEND else 6
        if batch:
            memcpy(out, b"-batch", 6)
            out += 6
        memcpy(out, b'","args":[', 10)
        return out + 10

    cdef bytes _close_frame(self, char* out):
        memcpy(out, b"]}", 2)
        return PyBytes_FromStringAndSize(self._room, mmf_distance(self._room, out) + 2)

    def batch(self, op, commands):
        """See the stub: one batch body."""
        cdef char* out = self._put_batch(self._room, op_of(op), commands)
        return PyBytes_FromStringAndSize(self._room, mmf_distance(self._room, out))

    def single(self, op, command):
        """See the stub: one single-order body."""
        cdef char* out = self._put_single(self._room, op_of(op), command)
        return PyBytes_FromStringAndSize(self._room, mmf_distance(self._room, out))

    def batch_frame(self, op, commands, req_id, timestamp_ms, recv_window_ms):
        """See the stub: one batch as a frame of the trade socket."""
        cdef int wanted = op_of(op)
        cdef char* out = self._open_frame(wanted, True, req_id, timestamp_ms, recv_window_ms)
        return self._close_frame(self._put_batch(out, wanted, commands))

    def single_frame(self, op, command, req_id, timestamp_ms, recv_window_ms):
        """See the stub: one order as a frame of the trade socket."""
        cdef int wanted = op_of(op)
        cdef char* out = self._open_frame(wanted, False, req_id, timestamp_ms, recv_window_ms)
        return self._close_frame(self._put_single(out, wanted, command))


cdef int op_of(object value) except -1:
    cdef int64_t op = integer(value)
    if not CANCEL <= op <= PLACE:
        raise EncodeError(f"op: expected 0 (cancel), 1 (amend) or 2 (place), found {op}")
    return <int>op


cdef const char* check_req_id(object req_id, Py_ssize_t* size) except NULL:
    """The text of a request id, which must need no escaping."""
    cdef const char* text
    cdef Py_ssize_t at
    cdef char c
    if not isinstance(req_id, str):
        raise TypeError(f"req_id: expected a str, found {req_id!r}")
    text = PyUnicode_AsUTF8AndSize(req_id, size)
    if not 0 < size[0] <= REQ_ID_LIMIT:
        raise EncodeError(f"req_id: expected 1 to {REQ_ID_LIMIT} characters, found {size[0]}")
    for at in range(size[0]):
        c = text[at]
        if not (
            c"0" <= c <= c"9" or c"a" <= c <= c"z" or c"A" <= c <= c"Z" or c == c"_" or c == c"-"
        ):
            raise EncodeError(
                f"req_id: expected letters, digits, '_' and '-' only, found {req_id!r}"
            )
    return text


cdef inline bint is_priced(const Item* item) noexcept nogil:
    return item.op == PLACE or item.op == AMEND and item.flags & AMEND_PRICE


cdef inline bint is_sized(const Item* item) noexcept nogil:
    return item.op == PLACE or item.op == AMEND and item.flags & AMEND_QTY


cdef inline int fault_of(const Item* item, int op) noexcept nogil:
    """What is wrong with an item by itself."""
    if item.op != op:
        return OTHER_OPERATION
    if item.client_id <= 0:
        return NO_CLIENT_ID
    if op == CANCEL:
        return FINE
    if op == AMEND and not item.flags & (AMEND_PRICE | AMEND_QTY):
        return AMENDS_NOTHING
    if is_priced(item) and item.price_ticks <= 0:
        return NO_PRICE
    if is_sized(item) and item.lots <= 0:
        return NO_SIZE
    if op == PLACE and not 0 <= item.side <= 1:
        return NO_SIDE
    if op == PLACE and item.flags & POST_ONLY and item.flags & IOC:
        return TWO_FORCES
    return FINE


cdef bytes place_prefix(bytes symbol, int kind, bytes smp_type, bytes head):
    """The constant front of a place item, from the symbol to the head of the link id."""
    text = b'"symbol":"%b","side":"%b","orderType":"Limit","timeInForce":"%b","positionIdx":0,' % (
        symbol,
        (b"Buy", b"Sell")[kind // 6],
        (b"GTC", b"PostOnly", b"IOC")[kind % 6 // 2],
    )
    if kind % 2:
        text += b'"reduceOnly":true,'
    if smp_type:
        text += b'"smpType":"%b",' % smp_type
    return text + b'"orderLinkId":"%b' % head
