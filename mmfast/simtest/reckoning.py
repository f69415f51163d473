"""After the faults: what must be well again, and how the engine ends."""

from __future__ import annotations

from typing import Final, Protocol

from mmfast.engine.kernel import Kernel
from mmfast.messages import Mode
from mmfast.runtime.closing import Verdict
from mmfast.simtest.loop import START_NS
from mmfast.simtest.scene import Scene
from mmfast.units import NS_PER_MS, NS_PER_S

RECOVER_NS: Final = 38 * NS_PER_S
"""I18: after the faults the engine must be trading within this time."""
QUIET_NS: Final = 250 * NS_PER_MS
"""With nothing in flight and nothing new at the venue for so long, both sides must agree."""
LOOK_NS: Final = 250 * NS_PER_MS
TURNS_NS: Final = NS_PER_MS
"""The engine may be ahead of the world outside by a few turns of its loop; a stall is longer."""
TIMEOUT_NS: Final = 2 * NS_PER_S
"""The longest timeout of a request that a seed draws."""
STOP_LIMIT_NS: Final = 4 * NS_PER_S
"""I10: without faults, a stop is proven within this time."""
CANCELS_WITHIN_NS: Final = 50 * NS_PER_MS
RESOLVE_NS: Final = 4 * NS_PER_S
"""G7: beyond the receive window an order may stay unknown for a second of margin, two polls of
half a second, a second of doubt about the clock, and its turn among the questions."""
_FREEZE_TRIES: Final = 160


class World(Scene, Protocol):
    """What the reckoning needs of the world it is in."""

    over: bool

    def stop(self, reason: str) -> bool:
        """Tell the engine to stop."""
        ...

    def finish(self) -> None:
        """End the seed without further questions."""
        ...


class Reckoning:
    """Of one seed. ``began_ns`` is when the faults ended; 0: they have not."""

    def __init__(self, world: World, recv_window_ms: int, *, cancels_within_ns: int) -> None:
        self.began_ns = 0
        self.compared = 0
        self._world = world
        self._unknown_limit_ns = recv_window_ms * NS_PER_MS + RESOLVE_NS
        self._cancels_within_ns = cancels_within_ns
        self._recovered = False
        self._stop_ns = -1

    def begin(self, extra_ns: int) -> None:
        """The faults are over: from here on there is no excuse. ``extra_ns``: time the engine
        may take on top, where the venue has banned it."""
        world = self._world
        # Nothing is asked of an engine that a stall keeps still beyond that, until it runs again.
        self.began_ns = max(world.far_ns(), world.time.now_ns)
        # What was asked on a connection that a fault had silenced still has to time out.
        world.eyes.count_unknown_from(self.began_ns + TIMEOUT_NS)
        world.at(self.began_ns + RECOVER_NS + extra_ns, self._must_trade, None)
        world.at(self.began_ns + LOOK_NS, self._look, None)

    def _look(self, _: None) -> None:
        """Compare both sides whenever nothing is under way."""
        world = self._world
        if world.over:
            return
        now_ns = world.far_ns()
        world.at(now_ns + LOOK_NS, self._look, None)
        if world.time.now_ns > now_ns + TURNS_NS:
            return  # a stall keeps the engine still: it has read nothing of this yet
        kernel = world.eyes.kernel
        if kernel is None or kernel.mode is not Mode.TRADING or world.trading_ns < 0:
            return
        self._recovered = self._recovered or not _not_quoted(kernel, world.time.now_ns)
        settled_ns = max(self.began_ns + 5 * NS_PER_S, world.trading_ns + NS_PER_S)
        if now_ns >= settled_ns and self._is_quiet(now_ns):
            self._compare(now_ns)

    def _is_quiet(self, now_ns: int) -> bool:
        world = self._world
        return not world.eyes.in_flight() and now_ns - world.truth.own_event_ns > QUIET_NS

    def _compare(self, now_ns: int) -> None:
        self.compared += 1
        self._world.eyes.compare(now_ns)

    def _must_trade(self, _: None) -> None:
        """I18, and the unknown: long enough after the faults, all is well."""
        world = self._world
        world.findings.checked["I18"] += 1
        kernel = world.eyes.kernel
        if kernel is None:
            self._broke("I18", "no engine runs, long after the faults have ended")
            world.finish()
            return
        view = kernel.view(world.time.now_ns)
        if view.mode is not Mode.TRADING or not self._recovered:
            pulled = _not_quoted(kernel, world.time.now_ns)
            text = f"mode {view.mode.name} ({view.mode_reason}), not quoted: {pulled}"
            self._broke("I18", f"not trading {RECOVER_NS // NS_PER_S} s after the faults: {text}")
        longest_ns = world.eyes.longest_unknown_ns
        if longest_ns > self._unknown_limit_ns:
            self._broke("I3", f"an order stayed unknown for {longest_ns / NS_PER_S:.2f} s")
        world.at(world.far_ns() + NS_PER_S, self._freeze, 0)

    def _freeze(self, tries: int) -> None:
        """The market stands still until both sides can be compared; then the engine stops."""
        world = self._world
        now_ns = world.far_ns()
        if not tries:
            world.front.venue.freeze_feed(world.front.venue_ns(now_ns) + 10 * NS_PER_S)
        if world.eyes.kernel is None:
            self._broke("I18", "the engine ended though nothing was wrong outside")
            world.finish()
        elif self._is_quiet(now_ns) or tries > _FREEZE_TRIES:
            if tries > _FREEZE_TRIES:
                self._broke("I6", f"it never came to rest, unknown: {world.eyes.unknown()}")
            self._compare(now_ns)
            world.over = True
            self._stop_ns = now_ns
            if world.checks.cancels_spent(now_ns):
                # What the venue's limit leaves comes first; that limit is a rolling second.
                self._cancels_within_ns += NS_PER_S
            world.stop("the end of the seed")
        else:
            world.at(now_ns + 50 * NS_PER_MS, self._freeze, tries + 1)

    def judge_end(self, verdict: Verdict | None) -> None:
        """I10 and I15: how the last stop went; nothing was wrong outside."""
        world = self._world
        asked_ns = self._stop_ns
        if asked_ns < 0:
            return
        if verdict is None or not verdict.proven_empty:
            self._broke("I10", f"not proven empty though nothing was wrong: {verdict}")
        took_ns = world.time.now_ns - asked_ns
        if took_ns > STOP_LIMIT_NS:
            self._broke("I10", f"the stop took {took_ns / NS_PER_S:.2f} s")
        first_ns = world.checks.first_cancel_ns
        if first_ns - asked_ns > self._cancels_within_ns:
            late_ms = (first_ns - asked_ns) / NS_PER_MS
            self._broke("I10", f"the first cancel left {late_ms:.1f} ms after the stop")
        if world.tap.open_now():
            self._broke("I15", f"{world.tap.open_now()} connections are left open")

    def _broke(self, invariant: str, text: str) -> None:
        at_s = (self._world.time.now_ns - START_NS) / NS_PER_S
        self._world.findings.broke(invariant, at_s, text)


def _not_quoted(kernel: Kernel, now_ns: int) -> list[str]:
    """Instruments that are not quoted, and why."""
    return [
        f"{one.symbol}: {one.pull_reason}"
        for one in kernel.view(now_ns).instruments
        if not one.quoting
    ]
