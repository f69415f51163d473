"""What an instrument traded: the last prints, and the figures of the last 24 hours."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Final, NamedTuple

from mmfast.messages import Instrument
from mmfast.sim.instruments.worth import worth_of
from mmfast.sim.market.candles import Candles
from mmfast.sim.seams import Print

PRINTS_KEPT: Final = 1000
_HOUR_MS: Final = 3_600_000
_HOURS: Final = 24


class Day(NamedTuple):
    """The last 24 hours, hour by hour: they begin with the oldest hour still counted."""

    open_ticks: int
    hour_open_ticks: int
    high_ticks: int
    low_ticks: int
    lots: int
    turnover: int


class _Hour:
    """Trading of one clock hour."""

    __slots__ = ("high", "hour", "lots", "low", "open", "turnover")

    def __init__(self, hour: int, ticks: int) -> None:
        self.hour = hour
        self.open = self.high = self.low = ticks
        self.lots = 0
        self.turnover = 0


class Tape:
    """Prints of one instrument, and their sums."""

    __slots__ = (
        "_hours",
        "_prints",
        "_start_ticks",
        "_worth",
        "candles",
        "last_ticks",
        "total_lots",
        "total_turnover",
    )

    def __init__(self, instrument: Instrument, start_ticks: int) -> None:
        self._worth = worth_of(instrument)
        self._start_ticks = start_ticks
        self._prints: deque[Print] = deque(maxlen=PRINTS_KEPT)
        self._hours: deque[_Hour] = deque()
        self.candles = Candles()
        self.total_lots = 0
        self.total_turnover = 0
        self.last_ticks = start_ticks
        """Price of the last trade; the listing's start price before the first."""

    def add(self, trade: Print) -> None:
        """Record one trade."""
        ticks = trade.price_ticks
        self.last_ticks = ticks
        self._prints.append(trade)
        number = trade.venue_ms // _HOUR_MS
        if not self._hours or self._hours[-1].hour != number:
            self._hours.append(_Hour(number, ticks))
            while self._hours[0].hour <= number - _HOURS:
                self._hours.popleft()
        hour = self._hours[-1]
        hour.high = max(hour.high, ticks)
        hour.low = min(hour.low, ticks)
        turnover = self._worth.value(ticks, trade.lots)
        hour.lots += trade.lots
        hour.turnover += turnover
        self.total_lots += trade.lots
        self.total_turnover += turnover
        self.candles.add(trade.venue_ms, ticks, trade.lots, turnover)

    def newest(self, count: int) -> list[Print]:
        """Up to ``count`` prints, newest first."""
        return list(islice(reversed(self._prints), count))

    def day(self) -> Day:
        """The figures of the last 24 hours."""
        hours = self._hours
        if not hours:
            start = self._start_ticks
            return Day(start, start, start, start, 0, 0)
        return Day(
            open_ticks=hours[0].open,
            hour_open_ticks=hours[-1].open,
            high_ticks=max(hour.high for hour in hours),
            low_ticks=min(hour.low for hour in hours),
            lots=sum(hour.lots for hour in hours),
            turnover=sum(hour.turnover for hour in hours),
        )
