"""Replies: what each proves about our orders, and what follows when an order moves on."""

from __future__ import annotations

from typing import Final

from mmfast._core.acks import Accepted
from mmfast.engine.counters import Counters
from mmfast.engine.orders.order import Order
from mmfast.engine.orders.order_states import State, is_final
from mmfast.engine.orders.orders import OrderTable
from mmfast.engine.outbox import Outbox
from mmfast.engine.planning.planner import DEADLINE_PASSED
from mmfast.engine.risk.holds import NO_MARGIN, Holds
from mmfast.engine.rotation import Rotation
from mmfast.errors import InvariantError
from mmfast.messages import BatchReply, Command, Instrument, ItemReply, Op, Outcome, Severity

_LIVE: Final = int(State.LIVE)
_FILLED: Final = int(State.FILLED)
_CANCELLED: Final = int(State.CANCELLED)
_EXPIRED_UNSENT: Final = int(State.EXPIRED_UNSENT)
_CANCEL: Final = int(Op.CANCEL)
_AMEND: Final = int(Op.AMEND)
_PLACE: Final = int(Op.PLACE)
_ACK: Final = int(Outcome.ACK)
_LOST: Final = int(Outcome.UNKNOWN)
_REJECT: Final = int(Outcome.REJECT)
_THROTTLED: Final = int(Outcome.THROTTLED)
_GONE: Final = int(Outcome.GONE)


class Outcomes:
    """Tells the order table what replies prove, and counts, marks and holds what follows."""

    __slots__ = (
        "_counters",
        "_dirty",
        "_holds",
        "_instruments",
        "_orders",
        "_outbox",
        "acks",
    )

    def __init__(
        self,
        instruments: tuple[Instrument, ...],
        orders: OrderTable,
        counters: Counters,
        outbox: Outbox,
        dirty: Rotation,
        holds: Holds,
    ) -> None:
        self._instruments = instruments
        self._orders = orders
        self._counters = counters
        self._outbox = outbox
        self._dirty = dirty
        self._holds = holds
        self.acks = [0] * len(instruments)
        """Accepted requests by instrument."""

    def on_reply(self, reply: BatchReply, now_ns: int) -> None:
        """Outcomes of one batch."""
        batch = reply.batch
        items = reply.items
        commands = batch.commands
        if len(commands) != len(items):
            raise InvariantError(
                f"a reply must have one item per command: expected {len(commands)}, "
                f"found {len(items)}"
            )
        tick_id = batch.tick_id
        sent_ns = reply.sent_ns
        if isinstance(items, Accepted) and items.commands is commands:
            self._on_accepted(items, batch.op, tick_id, sent_ns, now_ns)
            return
        for command, item in zip(commands, items, strict=True):
            self._on_item(command, item, tick_id, sent_ns, now_ns)

    def moved(self, order: Order, before: int) -> None:
        """What follows from where an order stands now, if it stood elsewhere before."""
        after = order.code
        if after == before:
            return
        instrument = order.instrument
        if is_final(after):
            self._count_end(after)
            self._dirty.mark(instrument)
        elif after == _LIVE:
            self._holds.accept(instrument)
            self._dirty.mark(instrument)

    def _on_accepted(
        self, items: Accepted[ItemReply], op: int, tick_id: int, sent_ns: int, now_ns: int
    ) -> None:
        """As :meth:`_on_item` of each, but no item has to be made."""
        orders = self._orders
        for row in range(len(items)):
            self._count_ack(op, items.instrument(row))
            order = orders.get(items.client_id(row))
            if order is None:
                continue
            before = order.code
            if orders.on_ack(order, op, tick_id, sent_ns, now_ns):
                order.venue_id = items.venue_id(row, order.venue_id)
                self.moved(order, before)

    def _on_item(
        self, command: Command, item: ItemReply, tick_id: int, sent_ns: int, now_ns: int
    ) -> None:
        op, _, instrument, _, _, _, _, client_id = command
        named_id, outcome, _, _, venue_id = item
        result = int(outcome)
        if named_id != client_id:
            result = _LOST  # an answer about another order proves nothing of ours
        if result == _ACK:
            self._count_ack(op, instrument)
        else:
            self._count_refusal(command, result, item, now_ns)
            self._dirty.mark(instrument)
        change = self._orders.on_reply(op, client_id, result, venue_id, tick_id, sent_ns, now_ns)
        if change is not None:
            self.moved(change.order, change.before_code)

    def _count_ack(self, op: int, instrument: int) -> None:
        self.acks[instrument] += 1
        if op == _PLACE:
            self._counters.orders_placed += 1
        elif op == _AMEND:
            self._counters.orders_amended += 1

    def _count_refusal(self, command: Command, outcome: int, item: ItemReply, now_ns: int) -> None:
        counters = self._counters
        if outcome == _REJECT:
            counters.count_code(item.ret_code)
            counters.orders_rejected += command.op == _PLACE
            if command.op != _CANCEL:
                self._holds.refuse(command.instrument, now_ns, item.ret_code in NO_MARGIN)
            self._tell_refused(command, item)
        elif outcome == _THROTTLED:
            counters.throttled += 1
        elif outcome == _GONE:
            counters.gone += 1
        elif outcome == _LOST:
            counters.unknown += 1
        else:
            counters.not_sent += 1
            counters.deadline_returned += DEADLINE_PASSED in item.ret_msg

    def _tell_refused(self, command: Command, item: ItemReply) -> None:
        """Once per code and run: a market maker meets the same refusal many times."""
        symbol = self._instruments[command.instrument].symbol
        self._outbox.raise_once(
            f"code {item.ret_code}",
            Severity.WARNING,
            "order_refused",
            f"{symbol}: the venue refused to {command.op.name.lower()} an order with code "
            f"{item.ret_code} ({item.ret_msg}); further refusals with it are only counted",
        )

    def _count_end(self, code: int) -> None:
        counters = self._counters
        counters.orders_filled += code == _FILLED
        counters.orders_cancelled += code == _CANCELLED
        counters.orders_expired += code == _EXPIRED_UNSENT
