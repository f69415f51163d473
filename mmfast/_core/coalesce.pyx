"""Intent: one wanted command per order slot; newer overwrites older that has not been sent.

The cells lie in one array, and the wanted ones are chained in the order in which their slots
first became wanted. A put touches one cell; a drain walks the chain once per operation.
"""

cimport cython
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport int32_t, int64_t

from mmfast._core.fixed cimport integer

cdef enum:
    OP_CANCEL = 0
    OP_AMEND = 1
    OP_PLACE = 2

cdef enum:
    #: What a cell holds: an operation, both of a cancel and a place, or nothing. Zeroed memory
    #: must mean nothing, so the operations are shifted by one.
    NOTHING = 0
    HOLDS_CANCEL = 1
    HOLDS_AMEND = 2
    HOLDS_PLACE = 3
    HOLDS_REPLACE = 4

cdef enum:
    REDUCE_ONLY = 2
    IOC = 4
    URGENT = 8
    AMEND_PRICE = 16
    AMEND_QTY = 32
    AMEND_BOTH = 48

cdef enum:
    SLOTS_LIMIT = 4_194_304
    FLAGS_LIMIT = 65_535

CANCEL = OP_CANCEL
AMEND = OP_AMEND
PLACE = OP_PLACE


cdef int op_of(object value) except -1:
    cdef int64_t op = integer(value)
    if not OP_CANCEL <= op <= OP_PLACE:
        raise ValueError(f"op: expected 0 (cancel), 1 (amend) or 2 (place), found {op}")
    return <int>op


cdef int check_flags(int64_t bits) except -1:
    if not 0 <= bits <= FLAGS_LIMIT:
        raise ValueError(f"flags: expected 0 to {FLAGS_LIMIT}, found {bits}")
    return 0


cdef inline bint may_amend(int32_t place_flags) noexcept nogil:
    """An amend keeps the resting order's own nature, so a place of another nature needs a new
    order: turning a reduce-only place into an amend would lose the promise not to grow."""
    return not place_flags & (REDUCE_ONLY | IOC)


cdef inline int commands_in(int32_t held) noexcept nogil:
    return 2 if held == HOLDS_REPLACE else held != NOTHING


cdef inline void take_terms(Cell* cell, const Cell* newer) noexcept nogil:
    cell.price_ticks = newer.price_ticks
    cell.lots = newer.lots


cdef inline void become(Cell* cell, const Cell* newer) noexcept nogil:
    """The newer command replaces what was held; only the list position stays."""
    take_terms(cell, newer)
    cell.held = newer.held
    cell.flags = newer.flags
    cell.client_id = newer.client_id
    cell.cancel_id = 0


cdef inline void merge_place(Cell* cell, const Cell* newer, bint amend_replaces) noexcept nogil:
    cdef int64_t resting = cell.cancel_id if cell.held == HOLDS_REPLACE else cell.client_id
    if cell.held == NOTHING or cell.held == HOLDS_PLACE:
        become(cell, newer)
    elif (
        cell.held == HOLDS_AMEND or cell.held == HOLDS_CANCEL and amend_replaces
    ) and may_amend(newer.flags):
        take_terms(cell, newer)
        cell.held = HOLDS_AMEND
        cell.flags = AMEND_BOTH
    else:
        become(cell, newer)
        cell.held = HOLDS_REPLACE
        cell.cancel_id = resting


cdef inline void merge_amend(Cell* cell, const Cell* newer) noexcept nogil:
    cdef int32_t joined = cell.flags | newer.flags
    if cell.held == HOLDS_PLACE or cell.held == HOLDS_REPLACE:
        take_terms(cell, newer)
    elif cell.held == HOLDS_AMEND:
        become(cell, newer)
        cell.flags = joined
    else:
        become(cell, newer)


cdef inline void merge_cancel(Cell* cell, const Cell* newer) noexcept nogil:
    cdef int64_t resting = cell.cancel_id
    if cell.held == HOLDS_PLACE:
        cell.held = NOTHING
    elif cell.held == HOLDS_REPLACE:
        become(cell, newer)
        # Only the order that was to be replaced rests at the venue.
        cell.client_id = resting
    elif cell.held != HOLDS_CANCEL:
        become(cell, newer)


@cython.final
cdef class IntentTable:
    """See the stub for the merging rules."""

    def __cinit__(self, slots, bint amend_replaces=False):
        cdef int64_t count = integer(slots)
        if not 0 < count <= SLOTS_LIMIT:
            raise ValueError(f"slots: expected 1 to {SLOTS_LIMIT}, found {count}")
        # One cell more: the head of the list, so that linking needs no special case.
        self._cells = <Cell*>PyMem_Calloc(count + 1, sizeof(Cell))
        if self._cells == NULL:
            raise MemoryError(f"{count} intent cells")
        self._slots = <int32_t>count
        self._amend_replaces = amend_replaces
        self._cells[count].older = self._slots
        self._cells[count].newer = self._slots

    def __dealloc__(self):
        PyMem_Free(self._cells)

    def __len__(self):
        return self._counts[0] + self._counts[1] + self._counts[2]

    def set_amend_replaces(self, bint value):
        """See the stub: whether a cancel and a place of one slot become an amend."""
        self._amend_replaces = value

    cdef int32_t _slot_of(self, object value) except -1:
        cdef int64_t slot = integer(value)
        if not 0 <= slot < self._slots:
            raise ValueError(f"slot: expected 0 to {self._slots - 1}, found {slot}")
        return <int32_t>slot

    cdef void _link(self, int32_t slot) noexcept nogil:
        cdef Cell* head = &self._cells[self._slots]
        self._cells[slot].older = head.older
        self._cells[slot].newer = self._slots
        self._cells[head.older].newer = slot
        head.older = slot

    cdef void _unlink(self, int32_t slot) noexcept nogil:
        cdef Cell* cell = &self._cells[slot]
        self._cells[cell.older].newer = cell.newer
        self._cells[cell.newer].older = cell.older

    cdef void _tally(self, const Cell* cell, int sign) noexcept nogil:
        """Add (1) or take away (-1) what a cell holds from the counts."""
        if cell.held == NOTHING:
            return
        if cell.held == HOLDS_REPLACE:
            self._counts[OP_CANCEL] += sign
            self._counts[OP_PLACE] += sign
        else:
            self._counts[cell.held - HOLDS_CANCEL] += sign
        if cell.flags & URGENT:
            self._urgent += sign
            if cell.held == HOLDS_REPLACE or cell.held == HOLDS_CANCEL:
                self._urgent_cancels += sign

    cdef int64_t _merge(self, int32_t at, Cell* newer) noexcept nogil:
        """Merge one command, whose numbers were checked; returns the commands saved by it."""
        cdef Cell* cell = &self._cells[at]
        cdef int32_t held = cell.held
        cdef int32_t urgent
        cdef int64_t saved
        self._at = self._slots
        self._left = 0
        if held == NOTHING:
            become(cell, newer)
            self._tally(cell, 1)
            self._link(at)
            return 0
        urgent = (cell.flags | newer.flags) & URGENT
        self._tally(cell, -1)
        if newer.held == HOLDS_PLACE:
            merge_place(cell, newer, self._amend_replaces)
        elif newer.held == HOLDS_AMEND:
            merge_amend(cell, newer)
        else:
            merge_cancel(cell, newer)
        cell.flags |= urgent
        self._tally(cell, 1)
        if cell.held == NOTHING:
            self._unlink(at)
        saved = commands_in(held) + 1 - commands_in(cell.held)
        self.saved += saved
        return saved

    cdef int32_t _read(
        self, Cell* newer, object op, object slot, object flags, object price_ticks, object lots,
        object client_id,
    ) except -1:
        """Check one command; returns its slot."""
        cdef int64_t bits = integer(flags)
        cdef int32_t at = self._slot_of(slot)
        check_flags(bits)
        newer.held = op_of(op) + HOLDS_CANCEL
        newer.flags = <int32_t>bits
        newer.price_ticks = integer(price_ticks)
        newer.lots = integer(lots)
        newer.client_id = integer(client_id)
        return at

    def put(self, op, slot, flags, price_ticks, lots, client_id):
        """See the stub: merge one command into its slot."""
        cdef Cell newer
        cdef int32_t at = self._read(&newer, op, slot, flags, price_ticks, lots, client_id)
        return self._merge(at, &newer)

    cpdef int put_fields(
        self, int op, int64_t slot, int64_t flags, int64_t price_ticks, int64_t lots,
        int64_t client_id,
    ) except -1:
        """See the stub: put, from compiled code."""
        cdef Cell newer
        if not OP_CANCEL <= op <= OP_PLACE:
            op_of(op)
        if not 0 <= slot < self._slots:
            self._slot_of(slot)
        if not 0 <= flags <= FLAGS_LIMIT:
            check_flags(flags)
        newer.held = op + HOLDS_CANCEL
        newer.flags = <int32_t>flags
        newer.price_ticks = price_ticks
        newer.lots = lots
        newer.client_id = client_id
        return <int>self._merge(<int32_t>slot, &newer)

    cpdef int64_t clear(self, slot) except -1:
        """See the stub: forget one slot."""
        cdef int32_t at = self._slot_of(slot)
        cdef Cell* cell = &self._cells[at]
        cdef int64_t dropped
        self._at = self._slots
        self._left = 0
        if cell.held == NOTHING:
            return 0
        dropped = 2 if cell.held == HOLDS_REPLACE else 1
        self._tally(cell, -1)
        cell.held = NOTHING
        self._unlink(at)
        return dropped

    def clear_all(self):
        """See the stub: forget everything."""
        cdef int64_t dropped = len(self)
        cdef int32_t at = self._cells[self._slots].newer
        self._at = self._slots
        self._left = 0
        while at != self._slots:
            self._cells[at].held = NOTHING
            at = self._cells[at].newer
        self._cells[self._slots].older = self._slots
        self._cells[self._slots].newer = self._slots
        self._counts[0] = self._counts[1] = self._counts[2] = 0
        self._urgent = self._urgent_cancels = 0
        return dropped

    cpdef int64_t count(self, op) except -1:
        """See the stub: commands of one operation."""
        return self._counts[op_of(op)]

    cpdef int64_t urgent_cancels(self) noexcept:
        """See the stub: cancels with the URGENT flag."""
        return self._urgent_cancels

    cpdef list held_slots(self):
        """See the stub: slots that hold something."""
        cdef list out = []
        cdef int32_t at = self._cells[self._slots].newer
        while at != self._slots:
            out.append(at)
            at = self._cells[at].newer
        return out

    cpdef tuple peek(self, slot):
        """See the stub: what one slot holds."""
        cdef int32_t at = self._slot_of(slot)
        cdef const Cell* cell = &self._cells[at]
        if cell.held == NOTHING:
            return ()
        if cell.held == HOLDS_REPLACE:
            return (cancel_half(cell, at), whole(cell, OP_PLACE, at))
        return (whole(cell, cell.held - HOLDS_CANCEL, at),)

    def drain(self, max_cancels, max_amends, max_places):
        """See the stub: take commands out, cancels first."""
        cdef int64_t cancels = integer(max_cancels)
        cdef int64_t amends = integer(max_amends)
        cdef int64_t places = integer(max_places)
        cdef list out = []
        self._take_all(out, OP_CANCEL, cancels)
        self._take_all(out, OP_AMEND, amends)
        self._take_all(out, OP_PLACE, places)
        return out

    cdef int _take_all(self, list out, int op, int64_t limit) except -1:
        self.open_drain(op, limit)
        while self.take():
            out.append(
                (
                    op, self.taken_slot, self.taken_flags, self.taken_price_ticks,
                    self.taken_lots, self.taken_client_id,
                )
            )
        return 0

    cpdef void open_drain(self, int op, int64_t limit) except *:
        """See the stub: the next takes are of this operation."""
        if not OP_CANCEL <= op <= OP_PLACE:
            op_of(op)
        self.taken_op = op
        self._left = limit
        # The urgent ones go in a pass of their own, before the others.
        self._urgent_pass = self._urgent != 0
        self._at = self._cells[self._slots].newer

    cpdef bint take(self) noexcept:
        """See the stub: take one command out."""
        cdef int32_t at = self._at
        cdef Cell* cell
        if self._left <= 0:
            return False
        while self._counts[self.taken_op]:
            if at == self._slots:
                if not self._urgent_pass:
                    break
                self._urgent_pass = False
                at = self._cells[self._slots].newer
            cell = &self._cells[at]
            if (not self._urgent_pass or cell.flags & URGENT) and (
                cell.held == self.taken_op + HOLDS_CANCEL
                or (cell.held == HOLDS_REPLACE and self.taken_op == OP_CANCEL)
            ):
                self._at = cell.newer
                self._hand_out(at, cell)
                self._left -= 1
                return True
            at = cell.newer
        self._left = 0
        return False

    cpdef bint take_at(self, int op, int64_t slot) except -1:
        """See the stub: take the command of one slot out."""
        cdef Cell* cell
        if not OP_CANCEL <= op <= OP_PLACE:
            op_of(op)
        if not 0 <= slot < self._slots:
            self._slot_of(slot)
        cell = &self._cells[slot]
        self._at = self._slots
        self._left = 0
        if cell.held != op + HOLDS_CANCEL and not (
            cell.held == HOLDS_REPLACE and op == OP_CANCEL
        ):
            return False
        self.taken_op = op
        self._hand_out(<int32_t>slot, cell)
        return True

    cpdef bint split(self, int64_t slot, int64_t flags, int64_t client_id) except -1:
        """See the stub: move by cancel and place what was to be amended."""
        cdef Cell* cell
        if not 0 <= slot < self._slots:
            self._slot_of(slot)
        if not 0 <= flags <= FLAGS_LIMIT:
            check_flags(flags)
        cell = &self._cells[slot]
        self._at = self._slots
        self._left = 0
        if cell.held != HOLDS_AMEND:
            return False
        self._tally(cell, -1)
        cell.held = HOLDS_REPLACE
        cell.cancel_id = cell.client_id
        cell.client_id = client_id
        cell.flags = <int32_t>flags | (cell.flags & URGENT)
        self._tally(cell, 1)
        return True

    cdef void _hand_out(self, int32_t at, Cell* cell) noexcept nogil:
        self._tally(cell, -1)
        self.taken_slot = at
        if cell.held != HOLDS_REPLACE:
            self.taken_flags = cell.flags
            self.taken_price_ticks = cell.price_ticks
            self.taken_lots = cell.lots
            self.taken_client_id = cell.client_id
            cell.held = NOTHING
            self._unlink(at)
            return
        # A cancel names its order and whether it is urgent, nothing else. The place stays
        # behind, free to go now that its cancel has gone before it.
        self.taken_flags = cell.flags & URGENT
        self.taken_price_ticks = self.taken_lots = 0
        self.taken_client_id = cell.cancel_id
        cell.held = HOLDS_PLACE
        cell.cancel_id = 0
        self._tally(cell, 1)


cdef inline tuple whole(const Cell* cell, int op, int32_t slot):
    return (op, slot, cell.flags, cell.price_ticks, cell.lots, cell.client_id)


cdef inline tuple cancel_half(const Cell* cell, int32_t slot):
    """The cancel of a REPLACE: it names its order and whether it is urgent, nothing else."""
    return (OP_CANCEL, slot, cell.flags & URGENT, 0, 0, cell.cancel_id)
