"""Websocket frames that carry no data: acknowledgements, heartbeats, logins.

The venue speaks three dialects (``success`` and ``ret_msg`` on the public and private streams,
``retCode`` and ``retMsg`` on the trade socket, ``COMMAND_RESP`` for options); this reads all.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple

_MAX_TEXT: Final = 200
_ALREADY_LOGGED_IN: Final = 20001


class Kind(IntEnum):
    """What a websocket frame is."""

    BOOK = 0
    EVENTS = 1
    PONG = 2
    AUTH = 3
    SUBSCRIBED = 4
    UNSUBSCRIBED = 5
    OTHER = 6
    """Well-formed, but nothing we use."""
    MALFORMED = 7
    """Not a JSON object."""
    LEVEL1 = 8
    """A frame of the level-1 stream that is kept beside a deeper book."""
    TICKER = 9
    """A frame of the ticker that is kept beside a book."""


class Control(NamedTuple):
    """One such frame. ``req_id`` is ours, echoed ("" where the venue does not echo it)."""

    kind: Kind
    success: bool = True
    req_id: str = ""
    text: str = ""


def control_of(frame: Mapping[str, object]) -> Control:
    """Read a decoded frame that is not a data frame."""
    op = frame.get("op")
    text = _text(frame.get("ret_msg")) or _text(frame.get("retMsg"))
    req_id = _text(frame.get("req_id")) or _text(frame.get("reqId"))
    success = _success(frame)
    # The public stream answers a ping with op "ping" and the text "pong".
    if op == "pong" or (op == "ping" and text == "pong"):
        return Control(Kind.PONG, success, req_id, text)
    if op == "auth":
        return Control(Kind.AUTH, success, req_id, text)
    if op == "subscribe":
        return Control(Kind.SUBSCRIBED, success, req_id, text)
    if op == "unsubscribe":
        return Control(Kind.UNSUBSCRIBED, success, req_id, text)
    if frame.get("type") == "COMMAND_RESP":
        return _command_response(frame, success)
    return Control(Kind.OTHER, success, req_id, text)


def _command_response(frame: Mapping[str, object], success: bool) -> Control:
    """Options acknowledge without op and req_id, and name the topics that failed instead."""
    data = frame.get("data")
    failed = data.get("failTopics") if isinstance(data, Mapping) else None
    if not failed:
        return Control(Kind.SUBSCRIBED, success)
    return Control(Kind.SUBSCRIBED, False, "", f"failed topics: {failed}"[:_MAX_TEXT])


def _success(frame: Mapping[str, object]) -> bool:
    if "success" in frame:
        return frame["success"] is True
    code = frame.get("retCode", 0)
    return type(code) is int and code in (0, _ALREADY_LOGGED_IN)


def _text(value: object) -> str:
    return value[:_MAX_TEXT] if isinstance(value, str) else ""
