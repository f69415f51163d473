"""The ``tickers`` topic: a snapshot, then what changed."""

from __future__ import annotations

from typing import Final

from mmfast.messages import Side
from mmfast.sim.feed.books import LevelTexts
from mmfast.sim.instruments.catalogue import Listing
from mmfast.sim.instruments.decimals import decimal_text
from mmfast.sim.instruments.figures import money
from mmfast.sim.market.bands import Reference
from mmfast.sim.market.tape import Tape
from mmfast.sim.seams import BookView
from mmfast.units import NS_PER_MS

_FUNDING_MS: Final = 8 * 3_600_000
_INTERVAL_NS: Final = 100 * NS_PER_MS
_PCNT_DECIMALS: Final = 6


class TickerStream:
    """``tickers.{symbol}``: a snapshot, then every 100 ms the fields that changed.

    The venue inside takes no funding and counts no open interest of the anonymous flow, so
    these fields say zero.
    """

    __slots__ = (
        "_book",
        "_coin",
        "_day_fields",
        "_day_lots",
        "_fields",
        "_funding_cap",
        "_reference",
        "_seq",
        "_start_ms",
        "_symbol",
        "_tape",
        "_texts",
        "direction",
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
        self._coin = listing.instrument.settle_coin
        self._funding_cap = money(listing.funding_cap_e8)
        self.topic = f"tickers.{self._symbol}"
        self.interval_ns = _INTERVAL_NS
        self.direction = "ZeroPlusTick"
        """Tick direction of the last trade."""
        self._book = book
        self._tape = tape
        self._reference = reference
        self._texts = texts
        self._start_ms = start_ms
        self._seq = 0
        self._fields: dict[str, str] = {}
        # The day's figures change with trades only; they are kept for the total they belong to.
        self._day_lots = -1
        self._day_fields: dict[str, str] = {}

    def restart(self) -> None:
        """Forget what was told; the next snapshot takes the figures afresh."""
        self._fields = {}

    def snapshot(self, now_ns: int) -> bytes:
        """All fields as last told."""
        if not self._fields:
            self._fields = self._read(now_ns)
        return self._frame("snapshot", now_ns, self._fields)

    def push(self, now_ns: int) -> list[bytes]:
        """The fields that changed since the last message."""
        fields, told = self._read(now_ns), self._fields
        changed = {name: text for name, text in fields.items() if told.get(name) != text}
        if not changed:
            return []
        self._fields = fields
        return [self._frame("delta", now_ns, changed)]

    def _read(self, now_ns: int) -> dict[str, str]:
        venue_ms = self._start_ms + now_ns // NS_PER_MS
        self._seq = self._book.seq
        return {
            **self._day(),
            "markPrice": self._texts.price(self._reference.mark_ticks),
            "indexPrice": self._texts.price(self._reference.index_ticks),
            "openInterest": "0",
            "openInterestValue": "0",
            "fundingIntervalHour": "8",
            "fundingCap": self._funding_cap,
            "nextFundingTime": str((venue_ms // _FUNDING_MS + 1) * _FUNDING_MS),
            "fundingRate": "0",
            **self._touch(),
            "preOpenPrice": "",
            "preQty": "",
            "curPreListingPhase": "",
        }

    def _day(self) -> dict[str, str]:
        if self._tape.total_lots != self._day_lots:
            self._day_lots = self._tape.total_lots
            self._day_fields = self._read_day()
        return self._day_fields

    def _read_day(self) -> dict[str, str]:
        day, last, texts = self._tape.day(), self._tape.last_ticks, self._texts
        change = (last - day.open_ticks) * 10**_PCNT_DECIMALS // max(day.open_ticks, 1)
        return {
            "tickDirection": self.direction,
            "price24hPcnt": decimal_text(change, _PCNT_DECIMALS),
            "lastPrice": texts.price(last),
            "prevPrice24h": texts.price(day.open_ticks),
            "highPrice24h": texts.price(day.high_ticks),
            "lowPrice24h": texts.price(day.low_ticks),
            "prevPrice1h": texts.price(day.hour_open_ticks),
            "turnover24h": money(day.turnover, self._coin),
            "volume24h": texts.size(day.lots),
        }

    def _touch(self) -> dict[str, str]:
        texts, fields = self._texts, {}
        for word, side in (("bid1", Side.BUY), ("ask1", Side.SELL)):
            levels = self._book.levels(side, 1)
            fields[f"{word}Price"] = texts.price(levels[0][0]) if levels else ""
            fields[f"{word}Size"] = texts.size(levels[0][1]) if levels else ""
        return fields

    def _frame(self, kind: str, now_ns: int, fields: dict[str, str]) -> bytes:
        ts_ms = self._start_ms + now_ns // NS_PER_MS
        body = ",".join([f'"{name}":"{text}"' for name, text in fields.items()])
        return (
            f'{{"topic":"{self.topic}","type":"{kind}",'
            f'"data":{{"symbol":"{self._symbol}",{body}}},"cs":{self._seq},"ts":{ts_ms}}}'
        ).encode()
