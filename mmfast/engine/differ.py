"""Wanted quotes against working orders: which commands would make them agree?"""

from __future__ import annotations

from typing import NamedTuple

from mmfast.engine.bus import CommandBus
from mmfast.engine.order import Order
from mmfast.engine.order_states import CANCELLABLE, State
from mmfast.engine.orders import OrderTable
from mmfast.engine.params import ONE_E4, RequoteBy, SymbolParams
from mmfast.engine.quoter import Level, Quotes
from mmfast.ids import ClientIds
from mmfast.messages import Command, Flag, Op, Side
from mmfast.units import InstrumentIndex, Lots, Slot, Ticks, slot_of

_POST_ONLY = int(Flag.POST_ONLY)
_PLACE_REDUCING = int(Flag.POST_ONLY | Flag.REDUCE_ONLY)
_URGENT = int(Flag.URGENT)
_AMEND_QTY = int(Flag.AMEND_QTY)


class Stance(NamedTuple):
    """How an instrument is traded in this flush."""

    pulled: bool = False
    """Nothing is wanted and everything must go, at once and proved or not."""
    holding: bool = False
    """No new orders for a while; resting ones may stay or go."""
    reducing: bool = False
    """New orders may only shrink the position."""


QUOTING = Stance()


class Differ:
    """Compares slot by slot and says what to put on the bus.

    A slot whose order has a request in flight, or whose outcome is unknown, is left alone; what
    the bus still holds for it is forgotten, for it was decided on older knowledge.
    """

    __slots__ = ("_bus", "_depth", "_holding", "_ids", "_orders", "requote_by")

    def __init__(
        self,
        orders: OrderTable,
        bus: CommandBus,
        ids: ClientIds,
        instruments: int,
        requote_by: RequoteBy,
    ) -> None:
        self._orders = orders
        self._bus = bus
        self._ids = ids
        self._depth = [0] * instruments
        self._holding = True
        self.requote_by = requote_by

    def begin(self) -> None:
        """A flush begins. If the bus is empty now, no slot holds anything until it is visited,
        and it is visited once: then nothing held needs looking at."""
        self._holding = len(self._bus) > 0

    def commands(
        self, instrument: int, quotes: Quotes, params: SymbolParams, stance: Stance
    ) -> list[Command]:
        """The commands for one instrument, to be asked for once in a flush. Forgets on the bus
        what has become pointless."""
        out: list[Command] = []
        depth = max(self._depth[instrument], len(quotes.bids), len(quotes.asks))
        self._depth[instrument] = depth  # slots once used are looked at for ever: cheap, and safe
        for side in (Side.BUY, Side.SELL):
            levels = quotes.asks if side else quotes.bids
            first = slot_of(instrument, side, 0)
            for level in range(depth):
                target = levels[level] if level < len(levels) else None
                self._slot(out, instrument, side, first + level, target, params, stance)
        return out

    def _slot(
        self,
        out: list[Command],
        instrument: int,
        side: Side,
        slot: int,
        target: Level | None,
        params: SymbolParams,
        stance: Stance,
    ) -> None:
        order = self._orders.by_slot[slot]
        if order is None:
            if target is None or stance.holding:
                self._forget(slot)
            elif not self._is_held(slot, Op.PLACE, target):
                out.append(self._place(instrument, side, slot, target, stance))
        elif order.state is not State.LIVE or order.leaves_lots <= 0:
            self._forget(slot)
            if stance.pulled and CANCELLABLE[order.state]:
                out.append(_cancel(order, _URGENT))
        elif target is None:
            self._only_cancel(out, order, _URGENT if stance.pulled else 0)
        elif _near(order, target, params):
            self._resize(out, order, target, stance)
        elif stance.holding:
            self._only_cancel(out, order, 0)
        elif not self._moves_already(order, target):
            self._move(out, order, target, stance)

    def _resize(self, out: list[Command], order: Order, target: Level, stance: Stance) -> None:
        """The price is good enough; is the size? Less of it keeps the place in the queue."""
        if _enough(order, target.lots):
            self._forget(order.slot)
        elif target.lots < order.leaves_lots:
            self._amend_size(out, order, target)
        elif stance.holding:
            self._forget(order.slot)
        elif self.requote_by is RequoteBy.AMEND:
            self._amend_size(out, order, target)
        elif not self._moves_already(order, target):
            self._move(out, order, target, stance)

    def _amend_size(self, out: list[Command], order: Order, target: Level) -> None:
        at_this_price = Level(Ticks(order.price_ticks), target.lots)
        if not self._is_held(order.slot, Op.AMEND, at_this_price):
            self._forget_place(order.slot)
            out.append(_amend_size(order, target.lots))

    def _move(self, out: list[Command], order: Order, target: Level, stance: Stance) -> None:
        """Cancel and place; the bus makes an amend of them where that is the policy."""
        self._forget_place(order.slot)
        out.append(_cancel(order, 0))
        out.append(self._place(order.instrument, order.side, order.slot, target, stance))

    def _only_cancel(self, out: list[Command], order: Order, flags: int) -> None:
        held = self._bus.held(order.slot) if self._holding else ()
        if len(held) == 1 and held[0].op == Op.CANCEL and held[0].flags & flags == flags:
            return
        self._forget_place(order.slot)
        out.append(_cancel(order, flags))

    def _place(
        self, instrument: int, side: Side, slot: int, target: Level, stance: Stance
    ) -> Command:
        return Command(
            Op.PLACE,
            Slot(slot),
            InstrumentIndex(instrument),
            side,
            _PLACE_REDUCING if stance.reducing else _POST_ONLY,
            target.price_ticks,
            target.lots,
            self._ids.next(),
        )

    def _forget(self, slot: int) -> None:
        if self._holding:
            self._bus.clear(slot)

    def _forget_place(self, slot: int) -> None:
        """A place alone that waits under a resting order is older than what we know now, and a
        cancel would annul it instead of ending the order."""
        if self._holding:
            held = self._bus.held(slot)
            if len(held) == 1 and held[0].op == Op.PLACE:
                self._bus.clear(slot)

    def _is_held(self, slot: int, op: Op, target: Level) -> bool:
        """The bus already holds exactly this, so putting it again would only be counted."""
        if not self._holding:
            return False
        held = self._bus.held(slot)
        return len(held) == 1 and held[0].op == op and _aims_at(held[0], target)

    def _moves_already(self, order: Order, target: Level) -> bool:
        """The bus holds a replacement or amend of this order to exactly this target."""
        if not self._holding:
            return False
        held = self._bus.held(order.slot)
        if not held or held[0].client_id != order.client_id:
            return False
        return held[-1].op != Op.CANCEL and _aims_at(held[-1], target)


def _aims_at(intent: tuple[int, ...], target: Level) -> bool:
    return intent[3] == target.price_ticks and intent[4] == target.lots


def _near(order: Order, target: Level, params: SymbolParams) -> bool:
    """Within the requote tolerance: the order keeps its queue position."""
    wanted = target.price_ticks
    tolerance = wanted * params.requote_tolerance_e4 // ONE_E4
    return abs(order.price_ticks - wanted) <= tolerance


def _enough(order: Order, wanted: int) -> bool:
    """A whole order must have the wanted size; one partly filled is refilled only when less
    than half of it is left, for each refill costs a command and the queue position."""
    leaves = order.leaves_lots
    if order.cum_lots == 0:
        return leaves == wanted
    return leaves <= wanted <= 2 * leaves


def _cancel(order: Order, flags: int) -> Command:
    return Command(
        Op.CANCEL,
        Slot(order.slot),
        InstrumentIndex(order.instrument),
        order.side,
        flags,
        Ticks(order.price_ticks),
        Lots(order.leaves_lots),
        order.client_id,  # type: ignore[arg-type]
    )


def _amend_size(order: Order, lots: int) -> Command:
    return Command(
        Op.AMEND,
        Slot(order.slot),
        InstrumentIndex(order.instrument),
        order.side,
        _AMEND_QTY,
        Ticks(order.price_ticks),
        Lots(lots),
        order.client_id,  # type: ignore[arg-type]
    )
