"""Who else trades: liquidity providers that keep a ladder, and takers that hit what rests.

They act through :class:`mmfast.sim.seams.FlowMarket` like any anonymous order. Every act takes
a fixed number of random draws *before* it looks at the book, so that a client's orders change
what the act does but never the draws that come after it.
"""

from __future__ import annotations

import math
from random import Random
from typing import Final

from mmfast.messages import Instrument, Side
from mmfast.sim.seams import FlowMarket
from mmfast.units import E8

LEVELS: Final = 34
"""Ladder seats on each side of one instrument."""

_HALF_SPREAD: Final = 0.6e-4
_GAP: Final = 0.7e-4
_GAP_GROWTH: Final = 1.04

#: The ladder is thin at the touch and grows outwards, in quote coins per level.
_TOUCH_VALUE: Final = 800.0
_VALUE_PER_LEVEL: Final = 700.0

#: Taker sizes are lognormal: most are small, a few sweep several levels.
_TAKER_MEDIAN_VALUE: Final = 1_500.0
_TAKER_SIGMA: Final = 1.2
_TAKER_MAX_VALUE: Final = 60_000.0
_TAKER_REACH: Final = 12e-4

#: Seats next to the touch are mended at every update: that is where the market is quoted.
_ALWAYS_TENDED: Final = 3
#: Mean ladder level a provider looks at; the touch is looked at most often.
_MEAN_PICK: Final = 9.0
#: How often a well-placed order is replaced anyway, which is what makes deep sizes change.
_CHURN_ODDS: Final = 0.35


class Provider:
    """The ladder of one instrument: ``LEVELS`` seats a side around the reference."""

    __slots__ = (
        "_distances",
        "_draw",
        "_instrument",
        "_low_ticks",
        "_numbers",
        "_prices",
        "_sizes",
        "_spot",
        "_top_ticks",
    )

    def __init__(self, instrument: Instrument, spot: int, start_ticks: int, seed: int) -> None:
        self._instrument = instrument
        self._spot = spot
        self._draw = Random(f"{seed}/{instrument.symbol}/provider")
        self._distances = _ladder_distances(start_ticks)
        self._sizes = tuple(
            lots_of_value(instrument, start_ticks, _TOUCH_VALUE + _VALUE_PER_LEVEL * level)
            for level in range(LEVELS)
        )
        self._low_ticks = int(instrument.min_price_ticks)
        self._top_ticks = int(instrument.max_price_ticks)
        self._numbers: tuple[list[int], list[int]] = ([0] * LEVELS, [0] * LEVELS)
        self._prices: tuple[list[int], list[int]] = ([0] * LEVELS, [0] * LEVELS)

    def seed_book(self, market: FlowMarket, reference: float) -> None:
        """Fill every seat once."""
        for level in range(LEVELS):
            for side in Side:
                noise = self._draw.uniform(0.6, 1.4)
                self._place(market, side, level, self._target(side, level, reference, 0.0), noise)

    def act(self, market: FlowMarket, reference: float) -> None:
        """One update: leave what the reference has run over, mend the touch, tend one seat."""
        draw = self._draw
        side = Side.BUY if draw.random() < 0.5 else Side.SELL
        level = min(int(draw.expovariate(1.0 / _MEAN_PICK)), LEVELS - 1)
        jitter = draw.uniform(-0.35, 0.35)
        noise = draw.uniform(0.4, 1.6)
        churn = draw.random() < _CHURN_ODDS
        self._leave_wrong_side(market, reference)
        for near in range(_ALWAYS_TENDED):
            for touch in Side:
                price = self._target(touch, near, reference, 0.0)
                self._tend(market, touch, near, price, noise, False)
        if level >= _ALWAYS_TENDED:
            price = self._target(side, level, reference, jitter)
            self._tend(market, side, level, price, noise, churn)

    def _leave_wrong_side(self, market: FlowMarket, reference: float) -> None:
        """Withdraw orders the reference has come too near to: they would only be run over."""
        margin = self._distances[0] * 0.4
        bids, asks = self._prices
        numbers = self._numbers
        highest, lowest = reference - margin, reference + margin
        if max(bids) > highest:
            for level, price in enumerate(bids):
                if price > highest:
                    self._drop(market, numbers[Side.BUY], bids, level)
        # An empty seat is priced 0.
        for level, price in enumerate(asks):
            if 0 < price < lowest:
                self._drop(market, numbers[Side.SELL], asks, level)

    def _drop(self, market: FlowMarket, numbers: list[int], prices: list[int], level: int) -> None:
        if numbers[level]:
            market.withdraw(self._spot, numbers[level])
        numbers[level] = 0
        prices[level] = 0

    def _tend(
        self, market: FlowMarket, side: Side, level: int, price: int, noise: float, churn: bool
    ) -> None:
        numbers, prices = self._numbers[side], self._prices[side]
        number = numbers[level]
        if number and not market.house_lots(self._spot, number):
            numbers[level] = prices[level] = number = 0
        if number:
            tolerance = max(1.0, self._distances[level] / 4)
            if not churn and abs(prices[level] - price) <= tolerance:
                return
            self._drop(market, numbers, prices, level)
        self._place(market, side, level, price, noise)

    def _place(self, market: FlowMarket, side: Side, level: int, price: int, noise: float) -> None:
        # A client's quote may sit inside our spread: join next to it rather than cross it.
        if side is Side.BUY:
            opposite = market.best(self._spot, Side.SELL)
            price = min(price, opposite - 1) if opposite else price
        else:
            price = max(price, market.best(self._spot, Side.BUY) + 1)
        price = min(max(price, self._low_ticks), self._top_ticks)
        lots = clamp_lots(self._instrument, int(self._sizes[level] * noise))
        number = market.submit(self._spot, side, price, lots, post_only=True, ioc=False)
        self._numbers[side][level] = number
        self._prices[side][level] = price if number else 0

    def _target(self, side: Side, level: int, reference: float, jitter: float) -> int:
        distance = self._distances[level] * (1.0 + jitter if level else 1.0)
        if side is Side.BUY:
            return math.floor(reference - distance)
        return math.ceil(reference + distance)


class Taker:
    """Immediate-or-cancel flow of one instrument."""

    __slots__ = ("_draw", "_instrument", "_spot")

    def __init__(self, instrument: Instrument, spot: int, seed: int) -> None:
        self._instrument = instrument
        self._spot = spot
        self._draw = Random(f"{seed}/{instrument.symbol}/taker")

    def choose_side(self) -> Side:
        """Side of an uninformed order or of a whole burst."""
        return Side.BUY if self._draw.random() < 0.5 else Side.SELL

    def act(self, market: FlowMarket, reference: float, side: Side) -> None:
        """Send one order; a quote left on the wrong side of the reference is taken first."""
        value = _TAKER_MEDIAN_VALUE * math.exp(self._draw.gauss(0.0, _TAKER_SIGMA))
        if market.best(self._spot, Side.BUY) > reference:
            side = Side.SELL
        elif 0 < market.best(self._spot, Side.SELL) < reference:
            side = Side.BUY
        touch = market.best(self._spot, Side.SELL if side is Side.BUY else Side.BUY)
        if not touch:
            return
        reach = max(1, int(touch * _TAKER_REACH))
        price = touch + reach if side is Side.BUY else max(touch - reach, 1)
        lots = lots_of_value(self._instrument, touch, min(value, _TAKER_MAX_VALUE))
        market.submit(self._spot, side, price, lots, post_only=False, ioc=True)


def clamp_lots(instrument: Instrument, lots: int) -> int:
    """``lots`` within the instrument's order size filter."""
    return min(max(lots, int(instrument.min_order_lots), 1), int(instrument.max_order_lots))


def lots_of_value(instrument: Instrument, price_ticks: int, value: float) -> int:
    """Lots worth about ``value`` quote coins at ``price_ticks``, within the size filter."""
    one_lot = max(instrument.notional_e8(price_ticks, 1), 1) / E8
    return clamp_lots(instrument, int(value / one_lot))


def _ladder_distances(start_ticks: int) -> tuple[float, ...]:
    """Ticks from the reference to each seat, at least one apart, so that levels are distinct.

    The first may be less than a tick: where the tick is coarse, the spread is one or two ticks.
    """
    distances: list[float] = []
    distance, gap = start_ticks * _HALF_SPREAD, start_ticks * _GAP
    for _ in range(LEVELS):
        distances.append(max(distance, distances[-1] + 1.0) if distances else distance)
        distance += gap
        gap *= _GAP_GROWTH
    return tuple(distances)
