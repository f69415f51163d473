"""Public market data: which topics exist, who is due when, and the trades topic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from mmfast.messages import Side
from mmfast.sim.bands import Reference
from mmfast.sim.book_stream import INTERVAL_NS, BookStream, LevelTexts, TopStream
from mmfast.sim.catalogue import Listing
from mmfast.sim.figures import Figures
from mmfast.sim.seams import BookView, Print
from mmfast.sim.tape import Tape
from mmfast.sim.ticker import TickerStream
from mmfast.units import NS_PER_MS, Ns

NEVER_NS: Final = Ns(1 << 62)
_MAX_TRADES: Final = 1024
"""Trades in one message at most; more are split."""
_SIDE_WORDS: Final = {Side.BUY: "Buy", Side.SELL: "Sell"}


def trade_id(number: int) -> str:
    """The public id of a trade; ``number`` is :attr:`mmfast.sim.seams.Print.number`."""
    return f"00000000-0000-5000-8000-{number:012x}"


class TradeStream:
    """``publicTrade.{symbol}``: what traded since the last message, oldest first."""

    __slots__ = ("_pending", "_start_ms", "_symbol", "_texts", "interval_ns", "topic")

    def __init__(self, symbol: str, texts: LevelTexts, start_ms: int) -> None:
        self.topic = f"publicTrade.{symbol}"
        self.interval_ns = 10 * NS_PER_MS
        self._symbol = symbol
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
        texts = self._texts
        self._pending.append(
            f'{{"T":{one.venue_ms},"s":"{self._symbol}","S":"{_SIDE_WORDS[one.side]}",'
            f'"v":"{texts.size(one.lots)}","p":"{texts.price(one.price_ticks)}",'
            f'"L":"{direction}","i":"{trade_id(one.number)}","BT":false,"RPI":false,'
            f'"seq":{one.seq}}}'
        )

    def push(self, now_ns: int) -> list[bytes]:
        """Everything pending, in messages of at most 1024 trades."""
        rows = self._pending
        if not rows:
            return []
        ts_ms = self._start_ms + now_ns // NS_PER_MS
        head = f'{{"topic":"{self.topic}","type":"snapshot","ts":{ts_ms},"data":['
        frames = [
            f"{head}{','.join(rows[start : start + _MAX_TRADES])}]}}".encode()
            for start in range(0, len(rows), _MAX_TRADES)
        ]
        rows.clear()
        return frames


class _Stream(Protocol):
    """What the schedule needs of a topic."""

    topic: str
    interval_ns: int

    def restart(self) -> None: ...

    def snapshot(self, now_ns: int) -> bytes | None: ...

    def push(self, now_ns: int) -> list[bytes]: ...


class PublicFeed:
    """All public topics of the venue. Work is done only for topics somebody watches.

    Messages leave on a grid per interval (10, 20, 100, 200 ms of venue time), so several
    instruments that moved together are told together. Time starts at venue clock 0, which is
    ``start_wall_ms``.
    """

    def __init__(
        self,
        shelf: tuple[Listing, ...],
        books: tuple[BookView, ...],
        tapes: tuple[Tape, ...],
        references: tuple[Reference, ...],
        start_wall_ms: int,
    ) -> None:
        """All tuples are aligned: one entry per instrument."""
        self._start_ms = start_wall_ms
        self._streams: dict[str, _Stream] = {}
        self._trades: list[TradeStream] = []
        self._tickers: list[TickerStream] = []
        self._last_ticks = [tape.last_ticks for tape in tapes]
        self._frozen_until_ns = 0
        self._watchers: dict[str, int] = {}
        # Watched streams by interval, each in the order of their first subscription.
        self._groups: dict[int, dict[str, _Stream]] = {}
        self._due_ns: dict[int, int] = {}
        for entry in zip(shelf, books, tapes, references, strict=True):
            self._add_instrument(*entry)

    def _add_instrument(
        self, listing: Listing, book: BookView, tape: Tape, reference: Reference
    ) -> None:
        symbol, start_ms = listing.instrument.symbol, self._start_ms
        texts = LevelTexts(Figures(listing))
        trades = TradeStream(symbol, texts, start_ms)
        ticker = TickerStream(listing, book, tape, reference, texts, start_ms)
        streams: list[_Stream] = [TopStream(symbol, book, texts, start_ms), trades, ticker]
        streams += [
            BookStream(symbol, depth, book, texts, start_ms) for depth in INTERVAL_NS if depth > 1
        ]
        self._streams.update({stream.topic: stream for stream in streams})
        self._trades.append(trades)
        self._tickers.append(ticker)

    def known(self, topic: str) -> bool:
        """True for a topic this venue serves."""
        return topic in self._streams

    def watch(self, topic: str, now_ns: int) -> None:
        """Count one subscriber in; the first one starts the stream. The topic is known."""
        count = self._watchers.get(topic, 0)
        self._watchers[topic] = count + 1
        if count:
            return
        stream = self._streams[topic]
        stream.restart()
        interval_ns = stream.interval_ns
        self._groups.setdefault(interval_ns, {})[topic] = stream
        self._due_ns.setdefault(interval_ns, _next_on_grid(now_ns, interval_ns))

    def unwatch(self, topic: str) -> None:
        """Count one subscriber out; the last one stops the stream."""
        count = self._watchers[topic] - 1
        if count:
            self._watchers[topic] = count
            return
        del self._watchers[topic]
        interval_ns = self._streams[topic].interval_ns
        group = self._groups[interval_ns]
        del group[topic]
        if not group:
            del self._groups[interval_ns], self._due_ns[interval_ns]

    def snapshot(self, topic: str, now_ns: int) -> bytes | None:
        """The first message for a new subscriber of a watched topic; None where there is none.

        It tells what the other subscribers were told last, so the next delta fits all.
        """
        return self._streams[topic].snapshot(now_ns)

    def trades(self, prints: Iterable[Print]) -> None:
        """Take trades to publish with the next :meth:`advance`."""
        for one in prints:
            spot = one.instrument
            ticker, stream = self._tickers[spot], self._trades[spot]
            ticker.direction = _direction(self._last_ticks[spot], one.price_ticks, ticker.direction)
            self._last_ticks[spot] = one.price_ticks
            if stream.topic in self._watchers:
                stream.take(one, ticker.direction)

    def freeze(self, until_ns: int) -> None:
        """Say nothing until then. What changed meanwhile is told after it, without a gap."""
        self._frozen_until_ns = until_ns

    def next_due_ns(self) -> Ns:
        """The next instant of the grid of any watched interval."""
        if not self._due_ns:
            return NEVER_NS
        return Ns(max(min(self._due_ns.values()), self._frozen_until_ns))

    def advance(self, now_ns: int) -> list[tuple[str, bytes]]:
        """Messages due, as (topic, frame), each to every subscriber of its topic."""
        out: list[tuple[str, bytes]] = []
        if now_ns < self._frozen_until_ns:
            return out
        for interval_ns, due_ns in self._due_ns.items():
            if due_ns > now_ns:
                continue
            self._due_ns[interval_ns] = _next_on_grid(now_ns, interval_ns)
            for topic, stream in self._groups[interval_ns].items():
                out.extend([(topic, frame) for frame in stream.push(now_ns)])
        return out


def _next_on_grid(now_ns: int, interval_ns: int) -> int:
    return (now_ns // interval_ns + 1) * interval_ns


def _direction(last_ticks: int, ticks: int, direction: str) -> str:
    """Tick direction of a trade: a repeat of the price keeps the last move's sign."""
    if ticks > last_ticks:
        return "PlusTick"
    if ticks < last_ticks:
        return "MinusTick"
    return direction if direction.startswith("Zero") else f"Zero{direction}"
