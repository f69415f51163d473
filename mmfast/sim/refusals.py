"""How the venue says no: a code and the words it uses on the wire."""

from __future__ import annotations

from typing import Final


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
BAD_PRICE: Final = 110003
NO_BALANCE: Final = 110007
REDUCE_ONLY: Final = 110017
TOO_MANY_ORDERS: Final = 110020
MODE_UNCHANGED: Final = 110025
LEVERAGE_UNCHANGED: Final = 110043
QTY_BELOW_FILLED: Final = 110064
DUPLICATE_LINK_ID: Final = 110072
LEVERAGE_TOO_HIGH: Final = 110013
BAD_SPOT_SYMBOL: Final = 170121
BELOW_MIN_NOTIONAL: Final = 110094
NO_MARKET_PRICE: Final = 110118

#: The whole request was over its budget, and one item of a batch was: the wire words differ.
THROTTLED_TEXT: Final = "Too many visits!"
THROTTLED_ITEM_TEXT: Final = "Too many visits. Exceeded the API Rate Limit."


def bad_parameter(text: str) -> Refusal:
    """10001 with a text that names the parameter."""
    return Refusal(BAD_PARAMETER, text)
