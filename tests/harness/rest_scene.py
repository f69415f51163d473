"""One trading session on a venue with every category, and whoever asks it over REST."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import orjson

from mmfast.messages import Side
from mmfast.sim.feed.status import Notice
from mmfast.sim.params import FlowParams, VenueParams
from mmfast.sim.venue import Venue
from mmfast.sim.wire import HttpReply, HttpRequest
from mmfast.units import E8, NS_PER_MS, Ms

KEY, SECRET = "key", "secret"
OPTION = "BTC-28DEC35-100000-C-USDT"
CATEGORIES: dict[str, tuple[str, ...]] = {
    "symbols": ("BTCUSDT", "ETHUSDT", "SOLUSDT"),
    "inverse_symbols": ("BTCUSD",),
    "spot_symbols": ("BTCUSDT", "ETHUSDT"),
    "option_symbols": (OPTION,),
}
BTC, ETH, SOL, BTC_INVERSE, BTC_SPOT, ETH_SPOT, BTC_CALL = range(7)
"""Indexes of the instruments above."""
LINEAR_BTC = {"category": "linear", "symbol": "BTCUSDT"}
SPOT_BTC = {"category": "spot", "symbol": "BTCUSDT"}


class Rest:
    """Asks a still venue, one request at a time."""

    def __init__(self, **params: Any) -> None:
        settings: dict[str, Any] = {
            **CATEGORIES,
            "tier": "pro6",
            "coins_e8": (("BTC", 10 * E8),),
            "flow": FlowParams(activity=0.0),
            **params,
        }
        self.venue = Venue(VenueParams(api_key=KEY, api_secret=SECRET, **settings))
        self.now_ns = 0
        self._count = 0

    def send(self, method: str, path: str, query: str, body: bytes, **change: str) -> HttpReply:
        """One signed request and its reply; ``change`` replaces headers."""
        stamp = str(self.venue.venue_ms(self.now_ns))
        origin = f"{stamp}{KEY}5000{query}".encode() + body
        headers = {
            "x-bapi-api-key": KEY,
            "x-bapi-timestamp": stamp,
            "x-bapi-recv-window": "5000",
            "x-bapi-sign": hmac.new(SECRET.encode(), origin, hashlib.sha256).hexdigest(),
        }
        headers |= {f"x-bapi-{name}": value for name, value in change.items()}
        self._count += 1
        request = HttpRequest(
            request_id=self._count,
            method=method,
            path=path,
            query=query,
            headers=headers,
            body=body,
        )
        self.venue.http(request, self.now_ns)
        replies = [due.output for due in self.run(20) if isinstance(due.output, HttpReply)]
        return next(reply for reply in replies if reply.request_id == self._count)

    def run(self, ms: int) -> list[Any]:
        """Let venue time pass; what left."""
        self.now_ns += ms * NS_PER_MS
        return self.venue.advance(self.now_ns)

    def get(self, path: str, **query: object) -> Any:
        text = "&".join(f"{name}={value}" for name, value in query.items())
        return orjson.loads(self.send("GET", path, text, b"").body)

    def post(self, path: str, **body: object) -> Any:
        return orjson.loads(self.send("POST", path, "", orjson.dumps(body)).body)

    def order(self, **fields: object) -> Any:
        return self.post("/v5/order/create", **limit(**fields))

    def batch(self, kind: str, category: str, items: list[Any]) -> Any:
        return self.post(f"/v5/order/{kind}-batch", category=category, request=items)

    def top(self, index: int, side: Side) -> int:
        """Best price of a side, in ticks."""
        return int(self.venue.best(index, side))

    def house(self, index: int, side: Side, ticks: int, lots: int) -> None:
        """An anonymous taker."""
        self.venue.submit(index, side, ticks, lots, post_only=False, ioc=True)
        self.run(20)


def limit(**fields: object) -> dict[str, object]:
    """A create that rests far below the market; ``fields`` change it."""
    item: dict[str, object] = {
        **LINEAR_BTC,
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.010",
        "price": "64600.00",
        "timeInForce": "PostOnly",
    }
    return item | fields


class Scene(Rest):
    """A session in which everything has happened once."""

    def __init__(self) -> None:
        super().__init__()
        self._trade_linear()
        self._trade_elsewhere()
        for index in range(len(self.venue.instruments)):
            self.house(index, Side.BUY, self.top(index, Side.SELL), 1)
        self.order(orderLinkId="open")
        self.order(orderLinkId="cancelled")
        self.post("/v5/order/cancel", **LINEAR_BTC, orderLinkId="cancelled")
        self.order(**SPOT_BTC, orderLinkId="spot-open", qty="0.001", price="64700.0")
        for product in ("SPOT", "DERIVATIVES"):
            self.post("/v5/order/disconnected-cancel-all", product=product, timeWindow=10)
        end_ms = self.venue.venue_ms(self.now_ns)
        self.venue.announce(
            Notice(
                notice_id="00000000-0000-4000-8000-000000000001",
                title="planned",
                state="completed",
                begin_ms=Ms(end_ms - 1000),
                end_ms=Ms(end_ms),
            )
        )

    def _trade_linear(self) -> None:
        """A maker fill, a taker fill: long in one symbol, short in another."""
        ticks = self.top(BTC, Side.BUY) + 10
        price = self.venue._exchange.rows.figures[BTC].price(ticks)
        self.order(orderLinkId="maker", price=price)
        self.house(BTC, Side.SELL, ticks, 4)
        self.order(symbol="ETHUSDT", side="Sell", orderType="Market", qty="0.50")

    def _trade_elsewhere(self) -> None:
        inverse = {"category": "inverse", "symbol": "BTCUSD", "orderType": "Market"}
        self.order(**inverse, side="Sell", qty="300")
        self.order(**SPOT_BTC, orderType="Market", qty="200", timeInForce="IOC")
