"""Tasks that cannot fail in silence and cannot multiply without bound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from mmfast.errors import InvariantError


class TaskGroup:
    """A bounded set of tasks; the first exception of any of them is reported at once.

    Unlike :class:`asyncio.TaskGroup` a fault cancels nothing by itself: the owner must still be
    able to cancel orders, so it decides.
    """

    def __init__(self, limit: int, on_fault: Callable[[str, BaseException], None]) -> None:
        self._limit = limit
        self._on_fault = on_fault
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run ``work``; raises :class:`InvariantError` when the set is full."""
        if len(self._tasks) >= self._limit:
            work.close()
            raise InvariantError(f"expected at most {self._limit} tasks, {name} is one more")
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def close(self) -> None:
        """Cancel what still runs and wait for its end."""
        tasks = sorted(self._tasks, key=lambda task: task.get_name())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_fault(task.get_name(), error)
