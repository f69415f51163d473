"""Connections that are fit to carry a request."""

from __future__ import annotations

from typing import Final

import aiohttp
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

_TRIES: Final = 3


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
            if protocol is not None and not protocol.should_close:
                return connection
            connection.close()
        raise aiohttp.ClientConnectionError("the peer speaks before it is asked")
