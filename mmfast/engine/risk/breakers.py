"""Breakers of the account: what goes wrong too often or takes too long makes us careful.

Acknowledgements and turns of the loop are measured against three times each: beyond the first the
quotes are widened, beyond the second withdrawn, beyond the third the engine halts until a human
resumes. Three measures in a row must say so, one slow reply is no news. When a while has passed
without another, the breaker steps back by one. Too large a share of refused orders withdraws all
quotes for a while, each time twice as long. Who resumes after a halt has looked: all of it is
forgotten then, and measured anew.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from mmfast.engine.counters import Counters
from mmfast.engine.params import BreakerParams
from mmfast.messages import BatchReply
from mmfast.units import NEVER_NS, NS_PER_MS

NORMAL: Final = 0
WIDEN: Final = 1
PULL: Final = 2
HALT: Final = 3
IN_A_ROW: Final = 3


class Verdict(NamedTuple):
    """What the breakers ask for now; the texts say why, and are empty where nothing is asked."""

    widen: str
    pull: str
    halt: str


CALM: Final = Verdict("", "", "")


class Gauge:
    """One kind of duration, and how far it has gone wrong."""

    __slots__ = (
        "_acted_upon",
        "_calm_ns",
        "_last_ns",
        "_limits_ns",
        "_name",
        "_told",
        "_until_ns",
        "_why",
        "step",
    )

    def __init__(self, name: str) -> None:
        self._name = name
        self._limits_ns = [NEVER_NS] * HALT
        self._calm_ns = 0
        self._last_ns: deque[int] = deque((0,) * IN_A_ROW, maxlen=IN_A_ROW)
        self._acted_upon = False
        """What was measured last has led to the step: stepping back forgets it, or a single slow
        measure would undo that. What was measured since counts."""
        self._told = NORMAL
        """The step that the last look was told of: none is left before it was."""
        self._until_ns = 0
        self._why = ""
        self.step = NORMAL

    def set_limits(self, limits_ms: tuple[int, int, int], calm_ms: int) -> None:
        """Times beyond which to widen, pull and halt; 0 for never."""
        self._limits_ns = [ms * NS_PER_MS or NEVER_NS for ms in limits_ms]
        self._calm_ns = calm_ms * NS_PER_MS

    def forget(self) -> None:
        """As if nothing had been measured yet."""
        self.step = self._told = NORMAL
        self._last_ns.extend((0,) * IN_A_ROW)

    def record(self, took_ns: int, now_ns: int) -> None:
        """One measure."""
        self._last_ns.append(took_ns)
        least_ns = min(self._last_ns)
        step = NORMAL
        for beyond, limit_ns in enumerate(self._limits_ns, WIDEN):
            if least_ns > limit_ns:
                step = beyond
        if step and step >= self.step:
            limit_ms = self._limits_ns[step - WIDEN] // NS_PER_MS
            self._why = f"{self._name} took more than {limit_ms} ms, {IN_A_ROW} times in a row"
            self.step = step
            self._acted_upon = True
            self._until_ns = now_ns + self._calm_ns

    def look(self, now_ns: int) -> str:
        """Step back when it has been calm for long enough; why it is not normal, else empty. A
        look that comes late, after calls that were awaited, still finds what happened before it."""
        if self.step > self._told:
            self._until_ns = max(self._until_ns, now_ns + self._calm_ns)
        elif self.step and now_ns >= self._until_ns:
            self.step -= 1
            self._until_ns = now_ns + self._calm_ns
            if self._acted_upon:
                self._last_ns.extend((0,) * IN_A_ROW)
                self._acted_upon = False
        self._told = self.step
        return self._why if self.step else ""


class RejectRate:
    """The share of creates and amends that the venue refuses, over a window of the counters."""

    __slots__ = ("_counters", "_params", "_pulls", "_samples", "_until_ns")

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._params = BreakerParams()
        self._samples: deque[tuple[int, int, int]] = deque()
        self._pulls = 0
        self._until_ns = 0

    def set_limits(self, params: BreakerParams) -> None:
        """New limits."""
        self._params = params

    def forget(self) -> None:
        """Count from now on, and end what has begun."""
        self._samples.clear()
        self._pulls = 0
        self._until_ns = 0

    def look(self, now_ns: int) -> str:
        """Why all quotes stay withdrawn; empty when they need not."""
        params, counters = self._params, self._counters
        at_once = sum(counters.reject_codes.values())
        refused = at_once + sum(counters.reject_reasons.values())
        judged = at_once + counters.orders_placed + counters.orders_amended
        samples = self._samples
        samples.append((now_ns, judged, refused))
        while samples[0][0] < now_ns - params.reject_window_ms * NS_PER_MS:
            samples.popleft()
        if now_ns < self._until_ns:
            return self._text()
        if now_ns - self._until_ns >= params.pull_cap_ms * NS_PER_MS:
            self._pulls = 0
        _, judged_before, refused_before = samples[0]
        bad, orders = refused - refused_before, judged - judged_before
        if not params.reject_percent or orders < params.reject_min_orders:
            return ""
        if bad * 100 <= orders * params.reject_percent:
            return ""
        self._until_ns = now_ns + params.pull_ms(self._pulls) * NS_PER_MS
        self._pulls += 1
        samples.clear()
        return self._text()

    def _text(self) -> str:
        return f"the venue refuses more than {self._params.reject_percent} % of the orders"


class Breakers:
    """All of them. Told what happens, asked once a second what follows."""

    __slots__ = ("_acks", "_lag", "_rejects", "_times_acks")

    def __init__(self, counters: Counters) -> None:
        self._acks = Gauge("acknowledgements")
        self._times_acks = False
        self._lag = Gauge("turns of the loop")
        self._rejects = RejectRate(counters)

    def set_limits(self, params: BreakerParams) -> None:
        """New limits."""
        self._times_acks = bool(params.ack_widen_ms or params.ack_pull_ms or params.ack_halt_ms)
        self._acks.set_limits(
            (params.ack_widen_ms, params.ack_pull_ms, params.ack_halt_ms), params.calm_ms
        )
        self._lag.set_limits(
            (params.lag_widen_ms, params.lag_pull_ms, params.lag_halt_ms), params.calm_ms
        )
        self._rejects.set_limits(params)

    def acked(self, reply: BatchReply, now_ns: int) -> None:
        """A batch was answered, or its time was over. One that never left measures nothing."""
        if self._times_acks and reply.sent_ns and reply.received_ns > reply.sent_ns:
            self._acks.record(reply.received_ns - reply.sent_ns, now_ns)

    def lagged(self, late_ns: int, now_ns: int) -> None:
        """The loop served a timer so late."""
        self._lag.record(late_ns, now_ns)

    def forget(self) -> None:
        """A human resumes: what was measured before says nothing any more."""
        self._acks.forget()
        self._lag.forget()
        self._rejects.forget()

    def look(self, now_ns: int) -> Verdict:
        """What follows now."""
        texts = ["", "", "", ""]
        for gauge in (self._acks, self._lag):
            text = gauge.look(now_ns)
            if text:
                texts[gauge.step] = texts[gauge.step] or text
        refused = self._rejects.look(now_ns)
        pull = texts[PULL] or refused
        return Verdict(texts[WIDEN], pull, texts[HALT]) if any((*texts, pull)) else CALM
