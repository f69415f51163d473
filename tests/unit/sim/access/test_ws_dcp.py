"""Disconnect protection: when the window runs, what stops it, and what it then ends."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import orjson
import pytest

from mmfast.sim.access.dcp import DERIVATIVES, OPTIONS, SPOT, DcpDesk
from mmfast.sim.switches import VenueSwitches
from mmfast.sim.wire import WsSend
from mmfast.units import NEVER_NS, NS_PER_S

ME, OTHER = 1, 2


def at(seconds: float) -> int:
    return int(seconds * NS_PER_S)


def ready(*, window_s: int = 10, counts_silence: bool = False) -> DcpDesk:
    """A desk whose window holds since second 0, with connection 7 subscribed."""
    desk = DcpDesk(apply_ms=0, counts_silence=counts_silence)
    desk.configure(ME, DERIVATIVES, window_s, 0)
    desk.join(ME, DERIVATIVES, 7, 0)
    return desk


def test_the_window_starts_when_the_last_subscribed_connection_dies() -> None:
    desk = ready()
    desk.join(ME, DERIVATIVES, 8, at(1))
    desk.die(ME, DERIVATIVES, 7, at(20))
    assert desk.next_due_ns() == NEVER_NS
    desk.die(ME, DERIVATIVES, 8, at(30))
    assert desk.next_due_ns() == at(40)
    assert desk.due(at(40) - 1) == []
    assert desk.due(at(40)) == [(ME, DERIVATIVES)]
    # It fires once; without a new connection there is nothing more to protect.
    assert desk.next_due_ns() == NEVER_NS
    assert desk.due(at(1000)) == []


def test_only_a_ping_of_a_new_subscribed_connection_stops_the_window() -> None:
    desk = ready()
    desk.die(ME, DERIVATIVES, 7, at(20))
    desk.ping(ME, 9, at(21))  # a connection without the topic
    assert desk.next_due_ns() == at(30)
    desk.join(ME, DERIVATIVES, 8, at(22))
    assert desk.next_due_ns() == at(30)
    desk.ping(ME, 8, at(29.9))
    assert desk.next_due_ns() == NEVER_NS
    # And the next loss starts it anew.
    desk.die(ME, DERIVATIVES, 8, at(50))
    assert desk.due(at(60)) == [(ME, DERIVATIVES)]


def test_a_connection_that_came_back_but_never_pinged_does_not_help() -> None:
    desk = ready()
    desk.die(ME, DERIVATIVES, 7, at(20))
    desk.join(ME, DERIVATIVES, 8, at(22))
    desk.die(ME, DERIVATIVES, 8, at(28))
    assert desk.due(at(30)) == [(ME, DERIVATIVES)]


def test_unsubscribing_is_no_death() -> None:
    desk = ready()
    desk.leave(ME, DERIVATIVES, 7)
    assert desk.next_due_ns() == NEVER_NS
    # But it saves nobody who is dead already.
    desk.join(ME, DERIVATIVES, 8, at(1))
    desk.die(ME, DERIVATIVES, 8, at(2))
    desk.join(ME, DERIVATIVES, 9, at(3))
    desk.leave(ME, DERIVATIVES, 9)
    assert desk.next_due_ns() == at(12)


def test_accounts_and_products_are_apart() -> None:
    desk = ready(window_s=3)
    desk.configure(ME, SPOT, 20, 0)
    desk.configure(OTHER, DERIVATIVES, 5, 0)
    desk.join(ME, SPOT, 7, 0)
    desk.join(OTHER, DERIVATIVES, 8, 0)
    desk.join(ME, OPTIONS, 7, 0)  # never configured: never triggers
    for product in (DERIVATIVES, SPOT, OPTIONS):
        desk.die(ME, product, 7, at(1))
    desk.die(OTHER, DERIVATIVES, 8, at(1))
    assert desk.due(at(4)) == [(ME, DERIVATIVES)]
    assert desk.due(at(6)) == [(OTHER, DERIVATIVES)]
    assert desk.due(at(21)) == [(ME, SPOT)]
    assert desk.next_due_ns() == NEVER_NS
    assert desk.windows_s(ME) == {DERIVATIVES: 3, SPOT: 20}
    assert desk.windows_s(OTHER) == {DERIVATIVES: 5}


def test_a_new_window_holds_after_ten_seconds() -> None:
    desk = DcpDesk()
    desk.join(ME, DERIVATIVES, 7, 0)
    desk.configure(ME, DERIVATIVES, 30, 0)
    desk.die(ME, DERIVATIVES, 7, at(1))
    assert desk.next_due_ns() == at(40)  # from second 10 on, thirty seconds
    desk.join(ME, DERIVATIVES, 8, at(2))
    desk.ping(ME, 8, at(2))
    desk.configure(ME, DERIVATIVES, 3, at(100))
    desk.die(ME, DERIVATIVES, 8, at(101))
    # The old window would end at 131; the new one holds from 110 on.
    assert desk.next_due_ns() == at(113)
    desk.ping(ME, 8, at(101))  # gone: cannot ping
    assert desk.next_due_ns() == at(113)


@pytest.mark.parametrize("counts_silence", [False, True])
def test_silence_of_an_open_connection_is_a_switch(counts_silence: bool) -> None:
    desk = ready(counts_silence=counts_silence)
    desk.ping(ME, 7, at(8))
    assert desk.due(at(17.9)) == []
    fired = [(ME, DERIVATIVES)] if counts_silence else []
    assert desk.due(at(18)) == fired
    assert desk.due(at(100)) == []
    # A ping arms it again.
    desk.ping(ME, 7, at(200))
    assert desk.due(at(210)) == fired


# On a venue.

CONN = 60


def talk(trader: Any, conn_id: int, *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Say something on a connection; the answers it gets."""
    before = len(trader.leaving)
    for message in messages:
        trader.venue.ws_message(conn_id, orjson.dumps(message), trader.now_ns)
    trader.run(20)
    return [
        orjson.loads(due.output.data)
        for due in trader.leaving[before:]
        if isinstance(due.output, WsSend) and due.output.conn_id == conn_id
    ]


def subscribe(trader: Any, conn_id: int, topic: str) -> None:
    """Open a private connection, authenticate, subscribe and ping."""
    assert trader.venue.ws_open(conn_id, "/v5/private", trader.now_ns)
    expires = trader.venue.venue_ms(trader.now_ns) + 10_000
    sign = hmac.new(b"test-secret", f"GET/realtime{expires}".encode(), hashlib.sha256)
    answers = talk(
        trader,
        conn_id,
        {"op": "auth", "args": ["test-key", expires, sign.hexdigest()]},
        {"op": "subscribe", "args": [topic]},
        {"op": "ping"},
    )
    assert [one.get("success", True) for one in answers] == [True] * 3


def protected(new_trader: Any, product: str, topic: str) -> Any:
    trader = new_trader(
        symbols=("BTCUSDT",), inverse_symbols=("BTCUSD",), switches=VenueSwitches(dcp_apply_ms=0)
    )
    trader.venue.dcp.configure(trader.venue.uid, product, 3, trader.now_ns)
    subscribe(trader, CONN, topic)
    assert trader.place(orderLinkId="linear").code == 0
    inverse = {"category": "inverse", "symbol": "BTCUSD", "side": "Buy", "orderType": "Limit"}
    body = {**inverse, "qty": "10", "price": "64000.00", "orderLinkId": "inverse"}
    assert trader.post("/v5/order/create", body).code == 0
    trader.told("order")
    return trader


def test_dead_connections_end_the_orders_of_their_product(new_trader: Any) -> None:
    trader = protected(new_trader, DERIVATIVES, "dcp.future")
    trader.venue.ws_close(CONN, trader.now_ns)
    trader.run(2_900)
    assert trader.open_links() == ["linear", "inverse"]
    trader.run(200)
    assert trader.open_links() == []
    rows = trader.told("order")
    assert {row["orderLinkId"]: row["orderStatus"] for row in rows} == {
        "linear": "Cancelled", "inverse": "Cancelled"
    }  # fmt: skip
    assert {row["cancelType"] for row in rows} == {"CancelByDCP"}
    # Connections without the topic did not keep them alive, and hear of it.
    assert trader.place(orderLinkId="later").code == 0
    trader.run(10_000)
    assert trader.open_links() == ["later"]


def test_orders_of_other_products_stay(new_trader: Any) -> None:
    trader = protected(new_trader, SPOT, "dcp.spot")
    trader.venue.ws_close(CONN, trader.now_ns)
    trader.run(10_000)
    assert trader.open_links() == ["linear", "inverse"]


def test_a_reconnect_that_pings_in_time_saves_the_orders(new_trader: Any) -> None:
    trader = protected(new_trader, DERIVATIVES, "dcp.future")
    trader.venue.ws_close(CONN, trader.now_ns)
    trader.run(2_500)
    subscribe(trader, CONN + 1, "dcp.future")
    trader.run(10_000)
    assert trader.open_links() == ["linear", "inverse"]


def test_a_connection_the_venue_closes_for_silence_is_dead(new_trader: Any) -> None:
    trader = protected(new_trader, DERIVATIVES, "dcp.future")
    trader.run(660_000)
    assert trader.open_links() == []
