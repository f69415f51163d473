"""Wanted quotes against working orders: which commands would make them agree?"""

from __future__ import annotations

from typing import Final

from mmfast._core.wide import mul_div
from mmfast.engine.orders.order import Order
from mmfast.engine.orders.order_states import State, is_cancellable
from mmfast.engine.orders.orders import OrderTable
from mmfast.engine.params import ONE_E4, RequoteBy
from mmfast.engine.quoting.bus import CommandBus
from mmfast.engine.quoting.quoter import Level, Quotes
from mmfast.ids import ClientIds
from mmfast.messages import Flag, Op
from mmfast.units import MAX_LEVELS

_POST_ONLY: Final = int(Flag.POST_ONLY)
_PLACE_REDUCING: Final = int(Flag.POST_ONLY | Flag.REDUCE_ONLY)
_URGENT: Final = int(Flag.URGENT)
_AMEND_QTY: Final = int(Flag.AMEND_QTY)
_CANCEL: Final = int(Op.CANCEL)
_AMEND: Final = int(Op.AMEND)
_PLACE: Final = int(Op.PLACE)
_LIVE: Final = int(State.LIVE)
_LEVELS: Final = MAX_LEVELS
_ONE_E4: Final = ONE_E4


class Stance:
    """How an instrument is traded in this flush."""

    __slots__ = ("holding", "pulled", "reducing")

    def __init__(self, pulled: bool = False, holding: bool = False, reducing: bool = False) -> None:
        self.pulled = pulled
        """Nothing is wanted and everything must go, at once and proved or not."""
        self.holding = holding
        """No new orders for a while; resting ones may stay or go."""
        self.reducing = reducing
        """New orders may only shrink the position."""


QUOTING: Final = Stance()


class Differ:
    """Compares slot by slot and puts on the bus what is missing.

    A slot whose order has a request in flight, or whose outcome is unknown, is left alone; what
    the bus still holds for it is forgotten, for it was decided on older knowledge.
    """

    __slots__ = ("_bus", "_depth", "_holding", "_ids", "_moves_by_amend", "_orders")

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
        self.set_policy(requote_by)

    def set_policy(self, requote_by: RequoteBy) -> None:
        """How a resting quote is moved from now on."""
        self._moves_by_amend = requote_by is RequoteBy.AMEND

    def begin(self) -> None:
        """A flush begins. If the bus is empty now, no slot holds anything until it is visited,
        and it is visited once: then nothing held needs looking at."""
        self._holding = not self._bus.is_empty()

    def put(self, instrument: int, quotes: Quotes, tolerance_e4: int, stance: Stance) -> None:
        """Put the commands for one instrument, once in a flush. Forgets on the bus what has
        become pointless. A quote that moves by ``tolerance_e4`` of its price or less stays."""
        bids = quotes.bids
        asks = quotes.asks
        depth = max(self._depth[instrument], len(bids), len(asks))
        self._depth[instrument] = depth  # slots once used are looked at for ever: cheap, and safe
        first = instrument * 2 * _LEVELS
        rises = self._rises(first, bids, asks)
        if not rises:
            self._side(first, depth, bids, tolerance_e4, stance)
        self._side(first + _LEVELS, depth, asks, tolerance_e4, stance)
        if rises:
            self._side(first, depth, bids, tolerance_e4, stance)

    def _side(
        self, first: int, depth: int, levels: list[Level], tolerance_e4: int, stance: Stance
    ) -> None:
        for level in range(depth):
            self._slot(first + level, _at(levels, level), tolerance_e4, stance)

    def _rises(self, first: int, bids: list[Level], asks: list[Level]) -> bool:
        """Whether the quotes move up: then the asks make way first, so that no bid of ours
        arrives at the venue, or is judged, while an ask of ours still stands in its place."""
        bid = self._orders.by_slot[first]
        if bid is not None and bids:
            return bids[0].price_ticks > bid.price_ticks
        ask = self._orders.by_slot[first + _LEVELS]
        return ask is not None and len(asks) > 0 and asks[0].price_ticks > ask.price_ticks

    def _slot(self, slot: int, target: Level | None, tolerance_e4: int, stance: Stance) -> None:
        order = self._orders.by_slot[slot]
        if order is None:
            if target is None or stance.holding:
                self._forget(slot)
            elif not self._waits(slot, _PLACE, target.price_ticks, target.lots):
                self._place(slot, target, stance)
        elif order.code != _LIVE or order.lots <= order.cum_lots:
            self._forget(slot)
            if stance.pulled and is_cancellable(order.code):
                self._cancel(order, _URGENT)
        elif target is None:
            self._only_cancel(order, _URGENT if stance.pulled else 0)
        elif order.reduces and not stance.reducing:
            # No amend makes an ordinary quote of it: it goes, and the next look fills its seat.
            self._only_cancel(order, 0)
        elif _near(order, target, tolerance_e4):
            self._resize(order, target, stance)
        elif stance.holding:
            self._only_cancel(order, 0)
        else:
            self._move(order, target, stance)

    def _resize(self, order: Order, target: Level, stance: Stance) -> None:
        """The price is good enough; is the size? Less of it keeps the place in the queue."""
        if _enough(order, target.lots):
            self._forget(order.slot)
        elif target.lots < order.lots - order.cum_lots:
            self._amend_size(order, target)
        elif stance.holding:
            self._forget(order.slot)
        elif self._moves_by_amend:
            self._amend_size(order, target)
        else:
            self._move(order, target, stance)

    def _amend_size(self, order: Order, target: Level) -> None:
        if not self._waits(order.slot, _AMEND, order.price_ticks, target.lots):
            self._forget_place(order.slot)
            self._bus.put_fields(
                _AMEND, order.slot, _AMEND_QTY, order.price_ticks, target.lots, order.client_id
            )

    def _move(self, order: Order, target: Level, stance: Stance) -> None:
        """Cancel and place; the bus makes an amend of them where that is the policy."""
        if self._holding:
            if self._bus.waits_to_move(
                order.slot, order.client_id, target.price_ticks, target.lots
            ):
                return
            self._forget_place(order.slot)
        self._cancel(order, 0)
        self._place(order.slot, target, stance)

    def _only_cancel(self, order: Order, flags: int) -> None:
        if self._holding and self._bus.waits_to_cancel(order.slot, flags):
            return
        self._forget_place(order.slot)
        self._cancel(order, flags)

    def _place(self, slot: int, target: Level, stance: Stance) -> None:
        self._bus.put_fields(
            _PLACE,
            slot,
            _PLACE_REDUCING if stance.reducing else _POST_ONLY,
            target.price_ticks,
            target.lots,
            self._ids.next(),
        )

    def _cancel(self, order: Order, flags: int) -> None:
        leaves = order.lots - order.cum_lots
        self._bus.put_fields(_CANCEL, order.slot, flags, order.price_ticks, leaves, order.client_id)

    def _forget(self, slot: int) -> None:
        if self._holding:
            self._bus.clear(slot)

    def _forget_place(self, slot: int) -> None:
        """A place alone that waits under a resting order is older than what we know now, and a
        cancel would annul it instead of ending the order."""
        if self._holding:
            self._bus.clear_place(slot)

    def _waits(self, slot: int, op: int, price_ticks: int, lots: int) -> bool:
        """The bus already holds exactly this, so putting it again would only be counted."""
        return self._holding and self._bus.waits(slot, op, price_ticks, lots)


def _at(levels: list[Level], level: int) -> Level | None:
    return levels[level] if level < len(levels) else None


def _near(order: Order, target: Level, tolerance_e4: int) -> bool:
    """Within the requote tolerance: the order keeps its queue position."""
    tolerance = mul_div(target.price_ticks, tolerance_e4, _ONE_E4)
    return abs(order.price_ticks - target.price_ticks) <= tolerance


def _enough(order: Order, wanted: int) -> bool:
    """A whole order must have the wanted size; one partly filled is refilled only when less
    than half of it is left, for each refill costs a command and the queue position."""
    leaves = order.lots - order.cum_lots
    if order.cum_lots == 0:
        return leaves == wanted
    return leaves <= wanted <= 2 * leaves
