"""What mode is wished for: the operator's standing order and the shell's own reasons, together."""

from __future__ import annotations

import logging
from collections.abc import Callable

from mmfast.messages import Mode
from mmfast.runtime.logs import say
from mmfast.runtime.standing import TRADE, Standing


class Wishes:
    """The strictest of all wishes rules: halted, then held by the shell, then reduce-only.

    ``offer`` is told a mode and its reason whenever what rules has changed.
    """

    def __init__(self, offer: Callable[[Mode, str], None]) -> None:
        self._offer = offer
        self._holds: dict[str, str] = {}
        self._offered = (Mode.TRADING, "")
        self.standing = TRADE
        self.read = TRADE
        """What was last read from the file; an older word than a halt of our own may be."""

    def hold(self, name: str, reason: str) -> bool:
        """Withdraw all quotes for a reason of the shell's own; True if it is a new one."""
        is_new = name not in self._holds
        self._holds[name] = reason
        if is_new:
            self._settle()
        return is_new

    def release(self, name: str) -> str:
        """The reason that is gone, empty where there was none."""
        reason = self._holds.pop(name, "")
        if reason:
            self._settle()
        return reason

    def stand(self, standing: Standing) -> None:
        """The operator has given another order."""
        self.standing = self.read = standing
        self._settle()

    def halt(self, reason: str, wall_ms: int) -> Standing | None:
        """A control has been passed: the order for the file, or None where a halt stands."""
        if self.standing.mode is Mode.HALTED:
            return None
        say(logging.ERROR, "control_halts", reason)
        self.standing = Standing(wish="halted", reason=reason, by="mmfast", wall_ms=wall_ms)
        self._settle()
        return self.standing

    def renew(self) -> None:
        """Tell a kernel that is new, and trades unless it is told otherwise."""
        if self._offered != (Mode.TRADING, ""):
            self._offer(*self._offered)

    @property
    def ruling(self) -> tuple[Mode, str]:
        """The mode wished for, and why."""
        standing = self.standing.mode
        if standing is not Mode.HALTED and self._holds:
            return Mode.DRAINING, next(iter(self._holds.values()))
        return standing, str(self.standing)

    def _settle(self) -> None:
        # Said once: to halt again would hide a halt of the engine's own behind the operator's.
        ruling = self.ruling
        if ruling != self._offered:
            self._offered = ruling
            self._offer(*ruling)
