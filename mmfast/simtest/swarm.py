"""One seed's world: which faults are on and how strong, drawn from nothing but the seed.

Each seed takes some of all kinds and leaves the others out: faults that always come together
hide what each of them alone, or two of them, would show.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from mmfast.sim.fault_terms.kinds import (
    KINDS,
    AddressBan,
    Fault,
    InstrumentSuspended,
    Maintenance,
    Sampled,
)
from mmfast.sim.fault_terms.schedule import Schedule
from mmfast.sim.params import FlowParams, VenueParams
from mmfast.simtest import weather
from mmfast.simtest.breaker_draws import Soak, soak_of
from mmfast.simtest.draws import DRAWS, FOREIGN_QTY
from mmfast.simtest.limit_draws import LimitLines, limits_of
from mmfast.simtest.loop import START_NS
from mmfast.simtest.weather import WIRE_FAULTS, WireFault
from mmfast.simtest.writer_draws import WriterAct, acts_of
from mmfast.units import NS_PER_MS, NS_PER_S

CALM_S: Final = 45.0
"""Without faults, at the end of each seed."""
PREFIX: Final = "sim"
API_KEY: Final = "simulated-key"
CANARY: Final = "canary-secret-that-must-never-be-seen"
"""The API secret; I17 looks for it wherever the engine writes."""

STALL: Final = "stall"
SUSPEND: Final = "suspend"
WALL_STEP: Final = "wall_step"
CRASH: Final = "crash"
CRASH_ON_WRITE: Final = "crash_on_write"
STOP: Final = "stop"
RELOAD: Final = "reload"
BAD_RELOAD: Final = "bad_reload"
DISK_FULL: Final = "disk_full"

#: Name to the fault class of the reliability table it stands for.
HOST_FAULTS: Final[dict[str, str]] = {
    STALL: "F52",
    SUSPEND: "F49",
    WALL_STEP: "F49",
    CRASH: "F50",
    CRASH_ON_WRITE: "F50",
    STOP: "F51",
    RELOAD: "F58",
    BAD_RELOAD: "F58",
    DISK_FULL: "F54",
}
WALL_OFF: Final = "wall_off"
FAULT_NAMES: Final = (*KINDS, *WIRE_FAULTS, *HOST_FAULTS, WALL_OFF)

_CHANCE: Final = 0.25
_OFTEN: Final = 0.1
_RARE: Final = {"address_ban": 0.03, "tick_size_changed": 0.06, "maintenance": 0.12}
_SIZES: Final[dict[str, tuple[str, Decimal]]] = {
    "BTCUSDT": ("0.010", Decimal("0.010")),
    "ETHUSDT": ("0.20", Decimal("0.20")),
    "SOLUSDT": ("4.0", Decimal(4)),
    "XRPUSDT": ("1200", Decimal(1200)),
    "DOGEUSDT": ("4000", Decimal(4000)),
}
assert _SIZES.keys() == FOREIGN_QTY.keys()  # noqa: S101


class HostAct(NamedTuple):
    """Something that happens to the engine's process or its host."""

    name: str
    at_ns: int
    size: int
    """Milliseconds, or which write to die on."""


class Plan(NamedTuple):
    """All of one seed."""

    seed: int
    safety_ns: int
    """When the faults end, on the engine's clock."""
    calm_s: float
    symbols: tuple[str, ...]
    config: bytes
    tighter: bytes
    """The same configuration with a tighter limit, for a reload."""
    venue: VenueParams
    faults: Schedule
    wire: tuple[WireFault, ...]
    acts: tuple[HostAct, ...]
    wall_off_ms: int
    resume_ms: int = 0
    """So long after a breaker has halted the engine a human resumes; 0: none halts."""
    writer: tuple[WriterAct, ...] = ()
    """What a second writer does to the account."""

    def names(self) -> tuple[str, ...]:
        """The faults of this seed."""
        found = {NAMES_OF[type(fault)] for fault in self.faults.faults}
        found |= {one.name for one in self.wire} | {one.name for one in self.acts}
        return tuple(name for name in FAULT_NAMES if name in found)


NAMES_OF: Final[dict[type[Fault], str]] = {kind: name for name, kind in KINDS.items()}


def plan_of(seed: int, minutes: float, only: tuple[str, ...] = ()) -> Plan:
    """The world of a seed; ``only`` leaves out all faults but these."""
    dice = random.Random(f"seed {seed}")  # noqa: S311 - repeatable is the point
    safety_s = max(minutes * 60 - CALM_S, 10.0)
    symbols = tuple(dice.sample(sorted(_SIZES), dice.choice((1, 2, 2, 2, 3))))
    chosen = [
        name
        for name in FAULT_NAMES
        if (dice.random() < _RARE.get(name, _CHANCE)) and (not only or name in only)
    ]
    if only:
        chosen = [name for name in FAULT_NAMES if name in only]
    soak = soak_of(seed, safety_s)
    venue, config, tighter = _setting(dice, seed, symbols, soak)
    faults = [DRAWS[n](dice, _window(dice, safety_s), symbols) for n in chosen if n in DRAWS]
    wire = [_wire(dice, name, safety_s) for name in chosen if name in WIRE_FAULTS]
    if only:
        faults = [_often(fault) for fault in faults]
        wire = [one._replace(chance=max(one.chance, _OFTEN)) for one in wire]
    acts = [act for name in chosen if name in HOST_FAULTS for act in _acts(dice, name, safety_s)]
    acts += [HostAct(STALL, START_NS + at * NS_PER_MS, size) for at, size in soak.stalls]
    return Plan(
        seed=seed,
        safety_ns=START_NS + int(safety_s * NS_PER_S),
        calm_s=CALM_S + _extra_calm_s(faults, safety_s),
        symbols=symbols,
        config=config,
        tighter=tighter,
        venue=venue,
        faults=Schedule(seed=seed, faults=(*faults, *soak.faults)),
        wire=tuple(wire),
        acts=tuple(sorted(acts, key=lambda act: act.at_ns)),
        wall_off_ms=_wall_off(dice) if WALL_OFF in chosen else 0,
        resume_ms=soak.resume_ms,
        writer=acts_of(seed, safety_s),
    )


def _often(fault: Fault) -> Fault:
    """A fault that was asked for by name shall be seen."""
    if isinstance(fault, Sampled) and fault.chance < _OFTEN:
        return msgspec.structs.replace(fault, chance=Decimal(str(_OFTEN)))
    return fault


def _extra_calm_s(faults: list[Fault], safety_s: float) -> float:
    """What the engine may need on top to trade again: a banned address waits ten minutes before
    it knocks, and the status of instruments is read once a minute."""
    bans_s = [fault.from_ms / 1000 for fault in faults if isinstance(fault, AddressBan)]
    extra_s = max((at_s + 610.0 - safety_s for at_s in bans_s), default=0.0)
    if any(isinstance(fault, InstrumentSuspended | Maintenance) for fault in faults):
        extra_s = max(extra_s, 25.0)
    return max(extra_s, 0.0)


def _wall_off(dice: random.Random) -> int:
    return dice.choice((-30_000, -3_000, -900, 900, 3_000, 30_000))


def _window(dice: random.Random, safety_s: float) -> dict[str, int]:
    """When a fault is on: from a few seconds to a third of the time."""
    from_s = dice.uniform(2.0, safety_s * 0.85)
    longest_s = max(min(safety_s - from_s, safety_s / 3), 0.5)
    for_s = min(dice.lognormvariate(2.0, 1.0), longest_s)
    return {"from_ms": int(from_s * 1000), "for_ms": max(int(for_s * 1000), 100)}


def _wire(dice: random.Random, name: str, safety_s: float) -> WireFault:
    window = _window(dice, safety_s)
    if name in weather.CONNECTS and dice.random() < 0.5:
        window["from_ms"] = 0  # the engine connects when it starts, and seldom later
    from_ns = START_NS + window["from_ms"] * NS_PER_MS
    strength = {
        weather.CONNECT_REFUSED: (0.9, 0),
        weather.NAME_UNKNOWN: (0.9, 0),
        weather.CONNECT_HANGS: (0.7, 0),
        weather.CUT_REQUEST: (0.02, 0),
        weather.CUT_REPLY: (0.02, 0),
        weather.PIECES: (0.3, dice.choice((0, 1, 5, 40))),
        weather.SLOW_REPLY: (0.05, dice.choice((20, 100))),
        weather.IDLE_CLOSE: (1.0, dice.choice((50, 200, 1_000, 5_000))),
        weather.DEAF: (0.5, 0),
        weather.DUMB: (0.5, 0),
    }
    most, size = strength[name]
    return WireFault(
        name,
        from_ns,
        from_ns + window["for_ms"] * NS_PER_MS,
        most * dice.uniform(0.2, 1.0) if most < 1.0 else 1.0,
        size,
    )


def _acts(dice: random.Random, name: str, safety_s: float) -> list[HostAct]:
    count = dice.randint(1, 3)
    sizes: dict[str, Callable[[], int]] = {
        STALL: lambda: int(dice.lognormvariate(6.0, 1.5)),
        SUSPEND: lambda: dice.choice((200, 1_500, 10_000, 60_000)),
        WALL_STEP: lambda: dice.choice((-3_600_000, -5_000, 5_000, 3_600_000)),
        CRASH_ON_WRITE: lambda: dice.randint(1, 60),
        DISK_FULL: lambda: dice.randint(200, 15_000),
    }
    draw = sizes.get(name, lambda: 0)
    return [
        HostAct(name, START_NS + int(dice.uniform(1.0, safety_s) * NS_PER_S), draw())
        for _ in range(count)
    ]


def _setting(
    dice: random.Random, seed: int, symbols: tuple[str, ...], soak: Soak
) -> tuple[VenueParams, bytes, bytes]:
    """The venue and the configuration of both sides of the wire."""
    tier = dice.choice(("default", "default", "vip1"))
    max_batch = dice.choice((5, 10, 20))
    venue = VenueParams(
        symbols=symbols,
        api_key=API_KEY,
        api_secret=CANARY,
        seed=seed,
        tier=tier,
        latency_ms=dice.choice((2.0, 10.0, 30.0, 80.0)),
        latency_jitter_ms=dice.choice((0.0, 1.0, 10.0)),
        stream_lag_ms=dice.choice((0.0, 1.0, 10.0)),
        max_batch_orders=max_batch,
        flow=FlowParams(
            activity=dice.choice((0.03, 0.06, 0.1)),
            taker_rate_hz=dice.choice((2.0, 6.0)),
            volatility_bps_per_sqrt_s=dice.choice((0.5, 1.0, 2.5)),
        ),
    )
    values = _values(dice, max_batch)
    values["trade_sockets"] = random.Random(f"sockets {seed}").choice((1, 2, 2, 3, 4))  # noqa: S311
    orders = dice.choice((2, 3, 6))
    limits = limits_of(seed)
    if soak.breakers:
        limits = limits._replace(breakers=soak.breakers)
    config = _yaml(symbols, values, limits, orders, "2000").encode()
    return venue, config, _yaml(symbols, values, limits, orders, "1900").encode()


def _values(dice: random.Random, max_batch: int) -> dict[str, object]:
    return {
        "recv_window_ms": dice.choice((500, 1_000, 2_000, 5_000)),
        "request_timeout_ms": dice.choice((500, 2_000)),
        "order_entry": dice.choice(("auto", "auto", "ws", "rest")),
        "max_batch_orders": max_batch,
        "enabled": dice.choice(("true", "true", "true", "false")),
        "coalesce_cancel": dice.choice(("true", "true", "false")),
        "coalesce_place": dice.choice(("true", "true", "false")),
        "tick_deadline_ms": dice.choice((50, 200, 1_000)),
        "levels": dice.choice((1, 1, 2)),
        "requote_by": dice.choice(("amend", "replace")),
        "tolerance": dice.choice(("1.0", "2.0", "3.0")),
        "fair_price": dice.choice(("mid", "mid", "microprice")),
        "stale_book_ms": dice.choice((1_000, 2_000, 5_000)),
        "rate_use_percent": dice.choice((50, 90, 100)),
        "cancel_reserve_percent": dice.choice((0, 20, 50)),
        "policy": dice.choice(("planned", "planned", "batched")),
    }


def _yaml(
    symbols: tuple[str, ...], v: dict[str, object], limits: LimitLines, orders: int, value: str
) -> str:
    rows = "\n".join(
        f'  - {{symbol: {name}, order_qty: "{_SIZES[name][0]}", '
        f'max_order_qty: "{_SIZES[name][1] * 2:f}", '
        f'max_position_qty: "{_SIZES[name][1] * orders:f}"}}'
        for name in symbols
    )
    return f"""\
venue:
  environment: custom
  rest_url: http://127.0.0.1:8001
  ws_public_url: ws://127.0.0.1:8002/v5/public/linear
  ws_private_url: ws://127.0.0.1:8003/v5/private
  ws_trade_url: ws://127.0.0.1:8004/v5/trade
  order_prefix: {PREFIX}
  recv_window_ms: {v["recv_window_ms"]}
  request_timeout_ms: {v["request_timeout_ms"]}
  max_batch_orders: {v["max_batch_orders"]}
  order_entry: {v["order_entry"]}
  trade_sockets: {v["trade_sockets"]}
async_batch:
  enabled: {v["enabled"]}
  coalesce_cancel: {v["coalesce_cancel"]}
  coalesce_place: {v["coalesce_place"]}
  tick_deadline_ms: {v["tick_deadline_ms"]}
planner:
  policy: {v["policy"]}
{limits.planner}symbols:
{rows}
strategy:
  fair_price: {v["fair_price"]}
  levels: {v["levels"]}
  half_spread_bps: "1.5"
  level_step_bps: "2.0"
  inventory_skew_bps: "2.0"
  requote_tolerance_bps: "{v["tolerance"]}"
  requote_by: {v["requote_by"]}
risk:
  max_order_value_quote: "{value}"
  price_collar_bps: "30"
  max_distance_bps: "100"
  stale_book_ms: {v["stale_book_ms"]}
  rate_use_percent: {v["rate_use_percent"]}
  cancel_reserve_percent: {v["cancel_reserve_percent"]}
{limits.risk}{limits.breakers}"""
