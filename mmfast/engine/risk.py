"""Risk: the named controls that every command must pass just before it becomes part of a batch.

The order table is told of a command as soon as it has passed, so each command of a flush is
judged against what the ones before it may already cost. There is no way round these controls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mmfast.engine.inventory import Inventory
from mmfast.engine.market import Market
from mmfast.engine.order import Order, is_leaving
from mmfast.engine.order_states import CANCELLABLE, State
from mmfast.engine.orders import OrderTable
from mmfast.engine.params import ONE_E4, SymbolParams
from mmfast.messages import Command, Flag, Instrument, Mode, Op, Side

_REDUCE_ONLY = int(Flag.REDUCE_ONLY)


class Facts:
    """What the controls look at. One object, filled anew for each command: no allocation."""

    __slots__ = (
        "adds_lots",
        "filter",
        "flags",
        "held_lots",
        "index",
        "leaves_lots",
        "limits",
        "mid_x2",
        "mode",
        "now_ns",
        "open_lots",
        "price",
        "pull",
        "side",
        "status",
    )

    index: int
    now_ns: int
    filter: Instrument
    limits: SymbolParams
    mode: Mode
    status: str
    """Why the instrument is not traded at all; empty when it is."""
    pull: str
    """What is wrong with the book; empty when nothing is."""
    side: int
    flags: int
    price: int
    leaves_lots: int
    """Size that would rest."""
    adds_lots: int
    """By how much the command raises the worst case of its side."""
    held_lots: int
    """Position, positive when it is on the side of the command."""
    open_lots: int
    """Worst case of all orders of that side, the ones of this flush included."""
    mid_x2: int


def _wrong_mode(f: Facts) -> bool:
    if f.mode is Mode.TRADING:
        return False
    grows = f.adds_lots > 0 and not f.flags & _REDUCE_ONLY
    return f.mode is not Mode.REDUCE_ONLY or grows


def _below_minimum(f: Facts) -> bool:
    lots = f.leaves_lots
    return (
        lots < max(f.filter.min_order_lots, 1)
        or f.price * lots * f.filter.tick_lot_value_e8 < f.filter.min_notional_e8
    )


def _too_large(f: Facts) -> bool:
    return f.leaves_lots > min(f.limits.max_order_lots, f.filter.max_order_lots)


def _too_valuable(f: Facts) -> bool:
    return f.price * f.leaves_lots * f.filter.tick_lot_value_e8 > f.limits.max_order_value_e8


def _outside_range(f: Facts) -> bool:
    return not f.price > 0 or not f.filter.min_price_ticks <= f.price <= f.filter.max_price_ticks


def _outside_collar(f: Facts) -> bool:
    """A buy above the mid, or a sell below it, by more than the collar."""
    beyond_x2 = f.price * 2 - f.mid_x2
    if f.side:
        beyond_x2 = -beyond_x2
    return beyond_x2 * ONE_E4 > f.mid_x2 * f.limits.price_collar_e4


def _too_far(f: Facts) -> bool:
    return abs(f.price * 2 - f.mid_x2) * ONE_E4 > f.mid_x2 * f.limits.max_distance_e4


def _over_position(f: Facts) -> bool:
    """It alone, filled, would build too large a position."""
    return f.adds_lots > 0 and f.held_lots + f.leaves_lots > f.limits.max_position_lots


def _over_open_position(f: Facts) -> bool:
    """It and everything open, in flight or unknown on its side, all filled, would."""
    worst = f.held_lots + f.open_lots + f.adds_lots
    return f.adds_lots > 0 and worst > f.limits.max_position_lots


Control = Callable[[Facts], bool]

CONTROLS: Final[tuple[tuple[str, Control], ...]] = (
    ("mode", _wrong_mode),
    ("instrument", lambda f: f.status != ""),
    ("book", lambda f: f.pull != ""),
    ("min_order", _below_minimum),
    ("order_size", _too_large),
    ("order_value", _too_valuable),
    ("price_range", _outside_range),
    ("price_collar", _outside_collar),
    ("max_distance", _too_far),
    ("max_position", _over_position),
    ("open_position", _over_open_position),
)
"""Control name and test; the first that is true refuses the command."""

SLOT: Final = "slot"
"""One intent per slot: a place needs an empty or leaving seat, a change its own resting order."""
WAITING: Final = ("open_position", "book", "mode")
"""Refusals that are part of the trade (an old order must end first, the market moved on): they
are counted, but no operator is called."""


class Risk:
    """Judges commands. Reads the books, the orders and the positions; changes none of them."""

    __slots__ = ("_facts", "_inventory", "_market", "_orders", "_symbols", "mode", "status")

    def __init__(
        self,
        market: Market,
        orders: OrderTable,
        inventory: Inventory,
        symbols: tuple[SymbolParams, ...],
    ) -> None:
        self._market = market
        self._orders = orders
        self._inventory = inventory
        self._symbols = symbols
        self._facts = Facts()
        self._facts.index = -1
        self.mode = Mode.SYNCING
        self.status = [""] * len(symbols)
        """By instrument: why it is not traded (switched off, not trading at the venue)."""

    def set_limits(self, symbols: tuple[SymbolParams, ...]) -> None:
        """New limits; they judge the next command."""
        self._symbols = symbols

    def check(self, command: Command, order: Order | None, now_ns: int) -> str:
        """The name of the control that refuses ``command``, or an empty string.

        ``order`` is the one that the command names (amend, cancel) or that sits in its slot
        (place). A cancel is refused only when there is nothing to cancel.
        """
        if command.op is Op.CANCEL:
            return "" if order is not None and CANCELLABLE[order.state] else SLOT
        if command.op is Op.AMEND:
            if order is None or order.state is not State.LIVE:
                return SLOT
        elif order is not None and not is_leaving(order):
            return SLOT
        facts = self._gather(command, order if command.op is Op.AMEND else None, now_ns)
        for name, refuses in CONTROLS:
            if refuses(facts):
                return name
        return ""

    def explain(self, command: Command, control: str) -> str:
        """The sentence for the operator: what was asked and what stood against it."""
        f = self._facts
        return (
            f"{f.filter.symbol}: {control} refused to {command.op.name.lower()} a "
            f"{Side(command.side).name.lower()} of {f.leaves_lots} lots at {f.price} ticks "
            f"(twice the mid {f.mid_x2}, position {f.held_lots} and open {f.open_lots} lots on "
            f"that side, limits: {f.limits.max_order_lots} lots an order, "
            f"{f.limits.max_position_lots} lots position)"
        )

    def _gather(self, command: Command, amended: Order | None, now_ns: int) -> Facts:
        f = self._facts
        _, _, index, side, f.flags, f.price, lots, _ = command
        if index != f.index or now_ns != f.now_ns:
            self._look_at(index, now_ns)
        f.side = side
        position = self._inventory.positions[index].lots
        f.held_lots = -position if side else position
        f.open_lots = self._orders.open_lots[index * 2 + side]
        if amended is None:
            f.leaves_lots = f.adds_lots = lots
        else:
            f.leaves_lots = lots - amended.cum_lots
            worst = max(lots, amended.lots) - amended.booked_lots
            f.adds_lots = worst - amended.counted_lots
        return f

    def _look_at(self, index: int, now_ns: int) -> None:
        """What is equal for all commands of an instrument in one flush."""
        f = self._facts
        f.index = index
        f.now_ns = now_ns
        f.filter = self._market.instruments[index]
        f.limits = self._symbols[index]
        f.mode = self.mode
        f.status = self.status[index]
        f.pull = self._market.fault(index, now_ns)
        f.mid_x2 = self._market.mid_x2_ticks(index)

    def begin(self) -> None:
        """A flush begins: nothing seen before it is believed any more."""
        self._facts.index = -1
