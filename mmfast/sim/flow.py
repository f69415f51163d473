"""Market life: who acts when. Seeded, so that the same seed gives the same market."""

from __future__ import annotations

import heapq
from enum import IntEnum
from random import Random
from typing import Final

from mmfast.messages import Instrument, Side
from mmfast.sim.params import FlowParams
from mmfast.sim.participants import Provider, Taker
from mmfast.sim.reference import STEP_NS, ReferencePrices
from mmfast.sim.seams import FlowMarket
from mmfast.units import NS_PER_MS, NS_PER_S, Ns

NEVER_NS: Final = Ns(1 << 62)

#: The exchange hears of a new index and mark price every so many steps of the walk (200 ms).
_STEPS_PER_REFERENCE: Final = 4

#: One taker arrival in twelve starts a burst: several orders of one side in quick succession.
_BURST_ODDS: Final = 1 / 12
_BURST_MAX: Final = 8
_BURST_GAP_NS: Final = 15 * NS_PER_MS


class _Act(IntEnum):
    """What an entry of the schedule does."""

    REFERENCE = 0
    PROVIDER = 1
    TAKER = 2
    BURST_BUY = 3
    BURST_SELL = 4


class MarketFlow:
    """The seeded participants of all instruments, on one schedule.

    Arrivals, sides and shocks come from random streams named by seed, symbol and role; none is
    touched by what a client does. ``params.activity`` 0 gives a still market.
    """

    __slots__ = (
        "_arrivals",
        "_instruments",
        "_provider_gap_ns",
        "_providers",
        "_reference",
        "_schedule",
        "_steps",
        "_taker_gap_ns",
        "_takers",
    )

    def __init__(
        self,
        instruments: tuple[Instrument, ...],
        start_ticks: tuple[int, ...],
        seed: int,
        params: FlowParams,
    ) -> None:
        self._instruments = instruments
        self._reference = ReferencePrices(
            instruments, start_ticks, seed, params.volatility_bps_per_sqrt_s
        )
        self._providers = [
            Provider(one, spot, start_ticks[spot], seed) for spot, one in enumerate(instruments)
        ]
        self._takers = [Taker(one, spot, seed) for spot, one in enumerate(instruments)]
        self._arrivals = [Random(f"{seed}/{one.symbol}/arrivals") for one in instruments]
        self._provider_gap_ns = _mean_gap_ns(params.provider_rate_hz * params.activity)
        self._taker_gap_ns = _mean_gap_ns(params.taker_rate_hz * params.activity)
        self._steps = 0
        # Entries are (due, instrument, act): ties break by instrument, never by chance.
        self._schedule: list[tuple[int, int, _Act]] = []
        if params.activity > 0:
            self._schedule_first()

    def seed_books(self, market: FlowMarket, now_ns: int) -> None:
        """Fill all books and set index and mark prices; call once, before the first step.

        The schedule starts to count at ``now_ns``.
        """
        for spot, provider in enumerate(self._providers):
            self._tell_reference(market, spot)
            provider.seed_book(market, self._reference.price(spot))
        self._schedule = [(due + now_ns, spot, act) for due, spot, act in self._schedule]

    def next_due_ns(self) -> Ns:
        """When the next participant acts."""
        return Ns(self._schedule[0][0]) if self._schedule else NEVER_NS

    def step(self, now_ns: int, market: FlowMarket) -> None:
        """Let everybody act who is due at or before ``now_ns``, in time order."""
        schedule = self._schedule
        while schedule and schedule[0][0] <= now_ns:
            due_ns, spot, act = schedule[0]
            if act is _Act.REFERENCE:
                heapq.heapreplace(schedule, (due_ns + STEP_NS, spot, act))
                self._move_references(market)
            elif act is _Act.PROVIDER:
                self._again(due_ns, spot, act, self._provider_gap_ns)
                self._providers[spot].act(market, self._reference.price(spot))
            elif act is _Act.TAKER:
                self._again(due_ns, spot, act, self._taker_gap_ns)
                self._take(market, spot, due_ns)
            else:
                heapq.heappop(schedule)
                side = Side.BUY if act is _Act.BURST_BUY else Side.SELL
                self._takers[spot].act(market, self._reference.price(spot), side)

    def _schedule_first(self) -> None:
        # The walk is one entry for all instruments; spot -1 lets it come first in a tie.
        self._schedule.append((STEP_NS, -1, _Act.REFERENCE))
        for spot, draw in enumerate(self._arrivals):
            for act, gap_ns in (
                (_Act.PROVIDER, self._provider_gap_ns),
                (_Act.TAKER, self._taker_gap_ns),
            ):
                if gap_ns:
                    self._schedule.append((_gap_ns(draw, gap_ns), spot, act))
        heapq.heapify(self._schedule)

    def _again(self, due_ns: int, spot: int, act: _Act, mean_gap_ns: int) -> None:
        due_ns += _gap_ns(self._arrivals[spot], mean_gap_ns)
        heapq.heapreplace(self._schedule, (due_ns, spot, act))

    def _move_references(self, market: FlowMarket) -> None:
        self._reference.step()
        self._steps += 1
        if self._steps % _STEPS_PER_REFERENCE == 0:
            for spot in range(len(self._instruments)):
                self._tell_reference(market, spot)

    def _tell_reference(self, market: FlowMarket, spot: int) -> None:
        reference = self._reference
        market.set_reference(spot, reference.index_ticks(spot), reference.mark_ticks(spot))

    def _take(self, market: FlowMarket, spot: int, due_ns: int) -> None:
        taker = self._takers[spot]
        side = taker.choose_side()
        draw = self._arrivals[spot]
        if draw.random() < _BURST_ODDS:
            act = _Act.BURST_BUY if side is Side.BUY else _Act.BURST_SELL
            for _ in range(draw.randrange(2, _BURST_MAX)):
                due_ns += _gap_ns(draw, _BURST_GAP_NS)
                heapq.heappush(self._schedule, (due_ns, spot, act))
        taker.act(market, self._reference.price(spot), side)


def _mean_gap_ns(rate_hz: float) -> int:
    """Mean time between arrivals; 0 stands for a rate of 0 (nobody comes)."""
    return int(NS_PER_S / rate_hz) if rate_hz > 0 else 0


def _gap_ns(draw: Random, mean_ns: int) -> int:
    return 1 + int(draw.expovariate(1.0 / mean_ns))
