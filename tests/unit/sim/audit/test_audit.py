"""The audit counts what was asked and answered, and stays within bounds."""

from __future__ import annotations

import json

import pytest

from mmfast.sim.audit import requests as audit_module
from mmfast.sim.audit.requests import Audit, Record
from mmfast.sim.wire import HttpReply, HttpRequest, HttpSilence


def request(number: int, path: str, method: str = "POST") -> HttpRequest:
    return HttpRequest(
        request_id=number, method=method, path=path, query="", headers={}, body=b"{}"
    )


def reply(number: int, body: bytes, status: int = 200) -> HttpReply:
    return HttpReply(request_id=number, status=status, headers=(), body=body)


def ask(audit: Audit, number: int, path: str, method: str = "POST") -> None:
    audit.received(request(number, path, method))


def answer(audit: Audit, number: int, body: bytes, status: int = 200) -> None:
    audit.answered(number, reply(number, body, status))


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, b'{"retCode":0,"retMsg":"OK"}', "0"),
        (200, b'{"retCode": 10006, "retMsg":"x"}', "10006"),
        (200, b'{"retCode":-1}', "-1"),
        (200, b"hello", "http 200"),
        (403, b"access too frequent", "http 403"),
        (500, b'{"retCode":0}', "http 500"),
    ],
)
def test_verdicts(status: int, body: bytes, verdict: str) -> None:
    audit = Audit()
    ask(audit, 1, "/v5/order/create")
    answer(audit, 1, body, status)
    answer(audit, 1, body, status)  # nobody waits for it any more
    assert audit.requests == {"POST /v5/order/create": {verdict: 1}}


def test_what_never_was_answered_is_a_verdict_of_its_own() -> None:
    audit = Audit()
    ask(audit, 1, "/v5/order/create")
    audit.answered(1, HttpSilence(1), 90)
    answer(audit, 1, b'{"retCode":0}')  # comes too late to count
    assert audit.requests == {"POST /v5/order/create": {"unanswered": 1}}


def test_the_newest_requests_are_kept_one_by_one_and_all_go_to_the_tap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit_module, "NEWEST", 3)
    audit = Audit()
    taken: list[Record] = []
    audit.tap = taken.append
    for number in range(5):
        audit.received(request(number, "/v5/order/create"), 1000 + number, "reset_reply")
        audit.answered(number, reply(number, b'{"retCode":0}'), 1007 + number)
    first = Record(1, 1000, "POST /v5/order/create", "0", "reset_reply", 7)
    assert taken[0] == first
    assert [one.number for one in taken] == [1, 2, 3, 4, 5]
    assert [one.number for one in audit.newest] == [3, 4, 5]
    json.dumps(audit.report())


def test_commands_are_counted_item_by_item() -> None:
    audit = Audit()
    audit.ordered("/v5/order/create-batch", {"request": [{"orderLinkId": "a"}, {}, 5]})
    audit.ordered("/v5/order/create", {"orderLinkId": "b"})
    audit.ordered("/v5/order/cancel-batch", {"request": [{"orderLinkId": "a"}] * 4})
    audit.ordered("/v5/order/amend", {"orderLinkId": "a"})
    audit.ordered("/v5/order/cancel-all", {})
    audit.ordered("/v5/order/create-batch", {"request": 7})
    audit.ordered("/v5/order/realtime", {})
    assert audit.commands == {"place": 4, "amend": 1, "cancel": 4, "cancel_all": 1}
    assert audit.repeated_link_ids == 0
    audit.ordered("/v5/order/create-batch", {"request": [{"orderLinkId": "b"}] * 2})
    assert audit.repeated_link_ids == 2


def test_violations_are_counted_by_kind_and_the_newest_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit_module, "_MAX_KINDS", 2)
    audit = Audit()
    audit.ordered("/v5/order/create", {"orderLinkId": "x" * 37}, 5)
    audit.ordered("/v5/order/create", {"orderLinkId": "x" * 36}, 6)
    for kind in ("unsigned", "unsigned", "third", "fourth"):
        audit.violation(kind, "GET /v5/account/info", 7)
    assert audit.violations == {"long_link_id": 1, "unsigned": 2, "other": 2}
    newest = audit.violations_newest[0]
    assert (newest.venue_ms, newest.kind, newest.detail) == (5, "long_link_id", "x" * 37)


def test_nothing_a_client_invents_grows_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "_MAX_ENDPOINTS", 3)
    monkeypatch.setattr(audit_module, "_MAX_LINK_IDS", 3)
    audit = Audit()
    for number in range(10):
        ask(audit, number, f"/nonsense/{number}", method="GET")
        answer(audit, number, b"", 404)
    assert audit.requests["other"] == {"http 404": 7}
    assert len(audit.requests) == 4
    for number in range(10):
        audit.ordered("/v5/order/create", {"orderLinkId": str(number)})
    assert len(audit._link_ids) == 3
    audit.ordered("/v5/order/create", {"orderLinkId": "9"})
    assert audit.repeated_link_ids == 1
    json.dumps(audit.report())
