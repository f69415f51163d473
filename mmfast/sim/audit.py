"""What the venue was asked and how it answered, counted for tests and operators. Sans-IO.

The audit sees the same bytes as the exchange and the client; it never changes either.
"""

from __future__ import annotations

from typing import Final

import orjson

from mmfast.sim.wire import HttpReply, HttpRequest

_ORDER_OPS: Final[dict[str, str]] = {
    "/v5/order/create": "place",
    "/v5/order/create-batch": "place",
    "/v5/order/amend": "amend",
    "/v5/order/amend-batch": "amend",
    "/v5/order/cancel": "cancel",
    "/v5/order/cancel-batch": "cancel",
    "/v5/order/cancel-all": "cancel_all",
}
_PLACES: Final = ("/v5/order/create", "/v5/order/create-batch")

#: Link ids kept for the repeat check; the oldest leave first.
_MAX_LINK_IDS: Final = 200_000
#: Paths a client invents must not grow the counters for ever.
_MAX_ENDPOINTS: Final = 256
_OTHER: Final = "other"
_RET_CODE: Final = b'"retCode":'


class Audit:
    """Counters of one venue: requests by endpoint and verdict, order commands, repeated ids.

    A verdict is the ``retCode`` of a JSON reply, or ``http <status>`` for anything else.
    """

    __slots__ = (
        "_endpoints",
        "_link_ids",
        "_pending",
        "commands",
        "repeated_link_ids",
        "requests",
    )

    def __init__(self) -> None:
        self.requests: dict[str, dict[str, int]] = {}
        """Endpoint to verdict to count."""
        self.commands: dict[str, int] = {"place": 0, "amend": 0, "cancel": 0, "cancel_all": 0}
        """Order commands received, item by item, whatever became of them."""
        self.repeated_link_ids = 0
        """Creates that carried an ``orderLinkId`` seen in an earlier create."""
        self._link_ids: dict[str, None] = {}
        self._pending: dict[int, str] = {}
        self._endpoints = 0

    def received(self, request: HttpRequest) -> None:
        """Count what a request asks for."""
        endpoint = f"{request.method} {request.path}"
        if endpoint not in self.requests:
            if self._endpoints >= _MAX_ENDPOINTS:
                endpoint = _OTHER
            else:
                self._endpoints += 1
            self.requests.setdefault(endpoint, {})
        self._pending[request.request_id] = endpoint
        op = _ORDER_OPS.get(request.path)
        if op is not None and request.method == "POST":
            self._count_commands(op, request)

    def answered(self, reply: HttpReply) -> None:
        """Count the verdict."""
        endpoint = self._pending.pop(reply.request_id, None)
        if endpoint is None:
            return
        verdict = _verdict(reply)
        verdicts = self.requests[endpoint]
        verdicts[verdict] = verdicts.get(verdict, 0) + 1

    def report(self) -> dict[str, object]:
        """All counters, as JSON-ready values."""
        return {
            "requests": self.requests,
            "commands": self.commands,
            "repeated_link_ids": self.repeated_link_ids,
        }

    def _count_commands(self, op: str, request: HttpRequest) -> None:
        try:
            body = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return
        if not isinstance(body, dict):
            return
        batch = request.path.endswith("-batch")
        items = body.get("request") if batch else [body]
        if not isinstance(items, list):
            return
        self.commands[op] += len(items)
        if request.path in _PLACES:
            for item in items:
                link_id = item.get("orderLinkId") if isinstance(item, dict) else None
                if isinstance(link_id, str) and link_id:
                    self._note_link_id(link_id)

    def _note_link_id(self, link_id: str) -> None:
        known = self._link_ids
        if link_id in known:
            self.repeated_link_ids += 1
            return
        if len(known) >= _MAX_LINK_IDS:
            del known[next(iter(known))]
        known[link_id] = None


def _verdict(reply: HttpReply) -> str:
    """Read the code from the front of the body, where the venue writes it: parsing whole
    replies would cost more than the counter is worth."""
    at = reply.body.find(_RET_CODE, 0, 64)
    if reply.status != 200 or at < 0:
        return f"http {reply.status}"
    digits = reply.body[at + len(_RET_CODE) : at + len(_RET_CODE) + 12].split(b",", 1)[0]
    return digits.strip(b" }").decode()
