"""The ``publicTrade`` topic, as futures and as spot tell it."""

from __future__ import annotations

from typing import Final

from mmfast.messages import Category, Side
from mmfast.sim.feed.books import LevelTexts
from mmfast.sim.instruments.catalogue import Listing
from mmfast.sim.seams import Print
from mmfast.units import NS_PER_MS

_MAX_TRADES: Final = 1024
"""Trades in one message at most; more are split."""
_INTERVAL_NS: Final = 10 * NS_PER_MS
_SIDE_WORDS: Final = {Side.BUY: "Buy", Side.SELL: "Sell"}


def trade_id(number: int, category: Category = Category.LINEAR) -> str:
    """The public id of a trade: digits on spot, a UUID elsewhere.

    ``number`` is :attr:`mmfast.sim.seams.Print.number`.
    """
    if category is Category.SPOT:
        return f"21{number:017d}"
    return f"00000000-0000-5000-8000-{number:012x}"


class TradeStream:
    """``publicTrade.{symbol}``: what traded since the last message, oldest first."""

    __slots__ = ("_pending", "_start_ms", "_symbol", "_texts", "interval_ns", "topic")

    def __init__(self, listing: Listing, texts: LevelTexts, start_ms: int) -> None:
        self._symbol = listing.instrument.symbol
        self.topic = f"publicTrade.{self._symbol}"
        self.interval_ns = _INTERVAL_NS
        self._texts = texts
        self._start_ms = start_ms
        self._pending: list[str] = []

    def restart(self) -> None:
        """Forget trades nobody had subscribed for."""
        self._pending.clear()

    def snapshot(self, now_ns: int) -> None:
        """None: trades before the subscription are not told."""

    def take(self, one: Print, direction: str) -> None:
        """Keep one trade for the next message."""
        self._pending.append(self._row(one, direction))

    def push(self, now_ns: int) -> list[bytes]:
        """Everything pending, in messages of at most 1024 trades."""
        rows = self._pending
        if not rows:
            return []
        head = self._head(self._start_ms + now_ns // NS_PER_MS)
        frames = [
            f"{head}{','.join(rows[start : start + _MAX_TRADES])}]}}".encode()
            for start in range(0, len(rows), _MAX_TRADES)
        ]
        rows.clear()
        return frames

    def _head(self, ts_ms: int) -> str:
        return f'{{"topic":"{self.topic}","type":"snapshot","ts":{ts_ms},"data":['

    def _row(self, one: Print, direction: str) -> str:
        texts = self._texts
        return (
            f'{{"T":{one.venue_ms},"s":"{self._symbol}","S":"{_SIDE_WORDS[one.side]}",'
            f'"v":"{texts.size(one.lots)}","p":"{texts.price(one.price_ticks)}",'
            f'"L":"{direction}","i":"{trade_id(one.number)}","BT":false,"RPI":false,'
            f'"seq":{one.seq}}}'
        )


class SpotTradeStream(TradeStream):
    """The same on spot: no tick direction, other ids, and other orders of keys."""

    __slots__ = ()

    def _head(self, ts_ms: int) -> str:
        return f'{{"topic":"{self.topic}","ts":{ts_ms},"type":"snapshot","data":['

    def _row(self, one: Print, direction: str) -> str:  # noqa: ARG002
        texts = self._texts
        return (
            f'{{"i":"{trade_id(one.number, Category.SPOT)}","T":{one.venue_ms},'
            f'"p":"{texts.price(one.price_ticks)}","v":"{texts.size(one.lots)}",'
            f'"S":"{_SIDE_WORDS[one.side]}","seq":{one.seq},"s":"{self._symbol}",'
            f'"BT":false,"RPI":false}}'
        )
