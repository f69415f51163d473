"""Queries: requests exactly as they are signed, and replies to rows.

Order entry is in :mod:`mmfast.bybit.trade`; this is what recovery, start-up and monitoring ask.
"""

from __future__ import annotations

import re
from typing import Any, Final, Generic, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from mmfast.bybit.ret_codes import error_for
from mmfast.bybit.rows import ExecutionRow, OrderRow, PositionRow, WalletRow
from mmfast.bybit.trade import IP_BAN_NS
from mmfast.errors import (
    AuthError,
    OutcomeUnknown,
    RateLimitError,
    RemoteProtocolError,
    VenueError,
)
from mmfast.messages import Category, RateInfo
from mmfast.units import NS_PER_MS, NS_PER_S

ORDERS_PER_PAGE: Final = 50
EXECUTIONS_PER_PAGE: Final = 100
POSITIONS_PER_PAGE: Final = 200
INSTRUMENTS_PER_PAGE: Final = 1000

_CURSOR: Final = re.compile(r"[!-\"$-~]{1,4096}")
_OK: Final = 200
_SERVER_ERRORS: Final = 500


class Query(NamedTuple):
    """One GET request. ``query`` is the text after ``?``, signed and sent as it stands."""

    path: str
    query: str = ""
    signed: bool = True

    @property
    def api(self) -> str:
        """The path without its version, for metrics: ``order/realtime``."""
        return self.path.removeprefix("/v5/")


def server_time() -> Query:
    """The venue's clock."""
    return Query("/v5/market/time", signed=False)


def instruments(category: Category, symbol: str = "", cursor: str = "") -> Query:
    """Filters of one symbol, or of all of a category page by page."""
    limit = "" if category == Category.SPOT else str(INSTRUMENTS_PER_PAGE)
    query = _query(category=category.text, symbol=symbol, limit="" if symbol else limit)
    return Query("/v5/market/instruments-info", _with_cursor(query, cursor), signed=False)


def open_orders(
    category: Category, settle_coin: str = "", symbol: str = "", cursor: str = ""
) -> Query:
    """Open orders of a settle coin or a symbol (linear needs one of the two)."""
    scope = {"symbol": symbol} if symbol else {"settleCoin": settle_coin}
    query = _query(category=category.text, **scope, openOnly="0", limit=str(ORDERS_PER_PAGE))
    return Query("/v5/order/realtime", _with_cursor(query, cursor))


def order_now(category: Category, link_id: str) -> Query:
    """One order by its orderLinkId among the open and the lately closed ones."""
    return Query("/v5/order/realtime", _query(category=category.text, orderLinkId=link_id))


def order_history(category: Category, link_id: str) -> Query:
    """One order by its orderLinkId among the closed ones; may lag behind the stream."""
    return Query("/v5/order/history", _query(category=category.text, orderLinkId=link_id))


def executions(category: Category, start_ms: int, cursor: str = "") -> Query:
    """Executions since ``start_ms``, newest first; funding included."""
    query = _query(category=category.text, startTime=str(start_ms), limit=str(EXECUTIONS_PER_PAGE))
    return Query("/v5/execution/list", _with_cursor(query, cursor))


def executions_of(category: Category, link_id: str, cursor: str = "") -> Query:
    """Executions of one order, however old; an id makes the venue ignore every other filter."""
    query = _query(category=category.text, orderLinkId=link_id, limit=str(EXECUTIONS_PER_PAGE))
    return Query("/v5/execution/list", _with_cursor(query, cursor))


def positions(
    category: Category, settle_coin: str = "", symbol: str = "", cursor: str = ""
) -> Query:
    """Open positions of a settle coin, or the position of a symbol even if it is flat."""
    scope = {"symbol": symbol} if symbol else {"settleCoin": settle_coin}
    query = _query(category=category.text, **scope, limit=str(POSITIONS_PER_PAGE))
    return Query("/v5/position/list", _with_cursor(query, cursor))


def wallet(coin: str) -> Query:
    """Balance of one coin."""
    return Query("/v5/account/wallet-balance", _query(accountType="UNIFIED", coin=coin))


def api_key() -> Query:
    """What the key may do."""
    return Query("/v5/user/query-api")


DCP_PRODUCTS: Final = {
    Category.LINEAR: "DERIVATIVES",
    Category.INVERSE: "DERIVATIVES",
    Category.SPOT: "SPOT",
    Category.OPTION: "OPTIONS",
}


def dcp_info() -> Query:
    """The disconnect protections of the account."""
    return Query("/v5/account/query-dcp-info")


def set_dcp(category: Category, window_s: int) -> tuple[Query, bytes]:
    """The call that sets the disconnect protection of a category's product, and its body. Left
    out, the product would be options."""
    body = {"product": DCP_PRODUCTS[category], "timeWindow": window_s}
    return Query("/v5/order/disconnected-cancel-all"), msgspec.json.encode(body)


class DcpRow(msgspec.Struct, rename="camel", frozen=True):
    """One product's protection; products that have none are not listed."""

    product: str = ""
    dcp_status: str = ""
    time_window: str = ""


class DcpInfo(msgspec.Struct, rename="camel", frozen=True):
    """All protections of the account."""

    dcp_infos: list[DcpRow] = []

    def window_s(self, category: Category) -> int:
        """Seconds of a category's protection; 0 where it is off or not set."""
        for row in self.dcp_infos:
            if row.product == DCP_PRODUCTS[category] and row.dcp_status == "ON":
                return int(row.time_window) if row.time_window.isdecimal() else 0
        return 0


class ApiKeyInfo(msgspec.Struct, rename="camel", frozen=True):
    """Rights and terms of the key in use."""

    read_only: int = 0
    permissions: dict[str, list[str]] = {}
    ips: list[str] = []
    deadline_day: int | None = None
    expired_at: str | None = ""
    uta: int | None = None
    vip_level: str | None = ""
    is_master: bool | None = None
    user_id: int | str | None = msgspec.field(default=None, name="userID")


RowT = TypeVar("RowT")


class Page(msgspec.Struct, Generic[RowT], rename="camel"):
    """One page of a list. The cursor comes percent-encoded and goes back untouched."""

    rows: list[RowT] = msgspec.field(name="list")
    next_page_cursor: str | None = ""


class _Time(msgspec.Struct, rename="camel"):
    time_nano: str


class _Envelope(msgspec.Struct, rename="camel"):
    ret_code: int
    ret_msg: str | None = ""
    result: msgspec.Raw = msgspec.Raw(b"null")


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
INSTRUMENT_PAGE: Final = msgspec.json.Decoder(Page[dict[str, Any]])
ORDER_PAGE: Final = msgspec.json.Decoder(Page[OrderRow])
EXECUTION_PAGE: Final = msgspec.json.Decoder(Page[ExecutionRow])
POSITION_PAGE: Final = msgspec.json.Decoder(Page[PositionRow])
WALLET_PAGE: Final = msgspec.json.Decoder(Page[WalletRow])
DCP_INFO: Final = msgspec.json.Decoder(DcpInfo)
API_KEY: Final = msgspec.json.Decoder(ApiKeyInfo)
_TIME: Final = msgspec.json.Decoder(_Time)

ResultT = TypeVar("ResultT")


def result_of(
    query: Query, http_status: int, body: bytes, rate: RateInfo, received_ns: int
) -> msgspec.Raw:
    """The JSON of ``result``.

    Raises a VenueError for a refusal, OutcomeUnknown for a server error (nothing was learned;
    a query may simply be asked again) and RemoteProtocolError for a reply that is not the
    venue's. ``rate`` tells when a refused caller may come back.
    """
    envelope = _envelope(body)
    if http_status != _OK:
        raise _http_error(query, http_status, envelope, received_ns)
    if envelope is None:
        raise RemoteProtocolError(f"{query.api}: expected a reply envelope, found {body[:40]!r}")
    if envelope.ret_code != 0:
        retry_at_ns = _retry_at_ns(body, rate, received_ns)
        raise error_for(
            envelope.ret_code,
            (envelope.ret_msg or "")[:200],
            request_id=query.api,
            retry_at_ns=retry_at_ns,
        )
    return envelope.result


def decoded(query: Query, decoder: msgspec.json.Decoder[ResultT], result: msgspec.Raw) -> ResultT:
    """``result`` as what ``decoder`` makes of it; RemoteProtocolError if it does not fit."""
    try:
        return decoder.decode(result)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise RemoteProtocolError(f"{query.api}: {error!s:.200}") from None


def venue_time_ns(result: msgspec.Raw) -> int:
    """The instant told by :func:`server_time`, in nanoseconds since the Unix epoch."""
    text = decoded(server_time(), _TIME, result).time_nano
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise RemoteProtocolError(f"market/time: timeNano expected digits, found {text!r:.40}")
    return int(text)


class _Timed(msgspec.Struct):
    time: int = 0


_TIMED: Final = msgspec.json.Decoder(_Timed)


def _retry_at_ns(body: bytes, rate: RateInfo, received_ns: int) -> int:
    """When the budget is back, on our own clock: the venue names the instant on its clock, and
    the reply tells what that clock shows now."""
    try:
        now_ms = _TIMED.decode(body).time
    except (ValueError, RecursionError, msgspec.MsgspecError):
        now_ms = 0
    wait_ms = rate.reset_ms - now_ms if now_ms > 0 and rate.reset_ms > 0 else 0
    # A window is one second: a longer wait than a few of them is a misread clock.
    return received_ns + min(max(wait_ms, 0), 5_000) * NS_PER_MS


def _envelope(body: bytes) -> _Envelope | None:
    try:
        return _ENVELOPE.decode(body)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return None


def _http_error(
    query: Query, status: int, envelope: _Envelope | None, received_ns: int
) -> VenueError | OutcomeUnknown:
    """The exception for an HTTP status other than 200. Bodies are not quoted: they come from
    anywhere on the way."""
    if status >= _SERVER_ERRORS:
        return OutcomeUnknown(f"{query.api}: HTTP {status} from the server or a gateway")
    if status == 403:
        text = "HTTP 403: address limit breached, or this region is refused"
        return RateLimitError(status, text, received_ns + IP_BAN_NS, query.api)
    if status == 429:
        text = "HTTP 429: system protection"
        return RateLimitError(status, text, received_ns + NS_PER_S, query.api)
    if status == 401:
        return AuthError(status, "HTTP 401: key or signature refused", query.api)
    if envelope is not None and envelope.ret_code != 0:
        return error_for(envelope.ret_code, (envelope.ret_msg or "")[:200], request_id=query.api)
    return VenueError(status, f"HTTP {status}", query.api)


def _query(**parts: str) -> str:
    """Query text from the parts that are not empty, in the order given."""
    return "&".join(f"{name}={quote(text, safe='')}" for name, text in parts.items() if text)


def _with_cursor(query: str, cursor: str) -> str:
    if not cursor:
        return query
    # Cursors come percent-encoded already; encoding them again breaks them. But what goes raw
    # into a request line must not be able to end it.
    if not _CURSOR.fullmatch(cursor):
        raise RemoteProtocolError(f"nextPageCursor: expected plain text, found {cursor!r:.40}")
    return f"{query}&cursor={cursor}"
