"""The venue's listings as text, in its own notation, one table per category.

Filters are close to the real ones; everything derived from them is made in
:mod:`mmfast.sim.instruments.catalogue`, in exact integers.
"""

from __future__ import annotations

from typing import Final

import msgspec

from mmfast.messages import Category


class Entry(msgspec.Struct, frozen=True):
    """One row: what is traded, its grid, its limits.

    ``start`` is the price the seeded market begins at. Leverage and funding are 0 where the
    category knows none, ``min_value`` is 0 where the venue checks none.
    """

    symbol: str
    base: str
    quote: str
    settle: str
    symbol_id: int
    tick: str
    step: str
    start: str
    max_price: str
    max_qty: str
    max_market_qty: str
    min_value: str
    max_leverage: str
    limit_x: str
    limit_y: str
    funding_cap: str
    launch_ms: int
    delivery_ms: int = 0
    option_type: str = ""


def _entry(
    names: str, symbol_id: int, grid: str, limits: str, min_value: str, risk: str, launch_ms: int
) -> Entry:
    """One row from groups of words: ``symbol base quote settle``, ``tick step start``,
    ``max-price max-qty max-market-qty``, ``leverage X Y funding-cap`` (``-``: none)."""
    symbol, base, quote, settle = names.split()
    tick, step, start = grid.split()
    max_price, max_qty, max_market_qty = limits.split()
    leverage, limit_x, limit_y, funding_cap = risk.replace("-", "0").split()
    return Entry(
        symbol=symbol,
        base=base,
        quote=quote,
        settle=settle,
        symbol_id=symbol_id,
        tick=tick,
        step=step,
        start=start,
        max_price=max_price,
        max_qty=max_qty,
        max_market_qty=max_market_qty,
        min_value=min_value,
        max_leverage=leverage,
        limit_x=limit_x,
        limit_y=limit_y,
        funding_cap=funding_cap,
        launch_ms=launch_ms,
    )


def _linear(base: str, symbol_id: int, grid: str, limits: str, risk: str, launch_ms: int) -> Entry:
    """A USDT perpetual."""
    names = f"{base}USDT {base} USDT USDT"
    return _entry(names, symbol_id, grid, limits, "5", risk, launch_ms)


def _inverse(base: str, symbol_id: int, grid: str, limits: str, risk: str, launch_ms: int) -> Entry:
    """A coin-margined perpetual: quantities are whole US dollars, no least value is checked."""
    names = f"{base}USD {base} USD {base}"
    return _entry(names, symbol_id, grid, limits, "0", risk, launch_ms)


def _spot(base: str, symbol_id: int, grid: str, limits: str, bounds: str) -> Entry:
    """A pair against USDT. ``max_qty`` is the limit order's; a spot price knows no maximum of
    its own, what stands here keeps the integers in bounds."""
    names = f"{base}USDT {base} USDT USDT"
    return _entry(names, symbol_id, grid, limits, "5", f"- {bounds} -", 0)


def _option(base: str, symbol_id: int, strike: int, kind: str, grid: str, limits: str) -> Entry:
    """A USDT-settled option; its band is wide, its size small."""
    names = f"{base}-28DEC35-{strike}-{kind[0]}-USDT {base} USDT USDT"
    entry = _entry(names, symbol_id, grid, limits, "0", "- 0.50 0.80 -", _OPTION_LAUNCH_MS)
    return msgspec.structs.replace(entry, delivery_ms=_OPTION_DELIVERY_MS, option_type=kind)


_OPTION_LAUNCH_MS: Final = 1_699_000_000_000
_OPTION_DELIVERY_MS: Final = 2_082_441_600_000

_MAJOR: Final = "75 0.03 0.06 0.005"
_MINOR: Final = "50 0.03 0.06 0.005"

LINEAR: Final = (
    _linear("BTC", 5, "0.10 0.001 65000", "1999999.80 1190 500",
            "100 0.01 0.02 0.00375", 1585526400000),
    _linear("ETH", 6, "0.01 0.01 3200", "199999.98 7240 724",
            "100 0.02 0.04 0.005", 1615766400000),
    _linear("SOL", 38, "0.010 0.1 150", "19999.980 79770 15600",
            "100 0.02 0.04 0.005", 1634256000000),
    _linear("XRP", 7, "0.0001 0.1 0.5200", "1999.9998 5000000 1500000",
            _MAJOR, 1620898440000),
    _linear("DOGE", 22, "0.00001 1 0.16000", "199.99998 40000000 14000000",
            _MAJOR, 1620812040000),
    _linear("ADA", 20, "0.0001 1 0.4500", "1999.9998 7500000 2500000",
            _MAJOR, 1614902400000),
    _linear("AVAX", 49, "0.001 0.1 28.000", "1999.998 130000 40000",
            _MAJOR, 1632787200000),
    _linear("LINK", 18, "0.001 0.1 14.500", "1999.998 250000 80000",
            _MAJOR, 1614729600000),
    _linear("LTC", 19, "0.01 0.1 82.00", "19999.98 60000 18000",
            _MAJOR, 1614556800000),
    _linear("BNB", 40, "0.10 0.01 580.00", "199999.80 19000 2000",
            "75 0.025 0.05 0.005", 1624924800000),
    _linear("DOT", 21, "0.001 0.1 6.200", "1999.998 420000 130000",
            _MAJOR, 1614988800000),
    _linear("BCH", 17, "0.05 0.01 420.00", "199999.90 10000 2800",
            _MINOR, 1614643200000),
    _linear("TRX", 55, "0.00001 1 0.12000", "199.99998 20000000 6000000",
            _MAJOR, 1632787200000),
    _linear("UNI", 24, "0.001 0.1 8.400", "1999.998 200000 60000",
            _MINOR, 1614816000000),
    _linear("SUI", 291, "0.00010 10 1.20000", "1999.99980 2600000 800000",
            _MAJOR, 1683072000000),
    _linear("NEAR", 60, "0.001 0.1 5.100", "1999.998 360000 110000",
            _MINOR, 1634515200000),
)  # fmt: skip

INVERSE: Final = (
    _inverse("BTC", 1, "0.10 1 65000", "1999999.80 25000000 5000000",
             "100 0.01 0.02 0.00375", 1542585600000),
    _inverse("ETH", 2, "0.01 1 3200", "199999.98 12500000 2500000",
             "100 0.02 0.04 0.005", 1548374400000),
    _inverse("XRP", 4, "0.0001 1 0.5200", "1999.9998 2500000 500000",
             "50 0.03 0.06 0.005", 1552953600000),
    _inverse("SOL", 113, "0.001 1 150", "19999.998 1000000 250000",
             "50 0.03 0.06 0.005", 1646092800000),
)  # fmt: skip

SPOT: Final = (
    _spot("BTC", 1001, "0.1 0.000001 65000", "2000000 83 41.5", "0.005 0.01"),
    _spot("ETH", 1002, "0.01 0.00001 3200", "200000 2400 1200", "0.01 0.02"),
    _spot("SOL", 1003, "0.01 0.001 150", "20000 26000 13000", "0.01 0.02"),
    _spot("XRP", 1004, "0.0001 0.01 0.5200", "2000 3500000 1750000", "0.01 0.03"),
    _spot("DOGE", 1005, "0.00001 0.1 0.16000", "200 9000000 4500000", "0.01 0.03"),
)

OPTION: Final = (
    _option("BTC", 9001, 100000, "Call", "5 0.01 12000", "1000000 500 500"),
    _option("BTC", 9002, 100000, "Put", "5 0.01 15000", "1000000 500 500"),
    _option("ETH", 9003, 5000, "Call", "0.1 0.1 640", "100000 3000 3000"),
    _option("ETH", 9004, 5000, "Put", "0.1 0.1 820", "100000 3000 3000"),
)

TABLES: Final[dict[Category, tuple[Entry, ...]]] = {
    Category.LINEAR: LINEAR,
    Category.INVERSE: INVERSE,
    Category.SPOT: SPOT,
    Category.OPTION: OPTION,
}
