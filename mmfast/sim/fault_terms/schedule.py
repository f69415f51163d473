"""A schedule of faults, read from YAML (or JSON, which is YAML), every mistake with its path.

::

    seed: 7
    faults:
      - kind: latency_lognormal
        median_ms: 40
      - kind: drop_request
        path: /v5/order/create
        when: after
        chance: "0.02"
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from mmfast import typed_yaml
from mmfast.errors import ConfigError
from mmfast.sim.fault_terms.kinds import KINDS, Fault, LatencyUniform

MAX_FAULTS: Final = 256
"""Faults of one schedule."""


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Faults and the seed that decides what they hit. Same schedule, same requests: same hits."""

    seed: int = 1
    faults: tuple[Fault, ...] = ()


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 1


def read_schedule(data: bytes) -> Schedule:
    """Parse a schedule; raises :class:`~mmfast.errors.ConfigError` with all its mistakes."""
    tree = typed_yaml.parse(data)
    if not isinstance(tree, dict):
        text = f"expected a section with seed and faults, found {typed_yaml.show(tree)}"
        raise ConfigError([("$", text)])
    rows = tree.get("faults", [])
    if not isinstance(rows, list) or len(rows) > MAX_FAULTS:
        text = f"expected a list of at most {MAX_FAULTS} faults, found {typed_yaml.show(rows)}"
        raise ConfigError([("$.faults", text)])
    mistakes: typed_yaml.Faults = []
    seed = _read_head(tree, mistakes)
    faults = [_read_fault(row, f"$.faults[{i}]", mistakes) for i, row in enumerate(rows)]
    if mistakes:
        raise ConfigError(mistakes)
    return Schedule(seed=seed, faults=tuple(fault for fault in faults if fault is not None))


def _read_head(tree: dict[str, object], mistakes: typed_yaml.Faults) -> int:
    rest = {name: value for name, value in tree.items() if name != "faults"}
    for name in [name for name in rest if name != "seed"]:
        mistakes.append((f"$.{name}", "unknown key; expected one of: seed, faults"))
        del rest[name]
    try:
        return typed_yaml.convert(rest, _Head).seed
    except ConfigError as error:
        mistakes += error.faults
        return 0


def _read_fault(row: object, path: str, mistakes: typed_yaml.Faults) -> Fault | None:
    if not isinstance(row, dict):
        mistakes.append((path, f"expected a section with a kind, found {typed_yaml.show(row)}"))
        return None
    kind = row.get("kind")
    cls = KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        found = typed_yaml.show(kind)
        mistakes.append((f"{path}.kind", f"expected one of {', '.join(KINDS)}, found {found}"))
        return None
    rest = {name: value for name, value in row.items() if name != "kind"}
    try:
        fault = typed_yaml.convert(rest, cls, path)
    except ConfigError as error:
        mistakes += error.faults
        return None
    if isinstance(fault, LatencyUniform) and fault.high_ms < fault.low_ms:
        text = f"expected at least low_ms, {fault.low_ms}, found {fault.high_ms}"
        mistakes.append((f"{path}.high_ms", text))
    return fault
