"""The door through which orders leave, whichever transport carries them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from mmfast.messages import Batch, BatchReply, Op, Outcome
from mmfast.net.rest import BybitRest, Outgoing
from mmfast.net.trade import TradeSocket

OnReply = Callable[[BatchReply], None]
StartTask = Callable[[Coroutine[Any, Any, None], str], object]
"""Runs a coroutine to its end under a name; its exceptions are the owner's to report."""


class Gateway(Protocol):
    """Sends batches."""

    def send(self, batches: Sequence[Batch], on_reply: OnReply) -> None:
        """Send the batches of one flush, in this order, all at once.

        ``on_reply`` is called once for each batch, from the loop, never before this returns.
        Nothing the network or the venue does is raised: what is known about each command stands
        in the reply's items (NOT_SENT, UNKNOWN ... included).
        """
        ...


class RestGateway:
    """Order entry over REST behind a last look: one call per batch, all in parallel.

    ``last_look`` sees a batch when a connection is in hand and its bytes are about to leave; a
    text other than "" keeps it from leaving (NOT_SENT, with that text). A batch whose exchange
    fails by a bug of ours is answered UNKNOWN, and the exception goes to whoever runs the task.
    """

    def __init__(
        self, rest: BybitRest, last_look: Callable[[Batch], str], start: StartTask
    ) -> None:
        self._rest = rest
        self._last_look = last_look
        self._start = start

    def send(self, batches: Sequence[Batch], on_reply: OnReply) -> None:
        """See :meth:`Gateway.send`."""
        for outgoing in self._rest.prepare(batches, self._last_look):
            self._start(self._exchange(outgoing, on_reply), f"batch-{outgoing.batch.batch_id}")

    async def _exchange(self, outgoing: Outgoing, on_reply: OnReply) -> None:
        try:
            reply = await self._rest.exchange(outgoing)
        except Exception:
            on_reply(self._rest.unanswered(outgoing, Outcome.UNKNOWN, "the gateway failed"))
            raise
        on_reply(reply)


class SocketGateway:
    """Order entry over the trade socket. While it is down nothing but cancels leaves, and those
    by REST: what rests must be able to go."""

    def __init__(self, socket: TradeSocket, rest: RestGateway) -> None:
        self._socket = socket
        self._rest = rest

    def send(self, batches: Sequence[Batch], on_reply: OnReply) -> None:
        """See :meth:`Gateway.send`."""
        if self._socket.takes:
            self._socket.send(batches, on_reply)
            return
        cancels = [batch for batch in batches if batch.op == Op.CANCEL]
        self._rest.send(cancels, on_reply)
        self._socket.send([batch for batch in batches if batch.op != Op.CANCEL], on_reply)
