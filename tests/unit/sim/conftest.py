"""A trader on the sans-IO venue: signed requests in, replies and private stream events out."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
import pytest

from mmfast.messages import Side
from mmfast.sim.fault_terms.schedule import read_schedule
from mmfast.sim.params import FlowParams, VenueParams
from mmfast.sim.venue import Venue
from mmfast.sim.wire import HttpReply, HttpRequest, WsSend
from mmfast.units import NS_PER_MS

KEY, SECRET = "test-key", "test-secret"
STILL = FlowParams(activity=0.0)
STREAM = 1


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes
    at_ns: int

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def code(self) -> int:
        return self.json["retCode"]

    @property
    def result(self) -> Any:
        return self.json["result"]

    @property
    def rows(self) -> list[dict[str, Any]]:
        return self.json["result"]["list"]

    @property
    def codes(self) -> list[int]:
        return [item["code"] for item in self.json["retExtInfo"]["list"]]


class Event(NamedTuple):
    at_ns: int
    topic: str
    row: dict[str, Any]


class Trader:
    """One account, waiting for each reply. Books are empty unless ``keep_books``."""

    def __init__(self, *, keep_books: bool = False, **params: Any) -> None:
        params.setdefault("symbols", ("BTCUSDT", "ETHUSDT", "SUIUSDT"))
        params.setdefault("flow", STILL)
        params.setdefault("tier", "pro6")
        self.venue = self.make_venue(VenueParams(api_key=KEY, api_secret=SECRET, **params))
        self.now_ns = 0
        self.events: list[Event] = []
        self.leaving: list[Any] = []
        self._requests = 0
        self._replies: dict[int, Reply] = {}
        if not keep_books:
            for spot in range(len(self.venue.instruments)):
                for number in range(1, 5000):
                    self.venue.withdraw(spot, number)
        self._listen()

    def make_venue(self, params: VenueParams) -> Venue:
        return Venue(params)

    def _listen(self) -> None:
        expires = self.venue.venue_ms(0) + 10_000
        sign = hmac.new(SECRET.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256)
        assert self.venue.ws_open(STREAM, "/v5/private", 0)
        for message in (
            {"op": "auth", "args": [KEY, expires, sign.hexdigest()]},
            {"op": "subscribe", "args": ["order", "execution", "position", "wallet"]},
        ):
            self.venue.ws_message(STREAM, orjson.dumps(message), 0)
        self.run(20)

    def run(self, ms: float) -> None:
        """Let venue time pass and keep what left."""
        self.now_ns += int(ms * NS_PER_MS)
        for due in self.venue.advance(self.now_ns):
            self.leaving.append(due)
            output = due.output
            if isinstance(output, HttpReply):
                self._replies[output.request_id] = Reply(
                    output.status, dict(output.headers), output.body, due.at_ns
                )
            elif isinstance(output, WsSend) and output.conn_id == STREAM:
                frame = orjson.loads(output.data)
                for row in frame.get("data", ()):
                    self.events.append(Event(due.at_ns, frame["topic"], row))

    def send(
        self,
        method: str,
        path: str,
        payload: str | bytes = b"",
        *,
        headers: dict[str, str] | None = None,
        signed: bool = True,
        offset_ms: int = 0,
        window: str = "5000",
    ) -> int:
        """Put one request on its way; returns its number."""
        self._requests += 1
        text = payload if isinstance(payload, bytes) else payload.encode()
        sent = {}
        if signed:
            stamp = str(self.venue.venue_ms(self.now_ns) + offset_ms)
            origin = f"{stamp}{KEY}{window}".encode() + text
            sent = {
                "x-bapi-api-key": KEY,
                "x-bapi-timestamp": stamp,
                "x-bapi-recv-window": window,
                "x-bapi-sign": hmac.new(SECRET.encode(), origin, hashlib.sha256).hexdigest(),
            }
        sent.update(headers or {})
        is_get = method == "GET"
        request = HttpRequest(
            request_id=self._requests,
            method=method,
            path=path,
            query=text.decode(errors="surrogateescape") if is_get else "",
            headers={name: value for name, value in sent.items() if value},
            body=b"" if is_get else text,
        )
        self.venue.http(request, self.now_ns)
        return self._requests

    def reply(self, number: int) -> Reply:
        return self._replies[number]

    def ask(self, *args: Any, **options: Any) -> Reply:
        """Send, and wait until reply and stream are through."""
        number = self.send(*args, **options)
        self.run(20)
        return self.reply(number)

    def get(self, path: str, **query: object) -> Reply:
        text = "&".join(f"{name}={value}" for name, value in query.items())
        return self.ask("GET", path, text)

    def post(self, path: str, body: object) -> Reply:
        return self.ask("POST", path, orjson.dumps(body))

    def place(self, **fields: object) -> Reply:
        return self.post("/v5/order/create", {"category": "linear", **order(**fields)})

    def amend(self, **fields: object) -> Reply:
        return self.post("/v5/order/amend", {"category": "linear", "symbol": "BTCUSDT", **fields})

    def cancel(self, **fields: object) -> Reply:
        return self.post("/v5/order/cancel", {"category": "linear", "symbol": "BTCUSDT", **fields})

    def batch(self, kind: str, items: list[Any]) -> Reply:
        return self.post(f"/v5/order/{kind}-batch", {"category": "linear", "request": items})

    def house(self, side: Side, ticks: int, lots: int, *, spot: int = 0, ioc: bool = False) -> int:
        """An anonymous counterparty acts, and its effects are told."""
        number = self.venue.submit(spot, side, ticks, lots, post_only=False, ioc=ioc)
        self.venue._tell()  # what a step of market life ends with
        self.run(20)
        return number

    def told(self, topic: str) -> list[dict[str, Any]]:
        """Rows of one private topic so far, oldest first; then forgotten."""
        rows = [event.row for event in self.events if event.topic == topic]
        self.events = [event for event in self.events if event.topic != topic]
        return rows

    def position(self, symbol: str = "BTCUSDT") -> dict[str, Any]:
        return self.get("/v5/position/list", category="linear", symbol=symbol).rows[0]

    def open_links(self) -> list[str]:
        return [str(row["orderLinkId"]) for row in self.venue.open_orders()]


def order(**fields: object) -> dict[str, object]:
    """A well-formed create item for BTCUSDT; ``fields`` change it, ``None`` removes one."""
    item: dict[str, object] = {
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.010",
        "price": "65000.00",
        "timeInForce": "GTC",
        "positionIdx": 0,
    }
    item.update(fields)
    return {name: value for name, value in item.items() if value is not None}


@pytest.fixture
def trader() -> Trader:
    return Trader()


@pytest.fixture
def new_trader() -> Callable[..., Trader]:
    return Trader


@pytest.fixture
def item() -> Callable[..., dict[str, object]]:
    return order


@pytest.fixture(scope="session")
def trader_class() -> type[Trader]:
    return Trader


@pytest.fixture
def arm() -> Callable[..., list[int]]:
    """Load faults into a trader's venue: rows as a schedule has them."""

    def load(trader: Trader, *rows: dict[str, object], seed: int = 1) -> list[int]:
        schedule = read_schedule(orjson.dumps({"seed": seed, "faults": rows}))
        ids = trader.venue.arm(schedule, trader.now_ns)
        trader.run(0)
        return ids

    return load
