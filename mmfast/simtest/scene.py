"""The simulated world as the parts see it that act in it or judge it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from mmfast.simtest.eyes import Eyes
from mmfast.simtest.findings import Findings
from mmfast.simtest.front import Front
from mmfast.simtest.loop import Time
from mmfast.simtest.tap import Tap
from mmfast.simtest.truth import Truth
from mmfast.simtest.wire_checks import WireChecks


class Scene(Protocol):
    """What all of them need."""

    time: Time
    findings: Findings
    truth: Truth
    eyes: Eyes
    checks: WireChecks
    tap: Tap
    front: Front
    trading_ns: int

    def at(self, at_ns: int, act: Callable[[Any], None], argument: Any) -> None:  # noqa: ANN401
        """Do something later."""
        ...

    def far_ns(self) -> int:
        """The time outside the engine."""
        ...
