"""Pulling the plug on the venue in mid-run: the engine pulls, comes back, and knows the truth."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from processes import Process, announced, configured, keys
from venue_watch import metric, positions_agree, state_of

SHORT_S = 3
LONG_S = 20
Start = Callable[..., Process]

outages = pytest.mark.parametrize(
    "seconds", [SHORT_S, pytest.param(LONG_S, marks=pytest.mark.long)]
)


def trading_count(engine: Process) -> int:
    """How often the engine began to trade."""
    return sum(r["event"] == "mode" and "-> TRADING" in str(r["text"]) for r in engine.events())


def until_quoting(engine: Process, venue: dict[str, str]) -> str:
    """Wait until most quotes rest at the venue; the address of the engine's metrics."""
    engine.wait_until(lambda: len(state_of(venue)["open_orders"]) >= 30, "quotes at the venue")
    return next(str(r["url"]) for r in engine.events() if r["event"] == "metrics")


def stop_and_check(engine: Process, venue: dict[str, str], summary: Path) -> dict[str, Any]:
    """A stop that is proven, and what the run left behind."""
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()
    state = state_of(venue)
    assert state["open_orders"] == []
    assert state["repeated_link_ids"] == 0
    found = json.loads(summary.read_text())
    assert found["open_orders_at_exit"] == 0
    return found


@outages
def test_an_unreachable_venue_comes_back(start: Start, tmp_path: Path, seconds: int) -> None:
    """Every connection is cut and refused for a while; the exchange goes on trading."""
    folder = tmp_path / "venue"
    folder.mkdir()
    venue = announced(start("sim", "-c", configured(folder)))
    summary = tmp_path / "s.json"
    engine = start(
        "run", "-c", configured(tmp_path, venue=venue), "--summary", summary, env=keys(venue)
    )
    engine.wait_said("mode", "TRADING")
    url = until_quoting(engine, venue)
    cut = f"{venue['rest_url']}/control/outage?seconds={seconds}"
    urllib.request.urlopen(urllib.request.Request(cut, method="POST"), timeout=5).close()

    engine.wait_said("mode", "SYNCING")
    time.sleep(seconds)
    engine.wait_until(lambda: trading_count(engine) == 2, "trading again")
    until_quoting(engine, venue)

    positions_agree(engine, venue, url)
    found = stop_and_check(engine, venue, summary)
    assert [change["mode"] for change in found["mode_changes"]] == [
        "TRADING",
        "SYNCING",
        "TRADING",
        "DRAINING",
    ]


@outages
def test_a_frozen_venue_is_survived(start: Start, tmp_path: Path, seconds: int) -> None:
    """The venue's process stands still: connections stay open and nobody answers."""
    folder = tmp_path / "venue"
    folder.mkdir()
    sim = start("sim", "-c", configured(folder))
    venue = announced(sim)
    summary = tmp_path / "s.json"
    engine = start(
        "run", "-c", configured(tmp_path, venue=venue), "--summary", summary, env=keys(venue)
    )
    engine.wait_said("mode", "TRADING")
    url = until_quoting(engine, venue)
    sim.signal(signal.SIGSTOP)
    time.sleep(seconds)
    sim.signal(signal.SIGCONT)
    until_quoting(engine, venue)
    positions_agree(engine, venue, url)
    stop_and_check(engine, venue, summary)


@outages
def test_a_killed_venue_that_starts_anew_is_taken_as_it_is(
    start: Start, tmp_path: Path, seconds: int
) -> None:
    """The new venue knows no order and no position; the engine believes it, not its memory."""
    folder = tmp_path / "venue"
    folder.mkdir()
    path = configured(folder)
    first = start("sim", "-c", path)
    venue = announced(first)
    port = venue["rest_url"].rsplit(":", 1)[1]
    summary = tmp_path / "s.json"
    engine = start(
        "run", "-c", configured(tmp_path, venue=venue), "--summary", summary, env=keys(venue)
    )
    engine.wait_said("mode", "TRADING")
    until_quoting(engine, venue)
    first.popen.kill()
    first.wait()
    engine.wait_said("mode", "SYNCING")
    time.sleep(seconds)
    assert announced(start("sim", "-c", path, "--port", port)) == venue

    engine.wait_until(lambda: trading_count(engine) == 2, "trading again")
    url = until_quoting(engine, venue)
    positions_agree(engine, venue, url)
    stop_and_check(engine, venue, summary)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_ten_minutes_stay_flat_and_clean(start: Start, tmp_path: Path) -> None:
    """Quotes get filled, positions stay in bounds, memory is flat, nothing is left."""
    seconds = 600
    summary = tmp_path / "s.json"
    engine = start("run", "-c", configured(tmp_path), "--duration", seconds, "--summary", summary)
    engine.wait_said("mode", "TRADING")
    url = next(str(r["url"]) for r in engine.events() if r["event"] == "metrics")
    process = psutil.Process(engine.popen.pid)
    warm_up_s, memory = 60, []
    end = time.monotonic() + seconds - 5
    worst: dict[str, float] = {}
    while time.monotonic() < end:
        time.sleep(5)
        memory.append(process.memory_info().rss)
        limits = metric(url, "mm_position_limit_lots")
        for symbol, lots in metric(url, "mm_position_lots").items():
            worst[symbol] = max(worst.get(symbol, 0.0), abs(lots) / limits[symbol])
    engine.popen.wait(60)
    assert engine.wait() == 0, engine.text()
    found = json.loads(summary.read_text())
    assert found["fills"] > 100
    assert found["errors"] == []
    assert found["open_orders_at_exit"] == 0
    assert not [r for r in engine.events() if r["level"] == "error"]
    assert max(worst.values()) <= 1
    steady = memory[warm_up_s // 5 :]
    quarter = len(steady) // 4
    early, late = sum(steady[:quarter]) / quarter, sum(steady[-quarter:]) / quarter
    assert late - early < 2 << 20, f"memory grew from {early:.0f} to {late:.0f} bytes"
