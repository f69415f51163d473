"""Which instruments a request is about: category, then symbol, base coin or settlement coin."""

from __future__ import annotations

from typing import Final, NamedTuple

from mmfast.messages import Category
from mmfast.sim.exchange import Exchange
from mmfast.sim.paging import Params
from mmfast.sim.refusals import BAD_SPOT_SYMBOL, Refusal, bad_parameter
from mmfast.sim.tickets import text_of

MISSING_FILTER = "Missing some parameters that must be filled in, symbol or settleCoin or baseCoin"

_WORDS: Final = {category.text: category for category in Category}


class Scope(NamedTuple):
    """Instruments by index, and whether one was named itself."""

    category: Category
    instruments: frozenset[int]
    is_one_symbol: bool


def category_of(exchange: Exchange, params: Params, default: Category | None = None) -> Category:
    """The category a request names; 10001 unless the venue lists something in it."""
    found = params.get("category")
    if default is not None and found in (None, ""):
        return default
    category = _WORDS.get(found) if isinstance(found, str) else None
    if category is None or not exchange.indexes[category]:
        raise bad_parameter("Illegal category")
    return category


def instrument_of(exchange: Exchange, category: Category, params: Params) -> int:
    """Index of the symbol a request names; 10001 (spot 170121) when it is not listed."""
    symbol = text_of(params, "symbol")
    index = exchange.find(category, symbol)
    if index is None:
        if category is Category.SPOT:
            raise Refusal(BAD_SPOT_SYMBOL, "Invalid symbol.")
        raise bad_parameter(f"params error: symbol invalid {symbol}".rstrip())
    return index


def scope_of(
    exchange: Exchange, category: Category, params: Params, *, needed: bool = True
) -> Scope:
    """The instruments that ``symbol``, else ``baseCoin``, else ``settleCoin`` selects.

    With none of them: 10001 when one is ``needed`` on linear, else all of the category.
    """
    if text_of(params, "symbol"):
        index = instrument_of(exchange, category, params)
        return Scope(category, frozenset((index,)), is_one_symbol=True)
    base, settle = text_of(params, "baseCoin"), text_of(params, "settleCoin")
    if needed and category is Category.LINEAR and not base and not settle:
        raise bad_parameter(MISSING_FILTER)
    chosen = frozenset(
        index for index in exchange.indexes[category] if _matches(exchange, index, base, settle)
    )
    return Scope(category, chosen, is_one_symbol=False)


def _matches(exchange: Exchange, index: int, base: str, settle: str) -> bool:
    instrument = exchange.instruments[index]
    if base:
        return instrument.base_coin == base
    return not settle or instrument.settle_coin == settle
