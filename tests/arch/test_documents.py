"""What documents say of the code is printed from the code, and their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import order_table
import pytest

from mmfast.engine.risk.risk import CONTROLS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_order_table_and_the_races_are_the_codes() -> None:
    text = order_table.DOCUMENT.read_text()
    assert order_table.inserted(text) == text, "docs/architecture.md is old: run `make docs`"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_files_that_are_named_exist(path: Path) -> None:
    for name in re.findall(
        r"`((?:mmfast|tests|benchmarks|docs|deploy)/[\w./-]+)`", path.read_text()
    ):
        assert (ROOT / name).exists(), f"{path.name} names {name}, which is not there"


def test_every_risk_control_is_documented() -> None:
    text = (ROOT / "docs" / "risk.md").read_text()
    for name in CONTROLS:
        assert f"`{name}`" in text, f"docs/risk.md says nothing of {name}"


def test_every_numbered_control_has_a_row_with_its_tests() -> None:
    text = (ROOT / "docs" / "risk.md").read_text()
    rows = re.findall(r"^\| (C\d+) \|(?:[^|]+\|){3} ([^|]+) \|$", text, re.MULTILINE)
    assert [number for number, _ in rows] == [f"C{number}" for number in range(1, 19)]
    for number, tests in rows:
        assert re.search(r"`tests/[\w./-]+\.py(::\w+)?`", tests), f"{number} names no test"


def test_every_fault_class_has_its_row() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text()
    rows = re.findall(r"^\| (F\d\d) \| ([^|]+) \| ([^|]+) \| (.*`.*) \|$", text, re.MULTILINE)
    assert [row[0] for row in rows] == [f"F{number:02}" for number in range(1, 68)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_tests_that_are_named_exist(path: Path) -> None:
    for file, name in re.findall(r"`(tests/[\w./-]+\.py)::(\w+)`", path.read_text()):
        source = (ROOT / file).read_text()
        assert re.search(rf"^(async )?def {name}\(", source, re.MULTILINE), (
            f"{path.name} names {file}::{name}, which is not there"
        )
