"""How the venue words its websocket answers: three sockets, three dialects.

Public and private answers carry ``success``, ``ret_msg``, ``conn_id`` and ``req_id``; the trade
socket writes ``retCode``, ``retMsg``, ``connId`` and ``reqId``. The public pong keeps ``op``
"ping", the private one says "pong".
"""

from __future__ import annotations

from typing import Final

import orjson

TRADE_TEXTS: Final[dict[int, str]] = {
    0: "OK",
    10001: "Param error",
    10002: "The request time exceeds the time window range.",
    10003: "Invalid apikey",
    10004: "Invalid sign",
    10404: "op type is not found",
    20001: "Repeat auth",
}
"""Texts of the codes this shell uses on the trade socket."""

_PRIVATE_AUTH_TEXTS: Final[dict[int, str]] = {
    10001: "Param Error",
    10002: "Request expired",
    10003: "API key is invalid.",
    10004: "Error sign, please check your signature generation algorithm.",
    20001: "Repeat auth",
}


def stream_reply(op: str, conn: str, req_id: str | None, error: str = "") -> bytes:
    """Answer of the public or private socket to ``op``; ``error`` makes it a refusal.

    ``req_id`` None leaves the field out, which is how the private socket treats a request
    without one.
    """
    reply: dict[str, object] = {"success": not error, "ret_msg": error, "conn_id": conn}
    if req_id is not None:
        reply["req_id"] = req_id
    reply["op"] = op
    return orjson.dumps(reply)


def public_pong(conn: str, req_id: str) -> bytes:
    """``op`` stays "ping" here."""
    return orjson.dumps(
        {"success": True, "ret_msg": "pong", "conn_id": conn, "req_id": req_id, "op": "ping"}
    )


def private_pong(conn: str, req_id: str | None, venue_ms: int) -> bytes:
    """Carries the venue's time; ``req_id`` only when one was sent."""
    reply: dict[str, object] = {} if req_id is None else {"req_id": req_id}
    return orjson.dumps(reply | {"op": "pong", "args": [str(venue_ms)], "conn_id": conn})


def private_auth(conn: str, code: int) -> bytes:
    """The private socket names no code, only a text."""
    text = "" if code == 0 else _PRIVATE_AUTH_TEXTS.get(code, f"Auth failed ({code})")
    return orjson.dumps({"success": code == 0, "ret_msg": text, "op": "auth", "conn_id": conn})


def trade_reply(op: str, conn: str, code: int, req_id: str | None = None) -> bytes:
    """Answer of the trade socket to auth and to anything malformed."""
    reply: dict[str, object] = {} if req_id is None else {"reqId": req_id}
    text = TRADE_TEXTS.get(code, f"Refused ({code})")
    return orjson.dumps(reply | {"retCode": code, "retMsg": text, "op": op, "connId": conn})


def trade_pong(conn: str, req_id: str | None, venue_ms: int) -> bytes:
    """Carries the venue's time in ``data``."""
    reply: dict[str, object] = {} if req_id is None else {"reqId": req_id}
    return orjson.dumps(
        reply
        | {"retCode": 0, "retMsg": "OK", "op": "pong", "data": [str(venue_ms)], "connId": conn}
    )


def trade_refusal(
    op: str, conn: str, code: int, req_id: str | None, header: dict[str, str]
) -> bytes:
    """Answer to an order operation that is refused as a whole: ``data`` is empty."""
    reply: dict[str, object] = {} if req_id is None else {"reqId": req_id}
    text = TRADE_TEXTS.get(code, f"Refused ({code})")
    return orjson.dumps(
        reply
        | {
            "retCode": code,
            "retMsg": text,
            "op": op,
            "data": {},
            "retExtInfo": {},
            "header": header,
            "connId": conn,
        }
    )


def private_message(
    message_id: str, topic: str, venue_ms: int, rows: list[dict[str, object]]
) -> bytes:
    """One message of a private topic."""
    return orjson.dumps({"id": message_id, "topic": topic, "creationTime": venue_ms, "data": rows})
