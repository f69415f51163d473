"""What a running daemon may take from a changed file, and what needs a restart.

A reload is parse, schema, bounds, difference, swap; a fault anywhere leaves everything as it was.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, NamedTuple

from mmfast.config import BreakersConfig, Config, PlannerConfig, RiskConfig, symbol_limit
from mmfast.errors import ConfigError
from mmfast.typed_yaml import Faults

#: Limits by section; True where a larger value is the tighter one.
_TIGHTER_IS_LARGER: Final[dict[str, bool]] = {
    "max_order_value_quote": False,
    "price_collar_bps": False,
    "max_distance_bps": False,
    "stale_book_ms": False,
    "max_feed_lag_ms": False,
    "rate_use_percent": False,
    "cancel_reserve_percent": True,
    "max_fills_per_side": False,
    "fills_window_ms": True,
    "max_fills": False,
    "max_drift_bps": False,
    "drift_window_ms": True,
    "drift_pause_ms": True,
    "max_doubt_ms": False,
    "reference_stale_ms": False,
    "max_daily_loss_quote": False,
    "max_drawdown_quote": False,
    "max_open_notional_quote": False,
    "max_portfolio_notional_quote": False,
    "portfolio_shock_bps": True,
    "margin_percent": True,
    "max_open_orders": False,
    "max_open_orders_per_symbol": False,
    "max_messages_per_s": False,
    "max_messages_per_symbol_per_s": False,
}
_BREAKER_TIGHTER_IS_LARGER: Final[dict[str, bool]] = {
    "widen_percent": True,
    "ack_widen_ms": False,
    "ack_pull_ms": False,
    "ack_halt_ms": False,
    "lag_widen_ms": False,
    "lag_pull_ms": False,
    "lag_halt_ms": False,
    "calm_ms": True,
    "reject_percent": False,
    "reject_min_orders": False,
    "storm_refusals": False,
    "storm_window_ms": True,
    "pull_first_ms": True,
    "pull_cap_ms": True,
}
_BREAKER_FIXED: Final = "reject_window_ms"
"""A share over another window is neither tighter nor looser."""
_PLANNER_TIGHTER_IS_LARGER: Final[dict[str, bool]] = {
    "spill_requests_per_s": False,
    "reducing_reserve_percent": True,
}
_SYMBOL_LIMITS: Final = ("max_position_qty", "max_order_qty")
_OWN_OR_COMMON: Final = ("max_daily_loss_quote", "max_drawdown_quote", "max_open_notional_quote")
"""Limits that a symbol may set for itself; without, the account's holds for it."""
_FIXED_SECTIONS: Final = (
    "venue",
    "watchdog",
    "alerts",
    "journal",
    "metrics",
    "embedded_venue",
)


class Change(NamedTuple):
    """One value that differs."""

    path: str
    old: object
    new: object

    def __str__(self) -> str:
        return f"{self.path} {self.old} -> {self.new}"


def changes(old: Config, new: Config) -> list[Change]:
    """What differs between the running configuration and the offered one.

    Raises :class:`ConfigError` naming every change that a running engine must refuse: where and
    as whom it trades, its instruments, and any limit that would become looser.
    """
    faults: Faults = []
    found: list[Change] = []
    for section in _FIXED_SECTIONS:
        for change in _differences(getattr(old, section), getattr(new, section), f"$.{section}"):
            faults.append((change.path, f"cannot change while running ({change}): restart"))
    found += _differences(old.async_batch, new.async_batch, "$.async_batch")
    found += _planner_changes(old.planner, new.planner, faults)
    found += _differences(old.strategy, new.strategy, "$.strategy")
    for name in ("book_depth", "cross_check_level1", "second_reference"):
        if getattr(old.strategy, name) != getattr(new.strategy, name):
            faults.append((f"$.strategy.{name}", "cannot change while running: restart"))
    found += _risk_changes(old.risk, new.risk, faults)
    found += _breaker_changes(old.breakers, new.breakers, faults)
    found += _symbol_changes(old, new, faults)
    if faults:
        raise ConfigError(faults)
    return found


def _risk_changes(old: RiskConfig, new: RiskConfig, faults: Faults) -> list[Change]:
    found = _differences(old, new, "$.risk")
    for change in found:
        larger_is_tighter = _TIGHTER_IS_LARGER[change.path.rpartition(".")[2]]
        _refuse_looser(change, faults, larger_is_tighter=larger_is_tighter)
    return found


def _planner_changes(old: PlannerConfig, new: PlannerConfig, faults: Faults) -> list[Change]:
    """The policy may change either way; what it may spend, and must keep, is a limit."""
    found = _differences(old, new, "$.planner")
    for change in found:
        larger_is_tighter = _PLANNER_TIGHTER_IS_LARGER.get(change.path.rpartition(".")[2])
        if larger_is_tighter is not None:
            _refuse_looser(change, faults, larger_is_tighter=larger_is_tighter)
    return found


def _breaker_changes(old: BreakersConfig, new: BreakersConfig, faults: Faults) -> list[Change]:
    found = _differences(old, new, "$.breakers")
    for change in found:
        name = change.path.rpartition(".")[2]
        if name == _BREAKER_FIXED:
            faults.append((change.path, f"cannot change while running ({change}): restart"))
            continue
        larger_is_tighter = _BREAKER_TIGHTER_IS_LARGER[name]
        # A breaker at 0 is off: any limit is tighter than that.
        if larger_is_tighter or (change.old and change.new):
            _refuse_looser(change, faults, larger_is_tighter=larger_is_tighter)
        elif not change.new:
            faults.append((change.path, f"a reload may only tighten limits ({change}): restart"))
    return found


def _symbol_changes(old: Config, new: Config, faults: Faults) -> list[Change]:
    before, after = [row.symbol for row in old.symbols], [row.symbol for row in new.symbols]
    if before != after:
        text = f"the list cannot change while running ({before} -> {after}): restart"
        faults.append(("$.symbols", text))
        return []
    found: list[Change] = []
    for i, (old_row, new_row) in enumerate(zip(old.symbols, new.symbols, strict=True)):
        rows = _differences(old_row, new_row, f"$.symbols[{i}]")
        for change in rows:
            name = change.path.rpartition(".")[2]
            if name in _SYMBOL_LIMITS:
                _refuse_looser(change, faults, larger_is_tighter=False)
            elif name in _OWN_OR_COMMON:
                was, now = symbol_limit(old, old_row, name), symbol_limit(new, new_row, name)
                _refuse_looser(Change(change.path, was, now), faults, larger_is_tighter=False)
        found += rows
    return found


def _refuse_looser(change: Change, faults: Faults, *, larger_is_tighter: bool) -> None:
    old, new = _number(change.old), _number(change.new)
    if (new < old) if larger_is_tighter else (new > old):
        faults.append((change.path, f"a reload may only tighten limits ({change}): restart"))


def _number(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _differences(old: Any, new: Any, path: str) -> list[Change]:  # noqa: ANN401
    return [
        Change(f"{path}.{name}", getattr(old, name), getattr(new, name))
        for name in old.__struct_fields__
        if getattr(old, name) != getattr(new, name)
    ]
