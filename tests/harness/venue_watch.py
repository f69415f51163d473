"""What the venue itself knows, past every client: its state, its audit, and how fast it empties."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from pathlib import Path
from typing import Any

from processes import Process, configured
from prometheus_client.parser import text_string_to_metric_families

from mmfast.sim.instruments.catalogue import KNOWN_SYMBOLS, listings
from mmfast.units import E8

LEVELS = 16
MANY = len(KNOWN_SYMBOLS) * LEVELS * 2
"""More quotes than any venue lets rest on one symbol: 512."""
POLL_S = 0.005


def ask(venue: dict[str, str], path: str, method: str = "GET", body: bytes = b"") -> Any:
    request = urllib.request.Request(
        venue["rest_url"] + path, data=body if method == "POST" else None, method=method
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)


def state_of(venue: dict[str, str]) -> dict[str, Any]:
    return ask(venue, "/control/state")


def open_ids(venue: dict[str, str]) -> set[str]:
    return {row["orderLinkId"] for row in state_of(venue)["open_orders"]}


def report_of(venue: dict[str, str]) -> dict[str, Any]:
    return ask(venue, "/control/report")


def arm(venue: dict[str, str], *faults: dict[str, Any], seed: int = 1) -> None:
    """Load a schedule of faults whose times count from now."""
    schedule = {"seed": seed, "faults": list(faults)}
    ask(venue, "/control/faults", "POST", json.dumps(schedule).encode())


def until_resting(engine: Process, venue: dict[str, str], count: int) -> None:
    engine.wait_until(lambda: len(open_ids(venue)) >= count, f"{count} quotes at the venue")


def metric(url: str, name: str, label: str = "symbol") -> dict[str, float]:
    """One metric of the engine, by one of its labels."""
    with urllib.request.urlopen(url, timeout=5) as reply:
        page = reply.read().decode()
    return {
        sample.labels.get(label, ""): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name
    }


def positions_agree(engine: Process, venue: dict[str, str], url: str) -> None:
    """The engine's positions are the venue's, at some instant: both move while we look."""

    def agree() -> bool:
        before = state_of(venue)["positions"]
        ours = metric(url, "mm_position_lots")
        after = state_of(venue)["positions"]
        steady = {symbol for symbol in ours if before[symbol] == after[symbol]}
        return len(steady) >= 5 and all(ours[symbol] == before[symbol] for symbol in steady)

    engine.wait_until(agree, "positions that agree")


class Stopwatch:
    """Times what happens at the venue after an instant, on the venue's own clock."""

    def __init__(self, venue: dict[str, str]) -> None:
        self._venue = venue
        before = time.monotonic()
        self._ahead_ms = state_of(venue)["venue_ms"] - before * 1000
        self._started_s = time.monotonic()

    def start(self) -> None:
        self._started_s = time.monotonic()

    def since_start_ms(self) -> float:
        return (time.monotonic() - self._started_s) * 1000

    def until_empty_ms(self, limit_s: float = 15.0) -> float:
        """Until the venue shows no open order."""
        while open_ids(self._venue):
            assert self.since_start_ms() < limit_s * 1000, "the venue is not empty"
            time.sleep(POLL_S)
        return self.since_start_ms()

    def requests(self, part: str) -> list[float]:
        """When requests with ``part`` in their endpoint were served, in ms after the start."""
        started_ms = self._started_s * 1000 + self._ahead_ms
        newest = report_of(self._venue)["newest_requests"]
        return [row["venue_ms"] - started_ms for row in newest if part in row["endpoint"]]


def many_quotes(
    folder: Path, *changes: tuple[str, str], venue: dict[str, str] | None = None
) -> Path:
    """A configuration that keeps 512 quotes: 16 levels on both sides of 16 instruments."""
    path = configured(
        folder,
        ("levels: 2 ", f"levels: {LEVELS} "),
        ('level_step_bps: "2.0"', 'level_step_bps: "5.0"'),
        ("tier: mm1", "tier: mm3"),
        ("latency_ms: 5 ", "latency_ms: 50 "),
        ("latency_jitter_ms: 2", "latency_jitter_ms: 0"),
        *changes,
        venue=venue,
    )
    rows = "".join(
        f'  - {{symbol: {symbol}, order_qty: "{qty}", max_order_qty: "{qty}", '
        f'max_position_qty: "{float(qty) * 40:.6f}"}}\n'
        for symbol, qty in ((s, _quantity(s)) for s in KNOWN_SYMBOLS)
    )
    text = re.sub(r"(  - \{symbol:.*\n)+", rows, path.read_text())
    path.write_text(text)
    return path


def _quantity(symbol: str) -> str:
    """An order worth some fifty dollars."""
    listing = listings((symbol,))[0]
    known = listing.instrument
    lots = max(50 * E8 // (listing.start_ticks * known.tick_lot_value_e8), known.min_order_lots)
    units = lots * known.step_units
    return f"{units / 10**known.step_decimals:.{known.step_decimals}f}"
