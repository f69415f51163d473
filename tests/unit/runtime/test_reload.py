"""A running engine takes what it can take, refuses the rest by path, and only tightens limits."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from mmfast import config
from mmfast.errors import ConfigError
from mmfast.runtime import reload

GOOD = (Path(__file__).resolve().parents[3] / "config.yaml").read_text()
OLD = config.parse(GOOD.encode())


def offered(old: str, new: str):
    assert old in GOOD
    return config.parse(GOOD.replace(old, new, 1).encode())


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("enabled: true\n  max_par", "enabled: false\n  max_par", "$.async_batch.enabled"),
        ("tick_deadline_ms: 200", "tick_deadline_ms: 100", "$.async_batch.tick_deadline_ms"),
        ("policy: planned", "policy: batched", "$.planner.policy"),
        ("spill_requests_per_s: 20", "spill_requests_per_s: 5", "$.planner.spill_requests_per_s"),
        ("reducing_reserve_percent: 10", "reducing_reserve_percent: 11",
         "$.planner.reducing_reserve_percent"),
        ("levels: 2 ", "levels: 3 ", "$.strategy.levels"),
        ('half_spread_bps: "2.0"', 'half_spread_bps: "2.5"', "$.strategy.half_spread_bps"),
        ('order_qty: "0.010"', 'order_qty: "0.005"', "$.symbols[0].order_qty"),
        ("symbol: BTCUSDT,", "symbol: BTCUSDT, enabled: false,", "$.symbols[0].enabled"),
        ('max_position_qty: "0.100"', 'max_position_qty: "0.050"', "$.symbols[0].max_position_qty"),
        ('max_order_value_quote: "2000"', 'max_order_value_quote: "1000"',
         "$.risk.max_order_value_quote"),
        ("cancel_reserve_percent: 20", "cancel_reserve_percent: 30",
         "$.risk.cancel_reserve_percent"),
    ],
)  # fmt: skip
def test_what_may_change_while_running(old: str, new: str, path: str) -> None:
    assert [change.path for change in reload.changes(OLD, offered(old, new))] == [path]


@pytest.mark.parametrize(
    ("old", "new", "path", "word"),
    [
        ("environment: embedded", "environment: testnet", "$.venue.environment", "restart"),
        ("order_prefix: mmf", "order_prefix: abc", "$.venue.order_prefix", "restart"),
        ("order_entry: ws", "order_entry: rest", "$.venue.order_entry", "restart"),
        ("order_entry: ws", "order_entry: auto", "$.venue.order_entry", "restart"),
        ("trade_sockets: 2", "trade_sockets: 3", "$.venue.trade_sockets", "restart"),
        ("state_dir: state", "state_dir: other", "$.venue.state_dir", "restart"),
        ("seed: 1", "seed: 2", "$.embedded_venue.seed", "restart"),
        ("port: 9464", "port: 9465", "$.metrics.port", "restart"),
        ("book_depth: 50", "book_depth: 200", "$.strategy.book_depth", "restart"),
        ("symbol: DOGEUSDT", "symbol: DOTUSDT", "$.symbols", "restart"),
        ('max_order_value_quote: "2000"', 'max_order_value_quote: "2000.01"',
         "$.risk.max_order_value_quote", "tighten"),
        ('price_collar_bps: "30"', 'price_collar_bps: "31"', "$.risk.price_collar_bps", "tighten"),
        ('max_distance_bps: "100"', 'max_distance_bps: "200"', "$.risk.max_distance_bps",
         "tighten"),
        ("stale_book_ms: 5000", "stale_book_ms: 5001", "$.risk.stale_book_ms", "tighten"),
        ("rate_use_percent: 90", "rate_use_percent: 91", "$.risk.rate_use_percent", "tighten"),
        ("cancel_reserve_percent: 20", "cancel_reserve_percent: 19",
         "$.risk.cancel_reserve_percent", "tighten"),
        ("spill_requests_per_s: 20", "spill_requests_per_s: 21", "$.planner.spill_requests_per_s",
         "tighten"),
        ("reducing_reserve_percent: 10", "reducing_reserve_percent: 9",
         "$.planner.reducing_reserve_percent", "tighten"),
        ('max_position_qty: "0.100"', 'max_position_qty: "0.101"', "$.symbols[0].max_position_qty",
         "tighten"),
        ('max_order_qty: "0.020"', 'max_order_qty: "0.021"', "$.symbols[0].max_order_qty",
         "tighten"),
    ],
)  # fmt: skip
def test_what_a_running_engine_refuses(old: str, new: str, path: str, word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        reload.changes(OLD, offered(old, new))
    faults = dict(caught.value.faults)
    assert set(faults) == {path}
    assert word in faults[path]


def test_one_refused_value_refuses_the_whole_file() -> None:
    text = GOOD.replace("levels: 2 ", "levels: 3 ").replace("port: 9464", "port: 1")
    with pytest.raises(ConfigError) as caught:
        reload.changes(OLD, config.parse(text.encode()))
    assert [path for path, _ in caught.value.faults] == ["$.metrics.port"]


def test_an_equal_file_changes_nothing() -> None:
    assert reload.changes(OLD, config.parse((GOOD + "\n# a comment\n").encode())) == []


def looser(value: Decimal | int | None, *, larger_is_tighter: bool) -> Decimal | int:
    """The same limit, looser by the least that can be written."""
    step = Decimal("0.0001") if isinstance(value, Decimal) else 1
    return value - step if larger_is_tighter else value + step


@pytest.mark.parametrize("name", config.RiskConfig.__struct_fields__)
def test_no_risk_limit_is_loosened_while_running(name: str) -> None:
    larger_is_tighter = reload._TIGHTER_IS_LARGER[name]
    value = looser(getattr(OLD.risk, name), larger_is_tighter=larger_is_tighter)
    offer = replace(OLD, risk=replace(OLD.risk, **{name: value}))
    with pytest.raises(ConfigError) as caught:
        reload.changes(OLD, offer)
    assert [path for path, _ in caught.value.faults] == [f"$.risk.{name}"]
    assert [change.path for change in reload.changes(offer, OLD)] == [f"$.risk.{name}"]


@pytest.mark.parametrize(
    "name", ["max_daily_loss_quote", "max_drawdown_quote", "max_open_notional_quote"]
)
@pytest.mark.parametrize(
    ("own", "later", "refused"),
    [
        (None, "1", False),
        (None, "1.1", True),
        ("0.5", None, True),
        ("0.5", "0.6", True),
        ("0.5", "0.4", False),
        ("2", None, False),
    ],
)
def test_a_symbol_without_a_limit_of_its_own_has_the_accounts(
    name: str, own: str | None, later: str | None, refused: bool
) -> None:
    def with_limit(share: str | None) -> config.Config:
        value = None if share is None else Decimal(share) * getattr(OLD.risk, name)
        return replace(OLD, symbols=(replace(OLD.symbols[0], **{name: value}), *OLD.symbols[1:]))

    if not refused:
        reload.changes(with_limit(own), with_limit(later))
        return
    with pytest.raises(ConfigError) as caught:
        reload.changes(with_limit(own), with_limit(later))
    assert [path for path, _ in caught.value.faults] == [f"$.symbols[0].{name}"]


@pytest.mark.parametrize("name", reload._BREAKER_TIGHTER_IS_LARGER)
def test_no_breaker_is_loosened_while_running(name: str) -> None:
    larger_is_tighter = reload._BREAKER_TIGHTER_IS_LARGER[name]
    value = getattr(OLD.breakers, name) or 300
    running = replace(OLD, breakers=replace(OLD.breakers, **{name: value}))
    offered_value = looser(value, larger_is_tighter=larger_is_tighter)
    offer = replace(OLD, breakers=replace(OLD.breakers, **{name: offered_value}))
    with pytest.raises(ConfigError) as caught:
        reload.changes(running, offer)
    assert [path for path, _ in caught.value.faults] == [f"$.breakers.{name}"]
    assert [change.path for change in reload.changes(offer, running)] == [f"$.breakers.{name}"]


@pytest.mark.parametrize(
    "name", [name for name, value in config.BreakersConfig().__rich_repr__() if value == 0]
)
def test_a_breaker_can_be_put_on_and_never_off_while_running(name: str) -> None:
    on = replace(OLD, breakers=replace(OLD.breakers, **{name: 100}))
    off = replace(OLD, breakers=replace(OLD.breakers, **{name: 0}))
    assert [change.path for change in reload.changes(off, on)] == [f"$.breakers.{name}"]
    with pytest.raises(ConfigError, match="tighten"):
        reload.changes(on, off)


def test_every_breaker_limit_has_a_direction() -> None:
    fixed = {reload._BREAKER_FIXED}
    assert set(reload._BREAKER_TIGHTER_IS_LARGER) | fixed == set(
        config.BreakersConfig.__struct_fields__
    )
    offer = replace(OLD, breakers=replace(OLD.breakers, reject_window_ms=20_000))
    with pytest.raises(ConfigError, match="cannot change while running"):
        reload.changes(OLD, offer)


def test_every_risk_limit_has_a_direction() -> None:
    """A new limit without a direction would pass a reload unchecked."""
    assert set(reload._TIGHTER_IS_LARGER) == set(config.RiskConfig.__struct_fields__)
