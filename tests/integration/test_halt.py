"""Halt, reduce, resume: orders of the operator to a running engine, and over restarts."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from processes import Process, announced, configured, keys
from venue_watch import open_ids

from mmfast.messages import Mode
from mmfast.runtime import day_book, standing
from mmfast.runtime.standing import Standing
from mmfast.runtime.state import StateDir

Start = Callable[..., Process]


def tell(start: Start, path: Path, *words: str) -> Process:
    """Give an order; it needs no key."""
    process = start(*words, "-c", path)
    assert process.wait() == 0, process.text()
    return process


def test_a_halt_withdraws_all_and_ends_by_resume(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    path = configured(tmp_path, venue=venue)
    engine = start("run", "-c", path, env=keys(venue))
    engine.wait_until(lambda: bool(open_ids(venue)), "orders at the venue")
    said = tell(start, path, "halt", "--reason", "odd fills")
    assert "within a second" in said.out[0]
    engine.wait_said("standing_order", "odd fills")
    engine.wait_said("halted", "proven")
    assert open_ids(venue) == set()
    assert engine.popen.poll() is None
    tell(start, path, "resume", "--reason", "looked at it")
    engine.wait_said("standing_order", "looked at it")
    engine.wait_until(lambda: bool(open_ids(venue)), "quotes again")
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()
    assert open_ids(venue) == set()


def test_a_restart_does_not_resume(start: Start, tmp_path: Path, venue: dict[str, str]) -> None:
    path = configured(tmp_path, venue=venue)
    with StateDir(tmp_path / "state", "mmf1", venue["api_key"]) as state:
        state.note_end(proven_empty=True)
        order = Standing(wish="halted", reason="odd fills", by="ann@desk")
        standing.write(state.standing_path, order)
    engine = start("run", "-c", path, env=keys(venue))
    engine.wait_said("standing_order", "odd fills")
    engine.wait_said("halted", "proven")
    assert not engine.said("mode", "-> TRADING")
    assert open_ids(venue) == set()
    tell(start, path, "resume")
    engine.wait_said("mode", "-> TRADING")
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()


def test_repeated_fills_halt_the_engine_durably(start: Start, tmp_path: Path) -> None:
    tight = ("max_fills_per_side: 200", "max_fills_per_side: 1")
    long = ("fills_window_ms: 10000", "fills_window_ms: 3600000")
    busy = ('taker_rate_hz: "2.0"', 'taker_rate_hz: "50"')
    engine = start("run", "-c", configured(tmp_path, tight, long, busy))
    engine.wait_said("control_halts", "risk.max_fills_per_side")
    engine.wait_said("halted", "proven")
    assert engine.popen.poll() is None
    [path] = (tmp_path / "state").glob("*.standing")
    order = standing.read(path)
    assert (order.mode, order.by) == (Mode.HALTED, "mmfast")
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()


def test_a_halt_of_the_engine_is_paged(start: Start, tmp_path: Path) -> None:
    pager, pages = tmp_path / "pager", tmp_path / "pages"
    pager.write_text(f"#!/bin/sh\nexec cat >> {pages}\n")
    pager.chmod(0o700)
    tight = ("max_fills_per_side: 200", "max_fills_per_side: 1")
    long = ("fills_window_ms: 10000", "fills_window_ms: 3600000")
    busy = ('taker_rate_hz: "2.0"', 'taker_rate_hz: "50"')
    told = ("command: []", f'command: ["{pager}"]')
    engine = start("run", "-c", configured(tmp_path, tight, long, busy, told))
    engine.wait_said("control_halts", "risk.max_fills_per_side")
    engine.wait_until(lambda: "control_halts" in pages.read_text(), "the page")
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()


def test_a_loss_halts_the_engine_and_the_next_run_remembers_it(
    start: Start, tmp_path: Path
) -> None:
    folder = tmp_path / "venue"
    folder.mkdir()
    busy = ('taker_rate_hz: "2.0"', 'taker_rate_hz: "50"')
    venue = announced(start("sim", "-c", configured(folder, busy)))
    tight = ('max_daily_loss_quote: "1000"', 'max_daily_loss_quote: "0"')
    path = configured(tmp_path, tight, venue=venue)
    engine = start("run", "-c", path, env=keys(venue))
    engine.wait_said("control_halts", ".max_daily_loss_quote")
    engine.wait_said("halted", "proven")
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()
    [kept] = (tmp_path / "state").glob("*.day")
    ledger = day_book.read(kept)
    assert ledger is not None
    assert ledger.halted
    assert any(row.net_e8 for row in ledger.rows.values())
    again = start("run", "-c", path, env=keys(venue))
    again.wait_said("standing_order", ".max_daily_loss_quote")
    again.wait_said("halted", "proven")
    assert not again.said("mode", "-> TRADING")
    again.signal(signal.SIGTERM)
    assert again.wait() == 0, again.text()


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
