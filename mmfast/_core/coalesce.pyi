"""Intent: one wanted command per order slot; newer overwrites older that has not been sent."""

from typing import Final, Self, final

#: Operations, equal to ``mmfast.messages.Op``.
CANCEL: Final[int]
AMEND: Final[int]
PLACE: Final[int]

@final
class IntentTable:
    """Fixed-size table of wanted commands, one cell per slot. Memory is fixed at creation.

    Merging rules (older unsent x newer), the result and the number of commands saved:

    ========  ========  =============================================  =====
    held      newer     becomes                                        saved
    ========  ========  =============================================  =====
    nothing   any       that command                                   0
    PLACE     PLACE     the newer PLACE                                1
    PLACE     AMEND     PLACE with the newer price and lots            1
    PLACE     CANCEL    nothing (nothing was sent)                     2
    AMEND     AMEND     the newer AMEND (flags joined)                 1
    AMEND     PLACE     AMEND to the place's price and lots (*)        1
    AMEND     CANCEL    CANCEL                                         1
    CANCEL    CANCEL    the same CANCEL                                1
    CANCEL    PLACE     REPLACE; or AMEND if ``amend_replaces`` (*)    0; 1
    CANCEL    AMEND     the AMEND (the order is wanted again)          1
    REPLACE   PLACE     REPLACE with the newer place                   1
    REPLACE   AMEND     REPLACE with the newer price and lots          1
    REPLACE   CANCEL    CANCEL of the resting order                    2
    ========  ========  =============================================  =====

    The last column is always "held before + 1 - held after", so that commands put equal commands
    drained, saved and dropped by ``clear``. (*) A place that is IOC or reduce-only never becomes
    an amend, which could not give the resting order that nature: the result is then a REPLACE of
    that order (saved 0).

    A cell is ``(op, slot, flags, price_ticks, lots, client_id)``. REPLACE holds the cancel's
    client_id and the place's; it drains as a CANCEL and a PLACE, the place never without its
    cancel (before or in the same drain). An AMEND made from CANCEL+PLACE names the cancelled
    order, drops the place's id, and has both AMEND_PRICE and AMEND_QTY flags. The cancel half of a
    REPLACE has price and lots 0. ``URGENT`` is kept while the cell lives (it comes first in its
    operation when drained).
    """

    @property
    def saved(self) -> int:
        """Commands merged away since creation."""
    def __new__(cls, slots: int, amend_replaces: bool = False) -> Self: ...
    def __len__(self) -> int:
        """Commands a full drain would give (a REPLACE counts as two)."""
    def set_amend_replaces(self, value: bool) -> None: ...
    def put(
        self, op: int, slot: int, flags: int, price_ticks: int, lots: int, client_id: int
    ) -> int:
        """Merge one command into its slot; returns the commands saved by it (0, 1 or 2).
        ValueError for an operation, slot or flags out of range, TypeError for anything
        that is not an int."""
    def put_fields(
        self, op: int, slot: int, flags: int, price_ticks: int, lots: int, client_id: int
    ) -> int:
        """:meth:`put` for compiled code, which holds C integers already: OverflowError for a
        number beyond 64 bits, and no check that it is an int."""
    def clear(self, slot: int) -> int:
        """Forget the slot's intent; returns how many commands that dropped."""
    def peek(self, slot: int) -> tuple[tuple[int, int, int, int, int, int], ...]:
        """What the slot holds: no, one or two commands."""
    def count(self, op: int) -> int:
        """Commands of one operation a full drain would give."""
    def drain(
        self, max_cancels: int, max_amends: int, max_places: int
    ) -> list[tuple[int, int, int, int, int, int]]:
        """Take commands out, at most so many of each: cancels, then amends, then places;
        within an operation urgent ones first, else in the order the slots first became wanted.
        What is not taken stays; a limit of 0 or less takes nothing. Returns
        (op, slot, flags, price_ticks, lots, client_id)."""
    def open_drain(self, op: int, limit: int) -> None:
        """Begin to take commands of one operation, at most ``limit``: each :meth:`take` then
        takes the next one out, in the order of :meth:`drain`. A put or a clear ends it."""
    def take(self) -> bool:
        """Take the next command out into the ``taken_`` fields; False when there is none."""
    def take_at(self, op: int, slot: int) -> bool:
        """Take the command of this operation out of one slot into the ``taken_`` fields; False
        when it holds none that may leave now (the place of a REPLACE waits for its cancel)."""
    def split(self, slot: int, flags: int, client_id: int) -> bool:
        """Make the AMEND of a slot the REPLACE of the order it names: its cancel, and a place
        with these flags and this id at the amend's price and lots. ``URGENT`` is kept. One
        command becomes two; False, and nothing done, when the slot holds no amend."""
    @property
    def taken_op(self) -> int: ...
    @property
    def taken_slot(self) -> int: ...
    @property
    def taken_flags(self) -> int: ...
    @property
    def taken_price_ticks(self) -> int: ...
    @property
    def taken_lots(self) -> int: ...
    @property
    def taken_client_id(self) -> int: ...
    def urgent_cancels(self) -> int:
        """Cancels with the URGENT flag that a full drain would give."""
    def held_slots(self) -> list[int]:
        """Slots that hold something, in the order in which they first became wanted."""
    def clear_all(self) -> int:
        """Forget everything; returns how many commands that dropped."""
