"""Risk: the named controls that every command must pass just before it becomes part of a batch.

The order table is told of a command as soon as it has passed, so each command of a flush is
judged against what the ones before it may already cost. There is no way round these controls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mmfast._core.leaving import LeavingCheck
from mmfast._core.wide import product_greater
from mmfast.engine.market.market import Market
from mmfast.engine.market.references import NOT_ASKED
from mmfast.engine.orders.draft import Draft
from mmfast.engine.orders.inventory import Inventory
from mmfast.engine.orders.order import Order
from mmfast.engine.orders.order_states import State, is_cancellable
from mmfast.engine.orders.orders import OrderTable
from mmfast.engine.params import ONE_E4
from mmfast.engine.quoting.terms import Terms
from mmfast.engine.risk import exposure
from mmfast.engine.risk.exposure import Exposure
from mmfast.messages import Command, Flag, Mode, Op, Side
from mmfast.units import MAX_LEVELS

_REDUCE_ONLY: Final = int(Flag.REDUCE_ONLY)
_TRADING: Final = int(Mode.TRADING)
_REDUCING: Final = int(Mode.REDUCE_ONLY)
_CANCEL: Final = int(Op.CANCEL)
_AMEND: Final = int(Op.AMEND)
_LIVE: Final = int(State.LIVE)
_ONE_E4: Final = ONE_E4
_LEVELS: Final = MAX_LEVELS


class Facts:
    """What the controls look at. One object, filled anew for each command: no allocation."""

    __slots__ = (
        "adds_lots",
        "doubtful",
        "flags",
        "held_lots",
        "index",
        "leaves_lots",
        "mid_x2",
        "mode",
        "now_ns",
        "open_lots",
        "price",
        "pull",
        "reference_x2",
        "side",
        "status",
        "terms",
    )

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.index = -1
        self.now_ns = 0
        self.mode = 0
        self.status = ""
        """Why the instrument is not traded at all; empty when it is."""
        self.doubtful = False
        """Our picture of the instrument has been in doubt for too long."""
        self.pull = ""
        """What is wrong with the book; empty when nothing is."""
        self.mid_x2 = 0
        self.reference_x2 = NOT_ASKED
        """Twice the second reference; 0 when there should be one and is none."""
        self.side = 0
        self.flags = 0
        self.price = 0
        self.leaves_lots = 0
        """Size that would rest."""
        self.adds_lots = 0
        """By how much the command raises the worst case of its side."""
        self.held_lots = 0
        """Position, positive when it is on the side of the command."""
        self.open_lots = 0
        """Worst case of all orders of that side, the ones of this flush included."""


def _wrong_mode(f: Facts) -> bool:
    if f.mode == _TRADING:
        return False
    return f.mode != _REDUCING or _grows(f)


def _grows(f: Facts) -> bool:
    """It may build a position."""
    return f.adds_lots > 0 and not f.flags & _REDUCE_ONLY


def _too_large(f: Facts) -> bool:
    return f.leaves_lots > min(f.terms.max_order_lots, f.terms.most_lots)


def _outside_collar(f: Facts) -> bool:
    """A buy above the mid, or a sell below it, by more than the collar; or, where there is a
    second reference, so far beyond that."""
    if _beyond(f, f.mid_x2):
        return True
    return f.reference_x2 > 0 and _beyond(f, f.reference_x2)


def _beyond(f: Facts, reference_x2: int) -> bool:
    beyond_x2 = f.price * 2 - reference_x2
    if f.side:
        beyond_x2 = -beyond_x2
    return product_greater(beyond_x2, _ONE_E4, reference_x2, f.terms.price_collar_e4)


def _too_far(f: Facts) -> bool:
    distance_x2 = abs(f.price * 2 - f.mid_x2)
    return product_greater(distance_x2, _ONE_E4, f.mid_x2, f.terms.max_distance_e4)


def _over_position(f: Facts) -> bool:
    """It alone, filled, would build too large a position."""
    return f.adds_lots > 0 and f.held_lots + f.leaves_lots > f.terms.max_position_lots


def _over_open_position(f: Facts) -> bool:
    """It and everything open, in flight or unknown on its side, all filled, would."""
    worst = f.held_lots + f.open_lots + f.adds_lots
    return f.adds_lots > 0 and worst > f.terms.max_position_lots


CONTROLS: Final = (
    "mode",
    "doubt",
    "instrument",
    "book",
    "reference",
    "min_order",
    "order_size",
    "order_value",
    "price_range",
    "price_collar",
    "max_distance",
    "max_position",
    "open_position",
    "self_match",
    "duplicate",
    *exposure.CONTROLS,
)
"""Names of the controls, in the order in which they are asked: those of :func:`refusing`, then
those of :func:`clashing`, then those of all instruments together."""


def _unfounded(f: Facts) -> str:
    """Which of the things is missing that any price has to rest on."""
    if f.status:
        return "instrument"
    return "book" if f.pull else "reference"


def refusing(f: Facts) -> str:
    """The first control that refuses; empty when all let pass."""
    if _wrong_mode(f):
        return "mode"
    if f.doubtful and _grows(f):
        return "doubt"
    if f.status or f.pull or f.reference_x2 == 0:
        return _unfounded(f)
    if f.terms.below_minimum(f.price, f.leaves_lots):
        return "min_order"
    if _too_large(f):
        return "order_size"
    if f.terms.too_valuable(f.price, f.leaves_lots):
        return "order_value"
    if f.terms.outside_range(f.price):
        return "price_range"
    if _outside_collar(f):
        return "price_collar"
    if _too_far(f):
        return "max_distance"
    if _over_position(f):
        return "max_position"
    if _over_open_position(f):
        return "open_position"
    return ""


def _meets(order: Order | None, side: int, price: int) -> bool:
    """Whether an order of the other side is going to stand where ours at ``price`` would cross.

    What counts is where it is going to be: one that leaves, or moves out of the way, has been sent
    before ours in the same flush. Should ours arrive first all the same, it is post-only, and the
    venue ends it instead of letting it trade.
    """
    if order is None or order.is_leaving():
        return False
    there = order.pending_price_ticks or order.price_ticks
    return price <= there if side else price >= there


def _repeats(order: Order | None, f: Facts, slot: int) -> bool:
    """Whether this very order rests or is under way already, in or for a seat that is no level
    of the ladder's own (levels of the ladder may pass over each other's prices)."""
    if order is None or order.is_leaving() or order.price_ticks != f.price:
        return False
    seats = max(slot % _LEVELS, order.slot % _LEVELS) if order.slot >= 0 else _LEVELS
    return seats >= f.terms.levels and order.lots - order.cum_lots == f.leaves_lots


def clashing(f: Facts, orders: OrderTable, slot: int, is_place: bool) -> str:
    """The control that our own other orders of the instrument raise; empty when none does."""
    first = (f.index * 2 + 1 - f.side) * _LEVELS
    for other in range(first, first + orders.levels):
        if _meets(orders.by_slot[other], f.side, f.price):
            return "self_match"
    if is_place:
        first = (f.index * 2 + f.side) * _LEVELS
        for other in range(first, first + orders.levels):
            if _repeats(orders.by_slot[other], f, slot):
                return "duplicate"
    if orders.strays.has_homeless():
        return _clashing_homeless(f, orders, slot, is_place)
    return ""


def _clashing_homeless(f: Facts, orders: OrderTable, slot: int, is_place: bool) -> str:
    for order in orders.strays.homeless():
        if order.instrument != f.index:
            continue
        if order.side == f.side:
            if is_place and _repeats(order, f, slot):
                return "duplicate"
        elif _meets(order, f.side, f.price):
            return "self_match"
    return ""


SLOT: Final = "slot"
"""One intent per slot: a place needs an empty or leaving seat, a change its own resting order."""
WAITING: Final = ("open_position", "book", "reference", "mode", "doubt", "self_match")
"""Refusals that are part of the trade (an old order must end first, the market moved on): they
are counted, but no operator is called."""


class Risk:
    """Judges commands. Reads the books, the orders and the positions; changes none of them. Tells
    ``leaving`` the references that prices were judged by, so that their bytes are judged by the
    same."""

    __slots__ = (
        "_facts",
        "_flush",
        "_inventory",
        "_leaving",
        "_market",
        "_orders",
        "_shown",
        "_terms",
        "exposure",
        "mode",
        "status",
    )

    def __init__(
        self,
        market: Market,
        orders: OrderTable,
        inventory: Inventory,
        terms: list[Terms],
        leaving: LeavingCheck,
    ) -> None:
        self._market = market
        self._orders = orders
        self._inventory = inventory
        self._leaving = leaving
        self._terms = terms
        self._facts = Facts(terms[0])
        self._flush = 1
        self._shown = [0] * len(terms)
        self.exposure = Exposure(market, orders, inventory)
        """What all instruments come to together."""
        self.mode = int(Mode.SYNCING)
        """Of the whole engine."""
        self.status = [""] * len(terms)
        """By instrument: why it is not traded (switched off, not trading at the venue)."""

    def check(self, draft: Draft, order: Order | None, now_ns: int) -> str:
        """The name of the control that refuses ``draft``, or an empty string.

        ``order`` is the one that the command names (amend, cancel) or that sits in its slot
        (place). A cancel is refused only when there is nothing to cancel.
        """
        if draft.op == _CANCEL:
            return "" if order is not None and is_cancellable(order.code) else SLOT
        if draft.op == _AMEND:
            if order is None or order.code != _LIVE:
                return SLOT
        elif order is not None:
            if not order.is_leaving():
                return SLOT
            order = None
        self._gather(draft, order, now_ns)
        refusal = refusing(self._facts)
        if refusal:
            return refusal
        refusal = clashing(self._facts, self._orders, draft.slot, draft.op != _AMEND)
        if refusal:
            return refusal
        return self.exposure.refusing(draft, order, self._facts.adds_lots, now_ns)

    def opens(self, command: Command) -> bool:
        """A create or an amend that is about to leave could build a position."""
        if command.flags & _REDUCE_ONLY:
            return False
        order = self._orders.get(command.client_id)
        return command.op != _AMEND or order is None or command.lots > order.lots

    def worst_case_objection(self, commands: Sequence[Command]) -> str:
        """Which control of the worst case stands against commands that are about to leave; empty
        when none does. Fills, ends of orders and prices of since the decision count. What reduces
        may always leave."""
        control = self.exposure.passed()
        if control:
            for command in commands:
                order = self._orders.get(command.client_id)
                reduces = bool(command.flags & _REDUCE_ONLY)
                if order is not None and not reduces and self.exposure.builds(order):
                    return control
        return ""

    def explain(self, draft: Draft, control: str) -> str:
        """The sentence for the operator: what was asked and what stood against it."""
        f = self._facts
        sums = self.exposure.explain(control, f.index)
        return (
            f"{f.terms.symbol}: {control} refused to {Op(draft.op).name.lower()} a "
            f"{Side(draft.side).name.lower()} of {f.leaves_lots} lots at {f.price} ticks "
            f"(twice the mid {f.mid_x2}, position {f.held_lots} and open {f.open_lots} lots on "
            f"that side, limits: {f.terms.max_order_lots} lots an order, "
            f"{f.terms.max_position_lots} lots position)" + f"; {sums}" * bool(sums)
        )

    def _gather(self, draft: Draft, amended: Order | None, now_ns: int) -> None:
        f = self._facts
        index = draft.instrument
        side = draft.side
        lots = draft.lots
        if index != f.index or now_ns != f.now_ns:
            self._look_at(index, now_ns)
        f.side = side
        f.flags = draft.flags
        f.price = draft.price_ticks
        position = self._inventory.lots(index)
        f.held_lots = -position if side else position
        f.open_lots = self._orders.open_lots[index * 2 + side]
        if amended is None:
            f.leaves_lots = f.adds_lots = lots
        else:
            f.leaves_lots = lots - amended.cum_lots
            if amended.cum_lots:
                self._leaving.see_filled(index, amended.cum_lots)
            worst = max(lots, amended.lots) - amended.booked_lots
            f.adds_lots = worst - amended.counted_lots

    def _look_at(self, index: int, now_ns: int) -> None:
        """What is equal for all commands of an instrument in one flush."""
        f = self._facts
        f.index = index
        f.now_ns = now_ns
        f.terms = self._terms[index]
        f.mode = self.mode
        f.status = self.status[index]
        f.doubtful = self._inventory.doubts.too_long(index, now_ns)
        f.pull = self._market.fault(index, now_ns)
        f.mid_x2 = self._market.mid_x2_ticks(index)
        f.reference_x2 = self._market.references.price_x2(index, now_ns)
        # Commands of many instruments come in any order: what is filled of one that is amended
        # must not be forgotten when its instrument comes again.
        if self._shown[index] != self._flush:
            self._shown[index] = self._flush
            self._leaving.see(index, f.mid_x2, f.reference_x2)

    def begin(self) -> None:
        """A flush begins: nothing seen before it is believed any more."""
        self._facts.index = -1
        self._flush += 1
