"""What the venue lists, in exact integers. The tables are :mod:`mmfast.sim.instruments.tables`.

All categories together form one flat list: linear, inverse, spot, option, each in the order of
its parameter. Every ``instrument`` index inside the venue is a position in that list.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from mmfast.errors import ConfigError
from mmfast.messages import Category, Instrument
from mmfast.sim.instruments.decimals import grid_of
from mmfast.sim.instruments.tables import TABLES, Entry
from mmfast.units import E8, InstrumentIndex, Lots, QuoteE8, Ticks


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument and what only the venue needs to know of it.

    ``price_scale`` is how many fractional digits prices are printed with; it can be larger than
    the tick size needs. Ratios carry their scale in their name. Leverage and funding are 0 where
    there is none, so is ``delivery_ms``; ``option_type`` is ``Call``, ``Put`` or empty.
    """

    instrument: Instrument
    symbol_id: int
    price_scale: int
    launch_ms: int
    start_ticks: Ticks
    max_market_lots: Lots
    max_post_only_lots: Lots
    max_leverage_e2: int
    price_limit_x_e4: int
    price_limit_y_e4: int
    funding_cap_e8: int
    delivery_ms: int
    option_type: str

    @property
    def category(self) -> Category:
        """The instrument's category."""
        return self.instrument.category


KNOWN: Final[dict[Category, tuple[str, ...]]] = {
    category: tuple(entry.symbol for entry in table) for category, table in TABLES.items()
}
"""Every symbol the venue can list, by category."""
KNOWN_SYMBOLS: Final = KNOWN[Category.LINEAR]

#: A post-only spot order may be so many times as large as another limit order.
_SPOT_POST_ONLY_FACTOR: Final = 5
_PARAMETERS: Final[dict[Category, str]] = {
    Category.LINEAR: "symbols",
    Category.INVERSE: "inverse_symbols",
    Category.SPOT: "spot_symbols",
    Category.OPTION: "option_symbols",
}
_BY_SYMBOL: Final = {
    (category, entry.symbol): entry for category, table in TABLES.items() for entry in table
}


def listings(
    symbols: tuple[str, ...], category: Category = Category.LINEAR, first_index: int = 0
) -> tuple[Listing, ...]:
    """The listings of one category, indexed in the order of ``symbols`` from ``first_index``.

    Raises :class:`ConfigError` for a symbol the venue does not list, or one named twice.
    """
    path, known = f"$.{_PARAMETERS[category]}", ", ".join(KNOWN[category])
    faults = [
        (f"{path}[{i}]", f"expected one of {known}, found {symbol!r}")
        for i, symbol in enumerate(symbols)
        if (category, symbol) not in _BY_SYMBOL
    ]
    faults += [
        (f"{path}[{i}]", f"expected each symbol once, found {symbol!r} again")
        for i, symbol in enumerate(symbols)
        if symbol in symbols[:i]
    ]
    if faults:
        raise ConfigError(faults)
    return tuple(
        _listing(first_index + i, category, _BY_SYMBOL[category, symbol])
        for i, symbol in enumerate(symbols)
    )


def shelf_of(symbols: dict[Category, tuple[str, ...]]) -> tuple[Listing, ...]:
    """The flat list of all categories; raises :class:`ConfigError` as :func:`listings` does."""
    shelf: list[Listing] = []
    for category in Category:
        shelf += listings(symbols.get(category, ()), category, len(shelf))
    return tuple(shelf)


def _count(text: str, unit: Decimal) -> int:
    """How many whole ``unit`` make up ``text``; the table is wrong when they do not."""
    count = Decimal(text) / unit
    if count != int(count):
        raise ConfigError([("catalogue", f"expected a multiple of {unit}, found {text!r}")])
    return int(count)


def _scaled(text: str, scale: int) -> int:
    return int(Decimal(text) * scale)


def _listing(index: int, category: Category, entry: Entry) -> Listing:
    tick, step = Decimal(entry.tick), Decimal(entry.step)
    max_lots = _count(entry.max_qty, step)
    is_spot = category is Category.SPOT
    return Listing(
        instrument=_instrument(index, category, entry, max_lots),
        symbol_id=entry.symbol_id,
        price_scale=max(0, -int(tick.as_tuple().exponent)),
        launch_ms=entry.launch_ms,
        start_ticks=Ticks(_count(entry.start, tick)),
        max_market_lots=Lots(_count(entry.max_market_qty, step)),
        max_post_only_lots=Lots(max_lots * _SPOT_POST_ONLY_FACTOR if is_spot else max_lots),
        max_leverage_e2=_scaled(entry.max_leverage, 100),
        price_limit_x_e4=_scaled(entry.limit_x, 10_000),
        price_limit_y_e4=_scaled(entry.limit_y, 10_000),
        funding_cap_e8=_scaled(entry.funding_cap, E8),
        delivery_ms=entry.delivery_ms,
        option_type=entry.option_type,
    )


def _instrument(index: int, category: Category, entry: Entry, max_lots: int) -> Instrument:
    tick, step = Decimal(entry.tick), Decimal(entry.step)
    tick_decimals, tick_units = grid_of(tick)
    step_decimals, step_units = grid_of(step)
    # A coin-margined contract's value falls as its price rises: no tick has a value of its own.
    is_inverse = category is Category.INVERSE
    return Instrument(
        index=InstrumentIndex(index),
        symbol=entry.symbol,
        category=category,
        base_coin=entry.base,
        quote_coin=entry.quote,
        settle_coin=entry.settle,
        tick_decimals=tick_decimals,
        tick_units=tick_units,
        step_decimals=step_decimals,
        step_units=step_units,
        min_price_ticks=Ticks(1),
        max_price_ticks=Ticks(_count(entry.max_price, tick)),
        min_order_lots=Lots(1),
        max_order_lots=Lots(max_lots),
        min_notional_e8=QuoteE8(_scaled(entry.min_value, E8)),
        tick_lot_value_e8=0 if is_inverse else int(tick * step * E8),
    )
