"""Inside the venue and the engine, too, imports only go one way: down the table of rooms in the
document of each."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Each package that has rooms, and the document and the section that draw them.
DRAWN = {"sim": ("venue.md", "Rooms"), "engine": ("architecture.md", "Rooms of the engine")}


def documented_rooms(text: str, heading: str) -> list[str]:
    """The rooms named in the table under the heading, lowest first."""
    section = re.search(rf"^## {heading}$(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert section, f"expected a section {heading!r}"
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section[1], re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


ORDER = {
    package: documented_rooms((ROOT / "docs" / document).read_text(), heading)
    for package, (document, heading) in DRAWN.items()
}
FILES = {
    package: sorted(
        path for path in (ROOT / "mmfast" / package).rglob("*") if path.suffix in (".py", ".pxd")
    )
    for package in DRAWN
}
EACH_FILE = [
    pytest.param(package, path, id=str(path.relative_to(ROOT)))
    for package, paths in FILES.items()
    for path in paths
]


def room_of(package: str, path: Path) -> str:
    """The package a file lies in, or the module itself where it lies in none."""
    return path.relative_to(ROOT / "mmfast" / package).with_suffix("").parts[0]


def source_of(path: Path) -> str:
    """What a file imports, as Python: C types are taken from modules by their names."""
    text = path.read_text()
    if path.suffix == ".py":
        return text
    named = re.findall(r"^from (mmfast[\w.]*) cimport ", text, re.MULTILINE)
    return "".join(f"import {module}\n" for module in named)


def rooms_imported(package: str, source: str) -> Iterator[str]:
    """Rooms of the package that a source imports, also those for the type checker only."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == f"mmfast.{package}":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from _room_in(package, node.module)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield from _room_in(package, alias.name)


def _room_in(package: str, module: str) -> list[str]:
    parts = module.split(".")
    return [parts[2]] if parts[:2] == ["mmfast", package] and len(parts) > 2 else []


@pytest.mark.parametrize("package", DRAWN)
def test_every_room_is_drawn_once(package: str) -> None:
    there = {room_of(package, path) for path in FILES[package]} - {"__init__"}
    assert sorted(ORDER[package]) == sorted(there), (
        f"docs/{DRAWN[package][0]}, {DRAWN[package][1]}: list each package and module once"
    )


@pytest.mark.parametrize(("package", "path"), EACH_FILE)
def test_rooms_import_only_what_stands_below(package: str, path: Path) -> None:
    room, order = room_of(package, path), ORDER[package]
    below = set(order[: order.index(room)]) if room in order else set()
    for name in rooms_imported(package, source_of(path)):
        assert name == room or name in below, f"{path}: {room} must not import {name}: it is above"


def modules_imported(path: Path) -> set[Path]:
    """Files that a file imports, by module, not by package."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source_of(path))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {ROOT / (name.replace(".", "/") + ".py") for name in found}


@pytest.mark.parametrize("package", DRAWN)
def test_no_circles_among_modules(package: str) -> None:
    """Also inside a room no two modules need each other, not even for their types."""
    left: dict[Path, set[Path]] = {}
    for path in FILES[package]:
        module = path.with_suffix(".py")
        left[module] = left.get(module, set()) | modules_imported(path) - {module}
    while ready := [path for path, needs in left.items() if not needs & left.keys()]:
        for path in ready:
            del left[path]
    assert not left, f"these need each other: {sorted(str(p.relative_to(ROOT)) for p in left)}"


def test_the_rule_bites() -> None:
    """Planted upward imports are seen, in every spelling."""
    source = (
        "from mmfast.sim import rooms\n"
        "import mmfast.sim.venue\n"
        "def f():\n    from mmfast.sim.rest.door import Router\n"
    )
    assert set(rooms_imported("sim", source)) == {"rooms", "venue", "rest"}
    order = ORDER["sim"]
    assert order.index("exchange") < min(map(order.index, ("rooms", "venue", "rest")))


def test_the_rule_bites_among_c_types(tmp_path: Path) -> None:
    path = tmp_path / "book.pxd"
    path.write_text("cimport cython\nfrom mmfast.engine.risk.risk cimport Risk\n")
    assert list(rooms_imported("engine", source_of(path))) == ["risk"]
    assert ORDER["engine"].index("market") < ORDER["engine"].index("risk")


@pytest.mark.parametrize("package", DRAWN)
def test_unit_tests_lie_where_their_rooms_do(package: str) -> None:
    tests = ROOT / "tests" / "unit" / package
    folders = {p.name for p in tests.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders <= set(ORDER[package]), f"no such rooms: {sorted(folders - set(ORDER[package]))}"
