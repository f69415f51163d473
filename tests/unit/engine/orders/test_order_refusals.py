"""An amend or cancel that did not happen is told once, with what it rests on; one that may still
happen, or did, is not."""

from __future__ import annotations

import pytest
from engine_world import SECOND
from order_bench import Bench

from mmfast.engine.orders.endings import MAX_UNTOLD, Ending, Evidence, Refusal
from mmfast.engine.orders.order_states import State
from mmfast.engine.orders.orders import CONFIRM_NS
from mmfast.messages import Op, OrderStatus, Outcome

WORKING, CANCELLED = OrderStatus.WORKING, OrderStatus.CANCELLED
EXPIRY_NS = 3 * SECOND
CHANGES = (Op.AMEND, Op.CANCEL)


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.live()
    return bench


def change(bench: Bench, op: Op) -> None:
    if op is Op.AMEND:
        bench.amend(lots=15)
    else:
        bench.cancel()


def told(bench: Bench) -> list[Ending | Refusal]:
    return bench.table.endings.take()


@pytest.mark.parametrize("op", CHANGES)
@pytest.mark.parametrize("outcome", [Outcome.REJECT, Outcome.THROTTLED])
def test_a_refusal_by_the_reply_is_told_with_it(bench: Bench, op: Op, outcome: Outcome) -> None:
    change(bench, op)
    bench.answer(op, outcome)
    assert told(bench) == [Refusal(1, op, Evidence.REPLY)]
    bench.now_ns += EXPIRY_NS
    bench.find(WORKING, updated_ms=10)
    assert told(bench) == [], "the report after it says nothing new"


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.GONE])
def test_a_lost_amend_is_refused_once_it_is_void_and_the_order_unchanged(
    bench: Bench, outcome: Outcome
) -> None:
    bench.amend(lots=15)
    bench.answer(Op.AMEND, outcome)
    bench.now_ns += EXPIRY_NS - 1
    bench.find(WORKING, updated_ms=10)
    assert told(bench) == [], "the request may still be accepted"
    bench.now_ns += 1
    bench.find(WORKING, updated_ms=10)
    assert told(bench) == [Refusal(1, Op.AMEND, Evidence.REPORT)]
    bench.find(WORKING, updated_ms=10)
    assert told(bench) == []


def test_a_lost_cancel_is_refused_by_the_unchanged_order_only_when_it_is_void(
    bench: Bench,
) -> None:
    """An open report before that makes the order live again, and proves nothing of the cancel."""
    bench.cancel()
    bench.answer(Op.CANCEL, Outcome.UNKNOWN)
    bench.find(WORKING, updated_ms=10)
    bench.now_ns += 2 * EXPIRY_NS
    bench.find(WORKING, updated_ms=10)
    assert told(bench) == []
    bench.cancel()
    bench.answer(Op.CANCEL, Outcome.UNKNOWN)
    bench.now_ns += EXPIRY_NS
    bench.find(WORKING, updated_ms=10)
    assert told(bench) == [Refusal(1, Op.CANCEL, Evidence.REPORT)]


@pytest.mark.parametrize("op", CHANGES)
def test_an_accepted_change_that_never_happens_is_refused_by_the_unchanged_order(
    bench: Bench, op: Op
) -> None:
    change(bench, op)
    bench.answer(op, Outcome.ACK)
    bench.find(WORKING, updated_ms=10)
    assert told(bench) == []
    bench.now_ns += CONFIRM_NS
    bench.find(WORKING, updated_ms=10)
    assert told(bench) == [Refusal(1, op, Evidence.REPORT)]


@pytest.mark.parametrize("outcome", [Outcome.ACK, Outcome.UNKNOWN])
@pytest.mark.parametrize("op", CHANGES)
def test_what_the_stream_repeats_refuses_nothing_however_late_it_comes(
    bench: Bench, op: Op, outcome: Outcome
) -> None:
    """It may have been said before the change (found by seed 320361: a connection that was deaf
    for five seconds told twice that an order rested, and then that it was cancelled)."""
    change(bench, op)
    bench.answer(op, outcome)
    bench.now_ns += 2 * EXPIRY_NS
    bench.see(WORKING, updated_ms=10)
    assert told(bench) == []
    bench.see(CANCELLED, updated_ms=11)
    assert told(bench) == [Ending(1, State.CANCELLED, Evidence.REPORT, 0)]


@pytest.mark.parametrize("op", CHANGES)
def test_a_question_asked_too_early_refuses_nothing(bench: Bench, op: Op) -> None:
    """Its answer is late, and says what was true when it was asked."""
    change(bench, op)
    bench.answer(op, Outcome.ACK)
    asked_ns = bench.now_ns + CONFIRM_NS - 1
    bench.now_ns += 2 * CONFIRM_NS
    bench.see(WORKING, updated_ms=10, asked_ns=asked_ns)
    assert told(bench) == []
    bench.see(WORKING, updated_ms=10, asked_ns=asked_ns + 1)
    assert told(bench) == [Refusal(1, op, Evidence.REPORT)]


@pytest.mark.parametrize("outcome", [Outcome.ACK, Outcome.UNKNOWN])
def test_an_amend_that_happened_is_not_refused(bench: Bench, outcome: Outcome) -> None:
    bench.amend(lots=15)
    bench.answer(Op.AMEND, outcome)
    bench.find(WORKING, lots=15, updated_ms=11)
    bench.now_ns += 2 * EXPIRY_NS
    bench.find(WORKING, lots=15, updated_ms=11)
    assert told(bench) == []


def test_an_amend_that_was_shown_is_not_refused_with_the_cancel_after_it(bench: Bench) -> None:
    bench.amend(lots=15)
    bench.answer(Op.AMEND, Outcome.ACK)
    bench.find(WORKING, lots=15, updated_ms=11)
    bench.cancel()
    bench.answer(Op.CANCEL, Outcome.ACK)
    bench.now_ns += CONFIRM_NS
    bench.find(WORKING, lots=15, updated_ms=11)
    assert told(bench) == [Refusal(1, Op.CANCEL, Evidence.REPORT)]


def test_a_blind_cancel_and_the_amend_before_it_are_refused_together(bench: Bench) -> None:
    bench.amend(lots=15)
    bench.answer(Op.AMEND, Outcome.ACK)
    bench.cancel()
    bench.answer(Op.CANCEL, Outcome.ACK)
    bench.now_ns += CONFIRM_NS
    bench.find(WORKING, updated_ms=10)
    assert told(bench) == [
        Refusal(1, Op.AMEND, Evidence.REPORT),
        Refusal(1, Op.CANCEL, Evidence.REPORT),
    ]


@pytest.mark.parametrize("op", CHANGES)
def test_what_never_left_was_refused_by_nobody(bench: Bench, op: Op) -> None:
    change(bench, op)
    bench.answer(op, Outcome.NOT_SENT)
    bench.now_ns += EXPIRY_NS
    bench.find(WORKING, updated_ms=10)
    assert told(bench) == []


@pytest.mark.parametrize("op", CHANGES)
def test_an_order_that_ended_meanwhile_tells_its_end_alone(bench: Bench, op: Op) -> None:
    change(bench, op)
    bench.answer(op, Outcome.UNKNOWN)
    bench.see(CANCELLED, updated_ms=11)
    assert told(bench) == [Ending(1, State.CANCELLED, Evidence.REPORT, 0)]


def test_what_waits_to_be_taken_has_a_bound(bench: Bench) -> None:
    for _ in range(MAX_UNTOLD + 1):
        bench.amend(lots=15)
        bench.answer(Op.AMEND, Outcome.THROTTLED)
    assert len(told(bench)) == MAX_UNTOLD
