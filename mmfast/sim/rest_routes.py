"""Every REST call of the venue, by method and path."""

from __future__ import annotations

from mmfast.sim.calls import Routes
from mmfast.sim.dcp import DcpDesk
from mmfast.sim.exchange import Exchange
from mmfast.sim.params import VenueParams
from mmfast.sim.rest_account import AccountCalls
from mmfast.sim.rest_books import BookCalls, ToldBooks
from mmfast.sim.rest_coins import CoinCalls
from mmfast.sim.rest_history import HistoryCalls
from mmfast.sim.rest_market import MarketCalls
from mmfast.sim.rest_orders import OrderCalls
from mmfast.sim.rest_positions import PositionCalls
from mmfast.sim.rest_precheck import PreCheckCalls
from mmfast.sim.rest_protection import ProtectionCalls
from mmfast.sim.rest_system import Notices, SystemCalls
from mmfast.sim.rest_tickers import TickerCalls
from mmfast.sim.rest_user import UserCalls


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
