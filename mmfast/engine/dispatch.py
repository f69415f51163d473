"""From intent to batches: what leaves now, judged, paid for, and marked in flight."""

from __future__ import annotations

from typing import Final

from mmfast.engine.bus import CommandBus
from mmfast.engine.counters import Counters
from mmfast.engine.order import NO_SLOT, Order, is_leaving
from mmfast.engine.order_states import CANCELLABLE, State
from mmfast.engine.orders import OrderTable
from mmfast.engine.outbox import Outbox
from mmfast.engine.planner import Planner
from mmfast.engine.risk import SLOT, WAITING, Risk
from mmfast.messages import Batch, Command, Flag, Op, Severity, Side
from mmfast.units import (
    MAX_LEVELS,
    ClientId,
    InstrumentIndex,
    Lots,
    Slot,
    Ticks,
    slot_instrument,
)

_OPS: Final = (Op.CANCEL, Op.AMEND, Op.PLACE)
_SIDES: Final = (Side.BUY, Side.SELL)
_URGENT: Final = int(Flag.URGENT)
_AMEND_PRICE: Final = int(Flag.AMEND_PRICE)
_AMEND_QTY: Final = int(Flag.AMEND_QTY)
_KEPT_BY_AMEND: Final = int(Flag.POST_ONLY | Flag.REDUCE_ONLY | Flag.URGENT)


class Dispatcher:
    """Takes from the bus what the budgets allow, asks risk about each command, tells the order
    table of those that pass, and packs them."""

    __slots__ = ("_alerted", "_bus", "_counters", "_orders", "_outbox", "_planner", "_risk")

    def __init__(
        self,
        bus: CommandBus,
        orders: OrderTable,
        risk: Risk,
        planner: Planner,
        counters: Counters,
        outbox: Outbox,
    ) -> None:
        self._bus = bus
        self._orders = orders
        self._risk = risk
        self._planner = planner
        self._counters = counters
        self._outbox = outbox
        self._alerted: dict[int, list[str]] = {}

    def batches(self, tick_id: int, now_ns: int) -> list[Batch]:
        """Everything that may leave now, in sending order."""
        homeless = self.homeless()
        bus = self._bus
        if not homeless and not len(bus):
            return []
        self._risk.begin()
        urgent = bus.urgent_cancels() + len(homeless)
        cancels, amends, places = self._planner.allowance(now_ns, urgent)
        leaving: tuple[list[Command], list[Command], list[Command]] = ([], [], [])
        for order in homeless[:cancels]:
            leaving[Op.CANCEL].append(self._cancel_homeless(order, tick_id, now_ns))
        for item in bus.drain(cancels - len(leaving[Op.CANCEL]), amends, places):
            command = self._admit(item, tick_id, now_ns)
            if command is not None:
                leaving[command.op].append(command)
        return self._pack(leaving, tick_id, now_ns)

    def homeless(self) -> list[Order]:
        """Orders without a slot that are not on their way out: zombies, leftovers, and
        replaced orders whose cancel failed. They go whatever else is wanted."""
        return [order for order in self._orders.slotless() if CANCELLABLE[order.state]]

    def _cancel_homeless(self, order: Order, tick_id: int, now_ns: int) -> Command:
        self._counters.wanted[Op.CANCEL] += 1
        self._orders.cancel(order.client_id, tick_id, now_ns)
        return Command(
            Op.CANCEL,
            NO_SLOT,
            InstrumentIndex(order.instrument),
            order.side,
            _URGENT,
            Ticks(order.price_ticks),
            Lots(order.leaves_lots),
            ClientId(order.client_id),
        )

    def _admit(
        self, item: tuple[int, int, int, int, int, int], tick_id: int, now_ns: int
    ) -> Command | None:
        """One intent becomes a command in flight, unless it has been overtaken or is refused."""
        order = self._orders.by_slot[item[1]]
        command = _command(item, order)
        if command is None:
            self._counters.obsolete += 1
            return None
        control = self._risk.check(command, order, now_ns)
        if control:
            self._refuse(command, control)
            return None
        if command.op is Op.PLACE:
            self._orders.place(command, tick_id, now_ns)
        elif command.op is Op.AMEND:
            self._orders.amend(command, tick_id, now_ns)
        else:
            self._orders.cancel(command.client_id, tick_id, now_ns)
        if self._alerted and command.op is not Op.CANCEL:
            self._lower_alerts(command.instrument)
        return command

    def _refuse(self, command: Command, control: str) -> None:
        if control == SLOT:
            self._counters.obsolete += 1
            return
        self._counters.count_refused(control)
        if control in WAITING:
            return
        key = f"{control} {command.instrument}"
        if key not in self._alerted.get(command.instrument, ()):
            text = self._risk.explain(command, control)
            self._outbox.raise_once(key, Severity.WARNING, "refused_" + control, text)
            self._alerted.setdefault(command.instrument, []).append(key)

    def _lower_alerts(self, instrument: int) -> None:
        """A command of the instrument has passed: the next refusal is news again."""
        for key in self._alerted.pop(instrument, ()):
            self._outbox.lower(key)

    def _pack(
        self,
        leaving: tuple[list[Command], list[Command], list[Command]],
        tick_id: int,
        now_ns: int,
    ) -> list[Batch]:
        batches: list[Batch] = []
        for op in _OPS:
            batches.extend(self._planner.pack(op, leaving[op], tick_id, now_ns))
            self._counters.sent[op] += len(leaving[op])
        for batch in batches:
            self._counters.calls[batch.op * 2 + batch.single] += 1
        return batches


def _command(item: tuple[int, int, int, int, int, int], order: Order | None) -> Command | None:
    """The wire's command for an intent; None when evidence has overtaken it.

    Intent speaks of the size that shall rest, the venue's amend of the total size, so what was
    filled meanwhile is added here, at the last moment. An amend says only what changes.
    """
    op, slot, flags, price_ticks, lots, client_id = item
    if op != Op.PLACE:
        if order is None or order.client_id != client_id:
            return None
        if op == Op.AMEND:
            if order.state is not State.LIVE:
                return None
            lots += order.cum_lots
            flags &= _KEPT_BY_AMEND
            if price_ticks != order.price_ticks:
                flags |= _AMEND_PRICE
            if lots != order.lots:
                flags |= _AMEND_QTY
            if not flags & (_AMEND_PRICE | _AMEND_QTY):
                return None
    elif order is not None and not is_leaving(order):
        return None
    return Command(
        _OPS[op],
        Slot(slot),
        slot_instrument(slot),
        _SIDES[slot // MAX_LEVELS & 1],
        flags,
        Ticks(price_ticks),
        Lots(lots),
        ClientId(client_id),
    )
