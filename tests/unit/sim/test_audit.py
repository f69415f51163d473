"""The audit counts what was asked and answered, and stays within bounds."""

from __future__ import annotations

import json

import pytest

from mmfast.sim import audit as audit_module
from mmfast.sim.audit import Audit
from mmfast.sim.wire import HttpReply, HttpRequest


def ask(audit: Audit, number: int, path: str, body: object = None, method: str = "POST") -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    audit.received(
        HttpRequest(request_id=number, method=method, path=path, query="", headers={}, body=raw)
    )


def answer(audit: Audit, number: int, body: bytes, status: int = 200) -> None:
    audit.answered(HttpReply(request_id=number, status=status, headers=(), body=body))


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
    ask(audit, 1, "/v5/order/create", {})
    answer(audit, 1, body, status)
    answer(audit, 1, body, status)  # nobody waits for it any more
    assert audit.requests == {"POST /v5/order/create": {verdict: 1}}


def test_commands_are_counted_item_by_item() -> None:
    audit = Audit()
    ask(audit, 1, "/v5/order/create-batch", {"request": [{"orderLinkId": "a"}, {}, 5]})
    ask(audit, 2, "/v5/order/create", {"orderLinkId": "b"})
    ask(audit, 3, "/v5/order/cancel-batch", {"request": [{"orderLinkId": "a"}] * 4})
    ask(audit, 4, "/v5/order/amend", {"orderLinkId": "a"})
    ask(audit, 5, "/v5/order/cancel-all", {})
    ask(audit, 6, "/v5/order/create", b"{broken")
    ask(audit, 7, "/v5/order/create-batch", {"request": 7})
    ask(audit, 8, "/v5/order/create", [1])
    assert audit.commands == {"place": 4, "amend": 1, "cancel": 4, "cancel_all": 1}
    assert audit.repeated_link_ids == 0
    ask(audit, 9, "/v5/order/create-batch", {"request": [{"orderLinkId": "b"}] * 2})
    assert audit.repeated_link_ids == 2


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
        ask(audit, number, "/v5/order/create", {"orderLinkId": str(number)})
    assert len(audit._link_ids) == 3
    ask(audit, 11, "/v5/order/create", {"orderLinkId": "9"})
    assert audit.repeated_link_ids == 1
    json.dumps(audit.report())
