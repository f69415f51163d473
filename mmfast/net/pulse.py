"""When a connection must be asked for a sign of life, and when it must be given up.

Sans-IO: it is told the time of one clock, in seconds, and how many messages have come so far.
"""

from __future__ import annotations

from typing import Final

import msgspec

from mmfast.clock import until_beat_s

_STALL_GRACE_S: Final = 1.0
"""A ping that a stall of ours has delayed is given at least so long for its answer."""


class StreamTiming(msgspec.Struct, frozen=True, kw_only=True):
    """Deadlines of a stream, in seconds; the defaults are the venue's advice or stricter."""

    connect_s: float = 10.0
    ready_s: float = 10.0
    """From an open socket to the last acknowledgement."""
    ping_every_s: float = 20.0
    ping_when_idle_s: float = 2.0
    """A silent connection is asked for a sign of life this soon."""
    pong_within_s: float = 3.0
    watch_every_s: float = 0.5
    settled_after_s: float = 30.0
    """A connection that was ready for so long starts its next back-off from the bottom."""
    max_frame_bytes: int = 4 << 20


class Pulse:
    """Of one connection at a time.

    Frames are counted, not timed: a clock read for each would cost more than it tells. What has
    come between two looks is taken to have come right after the first of them, so a silence is
    never thought shorter than it was, however late the second look.
    """

    __slots__ = (
        "_ack_due_at",
        "_frames",
        "_life_at",
        "_looked_at",
        "_pong_due_at",
        "_timing",
        "pinged_at",
    )

    def __init__(self, timing: StreamTiming) -> None:
        self._timing = timing
        self.pinged_at = 0.0
        """When the last ping left."""
        self._frames = 0
        self._life_at = self._looked_at = 0.0
        # 0.0 means that nothing is waited for.
        self._ack_due_at = self._pong_due_at = 0.0

    @property
    def awaits_pong(self) -> bool:
        """A ping has not been answered yet."""
        return self._pong_due_at > 0.0

    def begin(self, frames: int, now: float) -> None:
        """A connection is open; what came on an earlier one no longer counts."""
        self._frames = frames
        self._life_at = self._looked_at = self.pinged_at = now
        self._ack_due_at = self._pong_due_at = 0.0

    def expect_ack(self, now: float) -> None:
        """Something was sent that must be acknowledged."""
        self._ack_due_at = now + self._timing.ready_s

    def acked(self) -> None:
        """It is."""
        self._ack_due_at = 0.0

    def ponged(self) -> None:
        """The answer to the ping."""
        self._pong_due_at = 0.0

    def fault(self, frames: int, now: float) -> str:
        """Look: why the connection must be given up now; empty where it need not."""
        if frames != self._frames:
            self._frames = frames
            self._life_at = self._looked_at
        self._looked_at = now
        if self._ack_due_at and now >= self._ack_due_at:
            return "no acknowledgement in time"
        if self._pong_due_at and now >= self._pong_due_at:
            return "no pong in time"
        return ""

    def wants_ping(self, now: float) -> bool:
        """After a look: whether to ping. If so, the ping counts as sent."""
        timing = self._timing
        silent = now - self._life_at >= timing.ping_when_idle_s
        if self.awaits_pong or not (silent or now - self.pinged_at >= timing.ping_every_s):
            return False
        self.pinged_at = now
        due_at = now + timing.pong_within_s
        if silent:
            # The patience is with the silence, not with the ping: one that leaves late, because
            # we stood still, is not waited for as long as one in time.
            patience_s = timing.ping_when_idle_s + timing.watch_every_s + timing.pong_within_s
            grace_s = min(_STALL_GRACE_S, timing.pong_within_s)
            due_at = min(due_at, max(self._life_at + patience_s, now + grace_s))
        self._pong_due_at = due_at
        return True

    def next_look(self, now: float) -> float:
        """When to look again: on the common beat, and at each deadline itself."""
        look_at = now + until_beat_s(now, self._timing.watch_every_s)
        if self._pong_due_at:
            look_at = min(look_at, self._pong_due_at)
        if self._ack_due_at:
            look_at = min(look_at, self._ack_due_at)
        return look_at
