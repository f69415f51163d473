"""Faults at the service's door: storms of refusals, errors of unknown outcome, broken batches."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import orjson
import pytest

CREATE = "/v5/order/create"


class TradeSocket:
    """One trade connection; answers as parsed JSON."""

    def __init__(self, trader: Any, conn_id: int) -> None:
        self.trader, self.conn_id = trader, conn_id
        expires = trader.venue.venue_ms(trader.now_ns) + 10_000
        sign = hmac.new(b"test-secret", f"GET/realtime{expires}".encode(), hashlib.sha256)
        assert trader.venue.ws_open(conn_id, "/v5/trade", trader.now_ns)
        self.say({"op": "auth", "args": ["test-key", expires, sign.hexdigest()]})

    def say(self, message: dict[str, Any]) -> dict[str, Any]:
        before = len(self.trader.leaving)
        self.trader.venue.ws_message(self.conn_id, orjson.dumps(message), self.trader.now_ns)
        self.trader.run(20)
        [answer] = [
            due.output.data
            for due in self.trader.leaving[before:]
            if getattr(due.output, "conn_id", 0) == self.conn_id
        ]
        return orjson.loads(answer)

    def place(self, item: dict[str, Any]) -> int:
        now_ms = self.trader.venue.venue_ms(self.trader.now_ns)
        header = {"X-BAPI-TIMESTAMP": str(now_ms)}
        args = [{"category": "linear", **item}]
        return self.say({"op": "order.create", "header": header, "args": args})["retCode"]


def test_a_10006_storm_refuses_whatever_is_left(trader, arm) -> None:
    arm(trader, {"kind": "too_many_visits", "path": CREATE, "for_ms": 100})
    refused = trader.place(orderLinkId="a")
    assert (refused.code, refused.json["retMsg"]) == (10006, "Too many visits!")
    assert refused.headers["X-Bapi-Limit-Status"] == "0"
    assert int(refused.headers["X-Bapi-Limit-Reset-Timestamp"]) > refused.json["time"]
    assert trader.cancel(orderLinkId="a").code == 110001
    trader.run(100)
    assert trader.place(orderLinkId="a").code == 0
    assert "over_limit" not in trader.venue.audit.violations


@pytest.mark.parametrize("code", [10000, 10016, 10429])
@pytest.mark.parametrize(("when", "links"), [("before", []), ("after", ["x"])])
def test_a_server_error_leaves_the_outcome_open(trader, arm, code, when, links) -> None:
    arm(trader, {"kind": "server_error", "when": when, "code": code})
    reply = trader.place(orderLinkId="x")
    assert (reply.status, reply.code, reply.result) == (200, code, {})
    assert trader.open_links() == links


def test_public_calls_are_not_behind_this_door(trader, arm) -> None:
    arm(trader, {"kind": "server_error"}, {"kind": "too_many_visits"})
    assert trader.get("/v5/market/time").code == 0
    assert trader.get("/v5/account/info").code == 10016


def test_10019_is_for_trade_sockets_opened_before_the_restart(trader, arm, item) -> None:
    old = TradeSocket(trader, 60)
    arm(trader, {"kind": "service_restarting"})
    assert old.place(item(orderLinkId="a")) == 10019
    assert trader.place(orderLinkId="rest").code == 0
    trader.run(1)
    assert TradeSocket(trader, 61).place(item(orderLinkId="b")) == 0
    assert old.place(item(orderLinkId="c")) == 10019
    assert trader.open_links() == ["rest", "b"]


def test_storms_reach_the_trade_socket_too(trader, arm, item) -> None:
    socket = TradeSocket(trader, 60)
    arm(
        trader,
        {"kind": "too_many_visits", "via": "trade", "at_most": 1},
        {"kind": "server_error", "via": "trade", "when": "after", "at_most": 1},
    )
    assert trader.place(orderLinkId="http").code == 0
    assert [socket.place(item(orderLinkId=link)) for link in "abc"] == [10006, 10016, 0]
    assert trader.open_links() == ["http", "b", "c"]


def test_chosen_items_of_a_batch_fail_and_the_others_do_not(trader, arm, item) -> None:
    arm(trader, {"kind": "batch_items", "items": [0, 2], "code": 10016, "at_most": 1})
    assert trader.place(orderLinkId="single").code == 0  # no batch, so no hit
    reply = trader.batch("create", [item(orderLinkId=link) for link in "abc"])
    assert reply.code == 0
    assert reply.codes == [10016, 0, 10016]
    assert [row["orderLinkId"] for row in reply.rows] == ["a", "b", "c"]
    assert [bool(row["orderId"]) for row in reply.rows] == [False, True, False]
    assert trader.open_links() == ["single", "b"]
    assert trader.batch("create", [item(orderLinkId=link) for link in "ac"]).codes == [0, 0]


def test_a_failed_item_still_costs_its_unit(trader, arm, item) -> None:
    arm(trader, {"kind": "batch_items", "items": [0]})
    reply = trader.batch("create", [item(orderLinkId=link) for link in "ab"])
    limit, left = (int(reply.headers[f"X-Bapi-Limit{end}"]) for end in ("", "-Status"))
    assert limit - left == 2


def test_maintenance_refuses_what_is_signed_and_comes_to_an_end(trader, arm) -> None:
    arm(trader, {"kind": "maintenance", "from_ms": 5, "for_ms": 100})
    assert trader.place(orderLinkId="before").code == 0
    refused = trader.place(orderLinkId="during")
    assert refused.code == 10016
    assert "maintenance" in refused.json["retMsg"]
    assert trader.cancel(orderLinkId="before").code == 10016
    assert trader.get("/v5/market/time").code == 0
    trader.run(100)
    assert trader.place(orderLinkId="after").code == 0
    assert trader.open_links() == ["before", "after"]


def test_maintenance_ends_sockets_lets_none_in_and_is_announced(trader, arm) -> None:
    venue = trader.venue
    assert venue.ws_open(2, "/v5/public/linear", trader.now_ns)
    assert venue.ws_open(3, "/v5/public/misc/status", trader.now_ns)
    subscribe = orjson.dumps({"op": "subscribe", "args": ["system.status"]})
    venue.ws_message(3, subscribe, trader.now_ns)
    trader.run(20)
    arm(trader, {"kind": "maintenance", "for_ms": 100})
    before = len(trader.leaving)
    trader.run(1)
    closed = [due.output for due in trader.leaving if hasattr(due.output, "code")]
    assert [(close.conn_id, close.code) for close in closed] == [(2, 1012), (1, 1012)]
    assert not venue.ws_open(4, "/v5/private", trader.now_ns)
    trader.run(200)
    states = [
        orjson.loads(due.output.data)["data"][0]["state"]
        for due in trader.leaving[before - 1 :]
        if getattr(due.output, "conn_id", 0) == 3 and hasattr(due.output, "data")
    ]
    assert states == ["ongoing", "completed"]
    assert venue.ws_open(4, "/v5/private", trader.now_ns)
    rows = trader.get("/v5/system/status").rows
    assert [row["state"] for row in rows] == ["completed"]


def test_nothing_trades_during_maintenance(new_trader, arm) -> None:
    trader = new_trader(keep_books=True)
    arm(trader, {"kind": "maintenance"})
    trader.run(1)
    best = int(trader.venue.best(0, 1))
    assert trader.venue.submit(0, 0, best, 1, post_only=False, ioc=False) == 0
    assert int(trader.venue.best(0, 1)) == best
