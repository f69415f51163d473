"""Inside the venue, too, imports only go one way: down the table of rooms in its document."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SIM = ROOT / "mmfast" / "sim"
UNIT_TESTS = ROOT / "tests" / "unit" / "sim"


def documented_rooms(text: str) -> list[str]:
    """The rooms named in the table under "Rooms", lowest first."""
    section = re.search(r"^## Rooms$(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert section, "docs/venue.md has no section Rooms"
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section[1], re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


ORDER = documented_rooms((ROOT / "docs" / "venue.md").read_text())
FILES = sorted(p for p in SIM.rglob("*.py") if "__pycache__" not in p.parts)


def room_of(path: Path) -> str:
    """The package a file lies in, or the module itself where it lies in none."""
    return path.relative_to(SIM).with_suffix("").parts[0]


def rooms_imported(source: str) -> Iterator[str]:
    """Rooms of the venue that a source imports, also those for the type checker only."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "mmfast.sim":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from _room_in(node.module)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield from _room_in(alias.name)


def _room_in(module: str) -> list[str]:
    parts = module.split(".")
    return [parts[2]] if parts[:2] == ["mmfast", "sim"] and len(parts) > 2 else []


def test_every_room_is_drawn_once() -> None:
    there = {room_of(path) for path in FILES} - {"__init__"}
    assert sorted(ORDER) == sorted(there), "docs/venue.md, Rooms: list each package and module once"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SIM)))
def test_rooms_import_only_what_stands_below(path: Path) -> None:
    room = room_of(path)
    below = set(ORDER[: ORDER.index(room)]) if room in ORDER else set()
    for name in rooms_imported(path.read_text()):
        assert name == room or name in below, f"{path}: {room} must not import {name}: it is above"


def modules_imported(path: Path) -> set[Path]:
    """Files of the venue that a file imports, by module, not by package."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        targets = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        files = [ROOT / (target.replace(".", "/") + ".py") for target in targets]
        found |= {file for file in files if file in FILES}
    return found


def test_no_circles_among_modules() -> None:
    """Also inside a room no two modules need each other, not even for their types."""
    left = {path: modules_imported(path) - {path} for path in FILES}
    while ready := [path for path, needs in left.items() if not needs & left.keys()]:
        for path in ready:
            del left[path]
    assert not left, f"these need each other: {sorted(str(p.relative_to(SIM)) for p in left)}"


def test_the_rule_bites() -> None:
    """Planted upward imports are seen, in every spelling."""
    source = (
        "from mmfast.sim import rooms\n"
        "import mmfast.sim.venue\n"
        "def f():\n    from mmfast.sim.rest.door import Router\n"
    )
    assert set(rooms_imported(source)) == {"rooms", "venue", "rest"}
    assert ORDER.index("exchange") < min(map(ORDER.index, ("rooms", "venue", "rest")))


def test_unit_tests_lie_where_their_rooms_do() -> None:
    folders = {p.name for p in UNIT_TESTS.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders <= set(ORDER), f"no such rooms: {sorted(folders - set(ORDER))}"
