"""Ticks: batched leaves at once, sequential one by one; late ones return; nothing is lost."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from runtime_bench import FakeClock, batch

from mmfast.engine.params import (
    BatchParams,
    EngineParams,
    FairPrice,
    PlannerParams,
    RequoteBy,
    RollbackParams,
)
from mmfast.engine.planning.planner import DEADLINE_PASSED
from mmfast.errors import InvariantError
from mmfast.messages import NO_RATE_INFO, Batch, BatchReply, ItemReply, Op, Outcome
from mmfast.runtime.orchestrator import (
    MAX_CALLS_IN_FLIGHT,
    AsyncTickOrchestrator,
)
from mmfast.runtime.stats import RunStats


def params(
    *, enabled: bool = True, deadline_ms: int = 200, rollback: dict[str, int] | None = None
) -> EngineParams:
    return EngineParams(
        symbols=(),
        batch=BatchParams(
            enabled=enabled,
            tick_deadline_ms=deadline_ms,
            rollback=RollbackParams(enabled=rollback is not None, **(rollback or {})),
        ),
        planner=PlannerParams(),
        fair_price=FairPrice.MID,
        requote_by=RequoteBy.AMEND,
        stale_book_ms=1000,
        recv_window_ms=1000,
        book_depth=50,
    )


def reply_of(sent: Batch, outcome: Outcome, text: str = "") -> BatchReply:
    items = tuple(ItemReply(c.client_id, outcome, 0, text, "") for c in sent.commands)
    return BatchReply(batch=sent, items=items, rate=NO_RATE_INFO, sent_ns=0, received_ns=0)


class ScriptedKernel:
    """Hands out what the test put in, and remembers what it was told."""

    def __init__(self) -> None:
        self.flushes: deque[list[Batch]] = deque()
        self.replies: list[BatchReply] = []
        self.params: list[EngineParams] = []
        self.refusal = ""
        self.bug: Exception | None = None

    def flush(self, now_ns: int) -> list[Batch]:
        return self.flushes.popleft() if self.flushes else []

    def on_event(self, event: object, now_ns: int) -> None:
        assert isinstance(event, BatchReply)
        if self.bug is not None:
            raise self.bug
        self.replies.append(event)

    def last_look(self, batch: Batch, now_ns: int) -> str:
        return self.refusal

    def reconfigure(self, params: EngineParams, now_ns: int) -> None:
        self.params.append(params)

    def outcomes(self) -> dict[int, str]:
        return {r.batch.batch_id: r.items[0].outcome.name for r in self.replies}


class ScriptedGateway:
    """Asks for the last look as the real ones do; each batch waits until the test answers it."""

    def __init__(self, orchestrator: AsyncTickOrchestrator) -> None:
        self._orchestrator = orchestrator
        self.sent: list[int] = []
        self.groups: list[list[int]] = []
        self.waiting: dict[int, tuple[Batch, Callable[[BatchReply], None]]] = {}
        self.most_at_once = 0
        self.bug: Exception | None = None

    def send(self, batches: Sequence[Batch], on_reply: Callable[[BatchReply], None]) -> None:
        self.groups.append([one.batch_id for one in batches])
        for one in batches:
            refusal = self._orchestrator.last_look(one)
            if refusal:
                reply = reply_of(one, Outcome.NOT_SENT, refusal)
                asyncio.get_running_loop().call_soon(on_reply, reply)
                continue
            self.sent.append(one.batch_id)
            self.waiting[one.batch_id] = one, on_reply
        self.most_at_once = max(self.most_at_once, len(self.waiting))
        if self.bug is not None:
            raise self.bug

    async def answer(self, batch_id: int, outcome: Outcome = Outcome.ACK) -> None:
        sent, on_reply = self.waiting.pop(batch_id)
        on_reply(reply_of(sent, outcome))
        await turns()


class Bench:
    def __init__(self, clock: FakeClock, settings: EngineParams) -> None:
        self.clock = clock
        self.kernel = ScriptedKernel()
        self.stats = RunStats(clock.now_ns())
        self.faults: list[tuple[str, BaseException]] = []
        self.told: list[str] = []
        self.progress = 0
        self.orchestrator = AsyncTickOrchestrator(
            kernel=self.kernel,
            clock=clock,
            stats=self.stats,
            params=settings,
            on_progress=self._progressed,
            on_fault=lambda name, error: self.faults.append((name, error)),
            on_rollback=self.told.append,
        )
        self.gateway = ScriptedGateway(self.orchestrator)
        self.orchestrator.use(self.gateway)

    def _progressed(self) -> None:
        self.progress += 1

    async def flush(self, *batches: Batch) -> bool:
        self.kernel.flushes.append(list(batches))
        opened = self.orchestrator.flush()
        if not opened and self.kernel.flushes:
            self.kernel.flushes.pop()
        await turns()
        return opened


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture
def run(
    clock: FakeClock,
) -> Callable[..., None]:
    def runner(test: Callable[[Bench], Coroutine[Any, Any, None]], **settings: Any) -> None:
        async def main() -> None:
            await test(Bench(clock, params(**settings)))

        asyncio.run(main())

    return runner


def test_batched_sends_the_whole_tick_at_once(run: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.flush(batch(1, [1], Op.CANCEL), batch(2, [2, 3]), batch(3, [4, 5]))
        assert bench.gateway.groups == [[1, 2, 3]], "one group: the gateway may write it at once"
        bench.clock.pass_ms(50)
        for number in (2, 1, 3):
            assert bench.stats.ticks.count == 0, "the tick is open while a reply is missing"
            await bench.gateway.answer(number)
        assert bench.stats.ticks_by_mode["batched"].count == 1
        assert bench.stats.ticks.max_ns == 50_000_000
        assert bench.progress == 3
        assert bench.orchestrator.in_flight == 0

    run(test)


def test_batched_ticks_may_overlap_but_not_without_bound(run: Any) -> None:
    async def test(bench: Bench) -> None:
        opened = 0
        for number in range(2 * MAX_CALLS_IN_FLIGHT):
            opened += await bench.flush(batch(number, [number + 1]))
        assert opened == MAX_CALLS_IN_FLIGHT
        assert bench.orchestrator.opens_at_ns(bench.clock.now_ns()) == -1
        await bench.gateway.answer(0)
        assert await bench.flush(batch(999, [999]))

    run(test)


def test_sequential_sends_one_after_another(run: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.flush(batch(1, [1]), batch(2, [2]), batch(3, [3]))
        assert bench.gateway.sent == [1]
        assert not await bench.flush(batch(4, [4])), "no tick opens before the last one closed"
        await bench.gateway.answer(1)
        assert bench.gateway.sent == [1, 2]
        await bench.gateway.answer(2)
        await bench.gateway.answer(3)
        assert bench.gateway.most_at_once == 1
        assert bench.stats.ticks_by_mode["sequential"].count == 1
        assert await bench.flush(batch(4, [4]))
        await bench.gateway.answer(4)

    run(test, enabled=False)


def test_what_misses_the_deadline_returns_to_intent_and_is_counted(run: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.flush(batch(1, [1]), batch(2, [2]), batch(3, [3, 4]))
        bench.clock.pass_ms(199)
        await bench.gateway.answer(1)
        assert bench.gateway.sent == [1, 2], "within the deadline it may still leave"
        bench.clock.pass_ms(2)
        await bench.gateway.answer(2)
        assert bench.gateway.sent == [1, 2], "the third came too late"
        assert bench.kernel.outcomes() == {1: "ACK", 2: "ACK", 3: "NOT_SENT"}
        assert bench.kernel.replies[2].items[0].ret_msg == DEADLINE_PASSED
        assert bench.stats.deadline_missed == 2, "commands, not calls"
        assert bench.stats.ticks.count == 1
        now_ns = bench.clock.now_ns()
        assert bench.orchestrator.opens_at_ns(now_ns) == now_ns, "no penalty for being late"

    run(test, enabled=False)


def test_a_reply_after_the_deadline_counts_all_the_same(run: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.flush(batch(1, [1]))
        bench.clock.pass_ms(500)
        await bench.gateway.answer(1)
        assert bench.kernel.outcomes() == {1: "ACK"}
        assert bench.stats.late_replies == 1
        assert bench.stats.ticks.max_ns == 500_000_000, "the true duration, not the deadline"

    run(test)


def test_the_last_look_of_the_kernel_is_asked_for_each_batch(run: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.flush(batch(1, [1]), batch(2, [2]))
        bench.kernel.refusal = "mode is SYNCING"
        await bench.gateway.answer(1)
        assert bench.kernel.outcomes() == {1: "ACK", 2: "NOT_SENT"}
        assert bench.kernel.replies[1].items[0].ret_msg == "mode is SYNCING"

    run(test, enabled=False)


@pytest.mark.parametrize("first", [True, False])
def test_the_flag_flips_at_a_tick_boundary_without_loss(run: Any, first: bool) -> None:
    async def test(bench: Bench) -> None:
        await bench.flush(batch(1, [1]), batch(2, [2]))
        bench.orchestrator.offer(params(enabled=not first))
        assert not await bench.flush(batch(3, [3])), "what is under way is finished in its way"
        assert bench.kernel.params == []
        await bench.gateway.answer(1)
        await bench.gateway.answer(2)
        assert await bench.flush(batch(3, [3]), batch(4, [4]))
        assert [p.batch.enabled for p in bench.kernel.params] == [not first]
        assert bench.gateway.sent == ([1, 2, 3] if first else [1, 2, 3, 4])
        for number in (3, 4):
            await bench.gateway.answer(number)
        assert sorted(bench.kernel.outcomes()) == [1, 2, 3, 4]
        assert {name: d.count for name, d in bench.stats.ticks_by_mode.items()} == {
            "batched": 1,
            "sequential": 1,
        }

    run(test, enabled=first)


def test_a_later_offer_replaces_an_earlier_one(run: Any) -> None:
    async def test(bench: Bench) -> None:
        bench.orchestrator.offer(params(deadline_ms=1))
        bench.orchestrator.offer(params(deadline_ms=7))
        await bench.flush()
        assert [p.batch.tick_deadline_ms for p in bench.kernel.params] == [7]

    run(test)


def test_a_raising_gateway_leaves_its_commands_unknown_and_is_a_fault(run: Any) -> None:
    async def test(bench: Bench) -> None:
        bench.gateway.bug = RuntimeError("bug")
        await bench.flush(batch(1, [1, 2]), batch(2, [3]))
        assert bench.kernel.outcomes() == {1: "UNKNOWN", 2: "UNKNOWN"}
        assert bench.faults == [("gateway", bench.gateway.bug)]
        assert bench.orchestrator.in_flight == 0

    run(test)


def test_after_a_fault_the_rest_of_a_sequential_tick_is_proven_unsent(run: Any) -> None:
    async def test(bench: Bench) -> None:
        bench.gateway.bug = RuntimeError("bug")
        await bench.flush(batch(1, [1]), batch(2, [2]), batch(3, [3]))
        assert bench.kernel.outcomes() == {1: "UNKNOWN", 2: "NOT_SENT", 3: "NOT_SENT"}
        assert bench.gateway.sent == [1]
        assert bench.orchestrator.in_flight == 0
        assert len(bench.faults) == 1

    run(test, enabled=False)


def test_a_second_reply_to_a_batch_is_not_counted_twice(run: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.flush(batch(1, [1]), batch(2, [2]))
        sent, on_reply = bench.gateway.waiting[1]
        for _ in range(3):
            on_reply(reply_of(sent, Outcome.ACK))
        assert bench.orchestrator.in_flight == 1
        assert len(bench.kernel.replies) == 1
        assert bench.stats.ticks.count == 0

    run(test)


@pytest.mark.parametrize("enabled", [True, False])
def test_a_kernel_that_fails_on_a_reply_is_told_nothing_more(run: Any, enabled: bool) -> None:
    async def test(bench: Bench) -> None:
        await bench.flush(batch(1, [1]), batch(2, [2]))
        bench.kernel.bug = InvariantError("impossible")
        await bench.gateway.answer(1)
        bench.kernel.bug = None
        await bench.gateway.answer(2)
        assert bench.faults == [("kernel", bench.faults[0][1])]
        assert isinstance(bench.faults[0][1], InvariantError)
        assert bench.kernel.replies == []
        assert bench.orchestrator.in_flight == 0

    run(test, enabled=enabled)


def test_ticks_are_held_back_while_nothing_can_be_sent(run: Any) -> None:
    """A venue that is down answers at once with NOT_SENT: without a hold the loop would spin."""

    async def test(bench: Bench) -> None:
        waits = []
        for number in range(12):
            assert await bench.flush(batch(number, [number + 1]))
            await bench.gateway.answer(number, Outcome.NOT_SENT)
            now_ns = bench.clock.now_ns()
            opens_ns = bench.orchestrator.opens_at_ns(now_ns)
            waits.append((opens_ns - now_ns) // 1_000_000)
            assert not await bench.flush(batch(100, [100]))
            bench.clock.ns = opens_ns
        assert waits[0] == 20
        assert waits == sorted(waits)
        assert waits[-1] == 1000
        assert await bench.flush(batch(200, [200]))
        await bench.gateway.answer(200)
        now_ns = bench.clock.now_ns()
        assert bench.orchestrator.opens_at_ns(now_ns) == now_ns, "one reply ends the hold"

    run(test)


def test_what_we_refuse_ourselves_holds_nothing_back(run: Any) -> None:
    """A lost stream refuses creates; the cancels of the next flush must not wait for that."""

    async def test(bench: Bench) -> None:
        bench.kernel.refusal = "mode is SYNCING"
        for number in range(5):
            assert await bench.flush(batch(number, [number + 1]))
        now_ns = bench.clock.now_ns()
        assert bench.orchestrator.opens_at_ns(now_ns) == now_ns
        assert bench.stats.deadline_missed == 0

    run(test)


def test_an_empty_flush_is_no_tick(run: Any) -> None:
    async def test(bench: Bench) -> None:
        assert not await bench.flush()
        assert (bench.stats.flushes, bench.stats.ticks.count) == (1, 0)

    run(test)


def test_after_a_rollback_single_calls_follow_each_other_until_a_human_restores(run: Any) -> None:
    limits = {"max_error_percent": 50, "min_calls": 1}

    async def story(bench: Bench) -> None:
        await bench.flush(batch(1, [1, 2]), batch(2, [3, 4]))
        assert bench.gateway.groups == [[1, 2]]
        await bench.gateway.answer(1)
        assert bench.orchestrator.label == "batched"
        await bench.gateway.answer(2, Outcome.UNKNOWN)
        assert not bench.stats.rolled_back, "half of them is allowed"
        await bench.flush(batch(3, [5]))
        await bench.gateway.answer(3, Outcome.REJECT)
        assert bench.stats.rolled_back
        assert bench.told == [bench.told[0]]
        assert "3 of 5 orders failed" in bench.told[0]
        await bench.flush(batch(4, [6]), batch(5, [7]))
        assert bench.gateway.groups[2:] == [[4]], "one by one"
        await bench.gateway.answer(4, Outcome.REJECT)
        await bench.gateway.answer(5, Outcome.REJECT)
        assert bench.stats.rollbacks == 1, "single calls prove nothing about batches"
        bench.orchestrator.offer(params(rollback=limits))
        await bench.flush(batch(6, [8]), batch(7, [9]))
        assert bench.gateway.groups[4:] == [[6]], "the shell's own parameters undo nothing"
        await bench.gateway.answer(6)
        await bench.gateway.answer(7)
        assert bench.orchestrator.restore()
        assert not bench.orchestrator.restore()
        await bench.flush(batch(8, [10]), batch(9, [11]))
        assert bench.gateway.groups[6:] == [[8, 9]]
        assert bench.kernel.params[0].batch.enabled is False
        assert bench.kernel.params[-1].batch.enabled is True

    run(story, rollback=limits)


def test_what_our_own_last_look_refused_is_no_failure_of_batching(run: Any) -> None:
    async def story(bench: Bench) -> None:
        bench.kernel.refusal = "book stale"
        await bench.flush(batch(1, [1]), batch(2, [2]))
        assert not bench.stats.rolled_back

    run(story, rollback={"max_error_percent": 0, "min_calls": 1})


def test_without_a_wish_for_it_nothing_is_rolled_back_and_no_shadow_is_cast(run: Any) -> None:
    async def story(bench: Bench) -> None:
        for number in range(1, 60):
            await bench.flush(batch(number, [number]))
            await bench.gateway.answer(number, Outcome.REJECT)
        assert not bench.stats.rolled_back
        assert bench.stats.shadow is None

    run(story)
