"""What the engine says while it is simulated: kept for failures, and searched for the secret."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from typing import Protocol

from mmfast.simtest.breaker_judge import BreakerJudge
from mmfast.simtest.findings import Findings
from mmfast.simtest.loop import START_NS, Time
from mmfast.simtest.swarm import CANARY
from mmfast.units import NS_PER_S


class Listener(Protocol):
    """The world that listens."""

    time: Time
    findings: Findings
    silent: bool
    breakers: BreakerJudge

    def note(self, text: str) -> None:
        """Keep a line."""
        ...

    def heard_mode(self, text: str) -> None:
        """The mode changed."""
        ...


@contextlib.contextmanager
def log_taken_by(world: Listener) -> Iterator[None]:
    """The engine's log goes to the world and nowhere else."""
    logger = logging.getLogger("mmfast")
    before = (logger.level, logger.propagate, logger.handlers)
    logger.handlers = [_Ear(world)]
    logger.propagate = False
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.level, logger.propagate, logger.handlers = before


class _Ear(logging.Handler):
    def __init__(self, world: Listener) -> None:
        super().__init__()
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        """I17: the secret stands in no line. I5: no position is ever found wrong by a reading."""
        world = self._world
        if world.silent:
            return
        text = record.getMessage()
        fields = str(getattr(record, "fields", ""))
        event = str(getattr(record, "event", ""))
        at_s = (world.time.now_ns - START_NS) / NS_PER_S
        world.findings.checked["I17"] += 1
        if CANARY in text or CANARY in fields:
            world.findings.broke("I17", at_s, f"the secret stands in the log: {event}")
        if event == "mode":
            world.heard_mode(text)
        elif event == "position_corrected":
            world.findings.broke("I5", at_s, text)
        world.breakers.heard(event, text, world.time.now_ns)
        world.note(f"{record.levelname.lower()} {event}: {text[:300]}")


@contextlib.contextmanager
def no_unraisable() -> Iterator[None]:
    """What the closing of killed coroutines has to say is of no interest."""
    before = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    try:
        yield
    finally:
        sys.unraisablehook = before
