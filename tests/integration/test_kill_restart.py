"""SIGKILL at random moments, and a start after each: nothing is orphaned, doubled or forgotten."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from processes import Process, announced, configured, keys
from venue_watch import arm, open_ids, positions_agree, report_of, state_of, until_resting

from mmfast.ids import ClientIds, epoch_of

Start = Callable[..., Process]
WATCHDOG_OFF = ("enabled: true\n  progress_ms", "enabled: false\n  progress_ms")
QUICK = ("recv_window_ms: 2000", "recv_window_ms: 500")
"""A start after a kill waits until nothing of the killed can be accepted any more."""
LOSSES = ("max_daily_loss_quote", "max_drawdown_quote")
MAY_LOSE = tuple((f'{name}: "1000"', f'{name}: "1000000"') for name in LOSSES)
"""What a dead engine leaves in a lively market is picked off, so many deaths cost real money; the
day's result lives through them, and would rightly halt the engine before the last."""
LIVELY = ('taker_rate_hz: "2.0"', 'taker_rate_hz: "6.0"')
SHORT_KILLS = 5
LONG_KILLS = 200
LANES = 4
LATE_MS = 6_000
"""Longer than a start takes, shorter than the receive window."""
EARLY_SHARE = 0.2
"""So many kills fall into the start, the others between the first quote and a good while later."""
IDS = ClientIds("mmf1", 1)


def epochs(names: set[str]) -> set[int]:
    return {epoch_of(IDS.parse(name)) for name in names}


def epoch_said(engine: Process) -> int:
    (row,) = [row for row in engine.events() if row["event"] == "start"]
    return int(str(row["epoch"]))


@pytest.fixture
def venue(start: Start, tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "venue"
    folder.mkdir()
    return announced(start("sim", "-c", configured(folder, LIVELY)))


@pytest.mark.parametrize(
    "kills",
    [
        SHORT_KILLS,
        pytest.param(LONG_KILLS, marks=[pytest.mark.long, pytest.mark.timeout(1_800)]),
    ],
)
def test_every_restart_finds_the_truth(start: Start, tmp_path: Path, kills: int) -> None:
    """Some venues side by side, each with one engine after another: most of the time of a start
    is spent waiting until nothing of the dead engine can be accepted any more."""
    lanes = LANES if kills > LANES * SHORT_KILLS else 1
    folders = [tmp_path / f"lane{number}" for number in range(lanes)]
    with ThreadPoolExecutor(lanes) as pool:
        runs = [
            pool.submit(one_after_another, start, folder, kills // lanes, seed)
            for seed, folder in enumerate(folders)
        ]
        for run in runs:
            run.result()


def one_after_another(start: Start, folder: Path, kills: int, seed: int) -> None:
    (folder / "venue").mkdir(parents=True)
    venue = announced(start("sim", "-c", configured(folder / "venue", LIVELY)))
    moments = random.Random(seed)
    watched = configured(folder, QUICK, *MAY_LOSE, venue=venue)
    text = watched.read_text()
    seen: list[int] = []
    for number in range(kills):
        # Most engines die without anybody to clean up behind them.
        is_watched = number % 4 == 0
        watched.write_text(text if is_watched else text.replace(*WATCHDOG_OFF, 1))
        engine = start("run", "-c", watched, env=keys(venue))
        if moments.random() < EARLY_SHARE:
            time.sleep(moments.uniform(0.2, 2.0))
        else:
            engine.wait_said("mode", "-> TRADING")
            seen.append(epoch_said(engine))
            no_orphans(engine, venue, seen[-1])
            if number % 10 == 0:
                until_resting(engine, venue, 30)
                positions_agree(engine, venue, metrics_of(engine))
            time.sleep(moments.uniform(0.0, 0.3))
        engine.popen.kill()
        engine.popen.wait()
    last = start("run", "-c", watched, env=keys(venue))
    last.wait_said("mode", "-> TRADING")
    no_orphans(last, venue, epoch_said(last))
    until_resting(last, venue, 30)
    positions_agree(last, venue, metrics_of(last))
    last.signal(signal.SIGTERM)
    assert last.wait() == 0, last.text()
    assert seen == sorted(set(seen)), "every run has an epoch of its own"
    assert open_ids(venue) == set()
    report = report_of(venue)
    assert report["repeated_link_ids"] == 0
    # On a busy machine some requests outlive half a second: that is what a short window is for.
    assert report["violations"].keys() <= {"bad_timestamp"}
    assert report["commands"]["place"] >= 10 * kills, "the engines did trade"


def metrics_of(engine: Process) -> str:
    return next(str(r["url"]) for r in engine.events() if r["event"] == "metrics")


def no_orphans(engine: Process, venue: dict[str, str], epoch: int) -> None:
    """When an engine trades, what rests is of its own run."""
    others = epochs(open_ids(venue)) - {epoch}
    assert not others, f"orders of epochs {others} rest beside those of {epoch}\n{engine.text()}"


def test_a_create_that_arrives_after_the_restart_is_cancelled(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    """The dead engine's creates are under way while the next engine reads the account."""
    replacing = ("requote_by: amend", "requote_by: replace")
    patient = ("recv_window_ms: 2000", "recv_window_ms: 9000")
    path = configured(tmp_path, WATCHDOG_OFF, replacing, patient, venue=venue)
    first = start("run", "-c", path, env=keys(venue))
    first.wait_said("mode", "-> TRADING")
    until_resting(first, venue, 30)
    first_epoch = epoch_said(first)
    arm(venue, {"kind": "latency_fixed", "ms": LATE_MS, "leg": "request", "for_ms": 400})
    time.sleep(0.4)
    first.kill()
    arm(venue)
    # An engine that knows of the killed run waits for its creates; this one is not to know.
    for lock in (tmp_path / "state").glob("*.lock"):
        lock.unlink()
    ask_again = time.monotonic() + LATE_MS / 1000 + 1.0
    second = start("run", "-c", path, env=keys(venue))
    second.wait_said("mode", "-> TRADING")
    until_resting(second, venue, 30)
    while time.monotonic() < ask_again:
        time.sleep(0.05)
    assert second.said("zombie_order"), "something of the dead engine came late"
    second.wait_until(lambda: first_epoch not in epochs(open_ids(venue)), "no order of the dead")
    second.signal(signal.SIGTERM)
    assert second.wait() == 0, second.text()
    assert state_of(venue)["open_orders"] == []
    assert state_of(venue)["repeated_link_ids"] == 0
