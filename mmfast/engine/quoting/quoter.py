"""Strategies: what we want to quote, as pure integer functions of market and position."""

from __future__ import annotations

from typing import Final, Protocol

from mmfast._core.wide import mul_div
from mmfast.engine.market.top import Top
from mmfast.engine.params import ONE_E4, FairPrice, SymbolParams
from mmfast.engine.quoting.terms import WIDEST, Terms
from mmfast.errors import InvariantError
from mmfast.messages import Instrument

SUBTICKS: Final = 256
"""Fair prices are carried in 1/256 tick, so that rounding happens once, away from them."""
_SUBTICKS: Final = SUBTICKS
_ONE_E4: Final = ONE_E4
_WIDEST: Final = WIDEST


class Level:
    """One wanted quote: a price and the size that shall rest there."""

    __slots__ = ("lots", "price_ticks")

    def __init__(self, price_ticks: int, lots: int) -> None:
        # Compiled, a float would be cut to an integer without a word.
        if type(price_ticks) is not int or type(lots) is not int:
            raise InvariantError(f"a quote must be of integers, found {lots!r} at {price_ticks!r}")
        self.take(price_ticks, lots)

    def take(self, price_ticks: int, lots: int) -> None:
        """What it wants; said once, at its making."""
        if not (-_WIDEST <= price_ticks <= _WIDEST and -_WIDEST <= lots <= _WIDEST):
            raise InvariantError(
                f"a quote must lie within 2**53, found {lots} lots at {price_ticks} ticks"
            )
        self.price_ticks = price_ticks
        self.lots = lots

    def __repr__(self) -> str:
        return f"Level({self.price_ticks}, {self.lots})"


def level_at(price_ticks: int, lots: int) -> Level:
    """A level of numbers that are integers already: those of strategies are looked at first."""
    level: Level = Level.__new__(Level)
    level.take(price_ticks, lots)
    return level


class Quotes:
    """What one instrument wants: per side, level 0 nearest to the fair price."""

    __slots__ = ("asks", "bids")

    def __init__(self, bids: list[Level], asks: list[Level]) -> None:
        self.bids = bids
        self.asks = asks

    def __repr__(self) -> str:
        return f"Quotes({self.bids}, {self.asks})"


NO_QUOTES: Final = Quotes([], [])


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

    __slots__ = ("_by_microprice",)

    def __init__(self, fair_price: FairPrice) -> None:
        self._by_microprice = fair_price is FairPrice.MICROPRICE

    def quote(
        self, instrument: Instrument, params: SymbolParams, top: Top, position_lots: int
    ) -> Quotes:
        """See :class:`Strategy`."""
        fair = top.microprice_x256 if self._by_microprice else mid_x256(top.mid_x2_ticks)
        return self.round(
            fair, Terms(instrument, params), top.bid_ticks, top.ask_ticks, position_lots
        )

    def fair_x256(self, mid_x2_ticks: int, microprice_x256: int) -> int:
        """The centre before skew, in 1/256 tick."""
        return microprice_x256 if self._by_microprice else mid_x256(mid_x2_ticks)

    def round(
        self, fair: int, terms: Terms, bid_ticks: int, ask_ticks: int, position_lots: int
    ) -> Quotes:
        """Quotes round a fair price: :meth:`quote` for who has the terms at hand."""
        centre = fair - skew_x256(fair, terms, position_lots)
        half = mul_div(fair, terms.half_spread_e4, _ONE_E4)
        step = mul_div(fair, terms.level_step_e4, _ONE_E4)
        room = terms.max_position_lots
        return Quotes(
            bid_levels(centre - half, step, ask_ticks - 1, terms, room - position_lots),
            ask_levels(centre + half, step, bid_ticks + 1, terms, room + position_lots),
        )


def mid_x256(mid_x2_ticks: int) -> int:
    """The mid in 1/256 tick."""
    return mid_x2_ticks * (_SUBTICKS // 2)


def skew_x256(fair: int, terms: Terms, position_lots: int) -> int:
    """How far the centre moves down for a long position (up for a short one).

    Scales with position / max_position and stops at the full skew.
    """
    room = terms.max_position_lots
    if room <= 0 or position_lots == 0:
        return 0
    held = max(-room, min(position_lots, room))
    return _share(fair, terms.skew_e4, held, room)


def _share(fair: int, skew_e4: int, held_lots: int, room_lots: int) -> int:
    """The one product here that can leave 128 bits."""
    return fair * skew_e4 * held_lots // (ONE_E4 * room_lots)


def bid_levels(
    first_x256: int, step_x256: int, highest_ticks: int, terms: Terms, room_lots: int
) -> list[Level]:
    """Levels from the centre downwards, prices rounded down and never above ``highest_ticks``.

    Two levels that fall on one tick are pulled apart: the outer one moves a tick further out.
    """
    levels: list[Level] = []
    highest_ticks = min(highest_ticks, terms.max_price_ticks)
    for level in range(terms.levels):
        price = min((first_x256 - level * step_x256) // _SUBTICKS, highest_ticks)
        lots = sized(price, terms, room_lots)
        if not lots:
            break
        levels.append(level_at(price, lots))
        room_lots -= lots
        highest_ticks = price - 1
    return levels


def ask_levels(
    first_x256: int, step_x256: int, lowest_ticks: int, terms: Terms, room_lots: int
) -> list[Level]:
    """Levels from the centre upwards, prices rounded up and never below ``lowest_ticks``; else
    as :func:`bid_levels`."""
    levels: list[Level] = []
    lowest_ticks = max(lowest_ticks, terms.min_price_ticks)
    for level in range(terms.levels):
        price = max(-(-(first_x256 + level * step_x256) // _SUBTICKS), lowest_ticks)
        lots = sized(price, terms, room_lots)
        if not lots:
            break
        levels.append(level_at(price, lots))
        room_lots -= lots
        lowest_ticks = price + 1
    return levels


def sized(price_ticks: int, terms: Terms, room_lots: int) -> int:
    """The size of a level, as long as the side has room left for it; 0 for none.

    A level that would be below the venue's minimum size or value, or outside its price range,
    ends the ladder: what lies further out would be no better.
    """
    lots = min(terms.order_lots, terms.most_lots, room_lots)
    if terms.outside_range(price_ticks) or terms.below_minimum(price_ticks, lots):
        return 0
    return lots


def reducing(quotes: Quotes, terms: Terms, position_lots: int) -> Quotes:
    """Only what shrinks the position, and not more than there is of it."""
    room = abs(position_lots)
    kept: list[Level] = []
    for level in quotes.asks if position_lots > 0 else quotes.bids:
        if room < terms.least_lots:
            break
        kept.append(Level(level.price_ticks, min(level.lots, room)))
        room -= level.lots
    return Quotes([], kept) if position_lots > 0 else Quotes(kept, [])
