"""What an earlier run left on symbols that are not configured any more is cancelled at the start,
over real sockets, and no faster than the account's budget allows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mmfast.bybit.auth import Credentials
from mmfast.bybit.hosts import Endpoints
from mmfast.bybit.trade import TradeCodec, uniform_reply
from mmfast.clock import SystemClock, VenueClock
from mmfast.engine.params import PlannerParams
from mmfast.engine.planning.planner import BatchPolicy, Planner
from mmfast.errors import TransportError
from mmfast.ids import ClientIds
from mmfast.messages import (
    Batch,
    BatchReply,
    Category,
    Command,
    Flag,
    Instrument,
    Op,
    Outcome,
    Side,
)
from mmfast.net.rest import BybitRest
from mmfast.runtime import reach
from mmfast.sim.instruments.catalogue import listings
from mmfast.sim.params import FlowParams
from mmfast.units import InstrumentIndex, Lots, Ns, Ticks, slot_of

KEY, SECRET = "strays-key", "strays-secret"
CATEGORY = Category.LINEAR
STRAYS = 24
LIMIT = 10
"""Of the default tier: cancels of batches in a second."""


class Desk:
    """The REST side of one account."""

    def __init__(self, url: str, epoch: int) -> None:
        self.clock = SystemClock()
        self.rest = BybitRest(
            Endpoints(rest_url=url, ws_public_url="", ws_private_url=""),
            Credentials.hmac(KEY, SECRET),
            self.clock,
            VenueClock(self.clock),
            TradeCodec((), ClientIds("mmt1", epoch)),
        )

    async def symbols(self, *names: str) -> tuple[Instrument, ...]:
        await self.rest.warm(1)
        found = await self.rest.instruments(CATEGORY, names)
        self.rest.use_instruments(found)
        return found

    async def place(self, instrument: Instrument, count: int) -> None:
        """Far below the market, within the budget of new orders."""
        ids = self.rest.codec.ids
        far = listings((instrument.symbol,))[0].start_ticks * 99 // 100
        for start in range(0, count, LIMIT):
            commands = [
                Command(
                    Op.PLACE,
                    slot_of(0, Side.BUY, 0),
                    InstrumentIndex(0),
                    Side.BUY,
                    Flag.POST_ONLY,
                    Ticks(far - start - n),
                    Lots(instrument.min_order_lots + 1_000),
                    ids.next(),
                )
                for n in range(min(LIMIT, count - start))
            ]
            placed = await self.rest.batch_place_orders(commands)
            assert {item.outcome for item in placed.items} == {Outcome.ACK}
            await asyncio.sleep(1.1)


@asynccontextmanager
async def desk(url: str, epoch: int) -> AsyncIterator[Desk]:
    one = Desk(url, epoch)
    try:
        yield one
    finally:
        await one.rest.close()


def ledger() -> Planner:
    params = PlannerParams(initial_limit=LIMIT, safety_percent=100)
    return Planner(params, BatchPolicy(), CATEGORY)


def venue_of(start_venue: Callable[..., Any]) -> Any:
    still = FlowParams(activity=0.0)
    return start_venue(tier="default", flow=still, api_key=KEY, api_secret=SECRET)


def test_leftovers_on_other_symbols_go_within_the_budget(
    start_venue: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than a second's worth of them: none is refused for its rate, and they all go."""
    venue = venue_of(start_venue)
    replies: list[BatchReply] = []

    async def main() -> int:
        async with desk(venue.rest_url, epoch=1) as before:
            (eth,) = await before.symbols("ETHUSDT")
            await before.place(eth, STRAYS)
        async with desk(venue.rest_url, epoch=2) as now:
            (btc,) = await now.symbols("BTCUSDT")
            await now.place(btc, 1)
            send = now.rest.send

            async def noted(batch: Batch) -> BatchReply:
                replies.append(await send(batch))
                return replies[-1]

            monkeypatch.setattr(now.rest, "send", noted)
            await reach.cancel_strays(now.rest, (btc,), ledger(), now.clock)
            return len(await now.rest.open_order_names((btc,)))

    left = asyncio.run(main())
    outcomes = [item.outcome for reply in replies for item in reply.items]
    assert outcomes == [Outcome.ACK] * STRAYS
    assert len(replies) == 3
    assert left == 1, "the order on the configured symbol is the kernel's"


def test_leftovers_that_do_not_go_are_not_traded_beside(
    start_venue: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = venue_of(start_venue)
    monkeypatch.setattr(reach, "STRAY_WAIT_S", 0.01)

    async def main() -> None:
        async with desk(venue.rest_url, epoch=1) as before:
            (eth,) = await before.symbols("ETHUSDT")
            await before.place(eth, 1)
        async with desk(venue.rest_url, epoch=2) as now:
            (btc,) = await now.symbols("BTCUSDT")

            async def lost(batch: Batch) -> BatchReply:
                at = Ns(now.clock.now_ns())
                return uniform_reply(batch, Outcome.NOT_SENT, 0, "no connection", at, at)

            monkeypatch.setattr(now.rest, "send", lost)
            await reach.cancel_strays(now.rest, (btc,), ledger(), now.clock)

    with pytest.raises(TransportError, match=r"could not be cancelled on \['ETHUSDT'\]"):
        asyncio.run(main())
