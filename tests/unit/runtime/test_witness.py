"""What was sent is known before anything is read about it, in whatever order a loop turns."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable

import pytest
from runtime_bench import FakeClock, batch

from mmfast.bybit.trade import uniform_reply
from mmfast.clock import VenueClock
from mmfast.engine.account.other_hand import OtherHand
from mmfast.engine.orders.endings import Ending, Evidence, Refusal
from mmfast.engine.orders.order_states import State
from mmfast.ids import ClientIds
from mmfast.messages import Batch, Op, OrderStatus, OrderUpdate, Outcome, Side
from mmfast.runtime.records import Entry, line_of
from mmfast.runtime.witness import CLOCK_DOUBTED, Witness

OWN = 7 << 32 | 1


class Decided:
    """A kernel that has decided already."""

    def __init__(self, *flushes: list[Batch]) -> None:
        self._flushes = list(flushes)

    def flush(self, now_ns: int) -> list[Batch]:
        return self._flushes.pop(0)

    def take_outcomes(self) -> list[object]:
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


class Concluding(Decided):
    """A kernel whose conclusions are given."""

    def __init__(self, *outcomes: Ending | Refusal) -> None:
        super().__init__([])
        self._outcomes = list(outcomes)

    def on_event(self, event: object, now_ns: int) -> None:
        """Nothing follows from it but what was given."""

    def take_outcomes(self) -> list[Ending | Refusal]:
        taken, self._outcomes = self._outcomes, []
        return taken


class Rows:
    """In place of the file of a journal."""

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []

    def put(self, entry: Entry) -> None:
        self.put_all((entry,))

    def put_all(self, entries: Iterable[Entry]) -> None:
        self.rows += [json.loads(line_of(1, entry)) for entry in entries]


def test_what_was_concluded_stands_behind_what_it_was_concluded_from() -> None:
    """The refused cancel names its evidence; the code stands in the reply before it."""

    async def run() -> list[dict[str, object]]:
        journal = Rows()
        ended = Ending(OWN + 1, State.REJECTED, Evidence.REPLY, 0)
        kernel = Concluding(Refusal(OWN, Op.CANCEL, Evidence.REPLY), ended)
        look = OtherHand(ClientIds("mmf1", 7), 2_000, lambda: 1)
        witness = Witness(kernel, look, journal, print, VenueClock(FakeClock()))
        cancel = batch(1, [OWN], Op.CANCEL)
        witness.on_event(uniform_reply(cancel, Outcome.REJECT, 10001, "params error", 1, 2), 2)
        witness.news([])
        return journal.rows

    reply, *concluded = asyncio.run(run())
    assert reply["kind"] == "reply"
    assert reply["items"] == [[f"{OWN:016x}", "REJECT", 10001, "params error"]]
    assert concluded == [
        {"ms": 1, "kind": "refused", "order": f"{OWN:016x}", "op": "CANCEL", "evidence": "REPLY"},
        {
            "ms": 1,
            "kind": "ended",
            "order": f"{OWN + 1:016x}",
            "end": "REJECTED",
            "evidence": "REPLY",
            "filled": 0,
        },
    ]
