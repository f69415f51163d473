"""Work for the embedded venue: ten moving books, listeners, a trader who replaces orders."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Sequence

import msgspec
import orjson

from mmfast.messages import Side
from mmfast.sim.instruments.catalogue import listings
from mmfast.sim.instruments.figures import figures_of
from mmfast.sim.params import VenueParams
from mmfast.sim.venue import Venue
from mmfast.sim.wire import HttpReply, HttpRequest, WsSend
from mmfast.units import E8, NS_PER_MS

SYMBOLS = (
    "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT",
    "ADAUSDT", "AVAXUSDT", "LINKUSDT", "LTCUSDT", "BNBUSDT",
)  # fmt: skip
KEY, SECRET = "bench-key", b"bench-secret"
PUBLIC, PRIVATE, TRADE = 1, 2, 3
_ORDER_VALUE = 700
_AWAY = 40e-4
_STEP_MS = 20


def _sign(text: bytes) -> str:
    return hmac.new(SECRET, text, hashlib.sha256).hexdigest()


def stream_auth(venue_ms: int) -> dict[str, object]:
    """The ``auth`` message of the private and the trade socket."""
    expires = venue_ms + 60_000
    return {"op": "auth", "args": [KEY, expires, _sign(f"GET/realtime{expires}".encode())]}


def signed_headers(body: bytes, venue_ms: int) -> dict[str, str]:
    """Headers of a signed POST."""
    return {
        "x-bapi-api-key": KEY,
        "x-bapi-timestamp": str(venue_ms),
        "x-bapi-recv-window": "5000",
        "x-bapi-sign": _sign(f"{venue_ms}{KEY}5000".encode() + body),
    }


class OrderFlow:
    """Create items in turn over all symbols and sides, some way from a fixed price: they rest."""

    def __init__(self, reference_ticks: Sequence[int]) -> None:
        self._shelf = listings(SYMBOLS)
        self._figures = [figures_of(one) for one in self._shelf]
        self._reference_ticks = reference_ticks
        self._made = 0

    def orders(self, count: int) -> list[dict[str, str]]:
        """The next so many create items."""
        return [self._order() for _ in range(count)]

    @staticmethod
    def cancel_of(order: dict[str, str]) -> dict[str, str]:
        """The cancel item of a create item."""
        return {"symbol": order["symbol"], "orderLinkId": order["orderLinkId"]}

    def _order(self) -> dict[str, str]:
        self._made += 1
        index, side = self._made % len(SYMBOLS), Side(self._made // len(SYMBOLS) % 2)
        reference, figures = self._reference_ticks[index], self._figures[index]
        away = int(reference * _AWAY) + self._made % 7
        ticks = reference + (away if side is Side.SELL else -away)
        one_lot = ticks * self._shelf[index].instrument.tick_lot_value_e8 / E8
        return {
            "symbol": SYMBOLS[index],
            "side": "Sell" if side is Side.SELL else "Buy",
            "orderType": "Limit",
            "qty": figures.qty(max(1, int(_ORDER_VALUE / one_lot))),
            "price": figures.price(ticks),
            "timeInForce": "PostOnly",
            "orderLinkId": f"bench{self._made:012x}",
        }


class Served(msgspec.Struct):
    """What the venue served, and the processor time ``Venue.advance`` took for it."""

    requests: int = 0
    replies: int = 0
    commands: int = 0
    flow_acts: int = 0
    public: int = 0
    private: int = 0
    refused: int = 0
    cpu_s: float = 0.0

    @property
    def events(self) -> int:
        """Requests and their replies, acts of the market, public messages, private messages."""
        return self.requests + self.replies + self.flow_acts + self.public + self.private


class CountedFlow:
    """Market life that counts its acts."""

    def __init__(self, flow, served: Served) -> None:
        self.next_due_ns = flow.next_due_ns
        self._step = flow.step
        self._served = served

    def step(self, now_ns: int, market) -> None:
        self._served.flow_acts += 1
        self._step(now_ns, market)


class Load:
    """One venue in virtual time with a listener of every book, trade and ticker, and a trader
    who hears all private streams. Signing and encoding are the client's work and not timed."""

    def __init__(self) -> None:
        params = VenueParams(
            symbols=SYMBOLS, api_key=KEY, api_secret=SECRET.decode(), tier="pro6", latency_ms=2.0
        )
        self.venue = Venue(params)
        self.served = Served()
        self.venue._flow = CountedFlow(self.venue._flow, self.served)
        self.now_ns = 0
        best = [self.venue.best(index, Side.BUY) for index in range(len(SYMBOLS))]
        self._flow = OrderFlow(best)
        self._resting: list[dict[str, str]] = []
        kinds = ("orderbook.50", "publicTrade", "tickers")
        topics = [f"{kind}.{symbol}" for symbol in SYMBOLS for kind in kinds]
        self._open(PUBLIC, "/v5/public/linear", {"op": "subscribe", "args": topics})
        roots = ["order", "execution", "position", "wallet"]
        auth = stream_auth(self.venue.venue_ms(0))
        self._open(PRIVATE, "/v5/private", auth, {"op": "subscribe", "args": roots})
        self._open(TRADE, "/v5/trade", auth)
        self.run(_STEP_MS)

    def _open(self, conn_id: int, path: str, *messages: dict[str, object]) -> None:
        assert self.venue.ws_open(conn_id, path, 0)
        for message in messages:
            self.venue.ws_message(conn_id, orjson.dumps(message), 0)

    def run(self, ms: int) -> None:
        """Let venue time pass, and count what leaves."""
        served = self.served
        self.now_ns += ms * NS_PER_MS
        begin = time.process_time()
        leaving = self.venue.advance(self.now_ns)
        served.cpu_s += time.process_time() - begin
        for due in leaving:
            output = due.output
            if isinstance(output, HttpReply):
                served.replies += 1
                served.refused += b'"retCode":0' not in output.body
            elif isinstance(output, WsSend) and output.conn_id == TRADE:
                served.replies += 1
                served.refused += b'"retCode":0' not in output.data
            elif isinstance(output, WsSend) and output.conn_id == PUBLIC:
                served.public += 1
            else:
                served.private += 1

    def trade(self, seconds: float, *, commands_per_s: int, by_batch: bool) -> None:
        """Place orders that rest, and cancel those of the step before; 0: the market alone."""
        per_step = commands_per_s * _STEP_MS // 2000
        for _ in range(int(seconds * 1000 / _STEP_MS)):
            cancels = [self._flow.cancel_of(order) for order in self._resting]
            self._resting = self._flow.orders(per_step)
            for op, items in (("cancel", cancels), ("create", self._resting)):
                self.served.commands += len(items)
                if by_batch and items:
                    self._post(f"/v5/order/{op}-batch", {"category": "linear", "request": items})
                elif not by_batch:
                    for item in items:
                        self._say(f"order.{op}", {"category": "linear", **item})
            self.run(_STEP_MS)

    def _post(self, path: str, body: dict[str, object]) -> None:
        self.served.requests += 1
        text = orjson.dumps(body)
        request = HttpRequest(
            request_id=self.served.requests,
            method="POST",
            path=path,
            query="",
            headers=signed_headers(text, self.venue.venue_ms(self.now_ns)),
            body=text,
        )
        self.venue.http(request, self.now_ns)

    def _say(self, op: str, item: dict[str, str]) -> None:
        self.served.requests += 1
        message = {
            "reqId": f"r{self.served.requests}",
            "header": {"X-BAPI-TIMESTAMP": str(self.venue.venue_ms(self.now_ns))},
            "op": op,
            "args": [item],
        }
        self.venue.ws_message(TRADE, orjson.dumps(message), self.now_ns)
