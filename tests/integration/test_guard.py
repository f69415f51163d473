"""The engine's side of the watchdog, against the real process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest
from processes import Process

from mmfast.clock import SystemClock
from mmfast.runtime import guard as guarding
from mmfast.runtime.guard import Guard, WatchdogError
from mmfast.runtime.watchdog import OrdersOfTheDay

PROGRESS_MS = 300
NOBODY = "http://127.0.0.1:9"


def orders(rest_url: str) -> OrdersOfTheDay:
    return OrdersOfTheDay(
        engine_pid=os.getpid(),
        rest_url=rest_url,
        category="linear",
        stem="mmf1",
        epoch=7,
        recv_window_ms=1_000,
        request_timeout_ms=500,
        max_batch_orders=20,
        progress_ms=PROGRESS_MS,
        api_key="canarykey",
        secret="canarysecret",
        pem="",
    )


def guarded(
    progress: Callable[[], int],
    script: Callable[[Guard], Awaitable[None]],
    rest_url: str = NOBODY,
) -> None:
    async def main() -> None:
        guard = Guard(orders(rest_url), SystemClock(), progress)
        await guard.start()
        try:
            await script(guard)
        finally:
            await guard.close(goodbye=True)

    asyncio.run(main())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - told by another process
            await asyncio.sleep(0.02)


def test_a_loop_that_turns_without_getting_on_is_as_good_as_dead(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The loop lives and beats its timers; what stands still is the number of flushes."""

    async def script(guard: Guard) -> None:
        await until(lambda: guard._fired_ns >= 0)
        assert guard.acted_lately()

    guarded(lambda: 5, script)
    assert "no progress for 300 ms" in capfd.readouterr().err


@pytest.mark.parametrize("expected", [True, False], ids=["getting on", "nothing expected"])
def test_progress_keeps_the_watchdog_quiet(
    expected: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    steps = iter(range(10_000))

    async def script(guard: Guard) -> None:
        await asyncio.sleep(2.0)
        assert guard._fired_ns < 0
        assert not guard.acted_lately()

    guarded(lambda: next(steps) if expected else -1, script)
    assert "no progress" not in capfd.readouterr().err


def test_a_watchdog_that_cannot_reach_the_venue_is_not_armed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(guarding, "ARM_LIMIT_S", 1.5)

    async def script(guard: Guard) -> None:
        with pytest.raises(WatchdogError, match="not ready"):
            await guard.armed()

    guarded(lambda: -1, script)
    told = capfd.readouterr().err
    assert "cannot reach the venue" in told
    assert "canarysecret" not in told


def test_watchdogs_that_keep_dying_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarding, "_RESTART_S", 0.05)

    async def script(guard: Guard) -> None:
        async def no_wait() -> None:
            return

        monkeypatch.setattr(guard, "armed", no_wait)
        keeping = asyncio.ensure_future(guard.keep())
        for _ in range(guarding.MAX_DEATHS):
            process = guard._process
            assert process is not None
            process.kill()
            await until(lambda dead=process: guard._process is not dead or keeping.done())
        with pytest.raises(WatchdogError, match="died 3 times"):
            await keeping

    guarded(lambda: -1, script)


def test_a_watchdog_started_by_hand_says_whose_it_is(start: Callable[..., Process]) -> None:
    process = start("watchdog")
    assert process.wait() == 1
    assert process.err == ["mmfast: `mmfast watchdog` is started by `mmfast run`, not by hand"]
