"""Order requests, read: JSON items become integers, or a refusal that names the parameter.

Only what stands in the request and in the instrument's filters is judged here; what depends on
the account or the book is :mod:`mmfast.sim.checks`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from mmfast.messages import Side
from mmfast.sim.catalogue import Listing
from mmfast.sim.exchange import Exchange
from mmfast.sim.figures import Figures
from mmfast.sim.orders import (
    FOK,
    GTC,
    IOC,
    POST_ONLY,
    SMP_BOTH,
    SMP_MAKER,
    SMP_NONE,
    SMP_TAKER,
    Ticket,
)
from mmfast.sim.refusals import BAD_PRICE, BELOW_MIN_NOTIONAL, Refusal, bad_parameter

Item = Mapping[str, object]

_SIDES: Final = {"Buy": Side.BUY, "Sell": Side.SELL}
_TIMES_IN_FORCE: Final = frozenset((GTC, IOC, FOK, POST_ONLY))
_SMP_TYPES: Final = frozenset((SMP_NONE, SMP_MAKER, SMP_TAKER, SMP_BOTH))
_LINK_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,36}").fullmatch

#: What turns an order into another kind than this venue trades.
_UNSUPPORTED: Final = (
    "triggerPrice",
    "takeProfit",
    "stopLoss",
    "tpLimitPrice",
    "slLimitPrice",
    "bboSideType",
    "slippageToleranceType",
    "orderIv",
    "mmp",
)
_NOTHING: Final = (None, "", "0", 0, False)


class AmendRequest(NamedTuple):
    """An amend request, read: ``None`` means "leave it"."""

    ticks: int | None
    lots: int | None


def text_of(item: Item, name: str) -> str:
    """A text parameter, ``""`` when absent or null; 10001 for any other type."""
    found = item.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise bad_parameter(f"params error: {name} must be a string")
    return found


def flag_of(item: Item, name: str) -> bool:
    """A boolean parameter, False when absent or null; 10001 for any other type."""
    found = item.get(name)
    if found is None:
        return False
    if not isinstance(found, bool):
        raise bad_parameter(f"params error: {name} must be a boolean")
    return found


class TicketReader:
    """Reads create and amend items against the instruments of one exchange."""

    __slots__ = ("_figures", "_shelf")

    def __init__(self, exchange: Exchange) -> None:
        self._shelf = exchange.shelf
        self._figures = exchange.rows.figures

    def create(self, item: Item, index: int) -> Ticket:
        """Read one create item for the instrument at ``index``."""
        listing, figures = self._shelf[index], self._figures[index]
        _refuse_unsupported(item)
        side = _SIDES.get(text_of(item, "side"))
        if side is None:
            raise bad_parameter("params error: side invalid")
        is_market = _is_market(item)
        terms = _time_in_force(item, is_market=is_market)
        reduce_only = flag_of(item, "reduceOnly")
        close_on_trigger = flag_of(item, "closeOnTrigger")
        close_all = reduce_only and close_on_trigger and item.get("qty") == "0"
        lots = 0 if close_all else read_lots(figures, listing, item, is_market=is_market)
        ticks = 0 if is_market else read_ticks(figures, listing, item)
        return Ticket(
            instrument=index,
            side=side,
            is_market=is_market,
            ticks=ticks,
            lots=lots,
            time_in_force=terms,
            reduce_only=reduce_only,
            close_on_trigger=close_on_trigger,
            link_id=_link_id(item),
            smp_type=_smp_type(item),
        )

    def amend(self, item: Item, instrument: int) -> AmendRequest:
        """Read the new price and size of one amend item."""
        _refuse_unsupported(item)
        listing, figures = self._shelf[instrument], self._figures[instrument]
        ticks = lots = None
        if item.get("price") not in (None, ""):
            ticks = read_ticks(figures, listing, item)
        if item.get("qty") not in (None, ""):
            lots = read_lots(figures, listing, item, is_market=False)
        if ticks is None and lots is None:
            raise bad_parameter("params error: price or qty is needed to amend an order")
        return AmendRequest(ticks, lots)


def _refuse_unsupported(item: Item) -> None:
    if item.get("positionIdx") not in (None, 0):
        raise bad_parameter("position idx not match position mode")
    for name in _UNSUPPORTED:
        if name in item and item[name] not in _NOTHING:
            raise bad_parameter(f"params error: {name} is not supported by this venue")


def _is_market(item: Item) -> bool:
    order_type = text_of(item, "orderType")
    if order_type not in ("Limit", "Market"):
        raise bad_parameter("params error: orderType invalid")
    return order_type == "Market"


def _time_in_force(item: Item, *, is_market: bool) -> str:
    terms = text_of(item, "timeInForce") or GTC
    if terms not in _TIMES_IN_FORCE:
        raise bad_parameter(f"params error: timeInForce {terms} is not supported by this venue")
    if not is_market:
        return terms
    if terms == POST_ONLY:
        raise bad_parameter("params error: a market order cannot be PostOnly")
    return FOK if terms == FOK else IOC


def _link_id(item: Item) -> str:
    link_id = text_of(item, "orderLinkId")
    if link_id and not _LINK_ID(link_id):
        raise bad_parameter("params error: orderLinkId must be at most 36 letters, digits, - or _")
    return link_id


def _smp_type(item: Item) -> str:
    smp_type = text_of(item, "smpType") or SMP_NONE
    if smp_type not in _SMP_TYPES:
        raise bad_parameter("params error: smpType invalid")
    return smp_type


def read_lots(figures: Figures, listing: Listing, item: Item, *, is_market: bool) -> int:
    """A size within the filters, in lots; 10001 otherwise."""
    try:
        lots = figures.read_qty(text_of(item, "qty"))
    except ValueError:
        raise bad_parameter("Qty invalid") from None
    instrument = listing.instrument
    most = listing.max_market_lots if is_market else instrument.max_order_lots
    if lots > most:
        raise bad_parameter(
            "The number of contracts exceeds maximum limit allowed: too large, "
            f"order_qty:{lots} > max_qty:{most}"
        )
    if lots < instrument.min_order_lots:
        raise bad_parameter("The number of contracts exceeds minimum limit allowed")
    return lots


def read_ticks(figures: Figures, listing: Listing, item: Item) -> int:
    """A price on the grid and within the filters, in ticks; 10001 or 110003 otherwise."""
    try:
        ticks = figures.read_price(text_of(item, "price"))
    except ValueError:
        raise bad_parameter("params error: price invalid") from None
    instrument = listing.instrument
    if not instrument.min_price_ticks <= ticks <= instrument.max_price_ticks:
        raise Refusal(BAD_PRICE, "price is invalid")
    return ticks


def check_notional(listing: Listing, ticks: int, lots: int) -> None:
    """110094 when an order would be worth less than the instrument allows."""
    instrument = listing.instrument
    if instrument.notional_e8(ticks, lots) < instrument.min_notional_e8:
        raise Refusal(BELOW_MIN_NOTIONAL, "Order notional value below the lower limit")
