"""Protections over REST: disconnect protection is set and shown; the rest is refused clearly."""

from __future__ import annotations

import pytest

SET = "/v5/order/disconnected-cancel-all"
INFO = "/v5/account/query-dcp-info"


def windows(trader) -> dict[str, str]:
    rows = trader.get(INFO).result["dcpInfos"]
    assert all(row["dcpStatus"] == "ON" for row in rows)
    return {row["product"]: row["timeWindow"] for row in rows}


def test_an_institution_sets_windows_and_sees_only_those(trader) -> None:
    assert windows(trader) == {}
    reply = trader.post(SET, {"product": "DERIVATIVES", "timeWindow": 3})
    assert reply.json == {"retCode": 0, "retMsg": "success"}
    assert windows(trader) == {"DERIVATIVES": "3"}
    trader.post(SET, {"product": "SPOT", "timeWindow": 40})
    assert windows(trader) == {"DERIVATIVES": "3", "SPOT": "40"}


def test_a_forgotten_product_means_options(trader) -> None:
    assert trader.post(SET, {"timeWindow": 300}).code == 0
    assert windows(trader) == {"OPTIONS": "300"}


@pytest.mark.parametrize("window", [2, 301, "10", True, None, 10.0])
def test_a_window_outside_3_to_300_seconds_is_refused(trader, window) -> None:
    assert trader.post(SET, {"product": "SPOT", "timeWindow": window}).code == 10001
    assert trader.post(SET, {"product": "FUTURES", "timeWindow": 10}).code == 10001
    assert windows(trader) == {}


def test_an_ordinary_account_has_no_disconnect_protection(new_trader) -> None:
    trader = new_trader(tier="vip3")
    assert trader.post(SET, {"timeWindow": 40}).code == 10005
    assert trader.get(INFO).result == {"dcpInfos": []}


def test_market_maker_protection_is_not_enabled(trader) -> None:
    state = trader.get("/v5/account/mmp-state", baseCoin="BTC")
    modify = trader.post("/v5/account/mmp-modify", {"baseCoin": "BTC", "window": "5000"})
    reset = trader.post("/v5/account/mmp-reset", {"baseCoin": "BTC"})
    assert [state.code, modify.code, reset.code] == [110062, 110065, 110062]
    assert trader.get("/v5/account/mmp-state").code == 10001
