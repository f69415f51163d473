"""The market as we see it: one book per instrument, and whether it may be believed.

A book that is missing, broken, crossed, one-sided or old has a fault, and an instrument with a
fault is not quoted. Age is counted on our own monotonic clock from the last frame received.
"""

from __future__ import annotations

from typing import Final

from mmfast._core.book import SNAPSHOT, TOP, Book, BookFrameError, BookGapError
from mmfast.engine.counters import Counters
from mmfast.engine.order import NEVER_NS
from mmfast.engine.outbox import Outbox
from mmfast.engine.quoter import Top
from mmfast.engine.rotation import Rotation
from mmfast.messages import Instrument
from mmfast.units import NS_PER_MS, NS_PER_S

BAD_FRAMES: Final = 3
"""Unreadable frames in a row after which the stream is started anew."""
EARLY_DELTAS: Final = 50
"""Deltas without a snapshot after which a new stream is asked for again."""
CROSSED_NS: Final = NS_PER_S
"""A book crossed for so long is not a moment of the market but a book gone wrong."""

NO_BOOK: Final = "no book"
GAP: Final = "book gap"
BROKEN: Final = "book frames unreadable"
CROSSED: Final = "book crossed"
ONE_SIDED: Final = "book one-sided"
STALE: Final = "book stale"
_TOP: Final = TOP | SNAPSHOT
_SNAPSHOT: Final = SNAPSHOT
_NEVER_NS: Final = NEVER_NS


class Feed:
    """One instrument's book and what is wrong with it. ``fault`` does not include age."""

    __slots__ = ("asked", "bad_frames", "book", "crossed_since_ns", "fault", "fresh", "last_ns")

    def __init__(self, book: Book) -> None:
        self.book = book
        self.fault = NO_BOOK
        self.fresh = False
        """False after the age limit was passed and until the next frame."""
        self.last_ns = 0
        self.bad_frames = 0
        self.crossed_since_ns = 0
        self.asked = False
        """A new stream was asked for and has not begun."""


class Market:
    """All books. Marks an instrument dirty when its top or its fault changes."""

    __slots__ = (
        "_counters",
        "_dirty",
        "_feeds",
        "_next_stale_ns",
        "_outbox",
        "_stale_ns",
        "instruments",
    )

    def __init__(
        self,
        instruments: tuple[Instrument, ...],
        depth: int,
        stale_book_ms: int,
        counters: Counters,
        outbox: Outbox,
        dirty: Rotation,
    ) -> None:
        self.instruments = list(instruments)
        self._feeds = [Feed(_book_of(instrument, depth)) for instrument in instruments]
        self._counters = counters
        self._outbox = outbox
        self._dirty = dirty
        self._stale_ns = stale_book_ms * NS_PER_MS
        self._next_stale_ns = _NEVER_NS

    def set_stale_ms(self, stale_book_ms: int) -> None:
        """A new age limit; every book is looked at again."""
        self._stale_ns = stale_book_ms * NS_PER_MS
        self._next_stale_ns = 0

    def on_frame(self, instrument: int, data: bytes, now_ns: int) -> None:
        """Apply one frame."""
        feed = self._feeds[instrument]
        try:
            changes = feed.book.apply(data)
        except BookGapError:
            self._on_gap(instrument, feed)
            return
        except BookFrameError:
            self._counters.book_errors += 1
            feed.bad_frames += 1
            if feed.bad_frames >= BAD_FRAMES:
                self._distrust(instrument, feed, BROKEN)
            return
        feed.last_ns = now_ns
        feed.bad_frames = 0
        if changes & _SNAPSHOT:
            feed.asked = False
        if changes & _TOP:
            self._dirty.mark(instrument)
        elif not feed.fault and feed.fresh:
            return
        self._judge(instrument, feed, now_ns)

    def reset(self, instrument: int) -> None:
        """The stream begins anew: nothing is known until its snapshot."""
        feed = self._feeds[instrument]
        feed.book.reset()
        feed.asked = False
        feed.bad_frames = 0
        self._set_fault(instrument, feed, NO_BOOK)

    def lose_all(self) -> None:
        """The public stream is gone, and every book with it."""
        for instrument in range(len(self._feeds)):
            self.reset(instrument)

    def fault(self, instrument: int, now_ns: int) -> str:
        """Why this book must not be quoted on; empty when it may."""
        feed = self._feeds[instrument]
        if feed.fault:
            return feed.fault
        return STALE if now_ns - feed.last_ns > self._stale_ns else ""

    def book(self, instrument: int) -> Book:
        """The book itself, to be read only."""
        feed = self._feeds[instrument]
        return feed.book

    def top(self, instrument: int) -> Top:
        """What a strategy sees; meaningful only without a fault."""
        book = self.book(instrument)
        return Top(book.bid_ticks, book.ask_ticks, book.mid_x2(), book.microprice_x256())

    def mid_x2_ticks(self, instrument: int) -> int:
        """Bid plus ask; 0 while a side is missing."""
        return self.book(instrument).mid_x2()

    def age_ms(self, instrument: int, now_ns: int) -> int:
        """Since the last frame; -1 without a book."""
        feed = self._feeds[instrument]
        return (now_ns - feed.last_ns) // NS_PER_MS if feed.book.valid else -1

    def mark_stale(self, now_ns: int) -> None:
        """Mark the books that have grown too old since the last look."""
        if now_ns < self._next_stale_ns:
            return
        oldest_ns = _NEVER_NS
        for instrument in range(len(self._feeds)):
            feed = self._feeds[instrument]
            if feed.fault or not feed.fresh:
                continue
            if now_ns - feed.last_ns > self._stale_ns:
                feed.fresh = False
                self._dirty.mark(instrument)
            else:
                oldest_ns = min(oldest_ns, feed.last_ns)
        self._next_stale_ns = min(oldest_ns + self._stale_ns + 1, _NEVER_NS)

    def next_stale_ns(self) -> int:
        """Before this instant no book can become stale: frames only make them younger."""
        return self._next_stale_ns

    def _judge(self, instrument: int, feed: Feed, now_ns: int) -> None:
        book = feed.book
        if not feed.fresh:
            feed.fresh = True
            self._dirty.mark(instrument)
            self._next_stale_ns = min(self._next_stale_ns, now_ns + self._stale_ns + 1)
        if book.bid_ticks == 0 or book.ask_ticks == 0:
            self._set_fault(instrument, feed, ONE_SIDED)
        elif book.bid_ticks < book.ask_ticks:
            self._set_fault(instrument, feed, "")
        elif feed.fault != CROSSED:
            feed.crossed_since_ns = now_ns
            self._set_fault(instrument, feed, CROSSED)
        elif now_ns - feed.crossed_since_ns >= CROSSED_NS:
            self._distrust(instrument, feed, CROSSED)

    def _on_gap(self, instrument: int, feed: Feed) -> None:
        """A delta that does not follow. Right after a reset it may be a last one of the old
        stream, so the snapshot is given some frames to come."""
        if feed.fault == NO_BOOK:
            feed.bad_frames += 1
            if feed.bad_frames < EARLY_DELTAS:
                return
        if feed.fault != GAP:
            self._counters.book_gaps += 1
        self._distrust(instrument, feed, GAP)

    def _distrust(self, instrument: int, feed: Feed, fault: str) -> None:
        """The book cannot mend itself: ask once for a new stream."""
        if not feed.asked:
            feed.asked = True
            self._outbox.resubscribe(instrument, fault)
        self._set_fault(instrument, feed, fault)

    def _set_fault(self, instrument: int, feed: Feed, fault: str) -> None:
        if feed.fault != fault:
            feed.fault = fault
            self._dirty.mark(instrument)


def _book_of(instrument: Instrument, depth: int) -> Book:
    return Book(
        instrument.symbol,
        depth,
        instrument.tick_decimals,
        instrument.tick_units,
        instrument.step_decimals,
        instrument.step_units,
    )
