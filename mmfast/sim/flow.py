"""Market life: who acts when. Seeded, so that the same seed gives the same market."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from enum import IntEnum
from random import Random
from typing import Final

from mmfast.messages import Instrument, Side
from mmfast.sim.crowd.params import FlowParams
from mmfast.sim.crowd.participants import Patient, Provider, Taker, stream_name
from mmfast.sim.crowd.reference import STEP_NS, ReferencePrices
from mmfast.sim.seams import FlowMarket
from mmfast.units import NEVER_NS, NS_PER_MS, NS_PER_S, Ns

#: The exchange hears of a new index and mark price every so many steps of the walk (200 ms).
_STEPS_PER_REFERENCE: Final = 4

#: Orders that a taker order draws after it follow within about so long (exponential).
_BURST_GAP_NS: Final = 40 * NS_PER_MS
_MOST_DRAWN: Final = 8
#: A burst share of 1 would never end, an informed share of 1 leaves nobody to live on.
_MOST_SHARE: Final = 0.9


class _Act(IntEnum):
    """What an entry of the schedule does: arrivals, what follows from them, and the walk."""

    REFERENCE = 0
    PROVIDER = 1
    PATIENT = 2
    TAKER = 3
    INFORMED = 4
    LEAVE = 5
    BURST_BUY = 6
    BURST_SELL = 7
    BURST_INFORMED = 8


_BURST_OF: Final = {Side.BUY: _Act.BURST_BUY, Side.SELL: _Act.BURST_SELL}


class _Crowd:
    """The participants of one instrument, their arrivals, and what they are told."""

    __slots__ = ("arrivals", "flow", "gaps_ns", "patient", "provider", "taker")

    def __init__(
        self, instrument: Instrument, spot: int, start_ticks: int, seed: int, flow: FlowParams
    ) -> None:
        self.flow = flow
        self.provider = Provider(instrument, spot, start_ticks, seed, flow)
        self.patient = Patient(instrument, spot, seed, flow)
        self.taker = Taker(instrument, spot, seed, flow)
        self.arrivals = Random(stream_name(seed, instrument, "arrivals"))
        # Each taker order draws burst_share others: the first ones are so much rarer.
        first_hz = flow.taker_rate_hz * (1.0 - min(flow.burst_share, _MOST_SHARE))
        share = min(flow.informed_share, _MOST_SHARE)
        self.gaps_ns = {
            _Act.PROVIDER: _mean_gap_ns(flow.provider_rate_hz * flow.activity),
            _Act.PATIENT: _mean_gap_ns(flow.patient_rate_hz * flow.activity),
            _Act.TAKER: _mean_gap_ns(first_hz * flow.activity),
            _Act.INFORMED: _mean_gap_ns(first_hz * flow.activity * share / (1.0 - share)),
        }
        """Mean time between arrivals; 0: nobody comes."""


class MarketFlow:
    """The seeded participants of all instruments, on one schedule.

    Arrivals, sides and shocks come from random streams named by seed, symbol and role; none is
    touched by what a client does. Without any ``activity`` the market stands still.
    """

    __slots__ = ("_crowds", "_reference", "_schedule", "_steps")

    def __init__(
        self,
        instruments: Sequence[Instrument],
        start_ticks: Sequence[int],
        seed: int,
        flows: Sequence[FlowParams],
    ) -> None:
        """The sequences are aligned: one entry per instrument."""
        self._reference = ReferencePrices(instruments, start_ticks, seed, flows)
        rows = enumerate(zip(instruments, start_ticks, flows, strict=True))
        self._crowds = [_Crowd(one, spot, start, seed, flow) for spot, (one, start, flow) in rows]
        self._steps = 0
        # Entries are (due, instrument, act, number): ties break by instrument, never by chance.
        self._schedule: list[tuple[int, int, _Act, int]] = []
        if any(flow.activity > 0 for flow in flows):
            self._schedule_first()

    def seed_books(self, market: FlowMarket, now_ns: int) -> None:
        """Fill all books and set index and mark prices; call once, before the first step.

        The schedule starts to count at ``now_ns``.
        """
        self._schedule = [
            (due + now_ns, spot, act, number) for due, spot, act, number in self._schedule
        ]
        for spot, crowd in enumerate(self._crowds):
            crowd.provider.seed_book(market, self._reference.price(spot))
            self._tell_reference(market, spot)

    def next_due_ns(self) -> Ns:
        """When the next act is due; :data:`NEVER_NS` in a still market."""
        return Ns(self._schedule[0][0] if self._schedule else NEVER_NS)

    def step(self, now_ns: int, market: FlowMarket) -> None:
        """Do everything due at or before ``now_ns``, in time order."""
        schedule = self._schedule
        while schedule and schedule[0][0] <= now_ns:
            due_ns, spot, act, number = schedule[0]
            if act is _Act.REFERENCE:
                heapq.heapreplace(schedule, (due_ns + STEP_NS, spot, act, 0))
                self._move_references(market)
            elif act in _ARRIVALS:
                gap_ns = self._gap_ns(spot, act)
                heapq.heapreplace(schedule, (due_ns + gap_ns, spot, act, 0))
                self._arrive(market, spot, act, due_ns)
            else:
                heapq.heappop(schedule)
                if act is _Act.LEAVE:
                    market.withdraw(spot, number)
                else:
                    self._take(market, spot, act, due_ns)

    def _schedule_first(self) -> None:
        # The walk is one entry for all instruments; spot -1 lets it come first in a tie.
        self._schedule.append((STEP_NS, -1, _Act.REFERENCE, 0))
        for spot, crowd in enumerate(self._crowds):
            for act, mean_ns in crowd.gaps_ns.items():
                if mean_ns:
                    self._schedule.append((self._gap_ns(spot, act), spot, act, 0))
        heapq.heapify(self._schedule)

    def _gap_ns(self, spot: int, act: _Act) -> int:
        """Time until the next arrival: exponential, shorter where the regime is lively."""
        crowd, reference = self._crowds[spot], self._reference
        mean_ns = crowd.gaps_ns[act] * reference.mean_factor(spot) / reference.factor(spot)
        return 1 + int(crowd.arrivals.expovariate(1.0) * mean_ns)

    def _move_references(self, market: FlowMarket) -> None:
        self._reference.step()
        self._steps += 1
        if self._steps % _STEPS_PER_REFERENCE == 0:
            for spot in range(len(self._crowds)):
                self._tell_reference(market, spot)

    def _tell_reference(self, market: FlowMarket, spot: int) -> None:
        reference = self._reference
        market.set_reference(spot, reference.index_ticks(spot), reference.mark_ticks(spot))

    def _arrive(self, market: FlowMarket, spot: int, act: _Act, due_ns: int) -> None:
        crowd, reference = self._crowds[spot], self._reference
        if act is _Act.PROVIDER:
            crowd.provider.act(market, reference.price(spot), reference.factor(spot))
        elif act is _Act.PATIENT:
            price, factor = reference.price(spot), reference.factor(spot)
            number, life_ns = crowd.patient.act(market, price, factor)
            if number:
                heapq.heappush(self._schedule, (due_ns + life_ns, spot, _Act.LEAVE, number))
        elif act is _Act.TAKER:
            self._take(market, spot, _BURST_OF[crowd.taker.choose_side()], due_ns)
        else:
            self._take(market, spot, _Act.BURST_INFORMED, due_ns)

    def _take(self, market: FlowMarket, spot: int, burst: _Act, due_ns: int) -> None:
        """One taker order, and the schedule of those it draws after it."""
        crowd = self._crowds[spot]
        draw = crowd.arrivals
        for _ in range(_drawn(draw.random(), min(crowd.flow.burst_share, _MOST_SHARE))):
            later_ns = due_ns + 1 + int(draw.expovariate(1.0) * _BURST_GAP_NS)
            heapq.heappush(self._schedule, (later_ns, spot, burst, 0))
        if burst is _Act.BURST_INFORMED:
            crowd.taker.act_informed(market, self._reference.ahead(spot))
        else:
            side = Side.BUY if burst is _Act.BURST_BUY else Side.SELL
            crowd.taker.act(market, self._reference.price(spot), side)


_ARRIVALS: Final = (_Act.PROVIDER, _Act.PATIENT, _Act.TAKER, _Act.INFORMED)


def _mean_gap_ns(rate_hz: float) -> int:
    """Mean time between arrivals; 0 stands for a rate of 0 (nobody comes)."""
    return int(NS_PER_S / rate_hz) if rate_hz > 0 else 0


def _drawn(chance: float, mean: float) -> int:
    """A Poisson count of this mean from one uniform draw, at most :data:`_MOST_DRAWN`."""
    count, weight = 0, math.exp(-mean)
    while chance >= weight and count < _MOST_DRAWN:
        chance -= weight
        count += 1
        weight *= mean / count
    return count
