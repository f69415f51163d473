"""Every fault the venue can be told to have: its name, its parameters, their bounds.

All are off by default. Times are milliseconds; ``from_ms`` counts from the moment the schedule
is loaded (venue clock 0 for a file given at the start). ``for_ms`` left out means for ever.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

MAX_MS: Final = 86_400_000

Millis = Annotated[int, Meta(ge=0, le=MAX_MS)]
Span = Annotated[int, Meta(ge=1, le=MAX_MS)]
Skew = Annotated[int, Meta(ge=-MAX_MS, le=MAX_MS)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Skip = Annotated[int, Meta(ge=0, le=1_000_000)]
Bytes = Annotated[int, Meta(ge=0, le=1_000_000)]
Index = Annotated[int, Meta(ge=0, le=19)]
Bps = Annotated[int, Meta(ge=-5_000, le=5_000)]
Levels = Annotated[int, Meta(ge=0, le=10_000)]
Factor = Annotated[int, Meta(ge=2, le=10_000)]
RetCode = Annotated[int, Meta(ge=1, le=9_999_999)]
Chance = Annotated[
    Decimal, Meta(extra={"low": Decimal(0), "high": Decimal(1), "places": 6})
]  # fmt: skip
Sigma = Annotated[
    Decimal, Meta(extra={"low": Decimal("0.01"), "high": Decimal(3), "places": 4})
]  # fmt: skip
Quantity = Annotated[
    Decimal, Meta(extra={"low": Decimal(0), "high": Decimal(1_000_000_000), "places": 8})
]  # fmt: skip
Path = Annotated[
    str, Meta(pattern=r"/v5(/[a-z-]+)*/?", extra={"expects": "a path such as /v5/order/create"})
]  # fmt: skip
Symbol = Annotated[
    str, Meta(pattern=r"[A-Z0-9-]{2,30}", extra={"expects": "a symbol such as BTCUSDT"})
]  # fmt: skip
Prefix = Annotated[
    str, Meta(pattern=r"[0-9A-Za-z_-]{0,20}", extra={"expects": "at most 20 of A-Z a-z 0-9 _ -"})
]  # fmt: skip
Traded = Literal["linear", "inverse", "spot"]
Listed = Literal["any", "linear", "inverse", "spot", "option"]


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What every fault has: when it is on."""

    from_ms: Millis = 0
    for_ms: Span | None = None


class Sampled(Fault, frozen=True, kw_only=True):
    """A fault that hits some of what passes: of the things that match, ``skip`` are let go, then
    each is hit with ``chance``, until ``at_most`` were."""

    chance: Chance = Decimal(1)
    skip: Skip = 0
    at_most: Count | None = None


class OnRequest(Sampled, frozen=True, kw_only=True):
    """Requests to ``path``, or below it when it ends in a slash. Trade-socket operations have
    the path of the REST call they stand for (``order.create``: ``/v5/order/create``)."""

    path: Path = "/v5/"
    via: Literal["any", "http", "trade"] = "any"


# Time a request takes.


class Latency(OnRequest, frozen=True, kw_only=True):
    """Extra time on a leg: before the request is applied, after it, or drawn for each."""

    leg: Literal["request", "reply", "both"] = "both"


class LatencyFixed(Latency, frozen=True, kw_only=True):
    """Always ``ms``."""

    ms: Millis


class LatencyUniform(Latency, frozen=True, kw_only=True):
    """From ``low_ms`` to ``high_ms``, evenly."""

    low_ms: Millis = 0
    high_ms: Millis


class LatencyLognormal(Latency, frozen=True, kw_only=True):
    """Log-normal: half of the draws are over ``median_ms``; none is over ``most_ms``."""

    median_ms: Span
    sigma: Sigma = Decimal("0.5")
    most_ms: Span = 10_000


class LatencySpikes(Latency, frozen=True, kw_only=True):
    """Rarely very long: ``ms`` with ``spike_chance``, else nothing."""

    ms: Span
    spike_chance: Chance = Decimal("0.01")


# What becomes of a request and its reply, on the wire.


class DropRequest(OnRequest, frozen=True, kw_only=True):
    """The request gets no answer: it is lost before it was applied, or its answer is."""

    when: Literal["before", "after"] = "before"
    then: Literal["silence", "reset"] = "silence"
    """Leave the connection open without a word, or reset it."""


class ResetReply(OnRequest, frozen=True, kw_only=True):
    """Applied; the connection is reset after so many bytes of the reply, head included."""

    after_bytes: Bytes = 0


class TruncateReply(OnRequest, frozen=True, kw_only=True):
    """Applied; only the first bytes of the body come. ``claimed``: the head still announces the
    whole length and the connection closes; ``honest``: the length is right, the JSON is cut."""

    keep_bytes: Bytes = 0
    length: Literal["honest", "claimed"] = "honest"


class MalformReply(OnRequest, frozen=True, kw_only=True):
    """Applied; the body is not what it should be."""

    body: Literal["empty", "not_json", "wrong_types", "no_code", "binary"] = "not_json"


class HttpError(OnRequest, frozen=True, kw_only=True):
    """HTTP 5xx with an HTML page (429: without a body), from before or from after the request
    was applied."""

    status: Literal[429, 500, 502, 503, 504] = 502
    when: Literal["before", "after"] = "before"


# What the service says.


class TooManyVisits(OnRequest, frozen=True, kw_only=True):
    """Signed requests are refused with 10006 whatever is left of the budget."""


class ServerError(OnRequest, frozen=True, kw_only=True):
    """Signed requests are answered 10016 (or 10000, timeout; or 10429, system protection),
    before or after they were applied."""

    code: Literal[10000, 10016, 10429] = 10016
    when: Literal["before", "after"] = "before"


class ServiceRestarting(OnRequest, frozen=True, kw_only=True):
    """Trade sockets that were open when it began answer every order operation with 10019; new
    ones work."""


class BatchItems(OnRequest, frozen=True, kw_only=True):
    """The items of a batch at these positions fail and are not applied."""

    items: tuple[Index, ...] = (0,)
    code: RetCode = 10016
    text: Prefix = "server-error"


# Private streams.


class OnPrivate(Sampled, frozen=True, kw_only=True):
    """Messages of one private stream, or of all."""

    stream: Literal["all", "order", "execution", "position", "wallet"] = "all"


class PrivateDuplicate(OnPrivate, frozen=True, kw_only=True):
    """The message comes ``copies`` times more, ``gap_ms`` apart."""

    copies: Annotated[int, Meta(ge=1, le=10)] = 1
    gap_ms: Millis = 0


class PrivateLate(OnPrivate, frozen=True, kw_only=True):
    """The message, and those of its stream after it, wait up to ``by_ms``; order is kept."""

    by_ms: Span


class PrivateReorder(OnPrivate, frozen=True, kw_only=True):
    """The message waits ``by_ms`` while later ones of its stream overtake it."""

    by_ms: Span


# Public books.


class OnBook(Sampled, frozen=True, kw_only=True):
    """Messages of order books with deltas (level 1 sends none)."""

    category: Listed = "any"
    symbol: Symbol | None = None
    """None: every symbol."""
    depth: Literal[0, 25, 50, 100, 200, 1000] = 0
    """0: every depth."""


class BookGap(OnBook, frozen=True, kw_only=True):
    """A delta is lost, so that ``u`` skips."""


class BookCrossed(OnBook, frozen=True, kw_only=True):
    """A delta shows a bid ``by_ticks`` above the best ask; the next message takes it back."""

    by_ticks: Levels = 1


# States: the venue is so from the beginning to the end of the fault.


class BookStale(Fault, frozen=True, kw_only=True):
    """Order books stand still (all topics of them); what changed is told when it ends."""

    category: Listed = "any"
    symbol: Symbol | None = None


class ClockSkew(Fault, frozen=True, kw_only=True):
    """The gateway's clock is off by so much: server time, timestamp check, stream expiry, and
    the stamps of public messages."""

    by_ms: Skew


class LimitLowered(Fault, frozen=True, kw_only=True):
    """Budgets of this path (with a slash at its end: of all below it) are at most ``per_s``."""

    path: Path = "/v5/order/"
    per_s: Annotated[int, Meta(ge=0, le=10_000)]


class AddressBan(Fault, frozen=True, kw_only=True):
    """Every HTTP request is answered 403 in plain text."""


class HalfOpen(Fault, frozen=True, kw_only=True):
    """Connections are accepted and kept, and nothing is ever answered or pushed on them."""

    sockets: Literal["all", "http", "public", "private", "trade"] = "all"


class TickSizeChanged(Fault, frozen=True, kw_only=True):
    """The tick size grows by ``times``. Resting orders stay where they are."""

    symbol: Symbol
    category: Traded = "linear"
    times: Factor = 10


class InstrumentSuspended(Fault, frozen=True, kw_only=True):
    """No new orders and no amends on the instrument; cancels work."""

    symbol: Symbol
    category: Traded = "linear"
    cancel_orders: bool = False
    """Take the account's open orders out when it begins."""


class Maintenance(Fault, frozen=True, kw_only=True):
    """Signed requests are answered 10016, nothing trades, sockets are closed and refused."""


# Acts: things that happen at ``from_ms``, ``times`` in all, ``every_ms`` apart.


class Act(Fault, frozen=True, kw_only=True):
    """Something that happens at an instant, and perhaps again."""

    times: Count = 1
    every_ms: Span = 1_000


class StreamDrop(Act, frozen=True, kw_only=True):
    """All connections of one kind end."""

    sockets: Literal["all", "public", "private", "trade"] = "all"
    how: Literal["close", "reset"] = "close"


class BookRestart(Act, frozen=True, kw_only=True):
    """The service behind the public books starts anew: snapshots with ``u`` = 1."""


class ForeignAct(Act, frozen=True, kw_only=True):
    """Somebody else acts with the account, past the engine."""

    symbol: Symbol
    category: Traded = "linear"
    side: Literal["Buy", "Sell"]
    qty: Quantity
    link_prefix: Prefix = ""
    """Client ids are this and a number; none when it is empty."""


class ForeignOrder(ForeignAct, frozen=True, kw_only=True):
    """A limit order comes to rest ``away_bps`` behind the mark price."""

    away_bps: Bps = 100


class ForeignFill(ForeignAct, frozen=True, kw_only=True):
    """A market order trades."""


KINDS: Final[dict[str, type[Fault]]] = {
    "latency_fixed": LatencyFixed,
    "latency_uniform": LatencyUniform,
    "latency_lognormal": LatencyLognormal,
    "latency_spikes": LatencySpikes,
    "drop_request": DropRequest,
    "reset_reply": ResetReply,
    "truncate_reply": TruncateReply,
    "malform_reply": MalformReply,
    "http_error": HttpError,
    "too_many_visits": TooManyVisits,
    "server_error": ServerError,
    "service_restarting": ServiceRestarting,
    "batch_items": BatchItems,
    "private_duplicate": PrivateDuplicate,
    "private_late": PrivateLate,
    "private_reorder": PrivateReorder,
    "book_gap": BookGap,
    "book_crossed": BookCrossed,
    "book_stale": BookStale,
    "clock_skew": ClockSkew,
    "limit_lowered": LimitLowered,
    "address_ban": AddressBan,
    "half_open": HalfOpen,
    "tick_size_changed": TickSizeChanged,
    "instrument_suspended": InstrumentSuspended,
    "maintenance": Maintenance,
    "stream_drop": StreamDrop,
    "book_restart": BookRestart,
    "foreign_order": ForeignOrder,
    "foreign_fill": ForeignFill,
}
"""Name in a schedule to kind."""

NAMES: Final[dict[type[Fault], str]] = {kind: name for name, kind in KINDS.items()}
