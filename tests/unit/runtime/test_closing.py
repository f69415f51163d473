"""Exit code 0 means proven: what counts as proof at the end of a run, and what is listed else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from runtime_bench import FakeClock

from mmfast.errors import OutcomeUnknown
from mmfast.ids import ClientIds
from mmfast.messages import Command, Op, OrderStatus, OrderUpdate, Side
from mmfast.runtime import closing
from mmfast.runtime.closing import HELP_AFTER_NS, prove_empty
from mmfast.sim.instruments.catalogue import listings


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

    async def batch_cancel_orders(self, commands: Sequence[Command]) -> Any:
        assert all(command.op is Op.CANCEL for command in commands)
        assert set(commands) <= set(self.announced), "whoever looks for another hand knows first"
        self.cancelled.append([command.client_id for command in commands])
        if self.obeys:
            self._readings = [[]]


@pytest.fixture
def prove(clock: FakeClock, monkeypatch: pytest.MonkeyPatch):
    async def sleep(seconds: float) -> None:
        clock.pass_ms(seconds * 1000)

    monkeypatch.setattr(closing.asyncio, "sleep", sleep)

    def run(venue: Venue, kernel: list[int], *, works: bool = True) -> closing.Verdict:
        return asyncio.run(
            prove_empty(
                venue=venue,
                clock=clock,
                max_batch_orders=2,
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
