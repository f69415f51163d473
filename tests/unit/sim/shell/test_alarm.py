"""Does the alarm ring when it should, once, and never after it was taken back?"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from time import perf_counter_ns

import pytest
import uvloop

from mmfast.sim.shell.alarm import LoopAlarm, TimerFdAlarm
from mmfast.units import NS_PER_MS

needs_timer_fd = pytest.mark.skipif(sys.platform != "linux", reason="Linux has it, others not")
KINDS = [pytest.param(TimerFdAlarm, marks=needs_timer_fd), LoopAlarm]
LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


class Bell:
    """One alarm on one loop, and when it rang."""

    def __init__(self, loop: asyncio.AbstractEventLoop, kind: Callable) -> None:
        self.loop = loop
        self.rings: list[int] = []
        self.alarm = kind(loop, lambda: self.rings.append(perf_counter_ns()))

    def wait(self, ms: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(ms / 1000))


@pytest.fixture(params=LOOPS, ids=["asyncio", "uvloop"])
def loop(request):
    made = request.param()
    yield made
    made.close()


@pytest.fixture(params=KINDS, ids=["timerfd", "loop"])
def bell(request, loop):
    made = Bell(loop, request.param)
    yield made
    made.alarm.close()


def test_it_rings_once_not_early_and_not_within_the_call(bell: Bell) -> None:
    for delay_ns in (5 * NS_PER_MS, 0, -7, NS_PER_MS // 3):
        bell.rings.clear()
        before = perf_counter_ns()
        bell.alarm.set(delay_ns)
        assert bell.rings == []
        bell.wait(30)
        assert len(bell.rings) == 1, delay_ns
        # The coarse alarm rounds to the nearest millisecond, and loops count in whole ones.
        early = 0 if isinstance(bell.alarm, TimerFdAlarm) else 2 * NS_PER_MS
        assert bell.rings[0] - before >= delay_ns - early


def test_a_new_time_replaces_the_old_one(bell: Bell) -> None:
    bell.alarm.set(10 * NS_PER_MS)
    bell.alarm.set(3600 * 1000 * NS_PER_MS)
    bell.wait(40)
    assert bell.rings == []
    bell.alarm.set(NS_PER_MS)
    bell.wait(40)
    assert len(bell.rings) == 1


def test_a_closed_alarm_is_silent_and_closing_twice_is_fine(bell: Bell) -> None:
    bell.alarm.set(NS_PER_MS)
    bell.alarm.close()
    bell.alarm.close()
    bell.wait(20)
    assert bell.rings == []


@needs_timer_fd
def test_it_is_nearer_to_the_time_than_a_loop_can_be(loop) -> None:
    """Measured in turns, so that a busy machine is busy for both."""
    bells = Bell(loop, TimerFdAlarm), Bell(loop, LoopAlarm)
    late: tuple[list[int], list[int]] = ([], [])
    for step in range(60):
        # Between the milliseconds, where rounding hurts.
        delay_ns = 2 * NS_PER_MS + NS_PER_MS * (step % 10) // 10
        for bell, times in zip(bells, late, strict=True):
            bell.rings.clear()
            due = perf_counter_ns() + delay_ns
            bell.alarm.set(delay_ns)
            bell.wait(6)
            times.append(abs(bell.rings[0] - due))
    for bell in bells:
        bell.alarm.close()
    fine, coarse = (sorted(times)[len(times) // 2] for times in late)
    assert fine < coarse
