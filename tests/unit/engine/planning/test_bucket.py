"""One budget, and another client that spends from it: noticed by the venue's count, allowed for."""

from __future__ import annotations

import pytest
from engine_world import MS, SECOND
from hypothesis import given
from hypothesis import strategies as st
from kernel_desk import Desk, ops

from mmfast.engine.params import BatchParams, PlannerParams
from mmfast.engine.planning.bucket import DOUBT_NS, OTHERS_NS, Bucket
from mmfast.messages import Alert, RateInfo

LIMIT = 20


def told(bucket: Bucket, left: int, now_ns: int, sent_ns: int | None = None) -> int:
    sent_ns = now_ns if sent_ns is None else sent_ns
    return bucket.learn(RateInfo(LIMIT, left, -1), sent_ns, now_ns)


def spent(bucket: Bucket, orders: int, now_ns: int) -> None:
    bucket.spend(orders)
    bucket.settle(orders, 0, now_ns)


def test_what_our_own_sending_explains_is_nobody_elses() -> None:
    bucket = Bucket(LIMIT, 100)
    spent(bucket, 6, 0)
    assert told(bucket, LIMIT - 6, 0) == 0
    bucket.spend(4)
    assert told(bucket, LIMIT - 10, MS) == 0, "in flight, and counted already"
    assert told(bucket, LIMIT - 6, MS) == 0, "or not yet"
    assert bucket.left(MS) == LIMIT - 10


def test_another_client_is_left_as_much_as_it_used_for_ten_seconds() -> None:
    bucket = Bucket(LIMIT, 100)
    spent(bucket, 2, 0)
    assert told(bucket, LIMIT - 5, 0) == 0, "this may be a mistake of the venue's"
    assert bucket.left(0) == LIMIT - 5, "the three are counted once"
    assert told(bucket, LIMIT - 3, SECOND) == 3, "but not twice"
    assert bucket.left(2 * SECOND) == LIMIT - 3, "and expected again"
    assert bucket.left(SECOND + OTHERS_NS - 1) == LIMIT - 3
    assert bucket.left(SECOND + OTHERS_NS) == LIMIT, "it has gone"


def test_a_single_claim_that_nothing_is_left_accuses_nobody() -> None:
    """However many replies of one window make it; its share is left alone for a second more."""
    bucket = Bucket(LIMIT, 100)
    for ms in (0, 10, 999):
        assert told(bucket, 0, ms * MS) == 0
    assert bucket.left(999 * MS) == 0
    assert bucket.left(SECOND) == LIMIT // 2
    assert bucket.left(3 * SECOND) == LIMIT


@pytest.mark.parametrize("again_ns", [SECOND, OTHERS_NS - 1])
def test_what_is_seen_in_two_windows_is_somebody(again_ns: int) -> None:
    bucket = Bucket(LIMIT, 100)
    assert told(bucket, LIMIT - 4, 0) == 0
    assert told(bucket, LIMIT - 4, again_ns) == 4


@pytest.mark.parametrize("again_ns", [SECOND - 1, OTHERS_NS])
def test_not_so_what_is_one_window_or_a_long_time_apart(again_ns: int) -> None:
    bucket = Bucket(LIMIT, 100)
    assert told(bucket, LIMIT - 4, 0) == 0
    assert told(bucket, LIMIT - 8, again_ns) == 0


def test_what_it_sends_in_pieces_adds_up_within_a_second() -> None:
    bucket = Bucket(LIMIT, 100)
    assert told(bucket, LIMIT - 1, 0) == 0
    assert told(bucket, LIMIT - 2, SECOND) == 2
    assert told(bucket, LIMIT - 5, 1_500 * MS) == 3
    assert bucket.left(1_500 * MS) == LIMIT - 5
    assert bucket.left(2_600 * MS) == LIMIT - 5
    assert told(bucket, LIMIT - 1, 3 * SECOND) == 1
    assert bucket.left(3 * SECOND) == LIMIT - 5, "one seen, and four more expected"


def test_it_is_never_left_more_than_half() -> None:
    """Else two engines of our kind would wait for each other."""
    bucket = Bucket(LIMIT, 100)
    assert told(bucket, LIMIT - 1, 0) == 0
    assert told(bucket, 0, SECOND) == LIMIT
    assert bucket.left(SECOND) == 0
    assert bucket.left(2 * SECOND) == LIMIT // 2
    assert bucket.left(5 * SECOND) == LIMIT // 2


def test_orders_that_ceased_to_count_while_the_reply_travelled_are_our_own() -> None:
    bucket = Bucket(LIMIT, 100)
    spent(bucket, 8, 0)
    assert bucket.left(SECOND + MS) == LIMIT, "they count no more"
    assert told(bucket, LIMIT - 8, SECOND + MS, sent_ns=SECOND - MS) == 0
    assert bucket.left(SECOND + MS) == LIMIT
    assert bucket.others_windows == 0
    told(bucket, LIMIT - 8, SECOND + 2 * MS, sent_ns=SECOND + MS)
    assert bucket.others_windows == 1


def test_after_a_lost_request_nobody_is_accused() -> None:
    """The venue may count it whenever it arrives."""
    bucket = Bucket(LIMIT, 100)
    bucket.doubt(0)
    assert told(bucket, LIMIT - 4, SECOND) == 0
    assert bucket.left(SECOND) == LIMIT - 4, "the venue is right all the same"
    assert bucket.left(2 * SECOND) == LIMIT
    assert bucket.others_windows == 0
    told(bucket, LIMIT - 4, DOUBT_NS)
    assert bucket.others_windows == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.integers(1, 6), st.integers(0, 60), st.integers(0, 60)),
        max_size=30,
    )
)
def test_whatever_the_delays_our_own_orders_are_never_taken_for_anothers(
    requests: list[tuple[int, int, int, int]],
) -> None:
    """Requests of some orders, each with its own way there and back, on a venue that counts."""
    bucket, events, at = Bucket(1_000, 100), [], 0
    for number, (pause, orders, there, back) in enumerate(requests):
        at += pause
        for kind, delay in enumerate((0, there, there + back)):
            events.append((at + delay, kind, number, orders))
    counted: list[tuple[int, int]] = []
    left_at: dict[int, int] = {}
    sent_at: dict[int, int] = {}
    for ms, kind, number, orders in sorted(events):
        now_ns = ms * MS
        if kind == 0:
            bucket.left(now_ns)
            bucket.spend(orders)
            sent_at[number] = now_ns
        elif kind == 1:
            counted.append((now_ns, orders))
            used = sum(n for t, n in counted if t > now_ns - SECOND)
            left_at[number] = 1_000 - used
        else:
            bucket.settle(orders, 0, now_ns)
            rate = RateInfo(1_000, left_at[number], -1)
            assert bucket.learn(rate, sent_at[number], now_ns) == 0
            assert bucket.others_windows == 0, "not even suspected"


def test_the_operator_is_told_of_another_client_once_a_minute() -> None:
    desk = Desk(batch=BatchParams(), planner=PlannerParams(initial_limit=50)).start()
    desk.settle()
    desk.kernel.take_requests()

    def moved(mid: int, left: int) -> list[Alert]:
        """Eight amends, the reply to which says that so much is left."""
        for instrument in range(2):
            desk.book(instrument, mid)
        batches = desk.flush()
        assert ops(batches) == {"AMEND": 8}
        desk.ack(batches, rate=RateInfo(50, left, -1))
        desk.show(batches)
        return desk.requests(Alert)

    assert not moved(100_040, 50 - 8 - 5), "one window may be a mistake"
    assert not desk.later(1_100).requests(Alert)
    [alert] = moved(100_000, 50 - 8 - 5)
    assert alert.code == "other_client"
    assert "used 5" in alert.text
    assert "batch calls to amend" in alert.text
    desk.later(1_100)
    assert not moved(100_040, 50 - 8 - 5), "it goes on, and was told"
