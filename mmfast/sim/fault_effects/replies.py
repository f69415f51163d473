"""What a request's fate makes of its reply: on HTTP and on the trade socket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import orjson

from mmfast.sim.fault_terms.kinds import (
    DropRequest,
    HttpError,
    MalformReply,
    OnRequest,
    ResetReply,
    TruncateReply,
)
from mmfast.sim.wire import (
    HttpReply,
    HttpReset,
    HttpSilence,
    HttpTruncated,
    Output,
    WsReset,
    WsSend,
)

#: Trade-socket operation to the REST call it stands for.
TRADE_PATHS: Final[dict[str, str]] = {
    f"order.{name}": f"/v5/order/{name}"
    for name in ("create", "amend", "cancel", "create-batch", "amend-batch", "cancel-batch")
}

_BODIES: Final[dict[str, bytes]] = {
    "empty": b"",
    "not_json": b'{"retCode":0,"retMsg":"OK","result":{',
    "wrong_types": b'{"retCode":"0","retMsg":0,"result":[],"retExtInfo":"","time":"x"}',
    "no_code": b'{"result":{},"retExtInfo":{}}',
    "binary": bytes(range(128, 192)),
}
_OVERLOADED: Final = 429
_REASONS: Final = {
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}


def trade_path(data: bytes) -> str | None:
    """The REST call a trade-socket message stands for; None when it is no order operation."""
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    op = message.get("op") if isinstance(message, dict) else None
    return TRADE_PATHS.get(op) if isinstance(op, str) else None


def is_applied(fate: OnRequest | None) -> bool:
    """False when the request is lost before it reaches the exchange."""
    return not isinstance(fate, DropRequest | HttpError) or fate.when == "after"


def http_outcome(
    request_id: int, fate: OnRequest | None, answer: Callable[[], HttpReply]
) -> Output:
    """What leaves for an HTTP request; ``answer`` applies it and is called at most once."""
    nothing = HttpReply(request_id=request_id, status=0, headers=(), body=b"")
    reply = answer() if is_applied(fate) else nothing
    if isinstance(fate, DropRequest):
        if fate.then == "silence":
            return HttpSilence(request_id)
        return HttpReset(reply=nothing, after_bytes=0)
    if isinstance(fate, HttpError):
        return _error_page(request_id, fate.status)
    if isinstance(fate, ResetReply):
        return HttpReset(reply=reply, after_bytes=fate.after_bytes)
    if isinstance(fate, TruncateReply):
        if fate.length == "claimed":
            return HttpTruncated(reply=reply, body_bytes=fate.keep_bytes)
        return msgspec.structs.replace(reply, body=reply.body[: fate.keep_bytes])
    if isinstance(fate, MalformReply):
        return msgspec.structs.replace(reply, body=_BODIES[fate.body])
    return reply


def trade_outcome(conn_id: int, fate: OnRequest | None, answers: Sequence[Output]) -> list[Output]:
    """What leaves of the answers to a request on a trade socket."""
    if isinstance(fate, DropRequest):
        return [WsReset(conn_id)] if fate.then == "reset" else []
    return [_spoiled(fate, one) if isinstance(one, WsSend) else one for one in answers]


def _spoiled(fate: OnRequest | None, frame: WsSend) -> Output:
    if isinstance(fate, ResetReply):
        return WsReset(frame.conn_id, frame.data, fate.after_bytes)
    if isinstance(fate, TruncateReply):
        if fate.length == "claimed":
            return WsReset(frame.conn_id, frame.data, fate.keep_bytes)
        return WsSend(frame.conn_id, frame.data[: fate.keep_bytes])
    if isinstance(fate, MalformReply):
        # Text frames must be UTF-8: a binary body becomes text that is no JSON.
        return WsSend(frame.conn_id, _BODIES[fate.body].decode(errors="replace").encode())
    return frame


def _error_page(request_id: int, status: int) -> HttpReply:
    """What a gateway before the venue answers; it is no JSON and has no rate headers."""
    if status == _OVERLOADED:
        return HttpReply(request_id=request_id, status=status, headers=(), body=b"")
    title = f"{status} {_REASONS[status]}"
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n"
        f"<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
    return HttpReply(
        request_id=request_id,
        status=status,
        headers=(("Content-Type", "text/html"),),
        body=page.encode(),
    )
