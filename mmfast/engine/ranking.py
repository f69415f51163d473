"""Which of the waiting commands are worth most; asked only when a bucket is short.

The model is :mod:`mmfast.engine.worth`; here its facts are gathered: books, orders, positions
and how restless each instrument has been.
"""

from __future__ import annotations

from typing import Final

from mmfast._core.wide import mul_div
from mmfast.engine.bus import SLOTS_PER_INSTRUMENT, CommandBus
from mmfast.engine.draft import Draft
from mmfast.engine.inventory import Inventory
from mmfast.engine.market import Market
from mmfast.engine.order import Order
from mmfast.engine.orders import OrderTable
from mmfast.engine.params import ONE_E4
from mmfast.engine.terms import Terms
from mmfast.engine.worth import (
    aged_e10,
    decayed_e10,
    distance_e10,
    life_e10,
    of_cancel,
    of_move,
    of_place,
    queue_e10,
    stake_e8,
)
from mmfast.messages import Flag, Op
from mmfast.units import MAX_LEVELS

MOST_RANKED: Final = 256
"""So many waiting slots are compared in one flush; with more, others the next time."""
FIRST: Final = 1 << 61
"""Added to the worth of what reduces risk: no other worth reaches it."""
_CANCEL: Final = int(Op.CANCEL)
_AMEND: Final = int(Op.AMEND)
_URGENT: Final = int(Flag.URGENT)
_REDUCE_ONLY: Final = int(Flag.REDUCE_ONLY)
_LEVELS: Final = MAX_LEVELS
_SLOTS: Final = SLOTS_PER_INSTRUMENT
_ONE_E4: Final = ONE_E4
_MOST_RANKED: Final = MOST_RANKED
_FIRST: Final = FIRST
_MOVE_E10: Final = 1024
_WHOLE: Final = 1024


class Pace:
    """How often the fair price of one instrument has lately moved by more than the tolerance."""

    __slots__ = ("fair_x256", "moves_e10", "seen_ns")

    def __init__(self) -> None:
        self.fair_x256 = 0
        self.moves_e10 = 0
        self.seen_ns = 0


class Ranking:
    """Puts waiting slots in the order of their worth. Changes nothing but its own memory."""

    __slots__ = (
        "_age_ns",
        "_bus",
        "_draft",
        "_fair_x256",
        "_instrument",
        "_inventory",
        "_life",
        "_market",
        "_orders",
        "_pace",
        "_stale_ns",
        "_start",
        "_terms",
        "first",
    )

    def __init__(
        self,
        bus: CommandBus,
        market: Market,
        orders: OrderTable,
        inventory: Inventory,
        terms: list[Terms],
    ) -> None:
        self._bus = bus
        self._market = market
        self._orders = orders
        self._inventory = inventory
        self._terms = terms
        self._pace = [Pace() for _ in terms]
        self._draft = Draft()
        self._instrument = -1
        self._start = 0
        self._fair_x256 = 0
        self._age_ns = 0
        self._stale_ns = 0
        self.first = 0
        """How many of the slots named last reduce risk; they stand before the others."""
        self._life = 0

    def best(self, op: int, now_ns: int) -> list[int]:
        """Slots whose command of one operation is worth sending, the worthiest first; equal ones
        in the order in which they began to wait. Costs a few microseconds per slot."""
        self._instrument = -1
        ranked: list[tuple[int, int, int]] = []
        for at, slot in enumerate(self._candidates()):
            if self._bus.look(op, slot, self._draft):
                worth = self._worth(self._draft, now_ns)
                if worth > 0:
                    ranked.append((-worth, at, slot))
        ranked.sort()
        self.first = sum([key[0] <= -_FIRST for key in ranked])
        return [slot for _, _, slot in ranked]

    def has_room(self, slot: int, lots: int) -> bool:
        """Whether the position limit bears this beside all that is open on its side."""
        instrument, side = slot // _SLOTS, slot // _LEVELS & 1
        held = self._inventory.lots(instrument)
        held = -held if side else held
        terms: Terms = self._terms[instrument]
        open_lots: int = self._orders.open_lots[instrument * 2 + side]
        return held + open_lots + lots <= terms.max_position_lots

    def _candidates(self) -> list[int]:
        slots = self._bus.held_slots()
        count = len(slots)
        if count <= _MOST_RANKED:
            return slots
        start = self._start % count
        self._start = start + _MOST_RANKED
        return (slots[start:] + slots[:start])[:_MOST_RANKED]

    def _worth(self, draft: Draft, now_ns: int) -> int:
        instrument = draft.instrument
        if instrument != self._instrument:
            self._look_at(instrument, now_ns)
        worth = self._of_command(draft)
        if draft.flags & _URGENT or (draft.op != _CANCEL and self._reduces(draft)):
            worth += _FIRST
        return worth

    def _reduces(self, draft: Draft) -> bool:
        """A quote that can only shrink a position, by its nature or because that is at least half
        of what is allowed."""
        if draft.flags & _REDUCE_ONLY:
            return True
        terms: Terms = self._terms[draft.instrument]
        held = self._inventory.lots(draft.instrument)
        against = held if draft.side else -held
        return against >= draft.lots and 2 * against >= terms.max_position_lots

    def _of_command(self, draft: Draft) -> int:
        order: Order | None = self._orders.by_slot[draft.slot]
        instrument = self._market.instruments[draft.instrument]
        terms: Terms = self._terms[draft.instrument]
        half_x256 = mul_div(self._fair_x256, terms.half_spread_e4, _ONE_E4)
        if draft.op == _CANCEL:
            stake = stake_e8(half_x256, draft.lots, instrument.tick_lot_value_e8)
            return of_cancel(stake, self._distance(draft.side, draft.price_ticks, half_x256))
        edge_x256 = self._edge_x256(draft.side, draft.price_ticks)
        wanted_x256 = max(edge_x256, half_x256 // 4)
        stake = stake_e8(wanted_x256, draft.lots, instrument.tick_lot_value_e8)
        queue_then = self._queue_then(draft, wanted_x256)
        if draft.op != _AMEND or order is None:
            return of_place(stake, queue_then, self._life)
        distance = self._distance(draft.side, order.price_ticks, wanted_x256)
        if order.price_ticks == draft.price_ticks:
            return self._of_resize(stake, distance, draft, order)
        queue_now = self._queue_now(order, wanted_x256)
        return of_move(stake, distance, queue_now, queue_then, self._life)

    def _of_resize(self, stake: int, distance: int, draft: Draft, order: Order) -> int:
        """Less at the same price keeps the place in the queue and takes risk away: as a cancel
        of the difference. More of it is a new quote of the difference."""
        resting = order.lots - order.cum_lots
        if draft.lots < resting:
            return of_cancel(stake, distance) * (resting - draft.lots) // resting
        added = draft.lots - resting
        return of_place(stake, _WHOLE, self._life) * added // draft.lots

    def _look_at(self, instrument: int, now_ns: int) -> None:
        """What is equal for all quotes of an instrument in one flush."""
        self._instrument = instrument
        book = self._market.book(instrument)
        self._fair_x256 = book.microprice_x256()
        self._age_ns = self._market.age_ns(instrument, now_ns)
        self._stale_ns = self._market.stale_ns()
        pace: Pace = self._pace[instrument]
        pace.moves_e10 = decayed_e10(pace.moves_e10, now_ns - pace.seen_ns)
        pace.seen_ns = now_ns
        terms: Terms = self._terms[instrument]
        tolerance = mul_div(self._fair_x256, terms.tolerance_e4, _ONE_E4)
        if abs(self._fair_x256 - pace.fair_x256) > tolerance:
            pace.fair_x256 = self._fair_x256
            pace.moves_e10 += _MOVE_E10
        self._life = life_e10(pace.moves_e10)

    def _edge_x256(self, side: int, price_ticks: int) -> int:
        """How far behind the fair price, on our side of it."""
        behind = self._fair_x256 - price_ticks * 256
        return -behind if side else behind

    def _distance(self, side: int, price_ticks: int, wanted_x256: int) -> int:
        distance = distance_e10(self._edge_x256(side, price_ticks), wanted_x256)
        return aged_e10(distance, self._age_ns, self._stale_ns)

    def _queue_then(self, draft: Draft, wanted_x256: int) -> int:
        """At a new price, behind everything that rests there."""
        book = self._market.book(draft.instrument)
        ahead = book.lots_at(draft.side, draft.price_ticks)
        return queue_e10(draft.lots, ahead, wanted_x256)

    def _queue_now(self, order: Order, wanted_x256: int) -> int:
        """Behind half of the others at its price: how many of them came first nobody tells."""
        book = self._market.book(order.instrument)
        leaves = order.lots - order.cum_lots
        others = book.lots_at(order.side, order.price_ticks) - leaves
        return queue_e10(leaves, others // 2, wanted_x256)
