"""The walls of the house: who may import whom, how big things get, and what is banned where."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "mmfast"
BASE = frozenset({"errors", "units", "messages", "clock", "ids", "typed_yaml"})

#: Which rooms each room may import from, besides itself.
ALLOWED: dict[str, frozenset[str]] = {
    "base": frozenset(),
    "_core": frozenset(),
    "engine": frozenset({"base", "_core"}),
    "bybit": frozenset({"base", "_core"}),
    "net": frozenset({"base", "_core", "bybit"}),
    "sim": frozenset({"base", "_core", "bybit"}),
    "config": frozenset({"base", "_core"}),
    "runtime": frozenset({"base", "_core", "engine", "bybit", "net", "sim", "config"}),
    "simtest": frozenset({"base", "_core", "engine", "bybit", "net", "sim", "config", "runtime"}),
    "cli": frozenset(
        {"base", "_core", "engine", "bybit", "net", "sim", "config", "runtime", "simtest"}
    ),
}

#: Modules that read time, open sockets or files, or draw random numbers, and who may use them.
SANS_IO = ("engine", "bybit", "_core", "base")
IO_MODULES = frozenset(
    {"asyncio", "socket", "ssl", "time", "random", "secrets", "logging", "threading",
     "subprocess", "aiohttp", "picows", "uvloop", "signal", "os", "pathlib", "selectors"}
)  # fmt: skip
SEAMS = {("base", "mmfast/clock.py", "time")}


def python_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*.py") if "__pycache__" not in p.parts)


def room_of(module: str) -> str:
    """The room a dotted ``mmfast...`` module lives in."""
    parts = module.split(".")
    if len(parts) == 1:
        return "base"
    name = parts[1]
    if name in BASE:
        return "base"
    if name == "__main__":
        return "cli"
    return name


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            assert node.module is not None
            yield node.lineno, node.module
            if node.module == "mmfast":
                for alias in node.names:
                    if alias.name != "__version__":
                        yield node.lineno, f"mmfast.{alias.name}"


PACKAGE_FILES = python_files(PACKAGE)


@pytest.mark.parametrize("path", PACKAGE_FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_only_go_down(path: Path) -> None:
    room = room_of(module_of(path))
    assert room in ALLOWED, f"{path}: {room!r} is a room nobody has drawn; add it to the picture"
    allowed = ALLOWED[room] | {room}
    for line, name in imports_of(ast.parse(path.read_text())):
        if name == "mmfast" or not name.startswith("mmfast."):
            continue
        target = room_of(name)
        assert target in allowed, f"{path}:{line}: {room} must not import {name}"


def test_the_import_rule_bites() -> None:
    """A planted upward import is seen."""
    tree = ast.parse("from mmfast.net.rest import BybitRest\nimport mmfast.engine.kernel")
    rooms = {room_of(name) for _, name in imports_of(tree)}
    assert rooms == {"net", "engine"}
    assert not rooms <= ALLOWED["engine"] | {"engine"}


@pytest.mark.parametrize(
    "path",
    [p for p in PACKAGE_FILES if room_of(module_of(p)) in SANS_IO],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_pure_rooms_touch_no_world(path: Path) -> None:
    room = room_of(module_of(path))
    for line, name in imports_of(ast.parse(path.read_text())):
        top = name.partition(".")[0]
        if (room, path.relative_to(ROOT).as_posix(), top) in SEAMS:
            continue
        assert top not in IO_MODULES, f"{path}:{line}: {room} is sans-IO but imports {name}"


def test_the_venue_opens_sockets_in_its_shell_only() -> None:
    sim = PACKAGE / "sim"
    shell = {"main.py", "server.py", "shell/alarm.py", "shell/raw_sockets.py"}
    for path in python_files(sim):
        if path.relative_to(sim).as_posix() in shell:
            continue
        for line, name in imports_of(ast.parse(path.read_text())):
            top = name.partition(".")[0]
            banned = IO_MODULES - {"random"}
            assert top not in banned, f"{path}:{line}: the venue is sans-IO but imports {name}"


def test_randomness_is_always_seeded() -> None:
    """``random.X()`` draws from hidden state; only ``random.Random(seed)`` repeats."""
    bad = re.compile(r"\brandom\.(?!Random\b)[a-z]\w*\(|\brandom\.Random\(\)")
    for path in PACKAGE_FILES:
        match = bad.search(path.read_text())
        assert match is None, f"{path}: {match.group() if match else ''} is not repeatable"


LIMITS = {".py": 400, ".pyx": 500}


def test_files_stay_small() -> None:
    for path in sorted(PACKAGE.rglob("*")):
        limit = LIMITS.get(path.suffix)
        if limit is None:
            continue
        lines = len(path.read_text().splitlines())
        assert lines <= limit, f"{path}: {lines} lines, at most {limit}: one reason to change?"


@pytest.mark.parametrize("path", PACKAGE_FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_functions_fit_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            assert lines <= 70, f"{path}:{node.lineno}: {node.name} has {lines} lines, at most 70"


def test_no_rooms_without_a_name() -> None:
    banned = {"utils", "util", "helpers", "common", "manager", "misc"}
    for path in PACKAGE_FILES:
        assert path.stem not in banned, f"{path}: say what it does"


def test_every_compiled_module_has_its_papers() -> None:
    core = PACKAGE / "_core"
    oracles = {p.stem.removeprefix("oracle_") for p in (ROOT / "tests" / "oracle").glob("*.py")}
    properties = "".join(p.read_text() for p in (ROOT / "tests" / "property").glob("test_core_*"))
    for path in sorted(core.glob("*.pyx")):
        if path.stem.startswith("_"):
            continue
        assert path.with_suffix(".pyi").exists(), f"{path.name} has no stub"
        assert path.with_suffix(".pxd").exists(), f"{path.name} has no .pxd"
        assert path.stem in oracles, f"{path.name} has no slow twin in tests/oracle"
        assert f"import oracle_{path.stem}\n" in properties, (
            f"{path.name}: nothing drives it and its twin"
        )


@pytest.mark.parametrize("room", ["engine", "runtime"])
def test_what_a_tick_runs_through_is_compiled(room: str) -> None:
    """The list that a room checks at its import is what ``setup.py`` builds, and what was built
    is not older than what it was built from."""
    from mmfast import engine, runtime

    typed = sorted(
        module_of(path).removeprefix(f"mmfast.{room}.") for path in (PACKAGE / room).rglob("*.pxd")
    )
    listed = {"engine": engine, "runtime": runtime}[room].COMPILED
    assert sorted(listed) == typed, "each compiled module has its .pxd, and no other"
    assert not engine.INTERPRETED
    places = [f"{room}/{name}".replace(".", "/") for name in typed]
    sources = [PACKAGE / f"{place}.py" for place in (*places, "ids")]
    for source in sources:
        [library] = source.parent.glob(f"{source.stem}.*.so")
        for path in (source, source.with_suffix(".pxd")):
            assert library.stat().st_mtime >= path.stat().st_mtime, f"{path} changed: build again"


def test_types_of_the_engine_hold_no_decision() -> None:
    """A ``.pxd`` beside a module declares; what is decided stands in the module, for both of its
    lives."""
    rooms = (PACKAGE / "engine", PACKAGE / "runtime")
    for path in sorted(path for room in rooms for path in room.rglob("*.pxd")):
        text = path.read_text()
        assert "nogil" not in text, f"{path}: the engine touches objects everywhere"
        assert not re.search(r"\b(float|double)\b", text), f"{path}: a float"
        for line in text.splitlines():
            is_type = re.match(r"(\S|    )?cdef class ", line)
            assert is_type or not line.endswith(":"), f"{path}: code in a declaration: {line}"


def test_no_float_in_the_engine() -> None:
    """No float ever touches a price that leaves: the deciding rooms hold no float literal."""
    for folder in ("engine", "bybit"):
        for path in python_files(PACKAGE / folder):
            for node in ast.walk(ast.parse(path.read_text())):
                is_float = isinstance(node, ast.Constant) and isinstance(node.value, float)
                is_division = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
                is_inexact = is_float or is_division
                assert not is_inexact, f"{path}:{node.lineno}: a float"


def test_the_names_users_asked_for() -> None:
    from mmfast.config import AsyncBatchConfig
    from mmfast.engine.quoting.bus import CommandBus
    from mmfast.net.rest import BybitRest
    from mmfast.runtime.orchestrator import AsyncTickOrchestrator
    from mmfast.runtime.quote_loop import AsyncQuoteLoop

    assert callable(BybitRest.batch_place_orders)
    assert callable(BybitRest.batch_cancel_orders)
    assert callable(BybitRest.batch_amend_orders)
    assert set(AsyncBatchConfig.__struct_fields__) >= {
        "enabled",
        "max_parallel_symbols",
        "coalesce_cancel",
        "coalesce_place",
        "tick_deadline_ms",
    }
    for name in (CommandBus, AsyncTickOrchestrator, AsyncQuoteLoop):
        assert isinstance(name, type)
