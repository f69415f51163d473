"""The door through which orders leave, whichever transport carries them."""

from __future__ import annotations

from typing import Protocol

from mmfast.messages import Batch, BatchReply


class Gateway(Protocol):
    """Sends batches. Today REST; the trade websocket joins behind the same door."""

    async def send(self, batch: Batch) -> BatchReply:
        """Encode, sign, send, and await the venue's reply.

        Never raises for anything the network or the venue does: what is known about each
        command stands in the reply's items (NOT_SENT, UNKNOWN ... included). Being cancelled
        is the caller's own act and passes through.
        """
        ...
