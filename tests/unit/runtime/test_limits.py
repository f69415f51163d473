"""The limits that `mmfast check` prints are those in force, with the venue's filters applied."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
import yaml

from mmfast import config
from mmfast.runtime import commands
from mmfast.runtime.limits import effective_limits
from mmfast.sim.instruments.catalogue import listings

PATH = Path(__file__).resolve().parents[3] / "config.yaml"
CONFIG = config.load(PATH)
KNOWN = [row.instrument for row in listings(tuple(row.symbol for row in CONFIG.symbols))]


def section(lines: list[str], name: str) -> list[str]:
    """The lines of one symbol, or of the account."""
    start = next(i for i, line in enumerate(lines) if line.startswith(name + ":"))
    rest = [i for i in range(start + 1, len(lines)) if not lines[i].startswith(" ")]
    return lines[start : rest[0] if rest else None]


def test_each_symbol_has_its_limits_in_its_own_units() -> None:
    lines = section(effective_limits(CONFIG, KNOWN), "BTCUSDT")
    assert lines[1].startswith("  order: 0.001 to 0.020 in steps of 0.001, worth ")
    assert "in ticks of 0.1" in lines[2]
    assert lines[3] == "  value: at most 2000 an order"
    assert lines[4].startswith("  distance from the mid: 100 bp, 30 bp")
    assert lines[5].startswith("  position: 0.100 each side")


@pytest.mark.parametrize(("most", "shown"), [(21, "0.020"), (20, "0.020"), (19, "0.019")])
def test_the_tighter_of_our_limit_and_the_venues_is_in_force(most: int, shown: str) -> None:
    known = [msgspec.structs.replace(KNOWN[0], max_order_lots=most), *KNOWN[1:]]
    assert f" to {shown} in steps" in section(effective_limits(CONFIG, known), "BTCUSDT")[1]


@pytest.mark.parametrize(("bound_e8", "shown"), [(300_001, "30"), (300_000, "30"), (290_000, "29")])
def test_the_collar_in_force_is_the_narrower_one(bound_e8: int, shown: str) -> None:
    known = [msgspec.structs.replace(KNOWN[0], price_limit_e8=bound_e8), *KNOWN[1:]]
    lines = section(effective_limits(CONFIG, known), "BTCUSDT")
    assert f"  distance from the mid: 100 bp, {shown} bp to the other side of it" in lines


def test_where_the_venue_was_not_asked_only_ours_are_said() -> None:
    lines = section(effective_limits(CONFIG, ()), "ETHUSDT")
    assert lines[1] == "  order: at most 0.40, or less where the venue says so"


def test_a_symbol_that_is_off_is_not_on_the_allow_list() -> None:
    rows = (msgspec.structs.replace(CONFIG.symbols[0], enabled=False), *CONFIG.symbols[1:])
    lines = effective_limits(msgspec.structs.replace(CONFIG, symbols=rows), KNOWN)
    assert "BTCUSDT" not in next(line for line in lines if "allow-list" in line)
    assert "BTCUSDT: (off)" in lines


ALL_ON = msgspec.structs.replace(
    CONFIG,
    planner=msgspec.structs.replace(CONFIG.planner, policy="planned"),
    breakers=config.BreakersConfig(
        ack_widen_ms=300,
        ack_pull_ms=1_000,
        ack_halt_ms=10_000,
        lag_widen_ms=50,
        lag_pull_ms=250,
        lag_halt_ms=5_000,
        reject_percent=50,
        storm_refusals=20,
    ),
)
NUMBERS = [
    (part, name)
    for part in ("risk", "planner", "breakers")
    for name in getattr(CONFIG, part).__struct_fields__
    if name != "policy"
]


@pytest.mark.parametrize(("part", "name"), NUMBERS)
def test_no_limit_is_left_out(part: str, name: str) -> None:
    """Whatever limit is changed, `mmfast check` says something else."""
    inner = getattr(ALL_ON, part)
    changed = msgspec.structs.replace(inner, **{name: getattr(inner, name) + 1})
    config_changed = msgspec.structs.replace(ALL_ON, **{part: changed})
    assert effective_limits(config_changed, KNOWN) != effective_limits(ALL_ON, KNOWN)


@pytest.mark.parametrize(
    "name",
    ["max_position_qty", "max_order_qty", "max_daily_loss_quote", "max_drawdown_quote",
     "max_open_notional_quote"],
)  # fmt: skip
def test_no_limit_of_a_symbol_is_left_out(name: str) -> None:
    row = msgspec.structs.replace(CONFIG.symbols[1], **{name: Decimal("0.123")})
    symbols = (CONFIG.symbols[0], row, *CONFIG.symbols[2:])
    lines = effective_limits(msgspec.structs.replace(CONFIG, symbols=symbols), KNOWN)
    assert section(lines, "ETHUSDT") != section(effective_limits(CONFIG, KNOWN), "ETHUSDT")
    assert any("0.123" in line for line in section(lines, "ETHUSDT"))
    assert section(lines, "BTCUSDT") == section(effective_limits(CONFIG, KNOWN), "BTCUSDT")


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("smp at the venue: cancel_both", {"venue": {"smp": "cancel_both"}}),
        ("DCP) after 30 s", {"venue": {"dcp_window_s": 30}}),
        ("the mid of the book alone", {"strategy": {"second_reference": "none"}}),
        ("HTTP requests not counted", {"venue": {"http_requests_per_5_s": 0}}),
        ("in 5 s, 7 messages of trade sockets in 1 s", {"venue": {"trade_messages_per_s": 7}}),
        ("in 5 s, messages not counted", {"venue": {"trade_messages_per_s": 0}}),
        ("watchdog off", {}),
        ("watchdog off", {"venue": {"environment": "testnet"}, "watchdog": {"enabled": False}}),
        ("watchdog after 5000 ms", {"venue": {"environment": "testnet"}}),
        ("each order is a call of its own", {"async_batch": {"enabled": False}}),
        ("nothing else does", {"planner": {"policy": "batched"}}),
        ("margin not asked", {"risk": {"margin_percent": 0}}),
        ("turns of the loop: off", {}),
        ("acknowledgements: halt beyond 9 ms, back", {"breakers": {"ack_halt_ms": 9}}),
    ],
)
def test_what_is_off_is_said_to_be_off(text: str, changed: dict[str, dict[str, object]]) -> None:
    parts = {
        name: msgspec.structs.replace(getattr(CONFIG, name), **values)
        for name, values in changed.items()
    }
    lines = effective_limits(msgspec.structs.replace(CONFIG, **parts), KNOWN)
    assert any(text in line for line in section(lines, "account")), lines


def test_check_prints_them_and_stays_a_configuration() -> None:
    text = commands.check(PATH)
    assert "# The limits in force:\n# account:\n" in text
    assert "#   position: 0.100 each side" in text
    assert config.parse(yaml.safe_dump(yaml.safe_load(text)).encode()) == CONFIG
