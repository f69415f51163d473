"""CommandBus: where wanted commands wait, at most one intent per order slot.

    bus = CommandBus(instruments=10, amend_replaces=True)
    bus.put(place)                      # wanted
    bus.put(newer_place)                # the same slot: only the newer one is left
    bus.put(cancel_of_another_slot)
    for intent in bus.drain(max_places=20):
        ...

Whatever is put merges with what its slot already holds and has not been sent: newer overwrites
older, a place that is cancelled before it left was never needed, and a cancel followed by a
place becomes one amend where the policy says so. The rules are a table, to be read in
:class:`mmfast._core.coalesce.IntentTable`. What a drain does not take stays, and stays mergeable.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from mmfast._core.coalesce import IntentTable
from mmfast.engine.counters import Counters
from mmfast.engine.orders.draft import Draft
from mmfast.messages import Command, Flag, Op
from mmfast.units import MAX_LEVELS, Slot

ALL: Final = 1 << 30
"""As a limit: no limit."""
SLOTS_PER_INSTRUMENT: Final = 2 * MAX_LEVELS
_URGENT: Final = int(Flag.URGENT)
_CANCEL: Final = int(Op.CANCEL)
_AMEND: Final = int(Op.AMEND)
_PLACE: Final = int(Op.PLACE)
_SLOTS: Final = SLOTS_PER_INSTRUMENT


class Intent(NamedTuple):
    """One unsent command. ``lots`` is the size that shall rest, for an amend as for a place:
    a fill that comes while the intent waits must not make it wrong."""

    op: Op
    slot: Slot
    flags: int
    price_ticks: int
    lots: int
    client_id: int


class CommandBus:
    """One intent per slot, coalesced.

    ``wanted`` and ``coalesced`` count commands by :class:`~mmfast.messages.Op`: put here, and
    merged away here; given ``counters``, they are its lists. With ``coalesce_cancel`` or
    ``coalesce_place`` off, a cancel and a place of one slot stay two commands. One intent per
    slot holds always: nothing stale is sent.
    """

    __slots__ = ("_table", "coalesced", "wanted")

    def __init__(
        self,
        instruments: int,
        *,
        amend_replaces: bool = False,
        coalesce_cancel: bool = True,
        coalesce_place: bool = True,
        counters: Counters | None = None,
    ) -> None:
        self._table = IntentTable(instruments * SLOTS_PER_INSTRUMENT)
        counters = counters or Counters()
        self.wanted = counters.wanted
        self.coalesced = counters.coalesced
        self.configure(
            amend_replaces=amend_replaces,
            coalesce_cancel=coalesce_cancel,
            coalesce_place=coalesce_place,
        )

    def configure(
        self, *, amend_replaces: bool, coalesce_cancel: bool = True, coalesce_place: bool = True
    ) -> None:
        """Change the rules for what is put from now on; what is held stays as it is."""
        self._table.set_amend_replaces(amend_replaces and coalesce_cancel and coalesce_place)

    def __len__(self) -> int:
        """Commands that a full drain would give."""
        return len(self._table)

    def put(self, command: Command) -> int:
        """Merge one command into its slot; returns how many commands that saved (0, 1, 2).

        ``command.lots`` is the size that shall rest. ValueError for a slot or operation out
        of range.
        """
        op, slot, _, _, flags, price_ticks, lots, client_id = command
        return self.put_fields(op, slot, flags, price_ticks, lots, client_id)

    def put_fields(
        self, op: int, slot: int, flags: int, price_ticks: int, lots: int, client_id: int
    ) -> int:
        """:meth:`put` for who has the numbers and no command round them."""
        table = self._table
        cancels = table.count(_CANCEL)
        saved = table.put_fields(op, slot, flags, price_ticks, lots, client_id)
        self.wanted[op] += 1
        if saved:
            self._count_saved(op, saved, table.count(_CANCEL) - cancels)
        return saved

    def _count_saved(self, op: int, saved: int, more_cancels: int) -> None:
        """Name the commands that went: totals must match, whatever became of what."""
        if saved == 2:
            self.coalesced[_PLACE] += 1
            self.coalesced[_CANCEL] += 1
        elif op == _AMEND and more_cancels < 0:
            self.coalesced[_CANCEL] += 1  # the order is wanted again
        elif op == _CANCEL and more_cancels > 0:
            self.coalesced[_AMEND] += 1  # its order goes, so its amend is pointless
        else:
            self.coalesced[op] += 1

    def held(self, slot: int) -> tuple[Intent, ...]:
        """What a slot waits to send: nothing, one command, or a cancel and its place."""
        return tuple(map(Intent._make, self._table.peek(slot)))

    def clear(self, slot: int) -> int:
        """Nothing of this slot is wanted any more; returns the commands dropped by that."""
        held = self._table.peek(slot)
        for intent in held:
            self.coalesced[intent[0]] += 1
        return self._table.clear(slot) if held else 0

    def clear_instrument(self, instrument: int) -> None:
        """:meth:`clear` for every slot of one instrument."""
        first = instrument * _SLOTS
        for slot in range(first, first + _SLOTS):
            self.clear(slot)

    def waits(self, slot: int, op: int, price_ticks: int, lots: int) -> bool:
        """The slot holds one command, and it is exactly this."""
        held = self._table.peek(slot)
        return len(held) == 1 and held[0][0] == op and _aims_at(held[0], price_ticks, lots)

    def waits_to_cancel(self, slot: int, flags: int) -> bool:
        """The slot holds a cancel and nothing else, with at least these flags."""
        held = self._table.peek(slot)
        return len(held) == 1 and held[0][0] == _CANCEL and held[0][2] & flags == flags

    def waits_to_move(self, slot: int, client_id: int, price_ticks: int, lots: int) -> bool:
        """The slot holds a replacement or an amend of this order to exactly this target."""
        held = self._table.peek(slot)
        if not held or held[0][5] != client_id:
            return False
        last = held[len(held) - 1]
        return last[0] != _CANCEL and _aims_at(last, price_ticks, lots)

    def clear_place(self, slot: int) -> None:
        """:meth:`clear`, if all that the slot holds is a place."""
        held = self._table.peek(slot)
        if len(held) == 1 and held[0][0] == _PLACE:
            self.clear(slot)

    def drain(
        self, max_cancels: int = ALL, max_amends: int = ALL, max_places: int = ALL
    ) -> list[tuple[int, int, int, int, int, int]]:
        """Take commands out, as plain tuples in the field order of :class:`Intent`.

        Cancels come first, then amends, then places; within an operation the urgent ones, then
        those whose slot has waited longest. Beyond the limits they stay for the next drain; a
        place that replaces an order never comes out before the cancel of that order.
        """
        return self._table.drain(max_cancels, max_amends, max_places)

    def open_drain(self, op: int, limit: int) -> None:
        """Begin to :meth:`take` commands of one operation, in the order of :meth:`drain`."""
        self._table.open_drain(op, limit)

    def take(self, draft: Draft) -> bool:
        """Take the next command out, into ``draft``; False when there is none. Nothing may be
        put or cleared in between."""
        table = self._table
        if not table.take():
            return False
        self._fill(draft)
        return True

    def _fill(self, draft: Draft) -> None:
        table = self._table
        draft.fill(
            table.taken_op,
            table.taken_slot,
            table.taken_flags,
            table.taken_price_ticks,
            table.taken_lots,
            table.taken_client_id,
        )

    def look(self, op: int, slot: int, draft: Draft) -> bool:
        """Show in ``draft`` the command of this operation that :meth:`take_at` would take."""
        held = self._table.peek(slot)
        if not held or held[0][0] != op:
            return False
        _, _, flags, price_ticks, lots, client_id = held[0]
        draft.fill(op, slot, flags, price_ticks, lots, client_id)
        return True

    def take_at(self, op: int, slot: int, draft: Draft) -> bool:
        """Take the command of one operation out of a slot, into ``draft``; False when it holds
        none that may leave: the place of a replacement waits for its cancel."""
        table = self._table
        if not table.take_at(op, slot):
            return False
        self._fill(draft)
        return True

    def split(self, slot: int, flags: int, client_id: int) -> bool:
        """Make of the amend of a slot a cancel and a place of this id; one command more is
        wanted by that. False when it holds no amend."""
        if not self._table.split(slot, flags, client_id):
            return False
        self.wanted[_CANCEL] += 1
        return True

    def held_slots(self) -> list[int]:
        """Slots that wait, the longest waiting first."""
        return self._table.held_slots()

    def count(self, op: int) -> int:
        """Unsent commands of one operation."""
        return self._table.count(op)

    def is_empty(self) -> bool:
        """Nothing waits."""
        return len(self._table) == 0

    def urgent_cancels(self) -> int:
        """Unsent cancels that reduce risk, and may use the reserve."""
        return self._table.urgent_cancels()

    def waiting(self) -> list[int]:
        """Instruments with unsent intent, in rising order."""
        if self.is_empty():
            return []
        return sorted({slot // _SLOTS for slot in self._table.held_slots()})


def _aims_at(intent: tuple[int, ...], price_ticks: int, lots: int) -> bool:
    return intent[3] == price_ticks and intent[4] == lots
