"""What goes into and comes out of the sans-IO venue: requests, replies, websocket messages."""

from __future__ import annotations

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


class HttpReply(msgspec.Struct, frozen=True, kw_only=True):
    """The reply to one request, to be written at once."""

    request_id: int
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class WsSend(msgspec.Struct, frozen=True, gc=False):
    """One text frame for one websocket."""

    conn_id: int
    data: bytes


class WsClose(msgspec.Struct, frozen=True, gc=False):
    """Close one websocket from the venue's side."""

    conn_id: int
    code: int
    reason: str


Output = HttpReply | WsSend | WsClose


class Due(msgspec.Struct, frozen=True, gc=False):
    """An output with the venue-clock instant at which it leaves."""

    at_ns: Ns
    output: Output
