"""Cuts at every byte between our client and a real venue: what we say agrees with what is there.

An order said to be not sent must not exist, one said to be accepted must; a change said to be
refused or not sent must not have happened. In doubt both are possible, and both do occur.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from itertools import count
from typing import Any

import aiohttp
import pytest
import uvloop
from cut_bench import FLAGS, FORMS, IDS, KEY, SECRET, Form, TradeClient, outcomes, rest_client
from fault_proxy import CLEAN, End, Fault, FaultProxy

from mmfast.messages import (
    Batch,
    BatchReply,
    Category,
    Command,
    Instrument,
    Op,
    Outcome,
    Side,
)
from mmfast.net.rest import BybitRest
from mmfast.sim.limits.connections import WsLimits
from mmfast.sim.params import FlowParams, VenueParams
from mmfast.sim.server import VenueServer
from mmfast.units import Lots, Ticks, slot_of

SYMBOLS = tuple(
    f"{coin}USDT" for coin in ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "AVAX", "LINK", "LTC")
)
UNCHANGED = {Outcome.NOT_SENT, Outcome.REJECT, Outcome.THROTTLED, Outcome.LOCAL_REJECT}
Send = Callable[[Batch], Awaitable[BatchReply]]


class Desk:
    """A still venue, one client straight to it and one through the proxy."""

    def __init__(self, server: VenueServer, direct: BybitRest, proxy: FaultProxy, send: Send):
        self.server, self.direct, self.proxy, self.send = server, direct, proxy, send
        self.instruments: tuple[Instrument, ...] = ()
        self.bids: list[int] = []
        self.found: Counter[tuple[Outcome, bool]] = Counter()
        """How often each outcome was told and the thing had (not) been done."""
        self.size = 0, 0
        """Bytes of the last exchange: request, reply."""
        self._places = count()
        self.ready: Callable[[], Awaitable[None]] = _at_once
        """Waits until a request would leave: a trade socket must be logged in again."""

    async def learn(self, *clients: BybitRest) -> None:
        self.instruments = await self.direct.instruments(Category.LINEAR, SYMBOLS)
        for client in (self.direct, *clients):
            client.use_instruments(self.instruments)
        url = f"http://127.0.0.1:{self.proxy.target}/v5/market/orderbook?category=linear&symbol="
        async with aiohttp.ClientSession() as session:
            for i in self.instruments:
                async with session.get(url + i.symbol) as reply:
                    best = Decimal((await reply.json())["result"]["b"][0][0])
                tick = Decimal(i.tick_units).scaleb(-i.tick_decimals)
                self.bids.append(int(best / tick))

    def place(self) -> Command:
        """A new order that rests far below the market, on the instruments in turn."""
        number = next(self._places)
        i = self.instruments[number % len(self.instruments)]
        ticks = self.bids[i.index] * 97 // 100
        least = -(-i.min_notional_e8 // (ticks * i.tick_lot_value_e8))
        lots = max(i.min_order_lots, least) * 2
        slot = slot_of(i.index, Side.BUY, 0)
        return Command(
            Op.PLACE, slot, i.index, Side.BUY, FLAGS[Op.PLACE], Ticks(ticks), Lots(lots), IDS.next()
        )

    def changed(self, order: Command, op: Op, ticks: int) -> Command:
        return order._replace(op=op, flags=FLAGS[op], price_ticks=Ticks(ticks))

    def resting(self) -> dict[str, Decimal]:
        """Open orders of the venue's own book, with their prices."""
        rows = self.server.venue.open_orders()
        return {str(row["orderLinkId"]): Decimal(str(row["price"])) for row in rows}

    def price(self, order: Command) -> Decimal:
        i = self.instruments[order.instrument]
        return Decimal(order.price_ticks * i.tick_units).scaleb(-i.tick_decimals)

    async def exchange(self, form: Form, commands: tuple[Command, ...], fault: Fault) -> None:
        """Send through the fault and compare what is said with what is so."""
        self.proxy.arm(fault)
        batch = Batch(
            batch_id=next(self._places) + 1,
            tick_id=1,
            op=form.op,
            category=Category.LINEAR,
            single=form.single,
            commands=commands,
        )
        said = outcomes(await self.send(batch))
        heard, told = len(self.proxy.heard), self.proxy.told
        self.proxy.arm(CLEAN)  # the next connection is made in peace
        assert len(said) == 1, said
        (outcome,) = said
        if Outcome.NOT_SENT in said:
            assert heard == 0
        done = await self._done(commands, outcome)
        where = f"{form.name} {fault}: {outcome.name}, done: {done}"
        if outcome is Outcome.ACK:
            assert done, where
        if outcome in UNCHANGED:
            assert not done, where
        self.found[outcome, done] += 1
        self.size = heard, told

    async def _done(self, commands: tuple[Command, ...], outcome: Outcome) -> bool:
        """Whether the venue did it; what is accepted may take it a moment."""
        for _ in range(200 if outcome is Outcome.ACK else 1):
            await asyncio.sleep(0.002)
            resting = self.resting()
            names = [IDS.text(command.client_id) for command in commands]
            if commands[0].op is Op.CANCEL:
                states = {name not in resting for name in names}
            elif commands[0].op is Op.PLACE:
                states = {name in resting for name in names}
            else:
                pairs = zip(names, commands, strict=True)
                states = {resting.get(name) == self.price(order) for name, order in pairs}
            if states == {True}:
                return True
        return False


@contextlib.asynccontextmanager
async def desk(transport: str) -> AsyncIterator[Desk]:
    params = VenueParams(
        symbols=SYMBOLS,
        api_key=KEY,
        api_secret=SECRET,
        tier="mm3",
        latency_ms=0.0,
        stream_lag_ms=0.0,
        flow=FlowParams(activity=0.0),
        ws_limits=WsLimits(connects_per_5_min=1_000_000),
    )
    server = VenueServer(params)
    port = await server.start()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        proxy = await stack.enter_async_context(FaultProxy(port).running())
        direct = rest_client(f"http://127.0.0.1:{port}")
        stack.push_async_callback(direct.close)
        hurt = rest_client(f"http://127.0.0.1:{proxy.port}")
        stack.push_async_callback(hurt.close)
        if transport == "rest":
            one = Desk(server, direct, proxy, hurt.send)
            await one.learn(hurt)
        else:
            client = TradeClient(f"ws://127.0.0.1:{proxy.port}/v5/trade")
            await stack.enter_async_context(client.running())

            async def send(batch: Batch) -> BatchReply:
                await client.up()
                return await client.send(batch)

            one = Desk(server, direct, proxy, send)
            one.ready = client.up
            await one.learn()
            for instrument in one.instruments:
                client.codec.replace(instrument)
            await client.up()
        yield one


async def sweep(one: Desk, form: Form) -> None:
    """Each byte of request and reply, by FIN and RST in turn."""
    wide = 1 if form.single else 2
    orders: tuple[Command, ...] = ()
    steps = count(1)

    async def once(fault: Fault) -> None:
        nonlocal orders
        one.proxy.arm(CLEAN)
        await one.ready()
        if form.op is Op.PLACE:
            orders = tuple(one.place() for _ in range(wide))
            await one.exchange(form, orders, fault)
            return
        if not orders or form.op is Op.CANCEL:
            orders = tuple(one.place() for _ in range(wide))
            reply = await one.direct.batch_place_orders(orders)
            assert outcomes(reply) == {Outcome.ACK}
        ticks = next(steps)
        moved = tuple(one.changed(o, form.op, o.price_ticks - ticks) for o in orders)
        await one.exchange(form, moved, fault)

    await once(CLEAN)
    await once(CLEAN)
    up, down = one.size
    for cut in range(up + 8):
        await once(Fault(up=cut, end=(End.FIN, End.RST)[cut % 2]))
        await tidy(one)
    for cut in range(down + 8):
        await once(Fault(down=cut, end=(End.FIN, End.RST)[cut % 2]))
        await tidy(one)


async def _at_once() -> None:
    """REST connects when it sends."""


async def tidy(one: Desk) -> None:
    """Keep the venue below its 500 orders for each instrument, and its book quick to read."""
    if len(one.server.venue.open_orders()) > 100:
        cancels = [
            Command(
                Op.CANCEL,
                slot_of(row.instrument, Side.BUY, 0),
                row.instrument,
                Side.BUY,
                0,
                row.price_ticks,
                row.lots,
                row.client_id,
            )
            for row in await one.direct.settled_open_orders()
        ]
        for start in range(0, len(cancels), 20):
            await one.direct.batch_cancel_orders(cancels[start : start + 20])


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@pytest.mark.parametrize("transport", ["rest", "trade"])
def test_what_is_said_of_a_cut_exchange_is_what_the_venue_shows(
    form: Form, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> tuple[Counter[Any], dict[str, Any]]:
        async with desk(transport) as one:
            await sweep(one, form)
            return one.found, one.server.report()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found, report = runner.run(main())
    assert found[Outcome.ACK, True] > 0
    assert found[Outcome.UNKNOWN, True] > 100, "replies lost after the act"
    assert found[Outcome.UNKNOWN, False] > 100, "requests lost before it"
    assert report["repeated_link_ids"] == 0
    assert report["violations"] == {}
    assert not caplog.records, "the venue takes cuts in its stride"
