"""From intent to batches: what leaves now, judged, paid for, and marked in flight."""

from __future__ import annotations

from typing import Final

from mmfast.engine.counters import Counters
from mmfast.engine.orders.draft import Draft
from mmfast.engine.orders.order import NO_SLOT, Order
from mmfast.engine.orders.order_states import State
from mmfast.engine.orders.orders import OrderTable
from mmfast.engine.outbox import Outbox
from mmfast.engine.planning.planner import Planner
from mmfast.engine.planning.ranking import Ranking
from mmfast.engine.quoting.bus import CommandBus
from mmfast.engine.risk.exposure import CONTROLS as OF_THE_WHOLE
from mmfast.engine.risk.risk import SLOT, WAITING, Risk
from mmfast.ids import ClientIds
from mmfast.messages import Batch, Command, Flag, Mode, Op, Severity
from mmfast.units import NS_PER_S

TELL_AGAIN_NS: Final = 60 * NS_PER_S
"""How often a limit of the whole account is told of that stays passed."""
_CANCEL: Final = int(Op.CANCEL)
_AMEND: Final = int(Op.AMEND)
_PLACE: Final = int(Op.PLACE)
_LIVE: Final = int(State.LIVE)
_NO_SLOT: Final = int(NO_SLOT)
_URGENT: Final = int(Flag.URGENT)
_AMEND_PRICE: Final = int(Flag.AMEND_PRICE)
_AMEND_QTY: Final = int(Flag.AMEND_QTY)
_AMENDS: Final = _AMEND_PRICE | _AMEND_QTY
_POST_ONLY: Final = int(Flag.POST_ONLY)
_TRADING: Final = int(Mode.TRADING)
_KEPT_BY_AMEND: Final = int(Flag.POST_ONLY | Flag.REDUCE_ONLY | Flag.URGENT)


class Dispatcher:
    """Takes from the bus what the budgets allow, asks risk about each command, tells the order
    table of those that pass, and packs them."""

    __slots__ = (
        "_alerted",
        "_bus",
        "_counters",
        "_draft",
        "_ids",
        "_orders",
        "_outbox",
        "_planner",
        "_ranking",
        "_risk",
        "_silent_until_ns",
    )

    def __init__(
        self,
        bus: CommandBus,
        orders: OrderTable,
        risk: Risk,
        planner: Planner,
        counters: Counters,
        outbox: Outbox,
        ranking: Ranking,
        ids: ClientIds,
    ) -> None:
        self._bus = bus
        self._orders = orders
        self._risk = risk
        self._planner = planner
        planner.outbox = outbox
        self._counters = counters
        self._outbox = outbox
        self._ranking = ranking
        self._ids = ids
        self._draft = Draft()
        self._alerted: dict[int, list[str]] = {}
        self._silent_until_ns: dict[str, int] = {}

    def batches(self, tick_id: int, now_ns: int) -> list[Batch]:
        """Everything that may leave now, in sending order."""
        homeless = self._orders.strays.homeless()
        bus = self._bus
        if not homeless and bus.is_empty():
            return []
        self._risk.begin()
        urgent = bus.urgent_cancels() + len(homeless)
        cancels, amends, places = self._planner.allowance(now_ns, urgent)
        if cancels < len(homeless):
            homeless = homeless[:cancels]
        if amends < bus.count(_AMEND) and self._planner.ranks:
            ordinary = max(amends - self._planner.kept_for_reducing(_AMEND), 0)
            self._move_by_replacing(cancels - len(homeless), ordinary, places, now_ns)
        leaving = [self._cancel_homeless(order, tick_id, now_ns) for order in homeless]
        self._drain(leaving, _CANCEL, cancels - len(homeless), tick_id, now_ns)
        batches = self._pack(_CANCEL, leaving, tick_id, now_ns)
        for op, limit in ((_AMEND, amends), (_PLACE, places)):
            if bus.count(op):
                leaving = []
                self._drain(leaving, op, limit, tick_id, now_ns)
                batches += self._pack(op, leaving, tick_id, now_ns)
        return batches

    def _cancel_homeless(self, order: Order, tick_id: int, now_ns: int) -> Command:
        self._counters.wanted[_CANCEL] += 1
        self._orders.cancel(order.client_id, tick_id, now_ns)
        draft = self._draft
        draft.op = _CANCEL
        draft.slot = _NO_SLOT
        draft.instrument = order.instrument
        draft.side = order.side
        draft.flags = _URGENT
        draft.price_ticks = order.price_ticks
        draft.lots = order.lots - order.cum_lots
        draft.client_id = order.client_id
        return draft.command()

    def _drain(
        self, leaving: list[Command], op: int, limit: int, tick_id: int, now_ns: int
    ) -> None:
        """Take intents of one operation off the bus; those that may leave become commands."""
        draft = self._draft
        if limit > 0 and self._planner.ranks:
            kept = self._planner.kept_for_reducing(op)
            if self._bus.count(op) > limit - kept:
                self._drain_best(leaving, op, limit, kept, tick_id, now_ns)
                return
        self._bus.open_drain(op, limit)
        while self._bus.take(draft):
            if self._admit(draft, tick_id, now_ns):
                leaving.append(draft.command())

    def _drain_best(
        self, leaving: list[Command], op: int, limit: int, kept: int, tick_id: int, now_ns: int
    ) -> None:
        """There is less budget than commands: those that are worth most leave. What is ``kept``
        of it is only for those that reduce risk."""
        draft = self._draft
        slots = self._ranking.best(op, now_ns)
        reducing = self._ranking.first
        for at, slot in enumerate(slots):
            if limit <= (0 if at < reducing else kept):
                return
            if self._bus.take_at(op, slot, draft) and self._admit(draft, tick_id, now_ns):
                leaving.append(draft.command())
                limit -= 1

    def _move_by_replacing(self, cancels: int, amends: int, places: int, now_ns: int) -> None:
        """More quotes are to be moved than may be amended: the next best go by cancel and place,
        as far as those budgets have more than their own operations want."""
        bus = self._bus
        spare = min(
            bus.count(_AMEND) - amends,
            cancels - bus.count(_CANCEL),
            places - bus.count(_PLACE) - self._planner.places_kept(),
        )
        if spare <= 0 or self._risk.mode != _TRADING:
            return
        draft = self._draft
        for at, slot in enumerate(self._ranking.best(_AMEND, now_ns)):
            if at < amends or not bus.look(_AMEND, slot, draft):
                continue
            if self._ranking.replaces(draft, now_ns):
                bus.split(slot, _POST_ONLY, self._ids.next())
                spare -= 1
                if spare == 0:
                    return

    def _admit(self, draft: Draft, tick_id: int, now_ns: int) -> bool:
        """One intent becomes a command in flight, unless it has been overtaken or is refused."""
        order = self._orders.by_slot[draft.slot]
        if _is_overtaken(draft, order):
            self._counters.obsolete += 1
            return False
        control = self._risk.check(draft, order, now_ns)
        if control:
            self._refuse(draft, control, now_ns)
            return False
        if draft.op == _PLACE:
            self._orders.place(draft, tick_id, now_ns)
        elif draft.op == _AMEND:
            self._orders.amend(draft, tick_id, now_ns)
        else:
            self._orders.cancel(draft.client_id, tick_id, now_ns)
        if self._alerted and draft.op != _CANCEL:
            self._lower_alerts(draft.instrument)
        return True

    def _refuse(self, draft: Draft, control: str, now_ns: int) -> None:
        if control == SLOT:
            self._counters.obsolete += 1
            return
        self._counters.count_refused(control)
        if control in WAITING:
            return
        key = f"{control} {draft.instrument}"
        if control in OF_THE_WHOLE:
            # Some commands pass such a limit while others do not, flush after flush.
            if now_ns >= self._silent_until_ns.get(key, now_ns):
                self._silent_until_ns[key] = now_ns + TELL_AGAIN_NS
                text = self._risk.explain(draft, control)
                self._outbox.alert(Severity.WARNING, "refused_" + control, text)
            return
        if key not in self._alerted.get(draft.instrument, ()):
            text = self._risk.explain(draft, control)
            self._outbox.raise_once(key, Severity.WARNING, "refused_" + control, text)
            self._alerted.setdefault(draft.instrument, []).append(key)

    def _lower_alerts(self, instrument: int) -> None:
        """A command of the instrument has passed: the next refusal is news again."""
        for key in self._alerted.pop(instrument, ()):
            self._outbox.lower(key)

    def _pack(self, op: int, leaving: list[Command], tick_id: int, now_ns: int) -> list[Batch]:
        batches = self._planner.pack(op, leaving, tick_id, now_ns)
        self._counters.sent[op] += len(leaving)
        for batch in batches:
            self._counters.calls[op * 2 + batch.single] += 1
        return batches


def _is_overtaken(draft: Draft, order: Order | None) -> bool:
    """Whether evidence has overtaken an intent; else an amend is made ready for the wire.

    Intent speaks of the size that shall rest, the venue's amend of the total size, so what was
    filled meanwhile is added here, at the last moment. An amend says only what changes.
    """
    if draft.op == _PLACE:
        return order is not None and not order.is_leaving()
    if order is None or order.client_id != draft.client_id:
        return True
    if draft.op == _CANCEL:
        return False
    if order.code != _LIVE:
        return True
    draft.lots += order.cum_lots
    draft.flags &= _KEPT_BY_AMEND
    if draft.price_ticks != order.price_ticks:
        draft.flags |= _AMEND_PRICE
    if draft.lots != order.lots:
        draft.flags |= _AMEND_QTY
    return not draft.flags & _AMENDS
