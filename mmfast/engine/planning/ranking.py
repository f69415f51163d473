"""Which of the waiting commands are worth most; asked only when a bucket is short.

What becomes of each is decided by :mod:`mmfast.engine.planning.worth`; here its facts are gathered:
books, orders, positions and how restless each instrument has been.
"""

from __future__ import annotations

from typing import Final

from mmfast._core.wide import mul_div
from mmfast.engine.market.market import Market
from mmfast.engine.orders.draft import Draft
from mmfast.engine.orders.inventory import Inventory
from mmfast.engine.orders.order import Order
from mmfast.engine.orders.orders import OrderTable
from mmfast.engine.params import ONE_E4
from mmfast.engine.planning.worth import FIRST, KEEP, REPLACE, Facts, decayed_e10, decide, life_e10
from mmfast.engine.quoting.bus import CommandBus
from mmfast.engine.quoting.terms import Terms
from mmfast.messages import Flag, Op

MOST_RANKED: Final = 256
"""So many waiting slots are compared in one flush; with more, others the next time."""
_CANCEL: Final = int(Op.CANCEL)
_AMEND: Final = int(Op.AMEND)
_URGENT: Final = int(Flag.URGENT)
_REDUCE_ONLY: Final = int(Flag.REDUCE_ONLY)
_ONE_E4: Final = ONE_E4
_MOST_RANKED: Final = MOST_RANKED
_FIRST: Final = FIRST
_KEEP: Final = KEEP
_REPLACE: Final = REPLACE
_MOVE_E10: Final = 1024


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
        "_bus",
        "_draft",
        "_facts",
        "_fair_x256",
        "_instrument",
        "_inventory",
        "_market",
        "_orders",
        "_pace",
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
        self._facts = Facts()
        self._instrument = -1
        self._start = 0
        self._fair_x256 = 0
        self.first = 0
        """How many of the slots named last reduce risk; they stand before the others."""

    def best(self, op: int, now_ns: int) -> list[int]:
        """Slots whose command of one operation is worth sending, the worthiest first; equal ones
        in the order in which they began to wait. Costs a few microseconds per slot."""
        self._instrument = -1
        ranked: list[tuple[int, int, int]] = []
        for at, slot in enumerate(self._candidates()):
            if self._bus.look(op, slot, self._draft):
                self._gather(self._draft, now_ns)
                way, worth = decide(self._facts)
                if way != _KEEP:
                    ranked.append((-worth, at, slot))
        ranked.sort()
        self.first = sum([key[0] <= -_FIRST for key in ranked])
        return [slot for _, _, slot in ranked]

    def replaces(self, draft: Draft, now_ns: int) -> bool:
        """Whether an amend for which there is no budget is to leave as a cancel and a place, for
        which there is."""
        self._gather(draft, now_ns)
        self._facts.may_amend = False
        self._facts.has_room = self._bears(draft)
        way, _ = decide(self._facts)
        return bool(way == _REPLACE)

    def _bears(self, draft: Draft) -> bool:
        """Whether the position limit bears this beside all that is open on its side."""
        held = self._inventory.lots(draft.instrument)
        held = -held if draft.side else held
        terms: Terms = self._terms[draft.instrument]
        open_lots: int = self._orders.open_lots[draft.instrument * 2 + draft.side]
        return held + open_lots + draft.lots <= terms.max_position_lots

    def _candidates(self) -> list[int]:
        slots = self._bus.held_slots()
        count = len(slots)
        if count <= _MOST_RANKED:
            return slots
        start = self._start % count
        self._start = start + _MOST_RANKED
        return (slots[start:] + slots[:start])[:_MOST_RANKED]

    def _gather(self, draft: Draft, now_ns: int) -> None:
        """The facts of one waiting command."""
        if draft.instrument != self._instrument:
            self._look_at(draft.instrument, now_ns)
        facts = self._facts
        facts.op = draft.op
        facts.is_first = draft.flags & _URGENT != 0 or (
            draft.op != _CANCEL and self._reduces(draft)
        )
        facts.may_amend = True
        facts.has_room = False
        facts.lots = draft.lots
        facts.edge_then_x256 = self._edge_x256(draft.side, draft.price_ticks)
        facts.edge_now_x256 = facts.edge_then_x256
        book = self._market.book(draft.instrument)
        if draft.op != _CANCEL:
            facts.ahead_then_lots = book.lots_at(draft.side, draft.price_ticks)
        order: Order | None = self._orders.by_slot[draft.slot]
        facts.rests = order is not None
        if draft.op == _AMEND and order is not None:
            facts.same_price = order.price_ticks == draft.price_ticks
            facts.resting_lots = order.lots - order.cum_lots
            facts.edge_now_x256 = self._edge_x256(order.side, order.price_ticks)
            at_its_price = book.lots_at(order.side, order.price_ticks)
            facts.others_now_lots = at_its_price - facts.resting_lots

    def _reduces(self, draft: Draft) -> bool:
        """A quote that can only shrink a position, by its nature or because that is at least half
        of what is allowed."""
        if draft.flags & _REDUCE_ONLY:
            return True
        terms: Terms = self._terms[draft.instrument]
        held = self._inventory.lots(draft.instrument)
        against = held if draft.side else -held
        return against >= draft.lots and 2 * against >= terms.max_position_lots

    def _look_at(self, instrument: int, now_ns: int) -> None:
        """What is equal for all quotes of an instrument in one flush."""
        self._instrument = instrument
        book = self._market.book(instrument)
        self._fair_x256 = book.microprice_x256()
        pace: Pace = self._pace[instrument]
        pace.moves_e10 = decayed_e10(pace.moves_e10, now_ns - pace.seen_ns)
        pace.seen_ns = now_ns
        terms: Terms = self._terms[instrument]
        tolerance = mul_div(self._fair_x256, terms.tolerance_e4, _ONE_E4)
        if abs(self._fair_x256 - pace.fair_x256) > tolerance:
            pace.fair_x256 = self._fair_x256
            pace.moves_e10 += _MOVE_E10
        facts = self._facts
        facts.life = life_e10(pace.moves_e10)
        facts.age_ns = self._market.age_ns(instrument, now_ns)
        facts.stale_ns = self._market.stale_ns()
        facts.half_x256 = mul_div(self._fair_x256, terms.half_spread_e4, _ONE_E4)
        facts.tick_lot_value_e8 = self._market.instruments[instrument].tick_lot_value_e8

    def _edge_x256(self, side: int, price_ticks: int) -> int:
        """How far behind the fair price, on our side of it."""
        behind = self._fair_x256 - price_ticks * 256
        return -behind if side else behind
