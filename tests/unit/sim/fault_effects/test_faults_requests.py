"""Faults on the wire of requests: delays, losses, resets, spoiled replies, and their counters."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import orjson
import pytest

from mmfast.sim.wire import HttpReset, HttpSilence, HttpTruncated, WsReset, WsSend
from mmfast.units import NS_PER_MS

CREATE = "/v5/order/create"
TRADE = 70


def left(trader: Any, kind: type) -> list[Any]:
    return [due.output for due in trader.leaving if isinstance(due.output, kind)]


def body(item: Any, link: str) -> bytes:
    return orjson.dumps({"category": "linear", **item(orderLinkId=link)})


def fired(trader: Any) -> list[int]:
    return [row["fired"] for row in trader.venue.fault_report()]


# Latency.


def round_trip_ms(trader: Any, path: str = "/v5/market/time") -> float:
    number, sent_ns = trader.send("GET", path, signed=False), trader.now_ns
    trader.run(20_000)
    return (trader.reply(number).at_ns - sent_ns) / NS_PER_MS


@pytest.mark.parametrize(("leg", "extra"), [("request", 30), ("reply", 30), ("both", 60)])
def test_a_fixed_latency_adds_to_the_legs_it_names(new_trader, arm, leg, extra) -> None:
    trader = new_trader(latency_ms=4.0)
    arm(trader, {"kind": "latency_fixed", "ms": 30, "leg": leg})
    assert round_trip_ms(trader) == 4 + extra


def test_latency_before_the_request_is_applied_delays_what_it_does(trader, arm, item) -> None:
    arm(trader, {"kind": "latency_fixed", "ms": 100, "leg": "request"})
    trader.send("POST", CREATE, body(item, "late"))
    trader.run(90)
    assert trader.open_links() == []
    trader.run(20)
    assert trader.open_links() == ["late"]


def test_latency_after_it_does_not(trader, arm, item) -> None:
    arm(trader, {"kind": "latency_fixed", "ms": 100, "leg": "reply"})
    number = trader.send("POST", CREATE, body(item, "early"))
    trader.run(50)
    assert trader.open_links() == ["early"]
    assert number not in trader._replies
    trader.run(60)
    assert trader.reply(number).code == 0


def test_uniform_latency_fills_its_range(new_trader, arm) -> None:
    trader = new_trader(latency_ms=0.0)
    arm(trader, {"kind": "latency_uniform", "low_ms": 10, "high_ms": 20, "leg": "reply"})
    drawn = [round_trip_ms(trader) for _ in range(60)]
    assert all(10 <= ms <= 20 for ms in drawn)
    assert min(drawn) < 12
    assert max(drawn) > 18


def test_lognormal_latency_has_its_median_and_its_end(new_trader, arm) -> None:
    trader = new_trader(latency_ms=0.0)
    row = {"kind": "latency_lognormal", "median_ms": 40, "sigma": "0.8", "most_ms": 120}
    arm(trader, {**row, "leg": "request"})
    drawn = sorted(round_trip_ms(trader) for _ in range(101))
    assert 28 < drawn[50] < 56
    assert drawn[-1] == 120
    assert drawn[0] > 2


def test_spikes_are_rare_and_long(new_trader, arm) -> None:
    trader = new_trader(latency_ms=0.0)
    row = {"kind": "latency_spikes", "ms": 900, "spike_chance": "0.1", "leg": "reply"}
    arm(trader, row)
    drawn = [round_trip_ms(trader) for _ in range(100)]
    assert set(drawn) == {0.0, 900.0}
    assert 2 <= drawn.count(900.0) <= 25


def test_delays_of_several_faults_add_up(new_trader, arm) -> None:
    trader = new_trader(latency_ms=0.0)
    arm(trader, *[{"kind": "latency_fixed", "ms": ms, "leg": "reply"} for ms in (3, 40)])
    assert round_trip_ms(trader) == 43


# Requests and replies that are lost or spoiled.


@pytest.mark.parametrize(("when", "links"), [("before", []), ("after", ["lost"])])
def test_a_dropped_request_is_silent_and_applied_or_not(trader, arm, item, when, links) -> None:
    arm(trader, {"kind": "drop_request", "path": CREATE, "when": when, "at_most": 1})
    number = trader.send("POST", CREATE, body(item, "lost"))
    trader.run(50)
    assert left(trader, HttpSilence) == [HttpSilence(number)]
    assert number not in trader._replies
    assert trader.open_links() == links
    assert trader.place(orderLinkId="next").code == 0


def test_a_drop_may_reset_instead(trader, arm, item) -> None:
    arm(trader, {"kind": "drop_request", "then": "reset"})
    number = trader.send("POST", CREATE, body(item, "lost"))
    trader.run(50)
    [reset] = left(trader, HttpReset)
    assert (reset.reply.request_id, reset.after_bytes) == (number, 0)
    assert trader.open_links() == []


def test_a_reset_comes_after_so_many_bytes_of_the_true_reply(trader, arm, item) -> None:
    arm(trader, {"kind": "reset_reply", "after_bytes": 57})
    trader.send("POST", CREATE, body(item, "done"))
    trader.run(50)
    [reset] = left(trader, HttpReset)
    assert reset.after_bytes == 57
    assert orjson.loads(reset.reply.body)["result"]["orderLinkId"] == "done"
    assert trader.open_links() == ["done"]


def test_a_truncated_reply_has_an_honest_or_a_false_length(trader, arm) -> None:
    arm(trader, {"kind": "truncate_reply", "keep_bytes": 20, "at_most": 1})
    reply = trader.place()
    assert reply.status == 200
    assert reply.body == b'{"retCode":0,"retMsg'
    arm(trader, {"kind": "truncate_reply", "keep_bytes": 9, "length": "claimed"})
    trader.send("GET", "/v5/market/time", signed=False)
    trader.run(50)
    [cut] = left(trader, HttpTruncated)
    assert cut.body_bytes == 9
    assert len(cut.reply.body) > 60


@pytest.mark.parametrize("kind", ["empty", "not_json", "wrong_types", "no_code", "binary"])
def test_a_malformed_reply_is_no_reply_a_client_can_trust(trader, arm, kind) -> None:
    arm(trader, {"kind": "malform_reply", "body": kind})
    reply = trader.place(orderLinkId="done")
    assert reply.status == 200
    try:
        read = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        assert kind in ("empty", "not_json", "binary")
    else:
        assert kind in ("wrong_types", "no_code")
        assert not isinstance(read.get("retCode"), int)
    assert trader.open_links() == ["done"]


@pytest.mark.parametrize(("when", "links"), [("before", []), ("after", ["odd"])])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_gateway_error_is_a_page(trader, arm, status, when, links) -> None:
    arm(trader, {"kind": "http_error", "status": status, "when": when})
    reply = trader.place(orderLinkId="odd")
    assert reply.status == status
    assert reply.headers == {"Content-Type": "text/html"}
    assert reply.body.startswith(b"<html>")
    assert trader.open_links() == links


def test_system_protection_is_an_empty_429(trader, arm) -> None:
    arm(trader, {"kind": "http_error", "status": 429})
    assert (trader.place().status, trader.place().body) == (429, b"")


# What is hit, and when.


def test_only_the_path_named_is_hit_and_a_slash_takes_all_below(trader, arm) -> None:
    arm(trader, {"kind": "http_error", "path": CREATE})
    assert trader.place().status == 502
    assert trader.batch("create", [{}]).status == 200
    assert trader.cancel(orderLinkId="x").status == 200
    trader.venue.clear_faults(trader.now_ns)
    arm(trader, {"kind": "http_error", "path": "/v5/order/"})
    assert trader.batch("create", [{}]).status == 502
    assert trader.get("/v5/account/info").status == 200


def test_a_fault_is_on_from_its_beginning_to_its_end(trader, arm) -> None:
    arm(trader, {"kind": "http_error", "from_ms": 100, "for_ms": 50})
    statuses = []
    for _ in range(10):
        statuses.append(trader.place().status)  # takes 20 ms
    assert statuses == [200] * 5 + [502] * 3 + [200] * 2


def test_skip_and_at_most_choose_the_hits(trader, arm) -> None:
    arm(trader, {"kind": "http_error", "skip": 2, "at_most": 3})
    assert [trader.place().status for _ in range(8)] == [200] * 2 + [502] * 3 + [200] * 3
    [row] = trader.venue.fault_report()
    assert (row["kind"], row["fired"]) == ("http_error", 3)


def test_the_first_fate_that_hits_wins(trader, arm) -> None:
    arm(trader, {"kind": "http_error", "at_most": 1}, {"kind": "malform_reply"})
    assert [trader.place().status for _ in range(2)] == [502, 200]
    assert fired(trader) == [1, 1]


def hits(new_trader: Any, arm: Any, *rows: dict[str, object], seed: int = 1) -> list[int]:
    trader = new_trader()
    arm(trader, *rows, seed=seed)
    return [trader.get("/v5/market/time").status for _ in range(60)]


def test_the_same_seed_and_schedule_hit_the_same_requests(new_trader, arm) -> None:
    coin = {"kind": "http_error", "chance": "0.4"}
    first = hits(new_trader, arm, coin)
    assert 8 < first.count(502) < 45
    assert hits(new_trader, arm, coin) == first
    assert hits(new_trader, arm, coin, seed=2) != first


def test_another_fault_behind_it_does_not_change_what_a_fault_hits(new_trader, arm) -> None:
    coin = {"kind": "http_error", "chance": "0.4"}
    other = {"kind": "latency_uniform", "high_ms": 4}
    assert hits(new_trader, arm, coin, other) == hits(new_trader, arm, coin)


def test_cleared_faults_stop_and_keep_their_counters(trader, arm) -> None:
    arm(trader, {"kind": "http_error"}, {"kind": "clock_skew", "by_ms": 9, "from_ms": 500})
    assert trader.place().status == 502
    trader.venue.clear_faults(trader.now_ns)
    trader.run(1000)
    assert trader.place().status == 200
    assert fired(trader) == [1, 0]


# The trade socket.


class TradeSocket:
    def __init__(self, trader: Any) -> None:
        self.trader = trader
        expires = trader.venue.venue_ms(trader.now_ns) + 10_000
        sign = hmac.new(b"test-secret", f"GET/realtime{expires}".encode(), hashlib.sha256)
        assert trader.venue.ws_open(TRADE, "/v5/trade", trader.now_ns)
        self.put({"op": "auth", "args": ["test-key", expires, sign.hexdigest()]})
        trader.run(20)

    def put(self, message: dict[str, Any]) -> None:
        self.trader.venue.ws_message(TRADE, orjson.dumps(message), self.trader.now_ns)

    def place(self, item: dict[str, Any]) -> list[Any]:
        """What left for the socket in answer."""
        before = len(self.trader.leaving)
        now_ms = self.trader.venue.venue_ms(self.trader.now_ns)
        header = {"X-BAPI-TIMESTAMP": str(now_ms)}
        args = [{"category": "linear", **item}]
        self.put({"op": "order.create", "header": header, "args": args})
        self.trader.run(200)
        return [
            due.output
            for due in self.trader.leaving[before:]
            if getattr(due.output, "conn_id", 0) == TRADE
        ]


def test_the_trade_socket_has_the_same_fates(trader, arm, item) -> None:
    socket = TradeSocket(trader)
    arm(
        trader,
        {"kind": "drop_request", "via": "trade", "at_most": 1},
        {"kind": "drop_request", "via": "trade", "when": "after", "at_most": 1},
        {"kind": "truncate_reply", "via": "trade", "keep_bytes": 11, "at_most": 1},
        {"kind": "malform_reply", "via": "trade", "body": "no_code", "at_most": 1},
        {"kind": "http_error", "via": "trade"},
    )
    assert socket.place(item(orderLinkId="a")) == []
    assert socket.place(item(orderLinkId="b")) == []
    [cut] = socket.place(item(orderLinkId="c"))
    assert isinstance(cut, WsSend)
    assert len(cut.data) == 11
    [odd] = socket.place(item(orderLinkId="d"))
    assert "retCode" not in orjson.loads(odd.data)
    [fine] = socket.place(item(orderLinkId="e"))
    assert orjson.loads(fine.data)["retCode"] == 0
    assert trader.open_links() == ["b", "c", "d", "e"]
    assert fired(trader) == [1, 1, 1, 1, 0]
    assert trader.venue.audit.requests[f"TRADE {CREATE}"] == {"unanswered": 3, "0": 2}


def test_a_reset_of_the_trade_socket_ends_it_in_mid_frame(trader, arm, item) -> None:
    socket = TradeSocket(trader)
    arm(trader, {"kind": "reset_reply", "via": "trade", "after_bytes": 9})
    [reset] = socket.place(item(orderLinkId="a"))
    assert isinstance(reset, WsReset)
    assert reset.keep_bytes == 9
    assert b'"retCode":0' in reset.data
    assert trader.open_links() == ["a"]
    assert socket.place(item(orderLinkId="b")) == []
    assert trader.open_links() == ["a"]


def test_latency_delays_the_trade_socket_and_keeps_its_order(trader, arm, item) -> None:
    socket = TradeSocket(trader)
    arm(trader, {"kind": "latency_fixed", "ms": 80, "via": "trade", "at_most": 1})
    sent_ns = trader.now_ns
    [slow] = socket.place(item(orderLinkId="a"))
    [due] = [due for due in trader.leaving if due.output is slow]
    assert due.at_ns - sent_ns >= 160 * NS_PER_MS
    assert orjson.loads(slow.data)["retCode"] == 0
