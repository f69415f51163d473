"""Whole ticks in process, from frame bytes to signed requests, beside the C limits of their parts.

The limit reads the same frames into books and writes and signs as many orders; it decides nothing,
checks nothing and remembers nothing. The venue's answers fall between the ticks and are not timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import c_limits
import stages
from in_process import InProcess
from race import LIMIT, Contest, Lane

from mmfast.engine.params import RequoteBy
from mmfast.messages import Batch, Instrument
from mmfast.sim.instruments.catalogue import listings

ONE = listings(("BTCUSDT",))


def shifts() -> Iterator[int]:
    """Up and down, each time far enough that every quote has to follow."""
    number = 0
    while True:
        yield (-1) ** number * (3 + number % 5)
        number += 1


class Ticks:
    """One engine whose ticks are timed one by one."""

    def __init__(
        self, engine: InProcess, commands: int, clock: Callable[[], int] = time.perf_counter_ns
    ) -> None:
        self._clock = clock
        self._engine = engine
        self._commands = commands
        self._shifts = shifts()

    def one_ns(self) -> int:
        """Move all books, decide, and answer; the time of the decision alone."""
        engine = self._engine
        frames = engine.frames(next(self._shifts))
        start = self._clock()
        batches, _ = engine.tick(frames)
        took = self._clock() - start
        assert sum(len(batch.commands) for batch in batches) == self._commands, batches
        engine.answer(batches)
        return took

    def fastest(self, number: int) -> float:
        """A lane of a race."""
        return float(min(self.one_ns() for _ in range(number)))


def _frame_limit(instrument: Instrument, frame: bytes) -> c_limits.Frames:
    # The ring of the limit spans some thousand ticks; all prices of a frame lie near its first.
    first = frame.partition(b'"b":[["')[2].partition(b'"')[0].replace(b".", b"")
    low = int(first) // instrument.tick_units - c_limits.WINDOW // 2
    decimals = instrument.tick_decimals, instrument.step_decimals
    return c_limits.Frames([frame], instrument.symbol, decimals, low * instrument.tick_units)


def _limit(engine: InProcess, batches: list[Batch]) -> Lane:
    frames = [
        _frame_limit(one, frame)
        for one, frame in zip(engine.instruments, engine.frames(0), strict=True)
        if one.tick_units == 1
    ]
    scale = len(engine.instruments) / len(frames)
    requests = [
        c_limits.Request(
            batch.op,
            stages.SECRET.encode(),
            f"{stages.KEY}{stages.WINDOW_MS}".encode(),
            "mmfa-",
            [(int(c.side), c.price_ticks, c.lots, c.client_id) for c in batch.commands],
        )
        for batch in batches
    ]

    def lane(number: int) -> float:
        books = sum(one.run(number, ring=True)[0] for one in frames) * scale
        return books + sum(one.run(stages.TIME_MS, number)[0] for one in requests)

    return lane


def _contest(stage: str, engine: InProcess, commands: int) -> Contest:
    ticks = Ticks(engine, commands)
    ticks.one_ns()
    batches, _ = engine.tick(engine.frames(8))
    engine.answer(batches)
    return Contest(stage, {LIMIT: _limit(engine, batches), "mmfast": ticks.fastest})


def tick_in_process() -> Contest:
    """Ten instruments whose books all moved, 40 cancels and 40 places, in four signed requests."""
    return _contest("tick_in_process", InProcess(), 80)


def quote_in_process() -> Contest:
    """One instrument, two quotes amended in one signed request."""
    engine = InProcess(ONE, levels=1, requote_by=RequoteBy.AMEND)
    contest = _contest("quote_in_process", engine, 2)
    assert engine.instruments[0].tick_units == 1
    return contest


def quote_times_ns(count: int) -> list[int]:
    """What so many quotes in a row cost, sorted: processor time, in which being interrupted by
    another process does not count."""
    engine = InProcess(ONE, levels=1, requote_by=RequoteBy.AMEND)
    ticks = Ticks(engine, 2, time.thread_time_ns)
    for _ in range(20):
        ticks.one_ns()
    return sorted(ticks.one_ns() for _ in range(count))
