"""The whole daemon through the fault proxy: every connection of it is hurt at random, by seed."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes import Process, announced, configured, keys
from prometheus_client.parser import text_string_to_metric_families
from storm import Storm

Start = Callable[..., Process]
SHORT_S, LONG_S = 20, 240


def read(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as reply:
        return json.load(reply)


def metric(url: str, name: str, label: str = "symbol") -> dict[str, float]:
    with urllib.request.urlopen(url, timeout=5) as reply:
        page = reply.read().decode()
    return {
        sample.labels.get(label, ""): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name
    }


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
    state_url = venue["rest_url"] + "/control/state"
    engine.wait_until(lambda: len(read(state_url)["open_orders"]) >= 30, "quotes at the venue")
    url = next(str(row["url"]) for row in engine.events() if row["event"] == "metrics")

    def agree() -> bool:
        before = read(state_url)["positions"]
        ours = metric(url, "mm_position_lots")
        after = read(state_url)["positions"]
        steady = {symbol for symbol in ours if before[symbol] == after[symbol]}
        return len(steady) >= 5 and all(ours[symbol] == before[symbol] for symbol in steady)

    engine.wait_until(agree, "positions that agree")
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()
    report = read(venue["rest_url"] + "/control/report")
    state = read(state_url)
    assert state["open_orders"] == []
    assert state["repeated_link_ids"] == 0
    assert report["violations"] == {}, report["violations"]
    assert json.loads(summary.read_text())["open_orders_at_exit"] == 0
