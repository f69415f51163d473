"""The ``tickers`` topic of spot: always a snapshot, without best bid and ask."""

from __future__ import annotations

from typing import Final

from mmfast.sim.feed.tickers import DayFigures, Subject
from mmfast.sim.instruments.figures import money
from mmfast.units import NS_PER_MS


class SpotTickerStream(DayFigures):
    """``tickers.{symbol}``: every 50 ms, when a figure changed, all of them."""

    __slots__ = ("_told",)

    interval_ns: Final = 50 * NS_PER_MS
    percent_decimals = 4

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._told = ""

    def restart(self) -> None:
        """Forget what was told."""
        self._told = ""

    def snapshot(self, now_ns: int) -> bytes:
        """The figures as last told."""
        if not self._told:
            self._told = self._read()
        return self._frame(now_ns)

    def push(self, now_ns: int) -> list[bytes]:
        """The figures, unless they are as they were told."""
        figures = self._read()
        if figures == self._told:
            return []
        self._told = figures
        return [self._frame(now_ns)]

    def _read(self) -> str:
        """Everything but the times, as the inside of ``data``."""
        day, last, texts = self._tape.day(), self._tape.last_ticks, self._texts
        fields = {
            "symbol": self._symbol,
            "lastPrice": texts.price(last),
            "highPrice24h": texts.price(day.high_ticks),
            "lowPrice24h": texts.price(day.low_ticks),
            "prevPrice24h": texts.price(day.open_ticks),
            "volume24h": texts.size(day.lots),
            "turnover24h": money(day.turnover, self._coin),
            "price24hPcnt": self._change(day),
            "usdIndexPrice": texts.price(self._reference.index_ticks),
        }
        return ",".join([f'"{name}":"{text}"' for name, text in fields.items()])

    def _frame(self, now_ns: int) -> bytes:
        return (
            f'{{"topic":"{self.topic}","ts":{self._venue_ms(now_ns)},"type":"snapshot","cs":{self._book.seq},'
            f'"data":{{{self._told}}}}}'
        ).encode()
