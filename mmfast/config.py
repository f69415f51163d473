"""The configuration: one typed YAML file, checked whole before anything acts on it.

Units stand in the names, decimals are quoted, secrets are never in it. Every fault names its
path, what was expected and what was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from mmfast import typed_yaml
from mmfast.errors import ConfigError
from mmfast.typed_yaml import Faults


def _between(low: str, high: str, places: int) -> Meta:
    return Meta(extra={"low": Decimal(low), "high": Decimal(high), "places": places})


def _text(pattern: str, expects: str) -> Meta:
    return Meta(pattern=pattern, extra={"expects": expects})


Bps = Annotated[Decimal, _between("0", "5000", 4)]
Drift = Annotated[Decimal, _between("0.0001", "5000", 4)]
Quantity = Annotated[Decimal, _between("0", "1000000000", 8)]
Quote = Annotated[Decimal, _between("0", "1000000000", 8)]
Factor = Annotated[Decimal, _between("0", "1000", 4)]
Port = Annotated[int, Meta(ge=0, le=65535)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Levels = Annotated[int, Meta(ge=1, le=16)]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all sections share."""


class VenueConfig(_Section, frozen=True, kw_only=True):
    """Where and as whom we trade."""

    environment: Literal["embedded", "testnet", "mainnet", "demo", "custom"]
    category: Literal["linear"] = "linear"
    rest_url: str | None = None
    ws_public_url: str | None = None
    ws_private_url: str | None = None
    ws_trade_url: str | None = None
    order_entry: Literal["auto", "ws", "rest"] = "ws"
    trade_sockets: Annotated[int, Meta(ge=1, le=4)] = 2
    order_prefix: Annotated[str, _text("[a-z][a-z0-9]{1,9}", "2 to 10 of a-z, 0-9")] = "mmf"
    instance: Annotated[str, _text("[a-z0-9]{1,8}", "1 to 8 of a-z, 0-9 in quotes")] = "1"
    recv_window_ms: Annotated[int, Meta(ge=500, le=30_000)] = 2_000
    request_timeout_ms: Annotated[int, Meta(ge=100, le=30_000)] = 2_000
    max_batch_orders: Annotated[int, Meta(ge=1, le=20)] = 20
    smp: Literal["none", "cancel_maker", "cancel_taker", "cancel_both"] = "none"
    dcp_window_s: Annotated[int, Meta(ge=0, le=300)] = 0
    http_requests_per_5_s: Annotated[int, Meta(ge=0, le=1_000_000)] = 600
    trade_messages_per_s: Annotated[int, Meta(ge=0, le=1_000_000)] = 3_000
    assumed_orders_per_s: Annotated[int, Meta(ge=1, le=5_000)] = 10
    state_dir: str = "state"
    key_file: str | None = None
    rsa_key_file: str | None = None

    @property
    def smp_type(self) -> str:
        """The venue's word for ``smp``; empty for none, which is then not written."""
        return "" if self.smp == "none" else self.smp.title().replace("_", "")

    @property
    def stem(self) -> str:
        """What all order ids of this engine begin with."""
        return self.order_prefix + self.instance


class RollbackConfig(_Section, frozen=True, kw_only=True):
    """When batching is given up for single calls, until a human says otherwise."""

    enabled: bool = False
    max_error_percent: Percent = 20
    max_latency_ms: Annotated[int, Meta(ge=1, le=60_000)] = 1_000
    window_ms: Annotated[int, Meta(ge=100, le=600_000)] = 10_000
    min_calls: Annotated[int, Meta(ge=1, le=4_096)] = 20


class AsyncBatchConfig(_Section, frozen=True, kw_only=True):
    """The feature flag and the shape of a tick."""

    enabled: bool = True
    max_parallel_symbols: Annotated[int, Meta(ge=1, le=1_000)] = 64
    coalesce_cancel: bool = True
    coalesce_place: bool = True
    tick_deadline_ms: Annotated[int, Meta(ge=1, le=60_000)] = 200
    shadow: bool = False
    rollback: RollbackConfig = RollbackConfig()


class PlannerConfig(_Section, frozen=True, kw_only=True):
    """How the venue's budgets are used while ``async_batch`` is enabled: docs/planner.md."""

    policy: Literal["planned", "batched"] = "planned"
    spill_requests_per_s: Annotated[int, Meta(ge=1, le=30)] = 20
    reducing_reserve_percent: Annotated[int, Meta(ge=0, le=50)] = 10


class SymbolConfig(_Section, frozen=True, kw_only=True):
    """One instrument: sizes, and the strategy values that differ from section ``strategy``."""

    symbol: Annotated[str, _text("[A-Z0-9]{2,20}", "a venue symbol such as BTCUSDT")]
    order_qty: Quantity
    max_position_qty: Quantity
    max_order_qty: Quantity
    max_daily_loss_quote: Quote | None = None
    max_drawdown_quote: Quote | None = None
    max_open_notional_quote: Quote | None = None
    enabled: bool = True
    levels: Levels | None = None
    half_spread_bps: Bps | None = None
    level_step_bps: Bps | None = None
    inventory_skew_bps: Bps | None = None
    requote_tolerance_bps: Bps | None = None


class StrategyConfig(_Section, frozen=True, kw_only=True):
    """The ladder of quotes around a fair price."""

    fair_price: Literal["mid", "microprice"] = "microprice"
    levels: Levels = 2
    half_spread_bps: Bps
    level_step_bps: Bps
    inventory_skew_bps: Bps
    requote_tolerance_bps: Bps
    requote_by: Literal["amend", "replace"] = "amend"
    book_depth: Literal[1, 50, 200, 1000] = 50
    cross_check_level1: bool = True
    second_reference: Literal["none", "mark", "index", "last"] = "none"


class RiskConfig(_Section, frozen=True, kw_only=True):
    """Hard limits. A reload may only tighten them."""

    max_order_value_quote: Quote
    price_collar_bps: Bps
    max_distance_bps: Bps
    stale_book_ms: Annotated[int, Meta(ge=50, le=60_000)] = 5_000
    max_feed_lag_ms: Annotated[int, Meta(ge=50, le=60_000)] = 1_000
    rate_use_percent: Annotated[int, Meta(ge=1, le=100)] = 90
    cancel_reserve_percent: Percent = 20
    max_fills_per_side: Annotated[int, Meta(ge=1, le=10_000)] = 200
    fills_window_ms: Annotated[int, Meta(ge=100, le=3_600_000)] = 10_000
    max_fills: Annotated[int, Meta(ge=1, le=100_000)] = 1_000
    max_drift_bps: Drift = Decimal(500)
    drift_window_ms: Annotated[int, Meta(ge=10, le=600_000)] = 1_000
    drift_pause_ms: Annotated[int, Meta(ge=1, le=3_600_000)] = 5_000
    max_doubt_ms: Annotated[int, Meta(ge=3_000, le=3_600_000)] = 15_000
    reference_stale_ms: Annotated[int, Meta(ge=100, le=600_000)] = 10_000
    max_daily_loss_quote: Quote = Decimal(1_000)
    max_drawdown_quote: Quote = Decimal(1_000)
    max_open_notional_quote: Quote = Decimal(1_000_000)
    max_portfolio_notional_quote: Quote = Decimal(1_000_000)
    portfolio_shock_bps: Bps = Decimal(100)
    margin_percent: Percent = 0
    max_open_orders: Annotated[int, Meta(ge=1, le=100_000)] = 5_000
    max_open_orders_per_symbol: Annotated[int, Meta(ge=1, le=500)] = 500
    max_messages_per_s: Annotated[int, Meta(ge=1, le=20_000)] = 10_000
    max_messages_per_symbol_per_s: Annotated[int, Meta(ge=1, le=20_000)] = 2_000


_LimitMs = Annotated[int, Meta(ge=0, le=600_000)]


class BreakersConfig(_Section, frozen=True, kw_only=True):
    """When to be careful. A limit of 0 is never reached, and that is how all of them begin."""

    widen_percent: Annotated[int, Meta(ge=100, le=1_000)] = 200
    ack_widen_ms: _LimitMs = 0
    ack_pull_ms: _LimitMs = 0
    ack_halt_ms: _LimitMs = 0
    lag_widen_ms: _LimitMs = 0
    lag_pull_ms: _LimitMs = 0
    lag_halt_ms: _LimitMs = 0
    calm_ms: Annotated[int, Meta(ge=1_000, le=600_000)] = 5_000
    reject_percent: Percent = 0
    reject_min_orders: Annotated[int, Meta(ge=1, le=10_000)] = 20
    reject_window_ms: Annotated[int, Meta(ge=1_000, le=600_000)] = 10_000
    storm_refusals: Annotated[int, Meta(ge=0, le=10_000)] = 0
    storm_window_ms: Annotated[int, Meta(ge=100, le=600_000)] = 5_000
    pull_first_ms: Annotated[int, Meta(ge=100, le=600_000)] = 1_000
    pull_cap_ms: Annotated[int, Meta(ge=100, le=3_600_000)] = 60_000


class WatchdogConfig(_Section, frozen=True, kw_only=True):
    """The process that cancels when the engine dies or stands still."""

    enabled: bool = True
    progress_ms: Annotated[int, Meta(ge=1_500, le=600_000)] = 5_000
    key_file: str | None = None


class AlertsConfig(_Section, frozen=True, kw_only=True):
    """The channel of alerts beside the log."""

    command: tuple[str, ...] = ()
    min_severity: Literal["warning", "error"] = "warning"
    heartbeat_s: Annotated[int, Meta(ge=0, le=3_600)] = 30


class JournalConfig(_Section, frozen=True, kw_only=True):
    """The record on disk of what was sent and how it ended."""

    file_mb: Annotated[int, Meta(ge=1, le=4_096)] = 64
    files: Annotated[int, Meta(ge=1, le=100)] = 4


class MetricsConfig(_Section, frozen=True, kw_only=True):
    """The scrape address."""

    enabled: bool = True
    host: Annotated[str, _text("[0-9A-Za-z.:-]+", "an address such as 127.0.0.1")] = "127.0.0.1"
    port: Port = 9464


class EmbeddedVenueConfig(_Section, frozen=True, kw_only=True):
    """The exchange that ``environment: embedded`` and ``mmfast sim`` start."""

    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 1
    tier: Annotated[str, _text("[a-z0-9]+", "a tier name such as default or mm1")] = "mm1"
    latency_ms: Annotated[int, Meta(ge=0, le=10_000)] = 5
    latency_jitter_ms: Annotated[int, Meta(ge=0, le=10_000)] = 0
    stream_lag_ms: Annotated[int, Meta(ge=0, le=10_000)] = 1
    balance_quote: Quote = Decimal(1_000_000)
    activity: Factor = Decimal(1)
    volatility_bps_per_sqrt_s: Factor = Decimal("1.5")
    taker_rate_hz: Factor = Decimal(2)


class Config(_Section, frozen=True, kw_only=True):
    """The whole file."""

    venue: VenueConfig
    async_batch: AsyncBatchConfig = AsyncBatchConfig()
    planner: PlannerConfig = PlannerConfig()
    symbols: tuple[SymbolConfig, ...]
    strategy: StrategyConfig
    risk: RiskConfig
    breakers: BreakersConfig = BreakersConfig()
    watchdog: WatchdogConfig = WatchdogConfig()
    alerts: AlertsConfig = AlertsConfig()
    journal: JournalConfig = JournalConfig()
    metrics: MetricsConfig = MetricsConfig()
    embedded_venue: EmbeddedVenueConfig = EmbeddedVenueConfig()


_URLS = ("rest_url", "ws_public_url", "ws_private_url", "ws_trade_url")
_NEEDED_URLS = {"auto": _URLS, "ws": _URLS, "rest": _URLS[:3]}
_MIN_DCP_S = 3
OVERRIDES = (
    "levels",
    "half_spread_bps",
    "level_step_bps",
    "inventory_skew_bps",
    "requote_tolerance_bps",
)
"""Strategy values one symbol may set for itself."""


def load(path: Path) -> Config:
    """Read, parse and check a configuration file; raises :class:`ConfigError`."""
    try:
        with path.open("rb") as file:
            data = file.read(typed_yaml.MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([("$", f"cannot read {path}: {error.strerror}")]) from None
    return parse(data)


def parse(data: bytes) -> Config:
    """Configuration from bytes; raises :class:`ConfigError` with all faults found."""
    config = typed_yaml.convert(typed_yaml.parse(data), Config)
    faults = [*_venue_faults(config.venue), *_symbol_faults(config), *_strategy_faults(config)]
    if faults:
        raise ConfigError(faults)
    return config


def salvage_venue(path: Path) -> VenueConfig:
    """Section ``venue`` alone, whatever state the rest of the file is in; raises ConfigError.

    For ``mmfast kill``, which must work while somebody is breaking the strategy.
    """
    try:
        with path.open("rb") as file:
            tree = typed_yaml.parse(file.read(typed_yaml.MAX_BYTES + 1))
    except OSError as error:
        raise ConfigError([("$", f"cannot read {path}: {error.strerror}")]) from None
    section = tree.get("venue") if isinstance(tree, dict) else None
    venue = typed_yaml.convert(section, VenueConfig, "$.venue")
    faults = list(_venue_faults(venue))
    if faults:
        raise ConfigError(faults)
    return venue


def effective(config: Config) -> dict[str, object]:
    """All values in force as plain data, decimals as text; it holds no secret."""
    built: dict[str, object] = msgspec.to_builtins(config)
    return built


def strategy_value(config: Config, symbol: SymbolConfig, name: str) -> Decimal | int:
    """A strategy value of one symbol: its own, else that of section ``strategy``."""
    own: Decimal | int | None = getattr(symbol, name)
    common: Decimal | int = getattr(config.strategy, name)
    return common if own is None else own


def symbol_limit(config: Config, symbol: SymbolConfig, name: str) -> Decimal:
    """A limit of one symbol: its own, else that of the account in section ``risk``."""
    own: Decimal | None = getattr(symbol, name)
    common: Decimal = getattr(config.risk, name)
    return common if own is None else own


def strategy_path(symbol: SymbolConfig, index: int, name: str) -> str:
    """Where :func:`strategy_value` was written."""
    own = getattr(symbol, name) is not None
    return f"$.symbols[{index}].{name}" if own else f"$.strategy.{name}"


def _venue_faults(venue: VenueConfig) -> Iterator[tuple[str, str]]:
    if venue.environment == "demo" and venue.order_entry != "rest":
        found = venue.order_entry
        text = f"expected rest with environment demo, which has no trade socket; found {found}"
        yield "$.venue.order_entry", text
    if 0 < venue.dcp_window_s < _MIN_DCP_S:
        text = f"expected 0 (off) or {_MIN_DCP_S} to 300 seconds, found {venue.dcp_window_s}"
        yield "$.venue.dcp_window_s", text
    for name in _URLS:
        given = getattr(venue, name) is not None
        needed = name in _NEEDED_URLS[venue.order_entry]
        if venue.environment == "custom" and not given and needed:
            unless = " (or order_entry: rest)" if name == "ws_trade_url" else ""
            yield f"$.venue.{name}", f"missing; environment custom needs every address{unless}"
        if venue.environment != "custom" and given:
            yield (
                f"$.venue.{name}",
                f"expected only with environment custom, found with {venue.environment}",
            )


def _symbol_faults(config: Config) -> Iterator[tuple[str, str]]:
    if not 1 <= len(config.symbols) <= 1_000:
        yield "$.symbols", f"expected 1 to 1000 instruments, found {len(config.symbols)}"
    seen: dict[str, int] = {}
    for i, row in enumerate(config.symbols):
        first = seen.setdefault(row.symbol, i)
        if first != i:
            yield f"$.symbols[{i}].symbol", f"{row.symbol} stands already in $.symbols[{first}]"
        if row.order_qty <= 0:
            yield f"$.symbols[{i}].order_qty", f"expected more than 0, found {row.order_qty}"
        for name in ("max_order_qty", "max_position_qty"):
            if getattr(row, name) < row.order_qty:
                yield (
                    f"$.symbols[{i}].{name}",
                    f"expected at least order_qty {row.order_qty}, found {getattr(row, name)}",
                )


def _strategy_faults(config: Config) -> Faults:
    """The outermost quote must lie inside the collar, or it would be refused for ever."""
    faults: dict[str, str] = {}
    limit = config.risk.max_distance_bps
    for i, row in enumerate(config.symbols):
        half = strategy_value(config, row, "half_spread_bps")
        if half <= 0:
            path = strategy_path(row, i, "half_spread_bps")
            faults.setdefault(path, f"expected more than 0, found {half}")
        steps = strategy_value(config, row, "levels") - 1
        reach = half + steps * strategy_value(config, row, "level_step_bps")
        reach += strategy_value(config, row, "inventory_skew_bps")
        if reach > limit:
            path = strategy_path(row, i, "level_step_bps")
            text = f"{row.symbol} would quote up to {reach} bps from the fair price"
            faults.setdefault(path, f"{text}, beyond $.risk.max_distance_bps {limit}")
    return list(faults.items())
