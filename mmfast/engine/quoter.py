"""Strategies: what we want to quote, as pure integer functions of market and position."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from mmfast.engine.params import ONE_E4, FairPrice, SymbolParams
from mmfast.messages import Instrument, Side
from mmfast.units import Lots, Ticks

SUBTICKS: Final = 256
"""Fair prices are carried in 1/256 tick, so that rounding happens once, away from them."""


class Level(NamedTuple):
    """One wanted quote: a price and the size that shall rest there."""

    price_ticks: Ticks
    lots: Lots


class Quotes(NamedTuple):
    """What one instrument wants: per side, level 0 nearest to the fair price."""

    bids: list[Level]
    asks: list[Level]


NO_QUOTES: Final = Quotes([], [])


class Top(NamedTuple):
    """The market a strategy sees. Both sides are present and not crossed."""

    bid_ticks: int
    ask_ticks: int
    mid_x2_ticks: int
    """Bid plus ask: twice the mid."""
    microprice_x256: int
    """The mid weighted by the opposite sizes, in 1/256 tick."""


class Strategy(Protocol):
    """Anything that turns a market and a position into quotes.

    Called once per flush and dirty instrument, so it must be quick; it must not look at time,
    randomness or the outside, so that a replay gives the same quotes. The kernel compares its
    answer with the working orders, and risk judges every command that follows from it.
    """

    def quote(
        self, instrument: Instrument, params: SymbolParams, top: Top, position_lots: int
    ) -> Quotes:
        """Wanted quotes; at most ``MAX_LEVELS`` a side, prices positive, sizes positive."""
        ...


class Ladder:
    """Levels at growing distance on both sides of a fair price that leans against inventory."""

    __slots__ = ("fair_price",)

    def __init__(self, fair_price: FairPrice) -> None:
        self.fair_price = fair_price

    def quote(
        self, instrument: Instrument, params: SymbolParams, top: Top, position_lots: int
    ) -> Quotes:
        """See :class:`Strategy`."""
        fair = fair_x256(self.fair_price, top)
        centre = fair - skew_x256(fair, params, position_lots)
        half = fair * params.half_spread_e4 // ONE_E4
        step = fair * params.level_step_e4 // ONE_E4
        count = params.levels
        bids = bid_prices(centre - half, step, count, min(top.ask_ticks - 1, _highest(instrument)))
        asks = ask_prices(centre + half, step, count, max(top.bid_ticks + 1, _lowest(instrument)))
        room = params.max_position_lots
        return Quotes(
            sized(bids, instrument, params, room - position_lots),
            sized(asks, instrument, params, room + position_lots),
        )


def _lowest(instrument: Instrument) -> int:
    return max(instrument.min_price_ticks, 1)


def _highest(instrument: Instrument) -> int:
    return instrument.max_price_ticks


def fair_x256(kind: FairPrice, top: Top) -> int:
    """The centre before skew, in 1/256 tick."""
    if kind is FairPrice.MICROPRICE:
        return top.microprice_x256
    return top.mid_x2_ticks * (SUBTICKS // 2)


def skew_x256(fair: int, params: SymbolParams, position_lots: int) -> int:
    """How far the centre moves down for a long position (up for a short one).

    Scales with position / max_position and stops at the full skew.
    """
    room = params.max_position_lots
    if room <= 0:
        return 0
    held = max(-room, min(position_lots, room))
    return fair * params.skew_e4 * held // (ONE_E4 * room)


def bid_prices(first_x256: int, step_x256: int, levels: int, highest_ticks: int) -> list[int]:
    """Prices from the centre downwards, rounded down and never above ``highest_ticks``.

    Two levels that fall on one tick are pulled apart: the outer one moves a tick further out.
    """
    prices: list[int] = []
    for level in range(levels):
        price = min((first_x256 - level * step_x256) // SUBTICKS, highest_ticks)
        prices.append(price)
        highest_ticks = price - 1
    return prices


def ask_prices(first_x256: int, step_x256: int, levels: int, lowest_ticks: int) -> list[int]:
    """Prices from the centre upwards, rounded up and never below ``lowest_ticks``; else as
    :func:`bid_prices`."""
    prices: list[int] = []
    for level in range(levels):
        price = max(-(-(first_x256 + level * step_x256) // SUBTICKS), lowest_ticks)
        prices.append(price)
        lowest_ticks = price + 1
    return prices


def sized(
    prices: list[int], instrument: Instrument, params: SymbolParams, room_lots: int
) -> list[Level]:
    """Give each price its size, as long as the side has room left for it.

    Levels that would be below the venue's minimum size or value, or outside its price range,
    end the ladder: what lies further out would be no better.
    """
    levels: list[Level] = []
    most = min(params.order_lots, instrument.max_order_lots)
    for price in prices:
        lots = min(most, room_lots)
        if lots < max(instrument.min_order_lots, 1):
            break
        if not instrument.min_price_ticks <= price <= instrument.max_price_ticks or price <= 0:
            break
        if price * lots * instrument.tick_lot_value_e8 < instrument.min_notional_e8:
            break
        levels.append(Level(Ticks(price), Lots(lots)))
        room_lots -= lots
    return levels


def reducing(quotes: Quotes, instrument: Instrument, position_lots: int) -> Quotes:
    """Only what shrinks the position, and not more than there is of it."""
    room = abs(position_lots)
    side = Side.SELL if position_lots > 0 else Side.BUY
    kept: list[Level] = []
    for price, lots in quotes.asks if side is Side.SELL else quotes.bids:
        if room < max(instrument.min_order_lots, 1):
            break
        kept.append(Level(price, Lots(min(lots, room))))
        room -= lots
    return Quotes([], kept) if side is Side.SELL else Quotes(kept, [])
