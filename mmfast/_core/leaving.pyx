"""The check of what leaves: reads the bytes of an order request again, knowing only the limits.

It shares nothing with the encoder. It has its own table of symbols and grids and its own parser,
and takes exactly one spelling: whatever else a body says, or says in another order, is refused.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy

from mmfast._core.fixed cimport DECIMALS_LIMIT, FINE, integer, mmf_distance, scan_decimal
from mmfast._core.scan cimport Cursor


cdef extern from "wide.h" nogil:
    bint mmf_product_greater(int64_t a, int64_t b, int64_t c, int64_t d) noexcept


cdef extern from "same.h" nogil:
    bint mmf_same(const char* a, const char* b, Py_ssize_t size) noexcept


cdef inline bint skip_word(Cursor* c, const char* word, Py_ssize_t size) noexcept nogil:
    """Pass a word of constant length, if it comes next."""
    if mmf_distance(c.at, c.end) < size or not mmf_same(<const char*>c.at, word, size):
        return False
    c.at += size
    return True


cdef inline bint comes(Cursor* c, Py_ssize_t place, unsigned char letter) noexcept nogil:
    """Whether a letter stands so far behind: cheaper than to compare a word in vain."""
    return mmf_distance(c.at, c.end) > place and c.at[place] == letter


cdef enum:
    AMEND = 1
    PLACE = 2

cdef enum:
    BUY = 0
    SELL = 1
    EITHER = 2

cdef enum:
    #: What may be wrong; all are negative, for an order count is not.
    NOT_OURS_TO_SAY = -1
    WRONG_OPERATION = -2
    SYMBOL_NOT_ALLOWED = -3
    FOREIGN_ID = -4
    NO_SIZE = -5
    TOO_LARGE = -6
    TOO_VALUABLE = -7
    NO_PRICE = -8
    NO_REFERENCE = -9
    OUTSIDE_COLLAR = -10
    TOO_FAR = -11
    TOO_MANY = -12

cdef enum:
    #: The whole, where limits are in 1e-4 bp.
    ONE_E4 = 100_000_000

cdef int64_t REFERENCE_LIMIT = <int64_t>1 << 55
"""Twice a price in ticks is below this, or it is none."""

cdef dict TEXTS = {
    NOT_OURS_TO_SAY: "expected nothing but post-only limit orders as we write them",
    WRONG_OPERATION: "expected the operation that was decided",
    SYMBOL_NOT_ALLOWED: "expected a symbol of the allow-list",
    FOREIGN_ID: "expected an order id of ours",
    NO_SIZE: "expected a size on the quantity grid, above 0",
    TOO_LARGE: "expected a size within the limit of one order",
    TOO_VALUABLE: "expected a value within the limit of one order",
    NO_PRICE: "expected a price on the tick grid, above 0",
    NO_REFERENCE: "expected a price only where a reference price is known",
    OUTSIDE_COLLAR: "expected a price within the collar",
    TOO_FAR: "expected a price within the largest distance from the mid",
    TOO_MANY: "expected 1 to 20 orders",
}


class LeavingError(ValueError):
    """Bytes that must not leave."""


@cython.final
cdef class LeavingCheck:
    """See the stub."""

    def __cinit__(self, str category not None, str head not None, instruments):
        cdef int64_t count = integer(instruments)
        if not 0 < count <= 4096:
            raise ValueError(f"instruments: expected 1 to 4096, found {count}")
        self._allowed = <Allowed*>PyMem_Calloc(count, sizeof(Allowed))
        if self._allowed == NULL:
            raise MemoryError(f"limits of {count} instruments")
        self._count = <int>count
        self._head = head.encode("ascii")
        self._opening = b'{"category":"%b",' % category.encode("ascii")

    def __dealloc__(self):
        PyMem_Free(self._allowed)

    def allow(
        self,
        index,
        str symbol not None,
        tick_decimals,
        tick_units,
        step_decimals,
        step_units,
        max_lots,
        max_tick_lots,
        collar_e4,
        distance_e4,
    ):
        """See the stub: the limits of one instrument."""
        cdef Allowed* allowed = self._at(integer(index))
        cdef bytes name = symbol.encode("ascii")
        if not 0 < len(name) <= SYMBOL_ROOM:
            raise ValueError(f"symbol: expected 1 to {SYMBOL_ROOM} characters, found {symbol!r}")
        for decimals in (tick_decimals, step_decimals):
            if not 0 <= decimals <= DECIMALS_LIMIT:
                raise ValueError(f"decimals: expected 0 to {DECIMALS_LIMIT}, found {decimals}")
        if tick_units <= 0 or step_units <= 0:
            raise ValueError(f"{symbol}: expected a grid, found {tick_units} and {step_units}")
        if max_lots < 0 or max_tick_lots < 0:
            raise ValueError(f"{symbol}: expected limits, found {max_lots} and {max_tick_lots}")
        allowed.tick_decimals = integer(tick_decimals)
        allowed.step_decimals = integer(step_decimals)
        allowed.tick_units = integer(tick_units)
        allowed.step_units = integer(step_units)
        allowed.max_lots = integer(max_lots)
        allowed.max_tick_lots = integer(max_tick_lots)
        allowed.collar_e4 = integer(collar_e4)
        allowed.distance_e4 = integer(distance_e4)
        memcpy(allowed.symbol, PyBytes_AS_STRING(name), len(name))
        allowed.symbol_size = <int>len(name)
        allowed.known = True

    cdef Allowed* _at(self, int64_t index) except NULL:
        if not 0 <= index < self._count:
            raise ValueError(f"index: expected 0 to {self._count - 1}, found {index}")
        return &self._allowed[index]

    cpdef void see(
        self, int index, int64_t mid_x2_ticks, int64_t reference_x2_ticks
    ) except *:
        """See the stub: the references that orders are judged by."""
        cdef Allowed* allowed = self._at(index)
        cdef int64_t second = mid_x2_ticks if reference_x2_ticks < 0 else reference_x2_ticks
        if not (0 < mid_x2_ticks < REFERENCE_LIMIT and 0 < second < REFERENCE_LIMIT):
            mid_x2_ticks = 0
        allowed.mid_x2 = mid_x2_ticks
        # A buy within the collar of the lower of two is within that of both, a sell of the higher.
        allowed.lower_x2 = min(mid_x2_ticks, second)
        allowed.higher_x2 = max(mid_x2_ticks, second)
        allowed.filled_lots = 0

    cpdef void see_filled(self, int index, int64_t lots) except *:
        """See the stub: what an amend counts beside what shall rest."""
        cdef Allowed* allowed = self._at(index)
        if allowed.filled_lots < lots < (<int64_t>1 << 55):
            allowed.filled_lots = lots

    def body(self, op, bytes data not None):
        """See the stub: a REST body."""
        cdef int wanted = <int>integer(op)
        cdef const unsigned char* item = NULL
        cdef Cursor c
        cdef int found
        c.at = <const unsigned char*>PyBytes_AS_STRING(data)
        c.end = c.at + PyBytes_GET_SIZE(data)
        found = self._orders(wanted, &c, &item)
        if found > 0 and c.at != c.end:
            found = NOT_OURS_TO_SAY
        return self._answer(found, &c, item)

    def frame(self, op, bytes data not None):
        """See the stub: a message of the trade socket."""
        cdef int wanted = <int>integer(op)
        cdef const unsigned char* item = NULL
        cdef Cursor c
        cdef int found
        c.at = <const unsigned char*>PyBytes_AS_STRING(data)
        c.end = c.at + PyBytes_GET_SIZE(data)
        found = self._pass_frame(wanted, &c)
        if found >= 0:
            found = self._orders(wanted, &c, &item)
        if found > 0 and not (skip_word(&c, b"]}", 2) and c.at == c.end):
            found = NOT_OURS_TO_SAY
        return self._answer(found, &c, item)

    cdef int _answer(self, int found, Cursor* c, const unsigned char* item) except -1:
        cdef const unsigned char* start = item if item != NULL else c.at
        cdef Py_ssize_t size
        if found > 0:
            return found
        size = min(mmf_distance(start, c.end), 240)
        excerpt = (<const char*>start)[:size].decode("ascii", "backslashreplace")
        raise LeavingError(f"{TEXTS[found]}, found {excerpt!r}")

    cdef int _pass_frame(self, int op, Cursor* c) noexcept:
        """Everything before the body; the operation stands in it."""
        if not (skip_word(c, b'{"reqId":"', 10) and pass_plain(c)):
            return NOT_OURS_TO_SAY
        if not skip_word(c, b'","header":{"X-BAPI-TIMESTAMP":"', 32) or not pass_plain(c):
            return NOT_OURS_TO_SAY
        if not skip_word(c, b'","X-BAPI-RECV-WINDOW":"', 24) or not pass_plain(c):
            return NOT_OURS_TO_SAY
        if not skip_word(c, b'"},"op":"order.', 15):
            return NOT_OURS_TO_SAY
        if op == PLACE:
            if not skip_word(c, b"create", 6):
                return WRONG_OPERATION
        elif not skip_word(c, b"amend", 5):
            return WRONG_OPERATION
        skip_word(c, b"-batch", 6)
        return 0 if skip_word(c, b'","args":[', 10) else NOT_OURS_TO_SAY

    cdef int _orders(self, int op, Cursor* c, const unsigned char** item) noexcept:
        """The orders of a body, counted; or what is wrong, ``item`` then stands before it."""
        cdef int count = 0
        cdef int fault
        cdef Py_ssize_t size = PyBytes_GET_SIZE(self._opening)
        if op != AMEND and op != PLACE:
            return WRONG_OPERATION
        if mmf_distance(c.at, c.end) < size or memcmp(
            c.at, PyBytes_AS_STRING(self._opening), size
        ):
            return NOT_OURS_TO_SAY
        c.at += size
        if not skip_word(c, b'"request":[', 11):
            item[0] = c.at
            fault = self._order(op, c)
            return 1 if fault == 0 else fault
        while True:
            item[0] = c.at
            if not skip_word(c, b"{", 1):
                return NOT_OURS_TO_SAY
            fault = self._order(op, c)
            if fault != 0:
                return fault
            count += 1
            if count > ORDERS_LIMIT:
                return TOO_MANY
            if not skip_word(c, b",", 1):
                break
        return count if skip_word(c, b"]}", 2) else NOT_OURS_TO_SAY

    cdef int _order(self, int op, Cursor* c) noexcept:
        """One order without its opening brace; 0 when it may leave."""
        cdef const Allowed* allowed
        if not skip_word(c, b'"symbol":"', 10):
            return NOT_OURS_TO_SAY
        allowed = self._find(c)
        if allowed == NULL:
            return SYMBOL_NOT_ALLOWED
        if not skip_word(c, b'",', 2):
            return NOT_OURS_TO_SAY
        return self._figures(op, c, allowed)

    cdef int _figures(self, int op, Cursor* c, const Allowed* allowed) noexcept:
        """What follows the symbol, and whether the limits bear it."""
        cdef Figures found
        cdef int fault
        found.side, found.lots, found.ticks = EITHER, 0, 0
        if op == PLACE:
            found.side = pass_terms(c)
            if found.side < 0:
                return NOT_OURS_TO_SAY
        if not skip_word(c, b'"orderLinkId":"', 15):
            return NOT_OURS_TO_SAY
        if not pass_id(c, PyBytes_AS_STRING(self._head), PyBytes_GET_SIZE(self._head)):
            return FOREIGN_ID
        if skip_word(c, b'","qty":"', 9):
            found.lots = counted(c, allowed.step_decimals, allowed.step_units)
            if found.lots <= 0:
                return NO_SIZE
            if op == AMEND:
                # It says the size in all; what is filled of it rests no more.
                found.lots -= allowed.filled_lots
            if found.lots > allowed.max_lots:
                return TOO_LARGE
        elif op == PLACE:
            return NO_SIZE
        if skip_word(c, b'","price":"', 11):
            found.ticks = counted(c, allowed.tick_decimals, allowed.tick_units)
            fault = misplaced(&found, allowed)
            if fault != 0:
                return fault
        elif op == PLACE:
            return NO_PRICE
        return 0 if skip_word(c, b'"}', 2) else NOT_OURS_TO_SAY

    cdef const Allowed* _find(self, Cursor* c) noexcept:
        """The instrument whose symbol comes next. Orders of a batch come in the order of their
        instruments, more or less, so the search goes on where the last one ended."""
        cdef const Allowed* allowed
        cdef int looked
        cdef int at = self._last
        for looked in range(self._count):
            allowed = &self._allowed[at]
            if (
                allowed.known
                and mmf_distance(c.at, c.end) > allowed.symbol_size
                and c.at[allowed.symbol_size] == c'"'
                and memcmp(c.at, allowed.symbol, allowed.symbol_size) == 0
            ):
                self._last = at
                c.at += allowed.symbol_size
                return allowed
            at = at + 1 if at + 1 < self._count else 0
        return NULL


cdef bint pass_plain(Cursor* c) noexcept nogil:
    """The rest of a text without escapes; False if it does not end."""
    cdef const unsigned char* end = <const unsigned char*>memchr(
        c.at, c'"', mmf_distance(c.at, c.end)
    )
    if end == NULL or memchr(c.at, c"\\", mmf_distance(c.at, end)) != NULL:
        return False
    c.at = end
    return True


cdef int pass_terms(Cursor* c) noexcept nogil:
    """Side and terms of a new order; the side, or -1 for any but a post-only limit order."""
    cdef int side
    if comes(c, 8, c"B"):
        side = BUY if skip_word(c, b'"side":"Buy",', 13) else -1
    else:
        side = SELL if skip_word(c, b'"side":"Sell",', 14) else -1
    if side < 0:
        return -1
    if not skip_word(c, b'"orderType":"Limit","timeInForce":"PostOnly","positionIdx":0,', 61):
        return -1
    if comes(c, 1, c"r") and not skip_word(c, b'"reduceOnly":true,', 18):
        return -1
    if not comes(c, 1, c"s"):
        return side
    if skip_word(c, b'"smpType":"', 11) and pass_plain(c) and skip_word(c, b'",', 2):
        return side
    return -1


cdef bint pass_id(Cursor* c, const char* head, Py_ssize_t size) noexcept nogil:
    """An order id: our head and sixteen lower-case hex digits, up to its closing quote."""
    cdef int place
    cdef unsigned char digit
    if mmf_distance(c.at, c.end) <= size + ID_DIGITS or memcmp(c.at, head, size):
        return False
    c.at += size
    for place in range(ID_DIGITS):
        digit = c.at[place]
        if not (c"0" <= digit <= c"9" or c"a" <= digit <= c"f"):
            return False
    c.at += ID_DIGITS
    return c.at[0] == c'"'


cdef int64_t counted(Cursor* c, int decimals, int64_t units) noexcept nogil:
    """A decimal as a count of grid steps; 0 for none, or one off the grid."""
    cdef uint64_t value = 0
    if scan_decimal(&c.at, c.end, decimals, &value) != FINE or value >> 63:
        return 0
    if units != 1:
        return <int64_t>value // units if <int64_t>value % units == 0 else 0
    return <int64_t>value


cdef int misplaced(const Figures* found, const Allowed* allowed) noexcept nogil:
    """What is wrong with a price, and with the value at it; 0 when nothing is."""
    cdef int64_t beyond, nearest
    if found.ticks <= 0 or found.ticks >> 55:
        return NO_PRICE
    if mmf_product_greater(found.ticks, found.lots, allowed.max_tick_lots, 1):
        return TOO_VALUABLE
    if allowed.mid_x2 == 0:
        return NO_REFERENCE
    beyond = found.ticks * 2 - allowed.mid_x2
    if mmf_product_greater(
        -beyond if beyond < 0 else beyond, ONE_E4, allowed.mid_x2, allowed.distance_e4
    ):
        return TOO_FAR
    if found.side == EITHER:
        return 0
    nearest = allowed.lower_x2 if found.side == BUY else allowed.higher_x2
    beyond = found.ticks * 2 - nearest
    if found.side == SELL:
        beyond = -beyond
    if mmf_product_greater(beyond, ONE_E4, nearest, allowed.collar_e4):
        return OUTSIDE_COLLAR
    return 0
