"""One order book topic: the window last told, and the message that tells the next one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from mmfast.messages import Category, Instrument, Side
from mmfast.sim.instruments.figures import Figures
from mmfast.sim.seams import BookView
from mmfast.units import NS_PER_MS, NS_PER_S

_FUTURES_NS: Final = {
    1: 10 * NS_PER_MS,
    50: 20 * NS_PER_MS,
    200: 100 * NS_PER_MS,
    1000: 200 * NS_PER_MS,
}
#: Depths of each category and how often each is told (venue documents of the book streams).
INTERVALS_NS: Final[dict[Category, dict[int, int]]] = {
    Category.LINEAR: _FUTURES_NS,
    Category.INVERSE: _FUTURES_NS,
    Category.SPOT: _FUTURES_NS,
    Category.OPTION: {25: 20 * NS_PER_MS, 100: 100 * NS_PER_MS},
}

#: An unchanged best bid and ask is told again after so long, with the same ``u``.
REPEAT_NS: Final = 3 * NS_PER_S

#: Update ids start high: ``u`` = 1 means "the service restarted" on this venue.
_FIRST_UPDATE_ID: Final = 1_000_000

#: Texts kept per instrument; prices wander, so the cache is emptied when it is full.
_MAX_TEXTS: Final = 16_384


class LevelTexts:
    """Prices and sizes of one instrument as the venue prints them, cached."""

    __slots__ = ("_figures", "_prices", "_sizes")

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._prices: dict[int, str] = {}
        self._sizes: dict[int, str] = {0: "0"}

    def price(self, ticks: int) -> str:
        """``ticks`` as decimal text."""
        text = self._prices.get(ticks)
        if text is None:
            if len(self._prices) >= _MAX_TEXTS:
                self._prices.clear()
            text = self._prices[ticks] = self._figures.price(ticks)
        return text

    def size(self, lots: int) -> str:
        """``lots`` as decimal text; plain ``0`` for none, which is how a level is deleted."""
        text = self._sizes.get(lots)
        if text is None:
            if len(self._sizes) >= _MAX_TEXTS:
                self._sizes = {0: "0"}
            text = self._sizes[lots] = self._figures.qty(lots)
        return text

    def rows(self, levels: list[tuple[int, int]]) -> str:
        """``["price","size"],...`` in the order given."""
        price, size = self.price, self.size
        return ",".join([f'["{price(ticks)}","{size(lots)}"]' for ticks, lots in levels])


def changed_levels(old: dict[int, int], new: dict[int, int], side: Side) -> list[tuple[int, int]]:
    """Levels that turn ``old`` into ``new``, best first; a level that left has 0 lots."""
    if old == new:
        return []
    rows = [(ticks, lots) for ticks, lots in new.items() if old.get(ticks) != lots]
    rows += [(ticks, 0) for ticks in old if ticks not in new]
    rows.sort(reverse=side is Side.BUY)
    return rows


class Told(NamedTuple):
    """A window as subscribers know it: levels best first, and what dates it."""

    bids: Sequence[tuple[int, int]]
    asks: Sequence[tuple[int, int]]
    update_id: int
    seq: int
    cts_ms: int


class BookStream:
    """``orderbook.{depth}.{symbol}`` for depths that send a snapshot and then deltas.

    All subscribers share one window and one counter ``u``: a late one gets a snapshot of the
    window *last told*, so that the next delta follows for everybody.
    """

    __slots__ = (
        "_asks",
        "_bids",
        "_book",
        "_cts_ms",
        "_depth",
        "_is_ts_first",
        "_seq",
        "_start_ms",
        "_symbol",
        "_texts",
        "_update_id",
        "_versions",
        "interval_ns",
        "topic",
    )

    def __init__(
        self, instrument: Instrument, depth: int, book: BookView, texts: LevelTexts, start_ms: int
    ) -> None:
        self._symbol = instrument.symbol
        self.topic = f"orderbook.{depth}.{self._symbol}"
        self.interval_ns = INTERVALS_NS[instrument.category][depth]
        # Level 1, and spot at any depth, write ``ts`` before ``type``; the others after it.
        self._is_ts_first = depth == 1 or instrument.category is Category.SPOT
        self._depth = depth
        self._book = book
        self._texts = texts
        self._start_ms = start_ms
        self._update_id = _FIRST_UPDATE_ID
        self._versions = (-1, -1)
        """Of bids and asks, as they were looked at last."""
        self._seq = 0
        self._cts_ms = 0
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}

    def restart(self) -> None:
        """Take the book as it is: the first subscriber is about to get a snapshot."""
        self._take()

    def snapshot(self, now_ns: int) -> bytes:
        """The window last told, for one new subscriber."""
        bids, asks = self._levels()
        return self._frame("snapshot", now_ns, bids, asks)

    def push(self, now_ns: int) -> list[bytes]:
        """The delta since the last message; nothing when the window is as it was told."""
        versions = self._now()
        if versions == self._versions:
            return []
        (bids_seen, asks_seen), self._versions = self._versions, versions
        bid_rows = self._changes(Side.BUY, self._bids, bids_seen)
        ask_rows = self._changes(Side.SELL, self._asks, asks_seen)
        if not bid_rows and not ask_rows:
            return []
        self._date()
        return [self._frame("delta", now_ns, bid_rows, ask_rows)]

    def _changes(self, side: Side, told: dict[int, int], seen: int) -> list[tuple[int, int]]:
        """What turns the levels told into those of now, best first; they are told by that."""
        # A side with fewer levels than the window is told whole: only what was touched can
        # differ. Else a level may come into the window or leave it without being touched.
        touched = self._book.touched(side, seen) if len(told) < self._depth else None
        if touched is not None and len(told) + len(touched) <= self._depth:
            rows = [(ticks, lots) for ticks, lots in touched.items() if told.get(ticks, 0) != lots]
            rows.sort(reverse=side is Side.BUY)
        else:
            rows = changed_levels(told, self._book.window(side, self._depth), side)
        for ticks, lots in rows:
            if lots:
                told[ticks] = lots
            else:
                del told[ticks]
        return rows

    def relaunch(self, now_ns: int) -> bytes:
        """The service behind it was restarted: a snapshot with ``u`` = 1, for everybody."""
        self._update_id = 0
        self._take()
        return self.snapshot(now_ns)

    def refresh(self) -> None:
        """Take the book as it is, if it changed; only while nobody is told of changes."""
        if self._now() != self._versions:
            self._take()

    def told(self) -> Told:
        """The window last told."""
        bids, asks = self._levels()
        return Told(bids, asks, self._update_id, self._seq, self._cts_ms)

    def _take(self) -> None:
        self._versions = self._now()
        self._adopt(*self._window())

    def _now(self) -> tuple[int, int]:
        book = self._book
        return book.side_version(Side.BUY), book.side_version(Side.SELL)

    def _window(self) -> tuple[dict[int, int], dict[int, int]]:
        window, depth = self._book.window, self._depth
        return window(Side.BUY, depth), window(Side.SELL, depth)

    def _levels(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """The window last told, each side from the best outwards."""
        return sorted(self._bids.items(), reverse=True), sorted(self._asks.items())

    def _adopt(self, bids: dict[int, int], asks: dict[int, int]) -> None:
        self._bids, self._asks = bids, asks
        self._date()

    def _date(self) -> None:
        """One more message: its number, and the times of the book it tells."""
        self._update_id += 1
        self._seq = self._book.seq
        self._cts_ms = self._book.changed_ms

    def _frame(
        self, kind: str, now_ns: int, bids: list[tuple[int, int]], asks: list[tuple[int, int]]
    ) -> bytes:
        rows, ts_ms = self._texts.rows, self._start_ms + now_ns // NS_PER_MS
        if self._is_ts_first:
            head = f'"ts":{ts_ms},"type":"{kind}"'
        else:
            head = f'"type":"{kind}","ts":{ts_ms}'
        return (
            f'{{"topic":"{self.topic}",{head},'
            f'"data":{{"s":"{self._symbol}","b":[{rows(bids)}],"a":[{rows(asks)}],'
            f'"u":{self._update_id},"seq":{self._seq}}},"cts":{self._cts_ms}}}'
        ).encode()


class TopStream(BookStream):
    """``orderbook.1.{symbol}``: snapshots only, repeated with the same ``u`` after 3 s."""

    __slots__ = ("_told_ns",)

    def __init__(
        self, instrument: Instrument, book: BookView, texts: LevelTexts, start_ms: int
    ) -> None:
        super().__init__(instrument, 1, book, texts, start_ms)
        self._told_ns = -1

    def restart(self) -> None:
        """Take the top as it is; the first snapshot starts the three seconds."""
        super().restart()
        self._told_ns = -1

    def snapshot(self, now_ns: int) -> bytes:
        """The top last told. A later subscriber does not delay the repeat of the others."""
        if self._told_ns < 0:
            self._told_ns = now_ns
        return super().snapshot(now_ns)

    def push(self, now_ns: int) -> list[bytes]:
        """The top when it changed, or when it was not told for three seconds."""
        changed = False
        versions = self._now()
        if versions != self._versions:
            self._versions = versions
            bids, asks = self._window()
            changed = bids != self._bids or asks != self._asks
            if changed:
                self._adopt(bids, asks)
        if not changed and now_ns - self._told_ns < REPEAT_NS:
            return []
        self._told_ns = now_ns
        return [self._frame("snapshot", now_ns, *self._levels())]
