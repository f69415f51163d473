"""How the venue words its websocket answers: private and trade sockets.

Public and private answers carry ``success``, ``ret_msg``, ``conn_id`` and ``req_id``; the trade
socket writes ``retCode``, ``retMsg``, ``connId`` and ``reqId``. The public dialects, one per
category, are :mod:`mmfast.sim.sockets.styles`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

from mmfast.sim.service import Verdict

TRADE_TEXTS: Final[dict[int, str]] = {
    0: "OK",
    10001: "Param error",
    10002: "The request time exceeds the time window range.",
    10003: "Invalid apikey",
    10004: "Invalid sign",
    10006: "Too many visits. Exceeded the API Rate Limit.",
    10019: "ws trade service is restarting",
    10403: "exceed IP rate limit",
    10404: "op type is not found",
    20001: "Repeat auth",
    20003: "Too frequent requests under the same session",
    20006: "reqId is duplicated",
}
"""What the trade socket itself says to these codes; business codes bring their own words."""
TOO_MANY_SESSIONS: Final = "Too many sessions under the same UID"
"""10003 on a trade socket whose key is in order."""
BAD_CATEGORY: Final = "category is not correct/supported"
"""10404 on a trade socket whose ``op`` is in order."""

_PRIVATE_AUTH_TEXTS: Final[dict[int, str]] = {
    10001: "Param Error",
    10002: "Request expired",
    10003: "API key is invalid.",
    10004: "Error sign, please check your signature generation algorithm.",
    20001: "Repeat auth",
}


def stream_reply(op: str, conn: str, req_id: str | None, error: str = "", text: str = "") -> bytes:
    """Answer of a public or private socket to ``op``; ``error`` makes it a refusal, ``text`` is
    what a success says.

    ``req_id`` None leaves the field out, which is how the private socket treats a request
    without one.
    """
    reply: dict[str, object] = {"success": not error, "ret_msg": error or text, "conn_id": conn}
    if req_id is not None:
        reply["req_id"] = req_id
    reply["op"] = op
    return orjson.dumps(reply)


def private_pong(conn: str, req_id: str | None, venue_ms: int) -> bytes:
    """Carries the venue's time; ``req_id`` only when one was sent."""
    reply: dict[str, object] = {} if req_id is None else {"req_id": req_id}
    return orjson.dumps(reply | {"op": "pong", "args": [str(venue_ms)], "conn_id": conn})


def private_auth(conn: str, code: int) -> bytes:
    """The private socket names no code, only a text."""
    text = "" if code == 0 else _PRIVATE_AUTH_TEXTS.get(code, f"Auth failed ({code})")
    return orjson.dumps({"success": code == 0, "ret_msg": text, "op": "auth", "conn_id": conn})


def private_message(
    message_id: str, topic: str, venue_ms: int, rows: list[dict[str, object]]
) -> bytes:
    """One message of a private topic; an empty id is left out, as ``execution.fast`` has it."""
    message: dict[str, object] = {"id": message_id} if message_id else {}
    return orjson.dumps(message | {"topic": topic, "creationTime": venue_ms, "data": rows})


def trade_reply(op: str, conn: str, code: int, req_id: str | None = None, text: str = "") -> bytes:
    """Answer of the trade socket to auth and to anything malformed."""
    reply: dict[str, object] = {} if req_id is None else {"reqId": req_id}
    text = text or TRADE_TEXTS.get(code, f"Refused ({code})")
    return orjson.dumps(reply | {"retCode": code, "retMsg": text, "op": op, "connId": conn})


def trade_pong(conn: str, req_id: str | None, venue_ms: int) -> bytes:
    """Carries the venue's time in ``data``."""
    reply: dict[str, object] = {} if req_id is None else {"reqId": req_id}
    return orjson.dumps(
        reply
        | {"retCode": 0, "retMsg": "OK", "op": "pong", "data": [str(venue_ms)], "connId": conn}
    )


def trade_verdict(
    op: str, conn: str, req_id: str | None, verdict: Verdict, trace: Mapping[str, str]
) -> bytes:
    """Answer to an order operation: what the same command over REST would have got.

    ``header`` repeats the rate headers of REST, all as text, and ``trace``.
    """
    reply: dict[str, object] = {} if req_id is None else {"reqId": req_id}
    reply["retCode"] = verdict.code
    reply["retMsg"] = verdict.text
    reply["op"] = op
    reply["data"] = verdict.answer.result
    reply["retExtInfo"] = verdict.answer.ext
    reply["header"] = {**dict(verdict.headers()), **trace}
    reply["connId"] = conn
    return orjson.dumps(reply)
