"""The REST door: address limit, path, authentication, and the envelope round every answer.

Order commands of the trade socket come in by :meth:`Router.command`: same routes, same budgets,
another envelope.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

import orjson

from mmfast.sim.access.auth import Doorkeeper, Unsigned
from mmfast.sim.access.calls import Answer, Routes
from mmfast.sim.audit.requests import Audit
from mmfast.sim.fault_effects.condition import Condition
from mmfast.sim.faults import TRADE
from mmfast.sim.limits.budgets import AddressLimit, Grant
from mmfast.sim.refusals import (
    BAD_KEY,
    BAD_PARAMETER,
    BAD_SIGNATURE,
    BAD_TIMESTAMP,
    Refusal,
    bad_parameter,
)
from mmfast.sim.service import Service, Visit
from mmfast.sim.service import Verdict as Verdict  # noqa: PLC0414 - what commands end with
from mmfast.sim.wire import HttpReply, HttpRequest

_JSON: Final = ("Content-Type", "application/json; charset=utf-8")
_HTML: Final = ("Content-Type", "text/html")
_NO_PARAMS: Final[dict[str, object]] = {}
_TOO_FREQUENT: Final = b"access too frequent"
_AUTH_VIOLATIONS: Final[dict[int, str]] = {
    BAD_PARAMETER: "bad_timestamp",
    BAD_TIMESTAMP: "bad_timestamp",
    BAD_KEY: "unknown_key",
    BAD_SIGNATURE: "bad_signature",
}


class _Read(NamedTuple):
    """Parameters of a request, or why they cannot be read."""

    params: dict[str, object]
    fault: Refusal | None = None


class Router:
    """Answers HTTP requests; everything about one request happens at one instant."""

    __slots__ = (
        "_addresses",
        "_audit",
        "_condition",
        "_doorkeeper",
        "_paths",
        "_routes",
        "_service",
    )

    def __init__(
        self,
        routes: Routes,
        doorkeeper: Doorkeeper,
        service: Service,
        addresses: AddressLimit,
        audit: Audit,
        condition: Condition,
    ) -> None:
        self._routes = routes
        self._paths = frozenset(path for _, path in routes)
        self._doorkeeper = doorkeeper
        self._service = service
        self._addresses = addresses
        self._audit = audit
        self._condition = condition

    def answer(self, request: HttpRequest, now_ns: int, venue_ms: int) -> HttpReply:
        """The reply to a request that is applied now; ``venue_ms`` is the gateway's time."""
        if self._condition.is_banned:
            return _bare(request, 403, _TOO_FREQUENT)
        if not self._addresses.admits(request.address, now_ns):
            self._violation("over_address_limit", request, venue_ms, request.address)
            return _bare(request, 403, _TOO_FREQUENT)
        route = self._routes.get((request.method, request.path))
        if route is None:
            is_method = request.path in self._paths
            self._violation("wrong_method" if is_method else "unknown_path", request, venue_ms)
            return _bare(request, 400 if is_method else 404)
        if request.method == "GET" and request.body:
            # The real venue's edge answers so, which looks like an address ban.
            self._violation("get_with_body", request, venue_ms)
            return _bare(request, 403, _TOO_FREQUENT)
        if route.is_public:
            read = _read(request)
            return _envelope(
                request, self._service.public(route, read.params, now_ns, venue_ms), venue_ms
            )
        try:
            uid = self._doorkeeper.admit(request, venue_ms)
        except Unsigned:
            self._violation("unsigned", request, venue_ms)
            return _bare(request, 401)
        except Refusal as no:
            self._violation(_AUTH_VIOLATIONS.get(no.code, "auth"), request, venue_ms, no.text)
            return _envelope(request, Verdict(no.code, no.text, Answer()), venue_ms)
        read = _read(request)
        visit = Visit(uid, request.path, now_ns, venue_ms)
        return _envelope(
            request, self._service.signed(visit, route, read.params, read.fault), venue_ms
        )

    def command(
        self,
        uid: int,
        path: str,
        params: Mapping[str, object],
        now_ns: int,
        venue_ms: int,
        since_ns: int = 0,
    ) -> Verdict:
        """An order command of a trade socket that has been let in and was opened at ``since_ns``.

        ``path`` is that of the same command over REST, whose budget it draws on.
        """
        visit = Visit(uid, path, now_ns, venue_ms, TRADE, since_ns)
        return self._service.signed(visit, self._routes["POST", path], params, None)

    def budget(
        self, uid: int, path: str, now_ns: int, venue_ms: int, category: str = ""
    ) -> Grant | None:
        """What is left of an endpoint's budget; nothing is taken."""
        return self._service.budget(Visit(uid, path, now_ns, venue_ms), category)

    def _violation(self, kind: str, request: HttpRequest, venue_ms: int, detail: str = "") -> None:
        self._audit.violation(kind, f"{request.method} {request.path}", venue_ms, detail)


def _read(request: HttpRequest) -> _Read:
    if request.method == "GET":
        if not request.query:
            return _Read(_NO_PARAMS)
        # What was not UTF-8 could not be quoted back in a JSON reply.
        query = request.query.encode(errors="replace").decode()
        return _Read(dict(parse_qsl(query, keep_blank_values=True)))
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        return _Read(_NO_PARAMS, bad_parameter("params error: the body must be a JSON object"))
    return _Read(body)


def _envelope(request: HttpRequest, verdict: Verdict, venue_ms: int) -> HttpReply:
    body = {
        "retCode": verdict.code,
        "retMsg": verdict.text,
        "result": verdict.answer.result,
        "retExtInfo": verdict.answer.ext,
        "time": venue_ms,
    }
    for part in verdict.answer.omits:
        del body[part]
    return HttpReply(
        request_id=request.request_id,
        status=200,
        headers=(_JSON, *verdict.headers()),
        body=orjson.dumps(body),
    )


def _bare(request: HttpRequest, status: int, body: bytes = b"") -> HttpReply:
    return HttpReply(request_id=request.request_id, status=status, headers=(_HTML,), body=body)
