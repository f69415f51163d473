"""Batching is given up one failure or one slow call beyond the limits, and not before."""

from __future__ import annotations

import msgspec
import pytest
from engine_world import MS, SECOND, command, reply

from mmfast.engine.params import RollbackParams
from mmfast.engine.planning import rollback
from mmfast.engine.planning.rollback import RollbackJudge
from mmfast.messages import Batch, BatchReply, Category, Op, Outcome

LIMITS = RollbackParams(
    enabled=True, max_error_percent=20, max_latency_ms=100, window_ms=1000, min_calls=2
)


def answered(failed: int = 0, orders: int = 10, ms: int = 10, how: Outcome = Outcome.REJECT):
    commands = tuple(command(Op.PLACE, 1 + i) for i in range(orders))
    batch = Batch(
        batch_id=1, tick_id=1, op=Op.PLACE, category=Category.LINEAR, single=False,
        commands=commands,
    )  # fmt: skip
    outcomes = [how] * failed + [Outcome.ACK] * (orders - failed)
    taken: BatchReply = reply(batch, outcomes, SECOND)
    return msgspec.structs.replace(taken, received_ns=SECOND + ms * MS)


def judged(replies: list[BatchReply], params: RollbackParams = LIMITS) -> list[str]:
    judge = RollbackJudge(params)
    return [judge.judge(one, SECOND + i) for i, one in enumerate(replies)]


@pytest.mark.parametrize("how", [Outcome.REJECT, Outcome.THROTTLED, Outcome.UNKNOWN])
def test_one_failure_more_than_the_limit_is_too_many(how: Outcome) -> None:
    assert judged([answered(), answered(4, how=how)]) == ["", ""]
    breach = judged([answered(), answered(5, how=how)])[1]
    assert breach.startswith("5 of 20 orders failed in the last 2 batched calls")


@pytest.mark.parametrize("how", [Outcome.ACK, Outcome.GONE, Outcome.NOT_SENT])
def test_what_says_nothing_of_batching_is_no_failure(how: Outcome) -> None:
    assert judged([answered(10, how=how)] * 5) == [""] * 5


def test_the_limit_of_latency_is_one_of_the_95th_percentile() -> None:
    assert not any(judged([answered(ms=100)] * 40))
    assert not any(judged([answered()] * 38 + [answered(ms=101)] * 2))
    assert judged([answered()] * 37 + [answered(ms=101)] * 3)[-1].startswith("3 took longer")


def test_little_evidence_concludes_nothing() -> None:
    assert judged([answered(10)]) == [""]
    assert judged([answered(10)] * 2)[1]


def test_what_left_the_window_is_forgotten() -> None:
    judge = RollbackJudge(LIMITS)
    assert judge.judge(answered(10), 0) == ""
    assert judge.judge(answered(), 1000 * MS) == "", "the failures are a window old"
    assert judge.judge(answered(5), 1999 * MS)


def test_a_judge_switched_off_says_nothing_and_one_made_stricter_does() -> None:
    judge = RollbackJudge(msgspec.structs.replace(LIMITS, enabled=False))
    for _ in range(5):
        assert judge.judge(answered(10), SECOND) == ""
    judge.reconfigure(LIMITS)
    assert judge.judge(answered(), SECOND)
    judge.forget()
    assert judge.judge(answered(10), SECOND) == ""


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollback, "MOST_CALLS", 3)
    judge = RollbackJudge(LIMITS)
    for _ in range(2):
        judge.judge(answered(1), SECOND)
    for _ in range(3):
        judge.judge(answered(), SECOND)
    assert judge.judge(answered(7), SECOND).startswith("7 of 30 orders failed")
