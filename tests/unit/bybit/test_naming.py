"""Cancels by name: what is sent, and what an answer says about going on."""

from __future__ import annotations

import json

import pytest

from mmfast.bybit.naming import CancelAnswer, NamedOrder, cancel_answer, cancel_body
from mmfast.messages import Category


def test_the_body_names_symbol_and_link_id() -> None:
    body = cancel_body(Category.LINEAR, [NamedOrder("BTCUSDT", "mmf1-0"), NamedOrder("E", "x")])
    assert json.loads(body) == {
        "category": "linear",
        "request": [
            {"symbol": "BTCUSDT", "orderLinkId": "mmf1-0"},
            {"symbol": "E", "orderLinkId": "x"},
        ],
    }


def reply(code: int, *items: int) -> bytes:
    info = {"list": [{"code": item, "msg": ""} for item in items]}
    return json.dumps({"retCode": code, "retMsg": "", "retExtInfo": info}).encode()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, reply(0, 0, 0), CancelAnswer(False)),
        (200, reply(0, 0, 110001), CancelAnswer(False)),  # gone already: the next reading tells
        (200, reply(0, 0, 10006), CancelAnswer(True)),  # the tail was over the budget
        (200, reply(10006), CancelAnswer(True, fault="code 10006")),
        (200, reply(10005), CancelAnswer(False, auth=True, fault="code 10005")),
        (200, reply(10002), CancelAnswer(False, clock=True, fault="code 10002")),
        (200, reply(10016), CancelAnswer(False, fault="code 10016")),
        (200, b'{"retCode":0}', CancelAnswer(False)),
        (200, b'{"retCode":0,"retExtInfo":{"list":7}}', CancelAnswer(False)),
        (200, b"<html>", CancelAnswer(False, fault="a reply that is not the venue's")),
        (200, b"", CancelAnswer(False, fault="a reply that is not the venue's")),
        (403, b"", CancelAnswer(True, fault="HTTP 403")),
        (429, b"", CancelAnswer(True, fault="HTTP 429")),
        (502, b"<html>", CancelAnswer(False, fault="HTTP 502")),
    ],
)
def test_answers(status: int, body: bytes, expected: CancelAnswer) -> None:
    assert cancel_answer(status, body) == expected
