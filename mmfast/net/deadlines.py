"""An end for whatever may take equally long, by one timer for all of it."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

from mmfast.errors import InvariantError


class Deadlines:
    """``with deadlines:`` gives the block that follows ``within_s`` seconds.

    A block that takes longer is cancelled where it waits and ends with TimeoutError, as by
    ``asyncio.timeout``. That makes an object, two coroutines and a timer for each block; here one
    timer looks after the oldest of all blocks, because the first to begin is the first to be
    late. A task can be in one block at a time.
    """

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        # By task: when it is late, and how often others had cancelled it when it began. In the
        # order of beginning, which is also the order of the deadlines.
        self._running: dict[asyncio.Task[Any], tuple[float, int]] = {}
        self._late: dict[asyncio.Task[Any], int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None or task in self._running:
            raise InvariantError("expected a task that is in no block of these deadlines")
        loop = asyncio.get_running_loop()
        due_at = loop.time() + self._within_s
        self._running[task] = due_at, task.cancelling()
        if self._timer is None:
            self._timer = loop.call_at(due_at, self._sweep)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        task = asyncio.current_task()
        if task is None or self._running.pop(task, None) is not None:
            return
        before = self._late.pop(task)
        # Whoever else cancelled it in the meantime is to be obeyed, and not told of a timeout.
        if task.uncancel() <= before and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._running:
            task, (due_at, cancelling) = next(iter(self._running.items()))
            if due_at > loop.time():
                self._timer = loop.call_at(due_at, self._sweep)
                return
            del self._running[task]
            self._late[task] = cancelling
            task.cancel()
