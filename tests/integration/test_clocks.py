"""The venue's clock and the host's differ, by much, and all of a sudden: trading goes on."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import Process, configured, keys
from venue_watch import arm, open_ids, positions_agree, report_of, until_resting

Start = Callable[..., Process]
REFUSED = "10002"
RECOVER_S = 1.0


def refusals(venue: dict[str, str]) -> int:
    requests = report_of(venue)["requests"]
    return sum(verdicts.get(REFUSED, 0) for verdicts in requests.values())


@pytest.mark.parametrize("seconds", [30, -30])
@pytest.mark.parametrize("entry", ["ws", "rest"])
def test_a_clock_that_is_off_by_half_a_minute_costs_nothing(
    start: Start, tmp_path: Path, venue: dict[str, str], seconds: int, entry: str
) -> None:
    arm(venue, {"kind": "clock_skew", "by_ms": seconds * 1000})
    path = configured(tmp_path, venue=venue)
    path.write_text(re.sub("order_entry: [a-z]+", f"order_entry: {entry}", path.read_text()))
    engine = start("run", "-c", path, env=keys(venue))
    engine.wait_said("mode", "-> TRADING")
    until_resting(engine, venue, 30)
    engine.wait_said("clock", "off by")
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()
    assert open_ids(venue) == set()
    assert refusals(venue) == 0


@pytest.mark.parametrize("seconds", [3_600, -3_600])
def test_a_clock_that_leaps_an_hour_is_measured_at_once(
    start: Start, tmp_path: Path, venue: dict[str, str], seconds: int
) -> None:
    engine = start("run", "-c", configured(tmp_path, venue=venue), env=keys(venue))
    engine.wait_said("mode", "-> TRADING")
    until_resting(engine, venue, 30)
    arm(venue, {"kind": "clock_skew", "by_ms": seconds * 1000})
    engine.wait_said("leap", "leapt against each other")
    after = refusals(venue)
    time.sleep(RECOVER_S)
    until_resting(engine, venue, 30)
    url = next(str(r["url"]) for r in engine.events() if r["event"] == "metrics")
    positions_agree(engine, venue, url)
    assert refusals(venue) <= after + 1, "once measured, no timestamp is refused any more"
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()
    assert open_ids(venue) == set()
    told = report_of(venue)
    # One may be signed while the first refusal lies unread; then nothing leaves unmeasured.
    assert told["violations"].keys() | told["excused"].keys() <= {"bad_timestamp"}
    assert told["violations"].get("bad_timestamp", 0) <= 1
