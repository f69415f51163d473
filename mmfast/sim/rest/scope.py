"""Which instruments a request is about: category, then symbol, base coin or settlement coin."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from mmfast.messages import Category
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.exchange.tickets import text_of
from mmfast.sim.refusals import BAD_SPOT_SYMBOL, Refusal, bad_parameter
from mmfast.sim.rest.paging import Params

MISSING_FILTER = "Missing some parameters that must be filled in, symbol or settleCoin or baseCoin"
OPTION_BASE: Final = "BTC"
"""The base coin of options when a request names none, where the venue has such a default."""

FUTURES: Final = (Category.LINEAR, Category.INVERSE)
LINEAR: Final = (Category.LINEAR,)
_WORDS: Final = {category.text: category for category in Category}


class Scope(NamedTuple):
    """Instruments by index, and whether one was named itself."""

    category: Category
    instruments: frozenset[int]
    is_one_symbol: bool


def category_of(
    exchange: Exchange,
    params: Params,
    default: Category | None = None,
    among: Collection[Category] = tuple(Category),
) -> Category:
    """The category a request names; 10001 unless it is one of these and the venue lists
    something in it."""
    found = params.get("category")
    if default is not None and found in (None, ""):
        return default
    category = _WORDS.get(found) if isinstance(found, str) else None
    if category is None or category not in among or not exchange.indexes[category]:
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
    exchange: Exchange,
    category: Category,
    params: Params,
    *,
    needed: Collection[Category] = (),
    option_base: str = "",
) -> Scope:
    """The instruments that ``symbol``, else ``baseCoin``, else ``settleCoin`` selects.

    With none of them: 10001 in the categories where one is ``needed``, else all of the category;
    of options those on ``option_base``, if there is one. Spot knows no settlement coin.
    """
    if text_of(params, "symbol"):
        index = instrument_of(exchange, category, params)
        return Scope(category, frozenset((index,)), is_one_symbol=True)
    base, settle = text_of(params, "baseCoin"), text_of(params, "settleCoin")
    if category in needed and not base and not settle:
        raise bad_parameter(MISSING_FILTER)
    if category is Category.OPTION and not base and not settle:
        base = option_base
    if category is Category.SPOT:
        settle = ""
    chosen = frozenset(
        index for index in exchange.indexes[category] if _matches(exchange, index, base, settle)
    )
    return Scope(category, chosen, is_one_symbol=False)


def _matches(exchange: Exchange, index: int, base: str, settle: str) -> bool:
    instrument = exchange.instruments[index]
    if base:
        return instrument.base_coin == base
    return not settle or instrument.settle_coin == settle
