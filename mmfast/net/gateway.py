"""The door through which orders leave, whichever transport carries them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mmfast.messages import Batch, BatchReply
from mmfast.net.rest import BybitRest


class Gateway(Protocol):
    """Sends batches. Today REST; the trade websocket joins behind the same door."""

    async def send(self, batch: Batch) -> BatchReply:
        """Encode, sign, send, and await the venue's reply.

        Never raises for anything the network or the venue does: what is known about each
        command stands in the reply's items (NOT_SENT, UNKNOWN ... included). Being cancelled
        is the caller's own act and passes through.
        """
        ...


class RestGateway:
    """Order entry over REST behind a last look.

    ``last_look`` sees the batch when a connection is in hand and the signature is the only thing
    missing; a text other than "" keeps the batch from leaving (NOT_SENT, with that text).
    """

    def __init__(self, rest: BybitRest, last_look: Callable[[Batch], str]) -> None:
        self._rest = rest
        self._last_look = last_look

    async def send(self, batch: Batch) -> BatchReply:
        """See :meth:`Gateway.send`."""
        return await self._rest.send(batch, self._last_look)
