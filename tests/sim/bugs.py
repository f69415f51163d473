"""Bugs planted on purpose: each is one plausible mistake, patched in while a seed runs.

The simulation is only worth what it catches, so each of these has to be found by some promise
being broken. The engine must run from its Python sources (``-X mmfast_engine=interpreted``): what
is compiled cannot be patched, and is the same engine otherwise. ``faults`` names the faults under
which a bug shows soonest; the seeds are ordinary.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

LOST = ("drop_request", "cut_reply", "cut_request", "reset_reply", "half_open", "latency_spikes")
STREAMS = ("stream_drop", "deaf", "dumb", "half_open", "private_late")
ECHOES = ("private_duplicate", "private_reorder", "private_late")


class Planted(NamedTuple):
    """One bug. ``plant`` returns a context in which it is there."""

    name: str
    faults: tuple[str, ...]
    plant: Callable[[], contextlib.AbstractContextManager[Any]]
    first: int = 1
    """The first of the seeds that have to catch it."""


BUGS: list[Planted] = []
"""All that were registered: by the modules that :mod:`planted` imports."""


def bug(*faults: str, first: int = 1) -> Callable[[Callable[[], Iterator[None]]], None]:
    """Register a bug by the name of the function that plants it."""

    def register(plant: Callable[[], Iterator[None]]) -> None:
        name = plant.__name__.strip("_")
        BUGS.append(Planted(name, faults, contextlib.contextmanager(plant), first))

    return register
