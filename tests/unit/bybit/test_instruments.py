"""Filters of instruments: exact integers, bounds rounded inwards, faults with their place."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest

from mmfast.bybit.instruments import instrument_from_row
from mmfast.errors import LocalProtocolError, RemoteProtocolError
from mmfast.messages import Category
from mmfast.units import E8, InstrumentIndex

LINEAR: dict[str, Any] = {
    "symbol": "SOLUSDT",
    "contractType": "LinearPerpetual",
    "status": "Trading",
    "baseCoin": "SOL",
    "quoteCoin": "USDT",
    "settleCoin": "USDT",
    "priceFilter": {"minPrice": "0.050", "maxPrice": "19999.990", "tickSize": "0.010"},
    "lotSizeFilter": {
        "maxOrderQty": "79770.05",
        "minOrderQty": "0.15",
        "qtyStep": "0.1",
        "minNotionalValue": "5.000000001",
    },
    "somethingNew": {"deep": [1, 2]},
}
SPOT: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "status": "Trading",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "priceFilter": {"tickSize": "0.01"},
    "lotSizeFilter": {
        "basePrecision": "0.000001",
        "quotePrecision": "0.0000001",
        "minOrderAmt": "5",
        "maxLimitOrderQty": "83",
    },
}
OPTION: dict[str, Any] = {
    "symbol": "BTC-27MAR26-80000-C-USDT",
    "status": "Trading",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "settleCoin": "USDT",
    "priceFilter": {"minPrice": "5", "maxPrice": "1110000", "tickSize": "5"},
    "lotSizeFilter": {"maxOrderQty": "500", "minOrderQty": "0.01", "qtyStep": "0.01"},
}


def changed(row: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    row = copy.deepcopy(row)
    *groups, field = path.split(".")
    target = row
    for group in groups:
        target = target[group]
    if value is KeyError:
        del target[field]
    else:
        target[field] = value
    return row


def test_a_linear_row() -> None:
    got = instrument_from_row(LINEAR, InstrumentIndex(4), Category.LINEAR)
    assert (got.index, got.symbol, got.settle_coin, got.status) == (4, "SOLUSDT", "USDT", "Trading")
    assert (got.tick_decimals, got.tick_units) == (2, 1)
    assert (got.step_decimals, got.step_units) == (1, 1)
    assert (got.min_price_ticks, got.max_price_ticks) == (5, 1_999_999)
    # Bounds that are off the grid move inwards: 0.15 up to 0.2, 79770.05 down to 79770.0.
    assert (got.min_order_lots, got.max_order_lots) == (2, 797_700)
    assert got.min_notional_e8 == 500_000_001
    value = Decimal("0.01") * Decimal("0.1") * 10**8
    assert got.tick_lot_value_e8 == value
    assert got.notional_e8(15_000, 20) == Decimal("150.00") * Decimal("2.0") * 10**8


@pytest.mark.parametrize(
    ("tick", "step", "value_e8"),
    [
        ("0.5", "0.001", 50_000),
        ("0.0000001", "100", 1_000),
        ("10", "1", 10**9),
        ("0.05", "5", 25 * 10**6),
    ],
)
def test_grids_that_are_no_powers_of_ten(tick: str, step: str, value_e8: int) -> None:
    row = changed(changed(LINEAR, "priceFilter.tickSize", tick), "lotSizeFilter.qtyStep", step)
    got = instrument_from_row(row, InstrumentIndex(0), Category.LINEAR)
    assert got.tick_lot_value_e8 == value_e8


def test_spot_and_option_rows() -> None:
    spot = instrument_from_row(SPOT, InstrumentIndex(0), Category.SPOT)
    assert (spot.step_decimals, spot.settle_coin) == (6, "USDT")
    assert spot.min_notional_e8 == 5 * 10**8
    assert spot.max_order_lots == 83 * 10**6
    assert spot.max_price_ticks > 10**12
    option = instrument_from_row(OPTION, InstrumentIndex(0), Category.OPTION)
    assert (option.tick_units, option.min_notional_e8) == (5, 0)


def test_inverse_is_refused_because_its_value_is_something_else() -> None:
    with pytest.raises(LocalProtocolError, match="SOLUSDT: inverse"):
        instrument_from_row(LINEAR, InstrumentIndex(0), Category.INVERSE)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("priceFilter.tickSize", KeyError),
        ("priceFilter.tickSize", "0"),
        ("priceFilter.tickSize", 0.01),
        ("priceFilter.tickSize", "1e-2"),
        ("priceFilter.maxPrice", "many"),
        ("priceFilter.minPrice", "-1"),
        ("lotSizeFilter.qtyStep", ""),
        ("lotSizeFilter.minOrderQty", []),
        ("lotSizeFilter.minNotionalValue", "x"),
        ("baseCoin", None),
        ("status", 5),
    ],
)
def test_a_fault_names_symbol_and_field(path: str, value: object) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        instrument_from_row(changed(LINEAR, path, value), InstrumentIndex(0), Category.LINEAR)
    assert "SOLUSDT" in str(caught.value)
    assert path in str(caught.value)


def test_a_missing_group_or_symbol_is_named() -> None:
    with pytest.raises(RemoteProtocolError, match="SOLUSDT: priceFilter expected an object"):
        instrument_from_row(
            changed(LINEAR, "priceFilter", None), InstrumentIndex(0), Category.LINEAR
        )
    with pytest.raises(RemoteProtocolError, match="a row with a symbol"):
        instrument_from_row({}, InstrumentIndex(0), Category.LINEAR)


def test_a_value_that_is_not_exact_is_refused() -> None:
    row = changed(
        changed(LINEAR, "priceFilter.tickSize", "0.000001"), "lotSizeFilter.qtyStep", "0.001"
    )
    with pytest.raises(
        RemoteProtocolError, match=r"SOLUSDT: priceFilter.tickSize times the lot step"
    ):
        instrument_from_row(row, InstrumentIndex(0), Category.LINEAR)


@pytest.mark.parametrize(
    ("risk", "expected"),
    [
        ({"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"}, 1_000_000),
        ({"priceLimitRatioX": "0.123456789"}, 12_345_678),
        ({"priceLimitRatioX": "3"}, E8),
        ({"priceLimitRatioX": "0"}, E8),
        ({"priceLimitRatioX": ""}, E8),
        ({}, E8),
        (None, E8),
    ],
)
def test_the_venues_bound_round_its_mark_price(risk: object, expected: int) -> None:
    row = {**LINEAR, "riskParameters": risk}
    assert instrument_from_row(row, InstrumentIndex(0), Category.LINEAR).price_limit_e8 == expected


def test_a_bound_that_is_no_number_is_refused() -> None:
    row = {**LINEAR, "riskParameters": {"priceLimitRatioX": "wide"}}
    with pytest.raises(RemoteProtocolError, match="priceLimitRatioX"):
        instrument_from_row(row, InstrumentIndex(0), Category.LINEAR)
