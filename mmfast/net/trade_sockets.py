"""Several trade sockets as one: one carries the orders, the others stand by logged in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from mmfast.messages import Batch
from mmfast.net.trade import OnReply, TradeSocket
from mmfast.net.ws_connection import OnState

MakeSocket = Callable[[int, OnState], TradeSocket]
"""Makes the socket of a number; its state is told to the hook."""


class TradeSockets:
    """One active trade socket and its warm spares.

    All orders leave by the active one, so a connection of the venue sees them in our order. When
    it is lost, retired, or takes no more bytes, a spare carries the next order, in the same turn
    of the loop; what was in flight is answered by the socket that sent it. That frames of two
    sockets may overtake each other harms nobody: the order table sends no amend or cancel before
    the request ahead of it on the same order was answered or came to its deadline.

    ``on_state(True)`` is said when the first socket is up, ``on_state(False)`` when the last one
    that was up is lost or retired.
    """

    def __init__(self, make: MakeSocket, count: int, on_state: OnState) -> None:
        self.takeovers = 0
        """How often a spare became the active one."""
        self._on_state = on_state
        self._told_up = False
        self.sockets = tuple([make(i, self._changed) for i in range(count)])
        self._active = self.sockets[0]
        for socket in self.sockets:
            socket.on_restart = partial(self._restarting, socket)

    @property
    def up(self) -> bool:
        """At least one is logged in."""
        return any(socket.up for socket in self.sockets)

    @property
    def takes(self) -> bool:
        """A batch given now would leave now."""
        return self._active.takes or any(socket.takes for socket in self.sockets)

    @property
    def in_flight(self) -> int:
        """Requests without a reply."""
        return sum([socket.in_flight for socket in self.sockets])

    @property
    def strays(self) -> int:
        """Replies to nothing of ours."""
        return sum([socket.strays for socket in self.sockets])

    @property
    def reconnects(self) -> int:
        """Connections lost and made anew."""
        return sum([socket.reconnects for socket in self.sockets])

    def send(self, batches: Sequence[Batch], on_reply: OnReply) -> None:
        """As :meth:`TradeSocket.send`, by the active socket."""
        if not self._active.takes:
            self._hand_over()
        self._active.send(batches, on_reply)

    def _hand_over(self) -> None:
        for socket in self.sockets:
            if socket.takes:
                self._active = socket
                self.takeovers += 1
                return

    def _changed(self, _up: bool) -> None:
        up = self.up
        if up and not self._active.takes:
            self._hand_over()
        if up != self._told_up:
            self._told_up = up
            self._on_state(up)

    def _restarting(self, speaker: TradeSocket) -> None:
        """The venue's trade service restarts: no connection made before now has a future."""
        for socket in self.sockets:
            if socket is not speaker:
                socket.retire("the venue restarts its trade service")
