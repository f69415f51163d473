"""The ``priceLimit`` topic: the highest price of a buy, the lowest of a sell."""

from __future__ import annotations

from typing import Final

from mmfast.sim.feed.books import LevelTexts
from mmfast.sim.instruments.catalogue import Listing
from mmfast.sim.market.bands import Reference
from mmfast.units import NS_PER_MS

_INTERVAL_NS: Final = 300 * NS_PER_MS


class LimitStream:
    """``priceLimit.{symbol}``: every 300 ms, changed or not; nothing on subscribing."""

    __slots__ = ("_reference", "_start_ms", "_symbol", "_texts", "interval_ns", "topic")

    def __init__(
        self, listing: Listing, reference: Reference, texts: LevelTexts, start_ms: int
    ) -> None:
        self._symbol = listing.instrument.symbol
        self.topic = f"priceLimit.{self._symbol}"
        self.interval_ns = _INTERVAL_NS
        self._reference = reference
        self._texts = texts
        self._start_ms = start_ms

    def restart(self) -> None:
        """There is nothing to forget."""

    def snapshot(self, now_ns: int) -> None:
        """None: the next message comes within 300 ms."""

    def push(self, now_ns: int) -> list[bytes]:
        """The band as it is."""
        band, price = self._reference.band(), self._texts.price
        ts_ms = self._start_ms + now_ns // NS_PER_MS
        return [
            (
                f'{{"topic":"{self.topic}","data":{{"symbol":"{self._symbol}",'
                f'"buyLmt":"{price(band.max_buy_ticks)}",'
                f'"sellLmt":"{price(band.min_sell_ticks)}"}},"ts":{ts_ms}}}'
            ).encode()
        ]
