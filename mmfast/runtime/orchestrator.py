"""Ticks: what one flush wants done is sent, awaited, timed and fed back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from mmfast._core.acks import Accepted
from mmfast.clock import Clock
from mmfast.engine.params import EngineParams
from mmfast.engine.planning.planner import DEADLINE_PASSED
from mmfast.messages import (
    NO_RATE_INFO,
    Batch,
    BatchReply,
    Event,
    ItemReply,
    Outcome,
)
from mmfast.net.gateway import Gateway
from mmfast.runtime.policy_watch import PolicyWatch
from mmfast.runtime.stats import BATCHED, SEQUENTIAL, RunStats
from mmfast.units import NS_PER_MS, Ns

MAX_CALLS_IN_FLIGHT: Final = 64
"""No new tick opens above this; intent waits in the kernel, where newer replaces older."""
_HOLD_FIRST_NS: Final = 20 * NS_PER_MS
_HOLD_MAX_NS: Final = 1_000 * NS_PER_MS


class Decider(Protocol):
    """What a tick needs of the kernel."""

    def flush(self, now_ns: int) -> list[Batch]:
        """Decide, and hand out what is to be sent, in sending order."""
        ...

    def on_event(self, event: Event, now_ns: int) -> None:
        """Take one event."""
        ...

    def last_look(self, batch: Batch, now_ns: int) -> str:
        """Why a batch may not leave any more; empty if it may."""
        ...

    def reconfigure(self, params: EngineParams, now_ns: int) -> None:
        """Take new parameters at a flush boundary."""
        ...


def _unheard(_reason: str) -> None:
    """Nobody asked to hear of a rollback."""


class _Tick:
    """One flush on its way. It closes with the last reply to what it sent."""

    __slots__ = ("deadline_ns", "label", "left", "opened_ns", "waiting")

    def __init__(self, label: str, opened_ns: int, deadline_ms: int, batches: int) -> None:
        self.label = label
        self.opened_ns = opened_ns
        self.deadline_ns = opened_ns + deadline_ms * NS_PER_MS
        self.left = batches
        self.waiting: deque[Batch] = deque()
        """Batches that leave one after the other, each after the reply to the one before."""


class AsyncTickOrchestrator:
    """Carries out ticks.

    Batched: the batches of a tick leave at once, and ticks may overlap. Sequential: one batch at
    a time, each awaited, and no tick opens before the one before it has closed. Either way a
    batch whose bytes did not leave before ``tick_deadline_ms`` returns to intent as NOT_SENT; the
    gateway asks :meth:`last_look` for it, at the last possible moment. ``on_progress`` is called
    after every reply that was fed to the kernel, ``on_fault`` with any exception of the kernel
    or the gateway: either is a bug. ``on_rollback`` hears why batches are given up, see
    :class:`PolicyWatch`.
    """

    def __init__(
        self,
        *,
        kernel: Decider,
        clock: Clock,
        stats: RunStats,
        params: EngineParams,
        on_progress: Callable[[], None],
        on_fault: Callable[[str, Exception], None],
        on_rollback: Callable[[str], None] = _unheard,
    ) -> None:
        self._kernel = kernel
        self._gateway: Gateway | None = None
        self._clock = clock
        self._stats = stats
        self._watch = PolicyWatch(params, stats, on_rollback)
        self._wanted = self._params = params
        self._offered: EngineParams | None = None
        self._on_progress = on_progress
        self._on_fault = on_fault
        self._in_flight = 0
        self._kernel_works = True
        self._ticks: dict[int, _Tick] = {}
        """The tick of each batch that was given to the gateway and has no reply yet."""
        self._refusals: dict[int, str] = {}
        self._unsent_in_a_row = 0
        self._hold_until_ns = 0

    @property
    def in_flight(self) -> int:
        """Batches sent and not answered, or waiting for their turn."""
        return self._in_flight

    @property
    def label(self) -> str:
        """How batches are sent now: ``batched`` or ``sequential``."""
        return BATCHED if self._params.batch.enabled else SEQUENTIAL

    def offer(self, params: EngineParams) -> None:
        """New parameters, taken at the next tick boundary; a later offer replaces an earlier."""
        self._wanted = params
        self._offered = self._watch.in_force(params)

    def restore(self) -> bool:
        """End a rollback: a human says that batches may leave again. False if there was none."""
        was_rolled_back = self._watch.restore()
        if was_rolled_back:
            self.offer(self._wanted)
        return was_rolled_back

    def opens_at_ns(self, now_ns: int) -> int:
        """When a tick may open: ``now_ns`` or earlier is now, -1 is not before a reply came."""
        # A sequential tick ends before the next one begins, also where the policy changes.
        batched = self._params.batch.enabled
        if self._offered is not None:
            batched = batched and self._offered.batch.enabled
        limit = MAX_CALLS_IN_FLIGHT if batched else 1
        return -1 if self._in_flight >= limit else max(self._hold_until_ns, now_ns)

    def flush(self) -> bool:
        """Open one tick, if one may open and there is something to send; True if it did."""
        now_ns = self._clock.now_ns()
        if self.opens_at_ns(now_ns) != now_ns:
            return False
        if self._offered is not None:
            self._params, self._offered = self._offered, None
            self._kernel.reconfigure(self._params, now_ns)
        self._stats.flushes += 1
        batches = self._kernel.flush(now_ns)
        if not batches:
            return False
        self._in_flight += len(batches)
        deadline_ms = self._params.batch.tick_deadline_ms
        tick = _Tick(self.label, now_ns, deadline_ms, len(batches))
        if self._params.batch.enabled:
            self._send(batches, tick)
        else:
            tick.waiting.extend(batches)
            self._send((tick.waiting.popleft(),), tick)
        self._watch.sent(batches, now_ns)  # only now: nothing stands before the wire
        return True

    def use(self, gateway: Gateway) -> None:
        """Send through this gateway; set before the first flush (it in turn asks us for the
        last look)."""
        self._gateway = gateway

    def last_look(self, batch: Batch) -> str:
        """Why a batch must not leave any more, asked when it is about to be signed; "" if it may.

        Late means the loop stalled, or earlier batches took long: the market has moved on, and
        the next flush decides afresh.
        """
        now_ns = self._clock.now_ns()
        tick = self._ticks.get(batch.batch_id)
        if tick is not None and now_ns > tick.deadline_ns:
            refusal = DEADLINE_PASSED
        else:
            refusal = self._kernel.last_look(batch, now_ns)
        if refusal:
            self._refusals[batch.batch_id] = refusal
        return refusal

    def _send(self, batches: Sequence[Batch], tick: _Tick) -> None:
        assert self._gateway is not None  # noqa: S101 - set before anything is flushed
        for batch in batches:
            self._ticks[batch.batch_id] = tick
        try:
            self._gateway.send(batches, self._feed)
        except Exception as error:  # noqa: BLE001 - a gateway that raises has a bug
            waiting, tick.waiting = tick.waiting, deque()
            self._on_fault("gateway", error)
            for batch in batches:  # the bytes may have left all the same
                self._feed(_made_here(batch, Outcome.UNKNOWN, "the gateway failed", self._clock))
            for batch in waiting:  # what had no turn is proven unsent
                text = "an earlier batch of the tick failed"
                self._ticks[batch.batch_id] = tick
                self._feed(_made_here(batch, Outcome.NOT_SENT, text, self._clock))

    def _feed(self, reply: BatchReply) -> None:
        """Account for one reply and give it to the kernel."""
        batch = reply.batch
        tick = self._ticks.pop(batch.batch_id, None)
        if tick is None:
            return  # answered already
        now_ns = self._clock.now_ns()
        self._in_flight -= 1
        tick.left -= 1
        refusal = self._refusals.pop(batch.batch_id, "")
        if refusal == DEADLINE_PASSED:
            self._stats.deadline_missed += len(batch.commands)
        elif not refusal:
            self._stats.late_replies += now_ns > tick.deadline_ns
            self._watch_transport(reply)
            if self._watch.replied(reply, now_ns, batched=tick.label == BATCHED):
                self.offer(self._wanted)
        if not tick.left:
            self._stats.tick(tick.label, now_ns - tick.opened_ns)
        if self._kernel_works:
            self._tell_kernel(reply, now_ns)
        if tick.waiting:
            self._send((tick.waiting.popleft(),), tick)
        self._on_progress()

    def _tell_kernel(self, reply: BatchReply, now_ns: int) -> None:
        try:
            self._kernel.on_event(reply, now_ns)
        except Exception as error:  # noqa: BLE001 - any exception of the kernel is a bug: halt
            self._kernel_works = False
            self._on_fault("kernel", error)

    def _watch_transport(self, reply: BatchReply) -> None:
        """Where nothing can be sent, ticks are held back a little longer each time."""
        items = reply.items
        if isinstance(items, Accepted) or any(i.outcome != Outcome.NOT_SENT for i in items):
            self._unsent_in_a_row = 0
            self._hold_until_ns = 0
            return
        hold_ns = min(_HOLD_FIRST_NS << min(self._unsent_in_a_row, 8), _HOLD_MAX_NS)
        self._unsent_in_a_row += 1
        self._hold_until_ns = self._clock.now_ns() + hold_ns


def _made_here(batch: Batch, outcome: Outcome, text: str, clock: Clock) -> BatchReply:
    """A reply that no venue gave: the same outcome for every command."""
    items = tuple(ItemReply(c.client_id, outcome, 0, text, "") for c in batch.commands)
    at = Ns(clock.now_ns())
    return BatchReply(batch=batch, items=items, rate=NO_RATE_INFO, sent_ns=at, received_ns=at)
