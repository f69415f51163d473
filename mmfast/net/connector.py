"""Connections that are fit to carry a request, and the exchange of one request on one of them.

Connections, their pool, TLS and the reading of replies are aiohttp's. Its session is left out: for
each call it makes a request, a response, a writer, two header maps, a payload, a timer and a task
for the body, which is four fifths of the instructions of a call, for what is one write here. The
write is done in the turn of the loop in which the connection is in hand, so nothing can happen
between a last look at the request and its bytes.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import aiohttp
from aiohttp import hdrs
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.streams import StreamReader
from aiohttp.tracing import Trace
from yarl import URL

_POST: Final = b"%b%bContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
_TRIES: Final = 3
_KEEP_ALIVE_S: Final = 25.0
_DNS_TTL_S: Final = 300
_SWITCHING_PROTOCOLS: Final = 101
_FIRST_FINAL: Final = 200
"""Statuses below announce that the reply proper follows."""


class Answer(NamedTuple):
    """One reply, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class QuietConnector(aiohttp.TCPConnector):
    """Hands out only connections on which nothing was said unasked.

    HTTP/1.1 tells replies apart by their order alone. A reply that lies on an idle connection (a
    repeated one, or the 400 or 408 with which a gateway takes its leave) would therefore be read
    as the answer to whatever is sent there next: a create could be called refused while it
    rests. The library looks for such bytes when a connection is given back, not when it is
    taken again.
    """

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the base class names it so
    ) -> Connection:
        """As the library's; raises ``ClientConnectionError`` for a peer that keeps talking."""
        for _ in range(_TRIES):
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if protocol is not None and not protocol.should_close and protocol.is_connected():
                return connection
            connection.close()
        raise aiohttp.ClientConnectionError("the peer speaks before it is asked")


class Host:
    """Keep-alive connections to one HTTP host, at most ``connections``; opened as they are
    needed, within ``connect_s`` each."""

    def __init__(
        self, base_url: str, tls: ssl.SSLContext, connections: int, connect_s: float
    ) -> None:
        self._base_url = base_url
        self._tls = tls
        self._connections = connections
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_s)
        self._open: _Open | None = None

    async def exchange(
        self,
        verb: str,
        target: str,
        body: bytes,
        leaving: Callable[[], bytes],
        max_reply_bytes: int,
    ) -> Answer:
        """Send one request and read its reply; ``target`` is path and query.

        ``leaving`` is called when a connection is in hand, and the bytes leave before anything
        else can happen; it returns more header lines, each ended by CR LF, or raises to keep the
        request back. Raises what the library raises when no whole reply of HTTP came, and
        ``ClientPayloadError`` for one longer than ``max_reply_bytes``. After anything but a whole
        reply, cancellation too, the connection is closed: what may still come on it must not
        answer another request.
        """
        opened = self._opened()
        connection = await opened.connector.connect(opened.request, [], self._timeout)
        try:
            lines = leaving()
        except BaseException:
            connection.release()
            raise
        try:
            protocol, transport = connection.protocol, connection.transport
            if protocol is None or transport is None:
                raise aiohttp.ClientConnectionError("expected a connection that is open")
            protocol.set_response_params(read_until_eof=True, auto_decompress=False)
            front = f"{verb} {target} HTTP/1.1\r\n{opened.lines}".encode()
            if verb == hdrs.METH_POST:
                transport.write(_POST % (front, lines, len(body), body))
            else:
                transport.write(b"%b%b\r\n" % (front, lines))
            answer = await _answer(protocol, max_reply_bytes)
        except BaseException:
            connection.close()
            raise
        connection.release()
        return answer

    async def close(self) -> None:
        """Close all connections. The next exchange would open new ones."""
        opened, self._open = self._open, None
        if opened is not None:
            await opened.connector.close()

    def _opened(self) -> _Open:
        if self._open is None:
            connector = QuietConnector(
                limit=self._connections,
                ssl=self._tls,
                keepalive_timeout=_KEEP_ALIVE_S,
                ttl_dns_cache=_DNS_TTL_S,
            )
            self._open = _Open(connector, URL(self._base_url), self._tls)
        return self._open


class _Open:
    """What is made once for a host: the pool, what it knows a host by, and the header lines that
    are the same in every request."""

    __slots__ = ("connector", "lines", "request")

    def __init__(self, connector: QuietConnector, base_url: URL, tls: ssl.SSLContext) -> None:
        self.connector = connector
        self.request = aiohttp.ClientRequest(
            hdrs.METH_GET, base_url, loop=asyncio.get_running_loop(), ssl=tls
        )
        # Replies are small, and a compressed one could unpack to any size.
        host = self.request.headers[hdrs.HOST]
        self.lines = f"Host: {host}\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"


async def _answer(protocol: ResponseHandler, max_bytes: int) -> Answer:
    message: Any
    while True:
        message, payload = await protocol.read()
        if message.code >= _FIRST_FINAL or message.code == _SWITCHING_PROTOCOLS:
            return Answer(message.code, message.headers, await _read_capped(payload, max_bytes))


async def _read_capped(payload: StreamReader, max_bytes: int) -> bytes:
    if payload.is_eof() and payload.total_bytes <= max_bytes:
        return payload.read_nowait()  # it came at once, as short ones do
    chunks: list[bytes] = []
    size = 0
    while not payload.at_eof():
        chunk = await payload.readany()
        size += len(chunk)
        if size > max_bytes:
            raise aiohttp.ClientPayloadError(f"reply longer than {max_bytes} bytes")
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
