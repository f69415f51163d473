"""Which instruments a request is about: by symbol, base coin or settlement coin."""

from __future__ import annotations

from typing import NamedTuple

from mmfast.sim.exchange import Exchange
from mmfast.sim.paging import Params
from mmfast.sim.refusals import Refusal, bad_parameter
from mmfast.sim.tickets import text_of

MISSING_FILTER = "Missing some parameters that must be filled in, symbol or settleCoin or baseCoin"


class Scope(NamedTuple):
    """Instruments by index, and whether one was named itself."""

    instruments: frozenset[int]
    is_one_symbol: bool


def scope_of(exchange: Exchange, params: Params, *, needed: bool = True) -> Scope:
    """The instruments that ``symbol``, else ``baseCoin``, else ``settleCoin`` selects.

    With none of them: 10001 when one is ``needed``, else all instruments.
    """
    symbol = text_of(params, "symbol")
    if symbol:
        index = exchange.by_symbol.get(symbol)
        if index is None:
            raise _unknown(symbol)
        return Scope(frozenset((index,)), is_one_symbol=True)
    base, settle = text_of(params, "baseCoin"), text_of(params, "settleCoin")
    if needed and not base and not settle:
        raise bad_parameter(MISSING_FILTER)
    chosen = frozenset(
        int(item.index)
        for item in exchange.instruments
        if (item.base_coin == base if base else not settle or item.settle_coin == settle)
    )
    return Scope(chosen, is_one_symbol=False)


def _unknown(symbol: str) -> Refusal:
    return bad_parameter(f"params error: symbol invalid {symbol}")
