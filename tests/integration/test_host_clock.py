"""Somebody sets the host's wall clock while the engine trades: it signs by the monotonic one."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import ROOT, Process, configured, keys
from venue_watch import open_ids, positions_agree, report_of, until_resting

Start = Callable[..., Process]
SHIM = ROOT / "tests/harness/stepped_clock.c"
MORE = 50
"""So many further commands show that trading goes on."""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that moves a process's wall clock, built from its source."""
    library = tmp_path_factory.mktemp("shim") / "stepped_clock.so"
    command = ["cc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, SHIM]
    subprocess.run(command, check=True)
    return library


def served(venue: dict[str, str]) -> int:
    return sum(report_of(venue)["commands"].values())


def test_steps_of_the_hosts_clock_cost_no_order(
    start: Start, tmp_path: Path, venue: dict[str, str], shim: Path
) -> None:
    step = tmp_path / "step"
    step.write_bytes(bytes(8))
    env = {**keys(venue), "LD_PRELOAD": str(shim), "STEPPED_CLOCK": str(step)}
    engine = start("run", "-c", configured(tmp_path, venue=venue), env=env)
    engine.wait_said("mode", "-> TRADING")
    until_resting(engine, venue, 30)

    at_ms = 0
    for by_ms in (300, 3_600_000, -3_600_000, -300, -3_600_000):
        at_ms += by_ms
        with step.open("r+b") as file:  # in place: the engine has it mapped
            file.write((at_ms * 1_000_000).to_bytes(8, "little", signed=True))
        before = served(venue)
        if abs(by_ms) > 1_000:
            # A small step before it may not have been noticed yet, and then is part of it.
            engine.wait_said("clock", f"set by {by_ms // 1000}.")
        engine.wait_until(lambda before=before: served(venue) > before + MORE, "more orders")

    url = next(str(row["url"]) for row in engine.events() if row["event"] == "metrics")
    positions_agree(engine, venue, url)
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()
    modes = [row for row in engine.events() if row["event"] == "mode"]
    assert sum("-> TRADING" in str(row["text"]) for row in modes) == 1, "it never stopped trading"
    report = report_of(venue)
    assert report["violations"] == {}
    assert all("10002" not in verdicts for verdicts in report["requests"].values())
    assert open_ids(venue) == set()
