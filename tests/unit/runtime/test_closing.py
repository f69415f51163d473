"""Exit code 0 means proven: what counts as proof at the end of a run, and what is listed else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from runtime_bench import FakeClock

from mmfast.bybit.trade import uniform_reply
from mmfast.engine.params import PlannerParams
from mmfast.engine.planning.planner import BatchPolicy, Planner, SequentialPolicy
from mmfast.errors import OutcomeUnknown
from mmfast.ids import ClientIds
from mmfast.messages import (
    Batch,
    BatchReply,
    Category,
    Command,
    Op,
    OrderStatus,
    OrderUpdate,
    Outcome,
    Side,
)
from mmfast.runtime import closing
from mmfast.runtime.closing import HELP_AFTER_NS, prove_empty
from mmfast.sim.instruments.catalogue import listings
from mmfast.units import NS_PER_S, Ns


def order(client_id: int) -> OrderUpdate:
    return OrderUpdate(
        client_id=client_id,
        link_id="x",
        venue_id=f"v{client_id}",
        instrument=0,
        side=Side.SELL,
        status=OrderStatus.WORKING,
        price_ticks=650_001,
        lots=10,
        cum_lots=3,
        leaves_lots=7,
        reject_reason="",
        cancel_type="",
        updated_ms=1,
    )


class Venue:
    """Open orders by script: each reading takes the next list, the last one stays."""

    def __init__(self, *readings: Sequence[OrderUpdate] | Exception) -> None:
        self._readings = list(readings)
        self.announced: list[Command] = []
        self.cancelled: list[list[int]] = []
        self.obeys = True

    async def settled_open_orders(self, passes: int = 6) -> tuple[OrderUpdate, ...]:
        reading = self._readings.pop(0) if len(self._readings) > 1 else self._readings[0]
        if isinstance(reading, Exception):
            raise reading
        return tuple(reading)

    async def send(self, batch: Batch) -> BatchReply:
        ids = [command.client_id for command in batch.commands]
        assert batch.op is Op.CANCEL
        assert not batch.single
        assert set(batch.commands) <= set(self.announced), "who looks for others' hands knows first"
        self.cancelled.append(ids)
        if self.obeys:
            left = [[row for row in rows if row.client_id not in ids] for rows in self._readings]
            self._readings = left
        at = Ns(0)
        return uniform_reply(batch, Outcome.ACK, 0, "", at, at)


def ledger_of(limit: int, *, sequential: bool = False) -> Planner:
    """At most two orders go in one request."""
    policy = SequentialPolicy() if sequential else BatchPolicy()
    params = PlannerParams(initial_limit=limit, max_batch_orders=2, safety_percent=100)
    return Planner(params, policy, Category.LINEAR)


@pytest.fixture
def prove(clock: FakeClock, monkeypatch: pytest.MonkeyPatch):
    async def sleep(seconds: float) -> None:
        clock.pass_ms(seconds * 1000)

    monkeypatch.setattr(closing.asyncio, "sleep", sleep)

    def run(
        venue: Venue, kernel: list[int], *, works: bool = True, ledger: Planner | None = None
    ) -> closing.Verdict:
        return asyncio.run(
            prove_empty(
                venue=venue,
                clock=clock,
                ledger=ledger or ledger_of(100),
                kernel_open=lambda: kernel.pop(0) if len(kernel) > 1 else kernel[0],
                kernel_works=works,
                settled_after_ns=closing.void_after_ns(clock.ns, 2000),
                describe=lambda o: str(o.client_id),
                on_cancel=venue.announced.extend,
            )
        )

    return run


def test_an_empty_venue_and_an_empty_kernel_prove_it(prove, clock: FakeClock) -> None:
    verdict = prove(Venue([]), [2, 1, 0])
    assert verdict.proven_empty
    assert verdict.open_orders == 0


def test_an_empty_venue_is_no_proof_while_the_kernel_knows_of_an_order(prove) -> None:
    """It may be in flight: accepted a moment after we looked."""
    verdict = prove(Venue([]), [1])
    assert not verdict.proven_empty
    assert verdict.may_rest == ("orders whose outcome is unknown",)


def test_orders_of_others_are_not_ours_to_prove_or_cancel(prove) -> None:
    venue = Venue([order(0)])
    assert prove(venue, [0]).proven_empty
    assert venue.cancelled == []


def test_what_the_kernel_does_not_cancel_is_cancelled_as_found(prove, clock: FakeClock) -> None:
    venue = Venue([order(5), order(0), order(6), order(7)])
    began_ns = clock.ns
    verdict = prove(venue, [0])
    assert venue.cancelled == [[5, 6], [7]]
    assert clock.ns - began_ns >= HELP_AFTER_NS
    assert verdict.proven_empty


@pytest.mark.parametrize("sequential", [False, True])
def test_no_more_are_cancelled_as_found_than_the_budget_pays_for(
    prove, clock: FakeClock, sequential: bool
) -> None:
    """The venue would refuse the rest for its rate: they go when the budget is back. Together in
    either mode: it is the kernel that cancels one by one, and it has not come to an end."""
    venue = Venue([order(n) for n in range(1, 9)])
    left_ns: list[int] = []
    send = venue.send

    async def timed(batch: Batch) -> BatchReply:
        left_ns.extend([clock.ns] * len(batch.commands))
        return await send(batch)

    venue.send = timed  # type: ignore[method-assign]
    began_ns = clock.ns
    verdict = prove(venue, [0], ledger=ledger_of(3, sequential=sequential))
    assert verdict.proven_empty
    assert [len(ids) for ids in venue.cancelled] == [2, 1, 2, 1, 2]
    assert all(b - a >= NS_PER_S for a, b in zip(left_ns, left_ns[3:], strict=False))
    assert clock.ns - began_ns < HELP_AFTER_NS + 2.5 * NS_PER_S


def test_what_the_kernel_has_spent_is_spent_for_the_help_too(prove, clock: FakeClock) -> None:
    """One ledger: what is in flight of it without a reply pays for nothing else."""
    ledger = ledger_of(3)
    ledger.pack(Op.CANCEL, [closing.cancel_of(0, n) for n in (1, 2, 3)], 1, clock.ns)
    venue = Venue([order(7)])
    assert not prove(venue, [0], ledger=ledger).proven_empty
    assert venue.cancelled == []


def test_a_cancel_given_up_on_its_way_is_still_paid_for(clock: FakeClock) -> None:
    """The halt that it belonged to was ended by the end of the run, which needs the budget."""
    ledger = ledger_of(3)

    class Silent:
        async def send(self, batch: Batch) -> BatchReply:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(closing.send_cancels(Silent(), ledger, clock, [closing.cancel_of(0, 7)]))
    assert ledger.cancels_past([closing.cancel_of(0, 8)] * 3, clock.ns) is not None
    clock.pass_ms(1_000)
    part = ledger.cancels_past([closing.cancel_of(0, 9)] * 3, clock.ns)
    assert part is not None
    assert len(part.commands) == 1, "two are in flight, and the one given up is forgotten"


@pytest.mark.parametrize("blocked_ns", [0, 600 * NS_PER_S])
def test_the_engine_keeps_its_own_way_out_where_the_help_has_none(
    clock: FakeClock, blocked_ns: int
) -> None:
    """The help goes by REST, which is banned or down; the kernel's cancels go by the socket."""
    ledger = ledger_of(100)

    class Banned:
        async def send(self, batch: Batch) -> BatchReply:
            at, until = Ns(clock.ns), Ns(clock.ns + blocked_ns if blocked_ns else 0)
            return uniform_reply(batch, Outcome.NOT_SENT, 0, "no way", at, at, until)

    for n in range(10):
        asyncio.run(closing.send_cancels(Banned(), ledger, clock, [closing.cancel_of(0, n)]))
    assert ledger.allowance(clock.ns, 100)[0] == 100, "nothing is spent, and nothing shut"


def test_an_order_that_will_not_go_is_listed(prove) -> None:
    venue = Venue([order(5)])
    venue.obeys = False
    verdict = prove(venue, [0])
    assert not verdict.proven_empty
    assert verdict.open_orders == 1
    assert verdict.may_rest == ("5",)
    assert venue.cancelled


def test_a_venue_that_never_answers_is_told_apart(prove) -> None:
    verdict = prove(Venue(OutcomeUnknown("no")), [0])
    assert not verdict.proven_empty
    assert verdict.open_orders == -1


def test_a_venue_that_answers_late_is_waited_for(prove) -> None:
    failures = [OutcomeUnknown("no")] * 10
    assert prove(Venue(*failures, []), [0]).proven_empty


def test_a_failed_kernel_is_not_believed_and_nothing_in_flight_is_forgotten(
    prove, clock: FakeClock
) -> None:
    """The first reading is empty, but a create sent just before may still be accepted."""
    venue = Venue([], [order(9)])
    began_ns = clock.ns
    verdict = prove(venue, [3], works=False)
    assert venue.cancelled == [[9]]
    assert verdict.proven_empty
    assert clock.ns - began_ns > 3_000_000_000


def test_an_order_is_listed_as_an_operator_looks_for_it() -> None:
    instruments = [row.instrument for row in listings(("BTCUSDT",))]
    text = closing.order_text(order(0x100000007), instruments, ClientIds("mmf1", 1))
    assert text == "BTCUSDT sell 0.007 at 65000.1 (mmf1-0000000100000007)"
