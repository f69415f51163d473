"""An account's order and its executions: the record. Its rows are :mod:`mmfast.sim.orders.rows`."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from mmfast.messages import Side
from mmfast.sim.market.matching import Resting
from mmfast.units import Ms

SIDE_WORDS: Final = ("Buy", "Sell")


class Status(IntEnum):
    """Venue words for where an order stands; finals are >= FILLED."""

    NEW = 0
    PARTIALLY_FILLED = 1
    FILLED = 2
    CANCELLED = 3
    PARTIALLY_FILLED_CANCELED = 4
    REJECTED = 5

    @property
    def word(self) -> str:
        """The ``orderStatus`` text."""
        return _STATUS_WORDS[self]


_STATUS_WORDS: Final = (
    "New",
    "PartiallyFilled",
    "Filled",
    "Cancelled",
    "PartiallyFilledCanceled",
    "Rejected",
)

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
UNKNOWN_TO_CANCEL: Final = "EC_OrigClOrdIDDoesNotExist"
REST_WORTH_NOTHING: Final = "EC_CancelByMatchValueZero"

CANCEL_UNKNOWN: Final = "UNKNOWN"
CANCEL_BY_ADMIN: Final = "CancelByAdmin"
CANCEL_BY_USER: Final = "CancelByUser"
CANCEL_BY_SMP: Final = "CancelBySmp"
CANCEL_BY_DCP: Final = "CancelByDCP"
CANCEL_BY_REDUCE_ONLY: Final = "CancelByReduceOnly"

UNIT_BASE: Final = "baseCoin"
UNIT_QUOTE: Final = "quoteCoin"


class Ticket(NamedTuple):
    """A create request, read and found well formed.

    ``lots`` 0 means "close the whole position". ``ticks`` of a market order is 0 until the
    exchange has given it its protective price. ``quote`` is the size of a spot market order
    that is sized in the quote coin, in atoms; its ``lots`` are then only a bound.
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
    position_idx: int = 0
    quote: int = 0
    market_unit: str = ""


class Order(Resting):
    """One order of an account, resting or not. Amounts are atoms of their coin."""

    __slots__ = (
        "cancel_type",
        "close_on_trigger",
        "closed_pnl",
        "created_ms",
        "cum_lots",
        "cum_value",
        "fees",
        "instrument",
        "is_market",
        "last_ticks",
        "link_id",
        "lots",
        "market_unit",
        "order_id",
        "position_idx",
        "quote",
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
        self.position_idx = ticket.position_idx
        self.quote = ticket.quote
        self.market_unit = ticket.market_unit
        self.smp_type = ticket.smp_type
        self.smp_order_id = ""
        self.status = Status.NEW
        self.reject_reason = NO_ERROR
        self.cancel_type = CANCEL_UNKNOWN
        self.cum_lots = 0
        self.cum_value = 0
        self.fees: dict[str, int] = {}
        """Fees paid by coin."""
        self.closed_pnl = 0
        self.last_ticks = last_ticks
        self.created_ms = now_ms
        self.updated_ms = now_ms

    @property
    def is_open(self) -> bool:
        """False once the order can no longer trade."""
        return self.status < Status.FILLED

    def fill(self, lots: int, value: int, now_ms: Ms) -> None:
        """Count a trade; ``leaves`` itself is kept by whoever holds the order."""
        self.cum_lots += lots
        self.cum_value += value
        self.updated_ms = now_ms
        full = self.cum_value == self.quote if self.quote else self.cum_lots == self.lots
        self.status = Status.FILLED if full else Status.PARTIALLY_FILLED

    def pay(self, coin: str, fee: int, pnl: int) -> None:
        """Count what a trade cost and realised."""
        self.fees[coin] = self.fees.get(coin, 0) + fee
        self.closed_pnl += pnl

    def end(self, status: Status, cancel_type: str, reject_reason: str, now_ms: Ms) -> None:
        """The order is over: nothing is left of it but what it traded."""
        self.status = status
        self.cancel_type = cancel_type
        self.reject_reason = reject_reason
        self.leaves = 0
        self.updated_ms = now_ms


class Fill(NamedTuple):
    """One trade of one account, kept until its history is forgotten. Amounts are atoms."""

    number: int
    exec_id: str
    order_id: str
    link_id: str
    instrument: int
    side: Side
    is_market: bool
    order_ticks: int
    order_lots: int
    order_quote: int
    leaves: int
    ticks: int
    lots: int
    value: int
    fee: int
    fee_coin: str
    rate_e8: int
    is_maker: bool
    closed_lots: int
    pnl: int
    mark_ticks: int
    index_ticks: int
    exec_ms: Ms
    seq: int
    market_unit: str
