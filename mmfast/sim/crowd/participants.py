"""Who else trades: providers with a ladder, people with single orders, takers of three kinds.

They act through :class:`mmfast.sim.seams.FlowMarket` like any anonymous order. Every act takes
a fixed number of random draws *before* it looks at the book, so that a client's orders change
what the act does but never the draws that come after it.
"""

from __future__ import annotations

import math
from random import Random
from typing import Final

from mmfast.messages import Category, Instrument, Side
from mmfast.sim.crowd.params import FlowParams
from mmfast.sim.seams import FlowMarket
from mmfast.units import E8, NS_PER_S

LEVELS: Final = 34
"""Ladder seats on each side of one instrument."""

_BP: Final = 1e-4
_GAP_GROWTH: Final = 1.04

#: Sizes are lognormal: most are small, a few sweep several levels.
_SIZE_SIGMA: Final = 1.2
_MOST_MEDIANS: Final = 40.0
_TAKER_REACH: Final = 12e-4

#: The price of an empty seat: never within anybody's reach.
_EMPTY: Final = (0, 1 << 62)

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
        "_tolerances",
        "_top_ticks",
    )

    def __init__(
        self, instrument: Instrument, spot: int, start_ticks: int, seed: int, flow: FlowParams
    ) -> None:
        self._instrument = instrument
        self._spot = spot
        self._draw = Random(stream_name(seed, instrument, "provider"))
        self._distances = _ladder_distances(start_ticks, flow)
        self._tolerances = tuple(max(1.0, distance / 4) for distance in self._distances)
        self._sizes = tuple(
            lots_of_value(instrument, start_ticks, flow.touch_value + flow.level_value * level)
            for level in range(LEVELS)
        )
        self._low_ticks = int(instrument.min_price_ticks)
        self._top_ticks = int(instrument.max_price_ticks)
        self._numbers: tuple[list[int], list[int]] = ([0] * LEVELS, [0] * LEVELS)
        bid_empty, ask_empty = _EMPTY
        self._prices: tuple[list[int], list[int]] = ([bid_empty] * LEVELS, [ask_empty] * LEVELS)

    def seed_book(self, market: FlowMarket, reference: float) -> None:
        """Fill every seat once."""
        for level in range(LEVELS):
            for side in Side:
                noise = self._draw.uniform(0.6, 1.4)
                price = _away(side, reference, self._distances[level])
                self._place(market, side, level, price, noise)

    def act(self, market: FlowMarket, reference: float, factor: float) -> None:
        """One update: leave what the reference has run over, mend the touch, tend one seat.

        ``factor`` is the liveliness of the regime: the ladder is wider by its square root.
        """
        draw = self._draw
        side = Side.BUY if draw.random() < 0.5 else Side.SELL
        level = min(int(draw.expovariate(1.0 / _MEAN_PICK)), LEVELS - 1)
        jitter = draw.uniform(-0.35, 0.35)
        noise = draw.uniform(0.4, 1.6)
        churn = draw.random() < _CHURN_ODDS
        width = math.sqrt(factor)
        self._leave_wrong_side(market, reference, width)
        for touch in (Side.BUY, Side.SELL):
            self._tend_touch(market, touch, reference, width, noise)
        if level >= _ALWAYS_TENDED:
            distance = self._distances[level] * width * (1.0 + jitter)
            price = _away(side, reference, distance)
            if churn or not self._is_well_placed(market, side, level, price):
                self._replace(market, side, level, price, noise)

    def _leave_wrong_side(self, market: FlowMarket, reference: float, width: float) -> None:
        """Withdraw orders the reference has come too near to: they would only be run over."""
        margin = self._distances[0] * width * 0.4
        bids, asks = self._prices
        highest, lowest = reference - margin, reference + margin
        if max(bids) > highest:
            for level, price in enumerate(bids):
                if price > highest:
                    self._drop(market, Side.BUY, level)
        if min(asks) < lowest:
            for level, price in enumerate(asks):
                if price < lowest:
                    self._drop(market, Side.SELL, level)

    def _tend_touch(
        self, market: FlowMarket, side: Side, reference: float, width: float, noise: float
    ) -> None:
        """Mend the seats nearest to the reference."""
        prices, numbers, spot = self._prices[side], self._numbers[side], self._spot
        for level in range(_ALWAYS_TENDED):
            price = _away(side, reference, self._distances[level] * width)
            # Near enough to its price, and still there: most are, and this is asked most often.
            if (
                abs(prices[level] - price) > self._tolerances[level]
                or market.house_lots(spot, numbers[level]) == 0
            ):
                self._replace(market, side, level, price, noise)

    def _is_well_placed(self, market: FlowMarket, side: Side, level: int, price: int) -> bool:
        """Near enough to its price, and still there."""
        if abs(self._prices[side][level] - price) > self._tolerances[level]:
            return False
        return market.house_lots(self._spot, self._numbers[side][level]) > 0

    def _drop(self, market: FlowMarket, side: Side, level: int) -> None:
        number = self._numbers[side][level]
        if number:
            market.withdraw(self._spot, number)
            self._numbers[side][level] = 0
        self._prices[side][level] = _EMPTY[side]

    def _replace(
        self, market: FlowMarket, side: Side, level: int, price: int, noise: float
    ) -> None:
        self._drop(market, side, level)
        self._place(market, side, level, price, noise)

    def _place(self, market: FlowMarket, side: Side, level: int, price: int, noise: float) -> None:
        price = _beside(market, self._spot, side, price)
        price = min(max(price, self._low_ticks), self._top_ticks)
        lots = clamp_lots(self._instrument, int(self._sizes[level] * noise))
        number = market.submit(self._spot, side, price, lots, post_only=True, ioc=False)
        self._numbers[side][level] = number
        self._prices[side][level] = price if number else _EMPTY[side]


class Patient:
    """Single limit orders of everybody else: placed at a distance, left alone, cancelled."""

    __slots__ = ("_draw", "_instrument", "_life_ns", "_nearest", "_reach", "_spot", "_value")

    def __init__(self, instrument: Instrument, spot: int, seed: int, flow: FlowParams) -> None:
        self._instrument = instrument
        self._spot = spot
        self._draw = Random(stream_name(seed, instrument, "patient"))
        self._nearest = flow.half_spread_bps * _BP
        self._reach = max(flow.patient_reach_bps, 1e-6) * _BP
        self._value = flow.taker_value
        self._life_ns = max(flow.patient_life_s, 1e-3) * NS_PER_S

    def act(self, market: FlowMarket, reference: float, factor: float) -> tuple[int, int]:
        """Place one; returns its number (0: it does not rest) and its life in nanoseconds."""
        draw = self._draw
        side = Side.BUY if draw.random() < 0.5 else Side.SELL
        beyond = draw.expovariate(1.0) * self._reach
        value = self._value * math.exp(draw.gauss(0.0, _SIZE_SIGMA))
        life_ns = 1 + int(draw.expovariate(1.0) * self._life_ns)
        away = reference * (self._nearest + beyond) * math.sqrt(factor)
        price = _beside(market, self._spot, side, _away(side, reference, away))
        value = min(value, self._value * _MOST_MEDIANS)
        lots = lots_of_value(self._instrument, max(price, 1), value)
        number = market.submit(self._spot, side, price, lots, post_only=True, ioc=False)
        return number, life_ns


class Taker:
    """Immediate-or-cancel flow of one instrument."""

    __slots__ = ("_draw", "_edge", "_instrument", "_spot", "_value")

    def __init__(self, instrument: Instrument, spot: int, seed: int, flow: FlowParams) -> None:
        self._instrument = instrument
        self._spot = spot
        self._draw = Random(stream_name(seed, instrument, "taker"))
        self._value = flow.taker_value
        self._edge = flow.informed_edge_bps * _BP

    def choose_side(self) -> Side:
        """Side of an uninformed order or of a whole burst."""
        return Side.BUY if self._draw.random() < 0.5 else Side.SELL

    def act(self, market: FlowMarket, reference: float, side: Side) -> None:
        """Send one order; a quote left on the wrong side of the reference is taken first."""
        value = self._draw_value()
        if market.best(self._spot, Side.BUY) > reference:
            side = Side.SELL
        elif 0 < market.best(self._spot, Side.SELL) < reference:
            side = Side.BUY
        touch = market.best(self._spot, Side.SELL if side is Side.BUY else Side.BUY)
        if not touch:
            return
        reach = max(1, int(touch * _TAKER_REACH))
        price = touch + reach if side is Side.BUY else max(touch - reach, 1)
        self._send(market, side, price, touch, value)

    def act_informed(self, market: FlowMarket, coming: float) -> None:
        """Take what is better than where the reference will be, up to that; or nothing."""
        value = self._draw_value()
        highest, lowest = coming * (1.0 - self._edge), coming * (1.0 + self._edge)
        ask, bid = market.best(self._spot, Side.SELL), market.best(self._spot, Side.BUY)
        if 0 < ask <= highest:
            self._send(market, Side.BUY, math.floor(highest), ask, value)
        elif bid >= lowest:
            self._send(market, Side.SELL, math.ceil(lowest), bid, value)

    def _draw_value(self) -> float:
        value = self._value * math.exp(self._draw.gauss(0.0, _SIZE_SIGMA))
        return min(value, self._value * _MOST_MEDIANS)

    def _send(self, market: FlowMarket, side: Side, price: int, touch: int, value: float) -> None:
        lots = lots_of_value(self._instrument, touch, value)
        market.submit(self._spot, side, price, lots, post_only=False, ioc=True)


def stream_name(seed: int, instrument: Instrument, role: str) -> str:
    """Seed text of a participant's random stream: one per instrument and role."""
    category = instrument.category
    name = instrument.symbol
    if category is not Category.LINEAR:
        name = f"{category.name.lower()}/{name}"
    return f"{seed}/{name}/{role}"


def clamp_lots(instrument: Instrument, lots: int) -> int:
    """``lots`` within the instrument's order size filter."""
    return min(max(lots, int(instrument.min_order_lots), 1), int(instrument.max_order_lots))


def lots_of_value(instrument: Instrument, price_ticks: int, value: float) -> int:
    """Lots worth about ``value`` quote coins at ``price_ticks``, within the size filter.

    An inverse contract is worth its own number of US dollars whatever the price.
    """
    if instrument.category is Category.INVERSE:
        one_lot = instrument.step_units / 10**instrument.step_decimals
    else:
        one_lot = max(price_ticks * instrument.tick_lot_value_e8, 1) / E8
    return clamp_lots(instrument, int(value / one_lot))


def _away(side: Side, reference: float, distance: float) -> int:
    """The price a distance from the reference, in ticks, rounded away from it."""
    return math.floor(reference - distance) if side is Side.BUY else math.ceil(reference + distance)


def _beside(market: FlowMarket, spot: int, side: Side, price: int) -> int:
    """``price``, or next to the touch where it would cross: a client's quote may sit there."""
    if side is Side.BUY:
        opposite = market.best(spot, Side.SELL)
        return min(price, opposite - 1) if opposite else price
    return max(price, market.best(spot, Side.BUY) + 1)


def _ladder_distances(start_ticks: int, flow: FlowParams) -> tuple[float, ...]:
    """Ticks from the reference to each seat, at least one apart, so that levels are distinct.

    The first may be less than a tick: where the tick is coarse, the spread is one or two ticks.
    """
    distances: list[float] = []
    distance = start_ticks * flow.half_spread_bps * _BP
    gap = start_ticks * flow.level_gap_bps * _BP
    for _ in range(LEVELS):
        distances.append(max(distance, distances[-1] + 1.0) if distances else distance)
        distance += gap
        gap *= _GAP_GROWTH
    return tuple(distances)
