"""One flush per burst, never a spin, and a fault of the kernel is heard at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

import pytest
import uvloop
from runtime_bench import FakeClock

from mmfast.messages import Alert, BookFrame, Mode, ModeChange, Request, Severity
from mmfast.runtime.durations import Durations
from mmfast.runtime.pump import LagWatch, Pump
from mmfast.units import NEVER_NS


class View:
    mode_reason = "because"


class ScriptedKernel:
    def __init__(self) -> None:
        self.mode = Mode.SYNCING
        self.events: list[object] = []
        self.dirty = False
        self.wake_ns = NEVER_NS
        self.requests: list[Request] = []
        self.raises: Exception | None = None

    def on_event(self, event: object, now_ns: int) -> None:
        if self.raises:
            raise self.raises
        self.events.append(event)
        self.dirty = True

    def on_events(self, events: Collection[object], now_ns: int) -> None:
        for event in events:
            self.on_event(event, now_ns)

    @property
    def wants_flush(self) -> bool:
        return self.dirty

    def take_requests(self) -> list[Request]:
        taken, self.requests = self.requests, []
        return taken

    def next_wake_ns(self, now_ns: int) -> int:
        return self.wake_ns

    def view(self, now_ns: int) -> View:
        return View()


class ScriptedOrchestrator:
    def __init__(self, kernel: ScriptedKernel) -> None:
        self._kernel = kernel
        self.flushes = 0
        self.seen: list[int] = []
        self.keeps_dirty = False
        self.opens_ns: int | None = None

    def opens_at_ns(self, now_ns: int) -> int:
        return now_ns if self.opens_ns is None else self.opens_ns

    def flush(self) -> bool:
        self.flushes += 1
        self.seen.append(len(self._kernel.events))
        if not self.keeps_dirty:
            self._kernel.dirty = False
        return False


class Bench:
    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.kernel = ScriptedKernel()
        self.orchestrator = ScriptedOrchestrator(self.kernel)
        self.requests: list[Request] = []
        self.modes: list[tuple[Mode, str]] = []
        self.faults: list[str] = []
        self.pump = Pump(
            kernel=self.kernel,
            clock=clock,
            orchestrator=self.orchestrator,
            on_request=self.requests.append,
            on_mode=lambda mode, reason: self.modes.append((mode, reason)),
            on_fault=lambda name, error: self.faults.append(f"{name}: {error}"),
        )


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest, clock: FakeClock) -> Any:
    def runner(test: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            bench = Bench(clock)
            await test(bench)
            bench.pump.close()

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(main())

    return runner


@pytest.mark.parametrize("frames", [1, 5, 50, 200])
def test_a_burst_gives_one_flush_that_sees_all_of_it(run: Any, frames: int) -> None:
    async def test(bench: Bench) -> None:
        for number in range(frames):
            bench.pump.frame(0, b"x", number == frames - 1)
        assert bench.orchestrator.flushes == 0, "frames are applied first, decisions come after"
        await asyncio.sleep(0.01)
        assert bench.orchestrator.seen == [frames]
        assert all(isinstance(event, BookFrame) for event in bench.kernel.events)

    run(test)


def test_frames_of_several_buffers_in_one_turn_share_a_flush(run: Any) -> None:
    async def test(bench: Bench) -> None:
        for _ in range(3):
            bench.pump.frame(0, b"x", True)
        bench.pump.event(ModeChange(Mode.DRAINING, "stop"))
        await asyncio.sleep(0.01)
        assert bench.orchestrator.seen == [4]

    run(test)


def test_more_work_than_a_tick_takes_comes_back_without_spinning(run: Any) -> None:
    async def test(bench: Bench) -> None:
        bench.orchestrator.keeps_dirty = True
        bench.pump.frame(0, b"x", True)
        await asyncio.sleep(0.05)
        assert 2 <= bench.orchestrator.flushes <= 60

    run(test)


def test_a_closed_orchestrator_is_not_asked_again_until_woken(run: Any) -> None:
    async def test(bench: Bench) -> None:
        bench.orchestrator.keeps_dirty = True
        bench.orchestrator.opens_ns = -1
        bench.pump.frame(0, b"x", True)
        await asyncio.sleep(0.02)
        assert bench.orchestrator.flushes == 1
        bench.pump.wake()
        await asyncio.sleep(0.02)
        assert bench.orchestrator.flushes == 2

    run(test)


def test_the_kernel_is_served_when_it_asked_to_be(run: Any) -> None:
    async def test(bench: Bench) -> None:
        bench.kernel.wake_ns = bench.clock.ns + 20_000_000
        bench.pump.wake()
        await asyncio.sleep(0.01)
        assert bench.orchestrator.flushes == 1
        bench.kernel.wake_ns = NEVER_NS
        await asyncio.sleep(0.04)
        assert bench.orchestrator.flushes == 2

    run(test)


def test_requests_and_modes_reach_the_shell(run: Any) -> None:
    async def test(bench: Bench) -> None:
        alert = Alert(Severity.ERROR, "word", "sentence")
        bench.kernel.requests.append(alert)
        bench.kernel.mode = Mode.TRADING
        bench.pump.wake()
        await asyncio.sleep(0.01)
        assert bench.requests == [alert]
        assert bench.modes == [(Mode.TRADING, "because")]

    run(test)


@pytest.mark.parametrize("entry", ["frame", "event"])
def test_a_kernel_that_raises_is_a_fault_and_is_fed_no_more(run: Any, entry: str) -> None:
    async def test(bench: Bench) -> None:
        bench.kernel.raises = RuntimeError("impossible state")
        if entry == "frame":
            bench.pump.frame(0, b"x", True)
        else:
            bench.pump.event(ModeChange(Mode.TRADING, ""))
        assert bench.faults == ["kernel: impossible state"]
        bench.kernel.raises = None
        bench.pump.frame(0, b"x", True)
        bench.pump.event(ModeChange(Mode.TRADING, ""))
        await asyncio.sleep(0.01)
        assert bench.kernel.events == []
        assert bench.orchestrator.flushes == 0

    run(test)


def test_a_stalled_loop_is_seen() -> None:
    async def main() -> Durations:
        from mmfast.clock import SystemClock

        lag = Durations((1, 5, 50, 1000))
        watch = LagWatch(SystemClock(), lag)
        watch.INTERVAL_S = 0.02
        watch.start()
        await asyncio.sleep(0.05)
        busy_until = asyncio.get_running_loop().time() + 0.08
        while asyncio.get_running_loop().time() < busy_until:
            pass
        await asyncio.sleep(0.03)
        watch.stop()
        return lag

    lag = asyncio.run(main())
    assert lag.count >= 3
    assert lag.max_ns >= 50_000_000
