"""Public market data of one category: which topics exist, and who is due when."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from mmfast.messages import Category
from mmfast.sim.feed.books import INTERVALS_NS, BookStream, LevelTexts, Told, TopStream
from mmfast.sim.feed.price_limits import LimitStream
from mmfast.sim.feed.spot_tickers import SpotTickerStream
from mmfast.sim.feed.tickers import Subject, TickerStream
from mmfast.sim.feed.trades import SpotTradeStream, TradeStream
from mmfast.sim.instruments.catalogue import Listing
from mmfast.sim.instruments.figures import figures_of
from mmfast.sim.market.bands import Reference
from mmfast.sim.market.tape import Tape
from mmfast.sim.seams import BookView, Print
from mmfast.units import NEVER_NS, Ns


class _Stream(Protocol):
    """What the schedule needs of a topic."""

    topic: str

    @property
    def interval_ns(self) -> int: ...

    def restart(self) -> None: ...

    def snapshot(self, now_ns: int) -> bytes | None: ...

    def push(self, now_ns: int) -> list[bytes]: ...


class PublicFeed:
    """All public topics of one category. Work is done only for topics somebody watches.

    Messages leave on a grid per interval (10 to 300 ms of venue time), so several
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
        """All tuples are aligned: one entry per instrument, in the order of their indexes."""
        self._first = int(shelf[0].instrument.index) if shelf else 0
        self._start_ms = start_wall_ms
        self._streams: dict[str, _Stream] = {}
        self._deepest: dict[str, BookStream] = {}
        # Per instrument; empty for options, which have no trades topic here.
        self._trades: list[TradeStream] = []
        self._directions = ["ZeroPlusTick"] * len(shelf)
        self._tickers: list[TickerStream | None] = []
        self._last_ticks = [tape.last_ticks for tape in tapes]
        self._frozen_until_ns = 0
        self._is_held: Callable[[str], bool] | None = None
        self._watchers: dict[str, int] = {}
        # Watched streams by interval, each in the order of their first subscription.
        self._groups: dict[int, dict[str, _Stream]] = {}
        self._due_ns: dict[int, int] = {}
        self.due_ns = NEVER_NS
        """The next instant of the grid of any watched interval."""
        for entry in zip(shelf, books, tapes, references, strict=True):
            self._add_instrument(*entry)

    def _add_instrument(
        self, listing: Listing, book: BookView, tape: Tape, reference: Reference
    ) -> None:
        instrument, start_ms = listing.instrument, self._start_ms
        texts = LevelTexts(figures_of(listing))
        books = [
            TopStream(instrument, book, texts, start_ms)
            if depth == 1
            else BookStream(instrument, depth, book, texts, start_ms)
            for depth in INTERVALS_NS[instrument.category]
        ]
        self._deepest[instrument.symbol] = books[-1]
        streams: list[_Stream] = [*books]
        if instrument.category is not Category.OPTION:
            streams += self._add_prices(listing, book, tape, reference, texts)
        self._streams.update({stream.topic: stream for stream in streams})

    def _add_prices(
        self,
        listing: Listing,
        book: BookView,
        tape: Tape,
        reference: Reference,
        texts: LevelTexts,
    ) -> list[_Stream]:
        """Trades, ticker and price limits. Options have none: no model here makes their
        volatilities and greeks."""
        start_ms = self._start_ms
        subject = Subject(listing, book, tape, reference, texts, start_ms)
        limits = LimitStream(listing, reference, texts, start_ms)
        if listing.category is Category.SPOT:
            self._trades.append(SpotTradeStream(listing, texts, start_ms))
            self._tickers.append(None)
            spot = SpotTickerStream(subject)
            return [self._trades[-1], spot, limits]
        ticker = TickerStream(subject)
        self._trades.append(TradeStream(listing, texts, start_ms))
        self._tickers.append(ticker)
        return [self._trades[-1], ticker, limits]

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
        self._plan()

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
            self._plan()

    def snapshot(self, topic: str, now_ns: int) -> bytes | None:
        """The first message for a new subscriber of a watched topic; None where there is none.

        It tells what the other subscribers were told last, so the next delta fits all.
        """
        return self._streams[topic].snapshot(now_ns)

    def book(self, symbol: str) -> Told:
        """A listed symbol's deepest book as its subscribers know it, so that their next delta
        follows it; as it is now, when there is no subscriber."""
        stream = self._deepest[symbol]
        if stream.topic not in self._watchers:
            stream.refresh()
        return stream.told()

    def trades(self, prints: Iterable[Print]) -> None:
        """Take trades of this category to publish with the next :meth:`advance`."""
        if not self._trades:
            return
        for one in prints:
            at = one.instrument - self._first
            direction = _direction(self._last_ticks[at], one.price_ticks, self._directions[at])
            self._last_ticks[at] = one.price_ticks
            self._directions[at] = direction
            stream, ticker = self._trades[at], self._tickers[at]
            if ticker is not None:
                ticker.direction = direction
            if stream.topic in self._watchers:
                stream.take(one, direction)

    def relaunch(self, now_ns: int) -> list[tuple[str, bytes]]:
        """The service behind the books was restarted: every watched book starts anew."""
        return [
            (topic, stream.relaunch(now_ns))
            for group in self._groups.values()
            for topic, stream in group.items()
            if isinstance(stream, BookStream)
        ]

    def freeze(self, until_ns: int) -> None:
        """Say nothing until then. What changed meanwhile is told after it, without a gap."""
        self._frozen_until_ns = until_ns
        self._plan()

    def hold(self, is_held: Callable[[str], bool] | None) -> None:
        """Let these topics say nothing from now; what changed is told when they no more are."""
        self._is_held = is_held

    def _plan(self) -> None:
        """Work out :attr:`due_ns` after a change of what is watched, told or silent."""
        due_ns = min(self._due_ns.values(), default=NEVER_NS)
        self.due_ns = Ns(max(due_ns, self._frozen_until_ns))

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
                if self._is_held is not None and self._is_held(topic):
                    continue
                frames = stream.push(now_ns)
                if frames:
                    out += [(topic, frame) for frame in frames]
        self._plan()
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
