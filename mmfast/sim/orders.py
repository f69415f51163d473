"""An account's order and its executions: the record, and the rows the venue shows of them."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from mmfast.messages import Side
from mmfast.sim.figures import Figures, money
from mmfast.sim.matching import Resting
from mmfast.units import Ms

SIDE_WORDS: Final = ("Buy", "Sell")


class Status(IntEnum):
    """Venue words for where an order stands; finals are >= FILLED."""

    NEW = 0
    PARTIALLY_FILLED = 1
    FILLED = 2
    CANCELLED = 3

    @property
    def word(self) -> str:
        """The ``orderStatus`` text."""
        return _STATUS_WORDS[self]


_STATUS_WORDS: Final = ("New", "PartiallyFilled", "Filled", "Cancelled")

GTC: Final = "GTC"
IOC: Final = "IOC"
FOK: Final = "FOK"
POST_ONLY: Final = "PostOnly"

SMP_NONE: Final = "None"
SMP_MAKER: Final = "CancelMaker"
SMP_TAKER: Final = "CancelTaker"
SMP_BOTH: Final = "CancelBoth"

NO_ERROR: Final = "EC_NoError"
WOULD_TAKE: Final = "EC_PostOnlyWillTakeLiquidity"
NOTHING_TO_FILL: Final = "EC_NoImmediateQtyToFill"
REST_OF_IOC: Final = "EC_CancelForNoFullFill"
NOT_ENOUGH_TO_FILL: Final = "EC_NoEnoughQtyToFill"
SELF_MATCH: Final = "EC_BySelfMatch"
USER_REQUEST: Final = "EC_PerCancelRequest"

CANCEL_UNKNOWN: Final = "UNKNOWN"
CANCEL_BY_USER: Final = "CancelByUser"
CANCEL_BY_SMP: Final = "CancelBySmp"
CANCEL_BY_REDUCE_ONLY: Final = "CancelByReduceOnly"


class Ticket(NamedTuple):
    """A create request, read and found well formed.

    ``lots`` 0 means "close the whole position". ``ticks`` of a market order is 0 until the
    exchange has given it its protective price.
    """

    instrument: int
    side: Side
    is_market: bool
    ticks: int
    lots: int
    time_in_force: str
    reduce_only: bool
    close_on_trigger: bool
    link_id: str
    smp_type: str


class Order(Resting):
    """One order of an account, resting or not."""

    __slots__ = (
        "cancel_type",
        "close_on_trigger",
        "closed_pnl_e8",
        "created_ms",
        "cum_fee_e8",
        "cum_lots",
        "cum_value_e8",
        "instrument",
        "is_market",
        "last_ticks",
        "link_id",
        "lots",
        "order_id",
        "reduce_only",
        "reject_reason",
        "smp_order_id",
        "smp_type",
        "status",
        "time_in_force",
        "updated_ms",
    )

    def __init__(
        self, number: int, uid: int, order_id: str, ticket: Ticket, last_ticks: int, now_ms: Ms
    ) -> None:
        super().__init__(number, uid, ticket.side, ticket.ticks, ticket.lots)
        self.order_id = order_id
        self.link_id = ticket.link_id
        self.instrument = ticket.instrument
        self.lots = ticket.lots
        self.is_market = ticket.is_market
        self.time_in_force = ticket.time_in_force
        self.reduce_only = ticket.reduce_only
        self.close_on_trigger = ticket.close_on_trigger
        self.smp_type = ticket.smp_type
        self.smp_order_id = ""
        self.status = Status.NEW
        self.reject_reason = NO_ERROR
        self.cancel_type = CANCEL_UNKNOWN
        self.cum_lots = 0
        self.cum_value_e8 = 0
        self.cum_fee_e8 = 0
        self.closed_pnl_e8 = 0
        self.last_ticks = last_ticks
        self.created_ms = now_ms
        self.updated_ms = now_ms

    @property
    def is_open(self) -> bool:
        """False once the order can no longer trade."""
        return self.status < Status.FILLED

    def fill(self, lots: int, value_e8: int, fee_e8: int, pnl_e8: int, now_ms: Ms) -> None:
        """Count a trade; ``leaves`` itself is kept by whoever holds the order."""
        self.cum_lots += lots
        self.cum_value_e8 += value_e8
        self.cum_fee_e8 += fee_e8
        self.closed_pnl_e8 += pnl_e8
        self.updated_ms = now_ms
        full = self.cum_lots == self.lots
        self.status = Status.FILLED if full else Status.PARTIALLY_FILLED

    def end(self, cancel_type: str, reject_reason: str, now_ms: Ms) -> None:
        """The order is cancelled: nothing is left of it but what it traded."""
        self.status = Status.CANCELLED
        self.cancel_type = cancel_type
        self.reject_reason = reject_reason
        self.leaves = 0
        self.updated_ms = now_ms


#: Fields that no order of this venue uses, with the words the real one shows for "none".
_UNUSED: Final[dict[str, object]] = {
    "parentOrderLinkId": "",
    "blockTradeId": "",
    "isLeverage": "",
    "positionIdx": 0,
    "createType": "CreateByUser",
    "stopOrderType": "",
    "ocoTriggerBy": "",
    "orderIv": "",
    "marketUnit": "",
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


def order_row(order: Order, symbol: str, figures: Figures, leaves_e8: int) -> dict[str, object]:
    """The row of ``order/realtime`` and ``order/history``; ``leaves_e8`` values what is left."""
    row = dict(_UNUSED)
    row["orderId"] = order.order_id
    row["orderLinkId"] = order.link_id
    row["symbol"] = symbol
    row["price"] = figures.price(order.ticks)
    row["qty"] = figures.qty(order.lots)
    row["side"] = SIDE_WORDS[order.side]
    row["orderStatus"] = _STATUS_WORDS[order.status]
    row["cancelType"] = order.cancel_type
    row["rejectReason"] = order.reject_reason
    row["leavesQty"] = figures.qty(order.leaves)
    row["leavesValue"] = money(leaves_e8)
    row["cumExecQty"] = figures.qty(order.cum_lots)
    if order.cum_lots:
        fee = money(order.cum_fee_e8)
        row["avgPrice"] = figures.average(order.cum_value_e8, order.cum_lots)
        row["cumExecValue"] = money(order.cum_value_e8)
        row["cumExecFee"] = fee
        row["cumFeeDetail"] = {"USDT": fee}
    else:
        row["avgPrice"] = ""
        row["cumExecValue"] = row["cumExecFee"] = "0"
        row["cumFeeDetail"] = {}
    row["timeInForce"] = order.time_in_force
    row["orderType"] = "Market" if order.is_market else "Limit"
    row["lastPriceOnCreated"] = figures.price(order.last_ticks)
    row["reduceOnly"] = order.reduce_only
    row["closeOnTrigger"] = order.close_on_trigger
    row["smpType"] = order.smp_type
    row["smpOrderId"] = order.smp_order_id
    row["createdTime"] = str(order.created_ms)
    row["updatedTime"] = str(order.updated_ms)
    return row


def order_event(order: Order, symbol: str, figures: Figures, leaves_e8: int) -> dict[str, object]:
    """The row of the private ``order`` stream: the query's row and what only the stream has."""
    row = order_row(order, symbol, figures, leaves_e8)
    row["category"] = figures.category
    row["brokerOrderPrice"] = ""
    row["closedPnl"] = money(order.closed_pnl_e8)
    row["feeCurrency"] = ""
    return row


class Fill(NamedTuple):
    """One trade of one account, kept until its history is forgotten."""

    number: int
    """Counts the venue's fills; pages of the history are cut by it."""
    exec_id: str
    order_id: str
    link_id: str
    instrument: int
    side: Side
    is_market: bool
    order_ticks: int
    order_lots: int
    leaves: int
    ticks: int
    lots: int
    value_e8: int
    fee_e8: int
    rate_e8: int
    is_maker: bool
    closed_lots: int
    pnl_e8: int
    mark_ticks: int
    index_ticks: int
    exec_ms: Ms
    seq: int


_UNUSED_OF_FILL: Final[dict[str, object]] = {
    "createType": "CreateByUser",
    "stopOrderType": "UNKNOWN",
    "execType": "Trade",
    "feeCurrency": "USDT",
    "tradeIv": "",
    "markIv": "",
    "underlyingPrice": "",
    "blockTradeId": "",
    "extraFees": "",
}


def fill_row(fill: Fill, symbol: str, figures: Figures) -> dict[str, object]:
    """The row of ``execution/list``."""
    row = dict(_UNUSED_OF_FILL)
    fee = money(fill.fee_e8)
    row["symbol"] = symbol
    row["orderId"] = fill.order_id
    row["orderLinkId"] = fill.link_id
    row["side"] = SIDE_WORDS[fill.side]
    row["orderPrice"] = figures.price(fill.order_ticks)
    row["orderQty"] = figures.qty(fill.order_lots)
    row["leavesQty"] = figures.qty(fill.leaves)
    row["orderType"] = "Market" if fill.is_market else "Limit"
    row["execFee"] = fee
    row["execFeeV2"] = fee
    row["execId"] = fill.exec_id
    row["execPrice"] = figures.price(fill.ticks)
    row["execQty"] = figures.qty(fill.lots)
    row["execValue"] = money(fill.value_e8)
    row["execTime"] = str(fill.exec_ms)
    row["isMaker"] = fill.is_maker
    row["feeRate"] = money(fill.rate_e8)
    row["markPrice"] = figures.price(fill.mark_ticks)
    row["indexPrice"] = figures.price(fill.index_ticks)
    row["closedSize"] = figures.qty(fill.closed_lots)
    row["seq"] = fill.seq
    return row


def fill_event(fill: Fill, symbol: str, figures: Figures) -> dict[str, object]:
    """The row of the private ``execution`` stream."""
    row = fill_row(fill, symbol, figures)
    del row["execFeeV2"]
    row["category"] = figures.category
    row["isLeverage"] = "0"
    row["execPnl"] = money(fill.pnl_e8)
    row["marketUnit"] = ""
    return row
