"""Orders and executions as the venue shows them, per category."""

from __future__ import annotations

from typing import Final

from mmfast.messages import Category
from mmfast.sim.instruments.figures import Figures, money
from mmfast.sim.instruments.worth import Worth
from mmfast.sim.orders.orders import SIDE_WORDS, Fill, Order

Row = dict[str, object]

_SPOT: Final = Category.SPOT.text

#: Fields that no order of this venue uses, with the words the real one shows for "none".
_UNUSED: Final[Row] = {
    "parentOrderLinkId": "",
    "blockTradeId": "",
    "isLeverage": "",
    "createType": "CreateByUser",
    "stopOrderType": "",
    "ocoTriggerBy": "",
    "orderIv": "",
    "slippageToleranceType": "UNKNOWN",
    "slippageTolerance": "",
    "triggerPrice": "",
    "triggerDirection": 0,
    "triggerBy": "",
    "takeProfit": "",
    "stopLoss": "",
    "tpslMode": "",
    "tpLimitPrice": "",
    "slLimitPrice": "",
    "tpTriggerBy": "",
    "slTriggerBy": "",
    "placeType": "",
    "smpGroup": 0,
    "rpiTakerAccess": False,
    "rpiMatchedQty": "0",
}

#: Spot orders lack some fields, and say others differently.
_UNUSED_OF_SPOT: Final[Row] = {
    name: value for name, value in _UNUSED.items() if name not in ("createType", "tpslMode")
} | {"isLeverage": "0", "basePrice": ""}


def order_row(order: Order, symbol: str, figures: Figures, worth: Worth) -> Row:
    """The row of ``order/realtime`` and ``order/history``."""
    return {
        **(_UNUSED_OF_SPOT if figures.category == _SPOT else _UNUSED),
        "orderId": order.order_id,
        "orderLinkId": order.link_id,
        "symbol": symbol,
        "price": figures.price(order.ticks),
        "side": SIDE_WORDS[order.side],
        "positionIdx": order.position_idx,
        "orderStatus": order.status.word,
        "cancelType": order.cancel_type,
        "rejectReason": order.reject_reason,
        "marketUnit": order.market_unit,
        **_sizes(order, figures, worth),
        **_done(order, figures),
        "timeInForce": order.time_in_force,
        "orderType": "Market" if order.is_market else "Limit",
        "lastPriceOnCreated": figures.price(order.last_ticks),
        "reduceOnly": order.reduce_only,
        "closeOnTrigger": order.close_on_trigger,
        "smpType": order.smp_type,
        "smpOrderId": order.smp_order_id,
        "createdTime": str(order.created_ms),
        "updatedTime": str(order.updated_ms),
    }


def _sizes(order: Order, figures: Figures, worth: Worth) -> Row:
    """Size and what is left; an order sized in the quote coin shows it so."""
    if order.quote:
        left = order.quote - order.cum_value if order.is_open else 0
        return {
            "qty": figures.amount(order.quote),
            "leavesQty": figures.nothing,
            "leavesValue": figures.amount(left),
        }
    size = figures.qty(order.lots)
    leaves, is_whole = order.leaves, order.leaves == order.lots
    return {
        "qty": size,
        "leavesQty": size if is_whole else figures.qty(leaves),
        "leavesValue": figures.amount(worth.value(order.ticks, leaves)) if leaves else "0",
    }


def _done(order: Order, figures: Figures) -> Row:
    """What was traded, and what it cost."""
    if not order.cum_lots:
        return {
            "cumExecQty": figures.nothing,
            "avgPrice": "",
            "cumExecValue": "0",
            "cumExecFee": "0",
            "cumFeeDetail": {},
        }
    fees = {coin: money(fee, coin) for coin, fee in order.fees.items()}
    return {
        "cumExecQty": figures.qty(order.cum_lots),
        "avgPrice": figures.average(order.cum_value, order.cum_lots),
        "cumExecValue": figures.amount(order.cum_value),
        "cumExecFee": next(iter(fees.values())),
        "cumFeeDetail": fees,
    }


def order_event(order: Order, symbol: str, figures: Figures, worth: Worth) -> Row:
    """The row of the private ``order`` stream: the query's row and what only the stream has."""
    row = order_row(order, symbol, figures, worth)
    row["category"] = figures.category
    row["brokerOrderPrice"] = ""
    row["closedPnl"] = figures.amount(order.closed_pnl)
    row["feeCurrency"] = next(iter(order.fees)) if figures.category == _SPOT and order.fees else ""
    return row


_UNUSED_OF_FILL: Final[Row] = {
    "createType": "CreateByUser",
    "stopOrderType": "UNKNOWN",
    "execType": "Trade",
    "tradeIv": "",
    "markIv": "",
    "underlyingPrice": "",
    "blockTradeId": "",
    "extraFees": "",
}


def fill_row(fill: Fill, symbol: str, figures: Figures) -> Row:
    """The row of ``execution/list``."""
    row = dict(_UNUSED_OF_FILL)
    fee = money(fill.fee, fill.fee_coin)
    if figures.category == _SPOT:
        # The pair has no mark price of its own.
        row["createType"] = ""
        row["markPrice"] = row["indexPrice"] = ""
    else:
        row["markPrice"] = figures.price(fill.mark_ticks)
        row["indexPrice"] = figures.price(fill.index_ticks)
    row["symbol"] = symbol
    row["orderId"] = fill.order_id
    row["orderLinkId"] = fill.link_id
    row["side"] = SIDE_WORDS[fill.side]
    row["orderPrice"] = figures.price(fill.order_ticks)
    quote = fill.order_quote
    row["orderQty"] = figures.amount(quote) if quote else figures.qty(fill.order_lots)
    row["leavesQty"] = figures.qty(0 if quote else fill.leaves)
    row["orderType"] = "Market" if fill.is_market else "Limit"
    row["execFee"] = fee
    row["execFeeV2"] = fee
    row["feeCurrency"] = fill.fee_coin
    row["execId"] = fill.exec_id
    row["execPrice"] = figures.price(fill.ticks)
    row["execQty"] = figures.qty(fill.lots)
    row["execValue"] = figures.amount(fill.value)
    row["execTime"] = str(fill.exec_ms)
    row["isMaker"] = fill.is_maker
    row["feeRate"] = money(fill.rate_e8)
    row["closedSize"] = figures.qty(fill.closed_lots)
    row["seq"] = fill.seq
    return row


def fill_event(fill: Fill, symbol: str, figures: Figures) -> Row:
    """The row of the private ``execution`` stream."""
    row = fill_row(fill, symbol, figures)
    del row["execFeeV2"]
    row["category"] = figures.category
    row["isLeverage"] = "0"
    row["execPnl"] = figures.amount(fill.pnl)
    row["marketUnit"] = fill.market_unit
    return row
