"""One timer for all blocks: each ends at its own time, by its own cause."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from mmfast.errors import InvariantError
from mmfast.net.deadlines import Deadlines

Run = Callable[[Any], Any]
LONG_S = 30.0
"""Longer than any test."""


async def block(deadlines: Deadlines, wait: Callable[[], Any]) -> str:
    try:
        with deadlines:
            await wait()
    except TimeoutError:
        return "late"
    return "in time"


def silence() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


def test_each_block_ends_at_its_own_time(run: Run) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        deadlines = Deadlines(0.02)
        ended: list[tuple[int, float]] = []

        async def one(number: int) -> None:
            began = loop.time()
            assert await block(deadlines, silence) == "late"
            ended.append((number, loop.time() - began))

        tasks = []
        for number in range(3):
            tasks.append(asyncio.create_task(one(number)))
            await asyncio.sleep(0.005)
        await asyncio.gather(*tasks)
        assert [number for number, _ in ended] == [0, 1, 2]
        assert all(took_s >= 0.02 for _, took_s in ended)

    run(main())


def test_what_ends_in_time_is_left_alone_and_what_begins_later_is_not_forgotten(run: Run) -> None:
    async def main() -> list[str]:
        deadlines = Deadlines(0.01)
        first = await block(deadlines, lambda: asyncio.sleep(0))
        await asyncio.sleep(0.02)
        return [first, await block(deadlines, silence), await block(deadlines, silence)]

    assert run(main()) == ["in time", "late", "late"]


def test_an_error_of_the_block_stays_what_it_is(run: Run) -> None:
    async def fail() -> None:
        raise OSError("broken")

    async def main() -> None:
        with pytest.raises(OSError, match="broken"):
            await block(Deadlines(LONG_S), fail)

    run(main())


def test_being_cancelled_is_no_timeout(run: Run) -> None:
    async def main() -> None:
        task = asyncio.create_task(block(Deadlines(LONG_S), silence))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    run(main())


def test_who_is_late_and_cancelled_as_well_is_cancelled(run: Run) -> None:
    async def main() -> None:
        deadlines = Deadlines(0.0)
        task = asyncio.create_task(block(deadlines, silence))
        await asyncio.sleep(0)
        # The timer is due by now, and runs before or after this: both have to be obeyed.
        asyncio.get_running_loop().call_later(0.0, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


def test_a_task_that_was_late_is_not_left_cancelled(run: Run) -> None:
    async def main() -> int:
        await block(Deadlines(0.0), silence)
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert run(main()) == 0


def test_a_block_within_a_block_is_refused(run: Run) -> None:
    async def main() -> None:
        deadlines = Deadlines(LONG_S)
        with deadlines, pytest.raises(InvariantError, match="no block"), deadlines:
            pass

    run(main())
