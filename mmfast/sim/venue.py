"""The embedded venue: exchange, market life, data and sessions on one timeline.

Sans-IO: it is told the time and what came in, and says what leaves when. A request is applied
half a round trip after it came and its reply leaves half a round trip later; what it did is told
on the private stream after that. Same parameters and same requests, same bytes.
"""

from __future__ import annotations

import hashlib
import heapq
import random
from typing import Final, NamedTuple

from mmfast.messages import Category, Side
from mmfast.sim.auth import Credentials, Doorkeeper
from mmfast.sim.dcp import PRODUCTS, DcpDesk
from mmfast.sim.exchange import Exchange
from mmfast.sim.feeds import Feeds
from mmfast.sim.flow import MarketFlow
from mmfast.sim.limits import Limits
from mmfast.sim.params import VenueParams
from mmfast.sim.rest import Router
from mmfast.sim.rest_routes import routes_of
from mmfast.sim.seams import BookView
from mmfast.sim.status_board import Notice
from mmfast.sim.wire import Due, HttpRequest, Output
from mmfast.sim.ws_sessions import WsSessions
from mmfast.units import NS_PER_MS, Lots, Ms, Ns, Ticks

NEVER_NS: Final = 1 << 62
UID: Final = 1_000_001
"""The account behind ``VenueParams.api_key``."""


class _Told(NamedTuple):
    """One private message on its way to the stream."""

    uid: int
    root: str
    category: str
    rows: list[dict[str, object]]


class _Said(NamedTuple):
    """One message of a websocket client, until its turn comes."""

    conn_id: int
    data: bytes


class _Gone(NamedTuple):
    """The end of a trade connection, behind what it has said."""

    conn_id: int


_Item = HttpRequest | _Told | _Said | _Gone | Output


class Venue:
    """One venue with one account. Times are nanoseconds of the venue clock, from 0."""

    def __init__(self, params: VenueParams) -> None:
        self._params = params
        self._exchange = Exchange(params, UID)
        self.uid = UID
        self.books: tuple[BookView, ...] = self._exchange.books
        self.instruments = self._exchange.instruments
        self._doorkeeper = Doorkeeper(
            (Credentials(UID, params.api_key, params.api_secret.encode()),),
            params.default_recv_window_ms,
        )
        switches = params.switches
        self.dcp = DcpDesk(
            apply_ms=switches.dcp_apply_ms, counts_silence=switches.dcp_counts_silence
        )
        self._router = self._build_router()
        self._jitter = random.Random(f"latency {params.seed}")
        self._half_ns = int(params.latency_ms * NS_PER_MS) // 2
        self._jitter_ns = int(params.latency_jitter_ms * NS_PER_MS)
        self._lag_ns = int(params.stream_lag_ms * NS_PER_MS)
        # (due, order of scheduling, what): ties are served in the order they were made.
        self._agenda: list[tuple[int, int, _Item]] = []
        self._scheduled = 0
        self._now_ns = 0
        self._stream_tail_ns: dict[tuple[int, str], int] = {}
        starts = tuple(int(listing.start_ticks) for listing in self._exchange.shelf)
        flows = tuple(params.flow_of(one.symbol) for one in self.instruments)
        self._flow = MarketFlow(self.instruments, starts, params.seed, flows)
        self._feeds = Feeds(self._exchange, params.start_wall_ms)
        self._sessions = WsSessions(
            params, self._doorkeeper, self._feeds.by_category, self._router, self.dcp
        )
        # When the last message of each trade connection is applied: they never overtake.
        self._trade_tail_ns: dict[int, int] = {}
        self._flow.seed_books(self, 0)
        self._tell()

    def _build_router(self) -> Router:
        exchange, params = self._exchange, self._params
        return Router(
            routes_of(exchange, params, self.dcp, self._notices),
            exchange.accounts,
            self._doorkeeper,
            Limits(params.tier),
            params.max_batch_orders,
        )

    def _notices(self) -> list[dict[str, object]]:
        # The sessions, which keep the notices, are made after the router they need.
        return self._sessions.board.rows()

    # What the server shell says and asks.

    def venue_ms(self, now_ns: int) -> int:
        """The venue's wall time at an instant of its clock."""
        return self._params.start_wall_ms + now_ns // NS_PER_MS

    def http(self, request: HttpRequest, now_ns: int) -> None:
        """A request came in; its reply comes out of :meth:`advance` in due time."""
        self._schedule(now_ns + self._half_ns + self._extra_ns(), request)

    def ws_admit(self, path: str, ip: str, now_ns: int) -> str:
        """Why an address may open no websocket now; empty when it may. Counts the attempt."""
        return self._sessions.admit(path, ip, now_ns)

    def ws_open(self, conn_id: int, path: str, now_ns: int, ip: str = "") -> bool:
        """A websocket was opened; False when there is nothing at ``path``."""
        return self._sessions.open(conn_id, path, now_ns, ip)

    def ws_message(self, conn_id: int, data: bytes, now_ns: int) -> None:
        """A websocket said something; the answers come out of :meth:`advance`.

        It waits its turn there: a snapshot taken now must not overtake a delta due before now.
        Its whole round trip is behind it when it is heard, so that it is answered at that very
        instant: no delta can slip in between a snapshot and its leaving. Only the trade socket
        does as REST does: half before, half after.
        """
        said = _Said(conn_id, data)
        if not self._sessions.is_trade(conn_id):
            self._schedule(now_ns + 2 * self._half_ns, said)
            return
        at_ns = now_ns + self._half_ns + self._extra_ns()
        at_ns = max(at_ns, self._trade_tail_ns.get(conn_id, 0))
        self._trade_tail_ns[conn_id] = at_ns
        self._schedule(at_ns, said)

    def ws_close(self, conn_id: int, now_ns: int) -> None:
        """A websocket is gone. What a trade connection has said is still done, unanswered."""
        tail_ns = self._trade_tail_ns.pop(conn_id, 0)
        if tail_ns > self._now_ns:
            self._schedule(tail_ns, _Gone(conn_id))
        else:
            self._sessions.close(conn_id, now_ns)

    def announce(self, notice: Notice) -> None:
        """Tell the venue's own state to who listens to ``system.status``."""
        for message in self._sessions.announce(notice, self.venue_ms(self._now_ns)):
            self._schedule(self._now_ns, message)

    def relaunch_books(self) -> None:
        """Restart the service behind the public books: they begin anew, with ``u`` = 1."""
        for category, topic, frame in self._feeds.relaunch(self._now_ns):
            for message in self._sessions.publish(category, topic, frame):
                self._schedule(self._now_ns, message)

    def refuse_trade_socket(self, code: int) -> None:
        """From now on refuse every order operation of the trade socket; 0: no more."""
        self._sessions.trade.outage = code

    def freeze_feed(self, until_ns: int) -> None:
        """Let public market data fall silent until then; the exchange goes on."""
        self._feeds.freeze(until_ns)

    def next_due_ns(self) -> int:
        """The earliest instant at which there is something to do (very large: never)."""
        return min(self._next_but_flow_ns(), self._flow.next_due_ns())

    def next_wake_ns(self) -> int:
        """When :meth:`advance` has to be called so that nothing leaves late.

        What the market does is told on the next beat of a public topic, and to an account half
        a round trip and a stream lag later: until then nobody can know that it was not done yet.
        """
        return min(
            self._next_but_flow_ns(), self._flow.next_due_ns() + self._half_ns + self._lag_ns
        )

    def _next_but_flow_ns(self) -> int:
        return min(
            self._agenda[0][0] if self._agenda else NEVER_NS,
            self._feeds.next_due_ns(),
            self._sessions.next_due_ns(),
            self.dcp.next_due_ns(),
        )

    def advance(self, now_ns: int) -> list[Due]:
        """Do everything due at or before ``now_ns``, in time order; what leaves, in that order."""
        leaving: list[Due] = []
        while (due_ns := self.next_due_ns()) <= now_ns:
            self._set_clock(due_ns)
            self._step(due_ns, leaving)
        self._set_clock(now_ns)
        return leaving

    # The timeline.

    def _set_clock(self, at_ns: int) -> None:
        self._now_ns = max(self._now_ns, at_ns)
        self._exchange.engine.now_ms = Ms(self.venue_ms(self._now_ns))

    def _schedule(self, at_ns: int, item: _Item) -> None:
        self._scheduled += 1
        heapq.heappush(self._agenda, (max(at_ns, self._now_ns), self._scheduled, item))

    def _extra_ns(self) -> int:
        return self._jitter.randrange(self._jitter_ns) if self._jitter_ns else 0

    def _step(self, due_ns: int, leaving: list[Due]) -> None:
        """One thing that is due: the agenda first, then the market, then data, then sessions."""
        at_ns = Ns(self._now_ns)
        outputs: list[Output] = []
        if self._agenda and self._agenda[0][0] <= due_ns:
            outputs += self._serve(heapq.heappop(self._agenda)[2])
        elif self._flow.next_due_ns() <= due_ns:
            self._flow.step(due_ns, self)
            self._tell()
        elif self._feeds.next_due_ns() <= due_ns:
            for category, topic, frame in self._feeds.advance(due_ns):
                outputs += self._sessions.publish(category, topic, frame)
        elif self.dcp.next_due_ns() <= due_ns:
            self._protect(due_ns)
        else:
            outputs += self._sessions.tick(due_ns)
        leaving += [Due(at_ns, output) for output in outputs]

    def _serve(self, item: _Item) -> list[Output]:
        if isinstance(item, HttpRequest):
            reply = self._router.answer(item, self._now_ns, self.venue_ms(self._now_ns))
            self._schedule(self._now_ns + self._half_ns + self._extra_ns(), reply)
            self._tell()
            return []
        if isinstance(item, _Told):
            venue_ms = self.venue_ms(self._now_ns)
            return list(
                self._sessions.private(item.uid, item.root, item.category, item.rows, venue_ms)
            )
        if isinstance(item, _Said):
            return self._hear(item)
        if isinstance(item, _Gone):
            self._sessions.close(item.conn_id, self._now_ns)
            return []
        return [item]

    def _hear(self, said: _Said) -> list[Output]:
        """Answer a websocket message: at once, or after the trade socket's way back."""
        now_ns, is_trade = self._now_ns, self._sessions.is_trade(said.conn_id)
        answers = self._sessions.message(said.conn_id, said.data, now_ns, self.venue_ms(now_ns))
        if not is_trade:
            return list(answers)
        for answer in answers:
            self._schedule(now_ns + self._half_ns + self._extra_ns(), answer)
        self._tell()
        return []

    def _protect(self, due_ns: int) -> None:
        """Disconnect protection: orders of accounts whose connections are dead end."""
        for uid, product in self.dcp.due(due_ns):
            self._exchange.protect(self._exchange.accounts[uid], PRODUCTS[product])
        self._tell()

    def _tell(self) -> None:
        """Pass on what the exchange did in this step."""
        prints = self._exchange.prints
        if prints:
            self._feeds.trades(prints)
            prints.clear()
        self._exchange.outbox.flush(self)

    def private(self, uid: int, root: str, category: str, rows: list[dict[str, object]]) -> None:
        """Take a private message; it leaves a lag after the ack of what caused it would.

        Messages of one stream never overtake each other; messages of two streams, and an ack,
        may once there is jitter.
        """
        at_ns = self._now_ns + self._half_ns + self._lag_ns + self._extra_ns()
        at_ns = max(at_ns, self._stream_tail_ns.get((uid, root), 0))
        self._stream_tail_ns[uid, root] = at_ns
        self._schedule(at_ns, _Told(uid, root, category, rows))

    # What market life does.

    def submit(
        self,
        instrument: int,
        side: Side,
        price_ticks: int,
        lots: int,
        *,
        post_only: bool,
        ioc: bool,
    ) -> int:
        """Enter a house order; returns its number, or 0 when nothing of it rests."""
        return self._exchange.submit_house(
            instrument, side, price_ticks, lots, post_only=post_only, ioc=ioc
        )

    def withdraw(self, instrument: int, number: int) -> bool:
        """Take a house order out; False when it is already gone."""
        return self._exchange.withdraw_house(instrument, number)

    def house_lots(self, instrument: int, number: int) -> Lots:
        """What still rests of a house order (0: gone)."""
        return self._exchange.house_lots(instrument, number)

    def best(self, instrument: int, side: Side) -> Ticks:
        """Best price of a side over all orders, 0 when empty."""
        return self._exchange.books[instrument].best(side)

    def set_reference(self, instrument: int, index_ticks: int, mark_ticks: int) -> None:
        """Move the index and mark price."""
        self._exchange.set_reference(instrument, index_ticks, mark_ticks)

    # The truth, for tests.

    def open_orders(self) -> list[dict[str, object]]:
        """Rows of the account's open orders, oldest first."""
        orders = self._exchange.accounts[self.uid].blotter.open_orders()
        return [self._exchange.rows.order(order) for order in orders]

    def positions(self) -> dict[str, int]:
        """Signed lots by symbol, flat ones included; spot has coins, not positions."""
        account = self._exchange.accounts[self.uid]
        return {
            instrument.symbol: account.holdings[instrument.index].lots
            for instrument in self.instruments
            if instrument.category is not Category.SPOT
        }

    def state_digest(self) -> str:
        """SHA-256 over open orders, positions, balance and books.

        Times and the venue's own ids are left out, so that runs of the same intents compare
        equal however fast they went.
        """
        account = self._exchange.accounts[self.uid]
        orders = sorted(
            (o.link_id, o.instrument, o.side, o.ticks, o.lots, o.cum_lots)
            for o in account.blotter.open_orders()
        )
        positions = [
            (leg.lots, leg.entry, leg.cum_realised) for h in account.holdings for leg in h.legs
        ]
        depth = 1 << 30
        books = [[book.levels(side, depth) for side in Side] for book in self.books]
        state = repr((orders, positions, sorted(account.wallet.items()), books))
        return hashlib.sha256(state.encode()).hexdigest()
