"""The embedded venue's websocket messages have the documented shape.

The shapes below are written down here; with ``--payloads DIR`` the same messages are also held
against captured ones.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmfast.sim.params import FlowParams, VenueParams
from mmfast.sim.venue import Venue
from mmfast.sim.wire import WsSend
from mmfast.units import NS_PER_S

BOOK_KEYS = {"topic", "type", "ts", "data", "cts"}
SHAPES: dict[str, tuple[set[str], set[str], str]] = {
    # message: (keys, keys of data or of its first row, captured file)
    "orderbook.1": (
        BOOK_KEYS, {"s", "b", "a", "u", "seq"}, "ws_public_orderbook_1_linear.snapshot.json"
    ),
    "orderbook.50": (
        BOOK_KEYS, {"s", "b", "a", "u", "seq"}, "ws_public_orderbook_50.snapshot.json"
    ),
    "orderbook.50 delta": (
        BOOK_KEYS, {"s", "b", "a", "u", "seq"}, "ws_public_orderbook_50.delta.json"
    ),
    "publicTrade": (
        {"topic", "type", "ts", "data"},
        {"T", "s", "S", "v", "p", "L", "i", "BT", "seq"},
        "ws_public_trade_linear.json",
    ),
    "tickers": (
        {"topic", "type", "data", "cs", "ts"},
        {"symbol", "tickDirection", "price24hPcnt", "lastPrice", "prevPrice24h", "highPrice24h",
         "lowPrice24h", "prevPrice1h", "markPrice", "indexPrice", "openInterest",
         "openInterestValue", "turnover24h", "volume24h", "fundingIntervalHour", "fundingCap",
         "nextFundingTime", "fundingRate", "bid1Price", "bid1Size", "ask1Price", "ask1Size",
         "preOpenPrice", "preQty", "curPreListingPhase"},
        "ws_public_tickers_linear.snapshot.json",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def messages() -> dict[str, dict]:
    """One message of each kind, as a client of the venue gets it."""
    flow = FlowParams(taker_rate_hz=20.0)
    venue = Venue(VenueParams(symbols=("BTCUSDT",), api_key="k", api_secret="s", flow=flow))
    topics = [f"{kind}.BTCUSDT" for kind in SHAPES if " " not in kind]
    venue.ws_open(1, "/v5/public/linear", 0)
    venue.ws_message(1, json.dumps({"op": "subscribe", "args": topics}).encode(), 0)
    told: dict[str, dict] = {}
    for due in venue.advance(2 * NS_PER_S):
        assert isinstance(due.output, WsSend)
        message = json.loads(due.output.data)
        if "topic" in message:
            kind = message["topic"].rsplit(".", 1)[0]
            told.setdefault(kind if message["type"] == "snapshot" else f"{kind} delta", message)
    return told


def first(data: dict | list) -> dict:
    return data[0] if isinstance(data, list) else data


@pytest.mark.parametrize("kind", SHAPES)
def test_public_messages(kind: str, messages: dict[str, dict], payloads: Path | None) -> None:
    keys, fields, name = SHAPES[kind]
    message = messages[kind]
    assert message.keys() == keys
    assert first(message["data"]).keys() >= fields
    if payloads is None:
        return
    captured = json.loads((payloads / name).read_text())
    assert message.keys() == captured.keys()
    assert first(message["data"]).keys() >= first(captured["data"]).keys()
    for key, value in first(captured["data"]).items():
        assert type(first(message["data"])[key]) is type(value), key


def test_times_are_the_venues(messages: dict[str, dict]) -> None:
    start_ms = 1_700_000_000_000
    for message in messages.values():
        assert start_ms <= message["ts"] <= start_ms + 2000
        assert message.get("cts", start_ms) <= message["ts"]
