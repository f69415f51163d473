"""The way out for orders, wired as the configuration asks."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Final

from mmfast.clock import until_beat_s
from mmfast.config import VenueConfig
from mmfast.messages import Batch, Stream
from mmfast.net.address import TRADE, AddressPace
from mmfast.net.backoff import ConnectBudget
from mmfast.net.ban_exit import NO_EXIT, BanExit, Start
from mmfast.net.gateway import (
    BanGateway,
    Gateway,
    RestGateway,
    SocketGateway,
    SwitchingGateway,
)
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
    logged in, unless orders leave by REST; then it is False while the address is banned and a
    trade socket carries the cancels. Without an address of one a ban holds back everything.
    ``start`` runs a coroutine to its end under a name.
    """

    def __init__(
        self,
        *,
        contact: Contact,
        venue: VenueConfig,
        last_look: Callable[[Batch], str],
        start: Start,
        on_open: OnState,
        rng: Random,
        budget: ConnectBudget,
        tls: ssl.SSLContext | None,
        log: Log,
    ) -> None:
        self.sockets: TradeSockets | None = None
        self.gateway: Gateway
        self._contact = contact
        self._tell = on_open
        self._switching: SwitchingGateway | None = None
        self._ban_exit: BanExit | None = None
        by_rest = venue.order_entry == "rest"
        self.is_open = by_rest
        over_rest = RestGateway(contact.rest, last_look, start)
        if by_rest and not contact.endpoints.ws_trade_url:
            self.gateway = over_rest
            contact.rest.hear_of_bans(lambda _until_ns: log("error", "order_way", NO_EXIT))
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

        self.sockets = sockets = TradeSockets(socket, venue.trade_sockets, self._socket_changed)
        if by_rest:
            self._ban_exit = BanExit(contact.rest, sockets, start, self._opened, log)
            self.is_open = not self._ban_exit.is_shut
            self.gateway = BanGateway(over_rest, sockets, self._ban_exit)
        elif venue.order_entry == "ws":
            self.gateway = SocketGateway(sockets, over_rest)
        else:
            self.gateway = self._switch(over_rest, sockets, log)

    def _switch(self, rest: RestGateway, sockets: TradeSockets, log: Log) -> SwitchingGateway:
        """The gateway over either way, and all that it is told."""
        contact = self._contact
        self._switching = switching = SwitchingGateway(
            sockets,
            rest,
            WayChoice(contact.clock.now_ns()),
            contact.clock,
            lambda: contact.rest.blocked_until_ns,
            self._opened,
            log,
        )
        contact.watch = switching.observe
        for one in sockets.sockets:
            one.on_pong = switching.heard_pong
        return switching

    @property
    def standby(self) -> Sequence[TradeSocket]:
        """Sockets that are opened in a ban only; nobody else shall run them."""
        return self.sockets.sockets if self.sockets and self._ban_exit else ()

    @property
    def streams(self) -> Sequence[TradeSocket]:
        """Sockets that are kept up all the time, by the owner."""
        return self.sockets.sockets if self.sockets and not self._ban_exit else ()

    async def run(self) -> None:
        """Look at the ways again and again: some of what changes them is nobody's event."""
        if self._ban_exit is not None:
            await self._ban_exit.run()
        loop = asyncio.get_running_loop()
        while self._switching is not None:
            self._switching.look()
            await asyncio.sleep(until_beat_s(loop.time(), LOOK_EVERY_S))

    def view(self) -> WayView:
        """The way out as it is now."""
        sockets, switching = self.sockets, self._switching
        way = WAYS[Way.SOCKET] if self.streams else WAYS[Way.REST]
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
        if self._switching is not None:
            self._switching.look()
        elif self._ban_exit is None:
            self._opened(up)

    def _opened(self, up: bool) -> None:
        self.is_open = up
        self._tell(up)
