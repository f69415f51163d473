"""What goes into and comes out of the sans-IO venue: requests, replies, websocket messages."""

from __future__ import annotations

from typing import Final

import msgspec

from mmfast.units import Ns


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request as received. Header names are lower case; ``query`` is the raw text."""

    request_id: int
    """Chosen by the server shell; the reply carries it back."""
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    address: str = ""
    """Where it came from: what the address limit counts."""


class HttpReply(msgspec.Struct, frozen=True, kw_only=True):
    """The reply to one request, to be written at once."""

    request_id: int
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class HttpReset(msgspec.Struct, frozen=True, kw_only=True):
    """Write the first ``after_bytes`` of a reply, head included, then reset its connection."""

    reply: HttpReply
    after_bytes: int


class HttpTruncated(msgspec.Struct, frozen=True, kw_only=True):
    """Write a reply's head, which announces the whole body, then ``body_bytes`` of it; close."""

    reply: HttpReply
    body_bytes: int


class HttpSilence(msgspec.Struct, frozen=True, gc=False):
    """The request is never answered; its connection stays open."""

    request_id: int


class WsSend(msgspec.Struct, frozen=True, gc=False):
    """One text frame for one websocket."""

    conn_id: int
    data: bytes


class WsClose(msgspec.Struct, frozen=True, gc=False):
    """Close one websocket from the venue's side."""

    conn_id: int
    code: int
    reason: str


class WsReset(msgspec.Struct, frozen=True, gc=False):
    """Reset one websocket. When there is ``data``, the head of its frame and ``keep_bytes`` of it
    are written before."""

    conn_id: int
    data: bytes = b""
    keep_bytes: int = 0


Output = HttpReply | HttpReset | HttpTruncated | HttpSilence | WsSend | WsClose | WsReset

ENDS: Final = (WsClose, WsReset)
"""Outputs after which a websocket is gone."""


class Due(msgspec.Struct, frozen=True, gc=False):
    """An output with the venue-clock instant at which it leaves."""

    at_ns: Ns
    output: Output
