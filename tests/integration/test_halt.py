"""Halt, reduce, resume: orders of the operator to a running engine, and over restarts."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import Process, announced, configured, keys

Start = Callable[..., Process]


@pytest.fixture
def venue(start: Start, tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "venue"
    folder.mkdir()
    return announced(start("sim", "-c", configured(folder)))


def open_orders(venue: dict[str, str]) -> list[dict[str, str]]:
    """What the venue itself says, past every client."""
    with urllib.request.urlopen(venue["rest_url"] + "/control/state", timeout=5) as reply:
        found: list[dict[str, str]] = json.load(reply)["open_orders"]
    return found


def tell(start: Start, path: Path, *words: str) -> Process:
    """Give an order; it needs no key."""
    process = start(*words, "-c", path)
    assert process.wait() == 0, process.text()
    return process


def test_a_halt_withdraws_all_lasts_over_a_restart_and_ends_by_resume(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    path = configured(tmp_path, venue=venue)
    first = start("run", "-c", path, env=keys(venue))
    first.wait_until(lambda: bool(open_orders(venue)), "orders at the venue")
    said = tell(start, path, "halt", "--reason", "odd fills")
    assert "within a second" in said.out[0]
    first.wait_said("standing_order", "odd fills")
    first.wait_said("halted", "proven")
    assert open_orders(venue) == []
    assert first.popen.poll() is None
    first.signal(signal.SIGTERM)
    assert first.wait() == 0, first.text()

    second = start("run", "-c", path, env=keys(venue))
    second.wait_said("standing_order", "odd fills")
    second.wait_said("halted", "proven")
    assert not second.said("mode", "TRADING")
    assert open_orders(venue) == []
    tell(start, path, "resume", "--reason", "looked at it")
    second.wait_said("standing_order", "looked at it")
    second.wait_until(lambda: bool(open_orders(venue)), "quotes again")
    second.signal(signal.SIGTERM)
    assert second.wait() == 0, second.text()
    assert open_orders(venue) == []


def test_reduce_only_stays_until_resume(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    path = configured(tmp_path, venue=venue)
    engine = start("run", "-c", path, env=keys(venue))
    engine.wait_said("mode", "TRADING")
    tell(start, path, "halt", "--reduce-only")
    engine.wait_said("mode", "-> REDUCE_ONLY")
    tell(start, path, "resume")
    engine.wait_said("mode", "REDUCE_ONLY -> TRADING")
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()


def test_an_order_nobody_can_hear_is_refused(start: Start, tmp_path: Path) -> None:
    process = start("halt", "-c", configured(tmp_path))
    assert process.wait() == 1
    assert "no engine has ever run" in process.text()
