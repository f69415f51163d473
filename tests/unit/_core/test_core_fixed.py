"""Decimal text and integers: exact, or refused."""

from __future__ import annotations

import pytest

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)


@pytest.mark.parametrize(
    ("text", "decimals", "units"),
    [
        ("65000.10", 1, 650001),
        ("65000.1", 3, 65000100),
        ("65000", 2, 6500000),
        (b"0.00000001", 8, 1),
        ("-1.5", 1, -15),
        ("+7", 0, 7),
        ("0", 18, 0),
        ("-0.000", 2, 0),
        ("000123.4500", 2, 12345),
        (".5", 1, 5),
        ("5.", 1, 50),
        ("9223372036854775807", 0, INT64_MAX),
        ("-9223372036854775808", 0, INT64_MIN),
        ("9.223372036854775807", 18, INT64_MAX),
        ("0" * 200 + "1", 0, 1),
        ("1." + "0" * 200, 0, 1),
    ],
)
def test_parse_units_is_exact(fixed, text, decimals, units):
    assert fixed.parse_units(text, decimals) == units


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "-",
        ".",
        "-.",
        "1e5",
        "1E-2",
        " 1",
        "1 ",
        "1,5",
        "1.2.3",
        "--1",
        "+-1",
        "1-",
        "0x10",
        "nan",
        "inf",
        "1_000",
        "\u0661",
        "\u00bd",
        "1\x00",
        "\ud800",
        b"\xff1",
        "1.23",  # a digit beyond the one decimal
        "0.05",
        "922337203685477580.8",  # 2**63 at one decimal
        "-922337203685477580.9",
        "10000000000000000000",
        "99999999999999999999999999999",
    ],
)
def test_parse_units_refuses(fixed, text):
    with pytest.raises(fixed.FixedError):
        fixed.parse_units(text, 1)


@pytest.mark.parametrize("decimals", [-1, 19, 2**20])
def test_decimals_have_bounds(fixed, decimals):
    with pytest.raises(fixed.FixedError):
        fixed.parse_units("1", decimals)
    with pytest.raises(fixed.FixedError):
        fixed.format_units(1, decimals)


def test_parse_grid_refuses_what_is_off_the_grid(fixed):
    assert fixed.parse_grid("65000.5", 1, 5) == 130001
    assert fixed.parse_grid("-1.0", 1, 5) == -2
    with pytest.raises(fixed.FixedError):
        fixed.parse_grid("65000.4", 1, 5)
    with pytest.raises(fixed.FixedError):
        fixed.parse_grid("1", 1, 0)


@pytest.mark.parametrize(
    ("units", "decimals", "text"),
    [
        (650001, 1, b"65000.1"),
        (650000, 1, b"65000.0"),
        (5, 3, b"0.005"),
        (0, 0, b"0"),
        (0, 2, b"0.00"),
        (-5, 1, b"-0.5"),
        (10, 0, b"10"),
        (1, 18, b"0.000000000000000001"),
        (INT64_MAX, 0, b"9223372036854775807"),
        (INT64_MIN, 18, b"-9.223372036854775808"),
    ],
)
def test_format_units_keeps_every_decimal(fixed, units, decimals, text):
    assert fixed.format_units(units, decimals) == text


def test_format_grid_checks_the_product(fixed):
    assert fixed.format_grid(3, 1, 5) == b"1.5"
    with pytest.raises(OverflowError):
        fixed.format_grid(INT64_MAX // 2, 0, 3)


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("0.10", (1, 1)),
        ("0.5", (1, 5)),
        ("10", (0, 10)),
        ("10.00", (0, 10)),
        ("0.0025", (4, 25)),
        (b"1", (0, 1)),
        ("0.000000000000000001", (18, 1)),
        ("9223372036854775807.0", (0, INT64_MAX)),
    ],
)
def test_split_step(fixed, text, step):
    assert fixed.split_step(text) == step


@pytest.mark.parametrize("text", ["0", "0.00", "-0.1", "", "x", "0.0000000000000000001"])
def test_split_step_refuses(fixed, text):
    with pytest.raises(fixed.FixedError):
        fixed.split_step(text)


@pytest.mark.parametrize(
    ("value", "low", "high"), [(7, 5, 10), (-7, -10, -5), (10, 10, 10), (0, 0, 0)]
)
def test_rounding_goes_to_the_named_side(fixed, value, low, high):
    assert fixed.floor_to(value, 5) == low
    assert fixed.ceil_to(value, 5) == high


def test_rounding_and_products_do_not_wrap(fixed):
    with pytest.raises(OverflowError):
        fixed.floor_to(INT64_MIN, 3)
    with pytest.raises(OverflowError):
        fixed.ceil_to(INT64_MAX, 2)
    with pytest.raises(OverflowError):
        fixed.mul(2**40, 2**40)
    with pytest.raises(ValueError, match="step"):
        fixed.floor_to(1, 0)
    with pytest.raises(ValueError, match="step"):
        fixed.ceil_to(1, -1)
    assert fixed.mul(-(2**31), 2**32) == INT64_MIN


def test_the_error_shows_expectation_and_finding():
    from mmfast._core import fixed

    with pytest.raises(fixed.FixedError, match=r"at most 1 decimals, found '1\.23'"):
        fixed.parse_units("1.23", 1)
    with pytest.raises(TypeError, match="expected str or bytes, found float"):
        fixed.parse_units(1.5, 1)
