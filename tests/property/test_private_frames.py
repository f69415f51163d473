"""A frame of the private stream taken at once is the same as its events taken one by one."""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Any

import pytest
from virtual import PRIVATE, VirtualRun

from mmfast.engine.account.other_hand import OtherHand
from mmfast.engine.params import RequoteBy
from mmfast.messages import Batch, Event
from mmfast.sim.wire import WsSend

SEEDS = range(1, 4)
SECONDS = 1.0


class FrameRun(VirtualRun):
    """Takes the events of a frame in pieces of random length, whole frames included; ``whole``
    says how often a piece is the frame itself, as the decoder made it."""

    def __init__(self, seed: int, whole: float, **options: Any) -> None:
        self._rng = random.Random(f"pieces {seed} {whole}")
        self._whole = whole
        self.blocks = 0
        super().__init__(seed, activity=3.0, **options)

    def _deliver(self, output: object) -> None:
        if isinstance(output, WsSend) and output.conn_id == PRIVATE:
            self._hear(self.decoder.decode(output.data).events)
            self._requested()
        else:
            super()._deliver(output)

    def _hear(self, events: Collection[Event]) -> None:
        if self._rng.random() < self._whole:
            self.blocks += not isinstance(events, tuple)
            self.kernel.on_events(events, self.now_ns)
            return
        rest = tuple(events)
        while rest:
            size = self._rng.randint(1, len(rest))
            self.kernel.on_events(rest[:size], self.now_ns)
            rest = rest[size:]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("requote_by", list(RequoteBy))
def test_any_split_of_the_same_events_leads_to_the_same_state(
    seed: int, requote_by: RequoteBy
) -> None:
    one_by_one = VirtualRun(seed, activity=3.0, requote_by=requote_by)
    one_by_one.run(SECONDS)
    expected = one_by_one.report()
    for whole in (0.0, 0.5, 1.0):
        run = FrameRun(seed, whole, requote_by=requote_by)
        run.run(SECONDS)
        assert run.report() == expected
        assert (run.blocks > 0) == (whole > 0)


class WatchedRun(VirtualRun):
    """Two other hands watch, one whole frames and one messages; now and then both miss a
    batch, so that they have something to say."""

    def __init__(self, seed: int, missed: float, requote_by: RequoteBy) -> None:
        self._rng = random.Random(f"missed {seed}")
        self._missed = missed
        self.reasons: list[str] = []
        super().__init__(seed, activity=3.0, requote_by=requote_by)
        self.hands = [OtherHand(self.ids, 2_000, lambda: 0) for _ in range(2)]

    def flush(self) -> list[Batch]:
        batches = super().flush()
        told = [batch for batch in batches if self._rng.random() >= self._missed]
        for hand in self.hands:
            hand.sent(told)
        return batches

    def _deliver(self, output: object) -> None:
        if isinstance(output, WsSend) and output.conn_id == PRIVATE:
            frame = self.decoder.decode(output.data)
            if b'"topic":"order' in output.data[:160] and frame.events:
                by_rows, by_news = self.hands
                reason = by_rows.rows(frame.events)
                said = [by_news.news(event) for event in frame.events]
                assert reason == next((one for one in said if one), "")
                self.reasons += [reason] * bool(reason)
        super()._deliver(output)


@pytest.mark.parametrize("missed", [0.0, 0.2])
def test_another_hand_is_seen_in_rows_as_in_messages(missed: float) -> None:
    heard: list[str] = []
    for requote_by in RequoteBy:
        run = WatchedRun(1, missed, requote_by)
        run.run(SECONDS)
        heard += run.reasons
    if not missed:
        assert heard == []
    else:
        assert any("price" in reason for reason in heard)
        assert any("cancelled, but not by" in reason for reason in heard)
