"""What every client program of the loopback measurements shares: its task, its clock, its result.

A client gets its task as one line of JSON, prints one line of JSON, and measures itself: the
processor time of its whole process and the wall time of each tick.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from typing import Any, NamedTuple

from mmfast.runtime.pump import LagWatch

WARM_UP = 3


class Task(NamedTuple):
    """Where the venue is, how often to act, and whatever else a client must know."""

    rest_url: str
    ws_url: str
    api_key: str
    api_secret: str
    ticks: int
    period_s: float
    """From the begin of one tick to the begin of the next."""
    extra: dict[str, Any]


class Measured(NamedTuple):
    """What a client saw; ``wall_s`` of each tick, in order."""

    wall_s: list[float]
    cpu_s: float
    """Of the whole process, over all these ticks and the pauses between them."""
    calls: int
    refused: int


def task() -> Task:
    """The task of this process."""
    return Task(*json.loads(sys.argv[1]))


def tell(measured: Measured) -> None:
    """Print the result."""
    print(json.dumps(measured), flush=True)


def cpu_s() -> float:
    """Processor time of this process so far, in and out of the kernel."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def quiet() -> None:
    """No collector's pass falls into a measurement."""
    gc.collect()
    gc.freeze()


class LagProbe(LagWatch):
    """Asks more often than a trading engine does: percentiles need samples."""

    INTERVAL_S = 0.02


class Pace:
    """Ticks begin at fixed times; one that took too long makes the next one begin at once."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._next = time.perf_counter()

    def pause_s(self) -> float:
        """How long to wait for the next tick."""
        now = time.perf_counter()
        self._next = max(self._next + self._period_s, now)
        return self._next - now
