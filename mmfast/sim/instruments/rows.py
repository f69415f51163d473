"""The ``instruments-info`` rows: filters of each category, as the venue prints them."""

from __future__ import annotations

from typing import Final

from mmfast.messages import Category
from mmfast.sim.instruments.catalogue import Listing
from mmfast.sim.instruments.decimals import decimal_text

Row = dict[str, object]

_CONTRACT_TYPES: Final = {
    Category.LINEAR: "LinearPerpetual",
    Category.INVERSE: "InversePerpetual",
}


def instrument_row(listing: Listing) -> Row:
    """The row of one listing."""
    if listing.category is Category.SPOT:
        return _spot_row(listing)
    if listing.category is Category.OPTION:
        return _option_row(listing)
    return _futures_row(listing)


def _futures_row(listing: Listing) -> Row:
    instrument = listing.instrument
    cap = decimal_text(listing.funding_cap_e8, 8)
    return {
        "symbol": instrument.symbol,
        "symbolId": listing.symbol_id,
        "contractType": _CONTRACT_TYPES[listing.category],
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
        "lotSizeFilter": _futures_lots(listing),
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "settleCoin": instrument.settle_coin,
        "copyTrading": "none",
        "upperFundingRate": cap,
        "lowerFundingRate": f"-{cap}",
        "isPreListing": False,
        "preListingInfo": None,
        "riskParameters": _risk(listing),
        "displayName": "",
        "symbolType": "",
    }


def _option_row(listing: Listing) -> Row:
    instrument = listing.instrument
    lots = _futures_lots(listing)
    return {
        "symbol": instrument.symbol,
        "symbolId": listing.symbol_id,
        "optionsType": listing.option_type,
        "status": instrument.status,
        "baseCoin": instrument.base_coin,
        "quoteCoin": instrument.quote_coin,
        "settleCoin": instrument.settle_coin,
        "launchTime": str(listing.launch_ms),
        "deliveryTime": str(listing.delivery_ms),
        "deliveryFeeRate": "0.00015",
        "priceFilter": _price_filter(listing),
        "lotSizeFilter": {name: lots[name] for name in ("maxOrderQty", "minOrderQty", "qtyStep")},
        "displayName": instrument.symbol,
    }


def _spot_row(listing: Listing) -> Row:
    instrument = listing.instrument
    step, minimum = _qty(listing, 1), _qty(listing, instrument.min_order_lots)
    most = _qty(listing, instrument.max_order_lots)
    amount = decimal_text(instrument.min_notional_e8, 8)
    return {
        "symbol": instrument.symbol,
        "symbolId": listing.symbol_id,
        "baseCoin": instrument.base_coin,
        "quoteCoin": instrument.quote_coin,
        "innovation": "0",
        "symbolType": "",
        "xstockMultiplier": "",
        "status": instrument.status,
        "marginTrading": "none",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": step,
            "quotePrecision": decimal_text(1, quote_decimals(listing)),
            "minOrderQty": minimum,
            "maxOrderQty": most,
            "minOrderAmt": amount,
            "maxOrderAmt": _max_amount(listing),
            "maxLimitOrderQty": most,
            "maxMarketOrderQty": _qty(listing, listing.max_market_lots),
            "postOnlyMaxLimitOrderSize": _qty(listing, listing.max_post_only_lots),
        },
        "priceFilter": {"tickSize": _price(listing, 1)},
        "riskParameters": _risk(listing),
    }


def quote_decimals(listing: Listing) -> int:
    """Decimals of an amount in the quote coin (``quotePrecision``): what a lot at a tick needs,
    at most 8."""
    instrument = listing.instrument
    return min(8, instrument.tick_decimals + instrument.step_decimals)


def _max_amount(listing: Listing) -> str:
    """Deprecated by the venue and not checked: the largest order at the start price, in whole
    quote coins."""
    instrument = listing.instrument
    value_e8 = instrument.notional_e8(listing.start_ticks, instrument.max_order_lots)
    return str(value_e8 // 10**8)


def _price(listing: Listing, ticks: int) -> str:
    scale, instrument = listing.price_scale, listing.instrument
    unit = instrument.tick_units * 10 ** (scale - instrument.tick_decimals)
    whole, part = divmod(ticks * unit, 10**scale)
    return f"{whole}.{part:0{scale}d}" if scale else str(whole)


def _qty(listing: Listing, lots: int) -> str:
    instrument = listing.instrument
    return decimal_text(lots * instrument.step_units, instrument.step_decimals)


def _risk(listing: Listing) -> dict[str, str]:
    return {
        "priceLimitRatioX": decimal_text(listing.price_limit_x_e4, 4),
        "priceLimitRatioY": decimal_text(listing.price_limit_y_e4, 4),
    }


def _price_filter(listing: Listing) -> dict[str, str]:
    instrument = listing.instrument
    return {
        "minPrice": _price(listing, instrument.min_price_ticks),
        "maxPrice": _price(listing, instrument.max_price_ticks),
        "tickSize": _price(listing, 1),
    }


def _futures_lots(listing: Listing) -> dict[str, str]:
    instrument = listing.instrument
    maximum = _qty(listing, instrument.max_order_lots)
    is_inverse = listing.category is Category.INVERSE
    return {
        "maxOrderQty": maximum,
        "minOrderQty": _qty(listing, instrument.min_order_lots),
        "qtyStep": _qty(listing, 1),
        "postOnlyMaxOrderQty": maximum,
        "maxMktOrderQty": _qty(listing, listing.max_market_lots),
        "minNotionalValue": "" if is_inverse else decimal_text(instrument.min_notional_e8, 8),
    }
