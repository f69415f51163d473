"""The counter behind REST and the trade socket: budget, faults, the call itself, the audit.

Both doors bring requests here that are already authenticated, so they share one budget and one
set of rules; each wraps the outcome in its own envelope.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from mmfast.messages import Category
from mmfast.sim.access.calls import Answer, Call, Route
from mmfast.sim.accounts.accounts import Account
from mmfast.sim.audit.requests import Audit, Counting
from mmfast.sim.fault_effects.condition import Condition
from mmfast.sim.fault_terms.kinds import (
    BatchItems,
    OnRequest,
    ServerError,
    ServiceRestarting,
    TooManyVisits,
)
from mmfast.sim.faults import HTTP, Faults
from mmfast.sim.limits.budgets import Cost, Grant, Limits, cost_of
from mmfast.sim.refusals import THROTTLED, THROTTLED_TEXT, Refusal

SERVER_ERROR: Final = 10016
RESTARTING: Final = 10019
_ERROR_TEXTS: Final = {
    10000: "Server Timeout",
    SERVER_ERROR: "Server error.",
    10429: "System level frequency protection",
}
_SECOND_MS: Final = 1000
_CATEGORIES: Final = {category.text: category for category in Category}
_NO_RESULT: Final = Answer()

_VIOLATIONS: Final[dict[int, str]] = {
    10001: "bad_parameter",
    110072: "reused_link_id",
    170141: "reused_link_id",
}


class Visit(NamedTuple):
    """One authenticated request: whose it is, how and when it came.

    ``since_ns`` is when its trade socket was opened; 0 over HTTP.
    """

    uid: int
    path: str
    now_ns: int
    venue_ms: int
    via: str = HTTP
    since_ns: int = 0


class Verdict(NamedTuple):
    """What the service says: ``retCode``, ``retMsg``, the answer (empty on a refusal), and what
    the rate headers tell (None: the endpoint has no budget, or nobody looked)."""

    code: int
    text: str
    answer: Answer
    grant: Grant | None = None

    def headers(self) -> tuple[tuple[str, str], ...]:
        """The rate headers."""
        return () if self.grant is None else self.grant.headers()


class Service:
    """One venue's. ``max_batch`` gives the most orders a batch of a category may hold."""

    __slots__ = ("_accounts", "_audit", "_condition", "_faults", "_limits", "_max_batch")

    def __init__(
        self,
        accounts: dict[int, Account],
        limits: Limits,
        max_batch: Callable[[Category], int],
        audit: Audit,
        faults: Faults,
        condition: Condition,
    ) -> None:
        self._accounts = accounts
        self._limits = limits
        self._max_batch = max_batch
        self._audit = audit
        self._faults = faults
        self._condition = condition

    def public(self, route: Route, params: Mapping[str, object], now_ns: int, ms: int) -> Verdict:
        """Answer a public call: no account, no budget."""
        anyone = next(iter(self._accounts.values()))
        return _run(route, Call(anyone, params, now_ns, ms, 1), None)

    def signed(
        self, visit: Visit, route: Route, params: Mapping[str, object], unread: Refusal | None
    ) -> Verdict:
        """Answer a signed call. ``unread`` says why its parameters could not be read."""
        self._audit.ordered(visit.path, params, visit.venue_ms)
        if self._condition.is_under_maintenance:
            return Verdict(SERVER_ERROR, "The service is under maintenance.", _NO_RESULT)
        fault = None
        if self._faults.door:
            fault = self._faults.at_door(visit.path, visit.via, visit.since_ns, visit.now_ns)
        if isinstance(fault, ServiceRestarting):
            return Verdict(RESTARTING, "The trading service is restarting.", _NO_RESULT)
        cost = self._cost(visit, route, params)
        category = str(params.get("category"))
        grant = self._limits.take(
            visit.uid, visit.path, category, cost.units, visit.now_ns, visit.venue_ms
        )
        if grant is not None and self._audit.counted is not None:
            self._audit.counted(
                Counting(visit.path, params, visit.now_ns, cost.units, grant.units, grant.limit)
            )
        if grant is not None and grant.units < cost.units:
            detail = f"{cost.units} wanted, {grant.units} left of {grant.limit}"
            self._audit.violation("over_limit", visit.path, visit.venue_ms, detail)
        if isinstance(fault, TooManyVisits):
            if grant is not None:
                grant = grant._replace(left=0, reset_ms=visit.venue_ms + _SECOND_MS)
            return Verdict(THROTTLED, THROTTLED_TEXT, _NO_RESULT, grant)
        if grant is not None and not grant.units:
            return Verdict(THROTTLED, THROTTLED_TEXT, _NO_RESULT, grant)
        granted = cost.granted(cost.units if grant is None else grant.units)
        return self._apply(visit, route, params, unread, fault, granted, grant)

    def budget(self, visit: Visit, category: str) -> Grant | None:
        """What is left of a budget; nothing is taken."""
        return self._limits.take(visit.uid, visit.path, category, 0, visit.now_ns, visit.venue_ms)

    def _apply(
        self,
        visit: Visit,
        route: Route,
        params: Mapping[str, object],
        unread: Refusal | None,
        fault: OnRequest | None,
        granted: int,
        grant: Grant | None,
    ) -> Verdict:
        if isinstance(fault, ServerError) and fault.when == "before":
            return _failed(fault, grant)
        failing: dict[int, Refusal] = {}
        if isinstance(fault, BatchItems):
            failing = {i: Refusal(fault.code, fault.text) for i in fault.items}
        account = self._accounts[visit.uid]
        call = Call(account, params, visit.now_ns, visit.venue_ms, granted, failing)
        verdict = _run(route, call, unread)
        self._note(visit, verdict, failing)
        if isinstance(fault, ServerError):
            return _failed(fault, grant)
        return Verdict(verdict.code, verdict.text, verdict.answer, grant)

    def _cost(self, visit: Visit, route: Route, params: Mapping[str, object]) -> Cost:
        category = _CATEGORIES.get(str(params.get("category")), Category.LINEAR)
        most = self._max_batch(category)
        items = params.get("request") if route.is_batch else None
        if isinstance(items, list) and len(items) > most:
            detail = f"{len(items)} orders, at most {most}"
            self._audit.violation("oversize_batch", visit.path, visit.venue_ms, detail)
        return cost_of(params, most, is_batch=route.is_batch)

    def _note(self, visit: Visit, verdict: Verdict, failing: Mapping[int, Refusal]) -> None:
        """Count what a careful client would not have sent, in the request and in each item."""
        kind = _VIOLATIONS.get(verdict.code)
        if kind is not None:
            self._audit.violation(kind, visit.path, visit.venue_ms, verdict.text)
        codes = verdict.answer.ext.get("list")
        for i, row in enumerate(codes if isinstance(codes, list) else ()):
            code = row["code"]
            kind = _VIOLATIONS.get(code) if code else None
            if kind is not None and i not in failing:
                self._audit.violation(kind, visit.path, visit.venue_ms, row["msg"])


def _failed(fault: ServerError, grant: Grant | None) -> Verdict:
    return Verdict(fault.code, _ERROR_TEXTS[fault.code], _NO_RESULT, grant)


def _run(route: Route, call: Call, unread: Refusal | None) -> Verdict:
    try:
        if unread is not None:
            raise unread
        answer = route.handler(call)
        return Verdict(answer.code, answer.text, answer)
    except Refusal as no:
        return Verdict(no.code, no.text, _NO_RESULT)
