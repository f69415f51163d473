"""Rotation, holds, modes, counters and the outbox."""

from __future__ import annotations

import pytest
from engine_world import MS, SECOND

from mmfast.engine.counters import MAX_WORDS, OTHER, Counters
from mmfast.engine.modes import LEFTOVERS, READING, STREAM_DOWN, Gate
from mmfast.engine.outbox import Outbox
from mmfast.engine.risk.holds import FIRST_HOLD_NS, LONGEST_HOLD_NS, Holds
from mmfast.engine.rotation import Rotation
from mmfast.messages import Alert, Mode, ReadAccount, ResolveOrder, Severity


def test_rotation_is_fair_when_more_is_dirty_than_may_be_visited() -> None:
    rotation = Rotation(5)
    last_visit = [0] * 5
    for turn in range(1, 40):
        rotation.mark_all()
        for instrument in rotation.take(2):
            assert turn - last_visit[instrument] <= 3, "five instruments, two a turn"
            last_visit[instrument] = turn
    assert min(last_visit) > 36


def test_marking_twice_is_one_visit() -> None:
    rotation = Rotation(3)
    for instrument in (2, 0, 2):
        rotation.mark(instrument)
    assert rotation.is_marked(2)
    assert rotation.take(9) == [2, 0]
    assert not rotation.is_marked(2)


def test_holds_grow_with_each_refusal_and_end_with_life() -> None:
    holds, now = Holds(2), SECOND
    holds.refuse(0, now)
    assert not holds.holds(0, now), "one refusal is part of the trade"
    holds.refuse(0, now)
    assert holds.holds(0, now + FIRST_HOLD_NS - 1)
    assert not holds.holds(0, now + FIRST_HOLD_NS)
    assert not holds.holds(1, now)
    assert holds.over(now + FIRST_HOLD_NS - 1) == []
    assert holds.over(now + FIRST_HOLD_NS) == [0]
    assert holds.over(now + FIRST_HOLD_NS) == []
    for _ in range(40):
        holds.refuse(0, now)
    assert holds.next_ns() == now + LONGEST_HOLD_NS
    holds.accept(0)
    holds.refuse(1, now)
    holds.refuse(0, now + 100 * SECOND)
    assert not holds.holds(0, now + 100 * SECOND)


def test_trading_needs_a_stream_a_reading_begun_after_it_and_no_leftovers() -> None:
    gate = Gate()
    assert gate.refresh(False) is Mode.SYNCING
    gate.private_stream(True, 5 * SECOND)
    assert (gate.refresh(False), gate.reason) == (Mode.SYNCING, READING)
    assert not gate.account_read(5 * SECOND - 1)
    assert gate.refresh(False) is Mode.SYNCING
    assert gate.account_read(5 * SECOND)
    assert (gate.refresh(True), gate.reason) == (Mode.SYNCING, LEFTOVERS)
    assert gate.refresh(False) is Mode.TRADING
    assert gate.refresh(True) is Mode.TRADING, "a zombie later does not stop everything"
    gate.private_stream(False, 6 * SECOND)
    assert (gate.refresh(False), gate.reason) == (Mode.SYNCING, STREAM_DOWN)
    gate.private_stream(True, 7 * SECOND)
    assert gate.refresh(False) is Mode.SYNCING, "the reading from before is worthless now"


@pytest.mark.parametrize("mode", [Mode.DRAINING, Mode.HALTED])
def test_a_stop_holds_whatever_the_streams_do(mode: Mode) -> None:
    gate = Gate()
    gate.wish(mode, "operator", 0)
    assert (gate.refresh(False), gate.reason) == (mode, "operator")
    gate.private_stream(True, 1)
    gate.account_read(2)
    assert gate.refresh(False) is mode
    gate.wish(Mode.TRADING, "resume", 3)
    assert gate.refresh(False) is Mode.TRADING


def test_the_wish_to_sync_asks_for_a_new_proof() -> None:
    gate = Gate()
    gate.private_stream(True, 1)
    gate.account_read(2)
    assert gate.refresh(False) is Mode.TRADING
    gate.wish(Mode.SYNCING, "clock stepped", 10)
    assert gate.refresh(False) is Mode.SYNCING
    gate.account_read(10)
    assert gate.refresh(False) is Mode.TRADING


def test_alerts_are_edges_and_requests_keep_their_order() -> None:
    outbox = Outbox()
    outbox.resolve(1, 0, 5 * MS)
    for _ in range(3):
        outbox.raise_once("k", Severity.WARNING, "code", "text")
        outbox.read_account("why")
    kinds = [type(request) for request in outbox.take()]
    assert kinds == [ResolveOrder, Alert, ReadAccount]
    assert outbox.lower("k")
    assert not outbox.lower("k")
    outbox.raise_once("k", Severity.WARNING, "code", "text")
    assert len(outbox.take()) == 1
    assert outbox.take() == []


def test_invented_words_cannot_grow_the_counters() -> None:
    counters = Counters()
    for n in range(1000):
        counters.count_reason(f"word-{n}")
        counters.count_code(n)
    assert len(counters.reject_reasons) == len(counters.reject_codes) == MAX_WORDS + 1
    assert counters.reject_reasons[OTHER] == 1000 - MAX_WORDS
    assert sum(counters.reject_codes.values()) == 1000
