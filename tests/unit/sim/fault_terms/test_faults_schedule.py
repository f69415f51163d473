"""Schedules of faults: what they say is what is armed, and every mistake has its path."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import orjson
import pytest

from mmfast.errors import ConfigError
from mmfast.sim.fault_terms.kinds import (
    KINDS,
    NAMES,
    Act,
    DropRequest,
    Fault,
    LatencyUniform,
    OnRequest,
)
from mmfast.sim.fault_terms.schedule import MAX_FAULTS, read_schedule

DOCUMENT = Path(__file__).resolve().parents[4] / "docs" / "faults.md"
YAML = b"""
seed: 7
faults:
  - kind: latency_uniform       # every request 5 to 20 ms later
    low_ms: 5
    high_ms: 20
  - kind: drop_request
    path: /v5/order/create
    when: after
    chance: "0.02"
    from_ms: 1000
    for_ms: 2000
"""


def mistakes(data: bytes) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        read_schedule(data)
    return caught.value.faults


def test_yaml_and_json_say_the_same() -> None:
    rows = [
        {"kind": "latency_uniform", "low_ms": 5, "high_ms": 20},
        {
            "kind": "drop_request",
            "path": "/v5/order/create",
            "when": "after",
            "chance": "0.02",
            "from_ms": 1000,
            "for_ms": 2000,
        },
    ]
    schedule = read_schedule(YAML)
    assert schedule == read_schedule(orjson.dumps({"seed": 7, "faults": rows}))
    assert schedule.seed == 7
    assert schedule.faults == (
        LatencyUniform(low_ms=5, high_ms=20),
        DropRequest(
            path="/v5/order/create",
            when="after",
            chance=Decimal("0.02"),
            from_ms=1000,
            for_ms=2000,
        ),
    )


def test_nothing_is_on_unless_it_is_asked_for() -> None:
    assert read_schedule(b"seed: 3").faults == ()


def test_every_kind_has_one_name_and_a_sentence_that_explains_it() -> None:
    assert len(NAMES) == len(KINDS)
    for name, kind in KINDS.items():
        assert NAMES[kind] == name
        assert issubclass(kind, Fault)
        assert kind.__doc__, name


def test_the_document_names_every_kind_and_every_parameter() -> None:
    rows = [line.split("|") for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    told = {row[1].strip(" `"): row[2] + row[3] for row in rows}
    common = msgspec.structs.fields(Act) + msgspec.structs.fields(OnRequest)
    shared = {field.name for field in common} | {"stream", "category", "symbol", "depth"}
    assert set(told) == set(KINDS)
    for name, kind in KINDS.items():
        for field in msgspec.structs.fields(kind):
            assert field.name in shared or f"`{field.name}`" in told[name], f"{name}.{field.name}"


@pytest.mark.parametrize(
    ("text", "path", "part"),
    [
        (b"- 1", "$", "expected a section with seed and faults"),
        (b"faults: 3", "$.faults", "expected a list of at most"),
        (b"speed: 3", "$.speed", "unknown key"),
        (b"seed: -1", "$.seed", "expected an integer from 0"),
        (b"faults: [1]", "$.faults[0]", "expected a section with a kind"),
        (b"faults: [{kind: explode}]", "$.faults[0].kind", "expected one of latency_fixed"),
        (b"faults: [{from_ms: 3}]", "$.faults[0].kind", "found nothing"),
        (b"faults: [{kind: clock_skew}]", "$.faults[0].by_ms", "missing; expected an integer"),
        (b"faults: [{kind: book_gap, for_ms: 0}]", "$.faults[0].for_ms", "from 1 to 86400000"),
        (b'faults: [{kind: book_gap, chance: "1.5"}]', "$.faults[0].chance", "from 0 to 1"),
        (b"faults: [{kind: book_gap, chance: 0.5}]", "$.faults[0].chance", "in quotes"),
        (b"faults: [{kind: book_gap, depth: 7}]", "$.faults[0].depth", "expected one of 0, 25"),
        (b"faults: [{kind: http_error, status: 404}]", "$.faults[0].status", "429, 500, 502"),
        (b"faults: [{kind: http_error, path: order}]", "$.faults[0].path", "/v5/order/create"),
        (b"faults: [{kind: batch_items, items: [20]}]", "$.faults[0].items[0]", "from 0 to 19"),
        (
            b"faults: [{kind: latency_uniform, low_ms: 9, high_ms: 8}]",
            "$.faults[0].high_ms",
            "expected at least low_ms, 9, found 8",
        ),
    ],
)
def test_a_mistake_is_named_by_its_path(text: bytes, path: str, part: str) -> None:
    [(where, what)] = mistakes(text)
    assert where == path
    assert part in what


def test_all_mistakes_come_at_once() -> None:
    text = b"{seed: x, faults: [{kind: clock_skew}, {kind: book_gap}, {kind: no}]}"
    assert [path for path, _ in mistakes(text)] == [
        "$.seed",
        "$.faults[0].by_ms",
        "$.faults[2].kind",
    ]


def test_too_many_faults_are_refused() -> None:
    rows = [{"kind": "book_gap"}] * (MAX_FAULTS + 1)
    [(path, _)] = mistakes(orjson.dumps({"faults": rows}))
    assert path == "$.faults"


def test_a_schedule_the_venue_cannot_have_loads_nothing(trader, arm) -> None:
    rows = [
        {"kind": "clock_skew", "by_ms": 9000},
        {"kind": "instrument_suspended", "symbol": "DOGEUSDT"},
        {"kind": "foreign_fill", "symbol": "BTCUSDT", "category": "spot", "side": "Buy",
         "qty": "1"},
    ]  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        arm(trader, *rows)
    assert [path for path, _ in caught.value.faults] == ["$.faults[1].symbol", "$.faults[2].symbol"]
    trader.run(5)
    assert trader.venue.fault_report() == []
    assert trader.place().code == 0


def test_ended_faults_make_room_and_running_ones_do_not(trader, arm) -> None:
    arm(trader, *[{"kind": "book_gap", "for_ms": 10}] * MAX_FAULTS)
    with pytest.raises(ConfigError, match="at a time"):
        arm(trader, {"kind": "book_gap"})
    trader.run(11)
    [number] = arm(trader, {"kind": "book_gap"})
    report = trader.venue.fault_report()
    assert len(report) == MAX_FAULTS
    assert report[-1]["id"] == number == MAX_FAULTS + 1


def test_no_secret_is_in_any_report_of_a_fault(trader, arm) -> None:
    arm(trader, *({"kind": "too_many_visits"}, {"kind": "half_open", "sockets": "http"}))
    text = repr(trader.venue.fault_report())
    assert "secret" not in text
    assert msgspec.json.encode(trader.venue.fault_report())
