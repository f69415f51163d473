"""Our client against the embedded venue over real sockets: what we send is what the venue does,
and what the streams, the acks and the queries say agrees."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
import uvloop

from mmfast._core.book import Book
from mmfast.bybit.auth import Credentials
from mmfast.bybit.hosts import Endpoints, check_endpoints
from mmfast.bybit.private import PrivateDecoder
from mmfast.bybit.public import PublicRouter
from mmfast.bybit.trade import TradeCodec
from mmfast.clock import SystemClock, VenueClock
from mmfast.errors import AuthError
from mmfast.ids import ClientIds
from mmfast.messages import (
    Category,
    Command,
    Execution,
    Flag,
    Instrument,
    Op,
    OrderStatus,
    OrderUpdate,
    Outcome,
    PositionUpdate,
    Side,
    WalletUpdate,
)
from mmfast.net.backoff import Backoff, ConnectBudget
from mmfast.net.rest import BybitRest
from mmfast.net.ws import PrivateStream, PublicStream
from mmfast.sim.params import FlowParams, VenueParams
from mmfast.sim.server import VenueServer
from mmfast.units import Lots, Ticks, slot_of

KEY, SECRET = "net-test-key", "net-test-secret"
SYMBOLS = ("BTCUSDT", "ETHUSDT")
PARAMS = VenueParams(
    symbols=SYMBOLS,
    api_key=KEY,
    api_secret=SECRET,
    tier="mm1",
    latency_ms=1.0,
    # A still market: prices stand, so a test knows what rests and what trades.
    flow=FlowParams(activity=0.0),
)


class Client:
    """REST and both streams of one account on one venue."""

    def __init__(self, port: int, secret: str = SECRET) -> None:
        clock = SystemClock()
        self.ids = ClientIds("mmt1", epoch=1)
        self.endpoints = check_endpoints(
            Endpoints(
                rest_url=f"http://127.0.0.1:{port}",
                ws_public_url=f"ws://127.0.0.1:{port}/v5/public/linear",
                ws_private_url=f"ws://127.0.0.1:{port}/v5/private",
            )
        )
        self.credentials = Credentials.hmac(KEY, secret)
        self.venue_clock = VenueClock(clock)
        self.rest = BybitRest(
            self.endpoints, self.credentials, clock, self.venue_clock, TradeCodec((), self.ids)
        )
        self.events: list[Any] = []
        self.states: list[tuple[str, bool]] = []
        self.books: dict[int, Book] = {}
        self.instruments: tuple[Instrument, ...] = ()
        self._changed = asyncio.Event()
        self._budget = ConnectBudget(clock)
        self._tasks: list[asyncio.Task[None]] = []
        self.public: PublicStream | None = None

    async def start(self) -> None:
        await self.rest.warm(2)
        self.instruments = await self.rest.instruments(Category.LINEAR, SYMBOLS)
        self.rest.use_instruments(self.instruments)
        for i in self.instruments:
            grids = (i.tick_decimals, i.tick_units, i.step_decimals, i.step_units)
            self.books[i.index] = Book(i.symbol, 50, *grids)
        rng = random.Random(1)
        self.public = PublicStream(
            self.endpoints.ws_public_url,
            PublicRouter(SYMBOLS, 50),
            self._frame,
            lambda up: self._state("public", up),
            rng=rng,
            budget=self._budget,
            backoff=Backoff(rng, 0.01, 0.05),
        )
        private = PrivateStream(
            self.endpoints.ws_private_url,
            self.credentials,
            self.venue_clock,
            PrivateDecoder(self.instruments, self.ids),
            self._events,
            lambda up: self._state("private", up),
            rng=rng,
            budget=self._budget,
            backoff=Backoff(rng, 0.01, 0.05),
        )
        self._tasks = [asyncio.create_task(s.run()) for s in (self.public, private)]
        await self.until(
            lambda: (
                {s for s, up in self.states if up} == {"public", "private"}
                and all(book.valid for book in self.books.values())
            )
        )

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.rest.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def told(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def last_status(self) -> dict[int, OrderStatus]:
        return {u.client_id: u.status for u in self.told(OrderUpdate)}

    def command(self, op: Op, instrument: int, side: Side, ticks: int, **more: Any) -> Command:
        flags = {Op.PLACE: Flag.POST_ONLY, Op.AMEND: Flag.AMEND_PRICE, Op.CANCEL: Flag.NONE}[op]
        return Command(
            op,
            slot_of(instrument, side, 0),
            self.instruments[instrument].index,
            side,
            more.get("flags", flags),
            Ticks(ticks),
            Lots(more.get("lots", 200)),
            more.get("client_id") or self.ids.next(),
        )

    def _frame(self, instrument: int, data: bytes, last_in_buffer: bool) -> None:
        self.books[instrument].apply(data)
        self._changed.set()

    def _events(self, events: Any) -> None:
        self.events.extend(events)
        self._changed.set()

    def _state(self, stream: str, up: bool) -> None:
        self.states.append((stream, up))
        self._changed.set()


@contextlib.asynccontextmanager
async def venue_and_client() -> AsyncIterator[tuple[VenueServer, Client]]:
    server = VenueServer(PARAMS)
    client = Client(await server.start())
    try:
        await client.start()
        yield server, client
    finally:
        await client.stop()
        await server.stop()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    def run(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(main)

    return run


Run = Callable[[Coroutine[Any, Any, None]], None]


def test_orders_live_move_and_go(run: Run) -> None:
    async def main() -> None:
        async with venue_and_client() as (_, client):
            rest = client.rest
            places = [
                client.command(Op.PLACE, n, Side.BUY, client.books[n].bid_ticks - 20 - step)
                for n in (0, 1)
                for step in (0, 1)
            ]
            placed = await rest.batch_place_orders(places)
            assert {item.outcome for item in placed.items} == {Outcome.ACK}
            assert placed.rate.limit > 0
            ours = {command.client_id for command in places}
            await client.until(lambda: set(client.last_status()) >= ours)
            assert set(client.last_status().values()) == {OrderStatus.WORKING}

            listed = await rest.settled_open_orders()
            assert {order.client_id for order in listed} == ours
            by_id = {order.client_id: order for order in listed}
            for item, command in zip(placed.items, places, strict=True):
                assert by_id[item.client_id].venue_id == item.venue_id
                assert by_id[item.client_id].price_ticks == command.price_ticks
                assert by_id[item.client_id].lots == command.lots

            moved = client.command(
                Op.AMEND, 0, Side.BUY, places[0].price_ticks - 5, client_id=places[0].client_id
            )
            assert (await rest.amend_order(moved)).items[0].outcome is Outcome.ACK
            await client.until(
                lambda: any(
                    u.client_id == moved.client_id and u.price_ticks == moved.price_ticks
                    for u in client.told(OrderUpdate)
                )
            )

            cancels = [
                client.command(Op.CANCEL, c.instrument, Side.BUY, 1, client_id=c.client_id)
                for c in places
            ]
            done = await rest.batch_cancel_orders(cancels)
            assert {item.outcome for item in done.items} == {Outcome.ACK}
            await client.until(
                lambda: set(client.last_status().values()) == {OrderStatus.CANCELLED}
            )
            assert await rest.settled_open_orders() == ()
            again = await rest.batch_cancel_orders(cancels)
            assert {item.outcome for item in again.items} == {Outcome.GONE}
            found = await rest.order(places[0].client_id)
            assert found is not None
            assert found.status is OrderStatus.CANCELLED
            assert await rest.order(client.ids.next()) is None

    run(main())


def test_a_fill_is_told_alike_by_stream_and_queries(run: Run) -> None:
    async def main() -> None:
        async with venue_and_client() as (_, client):
            since_ms = client.venue_clock.venue_ms() - 1_000
            book = client.books[0]
            take = client.command(
                Op.PLACE, 0, Side.BUY, book.ask_ticks, lots=min(book.ask_lots, 20), flags=Flag.IOC
            )
            reply = await client.rest.place_order(take)
            assert reply.items[0].outcome is Outcome.ACK
            await client.until(
                lambda: bool(
                    client.told(Execution)
                    and client.told(PositionUpdate)
                    and client.told(WalletUpdate)
                    and client.last_status().get(take.client_id) is OrderStatus.FILLED
                )
            )
            streamed = client.told(Execution)
            assert sum(e.lots for e in streamed) == take.lots
            assert {(e.client_id, e.side, e.is_maker) for e in streamed} == {
                (take.client_id, Side.BUY, False)
            }
            for e in streamed:
                assert e.value_e8 == client.instruments[0].notional_e8(e.price_ticks, e.lots)
                assert e.fee_e8 > 0
            assert await client.rest.executions(since_ms) == tuple(
                sorted(streamed, key=lambda e: (e.exec_ms, e.seq, e.exec_id))
            )
            positions = await client.rest.positions()
            assert [p.instrument for p in positions] == [0, 1]
            assert [p.lots for p in positions] == [take.lots, 0]
            assert positions[0] == client.told(PositionUpdate)[-1]
            (wallet,) = await client.rest.wallet()
            assert wallet.balance_e8 == client.told(WalletUpdate)[-1].balance_e8

    run(main())


def test_refusals_come_item_by_item(run: Run) -> None:
    async def main() -> None:
        async with venue_and_client() as (_, client):
            good = client.command(Op.PLACE, 0, Side.BUY, client.books[0].bid_ticks - 20)
            tiny = client.command(Op.PLACE, 0, Side.BUY, client.books[0].bid_ticks - 20, lots=10**9)
            twice = client.command(Op.PLACE, 0, Side.BUY, client.books[0].bid_ticks - 20)
            assert (await client.rest.place_order(twice)).items[0].outcome is Outcome.ACK
            reply = await client.rest.batch_place_orders((good, tiny, twice))
            assert [item.outcome for item in reply.items] == [
                Outcome.ACK,
                Outcome.REJECT,
                Outcome.UNKNOWN,
            ]
            assert [item.ret_code for item in reply.items] == [0, 10001, 110072]

    run(main())


def test_a_post_only_order_that_would_cross_is_acknowledged_and_then_gone(run: Run) -> None:
    async def main() -> None:
        async with venue_and_client() as (_, client):
            cross = client.command(Op.PLACE, 0, Side.BUY, client.books[0].ask_ticks + 5, lots=20)
            assert (await client.rest.place_order(cross)).items[0].outcome is Outcome.ACK
            await client.until(lambda: cross.client_id in client.last_status())
            (update,) = (u for u in client.told(OrderUpdate) if u.client_id == cross.client_id)
            assert update.status.is_final
            assert update.reject_reason == "EC_PostOnlyWillTakeLiquidity"
            assert not client.told(Execution)

    run(main())


def test_resubscribing_mends_a_book(run: Run) -> None:
    async def main() -> None:
        async with venue_and_client() as (_, client):
            before = client.books[1].levels(0, 50), client.books[1].levels(1, 50)
            client.books[1].reset()
            assert client.public is not None
            client.public.resubscribe(1)
            await client.until(lambda: client.books[1].valid)
            assert (client.books[1].levels(0, 50), client.books[1].levels(1, 50)) == before

    run(main())


def test_the_venue_going_away_is_survived(run: Run) -> None:
    async def main() -> None:
        server = VenueServer(PARAMS)
        port = await server.start()
        client = Client(port)
        try:
            await client.start()
            await server.stop()
            await client.until(
                lambda: {("public", False), ("private", False)} <= set(client.states)
            )
            place = client.command(Op.PLACE, 0, Side.BUY, 1000)
            gone = await client.rest.place_order(place)
            assert gone.items[0].outcome in (Outcome.NOT_SENT, Outcome.UNKNOWN)
            assert (await client.rest.place_order(place)).items[0].outcome is Outcome.NOT_SENT
            client.states.clear()
            server = VenueServer(PARAMS, port=port)
            await server.start()
            await client.until(lambda: {("public", True), ("private", True)} <= set(client.states))
            assert await client.rest.settled_open_orders() == ()
        finally:
            await client.stop()
            await server.stop()

    run(main())


def test_a_wrong_secret_is_an_auth_error(run: Run) -> None:
    async def main() -> None:
        server = VenueServer(PARAMS)
        client = Client(await server.start(), secret="not-the-secret")
        try:
            with pytest.raises(AuthError) as caught:
                await client.rest.api_key_info()
            assert "not-the-secret" not in str(caught.value)
        finally:
            await client.stop()
            await server.stop()

    run(main())
