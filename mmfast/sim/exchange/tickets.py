"""Order requests, read: JSON items become integers, or a refusal that names the parameter.

Only what stands in the request and in the instrument's filters is judged here; what depends on
the account or the book is :mod:`mmfast.sim.exchange.checks`. What only spot knows is
:mod:`mmfast.sim.exchange.spot_tickets`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from mmfast.messages import Category, Side
from mmfast.sim.accounts.positions import LONG_LEG, ONE_WAY, SHORT_LEG
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.exchange.spot_tickets import (
    SpotSize,
    read_spot_market,
    refuse_spot_extras,
    spot_too_large,
)
from mmfast.sim.instruments.catalogue import Listing
from mmfast.sim.instruments.figures import Figures
from mmfast.sim.orders.orders import (
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
from mmfast.sim.refusals import BELOW_MIN_NOTIONAL, Refusal, Words, bad_parameter, words_of

Item = Mapping[str, object]

_SIDES: Final = {"Buy": Side.BUY, "Sell": Side.SELL}
_TIMES_IN_FORCE: Final = frozenset((GTC, IOC, FOK, POST_ONLY))
_SMP_TYPES: Final = frozenset((SMP_NONE, SMP_MAKER, SMP_TAKER, SMP_BOTH))
_LINK_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,36}").fullmatch
_DECIMAL: Final = re.compile(r"\d{1,18}(\.\d{1,18})?").fullmatch
_POSITION_INDEXES: Final = (ONE_WAY, LONG_LEG, SHORT_LEG)

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


class _Kind(NamedTuple):
    """What decides how the other parameters of a create are read."""

    side: Side
    is_market: bool
    terms: str


def text_of(item: Item, name: str) -> str:
    """A text parameter, ``""`` when absent or null; 10001 for any other type."""
    found = item.get(name)
    if isinstance(found, str):
        return found
    if found is None:
        return ""
    raise bad_parameter(f"params error: {name} must be a string")


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
        listing = self._shelf[index]
        words = words_of(listing.category)
        refuse_unsupported(item)
        side = _SIDES.get(text_of(item, "side"))
        if side is None:
            raise Refusal(*words.side)
        is_market = _is_market(item, words)
        kind = _Kind(side, is_market, _time_in_force(item, words, is_market=is_market))
        if listing.category is Category.SPOT:
            return self._create_spot(item, index, kind)
        return self._create_futures(item, index, kind)

    def _create_futures(self, item: Item, index: int, kind: _Kind) -> Ticket:
        listing, figures = self._shelf[index], self._figures[index]
        reduce_only = flag_of(item, "reduceOnly")
        close_on_trigger = flag_of(item, "closeOnTrigger")
        if reduce_only and close_on_trigger and item.get("qty") == "0":
            lots = 0
        else:
            lots = read_lots(figures, listing, item)
            # A reduce-only order beyond the largest size is not refused but split.
            if not reduce_only:
                _refuse_large(listing, lots, kind)
        return Ticket(
            instrument=index,
            side=kind.side,
            is_market=kind.is_market,
            ticks=0 if kind.is_market else read_ticks(figures, listing, item),
            lots=lots,
            time_in_force=kind.terms,
            reduce_only=reduce_only,
            close_on_trigger=close_on_trigger,
            link_id=_link_id(item, needed=listing.category is Category.OPTION),
            smp_type=_smp_type(item),
            position_idx=_position_idx(item),
        )

    def _create_spot(self, item: Item, index: int, kind: _Kind) -> Ticket:
        listing, figures = self._shelf[index], self._figures[index]
        refuse_spot_extras(item)
        terms = kind.terms
        if kind.is_market:
            ticks, size = 0, read_spot_market(item, listing, kind.side)
            if size is None:
                size = SpotSize(read_lots(figures, listing, item), 0, "baseCoin")
                _refuse_large(listing, size.lots, kind)
            elif size.quote:
                terms = IOC
        else:
            size = SpotSize(read_lots(figures, listing, item), 0, "")
            _refuse_large(listing, size.lots, kind)
            ticks = read_ticks(figures, listing, item)
        return Ticket(
            instrument=index,
            side=kind.side,
            is_market=kind.is_market,
            ticks=ticks,
            lots=size.lots,
            time_in_force=terms,
            reduce_only=False,
            close_on_trigger=False,
            link_id=_link_id(item, needed=False),
            smp_type=_smp_type(item),
            quote=size.quote,
            market_unit=size.unit,
        )

    def amend(self, item: Item, instrument: int) -> AmendRequest:
        """Read the new price and size of one amend item."""
        refuse_unsupported(item)
        listing, figures = self._shelf[instrument], self._figures[instrument]
        ticks = lots = None
        if item.get("price") not in (None, ""):
            ticks = read_ticks(figures, listing, item)
        if item.get("qty") not in (None, ""):
            lots = read_lots(figures, listing, item)
            _refuse_large(listing, lots, _Kind(Side.BUY, is_market=False, terms=GTC))
        if ticks is None and lots is None:
            raise bad_parameter("params error: price or qty is needed to amend an order")
        return AmendRequest(ticks, lots)


def refuse_unsupported(item: Item) -> None:
    """10001 for the parameters of order kinds this venue does not trade."""
    if item.keys().isdisjoint(_UNSUPPORTED):
        return
    for name in _UNSUPPORTED:
        if name in item and item[name] not in _NOTHING:
            raise bad_parameter(f"params error: {name} is not supported by this venue")


def _position_idx(item: Item) -> int:
    found = item.get("positionIdx")
    if found is None:
        return ONE_WAY
    # In Python, not in JSON, false and 0.0 are 0.
    if type(found) is not int or found not in _POSITION_INDEXES:
        raise bad_parameter("position idx not match position mode")
    return found


def _is_market(item: Item, words: Words) -> bool:
    order_type = text_of(item, "orderType")
    if order_type not in ("Limit", "Market"):
        raise Refusal(*words.order_type)
    return order_type == "Market"


def _time_in_force(item: Item, words: Words, *, is_market: bool) -> str:
    terms = text_of(item, "timeInForce") or GTC
    if terms not in _TIMES_IN_FORCE:
        raise Refusal(*words.time_in_force)
    if not is_market:
        return terms
    if terms == POST_ONLY:
        raise Refusal(*words.market_post_only)
    return FOK if terms == FOK else IOC


def _link_id(item: Item, *, needed: bool) -> str:
    link_id = text_of(item, "orderLinkId")
    if link_id and not _LINK_ID(link_id):
        raise bad_parameter("params error: orderLinkId must be at most 36 letters, digits, - or _")
    if needed and not link_id:
        raise bad_parameter("params error: orderLinkId is required for options")
    return link_id


def _smp_type(item: Item) -> str:
    smp_type = text_of(item, "smpType") or SMP_NONE
    if smp_type not in _SMP_TYPES:
        raise bad_parameter("params error: smpType invalid")
    return smp_type


def _refuse_large(listing: Listing, lots: int, kind: _Kind) -> None:
    """10001 (spot 170381, 170382) when an order is larger than one may be."""
    if kind.is_market:
        most = listing.max_market_lots
    elif kind.terms == POST_ONLY:
        most = listing.max_post_only_lots
    else:
        most = listing.instrument.max_order_lots
    if lots <= most:
        return
    if listing.category is Category.SPOT:
        raise spot_too_large(is_market=kind.is_market)
    raise bad_parameter(
        "The number of contracts exceeds maximum limit allowed: too large, "
        f"order_qty:{lots} > max_qty:{most}"
    )


def read_lots(figures: Figures, listing: Listing, item: Item) -> int:
    """A size on the grid and not below the least, in lots; refused otherwise."""
    words = words_of(listing.category)
    text = text_of(item, "qty")
    try:
        lots = figures.read_qty(text)
    except ValueError:
        raise Refusal(*(words.qty_decimals if _DECIMAL(text) else words.qty)) from None
    if lots < listing.instrument.min_order_lots:
        raise Refusal(*words.qty_small)
    return lots


def read_ticks(figures: Figures, listing: Listing, item: Item) -> int:
    """A price on the grid and within the filters, in ticks; refused otherwise."""
    words = words_of(listing.category)
    text = text_of(item, "price")
    try:
        ticks = figures.read_price(text)
    except ValueError:
        raise Refusal(*(words.price_decimals if _DECIMAL(text) else words.price)) from None
    if ticks < listing.instrument.min_price_ticks:
        raise Refusal(*words.price_low)
    if ticks > listing.instrument.max_price_ticks:
        raise Refusal(*words.price_high)
    return ticks


def check_notional(listing: Listing, ticks: int, lots: int) -> None:
    """110094 when an order would be worth less than the instrument allows."""
    instrument = listing.instrument
    if instrument.notional_e8(ticks, lots) < instrument.min_notional_e8:
        raise Refusal(BELOW_MIN_NOTIONAL, "Order notional value below the lower limit")
