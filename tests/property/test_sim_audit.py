"""The audit keeps its own books; whatever happens, they must agree with the venue's."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfast.messages import Side
from mmfast.sim.fault_terms.schedule import read_schedule
from mmfast.sim.params import FlowParams, VenueParams
from mmfast.sim.venue import Venue
from mmfast.sim.wire import HttpRequest
from mmfast.units import NS_PER_MS

KEY, SECRET = "k", "s"
START = 650_000


class Desk:
    """Sends what it is told and lets time pass."""

    def __init__(self, seed: int) -> None:
        params = VenueParams(
            symbols=("BTCUSDT",),
            api_key=KEY,
            api_secret=SECRET,
            seed=seed,
            latency_ms=2.0,
            flow=FlowParams(taker_rate_hz=40.0),
        )
        self.venue = Venue(params)
        self.now_ns = 0
        self.sent = 0
        self.left: list[Any] = []

    def post(self, path: str, body: dict[str, Any]) -> None:
        self.sent += 1
        text = orjson.dumps({"category": "linear", "symbol": "BTCUSDT", **body})
        stamp = str(self.venue.venue_ms(self.now_ns))
        sign = hmac.new(SECRET.encode(), f"{stamp}{KEY}".encode() + text, hashlib.sha256)
        headers = {
            "x-bapi-api-key": KEY,
            "x-bapi-timestamp": stamp,
            "x-bapi-sign": sign.hexdigest(),
        }
        request = HttpRequest(
            request_id=self.sent, method="POST", path=path, query="", headers=headers, body=text
        )
        self.venue.http(request, self.now_ns)

    def run(self, ms: int) -> None:
        self.now_ns += ms * NS_PER_MS
        self.left += self.venue.advance(self.now_ns)


def check(desk: Desk) -> None:
    """Position and open lots, as the audit and as the accounts have them."""
    venue = desk.venue
    exposure = venue._ledger.exposure
    assert exposure.positions[0] == venue.positions()["BTCUSDT"]
    open_lots = [0, 0]
    for order in venue._exchange.accounts[venue.uid].blotter.open_orders():
        if not order.reduce_only:
            open_lots[order.side] += order.leaves
    assert exposure._open[0] == open_lots
    position = exposure.positions[0]
    assert exposure.worst_lots(0) == max(position + open_lots[0], open_lots[1] - position, 0)


ACTS = st.tuples(
    st.sampled_from(["place", "place", "amend", "cancel", "market", "wait"]),
    st.integers(0, 7),
    st.sampled_from([Side.BUY, Side.SELL]),
    st.integers(-40, 40),
    st.integers(1, 60),
    st.booleans(),
)


def play(desk: Desk, acts: list[tuple[str, int, Side, int, int, bool]]) -> None:
    for number, (act, which, side, offset, lots, flag) in enumerate(acts):
        qty, price = f"{lots / 1000:.3f}", f"{(START + offset) / 10:.1f}"
        word = "Buy" if side is Side.BUY else "Sell"
        link = {"orderLinkId": f"o{number - 1 - which % 4}"}
        if act == "place":
            fields = {"side": word, "orderType": "Limit", "qty": qty, "price": price}
            desk.post(
                "/v5/order/create", {**fields, "reduceOnly": flag, "orderLinkId": f"o{number}"}
            )
        elif act == "market":
            fields = {"side": word, "orderType": "Market", "qty": qty, "reduceOnly": flag}
            desk.post("/v5/order/create", fields)
        elif act == "amend":
            desk.post("/v5/order/amend", {**link, "qty": qty} | ({"price": price} if flag else {}))
        elif act == "cancel":
            desk.post("/v5/order/cancel", link)
        desk.run(lots * 2)
        check(desk)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(1, 10_000), acts=st.lists(ACTS, min_size=5, max_size=30))
def test_the_audit_and_the_accounts_agree_at_every_moment(seed: int, acts: list[Any]) -> None:
    play(Desk(seed), acts)


STORM = b"""
seed: 11
faults:
  - {kind: latency_lognormal, median_ms: 6, chance: "0.5"}
  - {kind: drop_request, when: after, chance: "0.1"}
  - {kind: http_error, chance: "0.1"}
  - {kind: reset_reply, after_bytes: 30, chance: "0.1"}
  - {kind: server_error, when: after, chance: "0.1"}
  - {kind: private_duplicate, chance: "0.3"}
  - {kind: private_late, by_ms: 40, chance: "0.3"}
  - {kind: private_reorder, by_ms: 30, chance: "0.3"}
  - {kind: limit_lowered, per_s: 15, from_ms: 200, for_ms: 400}
  - {kind: instrument_suspended, symbol: BTCUSDT, cancel_orders: true, from_ms: 500, for_ms: 100}
  - {kind: tick_size_changed, symbol: BTCUSDT, times: 5, from_ms: 700}
  - {kind: foreign_order, symbol: BTCUSDT, side: Buy, qty: "0.02", times: 9, every_ms: 90}
  - {kind: foreign_fill, symbol: BTCUSDT, side: Sell, qty: "0.01", times: 9, every_ms: 70}
"""


def storm(seed: int, acts: list[Any], schedule: bytes = STORM) -> tuple[str, Desk]:
    desk = Desk(seed)
    desk.venue.arm(read_schedule(schedule), 0)
    play(desk, acts)
    desk.run(2000)
    check(desk)
    told = hashlib.sha256(repr(desk.left).encode()).hexdigest()
    return told + repr(desk.venue.report(desk.now_ns)), desk


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(1, 10_000), acts=st.lists(ACTS, min_size=10, max_size=30))
def test_the_same_seed_and_storm_give_the_same_bytes_and_the_books_agree(
    seed: int, acts: list[Any]
) -> None:
    assert storm(seed, acts)[0] == storm(seed, acts)[0]


def test_a_storm_does_hit() -> None:
    acts = [("place", 0, side, 5, 20, False) for side in (Side.BUY, Side.SELL)] * 25
    first, desk = storm(3, acts)
    fired = {row["kind"]: row["fired"] for row in desk.venue.fault_report()}
    assert all(fired.values()), fired
    assert storm(3, acts, STORM.replace(b"seed: 11", b"seed: 12"))[0] != first


@pytest.mark.parametrize("seed", [1, 2])
def test_without_faults_nothing_changes_when_a_schedule_is_empty(seed: int) -> None:
    acts = [("market", 0, Side.BUY, 0, 10, False)] * 5
    plain = Desk(seed)
    play(plain, acts)
    armed = Desk(seed)
    armed.venue.arm(read_schedule(b"faults: []"), 0)
    play(armed, acts)
    assert repr(plain.left) == repr(armed.left)
