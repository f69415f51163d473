"""The words the parts speak: frozen events, commands and batches.

Messages are facts. Nothing changes one; new ones are derived. Every integer carries its unit
in its name (see :mod:`mmfast.units`).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum, IntFlag
from typing import ClassVar, NamedTuple

import msgspec

from mmfast.units import ClientId, InstrumentIndex, Lots, Ms, Ns, QuoteE8, SignedLots, Slot, Ticks


class Category(IntEnum):
    """Bybit product category."""

    LINEAR = 0
    INVERSE = 1
    SPOT = 2
    OPTION = 3

    @property
    def text(self) -> str:
        """The venue's word, for example ``linear``."""
        return self.name.lower()


class Side(IntEnum):
    """Side of an order. ``1 - 2 * side`` is the sign of the position it builds."""

    BUY = 0
    SELL = 1


class Op(IntEnum):
    """What a command does; the order of the values is the order of sending in a flush."""

    CANCEL = 0
    AMEND = 1
    PLACE = 2


class Flag(IntFlag):
    """Properties of a command, as bits so that compiled code can carry them."""

    NONE = 0
    POST_ONLY = 1
    REDUCE_ONLY = 2
    IOC = 4
    URGENT = 8
    """Risk-reducing: planned before everything else. Never written to the wire."""
    AMEND_PRICE = 16
    """This amend changes the price (else the price is left out of the request)."""
    AMEND_QTY = 32
    """This amend changes the total quantity."""


class OrderStatus(IntEnum):
    """Venue-side life of an order. Values only grow along a life; finals are >= FILLED."""

    PENDING_NEW = 0
    WORKING = 1
    PARTIALLY_FILLED = 2
    FILLED = 3
    CANCELLED = 4
    REJECTED = 5
    EXPIRED_UNSENT = 6
    """Proven never to have reached the venue."""
    UNKNOWN_STATUS = 7
    """The venue used a word we do not know: ask, never guess. Not a state of our table."""

    @property
    def is_final(self) -> bool:
        """True when the order can no longer trade."""
        return OrderStatus.FILLED <= self <= OrderStatus.EXPIRED_UNSENT


class Outcome(IntEnum):
    """What is known about one command after its reply (or its absence)."""

    ACK = 0
    """Accepted for processing; not proof that anything rests."""
    REJECT = 1
    """A return code in the table of proven refusals."""
    THROTTLED = 2
    """Proven refusal for rate reasons: the intent may be sent again, later."""
    GONE = 3
    """A cancel or amend found no such open order; how it ended is still to be learned."""
    UNKNOWN = 4
    """Everything else: it counts at full size until the venue has proved an end."""
    NOT_SENT = 5
    """No byte reached a connected socket."""
    LOCAL_REJECT = 6
    """We refused it ourselves before sending."""


class Stream(IntEnum):
    """A long-lived connection to the venue."""

    PUBLIC = 0
    PRIVATE = 1
    TRADE = 2


class Mode(IntEnum):
    """Mode of the whole engine. Cancels are allowed in all of them."""

    SYNCING = 0
    TRADING = 1
    REDUCE_ONLY = 2
    DRAINING = 3
    HALTED = 4


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument's filters, in integers.

    The tick size is ``tick_units * 10**-tick_decimals``, the quantity step alike, both exact. One
    lot is worth ``price_ticks * tick_lot_value_e8``.
    """

    index: InstrumentIndex
    symbol: str
    category: Category
    base_coin: str
    quote_coin: str
    settle_coin: str
    tick_decimals: int
    tick_units: int
    step_decimals: int
    step_units: int
    min_price_ticks: Ticks
    max_price_ticks: Ticks
    min_order_lots: Lots
    max_order_lots: Lots
    min_notional_e8: QuoteE8
    tick_lot_value_e8: int
    price_limit_e8: int = 10**8  # how far beyond the mark price a limit price may go
    TRADING: ClassVar[str] = "Trading"
    status: str = TRADING

    def notional_e8(self, price_ticks: int, lots: int) -> QuoteE8:
        """Value of ``lots`` at ``price_ticks`` in 1e-8 quote coins."""
        return QuoteE8(price_ticks * lots * self.tick_lot_value_e8)


class Command(NamedTuple):
    """One thing to do to one order. A tuple, so that compiled code reads it by position.

    ``client_id`` names the order: new for PLACE, the resting one for AMEND and CANCEL.
    ``lots`` is the total size wanted (filled part included, as the venue counts an amend).
    """

    op: Op
    slot: Slot
    instrument: InstrumentIndex
    side: Side
    flags: int
    price_ticks: Ticks
    lots: Lots
    client_id: ClientId


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One request to the venue: commands of one operation and one category.

    ``single`` selects the single-order endpoint (then there is exactly one command).
    ``tick_id`` is the flush it came from; ``batch_id`` is unique in a run.
    """

    batch_id: int
    tick_id: int
    op: Op
    category: Category
    single: bool
    commands: tuple[Command, ...]


class ItemReply(NamedTuple):
    """Outcome of one command of a batch. ``venue_id`` is empty unless the venue named one."""

    client_id: ClientId
    outcome: Outcome
    ret_code: int
    ret_msg: str
    venue_id: str


class RateInfo(NamedTuple):
    """The venue's own account of a rate bucket, from the reply headers (-1: not told)."""

    limit: int
    remaining: int
    reset_ms: Ms


NO_RATE_INFO = RateInfo(-1, -1, Ms(-1))


class BatchReply(msgspec.Struct, frozen=True, kw_only=True):
    """Everything learned from sending one batch; ``items`` is aligned with the commands, and may
    be a sequence that makes each when it is looked at. ``blocked_until_ns`` (monotonic) is set
    when the venue shut the door for longer than one rate window (HTTP 403 say), else 0."""

    batch: Batch
    items: Sequence[ItemReply]
    rate: RateInfo
    sent_ns: Ns
    received_ns: Ns
    blocked_until_ns: Ns = Ns(0)


class BookFrame(msgspec.Struct, frozen=True, gc=False):
    """One order book frame of one instrument, as received; ``level1`` names its witness."""

    instrument: InstrumentIndex
    data: bytes
    level1: bool = False


class VenueTime(msgspec.Struct, frozen=True, gc=False):
    """Venue time is our monotonic clock plus ``offset_ns``, give or take ``doubt_ns``."""

    offset_ns: int
    doubt_ns: int


class ReferencePrice(msgspec.Struct, frozen=True, gc=False):
    """The venue's own price of an instrument (mark, index or last), as its ticker tells it."""

    instrument: InstrumentIndex
    ticks: Ticks


class BookReset(msgspec.Struct, frozen=True, gc=False):
    """The book stream of an instrument starts anew; drop the book and wait for a snapshot."""

    instrument: InstrumentIndex


class StreamState(msgspec.Struct, frozen=True, gc=False):
    """A connection became usable (every topic acknowledged) or was lost."""

    stream: Stream
    up: bool


class OrderUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue says about one order (``client_id`` 0: not ours); ``leaves_lots`` still rests.
    ``asked_ns`` (monotonic) is when a query began, 0 for the stream: that may tell of any time."""

    client_id: ClientId
    link_id: str
    venue_id: str
    instrument: InstrumentIndex
    side: Side
    status: OrderStatus
    price_ticks: Ticks
    lots: Lots
    cum_lots: Lots
    leaves_lots: Lots
    reject_reason: str
    cancel_type: str
    updated_ms: Ms
    reduce_only: bool = False
    asked_ns: Ns = Ns(0)


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One trade of the account. ``value_e8`` is price times size, ``fee_e8`` positive when paid."""

    client_id: ClientId
    exec_id: str
    venue_id: str
    instrument: InstrumentIndex
    side: Side
    price_ticks: Ticks
    lots: Lots
    value_e8: QuoteE8
    fee_e8: QuoteE8
    is_maker: bool
    exec_type: str
    exec_ms: Ms
    seq: int


class PositionUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The venue's view of a position (one-way mode)."""

    instrument: InstrumentIndex
    lots: SignedLots
    entry_value_e8: QuoteE8
    """Cost of the position: average entry price times size, not negative."""
    updated_ms: Ms
    seq: int


class WalletUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """Balance of a settlement coin."""

    coin: str
    balance_e8: QuoteE8
    equity_e8: QuoteE8


class OrderAbsent(msgspec.Struct, frozen=True, kw_only=True):
    """Proof that an order never reached the book: two searches after its expiry found nothing."""

    client_id: ClientId
    evidence: str


class AccountSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The venue's truth, read by REST while the private stream was up: all open ``orders`` (ours
    and others'), ``executions`` since the last known, one of ``positions`` per instrument, of
    ``wallets`` per settlement coin. Reading began at ``asked_ns``: an order first sent after that
    may be absent without meaning anything."""

    orders: tuple[OrderUpdate, ...]
    executions: tuple[Execution, ...]
    positions: tuple[PositionUpdate, ...]
    asked_ns: Ns
    wallets: tuple[WalletUpdate, ...] = ()


class InstrumentChange(msgspec.Struct, frozen=True):
    """An instrument's filters were read again and differ. As a request to the shell: nothing is
    left of it in its old units, change over to these, with ``Kernel.renew_units`` first."""

    instrument: Instrument


class ModeChange(msgspec.Struct, frozen=True):
    """The operator or the shell asks the kernel for a mode; or a control of its own, the shell."""

    mode: Mode
    reason: str


Event = (
    BookFrame
    | BookReset
    | VenueTime
    | ReferencePrice
    | StreamState
    | BatchReply
    | OrderUpdate
    | Execution
    | PositionUpdate
    | WalletUpdate
    | OrderAbsent
    | AccountSnapshot
    | InstrumentChange
    | ModeChange
)


class Resubscribe(msgspec.Struct, frozen=True, gc=False):
    """Request to the shell: this instrument's book cannot be trusted, start its stream anew."""

    instrument: InstrumentIndex
    reason: str


class ResolveOrder(msgspec.Struct, frozen=True, gc=False):
    """Request to the shell: ask the venue how this order stands. ``sent_ns`` is when its create
    last left; only after that plus the receive window may "not found" prove anything."""

    client_id: ClientId
    instrument: InstrumentIndex
    sent_ns: Ns


class ReadAccount(msgspec.Struct, frozen=True, gc=False):
    """Request to the shell: read the whole account again and deliver an AccountSnapshot."""

    reason: str


class Severity(IntEnum):
    """How loud an alert is."""

    INFO = 0
    WARNING = 1
    ERROR = 2


class Alert(msgspec.Struct, frozen=True, gc=False):
    """Request to the shell: tell the operator. ``code`` is a stable word, ``text`` a sentence."""

    severity: Severity
    code: str
    text: str


Request = Resubscribe | ResolveOrder | ReadAccount | Alert | ModeChange | InstrumentChange
