"""Connections that misbehave: bytes written past the server library, resets instead of goodbyes.

Part of the shell: only :mod:`mmfast.sim.server` uses it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from http import HTTPStatus
from typing import Final

from aiohttp import web

from mmfast.sim.wire import HttpReply, HttpReset, HttpSilence, HttpTruncated

_LINGER_NONE: Final = struct.pack("ii", 1, 0)
_LOOK_S: Final = 0.05
"""How often a connection that is not answered is looked at, to see if the client left."""
_TEXT_FRAME: Final = 0x81


def frame_head(size: int) -> bytes:
    """Head of an unmasked, uncompressed, unfragmented text frame (RFC 6455, section 5.2)."""
    if size < 126:
        return bytes((_TEXT_FRAME, size))
    if size < 1 << 16:
        return bytes((_TEXT_FRAME, 126)) + size.to_bytes(2, "big")
    return bytes((_TEXT_FRAME, 127)) + size.to_bytes(8, "big")


def reply_head(reply: HttpReply) -> bytes:
    """Status line and headers of a reply, with the length of its whole body."""
    try:
        reason = HTTPStatus(reply.status).phrase
    except ValueError:
        reason = ""
    lines = [f"HTTP/1.1 {reply.status} {reason}"]
    lines += [f"{name}: {value}" for name, value in reply.headers]
    lines.append(f"Content-Length: {len(reply.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def body_of(request: web.BaseRequest) -> bytes | None:
    """The body of a request; None if the client left in the middle of it."""
    try:
        return await request.read()
    except (ConnectionError, RuntimeError):  # the library says so in either way
        return None


def write_and_reset(transport: asyncio.Transport, data: bytes) -> None:
    """Write some bytes, then end the connection with a reset instead of an orderly close."""
    if transport.is_closing():
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
    if data:
        transport.write(data)
    # Not abort: that would throw away what is still to be written.
    transport.close()


def write_and_close(transport: asyncio.Transport, data: bytes) -> None:
    """Write some bytes, then close in order."""
    if not transport.is_closing():
        transport.write(data)
        transport.close()


async def until_gone(transport: asyncio.Transport) -> None:
    """Say nothing until the client leaves, which the server library tells nobody."""
    while not transport.is_closing():  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_S)


class Refuser(asyncio.Protocol):
    """Stands in for the venue during an outage: every connection is reset at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hang up."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a server makes no others
        transport.abort()


def address_of(transport: asyncio.BaseTransport | None) -> str:
    """The peer's address without its port or zone; empty when it is gone."""
    peer = transport.get_extra_info("peername") if transport is not None else None
    return str(peer[0]).partition("%")[0] if peer else ""


async def misbehave(
    transport: asyncio.Transport | None, outcome: HttpReset | HttpTruncated | HttpSilence
) -> None:
    """Break the connection as told."""
    if transport is None:
        return
    if isinstance(outcome, HttpReset):
        raw = reply_head(outcome.reply) + outcome.reply.body
        write_and_reset(transport, raw[: outcome.after_bytes])
    elif isinstance(outcome, HttpTruncated):
        body = outcome.reply.body[: outcome.body_bytes]
        write_and_close(transport, reply_head(outcome.reply) + body)
    else:
        await until_gone(transport)
