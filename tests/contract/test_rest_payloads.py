"""Every REST reply has the fields and types of the real venue's.

Each case calls the venue and holds the reply against our own table of published fields, exactly.
With ``--payloads DIR`` the same replies are also held against every REST sample in the folder:
each field of the sample must be there with its type, and code and text must be the same. A
sample that no case produces must be listed with the reason.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from rest_cases import ACCOUNT, MARKET, ORDERS, POSITIONS, Case
from rest_fields import MAP, listed
from rest_refusals import DOOR, REFUSALS
from rest_scene import Rest, Scene

from mmfast.sim.access.auth import Credentials
from mmfast.sim.fault_terms.kinds import HttpError
from mmfast.sim.fault_terms.schedule import Schedule

CASES = MARKET | ACCOUNT | POSITIONS | ORDERS | REFUSALS | DOOR
#: Samples no call is answered with, and why.
NOT_PRODUCED = {
    "rest_account_mmp_modify.response.json": "market maker protection is not granted (110065)",
    "rest_account_mmp_reset.response.json": "market maker protection is not granted (110062)",
    "rest_account_mmp_state.response.json": "market maker protection is not granted (110062)",
    "rest_instruments_info_linear_prelisting.response.json": "no pre-launch contracts are listed",
    "rest_order_realtime_tpsl.response.json": "take profit and stop loss orders are refused",
    "rest_error_10010_ip.response.json": "keys are not bound to addresses",
}
#: Names by which a sample knows a field that the table of the documents calls otherwise.
OTHER_NAMES = {"mmrSysUpdateTime": "mmrSysUpdatedTime"}


#: Requests as clients write them: what is not wanted is null or left out.
OWN_REQUESTS = [
    {"method": "GET", "path": "/v5/market/time", "query": None, "body": None},
    {
        "method": "GET",
        "path": "/v5/order/realtime",
        "query": {"category": "linear", "symbol": "SOLUSDT", "openOnly": "0", "limit": "1"},
        "body": None,
    },
    {
        "method": "POST",
        "path": "/v5/order/cancel",
        "query": None,
        "body": {"category": "linear", "symbol": "SOLUSDT", "orderLinkId": None, "orderId": "1"},
    },
    {
        "method": "POST",
        "path": "/v5/order/create",
        "query": None,
        "body": {
            "category": "linear",
            "symbol": "SOLUSDT",
            "side": "Sell",
            "orderType": "Limit",
            "qty": "1",
            "price": "160",
            "timeInForce": None,
            "triggerPrice": None,
            "smpType": None,
            "reduceOnly": None,
        },
    },
    {
        "method": "POST",
        "path": "/v5/position/switch-mode",
        "query": None,
        "body": {"category": "linear", "symbol": "SOLUSDT", "coin": None, "mode": 3},
    },
]
#: The second example of RFC 4231.
OWN_VECTORS = {
    "api_key": "anybody",
    "api_secret": "Jefe",
    "vectors": [
        {
            "string_to_sign": "what do ya want for nothing?",
            "hmac_sha256_hex": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        }
    ],
}


@pytest.fixture(scope="module")
def replies() -> dict[str, Any]:
    """Every case on a scene of its own kind: what changes the account comes last."""
    scene = Scene()
    order = [*MARKET, *REFUSALS, *DOOR]
    order += [name for name in CASES if name not in order and name not in POSITIONS]
    order = [*POSITIONS, *order]
    last = "cancel all"
    order.remove(last)
    fresh = {"cancel", "cancel batch", "cancel batch spot", "amend batch", "amend"}
    found = {}
    for name in [*order, last]:
        found[name] = CASES[name].ask(Scene() if name in fresh else scene)
    return found


def faults_of(table: Any, found: Any, where: str) -> list[str]:
    """What differs from a table: fields too few or many, and other types."""
    if table is MAP:
        return [] if isinstance(found, dict) else [f"{where}: expected an object, found {found!r}"]
    if isinstance(table, dict):
        if not isinstance(found, dict) or set(found) != set(table):
            names = sorted(set(table) ^ set(found)) if isinstance(found, dict) else found
            return [f"{where}: not the fields of the table: {names}"]
        return [
            fault
            for name, kind in table.items()
            for fault in faults_of(kind, found[name], f"{where}.{name}")
        ]
    if isinstance(table, list):
        if not isinstance(found, list):
            return [f"{where}: expected a list, found {found!r}"]
        if bool(table) != bool(found) and not where.endswith("uidSuffix"):
            return [f"{where}: expected {'rows' if table else 'no row'}, found {len(found)}"]
        return [
            fault
            for i, row in enumerate(found)
            for fault in faults_of(table[0], row, f"{where}[{i}]")
        ]
    return [] if type(found) is table else [f"{where}: expected {table.__name__}, found {found!r}"]


@pytest.mark.parametrize("name", CASES)
def test_replies_have_the_published_fields(replies: dict[str, Any], name: str) -> None:
    case, reply = CASES[name], replies[name]
    assert list(reply) == case.envelope.split()
    assert (reply["retCode"], plain(reply["retMsg"])) == (case.code, case.text)
    if case.result is not None:
        assert faults_of(case.result, reply["result"], "result") == []
    if "retExtInfo" in reply:
        assert faults_of(case.ext or {}, reply["retExtInfo"], "retExtInfo") == []
    if "time" in reply:
        assert type(reply["time"]) is int


def test_a_table_finds_what_is_wrong() -> None:
    table = listed({"price": str, "seq": int})
    assert faults_of(table, {"list": [{"price": "1", "seq": 1}]}, "r") == []
    for wrong in (
        {"list": []},
        {"list": [{"price": 1, "seq": 1}]},
        {"list": [{"price": "1"}]},
        {"list": [{"price": "1", "seq": True}]},
        {"list": [{"price": "1", "seq": 1, "more": ""}]},
        {},
    ):
        assert len(faults_of(table, wrong, "r")) == 1


# Against the folder.


def missing_in(sample: Any, ours: Any, where: str) -> list[str]:
    """What a sample has and we have not; null stands for any value, data for any keys."""
    if sample is None or ours is None:
        return []
    if type(sample) is not type(ours):
        return [f"{where}: {type(sample).__name__} there, {type(ours).__name__} here"]
    if isinstance(sample, dict):
        if where.endswith(".cumFeeDetail"):
            return []
        found = []
        for written, value in sample.items():
            name = OTHER_NAMES.get(written, written)
            if name in ours:
                found += missing_in(value, ours[name], f"{where}.{name}")
            else:
                found.append(f"{where}.{name}: missing here")
        return found
    if isinstance(sample, list) and sample and ours:
        return [fault for row in ours for fault in missing_in(sample[0], row, f"{where}[]")]
    return []


def samples_of(case: Case) -> list[str]:
    return [
        f"rest_{name}.json" if ".error" in name else f"rest_{name}.response.json"
        for name in case.samples.split()
    ]


def plain(text: str) -> str:
    """A message without the figures it carries in brackets."""
    return re.sub(r"\[.*", "", text)


def made_from(table: Any) -> Any:
    """Something a table describes."""
    if table is MAP or isinstance(table, dict):
        return {} if table is MAP else {name: made_from(kind) for name, kind in table.items()}
    if isinstance(table, list):
        return [made_from(kind) for kind in table]
    return table()


def sample_for(case: Case, file: str, folder: Path | None) -> Any:
    """The sample of a file; without a folder one made from our own table."""
    if folder is not None:
        return json.loads((folder / file).read_text())
    reply = {"retCode": case.code, "retMsg": case.text}
    parts = {"result": case.result, "retExtInfo": case.ext, "time": int}
    made = {name: made_from(table) for name, table in parts.items() if table is not None}
    return reply | {name: value for name, value in made.items() if name in case.envelope}


def test_a_sample_finds_what_is_missing() -> None:
    sample = {"list": [{"price": "1", "more": "x", "none": None}]}
    assert missing_in(sample, sample, "r") == []
    assert missing_in(sample, {"list": [{"price": "1", "none": 3}]}, "r") == [
        "r.list[].more: missing here"
    ]
    assert missing_in(sample, {"list": [{"price": 1, "more": "x", "none": ""}]}, "r") == [
        "r.list[].price: str there, int here"
    ]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.samples])
def test_replies_match_the_samples(
    replies: dict[str, Any], payloads: Path | None, name: str
) -> None:
    case, reply = CASES[name], replies[name]
    for file in samples_of(case):
        sample = sample_for(case, file, payloads)
        assert missing_in(sample, reply, file) == []
        assert sample["retCode"] == reply["retCode"]
        assert plain(sample["retMsg"]) == plain(reply["retMsg"])


def test_every_sample_is_produced_or_has_a_reason(payloads: Path | None) -> None:
    claims = [file for case in CASES.values() for file in samples_of(case)]
    replied = set(claims)
    assert len(claims) == len(replied)
    assert replied.isdisjoint(NOT_PRODUCED)
    if payloads is None:
        return
    files = {path.name for pattern in ("rest_*", "http_*") for path in payloads.glob(pattern)}
    asked = {file for file in files if file.endswith(".request.json")}
    transport = {
        "http_403_ip_limit.json",
        "http_429_system_protection.json",
        "http_response_headers.json",
        "http_signing_vectors.json",
    }
    assert files - replied - asked - transport - set(NOT_PRODUCED) == set()
    assert (replied | set(NOT_PRODUCED)) - files == set()


def test_the_venue_knows_every_request_of_the_samples(payloads: Path | None) -> None:
    """Their symbols are long gone, but path, method and the form of the parameters are right."""
    requests = OWN_REQUESTS
    if payloads is not None:
        requests = [
            json.loads(path.read_text()) for path in sorted(payloads.glob("rest_*.request.json"))
        ]
    venue = Rest()
    for asked in requests:
        query = "&".join(f"{k}={v}" for k, v in (asked["query"] or {}).items())
        body = b"" if asked["body"] is None else orjson.dumps(asked["body"])
        reply = venue.send(asked["method"], asked["path"], query, body)
        assert reply.status == 200, asked
        # Whatever is refused is refused for its content.
        assert "must be a" not in orjson.loads(reply.body)["retMsg"], asked


# The transport.


def test_a_get_with_a_body_looks_like_an_address_ban(payloads: Path | None) -> None:
    reply = Rest().send("GET", "/v5/account/info", "", b"{}")
    found = {
        "status": reply.status,
        "headers": dict(reply.headers),
        "body_text": reply.body.decode(),
    }
    assert found["status"] == 403
    if payloads is not None:
        assert found == json.loads((payloads / "http_403_ip_limit.json").read_text())


def test_system_protection_says_nothing(payloads: Path | None) -> None:
    venue = Rest()
    venue.venue.arm(Schedule(faults=(HttpError(status=429),)), venue.now_ns)
    reply = venue.send("POST", "/v5/order/create", "", b"{}")
    found = {"status": reply.status, "headers": {}, "body_text": reply.body.decode()}
    assert (found["status"], found["body_text"]) == (429, "")
    if payloads is not None:
        assert found == json.loads((payloads / "http_429_system_protection.json").read_text())


def test_signed_replies_tell_the_budget(payloads: Path | None) -> None:
    headers = dict(Rest().send("GET", "/v5/position/list", "category=inverse", b"").headers)
    names = ["Content-Type", "X-Bapi-Limit", "X-Bapi-Limit-Status", "X-Bapi-Limit-Reset-Timestamp"]
    assert list(headers) == names
    assert all(headers[name].isdigit() for name in names[1:])
    if payloads is not None:
        sample = json.loads((payloads / "http_response_headers.json").read_text())["headers"]
        # The length is the web server's to tell.
        assert set(sample) - {"Content-Length"} == set(headers)
        assert sample["Content-Type"] == headers["Content-Type"]


def test_signatures_are_those_of_the_vectors(payloads: Path | None) -> None:
    sample = OWN_VECTORS
    if payloads is not None:
        sample = json.loads((payloads / "http_signing_vectors.json").read_text())
    key = Credentials(1, sample["api_key"], sample["api_secret"].encode())
    assert sample["vectors"]
    for vector in sample["vectors"]:
        signed = key.signature(vector["string_to_sign"].encode())
        assert signed == vector["hmac_sha256_hex"]
