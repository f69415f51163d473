"""One seed from beginning to end: faults, then calm, then the reckoning."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mmfast.engine.kernel import Kernel
from mmfast.messages import Mode
from mmfast.runtime.session import Contact
from mmfast.sim.venue import Venue
from mmfast.simtest import swarm
from mmfast.simtest.breaker_judge import BreakerJudge
from mmfast.simtest.engine_host import MAX_LIVES, EngineHost, Life, quiet_interpreter
from mmfast.simtest.engine_log import log_taken_by, no_unraisable
from mmfast.simtest.eyes import Eyes
from mmfast.simtest.findings import Findings
from mmfast.simtest.front import Front
from mmfast.simtest.loop import START_NS, Time, VirtualClock, libraries_on
from mmfast.simtest.network import Link, Network, Parcel
from mmfast.simtest.paper import Paper
from mmfast.simtest.reckoning import Reckoning
from mmfast.simtest.swarm import PREFIX, HostAct, Plan
from mmfast.simtest.tap import Tap
from mmfast.simtest.terms import cancels_within_ns, terms_of
from mmfast.simtest.truth import Truth
from mmfast.simtest.weather import Gusts
from mmfast.simtest.wire_checks import WireChecks
from mmfast.simtest.writer import SecondWriter
from mmfast.units import NS_PER_MS, NS_PER_S

FIRST_RESTART_NS: Final = NS_PER_S
LAST_RESTART_NS: Final = 16 * NS_PER_S
"""How long the host's supervisor waits before it starts the engine again: longer each time, as
long as the engine does not live for a while."""
LONG_LIFE_NS: Final = 30 * NS_PER_S
LINES_KEPT: Final = 60


class SeedRun:
    """One world. :meth:`run` once; what it found is in ``findings``."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.findings = Findings()
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)
        """The newest lines of the engine's log, and what the world did to it."""
        self.time = Time()
        venue = Venue(plan.venue)
        self.truth = Truth(venue.instruments, PREFIX + "1-")
        venue._exchange.outbox.watchers.append(self.truth)
        self.gusts = Gusts(plan.wire, plan.seed, self.findings.marks)
        self._folder = folder
        (folder / "config.yaml").write_bytes(plan.config)
        self.clock = VirtualClock(self.time, lambda: self.front.venue_ms(self.time.now_ns))
        self.clock.wall_off_ms = plan.wall_off_ms
        self.paper = Paper(plan.seed, self.findings, self._broke)
        self.host = EngineHost(self.time, self.clock, self, folder, self._new_kernel, self.paper)
        self.host.obeys = bool(plan.resume_ms)
        config = self.host.config()
        self.checks = WireChecks(
            venue, self.truth, terms_of(config, venue.instruments), self.findings
        )
        self.checks.epoch_fault = self._epoch_fault
        self.truth.order_told = lambda order: self.checks.told(order, self.truth.now_ns)
        self.truth.order_filled = lambda order: self.checks.filled(order, self.truth.now_ns)
        refusals = self.checks.rates.refusals
        refusals.engine_ns = lambda at_ns: at_ns + START_NS - self.front.leap_ns
        venue.audit.counted = refusals.counted
        self.tap = Tap(self.checks)
        self.network = Network(self.time, self, self.tap)
        self.front = Front(venue, self.network.at)
        self.network.listener = self.front
        self.breakers = BreakerJudge(config.breakers, self.findings)
        self.breakers.on_halt = self._resume_later
        self.eyes = Eyes(self.truth, self.breakers, self.findings)
        self.eyes.flushed = self.checks.rates.flushed
        self.eyes.replied = self.checks.rates.replied
        self.eyes.cancelled_past = self.checks.rates.cancelled_past
        self.reckoning = Reckoning(
            self, config.venue.recv_window_ms, cancels_within_ns=cancels_within_ns(plan, config)
        )
        self.writer = SecondWriter(self, config.venue.recv_window_ms)
        self.over = False
        self.silent = False
        self._contact: Contact | None = None
        self.trading_ns = -1
        """Since when the engine trades; -1: it does not."""
        self._stall_ns = 0
        self._restart_ns = FIRST_RESTART_NS
        self._writes_left = 0

    # The whole story.

    def run(self) -> str:
        """Live through it; returns the hash of all that left and of how it ended."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(no_unraisable())
            stack.enter_context(log_taken_by(self))
            stack.enter_context(quiet_interpreter())
            stack.enter_context(libraries_on(self.time))
            stack.callback(self.host.bury)
            self._prepare()
            while not self.over:
                born_ns = self.time.now_ns
                life = self.host.live()
                self._life_over(life, born_ns)
                if self.host.lives >= MAX_LIVES and not self.over:
                    self._broke("I18", f"{self.host.lives} starts of the engine")
                    break
            return self._end()

    def _end(self) -> str:
        """The seed is over; what the killed still have to say does not count."""
        self.silent = True
        for row in self.front.venue.fault_report():
            self.findings.marks[str(row["kind"])] += int(str(row["fired"]))
        self.findings.marks["idle_close"] += self.front.idle_closed
        return self._trace()

    def _prepare(self) -> None:
        plan, network = self.plan, self.network
        self.front.venue.arm(plan.faults, 0)
        self.front.plan()
        self.gusts.begin(network, self.front)
        if plan.wall_off_ms:
            self.findings.marks[swarm.WALL_OFF] += 1
        for act in plan.acts:
            network.at(act.at_ns, self._act, act)
        network.at(plan.safety_ns, self._calm, None)
        self.writer.begin()

    def _life_over(self, life: Life, born_ns: int) -> None:
        """One life of the engine has ended: judge it, and wait for the next."""
        if life.killed or self.time.now_ns - born_ns > LONG_LIFE_NS:
            self._restart_ns = FIRST_RESTART_NS
        else:
            self._restart_ns = min(self._restart_ns * 2, LAST_RESTART_NS)
        self.findings.marks["life ended: " + life.end()] += 1
        self.note(f"the engine's life {self.host.lives} ended: {life.end()} {life.error or ''}")
        bug = life.bug()
        if bug:
            self._broke("I18", f"the engine ended by a fault of its own: {bug}")
        verdict = life.verdict
        if verdict is not None and verdict.proven_empty and self.truth.open_own():
            rest = [order.link_id for order in self.truth.open_own()]
            self._broke("I10", f"proven empty, but the venue has {rest}")
        if self.checks.gate_closed_ns >= 0:
            self.findings.checked["I10"] += 1
        if not life.killed:
            self.reckoning.judge_end(verdict)
        self.paper.end_of_life(killed=life.killed, ended=self.eyes.ended_here())
        operator_ns = self.writer.life_over(life)
        self.network.crash()
        self.checks.end_of_engine()
        self.eyes.forget()
        self._contact = None
        self.trading_ns = -1
        if not self.over:
            # After exit code 4 no supervisor starts it, but whoever has looked.
            self._wait(operator_ns or self._restart_ns)

    def _wait(self, ns: int) -> None:
        """Time passes without the engine."""
        self.time.now_ns += ns
        self.advance(self.time.now_ns)

    # The world, as the loop sees it.

    def next_due_ns(self) -> int:
        """See :class:`mmfast.simtest.loop.World`."""
        return self.network.next_due_ns()

    def advance(self, now_ns: int) -> None:
        """See :class:`mmfast.simtest.loop.World`."""
        self.truth.now_ns = now_ns
        self.network.advance(now_ns)
        while self._stall_ns:
            stall_ns, self._stall_ns = self._stall_ns, 0
            self.time.now_ns += stall_ns
            self.truth.now_ns = self.time.now_ns
            self.network.advance(self.time.now_ns)

    async def connect(self, factory: Callable[[], asyncio.BaseProtocol], port: int) -> Any:  # noqa: ANN401
        """See :class:`mmfast.simtest.loop.World`."""
        return await self.network.connect(factory, port)

    # The weather, with deaths on a certain write.

    def connecting(self, now_ns: int) -> OSError | bool | None:
        """See :class:`mmfast.simtest.network.Weather`."""
        return self.gusts.connecting(now_ns)

    def on_the_way(self, link: Link, data: bytes, *, up: bool, now_ns: int) -> Parcel:
        """See :class:`mmfast.simtest.network.Weather`."""
        if up and self._writes_left:
            self._writes_left -= 1
            if not self._writes_left:
                self._mark(swarm.CRASH_ON_WRITE)
                self.host.kill()
        return self.gusts.on_the_way(link, data, up=up, now_ns=now_ns)

    # What happens to the engine and its host.

    def _act(self, act: HostAct) -> None:
        if self.reckoning.began_ns:
            return
        name = act.name
        if name == swarm.STALL:
            self._stall_ns += act.size * NS_PER_MS
        elif name == swarm.SUSPEND:
            self.front.leap_ns += act.size * NS_PER_MS
            self.front.plan()
        elif name == swarm.WALL_STEP:
            self.clock.wall_off_ms += act.size
        elif name == swarm.CRASH:
            self.host.kill()
        elif name == swarm.CRASH_ON_WRITE:
            self._writes_left = act.size
            return
        elif name == swarm.DISK_FULL:
            if not self.host.fill_disk():
                return
            self.at(self.far_ns() + act.size * NS_PER_MS, self._free_disk, None)
        elif name == swarm.STOP:
            if not self.stop("SIGTERM"):
                return
        elif not self._reload(good=name == swarm.RELOAD):
            return
        self._mark(name)

    def _reload(self, *, good: bool) -> bool:
        data = self.plan.tighter if good else b"venue: {environment: [}\n"
        done = self.host.reload(data)
        if not done or not good:
            # A start must find a good file.
            good_data = self.plan.tighter if good else self.plan.config
            self.network.at(self.time.now_ns + NS_PER_S, self._restore, good_data)
        return done

    def _resume_later(self) -> None:
        if self.plan.resume_ms:
            self.at(self.far_ns() + self.plan.resume_ms * NS_PER_MS, self._resume, None)

    def _resume(self, _: None) -> None:
        self._mark("resumed")
        self.host.resume()
        self.breakers.resumed()

    def _free_disk(self, _: None) -> None:
        self.host.free_disk()

    def _restore(self, data: bytes) -> None:
        self.host.config_path.write_bytes(data)

    def _calm(self, _: None) -> None:
        """The faults are over."""
        self.note("the faults end")
        self.gusts.clear()
        self.front.idle_close_ns = 0
        self._writes_left = 0
        self.host.free_disk()
        self.front.venue.clear_faults(self.front.venue_ns(self.far_ns()))
        self.front.plan()
        for link in list(self.network.links.values()):
            if link.deaf or link.dumb:
                link.deaf = link.dumb = False
                link.reset(None)
        self.reckoning.begin(int((self.plan.calm_s - swarm.CALM_S) * NS_PER_S))

    # What the reckoning wants.

    def at(self, at_ns: int, act: Callable[[Any], None], argument: Any) -> None:  # noqa: ANN401
        """Do something later."""
        self.network.at(at_ns, act, argument)

    def far_ns(self) -> int:
        """The time outside the engine."""
        return self.network.far_ns

    def stop(self, reason: str) -> bool:
        """Tell the engine to stop; False when none runs."""
        if not self.host.stop(reason):
            return False
        self.note(f"told to stop: {reason}")
        if self.checks.gate_closed_ns < 0:
            self.checks.gate_closed_ns = self.time.now_ns
        return True

    def finish(self) -> None:
        """End the seed without further questions."""
        self.over = True
        self.host.kill()

    # The engine's kernel.

    def _new_kernel(self, kernel: Kernel, contact: Contact) -> Kernel:
        self._contact = contact
        self.checks.mode_fault = lambda: _mode_fault(kernel)
        self.eyes.settled_ns = lambda: max(self.trading_ns, self.checks.ban_over_ns())
        return self.eyes.watch(kernel, contact.ids)

    def _epoch_fault(self, link_id: str) -> str:
        """I1: the epoch of a create stands on the disk before it leaves."""
        epoch = int(link_id.rpartition("-")[2], 16) >> 32
        files = list((self._folder / "state").glob("*.epoch"))
        stored = int(files[0].read_bytes().split()[2]) if files else 0
        return "" if stored >= epoch else f"epoch {epoch} is not durable, {stored} is"

    # Small things.

    def _mark(self, name: str) -> None:
        self.findings.marks[name] += 1
        self.note(f"({name})")

    def note(self, text: str) -> None:
        """Keep a line for whoever reads a failure."""
        at_s = (self.time.now_ns - START_NS) / NS_PER_S
        self.lines.append(f"{at_s:9.3f}  {text}")

    def _broke(self, invariant: str, text: str) -> None:
        self.findings.broke(invariant, (self.time.now_ns - START_NS) / NS_PER_S, text)

    def heard_mode(self, text: str) -> None:
        """The log says that the mode changed."""
        if "-> TRADING" in text:
            self.trading_ns = self.time.now_ns
            self.writer.trades()
        else:
            self.trading_ns = -1

    def _trace(self) -> str:
        end = repr(
            (
                self.truth.positions,
                sorted(self.truth.exec_ids.items()),
                sorted((k, v.name) for k, v in self.eyes.ended.items()),
                self.time.now_ns,
                self.time.turns,
                [str(one) for one in self.findings.violations],
            )
        )
        self.tap.digest.update(end.encode() + self.paper.digest())
        return hashlib.sha256(self.tap.digest.digest()).hexdigest()


def _mode_fault(kernel: Kernel) -> str:
    if kernel.mode in (Mode.TRADING, Mode.REDUCE_ONLY):
        return ""
    return f"the mode is {kernel.mode.name}"


def run_plan(plan: Plan) -> tuple[SeedRun, str]:
    """Run one seed in a folder of its own; the world after it, and its trace hash."""
    memory = Path("/dev/shm")  # noqa: S108 - only where it is quick to write
    base = memory if memory.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="mmfast-seed-", dir=base) as folder:
        world = SeedRun(plan, Path(folder))
        return world, world.run()
