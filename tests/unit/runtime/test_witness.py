"""What was sent is known before anything is read about it, in whatever order a loop turns."""

from __future__ import annotations

import asyncio

import pytest
from runtime_bench import FakeClock, batch

from mmfast.clock import VenueClock
from mmfast.engine.other_hand import OtherHand
from mmfast.ids import ClientIds
from mmfast.messages import Batch, Op, OrderStatus, OrderUpdate, Side
from mmfast.runtime.witness import CLOCK_DOUBTED, Witness

OWN = 7 << 32 | 1


class Decided:
    """A kernel that has decided already."""

    def __init__(self, *flushes: list[Batch]) -> None:
        self._flushes = list(flushes)

    def flush(self, now_ns: int) -> list[Batch]:
        return self._flushes.pop(0)

    def take_endings(self) -> list[object]:
        return []

    def last_look(self, batch: Batch, now_ns: int) -> str:
        return ""

    def reconfigure(self, params: object, now_ns: int) -> None:
        """Nothing to change."""


def cancelled() -> OrderUpdate:
    return OrderUpdate(
        client_id=OWN,
        link_id="",
        venue_id="v",
        instrument=0,
        side=Side.BUY,
        status=OrderStatus.CANCELLED,
        price_ticks=100,
        lots=1,
        cum_lots=0,
        leaves_lots=0,
        reject_reason="EC_PerCancelRequest",
        cancel_type="CancelByUser",
        updated_ms=1,
    )


@pytest.mark.parametrize("turns", [0, 1, 3])
def test_news_of_our_own_cancel_is_ours_however_soon_it_comes(turns: int) -> None:
    """A venue without latency answers before the loop's next callback."""

    async def run() -> list[str]:
        reasons: list[str] = []
        ids = ClientIds("mmf1", 7)
        kernel = Decided([batch(1, [OWN])], [batch(2, [OWN], Op.CANCEL)])
        witness = Witness(
            kernel, OtherHand(ids, 2_000, lambda: 1), None, reasons.append, VenueClock(FakeClock())
        )
        witness.flush(1)
        await asyncio.sleep(0)
        witness.flush(2)
        for _ in range(turns):
            await asyncio.sleep(0)
        witness.news([cancelled()])
        await asyncio.sleep(0)
        return reasons

    assert asyncio.run(run()) == []


def test_a_cancel_of_another_hand_is_still_seen() -> None:
    async def run() -> list[str]:
        reasons: list[str] = []
        kernel = Decided([batch(1, [OWN])])
        hand = OtherHand(ClientIds("mmf1", 7), 2_000, lambda: 1)
        witness = Witness(kernel, hand, None, reasons.append, VenueClock(FakeClock()))
        witness.flush(1)
        witness.news([cancelled()])
        return reasons

    [reason] = asyncio.run(run())
    assert "not by this engine" in reason


def test_nothing_leaves_while_the_venues_clock_is_in_doubt() -> None:
    async def run() -> list[str]:
        clock = FakeClock()
        venue_clock = VenueClock(clock)
        hand = OtherHand(ClientIds("mmf1", 7), 2_000, lambda: 1)
        witness = Witness(Decided(), hand, None, print, venue_clock)
        cancel = batch(1, [OWN], Op.CANCEL)
        looks = [witness.last_look(cancel, clock.now_ns())]
        venue_clock.doubt(clock.now_ns())
        looks.append(witness.last_look(cancel, clock.now_ns()))
        venue_clock.observe(clock.now_ns(), clock.now_ns(), clock.now_ns())
        return [*looks, witness.last_look(cancel, clock.now_ns())]

    assert asyncio.run(run()) == ["", CLOCK_DOUBTED, ""]
