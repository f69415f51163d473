"""The door through which orders leave, whichever transport carries them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final, Protocol

import msgspec

from mmfast.clock import Clock
from mmfast.messages import Batch, BatchReply, Op, Outcome
from mmfast.net.ban_exit import BanExit
from mmfast.net.http import Log, ignore_log
from mmfast.net.rest import BybitRest, Outgoing
from mmfast.net.trade import ANSWERED, VERB
from mmfast.net.ways import Way, WayChoice
from mmfast.units import Ns

_ADDRESS_TOO_FAST: Final = 10403
_GET: Final = "GET"
_PROBE: Final = "market/time"
_NOT_WANTED: Final = "refused"
"""Our own last look kept it from leaving, which says nothing of the way."""

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


class Sockets(Protocol):
    """What a gateway needs of a trade socket, or of several."""

    @property
    def takes(self) -> bool:
        """A batch given now would leave now."""
        ...

    def send(self, batches: Sequence[Batch], on_reply: OnReply) -> None:
        """See :meth:`Gateway.send`."""
        ...


class SocketGateway:
    """Order entry over the trade socket. While it is down nothing but cancels leaves, and those
    by REST: what rests must be able to go."""

    def __init__(self, socket: Sockets, rest: RestGateway) -> None:
        self._socket = socket
        self._rest = rest

    def send(self, batches: Sequence[Batch], on_reply: OnReply) -> None:
        """See :meth:`Gateway.send`."""
        if self._socket.takes:
            self._socket.send(batches, on_reply)
            return
        cancels = [batch for batch in batches if batch.op == Op.CANCEL]
        self._rest.send(cancels, partial(_open_again, on_reply))
        self._socket.send([batch for batch in batches if batch.op != Op.CANCEL], on_reply)


class BanGateway:
    """Order entry over REST. While the address is banned nothing but cancels leaves, and those by
    the trade socket: what rests must be able to go."""

    def __init__(self, rest: Gateway, socket: Gateway, ban: BanExit) -> None:
        self._rest = rest
        self._socket = socket
        self._ban = ban

    def send(self, batches: Sequence[Batch], on_reply: OnReply) -> None:
        """See :meth:`Gateway.send`."""
        if self._ban.is_shut:
            self._socket.send([batch for batch in batches if batch.op == Op.CANCEL], on_reply)
            # Of what is left REST says why it does not leave.
            batches = [batch for batch in batches if batch.op != Op.CANCEL]
        self._rest.send(batches, partial(_open_again, on_reply))


class SwitchingGateway:
    """Order entry over whichever way is the better one now.

    A batch is given to one way and never to the other as well; its reply counts whatever way is
    taken by then. ``on_open`` is told whether there is any way at all, from :meth:`look`, which
    the owner calls again and again and when a trade socket comes or goes; without one, cancels
    are still tried by REST, where a ban does not forbid it.
    """

    def __init__(
        self,
        sockets: Sockets,
        rest: RestGateway,
        choice: WayChoice,
        clock: Clock,
        rest_shut_ns: Callable[[], int],
        on_open: Callable[[bool], None],
        log: Log = ignore_log,
    ) -> None:
        self.choice = choice
        self._sockets = sockets
        self._rest = rest
        self._last_resort = SocketGateway(sockets, rest)
        self._clock = clock
        self._rest_shut_ns = rest_shut_ns
        self._on_open = on_open
        self._is_open = False
        self._log = log

    def send(self, batches: Sequence[Batch], on_reply: OnReply) -> None:
        """See :meth:`Gateway.send`."""
        way = self._decide()
        if way is Way.SOCKET:
            self._sockets.send(batches, partial(self._by_socket, on_reply))
        elif way is Way.REST:
            self._rest.send(batches, partial(_open_again, on_reply))
        else:
            self._last_resort.send(batches, on_reply)

    def look(self) -> None:
        """Choose anew, and say so if a way was found or the last one is gone."""
        is_open = self._decide() is not None
        if is_open != self._is_open:
            self._is_open = is_open
            self._on_open(is_open)

    def observe(self, verb: str, api: str, elapsed_ns: int, status: str) -> None:
        """How a call to the venue ended, by whichever way: what the choice is made from."""
        now_ns = self._clock.now_ns()
        way = Way.SOCKET if verb == VERB else Way.REST
        if verb == _GET:
            if api == _PROBE and status == ANSWERED:
                self.choice.probed(way, elapsed_ns, now_ns)
        elif status == ANSWERED:
            self.choice.acked(way, elapsed_ns, now_ns)
        elif status != _NOT_WANTED:
            self.choice.failed(way, elapsed_ns, now_ns)

    def heard_pong(self, elapsed_ns: int) -> None:
        """How long a heartbeat of a trade socket took."""
        self.choice.probed(Way.SOCKET, elapsed_ns, self._clock.now_ns())

    def _decide(self) -> Way | None:
        now_ns = self._clock.now_ns()
        choice, before = self.choice, self.choice.way
        choice.socket(self._sockets.takes, now_ns)
        choice.shut(Way.REST, self._rest_shut_ns())
        way = choice.decide(now_ns)
        if way is not before:
            name = "no way" if way is None else way.name.lower()
            self._log("warning", "order_way", f"orders leave by {name}: {choice.why}")
        return way

    def _by_socket(self, on_reply: OnReply, reply: BatchReply) -> None:
        if reply.items[0].ret_code == _ADDRESS_TOO_FAST:
            self.choice.throttled(self._clock.now_ns())
        on_reply(reply)


def _open_again(on_reply: OnReply, reply: BatchReply) -> None:
    """A ban shuts REST, not the trade socket: the engine, which knows of one door only, must not
    take it for shut. REST itself keeps to the ban."""
    if reply.blocked_until_ns:
        reply = msgspec.structs.replace(reply, blocked_until_ns=Ns(0))
    on_reply(reply)
