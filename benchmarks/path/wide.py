"""An engine of many instruments in a process of its own: what a tick costs, and what it holds.

Argument: how many instruments. Prints one JSON object.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from pathlib import Path

import msgspec
from in_process import SYMBOLS, InProcess

from mmfast.sim.instruments.catalogue import Listing, listings
from mmfast.units import InstrumentIndex

ROUNDS = 150
MOVED = (1, 10)


def rows(count: int) -> list[Listing]:
    """The ten known instruments again and again, under names of their own."""
    known = listings(SYMBOLS)
    made = []
    for index in range(count):
        row = known[index % len(known)]
        copied = msgspec.structs.replace(
            row.instrument,
            index=InstrumentIndex(index),
            symbol=f"A{index:04d}{row.instrument.symbol}",
        )
        made.append(msgspec.structs.replace(row, instrument=copied))
    return made


def resident_bytes() -> int:
    """What this process holds of the machine's memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def tick_us(engine: InProcess, moved: int) -> float:
    """The fastest tick in which so many books moved, from frame bytes to signed requests."""
    best = float("inf")
    for number in range(ROUNDS):
        frames = engine.frames((-1) ** number * (3 + number % 5), moved)
        start = time.perf_counter_ns()
        batches, _ = engine.tick(frames)
        best = min(best, time.perf_counter_ns() - start)
        commands = sum(len(batch.commands) for batch in batches)
        assert commands == 8 * moved, f"{commands} commands for {moved} moved books"
        engine.answer(batches)
    return best / 1e3


def main(count: int) -> None:
    made = rows(count)
    gc.collect()
    before = resident_bytes()
    engine = InProcess(made)
    gc.collect()
    held = resident_bytes() - before
    gc.freeze()
    told = {str(moved): tick_us(engine, moved) for moved in MOVED}
    print(json.dumps({"instruments": count, "held_bytes": held, "tick_us": told}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
