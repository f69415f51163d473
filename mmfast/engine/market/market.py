"""The market as we see it: one book per instrument, and whether it may be believed.

A book that is missing, broken, crossed, one-sided, old, late or disputed has a fault, and an
instrument with a fault is not quoted. Age is counted on our own monotonic clock from the last
frame received; lateness by the venue's clock, from when a frame was made to when it came, because
a feed may bring old news without ever falling silent. The witness of a book is the level-1
stream: its frames come every few seconds even in a market that stands still, so a deep book that
agrees with it is alive, and one that keeps disagreeing has gone wrong unnoticed.
"""

from __future__ import annotations

from typing import Final

from mmfast._core.book import REPEAT, SNAPSHOT, TOP, Book, BookError, BookFrameError, BookGapError
from mmfast.engine.counters import Counters
from mmfast.engine.market.drift import Drift, DriftLimit
from mmfast.engine.market.references import References
from mmfast.engine.market.rough import Rough, Units, common, divides, units_of
from mmfast.engine.market.top import Top
from mmfast.engine.outbox import Outbox
from mmfast.engine.params import EngineParams
from mmfast.engine.rotation import Rotation
from mmfast.messages import Instrument, Severity
from mmfast.units import NEVER_NS, NS_PER_MS, NS_PER_S

BAD_FRAMES: Final = 3
"""Unreadable frames in a row after which the stream is started anew."""
EARLY_DELTAS: Final = 50
"""Deltas without a snapshot after which a new stream is asked for again."""
CROSSED_NS: Final = NS_PER_S
"""A book crossed for so long is not a moment of the market but a book gone wrong."""
DISPUTED_NS: Final = NS_PER_S
"""Book and witness are sent at different paces, so their best prices differ for moments; never
for so long."""
SNAPSHOT_NS: Final = 5 * NS_PER_S
"""A snapshot comes at once with its subscription; by then it is lost, and asked for again."""
LAGGING_NS: Final = 10 * NS_PER_S
"""A feed late for so long may be mended by a new stream; asking sooner would add to its load."""

NO_BOOK: Final = "no book"
GAP: Final = "book gap"
BROKEN: Final = "book frames unreadable"
CROSSED: Final = "book crossed"
ONE_SIDED: Final = "book one-sided"
STALE: Final = "book stale"
LAGGING: Final = "book late"
DISPUTED: Final = "book disputed by level 1"
DRIFTED: Final = "price moved too far too fast"

_PATIENCE_NS: Final = {CROSSED: CROSSED_NS, LAGGING: LAGGING_NS, DISPUTED: 0}
"""How long a book may be wrong in each way before its stream is started anew."""
_UNKNOWN: Final = (NO_BOOK, GAP, BROKEN)
"""Faults that only a snapshot ends."""
_TOP: Final = TOP | SNAPSHOT
_SNAPSHOT: Final = SNAPSHOT
_NEVER_NS: Final = NEVER_NS
_REPEAT: Final = SNAPSHOT | REPEAT
_NO_OFFSET_NS: Final = -NEVER_NS
_DISPUTED_NS: Final = DISPUTED_NS
_SNAPSHOT_NS: Final = SNAPSHOT_NS
_MS: Final = NS_PER_MS


class Feed:
    """One instrument's book and what is wrong with it. ``fault`` does not include age."""

    __slots__ = (
        "asked",
        "bad_frames",
        "book",
        "differs_since_ns",
        "drift",
        "due_ns",
        "fault",
        "fresh",
        "lags",
        "last_ns",
        "rough",
        "witness",
        "wrong_since_ns",
    )

    def __init__(self, instrument: Instrument, params: EngineParams) -> None:
        self.take_grid(instrument, params, units_of(instrument))
        self.fault = NO_BOOK
        self.fresh = False
        """False after the age limit was passed and until the next frame."""
        self.last_ns = 0
        self.bad_frames = 0
        self.lags = False
        self.wrong_since_ns = 0
        """Since when the present fault has lasted."""
        self.differs_since_ns = 0
        """Since when the witness has named other prices; 0 while it agrees."""
        self.asked = False
        """A new stream was asked for and has not begun."""
        self.drift = Drift()
        self.due_ns = _NEVER_NS
        """When a snapshot that has not come is asked for again."""

    def take_grid(self, instrument: Instrument, params: EngineParams, fine: Units) -> None:
        """Empty books in the units of the instrument; frames may tell of the units ``fine``."""
        symbol, depth, units = instrument.symbol, params.book_depth, units_of(instrument)
        self.book = Book(symbol, depth, *units)
        self.witness = Book(symbol, 1, *units) if params.cross_check_level1 else None
        self.rough = Rough(symbol, depth, fine, units) if divides(fine, units) else None


class Market:
    """All books. Marks an instrument dirty when its top or its fault changes."""

    __slots__ = (
        "_counters",
        "_dirty",
        "_drift",
        "_feeds",
        "_finest",
        "_looked_ns",
        "_max_lag_ns",
        "_next_look_ns",
        "_outbox",
        "_stale_ns",
        "_venue_offset_ns",
        "instruments",
        "references",
    )

    def __init__(
        self,
        instruments: tuple[Instrument, ...],
        params: EngineParams,
        counters: Counters,
        outbox: Outbox,
        dirty: Rotation,
    ) -> None:
        self.instruments = list(instruments)
        self._feeds = [Feed(instrument, params) for instrument in instruments]
        self._finest = [units_of(instrument) for instrument in instruments]
        self._counters = counters
        self._outbox = outbox
        self._dirty = dirty
        self._venue_offset_ns = _NO_OFFSET_NS
        self._drift = DriftLimit(params)
        self.references = References(len(instruments), params)
        self.set_limits(params)
        self._looked_ns = 0
        self._next_look_ns = _NEVER_NS

    def set_limits(self, params: EngineParams) -> None:
        """New limits of age, lateness and drift; every book is looked at again."""
        self._drift.set_limits(params)
        self.references.set_limit(params)
        self._stale_ns = params.stale_book_ms * NS_PER_MS
        self._max_lag_ns = params.max_feed_lag_ms * NS_PER_MS or _NEVER_NS
        self._next_look_ns = 0

    def set_venue_time(self, offset_ns: int, doubt_ns: int) -> None:
        """What the venue's clock shows beyond ours; until told, no frame is late. In doubt a
        frame is younger, so that a bad measurement pulls no quote."""
        self._venue_offset_ns = offset_ns - doubt_ns

    def on_frame(self, instrument: int, data: bytes, now_ns: int) -> None:
        """Apply one frame."""
        feed = self._feeds[instrument]
        try:
            changes = feed.rough.apply(feed.book, data) if feed.rough else feed.book.apply(data)
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
        feed.lags = self._is_late(feed.book, changes, now_ns)
        if changes & _SNAPSHOT:
            feed.asked = False
            feed.due_ns = _NEVER_NS
        if changes & _TOP:
            self._dirty.mark(instrument)
            self._compare(feed, now_ns)
        elif not (feed.fault or feed.lags or feed.differs_since_ns) and feed.fresh:
            return
        self._judge(instrument, feed, now_ns)
        if changes & _TOP and not feed.fault:
            self._watch_drift(instrument, feed, now_ns)

    def on_top_frame(self, instrument: int, data: bytes, now_ns: int) -> None:
        """Hear the witness. Where it agrees, the book is known to be right at this moment."""
        feed = self._feeds[instrument]
        witness = feed.witness
        if witness is None:
            return
        try:
            changes = feed.rough.apply_top(witness, data) if feed.rough else witness.apply(data)
        except BookError:
            self._counters.book_errors += 1
            return
        if feed.fault in _UNKNOWN or self._is_late(witness, changes, now_ns):
            return
        self._compare(feed, now_ns)
        if feed.differs_since_ns == 0:
            feed.last_ns = now_ns
            feed.lags = False
        if feed.fault or not feed.fresh or feed.differs_since_ns:
            self._judge(instrument, feed, now_ns)

    def on_reference(self, instrument: int, ticks: int, now_ns: int) -> None:
        """Hear the second reference; where none was known, quotes were kept back."""
        if self.references.tell(instrument, ticks, now_ns):
            self._dirty.mark(instrument)

    def reset(self, instrument: int, now_ns: int) -> None:
        """The stream begins anew: nothing is known until its snapshot."""
        self._forget(instrument)
        self._await(self._feeds[instrument], now_ns)

    def regrid(self, instrument: Instrument, params: EngineParams) -> None:
        """Take filters with another grid: nothing counted in the old one is known any more."""
        index, units = instrument.index, units_of(instrument)
        self._finest[index] = common(self._finest[index], units)
        self.instruments[index] = instrument
        self._forget(index)
        self._feeds[index].take_grid(instrument, params, self._finest[index])
        self.references.forget(index)

    def stream_up(self, now_ns: int) -> None:
        """The public stream is there: every book that is not must come."""
        for feed in self._feeds:
            if feed.fault in _UNKNOWN:
                self._await(feed, now_ns)

    def lose_all(self) -> None:
        """The public stream is gone, and every book and reference with it."""
        self.references.forget_all()
        for instrument in range(len(self._feeds)):
            self._forget(instrument)

    def _forget(self, instrument: int) -> None:
        feed = self._feeds[instrument]
        feed.due_ns = _NEVER_NS
        feed.book.reset()
        if feed.rough is not None:
            feed.rough.reset()
        feed.drift.forget()
        feed.asked = False
        feed.bad_frames = 0
        feed.differs_since_ns = 0
        if feed.witness is not None:
            feed.witness.reset()
        self._set_fault(instrument, feed, NO_BOOK)

    def _await(self, feed: Feed, now_ns: int) -> None:
        """A snapshot is on its way."""
        feed.due_ns = now_ns + _SNAPSHOT_NS
        self._next_look_ns = min(self._next_look_ns, feed.due_ns)

    def fault(self, instrument: int, now_ns: int) -> str:
        """Why this book must not be quoted on; empty when it may."""
        feed = self._feeds[instrument]
        if feed.fault:
            return feed.fault
        if now_ns < feed.drift.paused_until_ns:
            return DRIFTED
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

    def age_ns(self, instrument: int, now_ns: int) -> int:
        """Since the last frame."""
        feed = self._feeds[instrument]
        return now_ns - feed.last_ns

    def stale_ns(self) -> int:
        """The age at which a book is quoted on no more."""
        return self._stale_ns

    def age_ms(self, instrument: int, now_ns: int) -> int:
        """Since the last frame; -1 without a book."""
        feed = self._feeds[instrument]
        return (now_ns - feed.last_ns) // NS_PER_MS if feed.book.valid else -1

    def look(self, now_ns: int) -> None:
        """Mark the books that have grown too old since the last look, and ask again for those
        that should have come."""
        if now_ns < self._next_look_ns:
            return
        oldest_ns = due_ns = _NEVER_NS
        for instrument in range(len(self._feeds)):
            feed = self._feeds[instrument]
            if feed.due_ns <= now_ns:
                feed.due_ns = now_ns + _SNAPSHOT_NS
                self._outbox.resubscribe(instrument, NO_BOOK)
            due_ns = min(due_ns, feed.due_ns)
            if feed.drift.paused_until_ns > now_ns:
                due_ns = min(due_ns, feed.drift.paused_until_ns)
            elif feed.drift.paused_until_ns > self._looked_ns:
                self._dirty.mark(instrument)
            if feed.fault or not feed.fresh:
                continue
            if now_ns - feed.last_ns > self._stale_ns:
                feed.fresh = False
                self._dirty.mark(instrument)
            else:
                oldest_ns = min(oldest_ns, feed.last_ns)
        self._looked_ns = now_ns
        self._next_look_ns = min(oldest_ns + self._stale_ns + 1, due_ns)

    def next_look_ns(self) -> int:
        """Before this instant no book can become stale or overdue."""
        return self._next_look_ns

    def _judge(self, instrument: int, feed: Feed, now_ns: int) -> None:
        book = feed.book
        if not feed.fresh:
            feed.fresh = True
            self._dirty.mark(instrument)
            self._next_look_ns = min(self._next_look_ns, now_ns + self._stale_ns + 1)
        fault = ""
        if book.bid_ticks == 0 or book.ask_ticks == 0:
            fault = ONE_SIDED
        elif book.bid_ticks >= book.ask_ticks:
            fault = CROSSED
        elif feed.lags:
            fault = LAGGING
        elif feed.differs_since_ns and now_ns - feed.differs_since_ns >= _DISPUTED_NS:
            fault = DISPUTED
        if fault != feed.fault:
            feed.wrong_since_ns = now_ns
            self._counters.book_lags += fault == LAGGING
            self._counters.book_disputes += fault == DISPUTED
            self._set_fault(instrument, feed, fault)
        patience_ns = _PATIENCE_NS.get(fault, _NEVER_NS)
        if now_ns - feed.wrong_since_ns >= patience_ns:
            self._distrust(instrument, feed, fault)

    def _watch_drift(self, instrument: int, feed: Feed, now_ns: int) -> None:
        if not feed.drift.too_far(feed.book.mid_x2(), now_ns, self._drift):
            return
        self._dirty.mark(instrument)
        self._next_look_ns = min(self._next_look_ns, feed.drift.paused_until_ns)
        symbol = self.instruments[instrument].symbol
        self._outbox.alert(Severity.WARNING, "drift", f"{symbol}: {DRIFTED}")

    def _compare(self, feed: Feed, now_ns: int) -> None:
        """Note since when book and witness have named different best prices; sizes may differ."""
        book, witness = feed.book, feed.witness
        if witness is None or not witness.valid:
            return
        if book.bid_ticks == witness.bid_ticks and book.ask_ticks == witness.ask_ticks:
            feed.differs_since_ns = 0
        elif feed.differs_since_ns == 0:
            feed.differs_since_ns = now_ns

    def _is_late(self, book: Book, changes: int, now_ns: int) -> bool:
        """A delta is as old as the event it tells of; a snapshot only as old as its making,
        since what it shows may have stood for hours."""
        made_ms = book.ts_ms if changes & _REPEAT else book.cts_ms or book.ts_ms
        return now_ns + self._venue_offset_ns - made_ms * _MS > self._max_lag_ns

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
