"""Cancels by name alone: symbol and orderLinkId, for those who know no instruments.

The engine's own cancels go through :mod:`mmfast.bybit.trade`. This is for the watchdog and for
``mmfast kill``, which must work when nothing but the venue's address is known, and which believe
no reply: what is still open is found again by the next reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import orjson

from mmfast.bybit.ret_codes import RetClass, class_of
from mmfast.messages import Category

CANCEL_PATH: Final = "/v5/order/cancel-batch"
_OK: Final = 200
_THROTTLED_STATUS: Final = (403, 429)


class NamedOrder(NamedTuple):
    """An open order as a list names it; ``link_id`` is empty for one placed by hand."""

    symbol: str
    link_id: str


class CancelAnswer(NamedTuple):
    """What the answer says about going on. ``fault`` is a refusal of the whole request."""

    throttled: bool
    auth: bool = False
    clock: bool = False
    fault: str = ""


def cancel_body(category: Category, orders: Sequence[NamedOrder]) -> bytes:
    """Body of one batch of cancels."""
    rows = [{"symbol": symbol, "orderLinkId": link_id} for symbol, link_id in orders]
    return orjson.dumps({"category": category.text, "request": rows})


class _Item(msgspec.Struct):
    code: int = 0


class _Items(msgspec.Struct):
    rows: list[_Item] = msgspec.field(name="list", default_factory=list)


class _Reply(msgspec.Struct, rename="camel"):
    ret_code: int
    ret_ext_info: msgspec.Raw = msgspec.Raw(b"null")


_REPLY: Final = msgspec.json.Decoder(_Reply)
_ITEMS: Final = msgspec.json.Decoder(_Items)


def cancel_answer(status: int, body: bytes) -> CancelAnswer:
    """Read an answer to :func:`cancel_body`; whatever it is, it is read without raising."""
    if status != _OK:
        return CancelAnswer(status in _THROTTLED_STATUS, fault=f"HTTP {status}")
    try:
        reply = _REPLY.decode(body)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return CancelAnswer(False, fault="a reply that is not the venue's")
    if reply.ret_code:
        ret_class = class_of(reply.ret_code)
        return CancelAnswer(
            throttled=ret_class is RetClass.THROTTLE,
            auth=ret_class is RetClass.AUTH,
            clock=ret_class is RetClass.CLOCK,
            fault=f"code {reply.ret_code}",
        )
    try:
        items = _ITEMS.decode(reply.ret_ext_info).rows
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return CancelAnswer(False)
    return CancelAnswer(any(class_of(item.code) is RetClass.THROTTLE for item in items))
