"""One budget, and another client that spends from it: noticed by the venue's count, allowed for."""

from __future__ import annotations

from engine_world import MS, SECOND
from hypothesis import given
from hypothesis import strategies as st
from kernel_desk import Desk

from mmfast.engine.bucket import DOUBT_NS, OTHERS_NS, Bucket
from mmfast.engine.params import BatchParams, PlannerParams
from mmfast.messages import Alert, Outcome, RateInfo

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
    assert told(bucket, LIMIT - 5, 0) == 3
    assert bucket.left(0) == LIMIT - 5, "the three are counted once"
    assert bucket.left(SECOND) == LIMIT - 3, "and expected again"
    assert bucket.left(OTHERS_NS - 1) == LIMIT - 3
    assert bucket.left(OTHERS_NS) == LIMIT, "it has gone"


def test_what_it_sends_in_pieces_adds_up_within_a_second() -> None:
    bucket = Bucket(LIMIT, 100)
    assert told(bucket, LIMIT - 2, 0) == 2
    assert told(bucket, LIMIT - 5, 500 * MS) == 3
    assert bucket.left(500 * MS) == LIMIT - 5
    assert bucket.left(1_600 * MS) == LIMIT - 5
    assert told(bucket, LIMIT - 1, 2 * SECOND) == 1
    assert bucket.left(2 * SECOND) == LIMIT - 5, "one seen, and four more expected"


def test_it_is_never_left_more_than_half() -> None:
    """Else two engines of our kind would wait for each other."""
    bucket = Bucket(LIMIT, 100)
    assert told(bucket, 0, 0) == LIMIT
    assert bucket.left(0) == 0
    assert bucket.left(SECOND) == LIMIT // 2


def test_orders_that_ceased_to_count_while_the_reply_travelled_are_our_own() -> None:
    bucket = Bucket(LIMIT, 100)
    spent(bucket, 8, 0)
    assert bucket.left(SECOND + MS) == LIMIT, "they count no more"
    assert told(bucket, LIMIT - 8, SECOND + MS, sent_ns=SECOND - MS) == 0
    assert bucket.left(SECOND + MS) == LIMIT
    assert told(bucket, LIMIT - 8, SECOND + 2 * MS, sent_ns=SECOND + MS) == 8


def test_after_a_lost_request_nobody_is_accused() -> None:
    """The venue may count it whenever it arrives."""
    bucket = Bucket(LIMIT, 100)
    bucket.doubt(0)
    assert told(bucket, LIMIT - 4, SECOND) == 0
    assert bucket.left(SECOND) == LIMIT - 4, "the venue is right all the same"
    assert bucket.left(2 * SECOND) == LIMIT
    assert told(bucket, LIMIT - 4, DOUBT_NS) == 4


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


def test_the_operator_is_told_of_another_client_once_a_minute() -> None:
    desk = Desk(batch=BatchParams(), planner=PlannerParams(initial_limit=50)).start()
    batches = desk.flush()
    desk.kernel.take_requests()
    desk.ack(batches, rate=RateInfo(50, 50 - 8 - 5, -1))
    [alert] = desk.requests(Alert)
    assert alert.code == "other_client"
    assert "used 5" in alert.text
    assert "batch calls to place" in alert.text
    desk.show(batches)
    for instrument in range(2):
        desk.later(100).book(instrument, 100_400)
    again = desk.flush()
    assert again
    desk.ack(again, Outcome.ACK, rate=RateInfo(50, 10, -1))
    assert not desk.requests(Alert), "it goes on, and was told"
