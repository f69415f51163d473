"""Candles of one instrument: kept by the minute, put together for longer intervals on demand."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Final, NamedTuple

MINUTES_KEPT: Final = 10_000
"""Minutes with a trade that are remembered; older candles are forgotten."""

_MINUTE_MS: Final = 60_000
_DAY_MINUTES: Final = 24 * 60
#: Unix time began on a Thursday, the venue's weeks begin on a Monday.
_FIRST_MONDAY_MS: Final = 4 * _DAY_MINUTES * _MINUTE_MS


class Bar(NamedTuple):
    """One candle; prices in ticks, ``turnover`` in atoms of the settlement coin."""

    start_ms: int
    open: int
    high: int
    low: int
    close: int
    lots: int
    turnover: int


class Interval(NamedTuple):
    """A length of candles: where the one begins that an instant falls into, and a time that
    leads from its start into the next one."""

    start_of: Callable[[int], int]
    step_ms: int


def _every(minutes: int, first_ms: int = 0) -> Interval:
    span_ms = minutes * _MINUTE_MS
    return Interval(lambda at_ms: (at_ms - first_ms) // span_ms * span_ms + first_ms, span_ms)


def _month_start(at_ms: int) -> int:
    day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    first = day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return int(first.timestamp()) * 1000


INTERVALS: Final[dict[str, Interval]] = {
    **{str(m): _every(m) for m in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    "D": _every(_DAY_MINUTES),
    "W": _every(7 * _DAY_MINUTES, _FIRST_MONDAY_MS),
    "M": Interval(_month_start, 31 * _DAY_MINUTES * _MINUTE_MS),
}
"""The venue's words for intervals."""


class Candles:
    """Minutes of one instrument, oldest first; a minute without a trade has no entry."""

    __slots__ = ("_minutes",)

    def __init__(self) -> None:
        self._minutes: deque[Bar] = deque(maxlen=MINUTES_KEPT)

    def add(self, at_ms: int, ticks: int, lots: int, turnover: int) -> None:
        """Take one trade, not older than the one before."""
        minutes, start_ms = self._minutes, at_ms // _MINUTE_MS * _MINUTE_MS
        if not minutes or minutes[-1].start_ms != start_ms:
            minutes.append(Bar(start_ms, ticks, ticks, ticks, ticks, lots, turnover))
            return
        bar = minutes[-1]
        minutes[-1] = Bar(
            start_ms,
            bar.open,
            max(bar.high, ticks),
            min(bar.low, ticks),
            ticks,
            bar.lots + lots,
            bar.turnover + turnover,
        )

    def bars(
        self, interval: str, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> list[Bar]:
        """Up to ``limit`` candles, newest first.

        They are those that begin within the range: the newest ones, or the oldest when only its
        start is given. A candle without a trade stands where the one before it closed.
        """
        if not self._minutes:
            return []
        span = INTERVALS[interval]
        bars = _join(self._minutes, span)
        last_ms = span.start_of(now_ms if end_ms is None else min(now_ms, end_ms))
        first_ms = bars[0].start_ms
        if start_ms is not None:
            at_ms = span.start_of(start_ms)
            first_ms = max(first_ms, at_ms if at_ms == start_ms else _after(at_ms, span))
        if start_ms is None or end_ms is not None:
            starts = _backwards(last_ms, first_ms, span, limit)
        else:
            starts = _forwards(first_ms, last_ms, span, limit)
        return [_bar_at(bars, at_ms) for at_ms in starts]


def _join(minutes: Iterable[Bar], span: Interval) -> list[Bar]:
    """Minutes put together, oldest first."""
    bars: list[Bar] = []
    for bar in minutes:
        start_ms = span.start_of(bar.start_ms)
        if not bars or bars[-1].start_ms != start_ms:
            bars.append(bar._replace(start_ms=start_ms))
            continue
        last = bars[-1]
        bars[-1] = Bar(
            start_ms,
            last.open,
            max(last.high, bar.high),
            min(last.low, bar.low),
            bar.close,
            last.lots + bar.lots,
            last.turnover + bar.turnover,
        )
    return bars


def _after(start_ms: int, span: Interval) -> int:
    """Start of the candle after the one that begins here."""
    return span.start_of(start_ms + span.step_ms)


def _backwards(last_ms: int, first_ms: int, span: Interval, limit: int) -> list[int]:
    """Starts of the newest candles between two starts, newest first."""
    starts: list[int] = []
    while last_ms >= first_ms and len(starts) < limit:
        starts.append(last_ms)
        last_ms = span.start_of(last_ms - 1)
    return starts


def _forwards(first_ms: int, last_ms: int, span: Interval, limit: int) -> list[int]:
    """Starts of the oldest candles between two starts, newest first."""
    starts: list[int] = []
    while first_ms <= last_ms and len(starts) < limit:
        starts.append(first_ms)
        first_ms = _after(first_ms, span)
    starts.reverse()
    return starts


def _bar_at(bars: list[Bar], at_ms: int) -> Bar:
    """The candle that begins here, which is not before the first one."""
    last = bars[bisect_right(bars, at_ms, key=attrgetter("start_ms")) - 1]
    if last.start_ms == at_ms:
        return last
    return Bar(at_ms, last.close, last.close, last.close, last.close, 0, 0)
