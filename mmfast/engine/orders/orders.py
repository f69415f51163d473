"""The order table: every own order that is or may be resting, and what it may still cost.

Outcomes come from evidence only; until the venue has proved an end an order counts at full size.
Evidence may come in any order, late or twice: finals absorb, and an execution counts once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mmfast._core.by_id import IdTable
from mmfast._core.rows import OrderBlock
from mmfast.engine.orders.draft import Draft
from mmfast.engine.orders.endings import Endings
from mmfast.engine.orders.evidence import (
    NOT_FINAL,
    end_of_status,
    event_of_outcome,
    expects_reply,
    is_open_status,
    judge,
)
from mmfast.engine.orders.open_sums import OpenSums
from mmfast.engine.orders.order import NO_SLOT, Change, Order, bit_of, changed, placed
from mmfast.engine.orders.order_states import Event, State, following, is_final, is_in_flight
from mmfast.engine.orders.strays import Strays
from mmfast.errors import InvariantError
from mmfast.messages import Op, OrderUpdate, Outcome
from mmfast.units import MAX_LEVELS, NEVER_NS, NS_PER_S

CONFIRM_NS: Final = 3 * NS_PER_S
"""An accepted request that the stream has not shown after so long is asked about."""
REASK_NS: Final = 5 * NS_PER_S
"""An order still unknown after so long is asked about again."""
EXPIRY_MARGIN_NS: Final = NS_PER_S
"""The venue refuses stamps this far ahead of its clock; so long may one of ours be valid."""

_PLACED: Final = int(State.PLACED)
_LIVE: Final = int(State.LIVE)
_AMENDED: Final = int(State.AMENDED)
_CANCEL_ACKED: Final = int(State.CANCEL_ACKED)
_UNKNOWN: Final = int(State.UNKNOWN)
_AMEND: Final = int(Op.AMEND)
_CANCEL: Final = int(Op.CANCEL)
_ACKED: Final = int(Outcome.ACK)
_ACK: Final = int(Event.ACK)
_SEND_AMEND: Final = int(Event.SEND_AMEND)
_SEND_CANCEL: Final = int(Event.SEND_CANCEL)
_REFUSED: Final = int(Event.REFUSED)
_UNSENT: Final = int(Event.UNSENT)
_TRADED: Final = int(Event.TRADED)
_MISSING: Final = int(Event.MISSING)
_ABSENT: Final = int(Event.ABSENT)
_VANISHED: Final = int(Event.VANISHED)
_NO_SLOT: Final = int(NO_SLOT)
_LEVELS: Final = MAX_LEVELS
_NEVER_NS: Final = NEVER_NS
_CONFIRM_NS: Final = CONFIRM_NS


class OrderTable:
    """All own orders that are not proved ended, by id and by slot.

    ``open_lots[instrument * 2 + side]`` is the worst case of a side: the position that its
    orders can still build. At most one mutation per order is in flight, or
    :class:`InvariantError` is raised.
    """

    __slots__ = (
        "_orders",
        "_unbooked",
        "by_slot",
        "endings",
        "expiry_ns",
        "levels",
        "next_resolve_ns",
        "open_lots",
        "strays",
        "sums",
    )

    def __init__(self, instruments: int, recv_window_ns: int) -> None:
        self._orders: IdTable[Order] = IdTable()
        self.strays = Strays()
        self._unbooked: IdTable[Order] = IdTable()
        self.endings = Endings()
        self.by_slot: list[Order | None] = [None] * (instruments * 2 * MAX_LEVELS)
        self.levels = 0  # seats of a side that were ever taken: none beyond has to be looked at
        self.open_lots = [0] * (instruments * 2)
        self.sums = OpenSums(instruments)
        self.set_recv_window(recv_window_ns)
        self.next_resolve_ns = _NEVER_NS

    def __len__(self) -> int:
        return len(self._orders)

    def __iter__(self) -> Iterator[Order]:
        return iter(self._orders.values())

    def get(self, client_id: int) -> Order | None:
        """The order, unless it ended or was never ours."""
        return self._orders.get(client_id)

    def count(self) -> int:
        """How many orders are or may be resting."""
        return len(self._orders)

    def set_recv_window(self, recv_window_ns: int) -> None:
        """How long after sending a request may still be accepted."""
        self.expiry_ns = max(CONFIRM_NS, recv_window_ns + EXPIRY_MARGIN_NS)

    def unbooked(self) -> list[Order]:
        """Ended orders with fills whose executions have not arrived."""
        return self._unbooked.values()

    def forgive_unbooked(self) -> int:
        """Wait for no executions of ended orders any more; returns the lots they stood for."""
        lots = 0
        for order in self.unbooked():
            lots += order.counted_lots
            order.booked_lots = order.cum_lots
            self._count(order)
            self._unbooked.pop(order.client_id)
        return lots

    # -- acts of our own ------------------------------------------------------------------

    def place(self, draft: Draft, tick_id: int, now_ns: int) -> Order:
        """A create leaves. The slot must be free, or its order on its way out."""
        client_id = draft.client_id
        slot = draft.slot
        ended = self.endings.has_ended(client_id) or self._unbooked.holds(client_id)
        if ended or self._orders.holds(client_id):
            raise InvariantError(f"order id {client_id:#x} was used before: it is never used twice")
        holder = self.by_slot[slot]
        if holder is not None:
            if not holder.is_leaving():
                raise InvariantError(
                    f"slot {slot} is taken by {holder.client_id:#x} in state "
                    f"{holder.state.name}; its cancel must leave first"
                )
            self._unseat(holder)
        order = placed(draft)
        order.sent_ns = now_ns
        order.flight_tick = tick_id
        self._orders.put(client_id, order)
        self.by_slot[slot] = order
        self.levels = max(self.levels, slot % _LEVELS + 1)
        self._count(order)
        return order

    def amend(self, draft: Draft, tick_id: int, now_ns: int) -> None:
        """An amend of price and total size leaves."""
        order = self._own(draft.client_id)
        order.pending_price_ticks = draft.price_ticks
        order.pending_lots = draft.lots
        self._send(order, _AMEND, _SEND_AMEND, tick_id, now_ns)

    def cancel(self, client_id: int, tick_id: int, now_ns: int) -> None:
        """A cancel leaves."""
        self._send(self._own(client_id), _CANCEL, _SEND_CANCEL, tick_id, now_ns)

    # -- evidence -------------------------------------------------------------------------

    def on_reply(
        self,
        op: int,
        client_id: int,
        outcome: int,
        venue_id: str,
        tick_id: int,
        sent_ns: int,
        now_ns: int,
    ) -> Change | None:
        """One item of the reply to a tick's batch; None where it is too late to tell anything."""
        order = self._orders.get(client_id)
        if order is None or not expects_reply(order, op, tick_id, outcome):
            return None
        order.sent_ns = max(order.sent_ns, sent_ns)
        order.venue_id = venue_id or order.venue_id
        event = event_of_outcome(outcome, op)
        if event in (_REFUSED, _UNSENT):
            self.endings.declined(order, op, outcome)
        return self._step(order, event, now_ns)

    def on_ack(self, order: Order, op: int, tick_id: int, sent_ns: int, now_ns: int) -> bool:
        """As :meth:`on_reply` of an order of the table and a request that was accepted; False
        where that says nothing new."""
        if not expects_reply(order, op, tick_id, _ACKED):
            return False
        order.sent_ns = max(order.sent_ns, sent_ns)
        self._meet(order, _ACK, now_ns)
        return True

    def on_update(self, told: OrderUpdate, now_ns: int) -> Change | None:
        """The venue's word about one order. None when the order is not in the table."""
        order = self._orders.get(told.client_id)
        if order is None:
            return None
        order.venue_id = told.venue_id or order.venue_id
        cum_lots = told.cum_lots
        order.cum_lots = max(order.cum_lots, cum_lots)
        before = self._report(
            order, told.status, told.price_ticks, told.lots, told.updated_ms, told.asked_ns, now_ns
        )
        return changed(order, before)

    def on_row(self, order: Order, block: OrderBlock[OrderUpdate], row: int, now_ns: int) -> int:
        """The venue's word about one order, as a row of a frame; the state that met it."""
        order.venue_id = block.venue_id(row, order.venue_id)
        cum_lots = block.cum_lots(row)
        order.cum_lots = max(order.cum_lots, cum_lots)
        status = block.status(row)
        return self._report(
            order, status, block.price_ticks(row), block.lots(row), block.updated_ms(row), 0, now_ns
        )

    def _report(
        self, order: Order, status: int, price_ticks: int, lots: int, updated_ms: int,
        asked_ns: int, now_ns: int,
    ) -> int:  # fmt: skip
        final = end_of_status(status)
        if final != NOT_FINAL:
            order.updated_ms = max(order.updated_ms, updated_ms)
            return self._meet(order, final, now_ns)
        if updated_ms < order.updated_ms or not is_open_status(status):
            self._count(order)
            return order.code
        event = judge(order, price_ticks, lots, updated_ms, asked_ns)
        if order.undone:
            self.endings.undone(order)
        return self._meet(order, event, now_ns)

    def on_execution(self, client_id: int, lots: int, now_ns: int) -> Change | None:
        """A new execution (the caller removes repeats)."""
        order = self._orders.get(client_id) or self._unbooked.get(client_id)
        if order is None:
            return None
        order.booked_lots += lots
        order.cum_lots = max(order.cum_lots, order.booked_lots)
        if is_final(order.code):
            self._count(order)
            if order.counted_lots == 0:
                self._unbooked.pop(client_id)
            return changed(order, order.code)
        order.seen = True
        change = self._step(order, _TRADED, now_ns)
        if change.after_code == _LIVE:
            self._schedule(order, now_ns)
        return change

    def on_absent(self, client_id: int, now_ns: int) -> Change | None:
        """Proof by query that the venue has no such order."""
        order = self._orders.get(client_id)
        if order is None:
            return None
        return self._step(order, _VANISHED if order.seen else _ABSENT, now_ns)

    def on_missing(self, order: Order, now_ns: int) -> Change:
        """It was not among the open orders of a snapshot that began after it was sent. With a
        request in flight that is taken up when the reply is there."""
        order.missing = is_in_flight(order.code)
        return self._step(order, _MISSING, now_ns)

    def adopt(self, update: OrderUpdate, now_ns: int) -> Order:
        """Take in an open order that the table does not know, only to end it."""
        order = Order(
            update.client_id,
            _NO_SLOT,
            update.instrument,
            update.side,
            update.price_ticks,
            update.lots,
        )
        order.code = _LIVE
        # Which of its fills the position contains is not known, and executions of them may still
        # be under way: none is booked before its execution comes.
        order.cum_lots = update.cum_lots
        order.venue_id = update.venue_id
        order.sent_ns = now_ns
        order.updated_ms = update.updated_ms
        order.seen = order.adopted = True
        self._orders.put(order.client_id, order)
        self.strays.add(order)
        self._count(order)
        return order

    def id_of_venue_order(self, venue_id: str) -> int:
        """Our id of an execution that names only the venue's id; 0 when it is not ours."""
        for order in (*self._orders.values(), *self._unbooked.values()):
            if venue_id and order.venue_id == venue_id:
                return order.client_id
        return 0

    def credit(self, client_id: int, lots: int) -> None:
        """Executions of an adopted order that were booked before it was found."""
        order = self._orders.get(client_id)
        if order is not None and order.adopted:
            order.booked_lots = min(max(order.booked_lots, lots), order.cum_lots)
            self._count(order)

    # -- time -----------------------------------------------------------------------------

    def due_for_resolve(self, now_ns: int) -> list[Order]:
        """Orders the venue should be asked about now; each is due again a while later."""
        if now_ns < self.next_resolve_ns:
            return []
        orders = self._orders.values()
        due = [order for order in orders if order.resolve_ns <= now_ns]
        for order in due:
            order.resolve_ns = now_ns + REASK_NS
        next_ns = _NEVER_NS
        for order in orders:
            next_ns = min(next_ns, order.resolve_ns)
        self.next_resolve_ns = next_ns
        return due

    def recount(self) -> list[int]:
        """``open_lots`` counted anew from the orders; must always equal it."""
        totals = [0] * len(self.open_lots)
        for order in (*self._orders.values(), *self._unbooked.values()):
            totals[order.instrument * 2 + order.side] += order.worst_lots()
        return totals

    # -- inside ---------------------------------------------------------------------------

    def _own(self, client_id: int) -> Order:
        order = self._orders.get(client_id)
        if order is None:
            raise InvariantError(f"order {client_id:#x} is not in the table: it cannot be changed")
        return order

    def _send(self, order: Order, op: int, event: int, tick_id: int, now_ns: int) -> None:
        order.flight_op = op
        order.undecided |= bit_of(op)
        order.flight_tick = tick_id
        order.sent_ns = now_ns
        self._meet(order, event, now_ns)

    def _step(self, order: Order, event: int, now_ns: int) -> Change:
        return changed(order, self._meet(order, event, now_ns))

    def _meet(self, order: Order, event: int, now_ns: int) -> int:
        """An order meets an event; returns the state that met it."""
        before = order.code
        after = following(before, event)
        if order.missing and not is_in_flight(after) and not is_final(after):
            order.missing = False
            after = following(after, _MISSING)
        order.code = after
        if is_final(after):
            self._end(order, event)
        elif after != before:
            self._schedule(order, now_ns)
            if order.slot == _NO_SLOT:
                self.strays.look_again(order)
        self._count(order)
        return before

    def _schedule(self, order: Order, now_ns: int) -> None:
        """When an order in this state proves its change undone, and when to ask about it."""
        code = order.code
        if code == _UNKNOWN:
            order.settle_ns = order.sent_ns + self.expiry_ns
            order.resolve_ns = now_ns
        elif code in (_PLACED, _AMENDED, _CANCEL_ACKED):
            order.settle_ns = order.resolve_ns = now_ns + _CONFIRM_NS
        else:
            order.settle_ns = order.resolve_ns = _NEVER_NS
            if code == _LIVE:
                order.pending_lots = order.pending_price_ticks = 0
                if order.lots <= order.cum_lots:
                    # Whether that is all of it only the order's own report can say.
                    order.resolve_ns = now_ns + _CONFIRM_NS
        self.next_resolve_ns = min(self.next_resolve_ns, order.resolve_ns)

    def _end(self, order: Order, event: int) -> None:
        client_id = order.client_id
        self._orders.pop(client_id)
        self.sums.drop(order)
        if order.slot == _NO_SLOT:
            self.strays.drop(order)
        else:
            self.by_slot[order.slot] = None
        if order.cum_lots > order.booked_lots:
            self._unbooked.put(client_id, order)
        self.endings.note(order, event)

    def _unseat(self, order: Order) -> None:
        self.by_slot[order.slot] = None
        order.slot = _NO_SLOT
        self.strays.add(order)

    def _count(self, order: Order) -> None:
        worst = order.worst_lots()
        if worst != order.counted_lots:
            self.open_lots[order.instrument * 2 + order.side] += worst - order.counted_lots
            order.counted_lots = worst
        self.sums.count(order)
