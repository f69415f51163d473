"""The engine's process is stopped in mid-trade and goes on much later (SIGSTOP, SIGCONT): nothing
it decided before leaves after, and nothing new before the account has been read."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes import Process, configured, keys
from venue_watch import metric, open_ids, positions_agree, report_of, state_of, until_resting

Start = Callable[..., Process]
STOPPED_S = 6.0
"""Longer than a book may be old, than a request may be under way, and than a ping and its pong."""
CHANGES = (
    # Nobody stands in: tests/integration/test_stop_and_kill.py has the watchdog.
    ("enabled: true\n  progress_ms", "enabled: false\n  progress_ms"),
    ("recv_window_ms: 2000", "recv_window_ms: 1000"),
    ("stale_book_ms: 5000", "stale_book_ms: 1000"),
)
QUOTING = ("order/create", "order/create-batch", "order/amend", "order/amend-batch")
ORDERS, EXECUTIONS = "GET /v5/order/realtime", "GET /v5/execution/list"


def requests_since(venue: dict[str, str], number: int) -> list[dict[str, Any]]:
    return [row for row in report_of(venue)["newest_requests"] if row["number"] > number]


def is_quote(row: dict[str, Any]) -> bool:
    return str(row["endpoint"]).endswith(QUOTING)


@pytest.mark.parametrize("entry", ["ws", pytest.param("rest", marks=pytest.mark.long)])
def test_a_stopped_engine_goes_on_with_the_truth(
    start: Start, tmp_path: Path, venue: dict[str, str], entry: str
) -> None:
    path = configured(tmp_path, *CHANGES, ("order_entry: ws", f"order_entry: {entry}"), venue=venue)
    engine = start("run", "-c", path, env=keys(venue))
    engine.wait_said("mode", "-> TRADING")
    until_resting(engine, venue, 30)
    url = next(str(row["url"]) for row in engine.events() if row["event"] == "metrics")

    engine.signal(signal.SIGSTOP)
    time.sleep(STOPPED_S)
    silent = report_of(venue)["newest_requests"][-1]
    resting = open_ids(venue)
    assert resting, "nobody withdrew its quotes"
    engine.signal(signal.SIGCONT)

    engine.wait_said("leap", "stood still")
    engine.wait_until(lambda: bool(open_ids(venue) - resting), "new quotes")
    rows = requests_since(venue, silent["number"])
    first = next(row["number"] for row in rows if is_quote(row))
    before = {row["endpoint"] for row in rows if row["number"] < first}
    assert {ORDERS, EXECUTIONS} <= before, "no quote before the account has been read"

    until_resting(engine, venue, 30)
    positions_agree(engine, venue, url)
    engine.wait_until(lambda: metric(url, "mm_orders_unknown")[""] == 0, "orders that are settled")
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()
    assert open_ids(venue) == set()
    assert state_of(venue)["repeated_link_ids"] == 0
    assert report_of(venue)["violations"] == {}
