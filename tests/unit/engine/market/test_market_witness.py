"""The book against its witness and against the venue's clock: two ways to be wrong in silence."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import MS, SECOND, make_instrument, make_params

from mmfast.engine.counters import Counters
from mmfast.engine.market.market import DISPUTED_NS, LAGGING_NS, Market
from mmfast.engine.outbox import Outbox
from mmfast.engine.rotation import Rotation
from mmfast.messages import Resubscribe

STALE_MS = 5000
LAG_MS = 500
BORN_MS = 1_700_000_000_000
"""What the venue's clock shows when ours shows 0."""


def price(ticks: int) -> str:
    return f"{ticks // 10}.{ticks % 10}"


class Desk:
    """Two instruments; ``made_ms_ago`` is how long before now the venue made a frame, and
    ``event_ms_ago`` how long before now what it tells of happened."""

    def __init__(self, **limits: Any) -> None:
        fields = {
            "stale_book_ms": STALE_MS,
            "cross_check_level1": True,
            "max_feed_lag_ms": LAG_MS,
        }
        self.counters, self.outbox, self.dirty = Counters(), Outbox(), Rotation(2)
        instruments = (make_instrument(0), make_instrument(1))
        params = make_params(2, **{**fields, **limits})
        self.market = Market(instruments, params, self.counters, self.outbox, self.dirty)
        self.market.set_venue_time(BORN_MS * MS, 0)
        self.now_ns = SECOND
        self.update = 0

    def later(self, ms: int) -> None:
        self.now_ns += ms * MS

    def frame(
        self, depth: int, kind: str, bids: str, asks: str, made_ms_ago: int, event_ms_ago: int
    ) -> bytes:
        self.update += depth > 1
        now_ms = BORN_MS + self.now_ns // MS
        return (
            f'{{"topic":"orderbook.{depth}.C00USDT","type":"{kind}","ts":{now_ms - made_ms_ago},'
            f'"data":{{"s":"C00USDT","b":{bids},"a":{asks},"u":{self.update or 1},'
            f'"seq":{self.update}}},"cts":{now_ms - event_ms_ago}}}'
        ).encode()

    def snapshot(
        self, bid: int = 99_998, ask: int = 100_002, ago: int = 0, event_ago: int | None = None
    ) -> None:
        levels = f'[["{price(bid)}","1.000"]]', f'[["{price(ask)}","1.000"]]'
        data = self.frame(50, "snapshot", *levels, ago, ago if event_ago is None else event_ago)
        self.market.on_frame(0, data, self.now_ns)

    def delta(self, bid: int, lots: str = "1.000", ago: int = 0) -> None:
        data = self.frame(50, "delta", f'[["{price(bid)}","{lots}"]]', "[]", ago, ago)
        self.market.on_frame(0, data, self.now_ns)

    def level1(self, bid: int = 99_998, ask: int = 100_002, ago: int = 0) -> None:
        levels = f'[["{price(bid)}","7.000"]]', f'[["{price(ask)}","7.000"]]'
        self.market.on_top_frame(0, self.frame(1, "snapshot", *levels, ago, 90_000), self.now_ns)

    @property
    def fault(self) -> str:
        return self.market.fault(0, self.now_ns)

    def asked(self) -> list[int]:
        return [r.instrument for r in self.outbox.take() if isinstance(r, Resubscribe)]


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.snapshot()
    return desk


# The witness.


def test_a_witness_that_agrees_keeps_a_quiet_book_alive(desk: Desk) -> None:
    for _ in range(5):
        desk.later(3_000)
        desk.level1()
        assert desk.fault == ""
    desk.later(STALE_MS + 1)
    assert desk.fault == "book stale", "until the witness falls silent too"


def test_moments_of_disagreement_are_normal(desk: Desk) -> None:
    for step in range(1, 50):
        desk.later(DISPUTED_NS // MS - 1)
        desk.level1(bid=99_998 + step % 3)
        assert desk.fault == ""
        desk.later(1)
        desk.snapshot(bid=99_998 + step % 3)
    assert desk.asked() == []
    assert desk.counters.book_disputes == 0


def test_a_book_frozen_behind_a_moving_market_is_pulled_and_started_anew(desk: Desk) -> None:
    desk.level1()
    desk.dirty.take(9)
    desk.level1(bid=99_990)
    desk.later(DISPUTED_NS // MS - 1)
    desk.level1(bid=99_991)
    assert (desk.fault, desk.dirty.take(9)) == ("", [])
    desk.later(1)
    desk.level1(bid=99_992)
    assert (desk.fault, desk.dirty.take(9)) == ("book disputed by level 1", [0])
    for _ in range(10):
        desk.later(100)
        desk.level1(bid=99_992)
    assert desk.asked() == [0], "asked once, and for this instrument only"
    assert desk.counters.book_disputes == 1
    desk.market.reset(0, desk.now_ns)
    assert desk.fault == "no book"
    desk.snapshot(bid=99_992)
    assert desk.fault == ""
    desk.level1(bid=99_992)
    assert desk.fault == ""


def test_a_witness_that_has_stopped_while_the_book_moves_is_a_dispute_too(desk: Desk) -> None:
    desk.level1()
    for step in range(20):
        desk.later(100)
        desk.delta(bid=99_999 + step % 2)
    assert desk.fault == "book disputed by level 1"
    assert desk.asked() == [0]


def test_a_dispute_ends_when_they_agree_again(desk: Desk) -> None:
    desk.level1(bid=99_990)
    desk.later(DISPUTED_NS // MS)
    desk.level1(bid=99_990)
    assert desk.fault == "book disputed by level 1"
    desk.dirty.take(9)
    desk.level1()
    assert desk.fault == ""
    assert desk.dirty.take(9) == [0]


def test_before_the_snapshot_the_witness_proves_nothing() -> None:
    desk = Desk()
    for _ in range(5):
        desk.level1()
        desk.later(1_000)
    assert desk.fault == "no book"
    assert desk.asked() == []


def test_an_unreadable_witness_changes_nothing(desk: Desk) -> None:
    desk.market.on_top_frame(0, b'{"topic":"orderbook.1.C00USDT"', desk.now_ns)
    assert desk.fault == ""
    assert desk.counters.book_errors == 1


def test_without_the_option_the_witness_is_not_heard() -> None:
    desk = Desk(cross_check_level1=False)
    desk.snapshot()
    for _ in range(30):
        desk.level1(bid=90_000)
        desk.later(100)
    assert desk.fault == ""


# The venue's clock.


def test_a_feed_that_brings_old_news_is_pulled_though_frames_keep_coming(desk: Desk) -> None:
    desk.dirty.take(9)
    desk.later(100)
    desk.delta(99_998, "2.000", ago=LAG_MS)
    assert desk.fault == ""
    desk.delta(99_998, "3.000", ago=LAG_MS + 1)
    assert desk.fault == "book late"
    assert desk.dirty.take(9) == [0]
    desk.delta(99_990, ago=LAG_MS + 1)
    assert desk.fault == "book late"
    desk.delta(99_990, "2.000", ago=3)
    assert desk.fault == "", "even a delta far from the top shows that the feed has caught up"
    assert desk.dirty.take(9) == [0]
    assert desk.counters.book_lags == 1
    assert desk.asked() == []


def test_lateness_is_found_by_frames_that_leave_the_top_alone(desk: Desk) -> None:
    desk.dirty.take(9)
    desk.later(100)
    desk.delta(99_000, ago=2 * LAG_MS)
    assert desk.fault == "book late"
    assert desk.dirty.take(9) == [0]


def test_a_feed_that_stays_late_is_started_anew_once(desk: Desk) -> None:
    for _ in range(3 * LAGGING_NS // SECOND):
        desk.later(1_000)
        desk.delta(99_990, ago=2 * LAG_MS)
    assert desk.asked() == [0]


def test_a_snapshot_of_a_book_that_has_stood_still_is_not_late() -> None:
    desk = Desk()
    desk.snapshot(ago=10, event_ago=3_600_000)
    assert desk.fault == ""
    desk.snapshot(ago=LAG_MS + 1)
    assert desk.fault == "book late"


def test_an_agreeing_witness_ends_lateness_and_a_late_one_proves_nothing(desk: Desk) -> None:
    desk.later(100)
    desk.delta(99_000, ago=2 * LAG_MS)
    desk.level1(ago=2 * LAG_MS)
    assert desk.fault == "book late"
    desk.level1(ago=5)
    assert desk.fault == ""


def test_what_is_not_known_of_the_clock_is_held_in_favour_of_the_feed() -> None:
    desk = Desk()
    desk.market.set_venue_time(BORN_MS * MS, 40 * MS)
    desk.snapshot(ago=LAG_MS + 40)
    assert desk.fault == ""
    desk.snapshot(ago=LAG_MS + 41)
    assert desk.fault == "book late"


def test_a_frame_from_the_future_is_not_late(desk: Desk) -> None:
    desk.delta(99_998, "2.000", ago=-10_000)
    assert desk.fault == ""


@pytest.mark.parametrize("untold", [True, False])
def test_without_a_clock_or_a_limit_nothing_is_late(untold: bool) -> None:
    desk = Desk() if untold else Desk(max_feed_lag_ms=0)
    if untold:
        params = make_params(2, max_feed_lag_ms=LAG_MS)
        parts = (desk.counters, desk.outbox, desk.dirty)
        desk.market = Market(tuple(desk.market.instruments), params, *parts)
    desk.snapshot(ago=10**9)
    assert desk.fault == ""
