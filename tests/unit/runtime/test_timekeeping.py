"""Sleep, set clocks and refused timestamps lead to a measurement, and to a pull where they must."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from runtime_bench import FakeClock

from mmfast.clock import HostClocks, VenueClock
from mmfast.errors import NotSent
from mmfast.runtime import timekeeping
from mmfast.runtime.timekeeping import TimeKeeper
from mmfast.units import NS_PER_MS, NS_PER_S

RECV_WINDOW_MS = 2_000


class Host(HostClocks):
    """A host whose sleep and clock are set by the test."""

    def __init__(self) -> None:
        self.slept_ns = 0
        self.wall_ns = 0

    def asleep_ns(self) -> int:
        return self.slept_ns

    def wall_offset_ns(self) -> int:
        return self.wall_ns


class Bench:
    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.host = Host()
        self.ahead_ns = 0
        self.trip_ns = 2 * NS_PER_MS
        self.reachable = True
        self.asked = 0
        self.leaps: list[str] = []
        self.held: list[str] = []
        self.released = 0
        self.venue_clock = VenueClock(clock)

    async def server_time(self) -> int:
        self.asked += 1
        if not self.reachable:
            raise NotSent("market/time: nobody there")
        sent_ns = self.clock.now_ns()
        self.clock.ns += self.trip_ns
        venue_ns = self.clock.wall_ms() * NS_PER_MS + self.ahead_ns - self.trip_ns // 2
        self.venue_clock.observe(sent_ns, self.clock.now_ns(), venue_ns)
        return venue_ns

    def release(self, name: str) -> None:
        self.released += name == "clock"

    def hold(self, name: str, text: str) -> None:
        self.held.append(text)

    def run(self, script: Callable[[TimeKeeper], Awaitable[None]]) -> None:
        async def main() -> None:
            await self.server_time()
            keeper = TimeKeeper(
                self,
                self.venue_clock,
                RECV_WINDOW_MS,
                on_leap=self.leaps.append,
                hold=self.hold,
                release=self.release,
                host=self.host,
            )
            task = asyncio.ensure_future(keeper.run())
            self.asked = 0
            await script(keeper)
            task.cancel()

        asyncio.run(main())


@pytest.fixture
def bench(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(timekeeping, "LOOK_EVERY_S", 0.01)
    return Bench(clock)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - the keeper has no event of its own
            await asyncio.sleep(0.002)


def test_a_host_that_slept_believes_nothing_and_measures_at_once(bench: Bench) -> None:
    async def script(_keeper: TimeKeeper) -> None:
        bench.host.slept_ns += 90 * NS_PER_S
        bench.ahead_ns += 90 * NS_PER_S  # the monotonic clock has not counted it
        await until(lambda: bench.asked > 0)
        await until(lambda: len(bench.leaps) == 2)

    bench.run(script)
    assert "slept for 90.0 s" in bench.leaps[0]
    truth_ms = bench.clock.wall_ms() + 90_000
    assert abs(bench.venue_clock.venue_ms() - truth_ms) <= 3


def test_a_set_wall_clock_is_no_reason_for_anything(bench: Bench) -> None:
    async def script(_keeper: TimeKeeper) -> None:
        bench.host.wall_ns += 3_600 * NS_PER_S
        await asyncio.sleep(0.1)

    bench.run(script)
    assert bench.leaps == []
    assert bench.asked == 0


def test_a_refused_timestamp_leads_to_a_measurement(bench: Bench) -> None:
    async def script(keeper: TimeKeeper) -> None:
        bench.ahead_ns = -3_600 * NS_PER_S
        keeper.doubt(bench.clock.now_ns())
        await until(lambda: bool(bench.leaps))

    bench.run(script)
    assert bench.asked == timekeeping.BURST
    assert abs(bench.venue_clock.venue_ms() - bench.clock.wall_ms() + 3_600_000) <= 3


def test_a_suspicion_leads_to_a_measurement_and_ends_with_it(bench: Bench) -> None:
    async def script(_keeper: TimeKeeper) -> None:
        bench.ahead_ns = 3_600 * NS_PER_S
        bench.venue_clock.suspect()
        assert bench.venue_clock.is_suspected
        assert not bench.venue_clock.in_doubt, "orders need not wait"
        await until(lambda: bool(bench.leaps))

    bench.run(script)
    assert bench.asked == timekeeping.BURST
    assert not bench.venue_clock.is_suspected


def test_quotes_are_held_while_the_time_is_known_too_badly(bench: Bench) -> None:
    async def script(keeper: TimeKeeper) -> None:
        bench.reachable = False
        bench.clock.pass_ms(3_600_000)  # an hour without a sample
        await until(lambda: bool(bench.held))
        before = bench.released
        await asyncio.sleep(0.05)
        assert bench.released == before
        bench.reachable = True
        keeper.doubt(bench.clock.now_ns())
        await until(lambda: bench.released > before)

    bench.run(script)
    assert "ms only" in bench.held[0]


def test_a_refusal_of_what_left_before_the_last_sample_is_old_news(bench: Bench) -> None:
    async def script(keeper: TimeKeeper) -> None:
        left_ns = bench.clock.now_ns() - 1
        asked = bench.asked
        keeper.doubt(left_ns)
        await asyncio.sleep(0.05)
        assert bench.asked == asked
        assert not bench.venue_clock.in_doubt

    bench.run(script)


def test_the_clock_is_in_doubt_until_a_sample_that_left_after_the_refusal() -> None:
    clock = FakeClock()
    venue_clock = VenueClock(clock)
    venue_clock.observe(clock.now_ns(), clock.now_ns(), clock.now_ns())
    asked_ns = clock.now_ns()
    clock.pass_ms(5)
    assert venue_clock.doubt(clock.now_ns())
    venue_clock.observe(asked_ns, clock.now_ns(), asked_ns)
    assert venue_clock.in_doubt, "that sample may have been read before the clock leapt"
    asked_ns = clock.now_ns()
    clock.pass_ms(5)
    venue_clock.observe(asked_ns, clock.now_ns(), asked_ns)
    assert not venue_clock.in_doubt


def test_a_doubt_that_nobody_settles_ends_by_itself() -> None:
    clock = FakeClock()
    venue_clock = VenueClock(clock)
    assert venue_clock.doubt(clock.now_ns())
    clock.pass_ms(VenueClock.LONGEST_DOUBT_NS // NS_PER_MS - 1)
    assert venue_clock.doubt(clock.now_ns()), "a further refusal does not prolong it"
    assert venue_clock.in_doubt
    clock.pass_ms(1)
    assert not venue_clock.in_doubt


def test_a_suspicion_that_no_sample_settles_ends_by_itself() -> None:
    clock = FakeClock()
    venue_clock = VenueClock(clock)
    venue_clock.suspect()
    assert not venue_clock.is_suspected, "a clock that was never measured cannot have leapt"
    venue_clock.observe(clock.now_ns(), clock.now_ns(), clock.now_ns())
    asked_ns = clock.now_ns()
    clock.pass_ms(5)
    venue_clock.suspect()
    venue_clock.observe(asked_ns, clock.now_ns(), asked_ns)
    assert venue_clock.is_suspected, "that sample may have been read before the clock leapt"
    clock.pass_ms(VenueClock.LONGEST_DOUBT_NS // NS_PER_MS - 1)
    venue_clock.suspect()
    assert venue_clock.is_suspected
    clock.pass_ms(1)
    assert not venue_clock.is_suspected, "a further refusal does not prolong it"
