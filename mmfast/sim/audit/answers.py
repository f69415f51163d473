"""What the answers on websockets say of the client: verdicts of order operations, violations.

Read from the very bytes the client gets, so that the audit and the client cannot disagree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson

from mmfast.sim.agenda import Said
from mmfast.sim.audit.requests import UNANSWERED, Audit
from mmfast.sim.fault_effects.replies import TRADE_PATHS, trade_path
from mmfast.sim.fault_terms.kinds import NAMES, MalformReply
from mmfast.sim.known import REFUSED_LOGIN
from mmfast.sim.refusals import BAD_PARAMETER
from mmfast.sim.wire import Output, WsSend

_FINE: Final = re.compile(rb'"(?:retCode":0,|success":true|op":"pong")').search
_HEAD_BYTES: Final = 160
#: Where an answer to an order operation names its code and the operation.
_VERDICT: Final = re.compile(
    rb'[{,]"retCode":(-?\d+),"retMsg":"(?:[^"\\]|\\.)*","op":"(order\.[^"\\]+)"'
).search

_CODES: Final[dict[int, str]] = {
    10002: "bad_timestamp",
    10003: "unknown_key",
    10004: "unauthorised",
    10403: "over_socket_limit",
    10404: "unknown_op",
    20001: "repeated_auth",
    20003: "over_socket_limit",
    20006: "reused_req_id",
}
_TEXTS: Final = (
    ("handler not found", "unknown_topic"),
    ("already subscribed", "repeated_topic"),
    ("not authorized", "unauthorised"),
    ("one request", "mixed_topics"),
    ("args size", "too_many_args"),
    ("exceed", "too_many_args"),
)

_EXPIRED: Final = "Param Error"
"""What the private socket says to a login that has expired, or has the wrong shape."""


class Scribe:
    """Writes into the audit what messages on websockets came to."""

    __slots__ = ("_audit",)

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def answered(self, said: Said, answers: Sequence[Output], venue_ms: int) -> None:
        """A message got these answers, before a fault may have spoiled them on their way."""
        fate = None if said.plan is None else said.plan.fate
        fault = "" if fate is None else NAMES[type(fate)]
        if fate is not None and not isinstance(fate, MalformReply):
            path = trade_path(said.data)
            self._audit.record(f"TRADE {path}", UNANSWERED, venue_ms, fault)
        for answer in answers:
            if not isinstance(answer, WsSend):
                continue
            verdict = trade_verdict(answer.data)
            if verdict is not None and (fate is None or isinstance(fate, MalformReply)):
                self._audit.record(*verdict, venue_ms, fault)
            refused = refusal_in(answer.data)
            if refused is not None:
                where = "websocket" if verdict is None else verdict[0]
                self._audit.violation(refused.kind, where, venue_ms, refused.text)


class Refused(NamedTuple):
    """A refusal: the kind of violation, and the venue's words."""

    kind: str
    text: str


def refusal_in(answer: bytes) -> Refused | None:
    """The protocol violation an answer refuses; None when it refuses nothing, or refuses for
    reasons of the account that the service has judged already."""
    if _FINE(answer, 0, _HEAD_BYTES):
        return None
    reply = orjson.loads(answer)
    code = reply.get("retCode")
    is_login = reply.get("op") == "auth"
    if isinstance(code, int):
        kind = REFUSED_LOGIN if is_login and code == BAD_PARAMETER else _CODES.get(code)
        return None if kind is None else Refused(kind, str(reply.get("retMsg")))
    if reply.get("success") is not False:
        return None
    text = str(reply.get("ret_msg", ""))
    if is_login and text == _EXPIRED:
        return Refused(REFUSED_LOGIN, text)
    known = (kind for part, kind in _TEXTS if part in text)
    return Refused(next(known, "refused_stream_request"), text)


def trade_verdict(answer: bytes) -> tuple[str, str] | None:
    """Endpoint and ``retCode`` of an answer to an order operation; None for all other answers.

    Both are cut out where the trade socket writes them, before anything of the client's but
    its request id, inside which a quote would be written as ``\\"``.
    """
    found = _VERDICT(answer)
    if found is None:
        return None
    path = TRADE_PATHS.get(found[2].decode())
    return None if path is None else (f"TRADE {path}", found[1].decode())
