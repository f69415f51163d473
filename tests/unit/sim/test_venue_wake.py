"""Woken only when it says so, does the venue let anything leave late?"""

from __future__ import annotations

import json

import pytest

from mmfast.sim.crowd.params import FlowParams
from mmfast.units import NS_PER_MS, NS_PER_S

LIVELY = FlowParams(activity=5.0)
TOPICS = ["orderbook.50.BTCUSDT", "publicTrade.BTCUSDT", "tickers.BTCUSDT"]


def test_woken_when_it_asks_for_it_nothing_leaves_late(new_trader) -> None:
    trader = new_trader(keep_books=True, flow=LIVELY, latency_ms=4.0, latency_jitter_ms=1.0)
    venue = trader.venue
    assert venue.ws_open(9, "/v5/public/linear", trader.now_ns)
    subscribe = {"op": "subscribe", "args": TOPICS}
    venue.ws_message(9, json.dumps(subscribe).encode(), trader.now_ns)
    trader.run(20)
    filled = told = wakes = 0
    end_ns = trader.now_ns + 30 * NS_PER_S
    while trader.now_ns < end_ns:
        if not trader.venue.open_orders():
            price = venue.best(0, 0) / 10
            trader.send("POST", "/v5/order/create", json.dumps({
                "category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit",
                "qty": "0.001", "price": f"{price:.1f}", "timeInForce": "PostOnly"}))  # fmt: skip
        now_ns = venue.next_wake_ns()
        wakes += 1
        leaving = venue.advance(now_ns)
        trader.now_ns = now_ns
        assert all(due.at_ns == now_ns for due in leaving)
        told += len(leaving)
        filled += sum(b'"topic":"execution"' in getattr(due.output, "data", b"") for due in leaving)
    assert filled > 5
    assert told > 2000


@pytest.mark.parametrize("has_order", [True, False])
def test_a_market_nobody_can_see_waits(new_trader, has_order: bool) -> None:
    trader = new_trader(keep_books=True, flow=LIVELY)
    if has_order:
        assert trader.place(price="60000").code == 0
    start_ns = trader.now_ns
    wakes = 0
    while trader.now_ns < start_ns + NS_PER_S:
        trader.now_ns = trader.venue.next_wake_ns()
        trader.venue.advance(trader.now_ns)
        wakes += 1
    assert (wakes > 50) if has_order else (wakes < 13)
    assert trader.venue.next_due_ns() - trader.now_ns < 100 * NS_PER_MS
