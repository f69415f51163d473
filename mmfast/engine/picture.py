"""Draws the view of the engine from its parts."""

from __future__ import annotations

from mmfast.engine.market.market import Market
from mmfast.engine.orders.inventory import Inventory
from mmfast.engine.orders.order import Order
from mmfast.engine.orders.order_states import IN_FLIGHT, State
from mmfast.engine.orders.orders import OrderTable
from mmfast.engine.params import SymbolParams
from mmfast.engine.risk.losses import LossStop
from mmfast.engine.view import BudgetView, EngineView, InstrumentView
from mmfast.messages import Mode, Side


def draw(
    market: Market,
    orders: OrderTable,
    inventory: Inventory,
    budgets: tuple[BudgetView, ...],
    acks: list[int],
    pull_reasons: list[str],
    symbols: tuple[SymbolParams, ...],
    mode: Mode,
    mode_reason: str,
    losses: LossStop,
    now_ns: int,
) -> EngineView:
    """One frozen picture; ``acks``, ``pull_reasons`` and ``symbols`` are by instrument."""
    by_instrument: list[list[Order]] = [[] for _ in market.instruments]
    for order in orders:
        by_instrument[order.instrument].append(order)
    views = tuple(
        _instrument(
            market,
            inventory,
            symbols[index],
            index,
            by_instrument[index],
            acks[index],
            reason,
            now_ns,
        )
        for index, reason in enumerate(pull_reasons)
    )
    states = [order.state for order in orders]
    return EngineView(
        mode=mode,
        mode_reason=mode_reason,
        instruments=views,
        budgets=budgets,
        working=sum(view.working for view in views),
        in_flight=sum(IN_FLIGHT[state] for state in states),
        unknown=states.count(State.UNKNOWN),
        realized_e8=sum(view.realized_e8 for view in views),
        unrealized_e8=sum(view.unrealized_e8 for view in views),
        fees_e8=sum(view.fees_e8 for view in views),
        day_result_e8=losses.whole.result_e8,
        day_drawdown_e8=losses.whole.peak_e8 - losses.whole.result_e8,
    )


def _instrument(
    market: Market,
    inventory: Inventory,
    params: SymbolParams,
    index: int,
    own: list[Order],
    acks: int,
    pull_reason: str,
    now_ns: int,
) -> InstrumentView:
    known = market.instruments[index]
    position = inventory.positions[index]
    mid_x2 = market.mid_x2_ticks(index)
    bids = [order.price_ticks for order in own if order.seen and order.side == Side.BUY]
    asks = [order.price_ticks for order in own if order.seen and order.side == Side.SELL]
    return InstrumentView(
        symbol=known.symbol,
        quoting=not pull_reason,
        pull_reason=pull_reason,
        mid_x2_ticks=mid_x2,
        own_bid_ticks=max(bids, default=0),
        own_ask_ticks=min(asks, default=0),
        position_lots=position.lots,
        max_position_lots=params.max_position_lots,
        working=sum(order.seen for order in own),
        realized_e8=position.realized_e8,
        unrealized_e8=position.unrealized_e8(mid_x2, known.tick_lot_value_e8),
        fees_e8=position.fees_e8,
        book_age_ms=market.age_ms(index, now_ns),
        acks=acks,
    )
