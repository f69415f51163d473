"""The whole daemon through the fault proxy: every connection of it is hurt at random, by seed."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes import Process, announced, configured, keys
from storm import Storm
from venue_watch import positions_agree, report_of, state_of, until_resting

Start = Callable[..., Process]
SHORT_S, LONG_S = 20, 240


@pytest.mark.parametrize(
    ("seconds", "seed"),
    [
        (SHORT_S, 1),
        pytest.param(LONG_S, 2, marks=pytest.mark.long),
        pytest.param(LONG_S, 3, marks=pytest.mark.long),
    ],
)
@pytest.mark.timeout(LONG_S + 180)
def test_the_daemon_keeps_the_truth_through_a_storm_on_all_its_connections(
    start: Start, storm: Any, tmp_path: Path, seconds: int, seed: int
) -> None:
    folder = tmp_path / "venue"
    folder.mkdir()
    venue = announced(start("sim", "-c", configured(folder)))
    proxy: Storm = storm(venue, seed)
    through = {
        **venue,
        "rest_url": f"http://127.0.0.1:{proxy.proxy.port}",
        "ws_url": f"ws://127.0.0.1:{proxy.proxy.port}",
    }
    summary = tmp_path / "s.json"
    engine = start(
        "run", "-c", configured(tmp_path, venue=through), "--summary", summary, env=keys(venue)
    )
    engine.wait_said("mode", "TRADING")

    proxy.blow(True)
    time.sleep(seconds)
    proxy.blow(False)
    assert proxy.proxy.accepted > seconds // 2, "the engine kept coming back, ever less often"
    assert sum(proxy.done.values()) > seconds // 2

    # The storm is over; what it left half-open the engine has to find out for itself.
    until_resting(engine, venue, 30)
    url = next(str(row["url"]) for row in engine.events() if row["event"] == "metrics")
    positions_agree(engine, venue, url)
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()
    report, state = report_of(venue), state_of(venue)
    assert state["open_orders"] == []
    assert state["repeated_link_ids"] == 0
    assert report["violations"] == {}, report["violations"]
    assert json.loads(summary.read_text())["open_orders_at_exit"] == 0
