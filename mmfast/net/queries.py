"""What we ask the venue: its clock, its instruments, and the truth about our account."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

import msgspec

from mmfast.bybit import rest as api
from mmfast.bybit.auth import Window
from mmfast.bybit.instruments import instrument_from_row
from mmfast.bybit.rows import RowReader
from mmfast.clock import VenueClock
from mmfast.errors import (
    ClockSkewError,
    InvariantError,
    NotListed,
    NotSent,
    OutcomeUnknown,
    RateLimitError,
    RemoteProtocolError,
)
from mmfast.messages import (
    Category,
    Execution,
    Instrument,
    OrderUpdate,
    PositionUpdate,
    WalletUpdate,
)
from mmfast.net.http import Attempt, HttpPool, Reply
from mmfast.net.pace import Paces
from mmfast.units import NS_PER_S, InstrumentIndex, Ns

_MAX_PAGES: Final = 200
"""More pages than any list can have: a list that does not end is the server's fault."""
_MAX_TRIES: Final = 3
_DOUBT_S: Final = 0.01
"""How often to look whether the venue's clock has been measured anew."""
_MAX_WAIT_NS: Final = 2 * NS_PER_S
"""A rate window is one second; whoever must wait longer than this is told so instead."""

RowT = TypeVar("RowT")


class Queries:
    """Reads over a pool.

    They raise ``NotSent`` or ``OutcomeUnknown`` when no answer came, a ``VenueError`` when the
    venue refused, ``RemoteProtocolError`` when the answer cannot be understood. A refusal for
    the clock or the rate is mended and asked again a few times. What needs a key is asked no
    faster than the venue's own replies allow.
    """

    def __init__(self, pool: HttpPool, venue_clock: VenueClock, reader: RowReader) -> None:
        self.reader = reader
        self._pool = pool
        self._venue_clock = venue_clock
        self._paces = Paces(pool.clock)

    @property
    def blocked_until_ns(self) -> Ns:
        """Monotonic end of an address ban; 0 when there was none."""
        return self._pool.blocked_until_ns

    @property
    def is_banned(self) -> bool:
        """Nothing leaves now, because the address is banned."""
        return self._pool.clock.now_ns() < self._pool.blocked_until_ns

    def heed_ban(self, until_ns: int, on_ban: Callable[[int], None]) -> None:
        """Send nothing before a monotonic instant: somebody else was told until then that the
        address is banned. ``on_ban`` is told the end of any ban that is met here."""
        self._pool.heed_ban(until_ns)
        self.hear_of_bans(on_ban)

    def hear_of_bans(self, on_ban: Callable[[int], None]) -> None:
        """``on_ban`` is told the monotonic end of any ban that is met here."""
        self._pool.on_ban.append(on_ban)

    def meet_ban(self, until_ns: int) -> None:
        """Another client of this process has met a ban: as if it had been met here."""
        self._pool.meet_ban(until_ns)

    async def warm(self, connections: int = 4) -> None:
        """Open connections ahead of the first tick with cheap requests that run at once; each
        also measures the venue's clock."""
        await asyncio.gather(*(self.server_time() for _ in range(connections)))

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    async def server_time(self) -> int:
        """The venue's clock in nanoseconds since the Unix epoch; feeds the venue clock."""
        query = api.server_time()
        reply = await self._exchange(query)
        venue_ns = api.venue_time_ns(_result(query, reply))
        self._venue_clock.observe(reply.sent_ns, reply.received_ns, venue_ns)
        return venue_ns

    async def instruments(
        self, category: Category, symbols: Sequence[str]
    ) -> tuple[Instrument, ...]:
        """Filters of these symbols, in their order; an instrument's index is its position.

        Raises NotListed if the venue does not list one of them, RemoteProtocolError for an
        answer that cannot be read, which says nothing about that.
        """
        found: list[Instrument] = []
        for index, symbol in enumerate(symbols):
            query = api.instruments(category, symbol)
            page = api.decoded(query, api.INSTRUMENT_PAGE, await self._ask(query))
            row = next((row for row in page.rows if row.get("symbol") == symbol), None)
            if row is None:
                raise NotListed(
                    f"instruments-info: the venue lists no {category.text} symbol {symbol!r}"
                )
            found.append(instrument_from_row(row, InstrumentIndex(index), category))
        return tuple(found)

    async def open_orders(self) -> tuple[OrderUpdate, ...]:
        """All open orders on our instruments, ours and others'.

        The list moves while its pages are read, so an order may be missed or told twice (the
        later telling counts); :meth:`settled_open_orders` is for those who must not miss one.
        """
        found: dict[str, OrderUpdate] = {}
        for coin in self._settle_coins():
            for row in await self._pages(
                partial(api.open_orders, self._category, coin, ""),
                api.ORDER_PAGE,
            ):
                update = self.reader.order(row)
                if update is not None:
                    found[update.venue_id] = update
        return tuple(found.values())

    async def open_order_names(
        self, instruments: Sequence[Instrument]
    ) -> tuple[tuple[str, str], ...]:
        """(symbol, orderLinkId) of every open order in the settle coins of ``instruments``,
        also on symbols we do not trade. One pass: the list may move meanwhile."""
        coins = sorted({instrument.settle_coin for instrument in instruments})
        rows = [
            row
            for coin in coins
            for row in await self._pages(
                lambda cursor, coin=coin: api.open_orders(  # type: ignore[misc]
                    self._category, coin, cursor=cursor
                ),
                api.ORDER_PAGE,
            )
        ]
        return tuple((row.symbol, row.order_link_id or "") for row in rows)

    async def settled_open_orders(self, passes: int = 6) -> tuple[OrderUpdate, ...]:
        """Open orders read until two passes in a row name the same orders.

        Raises OutcomeUnknown if that does not happen within ``passes``.
        """
        before: set[str] | None = None
        for _ in range(passes):
            orders = await self.open_orders()
            named = {order.venue_id for order in orders}
            if named == before:
                return orders
            before = named
        raise OutcomeUnknown(f"order/realtime: open orders kept changing over {passes} reads")

    async def order(self, client_id: int) -> OrderUpdate | None:
        """How one of our orders stands, among the open and lately closed ones and then in the
        history; None if neither knows it, which by itself proves nothing."""
        link_id = self.reader.ids.text(client_id)
        for query in (
            api.order_now(self._category, link_id),
            api.order_history(self._category, link_id),
        ):
            page = api.decoded(query, api.ORDER_PAGE, await self._ask(query))
            for row in page.rows:
                if row.order_link_id == link_id:
                    return self.reader.order(row)
        return None

    async def executions(self, since_ms: int) -> tuple[Execution, ...]:
        """Executions on our instruments since a venue time, oldest first, each once."""
        return await self._executions(partial(api.executions, self._category, since_ms))

    async def executions_of(self, client_id: int) -> tuple[Execution, ...]:
        """Executions of one order of ours, oldest first, each once."""
        link_id = self.reader.ids.text(client_id)
        found = await self._executions(partial(api.executions_of, self._category, link_id))
        return tuple(row for row in found if row.client_id == client_id)

    async def _executions(self, query: Callable[[str], api.Query]) -> tuple[Execution, ...]:
        rows = await self._pages(query, api.EXECUTION_PAGE)
        found: dict[str, Execution] = {}
        for row in rows:
            execution = self.reader.execution(row)
            if execution is not None:
                found[execution.exec_id] = execution
        return tuple(sorted(found.values(), key=lambda e: (e.exec_ms, e.seq, e.exec_id)))

    async def positions(self) -> tuple[PositionUpdate, ...]:
        """One position per instrument of ours, flat ones included, by instrument index."""
        found: dict[int, PositionUpdate] = {}
        for coin in self._settle_coins():
            for row in await self._pages(
                partial(api.positions, self._category, coin, ""),
                api.POSITION_PAGE,
            ):
                update = self.reader.position(row)
                if update is not None:
                    found[update.instrument] = update
        for instrument in self.reader.instruments():
            # A list by coin leaves flat positions out; asking by symbol tells their sequence.
            if instrument.index not in found:
                found[instrument.index] = await self._position_of(instrument)
        return tuple(found[index] for index in sorted(found))

    async def wallet(self) -> tuple[WalletUpdate, ...]:
        """Balance of each settlement coin of ours."""
        updates: list[WalletUpdate] = []
        for coin in self._coins():
            query = api.wallet(coin)
            page = api.decoded(query, api.WALLET_PAGE, await self._ask(query))
            for row in page.rows:
                updates.extend(self.reader.wallet(row))
        return tuple(updates)

    async def api_key_info(self) -> api.ApiKeyInfo:
        """Rights and terms of the key in use."""
        query = api.api_key()
        return api.decoded(query, api.API_KEY, await self._ask(query))

    async def dcp_window_s(self) -> int:
        """Seconds of silence after which the venue cancels our category's orders; 0 for never."""
        query = api.dcp_info()
        return api.decoded(query, api.DCP_INFO, await self._ask(query)).window_s(self._category)

    async def set_dcp_window(self, window_s: int) -> None:
        """Ask the venue to cancel after so much silence. Raises VenueError where the account has
        no such protection."""
        query, body = api.set_dcp(self._category, window_s)
        attempt = Attempt(body, Window.LONG)
        limit = self._pool.limits.max_query_reply_bytes
        reply = await self._pool.request("POST", query.path, query.api, attempt, limit)
        _result(query, reply)

    async def _position_of(self, instrument: Instrument) -> PositionUpdate:
        query = api.positions(self._category, symbol=instrument.symbol)
        page = api.decoded(query, api.POSITION_PAGE, await self._ask(query))
        for row in page.rows:
            update = self.reader.position(row)
            if update is not None:
                return update
        raise RemoteProtocolError(f"position/list: no row for {instrument.symbol}")

    async def _pages(
        self,
        query_of: Callable[[str], api.Query],
        decoder: msgspec.json.Decoder[api.Page[RowT]],
    ) -> list[RowT]:
        """All rows of a paged list. Raises RemoteProtocolError for a list that does not end."""
        rows: list[RowT] = []
        cursor = ""
        for _ in range(_MAX_PAGES):
            query = query_of(cursor)
            page = api.decoded(query, decoder, await self._ask(query))
            rows.extend(page.rows)
            following = page.next_page_cursor or ""
            # An empty page may still name a cursor; nothing can follow it.
            if not following or not page.rows:
                return rows
            if following == cursor:
                raise RemoteProtocolError(f"{query.api}: the same page cursor came twice")
            cursor = following
        raise RemoteProtocolError(f"{query.api}: the list did not end after {_MAX_PAGES} pages")

    async def _ask(self, query: api.Query) -> msgspec.Raw:
        """The result of a query; waits out a short rate limit and mends the clock once."""
        for attempt in range(1, _MAX_TRIES + 1):
            reply = await self._exchange(query)
            try:
                return _result(query, reply)
            except ClockSkewError:
                if attempt > 1:
                    raise
                self._venue_clock.doubt(reply.sent_ns)
                await self.server_time()
            except RateLimitError as error:
                wait_ns = error.retry_at_ns - self._pool.clock.now_ns()
                if attempt == _MAX_TRIES or wait_ns > _MAX_WAIT_NS:
                    raise
                await asyncio.sleep(max(wait_ns, 0) / NS_PER_S)
        raise InvariantError("the last try neither returned nor raised")

    async def _exchange(self, query: api.Query) -> Reply:
        """Ask once. A question that needs a key waits for its turn, and while the time is in
        doubt, which a refusal would only confirm. Where the limit falls before it has left, it
        waits for its turn again."""
        if not query.signed:
            return await self._send(query, None)
        while True:
            turn = await self._paces.turn(query.path)
            reply = None
            try:
                while self._venue_clock.in_doubt:  # noqa: ASYNC110 - it ends by time as well
                    await asyncio.sleep(_DOUBT_S)
                reply = await self._send(query, turn.leave)
            except (NotSent, OutcomeUnknown):
                if not turn.held_back:
                    raise
            else:
                return reply
            finally:
                if reply is None:
                    turn.end(None, 0)
                else:
                    turn.end(reply.rate, reply.sent_ns)

    async def _send(self, query: api.Query, last_look: Callable[[], str] | None) -> Reply:
        target = f"{query.path}?{query.query}" if query.query else query.path
        window = Window.LONG if query.signed else None
        attempt = Attempt(query.query.encode(), window, last_look)
        limit = self._pool.limits.max_query_reply_bytes
        return await self._pool.request("GET", target, query.api, attempt, limit)

    @property
    def _category(self) -> Category:
        return self.reader.category

    def _coins(self) -> list[str]:
        return sorted({instrument.settle_coin for instrument in self.reader.instruments()})

    def _settle_coins(self) -> list[str]:
        """Scopes of the list queries: one per settle coin, a single empty one for spot."""
        return [""] if self._category == Category.SPOT else self._coins()


def _result(query: api.Query, reply: Reply) -> msgspec.Raw:
    return api.result_of(query, reply.status, reply.body, reply.rate, reply.received_ns)
