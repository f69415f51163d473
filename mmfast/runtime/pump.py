"""Events in, one flush per burst out, and the loop's own pulse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Final

from mmfast.clock import Clock, until_beat_s
from mmfast.engine.kernel import Kernel
from mmfast.messages import BookFrame, Event, Mode, Request
from mmfast.runtime.durations import Durations
from mmfast.runtime.orchestrator import AsyncTickOrchestrator
from mmfast.units import NEVER_NS, NS_PER_S, InstrumentIndex

_AGAIN_S: Final = 0.001
_LONGEST_SLEEP_S: Final = 3600.0


class Pump:
    """Feeds the kernel and serves it once per burst.

    Frames are applied one by one; the first dirty mark asks the loop for one call of the service
    routine, which runs after everything that was read in the same turn. ``on_fault`` hears of any
    exception of the kernel: after one, nothing is fed any more.
    """

    def __init__(
        self,
        *,
        kernel: Kernel,
        clock: Clock,
        orchestrator: AsyncTickOrchestrator,
        on_request: Callable[[Request], None],
        on_mode: Callable[[Mode, str], None],
        on_fault: Callable[[str, BaseException], None],
    ) -> None:
        self._kernel = kernel
        self._clock = clock
        self._orchestrator = orchestrator
        self._on_request = on_request
        self._on_mode = on_mode
        self._on_fault = on_fault
        self._loop = asyncio.get_running_loop()
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = NEVER_NS
        self._mode = kernel.mode
        self._closed = False

    def frame(self, instrument: int, data: bytes, last_in_buffer: bool) -> None:
        """One public frame; the decision waits for the last one of its buffer."""
        if self._closed:
            return
        try:
            now_ns = self._clock.now_ns()
            self._kernel.on_event(BookFrame(InstrumentIndex(instrument), data), now_ns)
            if last_in_buffer and not self._scheduled and self._kernel.wants_flush:
                self.wake()
        except Exception as error:  # noqa: BLE001 - any exception of the kernel is a bug: halt
            self.fail(error)

    def level1(self, instrument: int, data: bytes, last_in_buffer: bool) -> None:
        """One frame of the level-1 stream beside a book."""
        if self._closed:
            return
        try:
            frame = BookFrame(InstrumentIndex(instrument), data, level1=True)
            self._kernel.on_event(frame, self._clock.now_ns())
            if last_in_buffer and self._kernel.wants_flush:
                self.wake()
        except Exception as error:  # noqa: BLE001 - as above
            self.fail(error)

    def quiet(self, event: Event) -> None:
        """One event that mostly changes nothing: it is served only where the kernel wants to."""
        if self._closed:
            return
        try:
            self._kernel.on_event(event, self._clock.now_ns())
            if self._kernel.wants_flush:
                self.wake()
        except Exception as error:  # noqa: BLE001 - as above
            self.fail(error)

    def event(self, event: Event) -> None:
        """One event of any kind."""
        self.events((event,))

    def events(self, events: Collection[Event]) -> None:
        """Events that belong together, in order."""
        if self._closed:
            return
        try:
            self._kernel.on_events(events, self._clock.now_ns())
        except Exception as error:  # noqa: BLE001 - as above
            self.fail(error)
        self.wake()

    def wake(self) -> None:
        """Serve the kernel once, after what the loop is doing now."""
        if not self._scheduled and not self._closed:
            self._scheduled = True
            self._loop.call_soon(self._serve)

    def close(self) -> None:
        """Feed and serve nothing any more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _serve(self) -> None:
        self._scheduled = False
        if self._closed:
            return
        try:
            self._hand_out_requests()
            sent = self._orchestrator.flush()
            self._hand_out_requests()
            self._plan_next(sent=sent)
        except Exception as error:  # noqa: BLE001 - as above
            self.fail(error)

    def _hand_out_requests(self) -> None:
        kernel = self._kernel
        if kernel.mode != self._mode:
            self._mode = kernel.mode
            self._on_mode(kernel.mode, kernel.view(self._clock.now_ns()).mode_reason)
        for request in kernel.take_requests():
            self._on_request(request)

    def _plan_next(self, *, sent: bool) -> None:
        """Come back when the kernel, or a held orchestrator, wants it."""
        now_ns = self._clock.now_ns()
        opens_ns = self._orchestrator.opens_at_ns(now_ns)
        if opens_ns < 0:
            return  # the next reply wakes us
        wake_ns = self._kernel.next_wake_ns(now_ns)
        if self._kernel.wants_flush:
            # More is wanted than one tick takes, or a flush found nothing to do: never spin.
            wake_ns = now_ns if sent else now_ns + int(_AGAIN_S * NS_PER_S)
        wake_ns = max(wake_ns, opens_ns)
        if wake_ns <= now_ns:
            self.wake()
        elif wake_ns < self._timer_ns or self._timer_ns <= now_ns:
            self._arm(now_ns, wake_ns)

    def _arm(self, now_ns: int, wake_ns: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_ns = wake_ns
        delay_s = min((wake_ns - now_ns) / NS_PER_S, _LONGEST_SLEEP_S)
        self._timer = self._loop.call_later(delay_s, self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer_ns = NEVER_NS
        self._timer = None
        self.wake()

    def fail(self, error: BaseException) -> None:
        """The kernel has failed: feed it nothing any more, and say so."""
        self._closed = True
        self._on_fault("kernel", error)


class LagWatch:
    """Measures how late the loop serves a timer: its longest turns are the engine's blind spots.

    Four times a second, in the turns in which other things are looked after: waking an idle loop
    costs a tenth of a millisecond, so looking oftener would cost more than quoting does.
    ``on_stall`` is told of a turn so long that no connection can be believed after it: nobody has
    looked whether they live, and ``on_beat`` of each: how late it was, and when.
    """

    INTERVAL_S = 0.25
    STALL_NS = 2 * NS_PER_S

    def __init__(
        self,
        clock: Clock,
        lag: Durations,
        on_stall: Callable[[str], None] | None = None,
        on_beat: Callable[[int, int], None] | None = None,
    ) -> None:
        self._clock = clock
        self._lag = lag
        self._on_stall = on_stall
        self._on_beat = on_beat
        self._handle: asyncio.TimerHandle | None = None
        self._due_ns = 0

    def start(self) -> None:
        """Begin; needs a running loop."""
        loop = asyncio.get_running_loop()
        wait_s = until_beat_s(loop.time(), self.INTERVAL_S)
        self._due_ns = self._clock.now_ns() + int(wait_s * NS_PER_S)
        self._handle = loop.call_later(wait_s, self._beat)

    def stop(self) -> None:
        """End."""
        if self._handle is not None:
            self._handle.cancel()

    def _beat(self) -> None:
        now_ns = self._clock.now_ns()
        late_ns = now_ns - self._due_ns
        self._lag.record(late_ns)
        if self._on_beat is not None:
            self._on_beat(late_ns, now_ns)
        self.start()
        if late_ns > self.STALL_NS and self._on_stall is not None:
            self._on_stall(f"the loop stood still for {late_ns / NS_PER_S:.1f} s")
