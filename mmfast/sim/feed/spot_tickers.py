"""The ``tickers`` topic of spot: always a snapshot, without best bid and ask."""

from __future__ import annotations

from typing import Final

from mmfast.sim.feed.books import LevelTexts
from mmfast.sim.instruments.catalogue import Listing
from mmfast.sim.instruments.decimals import decimal_text
from mmfast.sim.instruments.figures import money
from mmfast.sim.market.bands import Reference
from mmfast.sim.market.tape import Tape
from mmfast.sim.seams import BookView
from mmfast.units import NS_PER_MS

_INTERVAL_NS: Final = 50 * NS_PER_MS
_PCNT_DECIMALS: Final = 4


class SpotTickerStream:
    """``tickers.{symbol}``: every 50 ms, when a figure changed, all of them."""

    __slots__ = (
        "_book",
        "_coin",
        "_reference",
        "_start_ms",
        "_symbol",
        "_tape",
        "_texts",
        "_told",
        "interval_ns",
        "topic",
    )

    def __init__(
        self,
        listing: Listing,
        book: BookView,
        tape: Tape,
        reference: Reference,
        texts: LevelTexts,
        start_ms: int,
    ) -> None:
        self._symbol = listing.instrument.symbol
        self._coin = listing.instrument.quote_coin
        self.topic = f"tickers.{self._symbol}"
        self.interval_ns = _INTERVAL_NS
        self._book = book
        self._tape = tape
        self._reference = reference
        self._texts = texts
        self._start_ms = start_ms
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
        change = (last - day.open_ticks) * 10**_PCNT_DECIMALS // max(day.open_ticks, 1)
        fields = {
            "symbol": self._symbol,
            "lastPrice": texts.price(last),
            "highPrice24h": texts.price(day.high_ticks),
            "lowPrice24h": texts.price(day.low_ticks),
            "prevPrice24h": texts.price(day.open_ticks),
            "volume24h": texts.size(day.lots),
            "turnover24h": money(day.turnover, self._coin),
            "price24hPcnt": decimal_text(change, _PCNT_DECIMALS),
            "usdIndexPrice": texts.price(self._reference.index_ticks),
        }
        return ",".join([f'"{name}":"{text}"' for name, text in fields.items()])

    def _frame(self, now_ns: int) -> bytes:
        ts_ms = self._start_ms + now_ns // NS_PER_MS
        return (
            f'{{"topic":"{self.topic}","ts":{ts_ms},"type":"snapshot","cs":{self._book.seq},'
            f'"data":{{{self._told}}}}}'
        ).encode()
