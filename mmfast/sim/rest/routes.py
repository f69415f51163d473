"""Every REST call of the venue, by method and path."""

from __future__ import annotations

from mmfast.sim.access.calls import Routes
from mmfast.sim.access.dcp import DcpDesk
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.params import VenueParams
from mmfast.sim.rest.account import AccountCalls
from mmfast.sim.rest.books import BookCalls, ToldBooks
from mmfast.sim.rest.coins import CoinCalls
from mmfast.sim.rest.history import HistoryCalls
from mmfast.sim.rest.market import MarketCalls
from mmfast.sim.rest.orders import OrderCalls
from mmfast.sim.rest.positions import PositionCalls
from mmfast.sim.rest.precheck import PreCheckCalls
from mmfast.sim.rest.protection import ProtectionCalls
from mmfast.sim.rest.system import Notices, SystemCalls
from mmfast.sim.rest.tickers import TickerCalls
from mmfast.sim.rest.user import UserCalls


def routes_of(
    exchange: Exchange,
    params: VenueParams,
    dcp: DcpDesk,
    told: ToldBooks,
    notices: Notices,
) -> Routes:
    """The calls of one venue; ``told`` gives books as the streams tell them, ``notices`` rows of
    the venue's state, newest first."""
    rooms = (
        OrderCalls(exchange, params).routes(),
        PreCheckCalls(exchange, params).routes(),
        HistoryCalls(exchange).routes(),
        PositionCalls(exchange).routes(),
        AccountCalls(exchange).routes(),
        ProtectionCalls(dcp, params.tier).routes(),
        UserCalls(exchange, params).routes(),
        CoinCalls(exchange).routes(),
        MarketCalls(exchange, params.start_wall_ms).routes(),
        BookCalls(exchange, told).routes(),
        TickerCalls(exchange).routes(),
        SystemCalls(notices).routes(),
    )
    routes: Routes = {}
    for room in rooms:
        routes |= room
    return routes
