"""The REST door: path, authentication, budget, and the envelope round every answer.

Order commands of the trade socket come in by :meth:`Router.command`: same routes, same budgets,
another envelope.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

import orjson

from mmfast.sim.accounts import Account
from mmfast.sim.auth import Doorkeeper, Unsigned
from mmfast.sim.calls import Answer, Call, Route, Routes
from mmfast.sim.limits import Grant, Limits
from mmfast.sim.refusals import THROTTLED, THROTTLED_TEXT, Refusal, bad_parameter
from mmfast.sim.wire import HttpReply, HttpRequest

Headers = tuple[tuple[str, str], ...]

_JSON: Final = ("Content-Type", "application/json; charset=utf-8")
_HTML: Final = ("Content-Type", "text/html")
_NO_PARAMS: Final[dict[str, object]] = {}


class _Read(NamedTuple):
    """Parameters of a request, or why they cannot be read."""

    params: Mapping[str, object]
    fault: Refusal | None = None


class Verdict(NamedTuple):
    """How a request ended, before anybody put it into an envelope.

    ``grant`` is None when the endpoint has no budget.
    """

    code: int
    text: str
    answer: Answer
    grant: Grant | None = None


class Router:
    """Answers HTTP requests; everything about one request happens at one instant."""

    __slots__ = ("_accounts", "_doorkeeper", "_limits", "_max_batch", "_paths", "_routes")

    def __init__(
        self,
        routes: Routes,
        accounts: dict[int, Account],
        doorkeeper: Doorkeeper,
        limits: Limits,
        max_batch_orders: int,
    ) -> None:
        self._routes = routes
        self._paths = frozenset(path for _, path in routes)
        self._accounts = accounts
        self._doorkeeper = doorkeeper
        self._limits = limits
        self._max_batch = max_batch_orders

    def answer(self, request: HttpRequest, now_ns: int, venue_ms: int) -> HttpReply:
        """The reply to a request that is applied now."""
        route = self._routes.get((request.method, request.path))
        if route is None:
            return _bare(request, 400 if request.path in self._paths else 404)
        if request.method == "GET" and request.body:
            # The real venue's edge answers so, which looks like an address ban.
            return _bare(request, 403, b"access too frequent")
        if route.is_public:
            return self._answer_public(request, route, now_ns, venue_ms)
        return self._answer_signed(request, route, now_ns, venue_ms)

    def command(
        self, uid: int, path: str, params: Mapping[str, object], now_ns: int, venue_ms: int
    ) -> Verdict:
        """An order command that came without HTTP, from somebody who has been let in.

        ``path`` is that of the same command over REST, whose budget it draws on.
        """
        return self._decide(uid, path, self._routes["POST", path], _Read(params), now_ns, venue_ms)

    def budget(self, uid: int, path: str, now_ns: int, venue_ms: int) -> Grant | None:
        """What is left of an endpoint's budget; nothing is taken."""
        return self._limits.take(uid, path, 0, now_ns, venue_ms)

    def _answer_public(
        self, request: HttpRequest, route: Route, now_ns: int, venue_ms: int
    ) -> HttpReply:
        anyone = next(iter(self._accounts.values()))
        read = _read(request)
        call = Call(anyone, read.params, now_ns, venue_ms, 1)
        return _envelope(request, _run(route, call, read.fault, None), venue_ms)

    def _answer_signed(
        self, request: HttpRequest, route: Route, now_ns: int, venue_ms: int
    ) -> HttpReply:
        try:
            uid = self._doorkeeper.admit(request, venue_ms)
        except Unsigned:
            return _bare(request, 401)
        except Refusal as no:
            return _envelope(request, _refused(no), venue_ms)
        verdict = self._decide(uid, request.path, route, _read(request), now_ns, venue_ms)
        return _envelope(request, verdict, venue_ms)

    def _decide(
        self, uid: int, path: str, route: Route, read: _Read, now_ns: int, venue_ms: int
    ) -> Verdict:
        """Take the budget and do what is asked."""
        units = self._units(read.params) if route.is_batch else 1
        grant = self._limits.take(uid, path, units, now_ns, venue_ms)
        granted = units if grant is None else grant.units
        if not granted:
            return _refused(Refusal(THROTTLED, THROTTLED_TEXT), grant)
        call = Call(self._accounts[uid], read.params, now_ns, venue_ms, granted)
        return _run(route, call, read.fault, grant)

    def _units(self, params: Mapping[str, object]) -> int:
        """A batch costs its orders, also those that will fail; one that is no batch costs 1."""
        items = params.get("request")
        if isinstance(items, list) and 1 <= len(items) <= self._max_batch:
            return len(items)
        return 1


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


def _run(route: Route, call: Call, fault: Refusal | None, grant: Grant | None) -> Verdict:
    if fault is not None:
        return _refused(fault, grant)
    try:
        answer = route.handler(call)
    except Refusal as no:
        return _refused(no, grant)
    return Verdict(answer.code, answer.text, answer, grant)


def _refused(no: Refusal, grant: Grant | None = None) -> Verdict:
    return Verdict(no.code, no.text, Answer({}), grant)


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
    headers: Headers = () if verdict.grant is None else verdict.grant.headers()
    return HttpReply(
        request_id=request.request_id,
        status=200,
        headers=(_JSON, *headers),
        body=orjson.dumps(body),
    )


def _bare(request: HttpRequest, status: int, body: bytes = b"") -> HttpReply:
    return HttpReply(request_id=request.request_id, status=status, headers=(_HTML,), body=body)
