"""How the venue says no: a code and the words it uses on the wire."""

from __future__ import annotations

from typing import Final, NamedTuple

from mmfast.messages import Category


class Refusal(Exception):
    """A business refusal: HTTP 200 with ``retCode`` = ``code`` and ``retMsg`` = ``text``."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


BAD_PARAMETER: Final = 10001
BAD_TIMESTAMP: Final = 10002
BAD_KEY: Final = 10003
BAD_SIGNATURE: Final = 10004
NOT_PERMITTED: Final = 10005
THROTTLED: Final = 10006
UNKNOWN_ORDER: Final = 110001
ORDER_DONE: Final = 110008
ORDER_CANCELLED: Final = 110010
STILL_PROCESSING: Final = 110079
BAD_PRICE: Final = 110003
NO_BALANCE: Final = 110007
REDUCE_ONLY: Final = 110017
TOO_MANY_ORDERS: Final = 110020
MODE_HAS_POSITION: Final = 110024
MODE_UNCHANGED: Final = 110025
MODE_HAS_ORDERS: Final = 110028
LEVERAGE_UNCHANGED: Final = 110043
QTY_BELOW_FILLED: Final = 110064
DUPLICATE_LINK_ID: Final = 110072
NO_BALANCE_FOR_SETTING: Final = 110012
LEVERAGE_TOO_HIGH: Final = 110013
BAD_SPOT_SYMBOL: Final = 170121
SPOT_AMOUNT_TOO_LARGE: Final = 170124
SPOT_BAD_PARAMETER: Final = 170130
SPOT_NO_BALANCE: Final = 170131
SPOT_FILLED: Final = 170139
SPOT_VALUE_TOO_SMALL: Final = 170140
SPOT_CANCELLED: Final = 170142
SPOT_AMOUNT_DECIMALS: Final = 170148
SPOT_BUY_TOO_HIGH: Final = 170193
SPOT_SELL_TOO_LOW: Final = 170194
SPOT_BAD_FILTER: Final = 170201
SPOT_UNKNOWN_ORDER: Final = 170213
SPOT_NOT_SUPPORTED: Final = 170227
SPOT_QTY_BELOW_FILLED: Final = 170313
SPOT_TOO_MANY_ORDERS: Final = 170810
BELOW_MIN_NOTIONAL: Final = 110094
NO_MARKET_PRICE: Final = 110118

#: The whole request was over its budget, and one item of a batch was: the wire words differ.
THROTTLED_TEXT: Final = "Too many visits!"
THROTTLED_ITEM_TEXT: Final = "Too many visits. Exceeded the API Rate Limit."


def bad_parameter(text: str) -> Refusal:
    """10001 with a text that names the parameter."""
    return Refusal(BAD_PARAMETER, text)


class Words(NamedTuple):
    """Code and text for the same fault, which spot and the other categories name differently."""

    side: tuple[int, str]
    order_type: tuple[int, str]
    time_in_force: tuple[int, str]
    market_post_only: tuple[int, str]
    qty: tuple[int, str]
    qty_decimals: tuple[int, str]
    qty_small: tuple[int, str]
    price: tuple[int, str]
    price_decimals: tuple[int, str]
    price_low: tuple[int, str]
    price_high: tuple[int, str]
    link_taken: tuple[int, str]
    below_filled: tuple[int, str]


_FUTURES: Final = Words(
    side=(BAD_PARAMETER, "params error: side invalid"),
    order_type=(BAD_PARAMETER, "params error: orderType invalid"),
    time_in_force=(BAD_PARAMETER, "params error: timeInForce is not supported by this venue"),
    market_post_only=(BAD_PARAMETER, "params error: a market order cannot be PostOnly"),
    qty=(BAD_PARAMETER, "Qty invalid"),
    qty_decimals=(BAD_PARAMETER, "Qty invalid"),
    qty_small=(BAD_PARAMETER, "The number of contracts exceeds minimum limit allowed"),
    price=(BAD_PARAMETER, "params error: price invalid"),
    price_decimals=(BAD_PARAMETER, "params error: price invalid"),
    price_low=(BAD_PRICE, "price is invalid"),
    price_high=(BAD_PRICE, "price is invalid"),
    link_taken=(DUPLICATE_LINK_ID, "OrderLinkedID is duplicate"),
    below_filled=(QTY_BELOW_FILLED, "The modified qty must be greater than the filled qty."),
)

_SPOT: Final = Words(
    side=(170117, "Invalid side."),
    order_type=(170116, "Invalid orderType."),
    time_in_force=(170115, "Invalid timeInForce."),
    market_post_only=(170115, "Invalid timeInForce."),
    qty=(SPOT_BAD_PARAMETER, "Data sent for paramter 'qty' is not valid."),
    qty_decimals=(170137, "Order volume decimal too long"),
    qty_small=(170136, "Order quantity lower than the minimum."),
    price=(SPOT_BAD_PARAMETER, "Data sent for paramter 'price' is not valid."),
    price_decimals=(170134, "Order price decimal too long."),
    price_low=(170133, "Order price lower than the minimum."),
    price_high=(170132, "Order price too high."),
    link_taken=(170141, "Duplicate clientOrderId"),
    below_filled=(
        SPOT_QTY_BELOW_FILLED,
        "The quantity of the modified order cannot be less than the filled quantity",
    ),
)


def words_of(category: Category) -> Words:
    """What a category says."""
    return _SPOT if category is Category.SPOT else _FUTURES
