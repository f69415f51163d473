"""A tick costs what moved in it, however many instruments there are that did not move."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from race import Row

pytestmark = pytest.mark.timeout(600)
SIZES = (10, 100, 1000)
PROGRAM = Path(__file__).with_name("wide.py")
ROOT = Path(__file__).resolve().parents[2]
ATTEMPTS = 3
NEARLY = 1.25
KIB_PER_INSTRUMENT = 120
"""Book, four quotes and their orders, parameters; about 80 when this was written."""


def measured(count):
    path = os.pathsep.join((str(ROOT), str(ROOT / "tests" / "harness")))
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(count)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def sizes(rows):
    """The fastest ticks of a few runs of each size, taken in turns."""
    found = {}
    for _ in range(ATTEMPTS):
        for count in SIZES:
            fresh = measured(count)
            known = found.setdefault(count, fresh)
            for moved, took in fresh["tick_us"].items():
                known["tick_us"][moved] = min(known["tick_us"][moved], took)
        if _independent(found) and _linear(found):
            break
    for moved in ("1", "10"):
        least = found[SIZES[0]]["tick_us"][moved]
        for count in SIZES:
            took = found[count]["tick_us"][moved]
            contender = f"mmfast, {count} instruments"
            rows.append(Row(f"tick_{moved}_moved", contender, took, "us", took / least))
    rows.append(Row("memory_per_instrument", "mmfast", _kib(found), "KiB", None))
    return found


def _independent(found):
    few, many = (found[count]["tick_us"] for count in (SIZES[0], SIZES[-1]))
    return all(many[moved] <= few[moved] * NEARLY for moved in few)


def _linear(found):
    return all(one["tick_us"]["10"] <= 10 * NEARLY * one["tick_us"]["1"] for one in found.values())


def _kib(found):
    grown = found[SIZES[-1]]["held_bytes"] - found[SIZES[0]]["held_bytes"]
    return grown / (SIZES[-1] - SIZES[0]) / 1024


def test_instruments_that_did_not_move_cost_nothing(sizes):
    assert _independent(sizes), sizes


def test_a_tick_is_linear_in_its_commands(sizes):
    assert _linear(sizes), sizes


def test_memory_per_instrument(sizes):
    assert _kib(sizes) <= KIB_PER_INSTRUMENT
