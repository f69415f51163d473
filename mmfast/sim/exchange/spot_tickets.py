"""What only spot orders have: amounts in the quote coin, and parameters of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from mmfast._core.fixed import parse_units
from mmfast.messages import Side
from mmfast.sim.instruments.catalogue import Listing
from mmfast.sim.instruments.rows import quote_decimals
from mmfast.sim.instruments.worth import decimals_of
from mmfast.sim.orders.orders import UNIT_BASE, UNIT_QUOTE
from mmfast.sim.refusals import (
    SPOT_AMOUNT_DECIMALS,
    SPOT_BAD_FILTER,
    SPOT_BAD_PARAMETER,
    SPOT_NOT_SUPPORTED,
    Refusal,
)

_UNITS: Final = (None, "", UNIT_BASE, UNIT_QUOTE)
_MAX_TEXT: Final = 32


class SpotSize(NamedTuple):
    """Size of a spot order: ``lots``, or ``quote`` atoms with ``lots`` as the upper bound.

    ``unit`` is the word the venue shows as ``marketUnit``.
    """

    lots: int
    quote: int
    unit: str


def refuse_spot_extras(item: Mapping[str, object]) -> None:
    """Kinds of spot orders that are not traded here: margin, TP/SL and conditional orders."""
    if item.get("orderFilter") not in (None, "", "Order"):
        raise Refusal(SPOT_BAD_FILTER, "Invalid orderFilter parameter")
    if item.get("isLeverage") not in (None, 0):
        raise Refusal(SPOT_NOT_SUPPORTED, "This feature is not supported.")
    for name in ("reduceOnly", "closeOnTrigger"):
        if item.get(name) not in (None, False):
            raise _bad(name)


def read_spot_market(item: Mapping[str, object], listing: Listing, side: Side) -> SpotSize | None:
    """The size of a market order in the quote coin; None when it is in the base coin.

    A buy is sized in the quote coin and a sell in the base coin unless ``marketUnit`` says
    otherwise.
    """
    unit = item.get("marketUnit")
    if unit not in _UNITS:
        raise _bad("marketUnit")
    if (unit or (UNIT_QUOTE if side == Side.BUY else UNIT_BASE)) == UNIT_BASE:
        return None
    text = item.get("qty")
    if not isinstance(text, str) or len(text) > _MAX_TEXT:
        raise _bad("qty")
    decimals = quote_decimals(listing)
    try:
        amount = parse_units(text, decimals)
    except ValueError:
        if text.replace(".", "", 1).isdecimal() and text.isascii():
            raise Refusal(SPOT_AMOUNT_DECIMALS, "Market order amount decimal too long") from None
        raise _bad("qty") from None
    if amount <= 0:
        raise _bad("qty")
    atoms = amount * 10 ** (decimals_of(listing.instrument.quote_coin) - decimals)
    return SpotSize(int(listing.max_market_lots), atoms, UNIT_QUOTE)


def spot_too_large(*, is_market: bool) -> Refusal:
    """A size beyond the largest limit or market order."""
    return Refusal(170382 if is_market else 170381, "Order quantity too large.")


def _bad(name: str) -> Refusal:
    return Refusal(SPOT_BAD_PARAMETER, f"Data sent for paramter '{name}' is not valid.")
