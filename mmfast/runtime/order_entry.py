"""The way out for orders, wired as the configuration asks."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Final

from mmfast.clock import until_beat_s
from mmfast.config import VenueConfig
from mmfast.messages import Batch, Stream
from mmfast.net.address import TRADE, AddressPace
from mmfast.net.backoff import ConnectBudget
from mmfast.net.gateway import Gateway, RestGateway, SocketGateway, StartTask, SwitchingGateway
from mmfast.net.http import Log
from mmfast.net.trade import TradeSocket
from mmfast.net.trade_sockets import TradeSockets
from mmfast.net.ways import Way, WayChoice
from mmfast.net.ws_connection import OnState
from mmfast.runtime.stats import WayView
from mmfast.units import NS_PER_MS

if TYPE_CHECKING:
    from mmfast.runtime.session import Contact

LOOK_EVERY_S: Final = 0.1
NO_WAY: Final = "none"
WAYS: Final = {Way.SOCKET: "ws", Way.REST: "rest", None: NO_WAY}


class OrderEntry:
    """Gateway and trade sockets of one session.

    ``on_open`` is told whether orders can leave at all, which is False until a trade socket is
    logged in, unless orders leave by REST alone.
    """

    def __init__(
        self,
        *,
        contact: Contact,
        venue: VenueConfig,
        last_look: Callable[[Batch], str],
        start: StartTask,
        on_open: OnState,
        rng: Random,
        budget: ConnectBudget,
        tls: ssl.SSLContext | None,
        log: Log,
    ) -> None:
        self.is_open = venue.order_entry == "rest"
        self.sockets: TradeSockets | None = None
        self.gateway: Gateway
        self._contact = contact
        self._tell = on_open
        self._switching: SwitchingGateway | None = None
        over_rest = RestGateway(contact.rest, last_look, start)
        if venue.order_entry == "rest":
            self.gateway = over_rest
            return

        pace = AddressPace(venue.trade_messages_per_s, TRADE)

        def socket(number: int, on_state: OnState) -> TradeSocket:
            def told(up: bool) -> None:
                if not up:
                    contact.stats.stream_drops[Stream.TRADE] += 1
                on_state(up)

            # No request id is used twice, whichever socket carries it.
            stem = f"{contact.epoch:x}-{number}-" if number else f"{contact.epoch:x}-"
            return TradeSocket(
                contact.endpoints.ws_trade_url,
                contact.credentials,
                contact.clock,
                contact.venue_clock,
                contact.rest.codec,
                last_look,
                told,
                name=f"trade-{number + 1}" if number else "trade",
                stem=stem,
                rng=rng,
                budget=budget,
                reply_within_s=venue.request_timeout_ms / 1000,
                tls=tls,
                on_request=contact.observed,
                pace=pace,
                log=log,
            )

        self.sockets = TradeSockets(socket, venue.trade_sockets, self._socket_changed)
        if venue.order_entry == "ws":
            self.gateway = SocketGateway(self.sockets, over_rest)
            return
        self.gateway = self._switching = SwitchingGateway(
            self.sockets,
            over_rest,
            WayChoice(contact.clock.now_ns()),
            contact.clock,
            lambda: contact.rest.blocked_until_ns,
            self._opened,
            log,
        )
        contact.watch = self._switching.observe
        for one in self.sockets.sockets:
            one.on_pong = self._switching.heard_pong

    async def run(self) -> None:
        """Look at the ways again and again: some of what changes them is nobody's event."""
        loop = asyncio.get_running_loop()
        while self._switching is not None:
            self._switching.look()
            await asyncio.sleep(until_beat_s(loop.time(), LOOK_EVERY_S))

    def view(self) -> WayView:
        """The way out as it is now."""
        sockets, switching = self.sockets, self._switching
        way = WAYS[Way.REST] if sockets is None else WAYS[Way.SOCKET]
        switches: dict[str, int] = {}
        takes_ms: dict[str, float] = {}
        if switching is not None:
            choice, now_ns = switching.choice, self._contact.clock.now_ns()
            way = WAYS[choice.way]
            switches = {WAYS[to]: count for to, count in choice.switches.items()}
            takes = {WAYS[one]: choice.takes_ns(one, now_ns) for one in Way}
            takes_ms = {name: ns / NS_PER_MS for name, ns in takes.items() if ns >= 0}
        return WayView(
            way=way if self.is_open else NO_WAY,
            switches=switches,
            takes_ms=takes_ms,
            sockets_up=sum([one.up for one in sockets.sockets]) if sockets else 0,
            takeovers=sockets.takeovers if sockets else 0,
            strays=sockets.strays if sockets else 0,
        )

    def _socket_changed(self, up: bool) -> None:
        if self._switching is None:
            self._opened(up)
        else:
            self._switching.look()

    def _opened(self, up: bool) -> None:
        self.is_open = up
        self._tell(up)
