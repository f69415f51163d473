"""Order requests as JSON bytes, written from per-instrument templates and integers.

Everything that does not change from order to order is written once, when the instrument is
registered; an order costs a few copies and the digits of its numbers.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcpy, memset

from mmfast._core.fixed cimport DECIMALS_LIMIT, integer, mmf_distance, mmf_mul, write_decimal

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
    memcpy(out, text.data, text.size)
    return out + text.size


cdef inline char* put_hex(char* out, uint64_t value) noexcept nogil:
    """16 lower-case hex digits."""
    cdef const char* digits = b"0123456789abcdef"
    cdef int place
    for place in range(16):
        out[place] = digits[(value >> (60 - 4 * place)) & 15]
    return out + 16


cdef inline int place_kind(int64_t side, int64_t flags) noexcept nogil:
    cdef int force = 2 if flags & IOC else (1 if flags & POST_ONLY else 0)
    return <int>(side * 6 + force * 2 + (1 if flags & REDUCE_ONLY else 0))


cdef inline char* put_grid(
    char* out, int64_t count, int64_t units, int decimals
) noexcept nogil:
    """Digits of a count of grid steps; NULL when they do not fit 64 bits."""
    cdef int64_t value = 0
    if mmf_mul(count, units, &value):
        return NULL
    return out + write_decimal(out, <uint64_t>value, decimals)


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
        self._room = <char*>PyMem_Malloc(PREFIX_ROOM + ITEM_ROOM * BATCH_LIMIT)
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
            set_text(&template.place[kind], place_prefix(name, kind, smp))
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
        if fault is None and not (
            0 <= item.instrument < self._count and self._templates[item.instrument].known
        ):
            fault = "expected a registered instrument"
        if fault is not None:
            raise EncodeError(f"{fault}, found {command!r}")
        return 0

    cdef char* _write(self, char* out, const Item* item) except NULL:
        """One item without its opening brace."""
        cdef const Template* template = &self._templates[item.instrument]
        cdef bint priced = item.op == PLACE or item.op == AMEND and item.flags & AMEND_PRICE
        cdef bint sized = item.op == PLACE or item.op == AMEND and item.flags & AMEND_QTY
        if item.op == PLACE:
            out = put_text(out, &template.place[place_kind(item.side, item.flags)])
            memcpy(out, b'"orderLinkId":"', 15)
            out += 15
            memcpy(out, PyBytes_AS_STRING(self._head), PyBytes_GET_SIZE(self._head))
            out += PyBytes_GET_SIZE(self._head)
        else:
            out = put_text(out, &template.name)
        out = put_hex(out, <uint64_t>item.client_id)
        if sized:
            memcpy(out, b'","qty":"', 9)
            out = put_grid(out + 9, item.lots, template.step_units, template.step_decimals)
            if out == NULL:
                raise EncodeError(f"qty: {item.lots} lots do not fit 64 bits")
        if priced:
            memcpy(out, b'","price":"', 11)
            out = put_grid(out + 11, item.price_ticks, template.tick_units, template.tick_decimals)
            if out == NULL:
                raise EncodeError(f"price: {item.price_ticks} ticks do not fit 64 bits")
        memcpy(out, b'"}', 2)
        return out + 2

    def batch(self, op, commands):
        """See the stub: one batch body."""
        cdef Item item
        cdef int wanted = op_of(op)
        cdef char* out = self._room
        cdef Py_ssize_t count = len(commands)
        if not 0 < count <= BATCH_LIMIT:
            raise EncodeError(f"expected 1 to {BATCH_LIMIT} commands in a batch, found {count}")
        out = put_text(out, &self._batch_prefix)
        for command in commands:
            # A sequence may lie about its length; the room does not.
            count -= 1
            if count < 0:
                raise EncodeError("the batch gave more commands than its length")
            self._read(command, wanted, &item)
            out[0] = c"{"
            out = self._write(out + 1, &item)
            out[0] = c","
            out += 1
        if count:
            raise EncodeError("the batch gave fewer commands than its length")
        memcpy(out - 1, b"]}", 2)
        return PyBytes_FromStringAndSize(self._room, mmf_distance(self._room, out) + 1)

    def single(self, op, command):
        """See the stub: one single-order body."""
        cdef Item item
        cdef char* out
        self._read(command, op_of(op), &item)
        out = self._write(put_text(self._room, &self._single_prefix), &item)
        return PyBytes_FromStringAndSize(self._room, mmf_distance(self._room, out))


cdef int op_of(object value) except -1:
    cdef int64_t op = integer(value)
    if not CANCEL <= op <= PLACE:
        raise EncodeError(f"op: expected 0 (cancel), 1 (amend) or 2 (place), found {op}")
    return <int>op


cdef str fault_of(const Item* item, int op):
    """What is wrong with an item, or None."""
    if item.op != op:
        return f"expected operation {op} throughout"
    if item.client_id <= 0:
        return "expected a positive client id"
    if op == CANCEL:
        return None
    if op == AMEND and not item.flags & (AMEND_PRICE | AMEND_QTY):
        return "expected AMEND_PRICE or AMEND_QTY among the flags"
    if (op == PLACE or item.flags & AMEND_PRICE) and item.price_ticks <= 0:
        return "expected a positive price"
    if (op == PLACE or item.flags & AMEND_QTY) and item.lots <= 0:
        return "expected a positive size"
    if op == PLACE and not 0 <= item.side <= 1:
        return "expected side 0 or 1"
    if op == PLACE and item.flags & POST_ONLY and item.flags & IOC:
        return "expected POST_ONLY or IOC, not both"
    return None


cdef bytes place_prefix(bytes symbol, int kind, bytes smp_type):
    """The constant front of a place item, from the symbol to the last static key."""
    text = b'"symbol":"%b","side":"%b","orderType":"Limit","timeInForce":"%b","positionIdx":0,' % (
        symbol,
        (b"Buy", b"Sell")[kind // 6],
        (b"GTC", b"PostOnly", b"IOC")[kind % 6 // 2],
    )
    if kind % 2:
        text += b'"reduceOnly":true,'
    if smp_type:
        text += b'"smpType":"%b",' % smp_type
    return text
