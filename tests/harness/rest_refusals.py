"""Calls the venue refuses, with the words of the wire, and what brings the refusal about."""

from __future__ import annotations

from typing import Any

import orjson
import rest_fields as fields
from rest_cases import LINEAR_SOL, Ask, Case, create, get, named, post
from rest_fields import listed
from rest_scene import SPOT_BTC, Rest

from mmfast.sim.fault_terms.kinds import Fault, ServerError
from mmfast.sim.fault_terms.schedule import Schedule

#: Of a position that is flat, in hedge mode.
TO_REDUCE = {"side": "Sell", "positionIdx": 1, "reduceOnly": True, "qty": "1", "price": "155.000"}


def refused(ask: Ask, samples: str, code: int, text: str) -> Case:
    return Case(ask, {}, samples, code=code, text=text)


REFUSALS = {
    "no filter": refused(
        get("order/realtime", category="linear"),
        "error_10001_missing_filter",
        10001,
        "Missing some parameters that must be filled in, symbol or settleCoin or baseCoin",
    ),
    "mode mismatch": refused(
        post("order/create", **create("m", positionIdx=1)),
        "error_10001_param",
        10001,
        "position idx not match position mode",
    ),
    "unknown amend": refused(
        post("order/amend", **named("nobody", price="64500.00")),
        "error_110001_amend",
        110001,
        "order not exists or too late to replace",
    ),
    "unknown cancel": refused(
        post("order/cancel", **named("nobody")),
        "error_110001_cancel",
        110001,
        "order not exists or too late to cancel",
    ),
    "wild price": refused(
        post("order/create", **create("w", price="2000000.00")),
        "error_110003_price",
        110003,
        "price is invalid",
    ),
    "too poor": refused(
        post("order/create", **create("t", qty="1000.000")),
        "error_110007_balance",
        110007,
        "Available balance is insufficient",
    ),
    "nothing to reduce": refused(
        post("order/create", **create("r", **LINEAR_SOL, **TO_REDUCE)),
        "error_110017_reduce_only",
        110017,
        "current position is zero, cannot fix reduce-only order qty",
    ),
    "duplicate": refused(
        post("order/create", **create("open")),
        "error_110072_duplicate",
        110072,
        "OrderLinkedID is duplicate",
    ),
    "tiny": refused(
        post("order/create", **create("s", qty="0.001", price="100.00")),
        "error_110094_min_notional",
        110094,
        "Order notional value below the lower limit",
    ),
    "tiny spot": refused(
        post("order/create", **create("s", **SPOT_BTC, qty="0.000011", price="64700.0")),
        "error_170140_spot_min_value",
        170140,
        "Order value exceeded lower limit",
    ),
    "unknown spot": refused(
        post("order/cancel", **named("nobody", category="spot")),
        "error_170213_spot_unknown",
        170213,
        "Order does not exist.",
    ),
}


def late(venue: Rest) -> Any:
    stamp = str(venue.venue.venue_ms(venue.now_ns) - 60_000)
    return orjson.loads(venue.send("GET", "/v5/account/info", "", b"", timestamp=stamp).body)


def with_header(**change: str) -> Ask:
    def ask(venue: Rest) -> Any:
        return orjson.loads(
            venue.send("GET", "/v5/account/fee-rate", "category=linear", b"", **change).body
        )

    return ask


def ordinary(venue: Rest) -> Any:
    """Somebody who is no institution asks for what institutions may have."""
    del venue
    other = Rest(tier="vip1")
    return other.post("/v5/order/disconnected-cancel-all", timeWindow=40)


def too_often(venue: Rest) -> Any:
    del venue
    other = Rest(tier="default")
    return [other.order(orderLinkId=f"t{i}") for i in range(11)][-1]


def throttled_batch(venue: Rest) -> Any:
    del venue
    other = Rest(tier="default")
    other.batch("create", "linear", [create(f"t{i}") for i in range(9)])
    return other.batch("create", "linear", [create(f"u{i}") for i in range(3)])


def in_trouble(fault: Fault) -> Ask:
    """Of a venue that was told to fail."""

    def ask(venue: Rest) -> Any:
        del venue
        other = Rest()
        other.venue.arm(Schedule(faults=(fault,)), other.now_ns)
        return other.get("/v5/account/info")

    return ask


DOOR = {
    "late": refused(
        late,
        "error_10002_timestamp",
        10002,
        "invalid request, please check your server timestamp or recv_window param. req_timestamp",
    ),
    "unknown key": refused(
        with_header(**{"api-key": "stranger"}), "error_10003_api_key", 10003, "API key is invalid."
    ),
    "wrong sign": refused(
        with_header(sign="0" * 64), "error_10004_sign", 10004, "error sign! origin_string"
    ),
    "no institution": refused(
        ordinary,
        "error_10005_permission",
        10005,
        "Permission denied, please check your API key permissions.",
    ),
    "too often": refused(too_often, "error_10006_rate_limit", 10006, "Too many visits!"),
    "batch beyond the budget": Case(
        throttled_batch,
        listed(fields.CREATED_ITEM),
        "order_create_batch_linear_throttled",
        fields.ITEM_CODES,
    ),
    "in trouble": refused(in_trouble(ServerError()), "error_10016_server", 10016, "Server error."),
    "timed out": refused(
        in_trouble(ServerError(code=10000)), "error_10000_timeout", 10000, "Server Timeout"
    ),
}
