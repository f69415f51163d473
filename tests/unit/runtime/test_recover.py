"""Nothing is concluded without evidence: when an order may be called absent, and when not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from runtime_bench import FakeClock

from mmfast.clock import VenueClock
from mmfast.errors import NotSent
from mmfast.messages import (
    AccountSnapshot,
    Event,
    Execution,
    Mode,
    ModeChange,
    OrderAbsent,
    OrderStatus,
    OrderUpdate,
    ResolveOrder,
    Side,
)
from mmfast.runtime import recover
from mmfast.runtime.recover import AccountReader, Resolver

RECV_WINDOW_MS = 2_000
VOID_MS = RECV_WINDOW_MS + 1_000


def order(status: OrderStatus, client_id: int = 7, cum: int = 0) -> OrderUpdate:
    return OrderUpdate(
        client_id=client_id,
        link_id="x",
        venue_id=f"v{client_id}",
        instrument=0,
        side=Side.BUY,
        status=status,
        price_ticks=100,
        lots=5,
        cum_lots=cum,
        leaves_lots=0 if status.is_final else 5 - cum,
        reject_reason="",
        cancel_type="",
        updated_ms=1,
    )


def execution(client_id: int = 7) -> Execution:
    return Execution(
        client_id=client_id,
        exec_id=f"e{client_id}",
        venue_id="v",
        instrument=0,
        side=Side.BUY,
        price_ticks=100,
        lots=5,
        value_e8=1,
        fee_e8=1,
        is_maker=True,
        exec_type="Trade",
        exec_ms=1,
        seq=1,
    )


class Venue:
    def __init__(self) -> None:
        self.order_answer: OrderUpdate | None = None
        self.trades: tuple[Execution, ...] = ()
        self.open: tuple[OrderUpdate, ...] = ()
        self.fails = 0
        self.asked = 0
        self.meanwhile: Callable[[], None] = lambda: None
        self.since_ms: list[int] = []

    def _maybe_fail(self) -> None:
        if self.fails:
            self.fails -= 1
            raise NotSent("venue: down")

    async def settled_open_orders(self, passes: int = 6) -> tuple[OrderUpdate, ...]:
        self._maybe_fail()
        return self.open

    async def order(self, client_id: int) -> OrderUpdate | None:
        self._maybe_fail()
        self.asked += 1
        self.meanwhile()
        return self.order_answer

    async def executions(self, since_ms: int) -> tuple[Execution, ...]:
        self.since_ms.append(since_ms)
        return self.trades

    async def executions_of(self, client_id: int) -> tuple[Execution, ...]:
        return tuple(trade for trade in self.trades if trade.client_id == client_id)

    async def positions(self) -> tuple[Any, ...]:
        return ()

    async def wallet(self) -> tuple[Any, ...]:
        return ()


class Bench:
    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.venue = Venue()
        self.venue_clock = VenueClock(clock)
        self.venue_clock.observe(clock.ns, clock.ns, clock.wall_ms() * 1_000_000)
        self.delivered: list[Event] = []
        self.up_since_ns: int | None = 0
        self.resolver = Resolver(
            account=self.venue,
            clock=clock,
            venue_clock=self.venue_clock,
            recv_window_ms=RECV_WINDOW_MS,
            private_up_since_ns=lambda: self.up_since_ns,
            deliver=self.deliver,
        )
        self.request = ResolveOrder(7, 0, clock.ns)
        self.resolver.ask(self.request)

    @property
    def doubt(self) -> recover._Doubt:
        return self.resolver._doubts[7]

    def deliver(self, events: Sequence[Event]) -> None:
        self.delivered.extend(events)

    def poll(self, count: int = 1, every_ms: float = 500) -> None:
        async def steps() -> None:
            for _ in range(count):
                for doubt in list(self.resolver._doubts.values()):
                    if doubt.next_ns <= self.clock.ns:
                        await self.resolver.step(doubt)
                self.clock.pass_ms(every_ms)

        asyncio.run(steps())

    def absent(self) -> list[Event]:
        return [event for event in self.delivered if isinstance(event, OrderAbsent)]


@pytest.fixture
def bench(clock: FakeClock) -> Bench:
    return Bench(clock)


def test_absence_needs_two_searches_after_the_request_expired(bench: Bench) -> None:
    bench.poll(6)  # 0 .. 2500 ms: it could still be accepted
    assert bench.absent() == []
    bench.clock.pass_ms(VOID_MS - 3000 + 3)  # the clocks may have drifted apart by 1.5 ms
    bench.poll(1)
    assert bench.absent() == [], "one search proves nothing: the read side may lag"
    bench.poll(1)
    assert [event.client_id for event in bench.absent()] == [7]
    assert len(bench.resolver) == 0


def test_searches_are_half_a_second_apart(bench: Bench) -> None:
    bench.clock.pass_ms(VOID_MS + 1)
    bench.poll(10, every_ms=49)
    assert bench.venue.asked == 1
    bench.poll(2, every_ms=11)
    assert bench.venue.asked == 2


def test_no_absence_while_the_private_stream_is_down(bench: Bench) -> None:
    bench.clock.pass_ms(VOID_MS + 1)
    bench.up_since_ns = None
    bench.poll(20)
    assert bench.absent() == []
    bench.up_since_ns = bench.clock.ns
    bench.clock.pass_ms(1)
    bench.poll(2)
    assert len(bench.absent()) == 1


@pytest.mark.parametrize("final", [OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED])
def test_a_final_state_ends_the_search_at_once(bench: Bench, final: OrderStatus) -> None:
    bench.venue.order_answer = order(final)
    asked_ns = bench.clock.ns
    bench.poll(1)
    assert bench.delivered == [replace(bench.venue.order_answer, asked_ns=asked_ns)]
    assert len(bench.resolver) == 0


def test_a_resting_order_is_asked_about_until_nothing_in_doubt_can_change_it(bench: Bench) -> None:
    bench.venue.order_answer = order(OrderStatus.WORKING)
    bench.poll(6)
    assert len(bench.resolver) == 1
    bench.poll(2)
    assert len(bench.resolver) == 0
    assert bench.absent() == []


def test_fills_are_delivered_before_the_state_they_explain(bench: Bench) -> None:
    bench.venue.order_answer = order(OrderStatus.FILLED, cum=5)
    bench.venue.trades = (execution(8), execution(7))
    asked_ns = bench.clock.ns
    bench.poll(1)
    found = replace(bench.venue.order_answer, asked_ns=asked_ns)
    assert bench.delivered == [execution(7), found]


def test_a_trade_alone_proves_that_the_order_lived(bench: Bench) -> None:
    bench.venue.trades = (execution(7),)
    bench.clock.pass_ms(VOID_MS + 1)
    bench.poll(10)
    assert bench.absent() == []
    assert execution(7) in bench.delivered


def test_a_late_appearance_resets_the_count(bench: Bench) -> None:
    bench.clock.pass_ms(VOID_MS + 10)
    bench.poll(1)
    assert bench.doubt.absences == 1
    bench.venue.trades = (execution(7),)
    bench.poll(1)
    bench.venue.trades = ()
    bench.poll(1)
    assert bench.absent() == []
    bench.poll(1)
    assert len(bench.absent()) == 1


def test_a_search_that_a_later_request_overtakes_proves_nothing(bench: Bench) -> None:
    """A cancel of the same order leaves while the venue is asked about its create."""
    bench.clock.pass_ms(VOID_MS + 10)
    bench.poll(1)
    later = ResolveOrder(7, 0, bench.clock.ns)
    bench.venue.meanwhile = lambda: bench.resolver.ask(later)
    bench.poll(1)
    assert bench.absent() == []
    assert bench.doubt.absences == 0


def test_a_search_during_which_the_private_stream_was_lost_proves_nothing(bench: Bench) -> None:
    def blink() -> None:
        bench.clock.pass_ms(5)
        bench.up_since_ns = bench.clock.ns

    bench.clock.pass_ms(VOID_MS + 10)
    bench.venue.meanwhile = blink
    bench.poll(4)
    assert bench.absent() == []
    bench.venue.meanwhile = lambda: None
    bench.poll(2)
    assert len(bench.absent()) == 1


def test_what_is_not_known_of_the_clock_is_waited_for_as_well(bench: Bench) -> None:
    trip_ns = 600_000_000
    bench.venue_clock = clock = VenueClock(bench.clock)
    clock.observe(bench.clock.ns - trip_ns, bench.clock.ns, bench.clock.wall_ms() * 1_000_000)
    bench.resolver._venue_clock = clock
    bench.clock.pass_ms(VOID_MS + trip_ns // 2_000_000 - 1)
    bench.poll(1)
    assert bench.doubt.absences == 0
    bench.poll(2)
    assert len(bench.absent()) == 1


def test_a_later_request_for_the_same_order_starts_anew(bench: Bench) -> None:
    bench.clock.pass_ms(VOID_MS + 1)
    bench.poll(1)
    bench.resolver.ask(ResolveOrder(7, 0, bench.clock.ns))
    bench.poll(6)
    assert bench.absent() == []
    assert len(bench.resolver) == 1, "asked twice, kept once"
    bench.poll(3)
    assert len(bench.absent()) == 1


def test_a_venue_that_does_not_answer_proves_nothing(bench: Bench) -> None:
    bench.clock.pass_ms(VOID_MS + 1)
    bench.venue.fails = 5
    bench.poll(10, every_ms=1000)
    assert bench.venue.asked == 5 - 3
    assert len(bench.absent()) == 1


@pytest.mark.parametrize("asleep", [False, True])
def test_an_order_that_the_venue_has_forgotten_halts_and_is_not_guessed_at(
    bench: Bench, asleep: bool
) -> None:
    bench.venue.fails = 1
    bench.poll(1)
    if asleep:  # suspended: the venue's time goes on, our monotonic one does not
        bench.clock.pass_ms(VOID_MS + 1_000)
        away_ns = (bench.clock.wall_ms() + recover.VENUE_MEMORY_MS) * 1_000_000
        bench.venue_clock.observe(bench.clock.ns, bench.clock.ns, away_ns)
    else:
        bench.clock.pass_ms(recover.VENUE_MEMORY_MS + VOID_MS)
    bench.poll(5)
    assert bench.absent() == []
    (halt,) = bench.delivered
    assert isinstance(halt, ModeChange)
    assert (halt.mode, f"{7:016x}" in halt.reason) == (Mode.HALTED, True)
    assert len(bench.resolver) == 1
    bench.venue.order_answer = order(OrderStatus.FILLED)
    bench.poll(3, every_ms=60_000)
    assert replace(bench.delivered[-1], asked_ns=0) == order(OrderStatus.FILLED)
    assert len(bench.resolver) == 0, "evidence counts however late it comes"


def test_the_venues_memory_is_used_to_its_end(bench: Bench) -> None:
    bench.clock.pass_ms(recover.VENUE_MEMORY_MS - 1_000)
    bench.poll(2)
    assert len(bench.absent()) == 1


class Delivered:
    def __init__(self, wanted: int) -> None:
        self.events: list[Event] = []
        self.enough = asyncio.Event()
        self._wanted = wanted

    def take(self, events: Sequence[Event]) -> None:
        self.events.extend(events)
        if len(self.events) >= self._wanted:
            self.enough.set()


def drive(work: Callable[[], Any]) -> None:
    async def main() -> None:
        await work()

    asyncio.run(main())


def test_the_account_is_read_until_it_succeeds(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recover, "_RETRY_FIRST_S", 0.001)
    venue, delivered = Venue(), Delivered(1)
    venue.fails = 3
    venue_clock = VenueClock(clock)

    async def main() -> None:
        reader = AccountReader(venue, clock, venue_clock, delivered.take)
        task = asyncio.ensure_future(reader.run())
        reader.request()
        await delivered.enough.wait()
        task.cancel()

    drive(main)
    (snapshot,) = delivered.events
    assert isinstance(snapshot, AccountSnapshot)
    assert snapshot.asked_ns == clock.ns


def test_executions_are_read_from_well_before_the_last_reading(clock: FakeClock) -> None:
    venue = Venue()

    async def main() -> None:
        reader = AccountReader(venue, clock, VenueClock(clock), print)
        first_ms = clock.wall_ms()
        await reader.read()
        clock.pass_ms(3_600_000)
        await reader.read()
        clock.pass_ms(10)
        await reader.read()
        margin = recover.EXECUTIONS_MARGIN_MS
        assert venue.since_ms == [
            first_ms - margin,
            first_ms - margin,
            first_ms + 3_600_000 - margin,
        ]

    drive(main)


def test_a_trade_between_two_readings_is_told_as_an_execution(clock: FakeClock) -> None:
    venue = Venue()

    async def then_it_trades() -> tuple[Any, ...]:
        venue.trades = (execution(),)
        return ()

    venue.positions = then_it_trades
    snapshot = asyncio.run(AccountReader(venue, clock, VenueClock(clock), print).read())
    assert snapshot.executions == (execution(),)


def test_a_request_during_a_reading_leads_to_another_one(clock: FakeClock) -> None:
    venue, delivered = Venue(), Delivered(2)

    async def main() -> None:
        reader = AccountReader(venue, clock, VenueClock(clock), delivered.take)
        original = venue.positions

        async def slow() -> tuple[Any, ...]:
            if not delivered.events:
                reader.request()
            return await original()

        venue.positions = slow
        task = asyncio.ensure_future(reader.run())
        reader.request()
        await delivered.enough.wait()
        task.cancel()

    drive(main)
    assert len(delivered.events) == 2


def test_an_answer_about_an_instrument_that_changed_its_units_is_not_delivered(
    bench: Bench,
) -> None:
    """It is under way when the units change, and was read in the old ones."""
    bench.venue.order_answer = order(OrderStatus.CANCELLED)
    bench.venue.meanwhile = lambda: bench.resolver.forget(1)
    bench.poll(1)
    assert len(bench.delivered) == 1
    bench.resolver.ask(bench.request)
    bench.venue.meanwhile = lambda: bench.resolver.forget(0)
    bench.poll(1)
    assert len(bench.delivered) == 1
    assert len(bench.resolver) == 0
