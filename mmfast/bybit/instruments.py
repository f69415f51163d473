"""Rows of ``instruments-info`` to :class:`mmfast.messages.Instrument`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mmfast._core import fixed
from mmfast.bybit.decimals import exact, pow10
from mmfast.errors import LocalProtocolError, RemoteProtocolError
from mmfast.messages import Category, Instrument
from mmfast.units import E8, InstrumentIndex, Lots, QuoteE8, Ticks

#: What stands for "no upper bound" where the venue names none (it fits 64 bits with room).
_UNBOUNDED: Final = 1 << 53


class _Names:
    """Where one category keeps a filter: the names differ, the meaning does not."""

    def __init__(self, step: str, max_lots: tuple[str, ...], min_value: str) -> None:
        self.step = step
        self.max_lots = max_lots
        self.min_value = min_value


_DERIVATIVE: Final = _Names("qtyStep", ("maxOrderQty",), "minNotionalValue")
_SPOT: Final = _Names("basePrecision", ("maxLimitOrderQty", "maxOrderQty"), "minOrderAmt")


def instrument_from_row(
    row: Mapping[str, object], index: InstrumentIndex, category: Category
) -> Instrument:
    """Filters of one instrument in integers; bounds are rounded inwards.

    Raises RemoteProtocolError naming the symbol and the field for anything missing, malformed
    or not exact, and LocalProtocolError for inverse contracts, whose value is not price times
    size.
    """
    fields = _Row(row)
    if category == Category.INVERSE:
        raise LocalProtocolError(
            f"{fields.symbol}: inverse contracts are valued in coin per price, "
            "which this engine does not compute; trade linear, spot or option"
        )
    names = _SPOT if category == Category.SPOT else _DERIVATIVE
    tick_decimals, tick_units = fields.step("priceFilter", "tickSize")
    step_decimals, step_units = fields.step("lotSizeFilter", names.step)
    min_value_units, min_value_decimals = fields.number("lotSizeFilter", (names.min_value,))
    return Instrument(
        index=index,
        symbol=fields.symbol,
        category=category,
        base_coin=fields.text("baseCoin"),
        quote_coin=fields.text("quoteCoin"),
        settle_coin=fields.text("quoteCoin" if category == Category.SPOT else "settleCoin"),
        tick_decimals=tick_decimals,
        tick_units=tick_units,
        step_decimals=step_decimals,
        step_units=step_units,
        min_price_ticks=Ticks(max(1, fields.least("minPrice", tick_decimals, tick_units))),
        max_price_ticks=Ticks(fields.most(("maxPrice",), tick_decimals, tick_units)),
        min_order_lots=Lots(max(1, fields.least("minOrderQty", step_decimals, step_units))),
        max_order_lots=Lots(fields.most(names.max_lots, step_decimals, step_units)),
        min_notional_e8=QuoteE8(_ceil_div(min_value_units * E8, pow10(min_value_decimals))),
        tick_lot_value_e8=fields.tick_lot_value(
            tick_units * step_units, tick_decimals + step_decimals
        ),
        price_limit_e8=fields.price_limit(),
        status=fields.text("status"),
    )


class _Row:
    """Checked access to one row; every refusal names the symbol and the field."""

    def __init__(self, row: Mapping[str, object]) -> None:
        self._row = row
        symbol = row.get("symbol")
        if not isinstance(symbol, str) or not symbol:
            raise RemoteProtocolError("instruments-info: expected a row with a symbol")
        self.symbol = symbol

    def text(self, field: str) -> str:
        value = self._row.get(field)
        if not isinstance(value, str):
            raise self._fault(field, "text", value)
        return value

    def step(self, group: str, field: str) -> tuple[int, int]:
        """A tick size or quantity step as (decimals, units)."""
        value = self._value(group, field)
        try:
            return fixed.split_step(value if isinstance(value, str) else "")
        except (ValueError, OverflowError):
            raise self._fault(f"{group}.{field}", "a positive decimal", value) from None

    def number(self, group: str, fields: tuple[str, ...]) -> tuple[int, int]:
        """The first of these fields that is there, as (units, decimals); (0, 0) if none is."""
        for field in fields:
            value = self._value(group, field)
            if value in (None, ""):
                continue
            try:
                units, decimals = exact(value if isinstance(value, str) else "")
            except ValueError:
                raise self._fault(f"{group}.{field}", "a plain decimal", value) from None
            if units < 0:
                raise self._fault(f"{group}.{field}", "a decimal not below 0", value)
            return units, decimals
        return 0, 0

    def least(self, field: str, step_decimals: int, step_units: int) -> int:
        """A lower bound in whole steps, rounded up."""
        units, decimals = self.number(_group_of(field), (field,))
        return _ceil_div(units * pow10(step_decimals), step_units * pow10(decimals))

    def most(self, fields: tuple[str, ...], step_decimals: int, step_units: int) -> int:
        """An upper bound in whole steps, rounded down; very large when the venue names none."""
        units, decimals = self.number(_group_of(fields[0]), fields)
        if units == 0:
            return _UNBOUNDED
        return min(_UNBOUNDED, units * pow10(step_decimals) // (step_units * pow10(decimals)))

    def price_limit(self) -> int:
        """The nearer of the two bounds round the mark price (of the index, on spot), down to
        1e-8; the whole where none is named."""
        if not isinstance(self._row.get("riskParameters"), Mapping):
            return E8
        units, decimals = self.number("riskParameters", ("priceLimitRatioX",))
        return min(units * E8 // pow10(decimals), E8) or E8

    def tick_lot_value(self, units: int, decimals: int) -> int:
        """Value of one lot moved by one tick in 1e-8, which must be a whole number: money is
        counted in it, and rounding here would be off by a factor everywhere."""
        value_e8, rest = divmod(units * E8, pow10(decimals))
        if rest or not value_e8:
            raise RemoteProtocolError(
                f"instruments-info {self.symbol}: priceFilter.tickSize times the lot step must be "
                f"a whole multiple of 1e-8, found {units}e-{decimals}; do not trade this symbol"
            )
        return value_e8

    def _value(self, group: str, field: str) -> object:
        filters = self._row.get(group)
        if not isinstance(filters, Mapping):
            raise self._fault(group, "an object", filters)
        return filters.get(field)

    def _fault(self, field: str, expected: str, found: object) -> RemoteProtocolError:
        return RemoteProtocolError(
            f"instruments-info {self.symbol}: {field} expected {expected}, found {found!r:.40}"
        )


def _group_of(field: str) -> str:
    return "priceFilter" if field.endswith("Price") else "lotSizeFilter"


def _ceil_div(value: int, divisor: int) -> int:
    return -(-value // divisor)
