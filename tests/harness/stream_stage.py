"""Clients of all sockets of one venue on virtual time, and one of everything it says to them.

:func:`everything_said` drives real sessions and names each message after what it shows.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from mmfast.messages import Side
from mmfast.sim.crowd.params import FlowParams
from mmfast.sim.fault_terms.kinds import ServerError, ServiceRestarting
from mmfast.sim.fault_terms.schedule import Schedule
from mmfast.sim.feed.status import Notice
from mmfast.sim.limits.connections import WsLimits
from mmfast.sim.params import VenueParams
from mmfast.sim.switches import VenueSwitches
from mmfast.sim.venue import Venue
from mmfast.sim.wire import HttpReply, WsSend
from mmfast.units import E8, NS_PER_MS

KEY, SECRET = "stage-key", "stage-secret"
OPTION = "BTC-28DEC35-100000-C-USDT"
PRIVATE = ("order", "execution", "execution.fast", "position", "wallet")
Message = dict[str, Any]
Said = Iterator[tuple[str, Message]]


def sign_on(venue_ms: int, secret: str = SECRET) -> Message:
    """An ``auth`` message that is good for ten seconds."""
    expires = venue_ms + 10_000
    sign = hmac.new(secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256)
    return {"op": "auth", "args": [KEY, expires, sign.hexdigest()]}


class Client:
    """One connection."""

    def __init__(self, stage: Stage, conn_id: int) -> None:
        self.stage = stage
        self.conn_id = conn_id
        self.heard: list[Message] = []

    def put(self, message: Message) -> None:
        self.stage.venue.ws_message(self.conn_id, orjson.dumps(message), self.stage.now_ns)

    def say(self, message: Message, ms: float = 20) -> Message:
        """The first thing heard after a message."""
        self.heard.clear()
        self.put(message)
        self.stage.run(ms)
        return self.heard[0]

    def subscribe(self, *topics: str) -> None:
        ack = self.say({"op": "subscribe", "args": list(topics)})
        assert ack["success"] is True, ack
        del self.heard[0]

    def order(self, op: str, *args: Message, **fields: Any) -> Message:
        """An order operation on the trade socket, and its reply."""
        venue_ms = self.stage.venue.venue_ms(self.stage.now_ns)
        header = {"X-BAPI-TIMESTAMP": str(venue_ms), "X-BAPI-RECV-WINDOW": "5000"}
        number = self.stage.next_number()
        message = {"reqId": f"q{number}", "header": header, "op": f"order.{op}"}
        return self.say({**message, "args": list(args), **fields})

    def told(self, topic: str) -> list[Message]:
        return [one for one in self.heard if one.get("topic") == topic]


class Stage:
    """A still market, and no latency worth mentioning."""

    def __init__(self, **params: Any) -> None:
        settings: dict[str, Any] = {
            "symbols": ("BTCUSDT", "ETHUSDT", "SOLUSDT"),
            "inverse_symbols": ("BTCUSD",),
            "spot_symbols": ("BTCUSDT",),
            "option_symbols": (OPTION,),
            "coins_e8": (("BTC", 10 * E8),),
            "flow": FlowParams(activity=0.0),
            "latency_ms": 2.0,
            "tier": "pro6",
            "switches": VenueSwitches(dcp_apply_ms=0),
        }
        self.venue = Venue(VenueParams(api_key=KEY, api_secret=SECRET, **settings | params))
        self.now_ns = 0
        self.clients: dict[int, Client] = {}
        self._numbers = 0

    def next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def open(self, path: str, *, auth: bool = False) -> Client:
        client = Client(self, self.next_number())
        assert self.venue.ws_open(client.conn_id, f"/v5/{path}", self.now_ns)
        self.clients[client.conn_id] = client
        if auth:
            answer = client.say(sign_on(self.venue.venue_ms(self.now_ns)))
            assert answer.get("success") or answer["retCode"] == 0, answer
        return client

    def run(self, ms: float) -> None:
        self.now_ns += int(ms * NS_PER_MS)
        for due in self.venue.advance(self.now_ns):
            output = due.output
            assert not isinstance(output, HttpReply)
            if isinstance(output, WsSend):
                self.clients[output.conn_id].heard.append(orjson.loads(output.data))

    def house(self, index: int, side: Side, ticks: int, lots: int) -> None:
        """Somebody else takes what rests up to a price."""
        self.venue.submit(index, side, ticks, lots, post_only=False, ioc=True)
        self.venue._tell()  # what a step of market life ends with
        self.run(20)


def limit(link: str, **change: Any) -> Message:
    fields = {
        "category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit",
        "qty": "0.010", "price": "64990.00", "timeInForce": "PostOnly", "orderLinkId": link,
        "smpType": "CancelMaker",
    }  # fmt: skip
    return {**fields, **change}


def named(link: str, **change: Any) -> Message:
    return {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": link, **change}


# What is said. Each scene has a stage of its own.


def public_answers(stage: Stage) -> Said:
    linear, spot, option = (stage.open(f"public/{name}") for name in ("linear", "spot", "option"))
    yield "ws_public_pong_linear.response", linear.say({"op": "ping"})
    yield "ws_public_pong_spot.response", spot.say({"op": "ping"})
    yield "ws_public_pong_option.response", option.say({"op": "ping"})
    wish = {"op": "subscribe", "args": ["publicTrade.ETHUSDT", "tickers.ETHUSDT"]}
    yield "ws_public_subscribe_linear.response", linear.say(wish)
    again = {"op": "subscribe", "args": ["tickers.ETHUSDT"], "req_id": "sub-2"}
    yield "ws_public_subscribe_linear.error_already_subscribed", linear.say(again)
    unknown = {"op": "subscribe", "args": ["publicTrade.NOTASYMBOL"], "req_id": "sub-1"}
    yield "ws_public_subscribe_linear.error_unknown_topic", linear.say(unknown)
    less = {"op": "unsubscribe", "args": ["publicTrade.ETHUSDT"], "req_id": "u"}
    yield "ws_public_unsubscribe_linear.response", linear.say(less)
    one = {"op": "subscribe", "args": ["publicTrade.BTCUSDT"], "req_id": "s"}
    yield "ws_public_subscribe_spot.response", spot.say(one)
    many = {"op": "subscribe", "args": [f"t{n}" for n in range(11)], "req_id": "s"}
    yield "ws_public_subscribe_spot.error_args_size", spot.say(many)
    book = {"op": "subscribe", "args": [f"orderbook.100.{OPTION}"]}
    yield "ws_public_subscribe_option.response", option.say(book)


def books(stage: Stage) -> Said:
    linear, spot = stage.open("public/linear"), stage.open("public/spot")
    linear.subscribe("orderbook.1.BTCUSDT")
    yield "ws_public_orderbook_1_linear.snapshot", linear.heard[0]
    stage.run(3_000)
    yield "ws_public_orderbook_1_linear.repeat_after_3s.snapshot", linear.heard[1]
    linear.subscribe("orderbook.50.BTCUSDT")
    yield "ws_public_orderbook_50.snapshot", linear.told("orderbook.50.BTCUSDT")[0]
    spot.subscribe("orderbook.50.BTCUSDT")
    for index in (0, 4):
        bid, ask = (stage.venue.best(index, side) for side in Side)
        stage.venue.submit(index, Side.BUY, bid, 100, post_only=True, ioc=False)
        stage.venue.submit(index, Side.SELL, ask, 100, post_only=True, ioc=False)
    stage.run(20)
    yield "ws_public_orderbook_50.delta", linear.told("orderbook.50.BTCUSDT")[1]
    yield "ws_public_orderbook_50_spot.delta", spot.told("orderbook.50.BTCUSDT")[1]
    stage.venue.relaunch_books()
    stage.run(1)
    restart = linear.told("orderbook.50.BTCUSDT")[2]
    assert restart["data"]["u"] == 1
    yield "ws_public_orderbook_50_linear.service_restart.snapshot", restart


def prices(stage: Stage) -> Said:
    linear, spot = stage.open("public/linear"), stage.open("public/spot")
    linear.subscribe("publicTrade.BTCUSDT", "tickers.BTCUSDT", "priceLimit.BTCUSDT")
    spot.subscribe("publicTrade.BTCUSDT", "tickers.BTCUSDT")
    yield "ws_public_tickers_linear.snapshot", linear.told("tickers.BTCUSDT")[0]
    yield "ws_public_tickers_spot.snapshot", spot.told("tickers.BTCUSDT")[0]
    for index in (0, 4):
        stage.house(index, Side.BUY, stage.venue.best(index, Side.SELL), 3)
    stage.run(400)
    yield "ws_public_tickers_linear.delta", linear.told("tickers.BTCUSDT")[1]
    yield "ws_public_trade_linear", linear.told("publicTrade.BTCUSDT")[0]
    yield "ws_public_trade_spot", spot.told("publicTrade.BTCUSDT")[0]
    yield "ws_public_price_limit", linear.told("priceLimit.BTCUSDT")[0]
    status = stage.open("public/misc/status")
    status.subscribe("system.status")
    notice = Notice(notice_id="n", title="t", state="completed", begin_ms=1, end_ms=2)
    stage.venue.announce(notice)
    stage.run(1)
    yield "ws_system_status", status.heard[0]


def private_answers(stage: Stage) -> Said:
    private = stage.open("private")
    yield "ws_private_auth.error", private.say({"op": "auth", "args": ["key"]})
    yield "ws_private_auth.response", private.say(sign_on(stage.venue.venue_ms(stage.now_ns)))
    yield "ws_private_pong.response", private.say({"op": "ping", "req_id": "test"})
    yield "ws_private_pong_no_req_id.response", private.say({"op": "ping"})
    wish = {"op": "subscribe", "args": [*PRIVATE, "dcp.future"]}
    yield "ws_private_subscribe.response", private.say(wish)


def orders(stage: Stage) -> Said:
    trade, private = stage.open("trade", auth=True), stage.open("private", auth=True)
    private.subscribe(*[f"{topic}.linear" for topic in PRIVATE[:-1]], "wallet")
    tick_of = stage.venue.best

    def last(op: str, body: Message) -> Message:
        private.heard.clear()
        reply = trade.order(op, body)
        assert reply["retCode"] == 0, reply
        return private.told("order.linear")[-1]

    price = f"{tick_of(0, Side.BUY) // 10 + 1}.00"
    yield "ws_private_order_linear_new", last("create", limit("a", price=price))
    yield "ws_private_order_linear_amended", last("amend", named("a", qty="0.020"))
    private.heard.clear()
    stage.house(0, Side.SELL, tick_of(0, Side.BUY), 8)
    yield "ws_private_order_linear_partially_filled", private.told("order.linear")[-1]
    yield "ws_private_execution_linear_maker", private.told("execution.linear")[-1]
    yield "ws_private_execution_fast_maker", private.told("execution.fast.linear")[-1]
    yield "ws_private_order_linear_cancelled_after_partial", last("cancel", named("a"))
    last("create", limit("b", price="64000.00"))
    yield "ws_private_order_linear_cancelled", last("cancel", named("b"))
    taker = limit("c", orderType="Market", side="Sell", qty="0.020", timeInForce="IOC")
    yield "ws_private_order_linear_filled", last("create", taker)
    yield "ws_private_position_linear_short", private.told("position.linear")[-1]
    yield "ws_private_wallet", private.told("wallet")[-1]
    last("create", {**taker, "orderLinkId": "d", "side": "Buy", "qty": "0.012"})
    yield "ws_private_position_linear_flat", private.told("position.linear")[-1]
    ask = f"{tick_of(0, Side.SELL) / 10:.2f}"
    yield "ws_private_order_linear_postonly_would_cross", last("create", limit("e", price=ask))
    last("create", limit("f", price=price))
    last("create", limit("g", price=price, side="Sell", timeInForce="IOC"))
    smp = [one for one in private.told("order.linear") if "CancelBySmp" in str(one)]
    yield "ws_private_order_linear_smp_cancelled", smp[-1]


def races(stage: Stage) -> Said:
    trade, private = stage.open("trade", auth=True), stage.open("private", auth=True)
    private.subscribe("order.linear")
    bid = stage.venue.best(0, Side.BUY)
    trade.order("create", limit("a", price=f"{bid // 10 + 1}.00"))
    # The cancel is on its way when somebody takes the whole order.
    header = {"X-BAPI-TIMESTAMP": str(stage.venue.venue_ms(stage.now_ns))}
    trade.put({"op": "order.cancel", "header": header, "args": [named("a")]})
    stage.venue.submit(0, Side.SELL, bid, 10, post_only=False, ioc=True)
    stage.venue._tell()
    stage.run(20)
    yield "ws_private_order_linear_cancel_lost_race", private.told("order.linear")[-1]
    guard = stage.open("private", auth=True)
    stage.venue.dcp.configure(stage.venue.uid, "DERIVATIVES", 3, stage.now_ns)
    guard.subscribe("dcp.future")
    guard.say({"op": "ping"})
    trade.order("create", limit("b"))
    stage.venue.ws_close(guard.conn_id, stage.now_ns)
    stage.run(3_100)
    yield "ws_private_order_linear_dcp_cancelled", private.told("order.linear")[-1]


def all_in_one(stage: Stage) -> Said:
    trade, private = stage.open("trade", auth=True), stage.open("private", auth=True)
    private.subscribe(*PRIVATE)
    taker = limit("a", orderType="Market", side="Sell", timeInForce="IOC")
    assert trade.order("create", taker)["retCode"] == 0
    yield "ws_private_execution_linear_taker", private.told("execution")[-1]
    yield "ws_private_execution_fast_taker", private.told("execution.fast")[-1]
    option = {"category": "option", "symbol": OPTION, "qty": "0.01", "orderLinkId": "o"}
    option |= {"side": "Sell", "orderType": "Market"}
    private.heard.clear()
    reply = trade.order("create", option)
    assert reply["retCode"] == 0, reply
    yield "ws_private_order_option_filled", private.told("order")[-1]
    spot_only = stage.open("private", auth=True)
    spot_only.subscribe("order.spot")
    ask = f"{stage.venue.best(4, Side.SELL) / 10:.1f}"
    spot = limit("s", category="spot", price=ask, qty="0.010000")
    assert trade.order("create", spot)["retCode"] == 0
    yield "ws_private_order_spot_postonly_would_cross", spot_only.told("order.spot")[-1]


def trade_answers(stage: Stage) -> Said:
    trade = stage.open("trade")
    wrong = sign_on(stage.venue.venue_ms(0), "wrong secret")
    yield "ws_trade_auth.error_10004", trade.say(wrong)
    yield "ws_trade_auth.response", trade.say(sign_on(stage.venue.venue_ms(stage.now_ns)))
    yield "ws_trade_pong.response", trade.say({"op": "ping"})
    yield "ws_trade_order_create.response", trade.order("create", limit("a"))
    yield "ws_trade_order_amend.response", trade.order("amend", named("a", qty="0.020"))
    yield "ws_trade_order_cancel.response", trade.order("cancel", named("a"))
    yield "ws_trade_order_cancel.error_110001", trade.order("cancel", named("a"))
    yield "ws_trade_order_amend.error_110001", trade.order("amend", named("a", qty="0.030"))
    batch = {"category": "linear", "request": [limit("b"), limit("c")]}
    yield "ws_trade_order_create_batch_ok.response", trade.order("create-batch", batch)
    amends = [named("b", qty="0.020"), named("x", qty="0.020")]
    batch = {"category": "linear", "request": amends}
    yield "ws_trade_order_amend_batch_partial.response", trade.order("amend-batch", batch)
    batch = {"category": "linear", "request": [named("b"), named("x")]}
    yield "ws_trade_order_cancel_batch_partial.response", trade.order("cancel-batch", batch)
    wish = [limit(f"i{n}", positionIdx=1) for n in range(3)]
    batch = {"category": "linear", "request": wish}
    reply = trade.order("create-batch", batch)
    del reply["reqId"]  # the published one was asked without
    yield "ws_trade_order_create_batch.response", reply


def trade_refusals(stage: Stage) -> Said:
    trade = stage.open("trade", auth=True)
    name = "ws_trade_order_create.error_"
    high = limit("a", price="9999999.00", timeInForce="GTC")
    yield f"{name}110003", trade.order("create", high)
    late = {"X-BAPI-TIMESTAMP": str(stage.venue.venue_ms(stage.now_ns) - 6_000)}
    yield f"{name}10002", trade.order("create", limit("b"), header=late)
    yield f"{name}10404", trade.order("create", limit("c", category="spread"))
    trade.order("create", limit("d"), reqId="same")
    yield f"{name}20006", trade.order("create", limit("e"), reqId="same")
    faults = {10016: ServerError(), 10429: ServerError(code=10429), 10019: ServiceRestarting()}
    for code, fault in faults.items():
        stage.venue.arm(Schedule(faults=(fault,)), stage.now_ns)
        yield f"{name}{code}", trade.order("create", limit("f"))
        stage.venue.clear_faults(stage.now_ns)


def throttled(stage: Stage) -> Said:
    """At the default tier: ten creates a second."""
    trade = stage.open("trade", auth=True)
    replies = [trade.order("create", limit(f"l{n}")) for n in range(11)]
    assert [reply["retCode"] for reply in replies[:10]] == [0] * 10
    yield "ws_trade_order_create.error_10006", replies[10]


def crowded(stage: Stage) -> Said:
    """With sockets that bear five requests a second, and addresses that bear seven."""
    trade, other = stage.open("trade", auth=True), stage.open("trade", auth=True)
    replies = [trade.order("create", limit(f"l{n}")) for n in range(6)]
    yield "ws_trade_order_create.error_20003", replies[5]
    other.order("create", limit("y"))
    yield "ws_trade_order_create.error_10403", other.order("create", limit("z"))


NARROW = WsLimits(trade_requests_per_s=7, trade_requests_per_session_s=5)
SCENES: tuple[tuple[Callable[[Stage], Said], dict[str, Any]], ...] = (
    (public_answers, {}),
    (books, {}),
    (prices, {}),
    (private_answers, {}),
    (orders, {}),
    (races, {}),
    (all_in_one, {}),
    (trade_answers, {}),
    (trade_refusals, {}),
    (throttled, {"tier": "default"}),
    (crowded, {"ws_limits": NARROW}),
)


def everything_said() -> dict[str, Message]:
    """Name to message; a name is given once."""
    said: dict[str, Message] = {}
    for scene, params in SCENES:
        for name, message in scene(Stage(**params)):
            assert name not in said, f"{name} was shown twice"
            said[name] = orjson.loads(orjson.dumps(message))
    return said
