"""The market: a book that cannot be believed is never quoted on, and mends itself."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from engine_world import MS, SECOND, book_frame, make_instrument, make_params

from mmfast.engine.counters import Counters
from mmfast.engine.market.market import BAD_FRAMES, CROSSED_NS, EARLY_DELTAS, SNAPSHOT_NS, Market
from mmfast.engine.outbox import Outbox
from mmfast.engine.rotation import Rotation
from mmfast.messages import Resubscribe

STALE_MS = 1000


def delta(update: int, bid: str = "9999.9", size: str = "1.000", symbol: str = "C00USDT") -> bytes:
    return (
        f'{{"topic":"orderbook.50.{symbol}","type":"delta","ts":1700000000000,'
        f'"data":{{"s":"{symbol}","b":[["{bid}","{size}"]],"a":[],"u":{update},"seq":{update}}},'
        f'"cts":1700000000000}}'
    ).encode()


class Desk:
    def __init__(self, **limits: Any) -> None:
        self.counters, self.outbox, self.dirty = Counters(), Outbox(), Rotation(2)
        instruments = (make_instrument(0), make_instrument(1))
        params = make_params(2, stale_book_ms=STALE_MS, **limits)
        self.market = Market(instruments, params, self.counters, self.outbox, self.dirty)
        self.now_ns = SECOND

    def frame(self, data: bytes, later_ms: int = 1) -> list[int]:
        """Feed instrument 0; returns what became dirty."""
        self.now_ns += later_ms * MS
        self.market.on_frame(0, data, self.now_ns)
        return self.dirty.take(9)

    def snapshot(self, bid: int = 99_998, ask: int = 100_002, update: int = 1) -> list[int]:
        return self.frame(book_frame("C00USDT", bid, ask, update))

    @property
    def fault(self) -> str:
        return self.market.fault(0, self.now_ns)

    def asked(self) -> list[int]:
        return [r.instrument for r in self.outbox.take() if isinstance(r, Resubscribe)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_snapshot_makes_an_instrument_quotable(desk: Desk) -> None:
    assert desk.fault == "no book"
    assert desk.snapshot() == [0]
    assert desk.fault == ""
    top = desk.market.top(0)
    assert (top.bid_ticks, top.ask_ticks, top.mid_x2_ticks) == (99_998, 100_002, 200_000)
    assert desk.market.fault(1, desk.now_ns) == "no book"


def test_only_a_change_of_the_top_makes_dirty(desk: Desk) -> None:
    desk.snapshot()
    assert desk.frame(delta(2, "9990.0")) == []
    assert desk.frame(delta(3, "9999.9")) == [0]


def test_a_gap_drops_the_book_and_asks_once(desk: Desk) -> None:
    desk.snapshot()
    assert desk.frame(delta(3)) == [0]
    assert desk.fault == "book gap"
    desk.frame(delta(4))
    assert desk.asked() == [0]
    assert desk.counters.book_gaps == 1
    desk.market.reset(0, desk.now_ns)
    desk.snapshot(update=10)
    assert desk.fault == ""


def test_a_new_gap_after_a_new_book_asks_again(desk: Desk) -> None:
    for update in (1, 10):
        desk.snapshot(update=update)
        desk.frame(delta(update + 5))
        assert desk.asked() == [0]


def test_last_deltas_of_the_old_stream_do_not_restart_the_new_one(desk: Desk) -> None:
    desk.market.reset(0, desk.now_ns)
    for update in range(EARLY_DELTAS - 1):
        desk.frame(delta(100 + update))
    assert desk.asked() == []
    desk.frame(delta(300))
    assert desk.asked() == [0], "but a stream that never brings its snapshot is"


def test_unreadable_frames_are_survived_and_several_distrusted(desk: Desk) -> None:
    desk.snapshot()
    for n in range(1, BAD_FRAMES + 1):
        desk.frame(b'{"topic":"orderbook.50.C00USDT","type":"junk"}')
        assert (desk.fault != "") == (n == BAD_FRAMES)
    assert desk.asked() == [0]
    assert desk.counters.book_errors == BAD_FRAMES


def test_a_book_of_another_symbol_is_refused(desk: Desk) -> None:
    desk.frame(book_frame("C01USDT", 1, 2))
    assert desk.fault == "no book"
    assert desk.counters.book_errors == 1


def test_crossed_and_one_sided_books_pull_until_they_are_sound(desk: Desk) -> None:
    desk.snapshot(100_002, 99_998)
    assert desk.fault == "book crossed"
    desk.snapshot(99_998, 0, update=2)
    assert desk.fault == "book one-sided"
    desk.snapshot(update=3)
    assert desk.fault == ""
    assert desk.asked() == []


def test_a_book_that_stays_crossed_is_started_anew(desk: Desk) -> None:
    desk.snapshot(100_002, 99_998)
    desk.frame(delta(2, "10000.1"), later_ms=CROSSED_NS // MS - 1)
    assert desk.asked() == []
    desk.frame(delta(3, "10000.1", "2.000"), later_ms=1)
    desk.frame(delta(4, "10000.1"), later_ms=5)
    assert desk.asked() == [0]


def test_age_is_counted_from_the_last_frame(desk: Desk) -> None:
    desk.snapshot()
    desk.frame(delta(2, "9990.0"), later_ms=STALE_MS - 1)
    born_ns = desk.now_ns
    assert desk.market.fault(0, born_ns + STALE_MS * MS) == ""
    assert desk.market.fault(0, born_ns + STALE_MS * MS + 1) == "book stale"
    assert desk.market.age_ms(0, born_ns + 5 * MS) == 5
    assert desk.market.age_ms(1, born_ns) == -1


def test_growing_stale_makes_dirty_once_and_a_frame_makes_fresh_again(desk: Desk) -> None:
    desk.snapshot()
    stale_ns = desk.now_ns + STALE_MS * MS + 1
    assert desk.market.next_look_ns() == stale_ns
    desk.market.look(stale_ns - 1)
    assert desk.dirty.take(9) == []
    desk.market.look(stale_ns)
    desk.market.look(stale_ns)
    assert desk.dirty.take(9) == [0]
    assert desk.frame(delta(2, "9990.0"), later_ms=STALE_MS + 5) == [0], "quotable again"
    assert desk.fault == ""


def test_the_stale_alarm_is_never_late(desk: Desk) -> None:
    """Whatever the frames do, the instant given lies before the first book that grows stale."""
    desk.snapshot()
    ages = [300, 300, 300, 999, 1]
    instants = []
    for update, age in enumerate(ages, start=2):
        desk.frame(delta(update, "9990.0"), later_ms=age)
        desk.market.look(desk.now_ns)
        instants.append(desk.market.next_look_ns())
        assert instants[-1] <= desk.now_ns + STALE_MS * MS + 1
    assert all(a <= b for a, b in pairwise(instants))


def test_losing_the_public_stream_loses_every_book(desk: Desk) -> None:
    desk.snapshot()
    desk.market.lose_all()
    assert desk.fault == "no book"
    assert desk.dirty.take(9) == [0]
    assert desk.market.mid_x2_ticks(0) == 0


def test_a_snapshot_that_does_not_come_is_asked_for_again_and_again(desk: Desk) -> None:
    """A subscription can be acknowledged and its snapshot lost, in a market that stands still."""
    desk.market.stream_up(desk.now_ns)
    for _ in range(3):
        due_ns = desk.market.next_look_ns()
        assert due_ns == desk.now_ns + SNAPSHOT_NS
        desk.market.look(due_ns - 1)
        assert desk.asked() == []
        desk.market.look(due_ns)
        assert desk.asked() == [0, 1]
        desk.now_ns = due_ns
    desk.snapshot()
    desk.market.look(desk.now_ns + SNAPSHOT_NS)
    assert desk.asked() == [1]


def test_a_book_that_was_asked_for_anew_is_waited_for_in_the_same_way(desk: Desk) -> None:
    desk.market.stream_up(desk.now_ns)
    desk.snapshot()
    desk.market.reset(0, desk.now_ns)
    desk.market.look(desk.now_ns + SNAPSHOT_NS)
    assert 0 in desk.asked()


def test_no_snapshot_is_due_while_the_stream_is_down(desk: Desk) -> None:
    desk.market.stream_up(desk.now_ns)
    desk.market.lose_all()
    desk.market.look(desk.now_ns + 10 * SNAPSHOT_NS)
    assert desk.asked() == []
