"""Questions keep to the limit that the venue's replies name, from the first reply on."""

from __future__ import annotations

from mmfast.messages import RateInfo
from mmfast.net.pace import MOST, WINDOW_NS, Pace
from mmfast.units import NS_PER_MS, Ms


def rate(limit: int, left: int) -> RateInfo:
    return RateInfo(limit, left, Ms(0))


def answered(
    pace: Pace, count: int, reply: RateInfo | None, now_ns: int, sent_ns: int | None = None
) -> None:
    left_ns = now_ns if sent_ns is None else sent_ns
    for _ in range(count):
        pace.ask()
        pace.leave(left_ns)
    for _ in range(count):
        pace.settle(reply, left_ns, now_ns)


def test_nothing_is_held_before_a_reply_names_a_limit() -> None:
    pace = Pace()
    for _ in range(100):
        assert pace.wait_ns(0) == 0
        pace.ask()


def test_a_lowered_limit_holds_from_the_very_next_question() -> None:
    pace = Pace()
    answered(pace, 10, rate(50, 40), 0)
    assert pace.wait_ns(1) == 0
    answered(pace, 1, rate(4, 0), 10 * NS_PER_MS)
    assert pace.wait_ns(10 * NS_PER_MS) == WINDOW_NS - 10 * NS_PER_MS
    # The first ten are forgotten, the eleventh still counts: three may follow it.
    now_ns = WINDOW_NS + NS_PER_MS
    for _ in range(3):
        assert pace.wait_ns(now_ns) == 0
        pace.ask()
    assert 0 < pace.wait_ns(now_ns) <= 10 * NS_PER_MS


def test_a_question_counts_until_a_second_after_its_answer_or_its_loss() -> None:
    pace = Pace()
    answered(pace, 1, rate(2, 1), 0)
    pace.ask()
    assert pace.leave(1)
    assert pace.wait_ns(WINDOW_NS) == 0, "the first is forgotten, one of two is under way"
    pace.settle(None, 0, WINDOW_NS)
    answered(pace, 1, rate(2, 0), WINDOW_NS)
    assert pace.wait_ns(WINDOW_NS + 1) == WINDOW_NS - 1
    assert pace.wait_ns(2 * WINDOW_NS) == 0


def test_what_others_ask_with_the_same_account_counts() -> None:
    pace = Pace()
    answered(pace, 1, rate(50, 0), 0)
    assert pace.wait_ns(1) == WINDOW_NS - 1


def test_a_raised_limit_is_taken_from_the_first_reply() -> None:
    pace = Pace()
    answered(pace, 4, rate(4, 0), 0)
    assert pace.wait_ns(1)
    answered(pace, 1, rate(50, 45), WINDOW_NS)
    assert pace.wait_ns(WINDOW_NS) == 0


def test_an_answer_that_was_overtaken_does_not_raise_the_limit_again() -> None:
    pace = Pace()
    answered(pace, 1, rate(50, 49), 0)
    answered(pace, 1, rate(4, 0), 20)
    answered(pace, 1, rate(50, 48), 21, sent_ns=10)
    assert pace.wait_ns(22) > 0
    answered(pace, 1, rate(50, 48), 23, sent_ns=20)
    assert pace.wait_ns(24) == 0


def test_no_header_fills_our_memory() -> None:
    pace = Pace()
    answered(pace, 1, rate(10**18, 0), 0)
    assert len(pace._answered_ns) <= MOST


def test_what_waits_for_a_connection_keeps_to_a_limit_that_falls_meanwhile() -> None:
    pace = Pace()
    answered(pace, 1, rate(50, 49), 0)
    for _ in range(10):
        pace.ask()
    for _ in range(3):
        assert pace.leave(WINDOW_NS)
    pace.settle(rate(4, 1), WINDOW_NS, WINDOW_NS + 1)
    assert pace.leave(WINDOW_NS + 2), "one answered, two under way, and one more"
    assert not pace.leave(WINDOW_NS + 3)
    for _ in range(5):
        pace.give_back()
    for _ in range(3):
        pace.settle(None, WINDOW_NS, WINDOW_NS + 4)
    assert pace.wait_ns(WINDOW_NS + 5) > 0
    assert pace.wait_ns(2 * WINDOW_NS + 1) == 0, "what was held back counts no more"
    assert pace.wait_ns(2 * WINDOW_NS + 4) == 0


def test_a_question_asked_once_more_counts_twice() -> None:
    """The venue may have counted the one that was lost with its connection."""
    pace = Pace()
    answered(pace, 1, rate(2, 1), 0)
    pace.ask()
    assert pace.leave(WINDOW_NS)
    assert pace.leave_again(WINDOW_NS + 1)
    assert pace.wait_ns(WINDOW_NS + 2) > 0
    assert not pace.leave_again(WINDOW_NS + 2), "two may have been counted already"
    assert pace.wait_ns(2 * WINDOW_NS) > 0
    assert pace.wait_ns(2 * WINDOW_NS + 1) == 0, "the first is forgotten"
