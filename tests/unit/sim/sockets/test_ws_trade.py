"""The trade socket: the same orders as over REST, in its own words, from the same budgets."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import orjson
import pytest

from mmfast.sim.fault_terms.kinds import ServiceRestarting
from mmfast.sim.fault_terms.schedule import Schedule
from mmfast.sim.limits.connections import WsLimits
from mmfast.sim.wire import WsSend
from mmfast.units import NS_PER_MS

KEY, SECRET = "test-key", "test-secret"
REPLY = ["reqId", "retCode", "retMsg", "op", "data", "retExtInfo", "header", "connId"]
HEADER = {
    "X-Bapi-Limit", "X-Bapi-Limit-Status", "X-Bapi-Limit-Reset-Timestamp", "Traceid", "Timenow"
}  # fmt: skip


class Socket:
    """One trade connection of a trader."""

    def __init__(self, trader: Any, conn_id: int = 50, *, auth: bool = True, ip: str = "") -> None:
        self.trader = trader
        self.conn_id = conn_id
        self._seen = len(trader.leaving)
        assert trader.venue.ws_open(conn_id, "/v5/trade", trader.now_ns, ip)
        if auth:
            assert self.auth()["retCode"] == 0

    def auth_message(self, secret: str = SECRET) -> dict[str, Any]:
        expires = self.trader.venue.venue_ms(self.trader.now_ns) + 10_000
        text = f"GET/realtime{expires}".encode()
        sign = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
        return {"op": "auth", "args": [KEY, expires, sign]}

    def auth(self, secret: str = SECRET) -> dict[str, Any]:
        return self.say(self.auth_message(secret))

    def put(self, message: dict[str, Any]) -> None:
        self.trader.venue.ws_message(self.conn_id, orjson.dumps(message), self.trader.now_ns)

    def hear(self) -> list[tuple[int, dict[str, Any]]]:
        """Answers that came since the last call, each with its instant."""
        fresh = self.trader.leaving[self._seen :]
        self._seen = len(self.trader.leaving)
        return [
            (due.at_ns, orjson.loads(due.output.data))
            for due in fresh
            if isinstance(due.output, WsSend) and due.output.conn_id == self.conn_id
        ]

    def say(self, message: dict[str, Any]) -> dict[str, Any]:
        self.put(message)
        self.trader.run(20)
        [(_, answer)] = self.hear()
        return answer

    def header(self, **change: Any) -> dict[str, Any]:
        now_ms = self.trader.venue.venue_ms(self.trader.now_ns)
        header = {"X-BAPI-TIMESTAMP": str(now_ms), "X-BAPI-RECV-WINDOW": "5000", **change}
        return {name: value for name, value in header.items() if value is not None}

    def order(self, op: str, *args: Any, **fields: Any) -> dict[str, Any]:
        message = {"op": f"order.{op}", "header": self.header(), "args": list(args), **fields}
        return self.say(message)


@pytest.fixture
def socket(trader: Any) -> Socket:
    return Socket(trader)


def item(link: str = "", **change: Any) -> dict[str, Any]:
    fields = {
        "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.010",
        "price": "64990.00", "timeInForce": "PostOnly", "orderLinkId": link,
    }  # fmt: skip
    return {**fields, **change}


def linear(**fields: Any) -> dict[str, Any]:
    return {"category": "linear", **fields}


def test_place_amend_and_cancel(socket: Socket, trader: Any) -> None:
    placed = socket.order("create", linear(**item("a")), reqId="1")
    assert list(placed) == REPLY
    assert (placed["reqId"], placed["retCode"], placed["retMsg"]) == ("1", 0, "OK")
    assert placed["data"] == {"orderId": placed["data"]["orderId"], "orderLinkId": "a"}
    assert placed["header"].keys() == HEADER
    assert all(isinstance(text, str) for text in placed["header"].values())
    assert trader.open_links() == ["a"]
    order_id = placed["data"]["orderId"]
    amended = socket.order("amend", linear(symbol="BTCUSDT", orderId=order_id, qty="0.020"))
    assert "reqId" not in amended
    assert (amended["retCode"], amended["data"]["orderId"]) == (0, order_id)
    assert trader.venue.open_orders()[0]["qty"] == "0.020"
    ended = socket.order("cancel", linear(symbol="BTCUSDT", orderLinkId="a"), reqId="3")
    assert (ended["retCode"], ended["op"], ended["retExtInfo"]) == (0, "order.cancel", {})
    assert trader.open_links() == []
    again = socket.order("cancel", linear(symbol="BTCUSDT", orderLinkId="a"), reqId="4")
    assert (again["retCode"], again["data"]) == (110001, {})
    assert again["retMsg"] == "order not exists or too late to cancel"
    assert [row["orderStatus"] for row in trader.told("order")] == ["New", "New", "Cancelled"]


def test_batches_answer_item_by_item(socket: Socket, trader: Any) -> None:
    wish = [item("a"), item("a"), item("b")]
    placed = socket.order("create-batch", linear(request=wish), reqId="b1")
    assert [one["code"] for one in placed["retExtInfo"]["list"]] == [0, 110072, 0]
    assert [bool(row["orderId"]) for row in placed["data"]["list"]] == [True, False, True]
    names = [{"symbol": "BTCUSDT", "orderLinkId": name} for name in ("a", "nobody")]
    moved = socket.order(
        "amend-batch", linear(request=[{**one, "qty": "0.030"} for one in names]), reqId="b2"
    )
    assert [one["code"] for one in moved["retExtInfo"]["list"]] == [0, 110001]
    ended = socket.order("cancel-batch", linear(request=names), reqId="b3")
    assert [one["code"] for one in ended["retExtInfo"]["list"]] == [0, 110001]
    assert trader.open_links() == ["b"]


def test_the_ack_leaves_half_a_round_trip_after_it_was_applied(new_trader: Any) -> None:
    trader = new_trader(latency_ms=8.0, stream_lag_ms=1.0)
    socket = Socket(trader)
    sent_ns = trader.now_ns
    socket.put({"op": "order.create", "header": socket.header(), "args": [linear(**item("a"))]})
    trader.run(3.9)
    assert trader.open_links() == []
    trader.run(0.2)
    assert trader.open_links() == ["a"]
    trader.run(20)
    [(at_ns, _)] = socket.hear()
    assert at_ns == sent_ns + 8 * NS_PER_MS
    [told] = [event for event in trader.events if event.topic == "order"]
    assert told.at_ns == sent_ns + 9 * NS_PER_MS


def test_rest_and_socket_drain_one_budget_and_batches_take_their_prefix(new_trader: Any) -> None:
    trader = new_trader(tier="default")  # ten a second
    socket = Socket(trader)
    for number in range(4):
        trader.send(
            "POST", "/v5/order/create-batch", orjson.dumps(linear(request=[item(f"r{number}")]))
        )
    header = socket.header()
    for name in ("one", "two"):
        wish = [item(f"{name}-{number}") for number in range(5)]
        socket.put({"op": "order.create-batch", "header": header, "args": [linear(request=wish)]})
    trader.run(20)
    (_, first), (_, second) = socket.hear()
    assert [one["code"] for one in first["retExtInfo"]["list"]] == [0] * 5
    assert first["header"]["X-Bapi-Limit"] == "10"
    assert first["header"]["X-Bapi-Limit-Status"] == "1"
    assert [one["code"] for one in second["retExtInfo"]["list"]] == [0] + [10006] * 4
    third = socket.order("create-batch", linear(request=[item("three")]))
    assert (third["retCode"], third["data"]) == (10006, {})
    assert third["retMsg"] == "Too many visits. Exceeded the API Rate Limit."
    assert third["header"]["X-Bapi-Limit-Status"] == "0"
    # The single form has a budget of its own.
    assert socket.order("create", linear(**item("single")))["retCode"] == 0


def test_request_ids_never_repeat_on_a_connection(socket: Socket, trader: Any) -> None:
    assert socket.order("create", linear(**item("a")), reqId="x")["retCode"] == 0
    repeated = socket.order("create", linear(**item("b")), reqId="x")
    assert (repeated["retCode"], repeated["retMsg"]) == (20006, "reqId is duplicated")
    assert repeated["reqId"] == "x"
    assert trader.open_links() == ["a"]
    # A refused request has used its id as well; other connections have ids of their own.
    late = socket.header(**{"X-BAPI-TIMESTAMP": "1"})
    assert socket.order("create", linear(**item("b")), reqId="y", header=late)["retCode"] == 10002
    assert socket.order("create", linear(**item("b")), reqId="y")["retCode"] == 20006
    assert Socket(trader, 51).order("create", linear(**item("b")), reqId="x")["retCode"] == 0
    long = socket.order("create", linear(**item("c")), reqId="r" * 37)
    assert long["retCode"] == 10001
    assert socket.order("create", linear(**item("c")), reqId="r" * 36)["retCode"] == 0
    # Without one, nothing is checked.
    for name in ("d", "e"):
        assert socket.order("create", linear(**item(name)))["retCode"] == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"X-BAPI-TIMESTAMP": None}, 10001),
        ({"X-BAPI-TIMESTAMP": "soon"}, 10001),
        ({"X-BAPI-TIMESTAMP": -5_100}, 10002),
        ({"X-BAPI-TIMESTAMP": +1_100}, 10002),
        ({"X-BAPI-TIMESTAMP": -4_900}, 0),
        ({"X-BAPI-TIMESTAMP": -900, "X-BAPI-RECV-WINDOW": "800"}, 10002),
        ({"X-BAPI-TIMESTAMP": -900, "X-BAPI-RECV-WINDOW": None}, 0),
        ({"X-BAPI-TIMESTAMP": 0, "X-BAPI-RECV-WINDOW": 5000}, 0),
    ],
)
def test_every_request_carries_its_time(socket: Socket, change: dict, code: int) -> None:
    stamp = change["X-BAPI-TIMESTAMP"]
    if isinstance(stamp, int):
        # Numbers, too: one client in the field sends them.
        now_ms = socket.trader.venue.venue_ms(socket.trader.now_ns)
        change = {**change, "X-BAPI-TIMESTAMP": now_ms + stamp}
    reply = socket.order("create", linear(**item("a")), header=socket.header(**change))
    assert reply["retCode"] == code
    if code == 10002:
        assert reply["retMsg"] == "The request time exceeds the time window range."
    # A refusal of the door costs nothing.
    assert reply["header"]["X-Bapi-Limit-Status"] == ("1199" if code == 0 else "1200")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"op": "order.query", "args": [linear()]}, 10404),
        ({"op": "subscribe", "args": ["order"]}, 10404),
        ({"op": "order.create", "args": []}, 10001),
        ({"op": "order.create", "args": [linear(), linear()]}, 10001),
        ({"op": "order.create", "args": ["x"]}, 10001),
        ({"op": "order.create", "args": linear()}, 10001),
        ({"op": "order.create", "args": [{"symbol": "BTCUSDT"}]}, 10404),
        ({"op": "order.create", "args": [{"category": "spread"}]}, 10404),
        ({"op": "order.create", "args": [{"category": "spot"}]}, 10404),  # not listed here
        ({"op": "order.create", "args": [linear()], "header": None}, 10001),
        ({"op": "order.create", "args": [linear()], "header": ["x"]}, 10001),
    ],
)
def test_what_is_refused_as_a_whole(socket: Socket, message: dict, code: int) -> None:
    reply = socket.say({"header": socket.header(), "reqId": "q", **message})
    assert (reply["retCode"], reply["data"], reply["reqId"]) == (code, {}, "q")
    assert socket.trader.open_links() == []


def test_authentication_comes_first_and_once(trader: Any) -> None:
    socket = Socket(trader, auth=False)
    refused = socket.order("create", linear(**item("a")), reqId="1")
    assert (refused["retCode"], refused["data"]) == (10004, {})
    assert refused["header"].keys() == {"Traceid", "Timenow"}
    assert socket.auth("wrong secret")["retCode"] == 10004
    assert socket.auth()["retCode"] == 0
    assert socket.auth()["retCode"] == 20001
    assert socket.order("create", linear(**item("a")), reqId="1")["retCode"] == 0


def test_sessions_of_one_account_are_bounded(new_trader: Any) -> None:
    trader = new_trader(ws_limits=WsLimits(trade_sessions=2))
    Socket(trader, 50)
    Socket(trader, 51)
    third = Socket(trader, 52, auth=False)
    refused = third.auth()
    assert (refused["retCode"], refused["retMsg"]) == (
        10003,
        "Too many sessions under the same UID",
    )
    assert third.order("create", linear(**item("a")))["retCode"] == 10004
    trader.venue.ws_close(51, trader.now_ns)
    assert third.auth()["retCode"] == 0


def test_requests_of_a_session_and_of_an_address_are_bounded(new_trader: Any) -> None:
    limits = WsLimits(trade_requests_per_s=6, trade_requests_per_session_s=4)
    trader = new_trader(ws_limits=limits)
    first, second = Socket(trader, 50, ip="a"), Socket(trader, 51, ip="a")
    stranger = Socket(trader, 52, ip="b")
    missing = linear(symbol="BTCUSDT", orderLinkId="nobody")
    message = {"op": "order.cancel", "header": first.header(), "args": [missing]}
    for _ in range(6):
        first.put(message)
    trader.run(20)
    assert [reply["retCode"] for _, reply in first.hear()] == [110001] * 4 + [20003] * 2
    second.hear()
    second.put(message)
    trader.run(20)
    # Six of this address so far, as those the session was refused count here.
    assert [reply["retCode"] for _, reply in second.hear()] == [10403]
    assert stranger.say(message)["retCode"] == 110001
    trader.run(1000)
    assert second.say({**message, "header": second.header()})["retCode"] == 110001


def test_a_lost_connection_leaves_its_requests_done_and_unanswered(new_trader: Any) -> None:
    trader = new_trader(latency_ms=8.0)
    socket = Socket(trader)
    socket.put({"op": "order.create", "header": socket.header(), "args": [linear(**item("a"))]})
    trader.run(1)
    trader.venue.ws_close(socket.conn_id, trader.now_ns)
    trader.run(30)
    assert trader.open_links() == ["a"]
    assert [row["orderStatus"] for row in trader.told("order")] == ["New"]


def test_requests_of_one_connection_are_applied_in_order_under_jitter(new_trader: Any) -> None:
    trader = new_trader(latency_ms=2.0, latency_jitter_ms=20.0)
    socket = Socket(trader, auth=False)
    socket.put(socket.auth_message())
    header = socket.header()
    for number in range(20):
        for op, body in (
            ("create", linear(**item(f"n{number}"))),
            ("cancel", linear(symbol="BTCUSDT", orderLinkId=f"n{number}")),
        ):
            message = {"op": f"order.{op}", "header": header, "args": [body]}
            socket.put({**message, "reqId": f"{op}{number}"})
    trader.run(200)
    replies = [reply for _, reply in socket.hear()]
    assert [reply["retCode"] for reply in replies] == [0] * 41
    ids = [reply["reqId"] for reply in replies if "reqId" in reply]
    # The answers may come in any order, and with this much jitter they do.
    assert len(set(ids)) == 40
    assert ids != [f"{op}{number}" for number in range(20) for op in ("create", "cancel")]


def test_a_restart_of_the_service_ends_the_old_connections_use(socket: Socket) -> None:
    trader = socket.trader
    trader.venue.arm(Schedule(faults=(ServiceRestarting(),)), trader.now_ns)
    refused = socket.order("create", linear(**item("a")))
    assert (refused["retCode"], refused["data"]) == (10019, {})
    assert refused["retMsg"] == "ws trade service is restarting"
    assert refused["header"].keys() == HEADER
    assert socket.say({"op": "ping"})["op"] == "pong"
    assert trader.place(orderLinkId="rest").code == 0
    assert Socket(trader, 51).order("create", linear(**item("b")))["retCode"] == 0


def test_the_header_tells_the_budget_of_the_category_meant(new_trader: Any) -> None:
    trader = new_trader(symbols=("BTCUSDT",), spot_symbols=("BTCUSDT",), tier="default")
    socket = Socket(trader)
    late = {"X-BAPI-TIMESTAMP": "1"}
    for category, limit in (("linear", "10"), ("spot", "20")):
        body = {**linear(**item("a")), "category": category}
        refused = socket.order("create", body, header=late)
        assert (refused["retCode"], refused["header"]["X-Bapi-Limit"]) == (10002, limit)
