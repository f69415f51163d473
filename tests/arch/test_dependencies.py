"""The list of dependencies is short, known and explained."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = {
    "aiohttp",
    "cryptography",
    "msgspec",
    "orjson",
    "picows",
    "prometheus-client",
    "pyyaml",
    "uvloop",
}
#: Floors that keep known vulnerabilities out.
FLOORS = {"aiohttp": (3, 13, 4), "orjson": (3, 11, 6)}


def requirements() -> dict[str, tuple[int, ...]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = {}
    for line in project["dependencies"]:
        match = re.fullmatch(r"([a-z-]+)>=([\d.]+)", line)
        assert match, f"{line!r}: expected name>=floor"
        found[match[1]] = tuple(int(part) for part in match[2].split("."))
    return found


def test_only_known_names() -> None:
    """A misspelt or new dependency does not slip in unseen."""
    assert set(requirements()) == ALLOWED


def test_floors_exclude_known_vulnerabilities() -> None:
    found = requirements()
    for name, floor in FLOORS.items():
        assert found[name] >= floor, f"{name} must be at least {floor}"


def test_each_dependency_is_explained() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text()
    for name in sorted(ALLOWED):
        assert f"| {name} |" in text, f"docs/dependencies.md says nothing about {name}"
