"""Every return code the venue documents, in one table.

A code that is not here proves nothing: an order command answered with it is UNKNOWN.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from mmfast.errors import (
    AuthError,
    ClockSkewError,
    RateLimitError,
    UnknownRetCode,
    VenueError,
)
from mmfast.messages import Op, Outcome


class RetClass(Enum):
    """What a return code proves. All but OK, UNCHANGED, AMBIGUOUS and DUPLICATE mean that the
    request changed nothing."""

    OK = "done"
    UNCHANGED = "already so: a setting had the wanted value"
    PERM = "refused: the request itself must change"
    RISK = "refused: balance, margin or a position limit stands in the way"
    AUTH = "refused: key, signature, permission, address or region"
    CLOCK = "refused: the timestamp was outside the window"
    THROTTLE = "refused for rate reasons: wait, then send again"
    RETRY = "refused for the moment: the order is busy"
    GONE = "no such open order; how it ended is not told"
    DUPLICATE = "this order id was used before; the first order may live"
    AMBIGUOUS = "the request may or may not have been applied"


_OK = 0

#: Rows of (class, codes). A code stands in exactly one row.
_ROWS: Final[tuple[tuple[RetClass, tuple[int, ...]], ...]] = (
    (RetClass.OK, (_OK,)),
    # 20001 answers a second login on a socket that is logged in.
    (RetClass.UNCHANGED, (20001, 110025, 110026, 110027, 110043)),
    (RetClass.CLOCK, (-1, 10002)),
    (RetClass.AUTH, (-2015, 10003, 10004, 10005, 10007, 10008, 10009, 10010, 10024, 10027, 10028)),
    (RetClass.AUTH, (10029, 33004)),
    (RetClass.THROTTLE, (10006, 10403, 20003, 30035, 170005, 170222)),
    # An overloaded or restarting service refuses some requests after it has passed them on, so
    # these prove nothing, although the documents call 429, 10019 and 10429 refusals.
    (RetClass.AMBIGUOUS, (429, 10000, 10016, 10019, 10429, 3400214)),
    (RetClass.AMBIGUOUS, (170001, 170007, 170032, 170146, 170147, 170234, 170310)),
    # Submitted and being processed; changed while being replaced; "duplicate request".
    (RetClass.AMBIGUOUS, (170035, 40004, 10014)),
    # "Create / cancel / new order / amend failed": refusals that the documents tell us to check.
    (RetClass.AMBIGUOUS, (170149, 170150, 170210, 170311)),
    (RetClass.DUPLICATE, (110072, 170141)),
    (RetClass.GONE, (110001, 110008, 110010, 170139, 170142, 170143, 170190, 170213)),
    (RetClass.RETRY, (110079, 170144, 170191, 170212)),
    # Malformed, unknown route or operation, websocket request id used twice.
    (RetClass.PERM, (10001, 10017, 10404, 20006, 3400045)),
    # Price out of bounds, quantity, value, precision.
    (RetClass.PERM, (30208, 30209, 110003, 110094, 110118, 110120, 110121)),
    (RetClass.PERM, (170124, 170136, 170137, 170140, 170148, 170228, 170229, 170341)),
    (RetClass.PERM, (170132, 170133, 170134, 170192, 170193, 170194, 170371, 170372)),
    (RetClass.PERM, (170381, 170382)),
    # Illegal ids, states and parameters.
    (RetClass.PERM, (110005, 110018, 110019, 110032, 110064, 110092, 110093, 170313)),
    (RetClass.PERM, (170105, 170115, 170116, 170117, 170121, 170130, 170145, 170201, 170312)),
    # Too many open orders; position mode and leverage.
    (RetClass.PERM, (110009, 110020, 170810, 110024, 110028, 110029, 110085, 110086, 110087)),
    # The symbol: settling, not live, delisting, pre-market phases, post-only phase, combo legs.
    (RetClass.PERM, (30228, 110063, 110066, 110074, 110095, 110096, 110097, 110098, 110099)),
    (RetClass.PERM, (110100, 110103, 110115, 110117, 170151, 170157, 170159, 170217, 170218)),
    # Rights that the account lacks: market-maker protection, RPI, terms, regions.
    (RetClass.PERM, (110062, 110065, 110119, 170355, 110123, 110124, 110125, 110131, 110132)),
    (RetClass.PERM, (110135, 110136, 110137)),
    (RetClass.RISK, (110004, 110006, 110007, 110012, 110044, 110045, 110051, 110052, 110053)),
    (RetClass.RISK, (110011, 110017, 110021, 110022, 110023, 110040, 110042, 110046)),
    (RetClass.RISK, (110089, 110090, 170033, 170034, 170131, 3400139)),
)


def _table() -> dict[int, RetClass]:
    table: dict[int, RetClass] = {}
    for ret_class, codes in _ROWS:
        for code in codes:
            if code in table:
                raise ValueError(f"return code {code} stands twice in the table")
            table[code] = ret_class
    return table


RET_CODES: Final = _table()
"""Return code to class."""

TRADE_SOCKET: Final = {10003: RetClass.THROTTLE, 20006: RetClass.DUPLICATE}
"""Codes that mean something else as an answer on the trade websocket: there 10003 says that the
user has too many sessions, and 20006 that the request id was used before. We never use one
twice, so the request itself has arrived twice, and the first one may live."""

_OUTCOMES: Final = {
    RetClass.OK: Outcome.ACK,
    RetClass.PERM: Outcome.REJECT,
    RetClass.RISK: Outcome.REJECT,
    RetClass.AUTH: Outcome.REJECT,
    RetClass.CLOCK: Outcome.REJECT,
    RetClass.RETRY: Outcome.REJECT,
    RetClass.GONE: Outcome.GONE,
    RetClass.THROTTLE: Outcome.THROTTLED,
}
#: Classes that only speak of an order that exists; said of a create they prove nothing.
_NOT_OF_A_PLACE: Final = frozenset({RetClass.GONE, RetClass.RETRY})


def class_of(ret_code: int, *, trade_socket: bool = False) -> RetClass | None:
    """Class of a code, or None for one the table does not list."""
    if trade_socket and ret_code in TRADE_SOCKET:
        return TRADE_SOCKET[ret_code]
    return RET_CODES.get(ret_code)


def outcome_of(ret_code: int, op: Op, *, trade_socket: bool = False) -> Outcome:
    """What a code proves about one order command.

    UNKNOWN unless the table says otherwise. DUPLICATE is UNKNOWN too: we never reuse an id, so
    somebody between us and the venue sent the request twice, and the first one may be live.
    """
    ret_class = class_of(ret_code, trade_socket=trade_socket)
    if ret_class is None or (op == Op.PLACE and ret_class in _NOT_OF_A_PLACE):
        return Outcome.UNKNOWN
    return _OUTCOMES.get(ret_class, Outcome.UNKNOWN)


def error_for(
    ret_code: int, ret_msg: str, *, request_id: str = "", retry_at_ns: int = 0
) -> VenueError:
    """The exception for a refused query or account call; ``ret_code`` is not 0.

    ``retry_at_ns`` (monotonic) is when a rate-limited caller may come back.
    """
    ret_class = RET_CODES.get(ret_code)
    if ret_class is RetClass.THROTTLE:
        return RateLimitError(ret_code, ret_msg, retry_at_ns, request_id)
    kinds: dict[RetClass | None, type[VenueError]] = {
        RetClass.AUTH: AuthError,
        RetClass.CLOCK: ClockSkewError,
        None: UnknownRetCode,
    }
    return kinds.get(ret_class, VenueError)(ret_code, ret_msg, request_id)
