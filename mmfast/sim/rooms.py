"""The rooms of one venue, built in the order in which they need each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from mmfast.messages import Category, Side
from mmfast.sim.access.auth import Credentials, Doorkeeper
from mmfast.sim.access.calls import Routes
from mmfast.sim.access.dcp import DcpDesk
from mmfast.sim.access.sockets import Sockets
from mmfast.sim.accounts.rows import Row
from mmfast.sim.audit.answers import Scribe
from mmfast.sim.audit.ledger import Ledger
from mmfast.sim.audit.requests import Audit
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.fault_effects.books import BookForger, Level
from mmfast.sim.fault_effects.condition import Condition
from mmfast.sim.faults import Faults
from mmfast.sim.feed.feeds import Feeds
from mmfast.sim.limits.budgets import AddressLimit, Limits
from mmfast.sim.params import VenueParams
from mmfast.sim.rest.door import Router
from mmfast.sim.rest.routes import routes_of
from mmfast.sim.service import Service

UID: Final = 1_000_001
"""The account behind ``VenueParams.api_key``."""
_CREATE: Final = ("POST", "/v5/order/create")


class Rooms(NamedTuple):
    """Everything inside the venue but its timeline, market life and websocket sessions."""

    exchange: Exchange
    doorkeeper: Doorkeeper
    dcp: DcpDesk
    routes: Routes
    feeds: Feeds
    sockets: Sockets
    limits: Limits
    addresses: AddressLimit
    audit: Audit
    scribe: Scribe
    condition: Condition
    faults: Faults
    forger: BookForger
    ledger: Ledger
    service: Service
    router: Router


def build(params: VenueParams, notices: Callable[[], list[Row]]) -> Rooms:
    """One venue's rooms; ``notices`` gives the rows of the status board.

    Raises :class:`~mmfast.errors.ConfigError` for a symbol or tier the venue does not know.
    """
    exchange = Exchange(params, UID)
    keys = (Credentials(UID, params.api_key, params.api_secret.encode()),)
    doorkeeper = Doorkeeper(keys, params.default_recv_window_ms, exchange.known)
    switches = params.switches
    dcp = DcpDesk(apply_ms=switches.dcp_apply_ms, counts_silence=switches.dcp_counts_silence)
    feeds = Feeds(exchange, params.start_wall_ms)
    routes = routes_of(exchange, params, dcp, feeds.book, notices)
    sockets, audit = Sockets(), Audit(exchange.known)
    limits = Limits(params.tier, exchange.known)
    addresses = AddressLimit(params.limits, params.tier)
    condition = Condition(exchange, UID, limits, feeds, sockets, routes[_CREATE].handler)
    faults = Faults(condition)
    ledger = Ledger(exchange, UID, condition)
    exchange.outbox.watchers.append(ledger)
    service = Service(exchange.accounts, limits, params.max_batch, audit, faults, condition)
    return Rooms(
        exchange=exchange,
        doorkeeper=doorkeeper,
        dcp=dcp,
        routes=routes,
        feeds=feeds,
        sockets=sockets,
        limits=limits,
        addresses=addresses,
        audit=audit,
        scribe=Scribe(audit),
        condition=condition,
        faults=faults,
        forger=BookForger(faults, _Crosses(exchange).bid),
        ledger=ledger,
        service=service,
        router=Router(routes, doorkeeper, service, addresses, audit, condition),
    )


class _Crosses:
    """Bids that would cross a book, as the forger writes them."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def bid(self, category: Category, symbol: str, by_ticks: int) -> Level | None:
        """Price and size of a bid so far above the best ask; None when there is no ask."""
        index = self._exchange.find(category, symbol)
        if index is None:
            return None
        ask = self._exchange.books[index].best(Side.SELL)
        if not ask:
            return None
        figures = self._exchange.rows.figures[index]
        lots = int(self._exchange.instruments[index].min_order_lots)
        return [figures.price(ask + by_ticks), figures.qty(lots)]
