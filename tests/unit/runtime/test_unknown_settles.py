"""How long an order stays in doubt: the worst case over many seeds, on virtual time.

Whatever became of the request, what proves it must be known within the receive window, one
second, and two polls after it was sent, as long as the venue answers.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from runtime_bench import command

from mmfast.clock import VenueClock
from mmfast.messages import (
    Event,
    Execution,
    OrderAbsent,
    OrderStatus,
    OrderUpdate,
    ResolveOrder,
)
from mmfast.runtime.recover import GROUP, GROUP_EVERY_NS, POLL_NS, Resolver
from mmfast.simtest.loop import Time, VirtualClock, VirtualLoop
from mmfast.units import NS_PER_MS, NS_PER_S

RECV_WINDOW_MS = 2_000
TRIP_MS = 50
QUESTIONS = 3
"""Open and lately closed orders, the history, executions: each costs a trip."""
POLL_MS = POLL_NS // NS_PER_MS + QUESTIONS * TRIP_MS
"""From one question to the answer to the next."""
BOUND_MS = RECV_WINDOW_MS + 1_000 + 2 * POLL_MS
ORDERS_PER_S = GROUP * NS_PER_S // GROUP_EVERY_NS
READS_PER_S = 50
"""The venue's limit of each kind of question."""
SEEDS = 60


class Nobody:
    """A world in which nothing happens but timers."""

    def next_due_ns(self) -> int:
        return 1 << 62

    def advance(self, now_ns: int) -> None:
        raise AssertionError("nothing was due")

    async def connect(self, factory: Any, port: int) -> Any:
        raise AssertionError("nobody connects")


class Venue:
    """Knows each order from the instant at which its late request is applied, if it ever is."""

    def __init__(self, rng: random.Random, clock: VirtualClock) -> None:
        self._rng = rng
        self._clock = clock
        self.fate: dict[int, tuple[int, OrderStatus] | None] = {}
        self.asked_ns: list[int] = []

    def in_one_second(self) -> list[int]:
        """For each question about an order, how many there were in the second up to it."""
        return [
            sum(0 <= at_ns - earlier_ns < NS_PER_S for earlier_ns in self.asked_ns)
            for at_ns in self.asked_ns
        ]

    async def _trip(self) -> None:
        await asyncio.sleep(self._rng.uniform(1, TRIP_MS) / 1000)

    async def order(self, client_id: int) -> OrderUpdate | None:
        self.asked_ns.append(self._clock.now_ns())
        await self._trip()
        fate = self.fate[client_id]
        if fate is None or fate[0] > self._clock.now_ns():
            await self._trip()
            return None
        one, status = command(client_id), fate[1]
        return OrderUpdate(
            client_id=one.client_id,
            link_id="",
            venue_id="v",
            instrument=one.instrument,
            side=one.side,
            status=status,
            price_ticks=one.price_ticks,
            lots=one.lots,
            cum_lots=one.lots * (status is OrderStatus.FILLED),
            leaves_lots=0,
            reject_reason="",
            cancel_type="",
            updated_ms=1,
        )

    async def executions(self, since_ms: int) -> tuple[Execution, ...]:
        raise AssertionError("orders in doubt are asked about one by one")

    async def executions_of(self, client_id: int) -> tuple[Execution, ...]:
        await self._trip()
        return ()

    async def settled_open_orders(self, passes: int = 6) -> tuple[OrderUpdate, ...]:
        raise AssertionError("orders in doubt are asked about one by one")

    async def wallet(self) -> tuple[Any, ...]:
        raise AssertionError("orders in doubt are asked about one by one")

    async def positions(self) -> tuple[Any, ...]:
        raise AssertionError("orders in doubt are asked about one by one")


def settle(seed: int, orders: int) -> tuple[list[float], Venue]:
    """Milliseconds from sending to proof, for each of ``orders`` sent together."""
    rng = random.Random(seed)
    time = Time()
    clock = VirtualClock(time, lambda: time.now_ns // NS_PER_MS)
    venue_clock = VenueClock(clock)
    venue_clock.observe(clock.now_ns(), clock.now_ns(), time.now_ns)
    venue = Venue(rng, clock)
    proved: dict[int, float] = {}
    sent_ns = clock.now_ns()

    def deliver(events: Sequence[Event]) -> None:
        for event in events:
            assert isinstance(event, OrderAbsent | OrderUpdate)
            fate = venue.fate[event.client_id]
            assert isinstance(event, OrderAbsent) == (fate is None), "never against the truth"
            proved.setdefault(event.client_id, (clock.now_ns() - sent_ns) / NS_PER_MS)

    resolver = Resolver(
        account=venue,
        clock=clock,
        venue_clock=venue_clock,
        recv_window_ms=RECV_WINDOW_MS,
        private_up_since_ns=lambda: 0,
        deliver=deliver,
    )

    async def main() -> None:
        task = asyncio.ensure_future(resolver.run())
        await asyncio.sleep(rng.choice([0.0, 0.3, 2.0]))  # at once, or when the reply is overdue
        for client_id in range(1, orders + 1):
            status = rng.choice([OrderStatus.WORKING, OrderStatus.FILLED, OrderStatus.REJECTED])
            applied_ns = sent_ns + rng.randrange(RECV_WINDOW_MS * NS_PER_MS)
            venue.fate[client_id] = rng.choice([None, (applied_ns, status)])
            resolver.ask(ResolveOrder(client_id, 0, sent_ns))
        while len(proved) < orders:
            assert clock.now_ns() < sent_ns + 60 * NS_PER_S, "it must come to an end"
            await asyncio.sleep(0.01)
        task.cancel()

    with asyncio.Runner(loop_factory=lambda: VirtualLoop(time, Nobody())) as runner:
        runner.run(main())
    return [proved[client_id] for client_id in sorted(proved)], venue


@pytest.mark.parametrize("orders", [1, 4, 20])
def test_a_batch_in_doubt_is_settled_in_time(orders: int) -> None:
    worst = max(max(settle(seed, orders)[0]) for seed in range(SEEDS))
    assert RECV_WINDOW_MS + 1_000 < worst <= BOUND_MS


def test_more_orders_than_the_venue_answers_for_take_as_long_as_its_answers() -> None:
    """Each needs two searches, and the venue answers so many questions a second."""
    orders = 200
    for seed in range(5):
        took, venue = settle(seed, orders)
        assert max(took) <= BOUND_MS + 1000 * 2 * orders / ORDERS_PER_S
        assert max(venue.in_one_second()) <= READS_PER_S
