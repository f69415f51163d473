"""What the venue lists: linear USDT perpetuals with filters close to the real ones.

The table below is text, as the venue publishes it; everything derived is exact integers.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from mmfast.errors import ConfigError
from mmfast.messages import Category, Instrument
from mmfast.sim.figures import decimal_text, grid_of
from mmfast.units import E8, InstrumentIndex, Lots, QuoteE8, Ticks


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument and what only the venue needs to know of it.

    ``price_scale`` is how many fractional digits prices are printed with; it can be larger than
    the tick size needs. Ratios carry their scale in their name.
    """

    instrument: Instrument
    symbol_id: int
    price_scale: int
    launch_ms: int
    start_ticks: Ticks
    max_market_lots: Lots
    max_leverage_e2: int
    price_limit_x_e4: int
    price_limit_y_e4: int
    funding_cap_e8: int


class _Entry(msgspec.Struct, frozen=True):
    """One row of the table, in the venue's own notation."""

    symbol: str
    symbol_id: int
    tick: str
    step: str
    start: str
    max_price: str
    max_qty: str
    max_market_qty: str
    max_leverage: str
    limit_x: str
    limit_y: str
    funding_cap: str
    launch_ms: int


_TABLE: Final = tuple(
    _Entry(*row)
    for row in (
        ("BTCUSDT", 5, "0.10", "0.001", "65000", "1999999.80", "1190", "500",
         "100", "0.01", "0.02", "0.00375", 1585526400000),
        ("ETHUSDT", 6, "0.01", "0.01", "3200", "199999.98", "7240", "724",
         "100", "0.02", "0.04", "0.005", 1615766400000),
        ("SOLUSDT", 38, "0.010", "0.1", "150", "19999.980", "79770", "15600",
         "100", "0.02", "0.04", "0.005", 1634256000000),
        ("XRPUSDT", 7, "0.0001", "0.1", "0.5200", "1999.9998", "5000000", "1500000",
         "75", "0.03", "0.06", "0.005", 1620898440000),
        ("DOGEUSDT", 22, "0.00001", "1", "0.16000", "199.99998", "40000000", "14000000",
         "75", "0.03", "0.06", "0.005", 1620812040000),
        ("ADAUSDT", 20, "0.0001", "1", "0.4500", "1999.9998", "7500000", "2500000",
         "75", "0.03", "0.06", "0.005", 1614902400000),
        ("AVAXUSDT", 49, "0.001", "0.1", "28.000", "1999.998", "130000", "40000",
         "75", "0.03", "0.06", "0.005", 1632787200000),
        ("LINKUSDT", 18, "0.001", "0.1", "14.500", "1999.998", "250000", "80000",
         "75", "0.03", "0.06", "0.005", 1614729600000),
        ("LTCUSDT", 19, "0.01", "0.1", "82.00", "19999.98", "60000", "18000",
         "75", "0.03", "0.06", "0.005", 1614556800000),
        ("BNBUSDT", 40, "0.10", "0.01", "580.00", "199999.80", "19000", "2000",
         "75", "0.025", "0.05", "0.005", 1624924800000),
        ("DOTUSDT", 21, "0.001", "0.1", "6.200", "1999.998", "420000", "130000",
         "75", "0.03", "0.06", "0.005", 1614988800000),
        ("BCHUSDT", 17, "0.05", "0.01", "420.00", "199999.90", "10000", "2800",
         "50", "0.03", "0.06", "0.005", 1614643200000),
        ("TRXUSDT", 55, "0.00001", "1", "0.12000", "199.99998", "20000000", "6000000",
         "75", "0.03", "0.06", "0.005", 1632787200000),
        ("UNIUSDT", 24, "0.001", "0.1", "8.400", "1999.998", "200000", "60000",
         "50", "0.03", "0.06", "0.005", 1614816000000),
        ("SUIUSDT", 291, "0.00010", "10", "1.20000", "1999.99980", "2600000", "800000",
         "75", "0.03", "0.06", "0.005", 1683072000000),
        ("NEARUSDT", 60, "0.001", "0.1", "5.100", "1999.998", "360000", "110000",
         "50", "0.03", "0.06", "0.005", 1634515200000),
    )
)  # fmt: skip

KNOWN_SYMBOLS: Final = tuple(entry.symbol for entry in _TABLE)
_MIN_NOTIONAL_E8: Final = QuoteE8(5 * E8)
_BY_SYMBOL: Final = {entry.symbol: entry for entry in _TABLE}


def listings(symbols: tuple[str, ...]) -> tuple[Listing, ...]:
    """The listings of ``symbols``, indexed in that order.

    Raises :class:`ConfigError` for a symbol the venue does not list, or one named twice.
    """
    faults = [
        (f"$.symbols[{i}]", f"expected one of {', '.join(KNOWN_SYMBOLS)}, found {symbol!r}")
        for i, symbol in enumerate(symbols)
        if symbol not in _BY_SYMBOL
    ]
    faults += [
        (f"$.symbols[{i}]", f"expected each symbol once, found {symbol!r} again")
        for i, symbol in enumerate(symbols)
        if symbol in symbols[:i]
    ]
    if faults:
        raise ConfigError(faults)
    return tuple(_listing(i, _BY_SYMBOL[symbol]) for i, symbol in enumerate(symbols))


def _count(text: str, unit: Decimal) -> int:
    """How many whole ``unit`` make up ``text``; the table is wrong when they do not."""
    count = Decimal(text) / unit
    if count != int(count):
        raise ConfigError([("catalogue", f"expected a multiple of {unit}, found {text!r}")])
    return int(count)


def _listing(index: int, entry: _Entry) -> Listing:
    tick, step = Decimal(entry.tick), Decimal(entry.step)
    tick_decimals, tick_units = grid_of(tick)
    step_decimals, step_units = grid_of(step)
    return Listing(
        instrument=Instrument(
            index=InstrumentIndex(index),
            symbol=entry.symbol,
            category=Category.LINEAR,
            base_coin=entry.symbol.removesuffix("USDT"),
            quote_coin="USDT",
            settle_coin="USDT",
            tick_decimals=tick_decimals,
            tick_units=tick_units,
            step_decimals=step_decimals,
            step_units=step_units,
            min_price_ticks=Ticks(1),
            max_price_ticks=Ticks(_count(entry.max_price, tick)),
            min_order_lots=Lots(1),
            max_order_lots=Lots(_count(entry.max_qty, step)),
            min_notional_e8=_MIN_NOTIONAL_E8,
            tick_lot_value_e8=int(tick * step * E8),
        ),
        symbol_id=entry.symbol_id,
        price_scale=-int(tick.as_tuple().exponent),
        launch_ms=entry.launch_ms,
        start_ticks=Ticks(_count(entry.start, tick)),
        max_market_lots=Lots(_count(entry.max_market_qty, step)),
        max_leverage_e2=int(Decimal(entry.max_leverage) * 100),
        price_limit_x_e4=int(Decimal(entry.limit_x) * 10_000),
        price_limit_y_e4=int(Decimal(entry.limit_y) * 10_000),
        funding_cap_e8=int(Decimal(entry.funding_cap) * E8),
    )


def instrument_row(listing: Listing) -> dict[str, object]:
    """The ``instruments-info`` row of one listing."""
    instrument = listing.instrument
    cap = decimal_text(listing.funding_cap_e8, 8)
    return {
        "symbol": instrument.symbol,
        "symbolId": listing.symbol_id,
        "contractType": "LinearPerpetual",
        "status": instrument.status,
        "baseCoin": instrument.base_coin,
        "quoteCoin": instrument.quote_coin,
        "launchTime": str(listing.launch_ms),
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(listing.price_scale),
        "leverageFilter": {
            "minLeverage": "1",
            "maxLeverage": f"{listing.max_leverage_e2 // 100}.{listing.max_leverage_e2 % 100:02d}",
            "leverageStep": "0.01",
        },
        "priceFilter": _price_filter(listing),
        "lotSizeFilter": _lot_filter(listing),
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "settleCoin": instrument.settle_coin,
        "copyTrading": "none",
        "upperFundingRate": cap,
        "lowerFundingRate": f"-{cap}",
        "isPreListing": False,
        "preListingInfo": None,
        "riskParameters": {
            "priceLimitRatioX": decimal_text(listing.price_limit_x_e4, 4),
            "priceLimitRatioY": decimal_text(listing.price_limit_y_e4, 4),
        },
        "displayName": "",
        "symbolType": "",
    }


def _price_filter(listing: Listing) -> dict[str, str]:
    instrument = listing.instrument
    scale = listing.price_scale
    unit = instrument.tick_units * 10 ** (scale - instrument.tick_decimals)

    def text(ticks: int) -> str:
        whole, part = divmod(ticks * unit, 10**scale)
        return f"{whole}.{part:0{scale}d}"

    return {
        "minPrice": text(instrument.min_price_ticks),
        "maxPrice": text(instrument.max_price_ticks),
        "tickSize": text(1),
    }


def _lot_filter(listing: Listing) -> dict[str, str]:
    instrument = listing.instrument

    def text(lots: int) -> str:
        return decimal_text(lots * instrument.step_units, instrument.step_decimals)

    maximum = text(instrument.max_order_lots)
    return {
        "maxOrderQty": maximum,
        "minOrderQty": text(instrument.min_order_lots),
        "qtyStep": text(1),
        "postOnlyMaxOrderQty": maximum,
        "maxMktOrderQty": text(listing.max_market_lots),
        "minNotionalValue": decimal_text(instrument.min_notional_e8, 8),
    }
