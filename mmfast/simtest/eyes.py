"""What the engine believes, looked at after every event: I2, I3, I5, I6, I13, I15, G7.

The kernel is watched through its own door: the shell is given a stand-in that passes everything
on. Its order table and positions are read and never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from mmfast.engine.kernel import Kernel
from mmfast.engine.orders.endings import Ending, Evidence, Refusal
from mmfast.engine.orders.order import Order
from mmfast.engine.orders.order_states import FIRST_FINAL, IN_FLIGHT, State
from mmfast.ids import ClientIds
from mmfast.messages import BatchReply, BookFrame, Execution, Instrument, Op
from mmfast.sim.orders.orders import CANCEL_BY_USER, Status
from mmfast.sim.orders.orders import Order as TrueOrder
from mmfast.simtest.breaker_judge import BreakerJudge
from mmfast.simtest.findings import Findings
from mmfast.simtest.loop import START_NS
from mmfast.simtest.truth import Truth
from mmfast.units import NS_PER_S

MAX_ORDERS: Final = 2_000
"""I15: orders a kernel of two or three instruments may hold."""


class _Known:
    """One order as it was last seen in the engine's table."""

    __slots__ = ("cum_lots", "link_id", "order", "state", "unknown_ns")

    def __init__(self, order: Order, link_id: str) -> None:
        self.order = order
        self.link_id = link_id
        self.cum_lots = 0
        self.state = order.state
        self.unknown_ns = -1


class Eyes:
    """On one engine after the other. ``ended`` are final outcomes by link id, over all runs."""

    def __init__(self, truth: Truth, breakers: BreakerJudge, findings: Findings) -> None:
        self.breakers = breakers
        self.ended: dict[str, State] = {}
        self.kernel: Kernel | None = None
        self.longest_unknown_ns = 0
        """Since :meth:`count_unknown_from`."""
        self._truth = truth
        self._findings = findings
        self._known: dict[int, _Known] = {}
        self._applied: dict[str, int] = {}
        self._ended_here: dict[str, State] = {}
        """Those of ``ended`` that the engine now running has ended itself."""
        self._ids: ClientIds
        self._calm_ns = 1 << 62
        self.settled_ns: Callable[[], int] = lambda: 0
        """Since when the engine could ask the venue in peace; set by the world."""
        self.flushed: Callable[[list[Any], int], None] = lambda _batches, _now_ns: None
        """Told what each flush hands out; set by the world."""
        self.replied: Callable[[BatchReply], None] = lambda _reply: None
        """Told each reply before the kernel hears it; set by the world."""
        self.cancelled_past: Collection[str] = ()
        """Orders that others of the engine's host cancel; set by the world."""
        truth.order_came = self._order_came

    def watch(self, kernel: Kernel, ids: ClientIds) -> Kernel:
        """Put the eyes on a fresh kernel."""
        self.kernel = kernel
        self._ids = ids
        self._known.clear()
        self._applied.clear()
        self._ended_here.clear()
        self.breakers.new_engine()
        watched: Any = _Watched(kernel, self)
        shown: Kernel = watched
        return shown

    def epoch(self) -> int:
        """Of the engine that now runs, or ran last."""
        return self._ids.epoch

    def event(self, kernel: Kernel, event: Any, now_ns: int) -> None:  # noqa: ANN401
        """Let an event happen, and look what it did."""
        before = self._positions() if isinstance(event, Execution) else None
        kernel.on_event(event, now_ns)
        if before is not None:
            self._applied_once(event, before, now_ns)
        self.look(now_ns)

    def forget(self) -> None:
        """The engine is gone."""
        if self.kernel is not None:
            for control, count in self.kernel.counters.refused.items():
                self._findings.marks[f"held back by {control}"] += count
        self.kernel = None
        self._known.clear()
        self._ended_here.clear()

    def ended_here(self) -> dict[str, State]:
        """What the engine now running has seen end, by link id."""
        return dict(self._ended_here)

    def count_unknown_from(self, now_ns: int) -> None:
        """Measure how long orders stay unknown from now."""
        self._calm_ns = now_ns

    def in_flight(self) -> int:
        """Orders with an unanswered request, or in doubt."""
        waiting = (State.UNKNOWN, State.PLACED, State.AMENDED, State.CANCEL_ACKED)
        return sum(
            IN_FLIGHT[one.order.state] or one.order.state in waiting for one in self._known.values()
        )

    def unknown(self) -> list[str]:
        """Link ids of orders in doubt."""
        return [k.link_id for k in self._known.values() if k.order.state is State.UNKNOWN]

    # After each event.

    def look(self, now_ns: int) -> None:
        """See what has changed in the order table."""
        known = self._known
        kernel = self.kernel
        if kernel is None:
            return
        for order in kernel._orders:
            if order.client_id not in known:
                link_id = self._ids.text(order.client_id)
                known[order.client_id] = _Known(order, link_id)
                self._began(order, link_id, now_ns)
        if len(known) > MAX_ORDERS:
            self._broke("I15", now_ns, f"{len(known)} orders in the table")
        over = [one for one in known.values() if self._moved(one, now_ns)]
        for one in over:
            del known[one.order.client_id]

    def _moved(self, one: _Known, now_ns: int) -> bool:
        """Look at one order; True when it has ended."""
        order = one.order
        if order.cum_lots != one.cum_lots:
            if order.cum_lots < one.cum_lots:
                text = f"{one.link_id}: filled lots fell from {one.cum_lots} to {order.cum_lots}"
                self._broke("I13", now_ns, text)
            one.cum_lots = order.cum_lots
        state = order.state
        if state is not one.state:
            self._findings.checked["I13"] += 1
            if one.state is State.UNKNOWN:
                self._no_longer_unknown(one, now_ns)
            elif state is State.UNKNOWN:
                self._findings.marks["order unknown"] += 1
                one.unknown_ns = now_ns
            one.state = state
        if state < FIRST_FINAL:
            return False
        self._final(one, now_ns)
        return True

    def _no_longer_unknown(self, one: _Known, now_ns: int) -> None:
        self._findings.marks["unknown resolved"] += 1
        began_ns = max(one.unknown_ns, self._calm_ns, self.settled_ns())
        self.longest_unknown_ns = max(self.longest_unknown_ns, now_ns - began_ns)

    def refused(self, outcomes: list[Ending | Refusal], now_ns: int) -> None:
        """I2: a cancel that an unchanged order shows to be refused has not ended that order."""
        for one in outcomes:
            if not isinstance(one, Refusal):
                continue
            self._findings.marks[f"{one.op.name.lower()} refused: {one.evidence.name}"] += 1
            if one.op is not Op.CANCEL or one.evidence is not Evidence.REPORT:
                continue  # by its reply one is refused that came after another, which was lost
            link_id = self._ids.text(one.client_id)
            if link_id in self.cancelled_past:
                continue  # what the engine sent may be refused, and the order ended by the other
            self._findings.checked["I2"] += 1
            true = self._truth.orders.get(link_id)
            if true is None or true.cancel_type == CANCEL_BY_USER:
                text = f"the cancel of {link_id} was taken for refused, and has ended it"
                self._broke("I2", now_ns, text)

    def _began(self, order: Order, link_id: str, now_ns: int) -> None:
        """I3: what has ended stays ended. Only a later process, which knows nothing of the end,
        may take an order in from a late report of it: as one to be ended, never as a new one."""
        ended = self.ended.get(link_id)
        if ended is None:
            return
        if order.adopted and link_id not in self._ended_here:
            self._findings.marks["taken in after its end"] += 1
        else:
            self._broke("I3", now_ns, f"{link_id} was {ended.name} and is back in the table")

    def _final(self, one: _Known, now_ns: int) -> None:
        """I2 and I3: a final is the truth, and comes once."""
        self._findings.checked["I2"] += 1
        self._findings.checked["I3"] += 1
        link_id, state = one.link_id, one.order.state
        before = self.ended.get(link_id, state)
        if link_id in self._ended_here or before is not state:
            self._broke("I3", now_ns, f"{link_id} ended twice: {before.name}, then {state.name}")
        self.ended[link_id] = state
        self._ended_here[link_id] = state
        true = self._truth.orders.get(link_id)
        cum_lots = self._venue_lots(one.order.instrument, one.order.cum_lots)
        fault = _final_fault(state, cum_lots, true)
        if fault:
            self._broke("I2", now_ns, f"{link_id} was taken for {state.name}: {fault}")

    def _order_came(self, true: TrueOrder) -> None:
        """I2: the venue accepted an order; had the engine given it up?"""
        ended = self.ended.get(true.link_id)
        if ended in (State.EXPIRED_UNSENT, State.REJECTED, State.CANCELLED):
            text = f"{true.link_id} was taken for {ended.name}, and now the venue accepts it"
            self._broke("I2", self._truth.now_ns, text)

    def _positions(self) -> list[int]:
        kernel = self.kernel
        assert kernel is not None  # noqa: S101 - only called with one
        held = enumerate(kernel._inventory.positions)
        return [self._venue_lots(instrument, position.lots) for instrument, position in held]

    def _applied_once(self, event: Execution, before: list[int], now_ns: int) -> None:
        """I5: an execution moves the position once, by its size, and is one of the venue's."""
        self._findings.checked["I5"] += 1
        after = self._positions()
        moved = after[event.instrument] - before[event.instrument]
        if not moved:
            return
        true = self._truth.exec_ids.get(event.exec_id)
        if true is None:
            self._broke("I5", now_ns, f"execution {event.exec_id} is not the venue's")
        elif moved != true:
            self._broke("I5", now_ns, f"{event.exec_id} moved {moved} lots, expected {true}")
        if event.exec_id in self._applied:
            self._broke("I5", now_ns, f"execution {event.exec_id} was applied twice")
        self._applied[event.exec_id] = now_ns

    def renewed(self, changed: Instrument, now_ns: int) -> None:
        """I6: when the units change, no own order is there that was counted in the old ones."""
        self._findings.marks["units renewed"] += 1
        self._findings.checked["I6"] += 1
        index = changed.index
        at_venue = [one.link_id for one in self._truth.open_own() if one.instrument == index]
        in_table = [k.link_id for k in self._known.values() if k.order.instrument == index]
        if at_venue or in_table:
            text = f"{changed.symbol} changed its units with {at_venue} open, {in_table} in doubt"
            self._broke("I6", now_ns, text)

    # At quiescence.

    def compare(self, now_ns: int) -> bool:
        """I5 and I6 at a quiet instant: open orders and positions are the venue's."""
        kernel = self.kernel
        assert kernel is not None  # noqa: S101
        self._findings.checked["I6"] += 1

        def leaves(order: Order) -> int:
            return self._venue_lots(order.instrument, order.leaves_lots)

        ours = sorted(
            (k.link_id, int(k.order.side), self._venue_ticks(k.order), leaves(k.order))
            for k in self._known.values()
        )
        theirs = sorted(
            (o.link_id, int(o.side), int(o.ticks), o.leaves) for o in self._truth.open_own()
        )
        if ours != theirs:
            self._broke("I6", now_ns, f"the engine has {ours}, the venue {theirs}")
        positions = self._positions()
        if positions != self._truth.positions:
            text = f"positions: the engine has {positions}, the venue {self._truth.positions}"
            self._broke("I5", now_ns, text)
        return ours == theirs and positions == self._truth.positions

    def _venue_ticks(self, order: Order) -> int:
        """Its price in the ticks of the listing: the engine counts in those in force."""
        ours, theirs = self._both(order.instrument)
        units = order.price_ticks * ours.tick_units * 10**theirs.tick_decimals
        return int(units // (theirs.tick_units * 10**ours.tick_decimals))

    def _venue_lots(self, instrument: int, lots: int) -> int:
        """A size in the lots of the listing."""
        ours, theirs = self._both(instrument)
        units = lots * ours.step_units * 10**theirs.step_decimals
        return int(units // (theirs.step_units * 10**ours.step_decimals))

    def _both(self, instrument: int) -> tuple[Instrument, Instrument]:
        kernel = self.kernel
        assert kernel is not None  # noqa: S101 - only called with one
        return kernel._market.instruments[instrument], self._truth.instruments[instrument]

    def _broke(self, invariant: str, now_ns: int, text: str) -> None:
        self._findings.broke(invariant, (now_ns - START_NS) / NS_PER_S, text)


class _WatchedBreakers:
    """What the shell asks of a kernel's breakers, heard."""

    def __init__(self, kernel: Kernel, eyes: Eyes) -> None:
        self._kernel = kernel
        self._eyes = eyes

    def lagged(self, late_ns: int, now_ns: int) -> None:
        """As the breakers'."""
        self._eyes.breakers.lagged(late_ns, now_ns)
        self._kernel.breakers.lagged(late_ns, now_ns)


class _Watched:
    """A kernel under watch: the same door, with the eyes behind it."""

    __slots__ = ("_eyes", "_kernel", "_now_ns", "_on_event")

    def __init__(self, kernel: Kernel, eyes: Eyes) -> None:
        self._kernel = kernel
        self._on_event = kernel.on_event
        self._eyes = eyes
        self._now_ns = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._kernel, name)

    @property
    def breakers(self) -> _WatchedBreakers:
        """The kernel's, through the same door."""
        return _WatchedBreakers(self._kernel, self._eyes)

    def on_event(self, event: Any, now_ns: int) -> None:  # noqa: ANN401
        """As the kernel's."""
        if isinstance(event, BookFrame):
            self._on_event(event, now_ns)
        else:
            self._now_ns = now_ns
            if isinstance(event, BatchReply):
                self._eyes.breakers.replied(self._kernel, event, now_ns)
                self._eyes.replied(event)
            self._eyes.event(self._kernel, event, now_ns)

    def on_events(self, events: Collection[Any], now_ns: int) -> None:
        """As the kernel's. What it takes at once, as rows, is looked at when it has taken it."""
        if isinstance(events, tuple):
            for event in events:
                self.on_event(event, now_ns)
        else:
            self._now_ns = now_ns
            self._kernel.on_events(events, now_ns)
            self._eyes.look(now_ns)

    def renew_units(self, changed: Instrument, now_ns: int) -> bool:
        """As the kernel's."""
        done = self._kernel.renew_units(changed, now_ns)
        if done:
            self._eyes.renewed(changed, now_ns)
        return done

    def take_outcomes(self) -> list[Ending | Refusal]:
        """As the kernel's."""
        outcomes = self._kernel.take_outcomes()
        if outcomes:
            self._eyes.refused(outcomes, self._now_ns)
        return outcomes

    def flush(self, now_ns: int) -> list[Any]:
        """As the kernel's."""
        batches = self._kernel.flush(now_ns)
        self._eyes.breakers.flushed(self._kernel, batches, now_ns)
        if batches:
            self._eyes.flushed(batches, now_ns)
            self._eyes.look(now_ns)
        return batches


def _final_fault(state: State, cum_lots: int, true: TrueOrder | None) -> str:
    """What is wrong with a final, by what the venue knows; empty for nothing."""
    if state in (State.EXPIRED_UNSENT, State.REJECTED):
        if true is None or (state is State.REJECTED and true.status is Status.REJECTED):
            return ""
        return f"the venue has it {true.status.name}"
    if true is None:
        return "the venue never had it"
    if true.is_open:
        return "the venue has it open"
    filled = true.status is Status.FILLED
    if filled != (state is State.FILLED):
        return f"the venue has it {true.status.name}"
    if cum_lots != true.cum_lots:
        return f"with {cum_lots} lots filled, the venue says {true.cum_lots}"
    return ""
