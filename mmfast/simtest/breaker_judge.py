"""I19: a breaker that must act does so as long as it must, and a halt lasts until it is resumed.

The judge hears what the engine is told (each reply at the kernel's door, each look at the loop) and
what it logs, and looks at what every flush hands out. It reckons by itself when quotes must be
gone, on the careful side: where only the engine knows what it has forgotten, nobody is accused.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from mmfast.config import BreakersConfig
from mmfast.engine.kernel import Kernel
from mmfast.messages import Batch, BatchReply, Mode, Op, Outcome
from mmfast.simtest.findings import Findings
from mmfast.simtest.loop import START_NS
from mmfast.units import NEVER_NS, NS_PER_MS, NS_PER_S

LOOK_NS: Final = NS_PER_S
"""Breakers of times are looked at so often."""
IN_A_ROW: Final = 3
PULL: Final = 2
HALT: Final = 3
STEPS: Final = ("", "widens", "pulls", "halts")
WITHDRAWN: Final = "orders refused"
"""Why an instrument is not quoted after a storm, in the engine's own words."""
NO_MARGIN: Final = 110007


class Measures:
    """Durations of one kind, and what three in a row of them ask for."""

    def __init__(self, limits_ms: tuple[int, int, int], calm_ms: int) -> None:
        self._limits_ns = [ms * NS_PER_MS or NEVER_NS for ms in limits_ms]
        self._calm_ns = calm_ms * NS_PER_MS
        self._back_ns = self._calm_ns + HALT * (self._calm_ns + 2 * LOOK_NS)
        """So long after a step up it has stepped back all the way."""
        self.forget()

    def forget(self) -> None:
        """A fresh engine has measured nothing."""
        self._row: deque[int] = deque(maxlen=IN_A_ROW)
        self._until_ns = 0
        """Until then the last step stands without a further measure."""
        self._normal_ns = 0
        """From then on the engine has stepped back all the way; between, only it knows how far."""
        self._step = 0
        self.gone_from_ns = self.gone_until_ns = 0
        """Between them nothing may be quoted."""
        self.halted_by_ns = NEVER_NS
        self._looked_ns = 0
        """When the first flush after that was made."""

    def is_late(self, now_ns: int) -> bool:
        """A flush finds it trading, and it had to have halted by an earlier one. Calls that are
        awaited hold flushes back, and it looks at its breakers with the first that follows."""
        if now_ns < self.halted_by_ns:
            return False
        self._looked_ns = self._looked_ns or now_ns
        return now_ns > self._looked_ns

    def add(self, took_ns: int, now_ns: int) -> int:
        """One measure; the step that it asks for anew, else 0."""
        if now_ns >= self._until_ns:
            if self._step:
                self._row.clear()
            if now_ns < self._normal_ns:
                if took_ns > min(self._limits_ns):
                    # It may have stepped up anew, and needs as long again to step back.
                    self._normal_ns = max(self._normal_ns, now_ns + self._back_ns)
                return 0
            self._step = 0
        self._row.append(took_ns)
        if len(self._row) < IN_A_ROW:
            return 0
        step = max((n for n, ns in enumerate(self._limits_ns, 1) if min(self._row) > ns), default=0)
        if not step or step < self._step:
            return 0
        self._step = step
        self._until_ns = now_ns + self._calm_ns
        self._normal_ns = now_ns + self._back_ns
        if step >= PULL:
            if now_ns >= self.gone_until_ns:
                self.gone_from_ns = now_ns + LOOK_NS
            self.gone_until_ns = self._until_ns
        if step == HALT:
            self.halted_by_ns = min(self.halted_by_ns, now_ns + 2 * LOOK_NS)
        return step


class BreakerJudge:
    """Of one seed, over all its engines."""

    def __init__(self, limits: BreakersConfig, findings: Findings) -> None:
        self.is_on = limits != BreakersConfig()
        self.halted = ""
        """Why the engine, or one before it, has halted, and no human has resumed since."""
        self.on_halt: Callable[[], None] = lambda: None
        """Told that it has halted; set by the world."""
        self._limits = limits
        self._findings = findings
        acks = (limits.ack_widen_ms, limits.ack_pull_ms, limits.ack_halt_ms)
        lags = (limits.lag_widen_ms, limits.lag_pull_ms, limits.lag_halt_ms)
        self._times_acks = any(acks)
        self._acks = Measures(acks, limits.calm_ms)
        self._lags = Measures(lags, limits.calm_ms)
        self._withdrawn_ns: dict[int, int] = {}
        """Instruments that may not be quoted, and until when."""
        self._told_pull = False
        self._stands = False
        """The engine was halted when it was last looked at."""
        self._quoted_ns = -1
        """When a flush quoted though a pull had been told: by that flush it must be over."""

    def new_engine(self) -> None:
        """A halt outlives the process; nothing else does."""
        self._acks.forget()
        self._lags.forget()
        self._withdrawn_ns.clear()
        self._told_pull = self._stands = False
        self._quoted_ns = -1

    # What the engine is told.

    def replied(self, kernel: Kernel, reply: BatchReply, now_ns: int) -> None:
        """Before the kernel hears a reply."""
        if not self.is_on:
            return
        if self._times_acks and reply.sent_ns and reply.received_ns > reply.sent_ns:
            self._mark(self._acks.add(reply.received_ns - reply.sent_ns, now_ns))
        if self._limits.storm_refusals and reply.batch.op is not Op.CANCEL:
            self._refusals(kernel, reply, now_ns)

    def lagged(self, late_ns: int, now_ns: int) -> None:
        """Before the kernel hears of a look at the loop."""
        if self.is_on:
            self._mark(self._lags.add(late_ns, now_ns))

    def _refusals(self, kernel: Kernel, reply: BatchReply, now_ns: int) -> None:
        """More of one instrument in one reply than a storm takes, or one for want of margin."""
        refused: dict[int, int] = {}
        for command, item in zip(reply.batch.commands, reply.items, strict=False):
            if item.outcome is Outcome.REJECT and item.client_id == command.client_id:
                weight = self._limits.storm_refusals + 1 if item.ret_code == NO_MARGIN else 1
                refused[command.instrument] = refused.get(command.instrument, 0) + weight
        storms = [one for one, count in refused.items() if count > self._limits.storm_refusals]
        if not storms:
            return
        rows = kernel.view(now_ns).instruments
        for instrument in storms:
            if rows[instrument].pull_reason != WITHDRAWN:
                self._withdrawn_ns[instrument] = now_ns + self._limits.pull_first_ms * NS_PER_MS
                self._findings.marks["breaker withdraws an instrument"] += 1

    # What it says and does.

    def heard(self, event: str, text: str, now_ns: int) -> None:
        """A line of its log."""
        if event == "control_halts":
            self.halted = text
            self._findings.marks["halted"] += 1
            self.on_halt()
        elif event == "breaker_pull":
            self._told_pull = not text.startswith("over")
            self._findings.marks["breaker_pull told"] += self._told_pull
            if not self._told_pull and self._quoted_ns == now_ns:
                self._quoted_ns = -1

    def resumed(self) -> None:
        """A human has looked at it."""
        self.halted = ""

    def _follow_mode(self, mode: Mode) -> None:
        """The engine has forgotten what it measured before it obeyed a resume."""
        if self._stands and mode is not Mode.HALTED:
            self._acks.forget()
            self._lags.forget()
        self._stands = mode is Mode.HALTED

    def flushed(self, kernel: Kernel, batches: Sequence[Batch], now_ns: int) -> None:
        """What a flush has handed out."""
        if not self.is_on:
            return
        self._findings.checked["I19"] += 1
        self._follow_mode(kernel.mode)
        if self._quoted_ns >= 0:
            self._broke(self._quoted_ns, "quotes though a breaker was told to have withdrawn all")
            self._quoted_ns = -1
        for gauge, name in ((self._acks, "acknowledgements"), (self._lags, "turns of the loop")):
            if kernel.mode is Mode.TRADING and not self.halted and gauge.is_late(now_ns):
                self._broke(now_ns, f"{name} were slow enough to halt, and it trades")
        quoted = [batch for batch in batches if batch.op is not Op.CANCEL]
        if not quoted:
            return
        if self.halted:
            self._broke(now_ns, f"quotes though it has halted: {self.halted}")
        for gauge, name in ((self._acks, "acknowledgements"), (self._lags, "turns of the loop")):
            if gauge.gone_from_ns <= now_ns < gauge.gone_until_ns:
                self._broke(now_ns, f"quotes though {name} were slow three times in a row")
        for instrument in sorted({one.instrument for b in quoted for one in b.commands}):
            if now_ns < self._withdrawn_ns.get(instrument, 0):
                self._broke(now_ns, f"quotes instrument {instrument} in a storm of refusals")
        if self._told_pull:
            self._quoted_ns = now_ns

    def _mark(self, step: int) -> None:
        if step:
            self._findings.marks[f"breaker {STEPS[step]}"] += 1

    def _broke(self, now_ns: int, text: str) -> None:
        self._findings.broke("I19", (now_ns - START_NS) / NS_PER_S, text)
