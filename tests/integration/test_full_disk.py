"""A file system that is really full: a small one is mounted, and filled while the engine quotes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from processes import Process, announced, configured, keys
from venue_watch import Stopwatch, open_ids, state_of, until_resting

Start = Callable[..., Process]
DISK_MB = 8


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes; where mounting is not allowed there is no such test."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", folder]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {getattr(error, 'stderr', error)}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> Path:
    """Take every byte that is left."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    assert os.statvfs(disk).f_bavail == 0
    return filler


def test_a_full_file_system_stops_creates_and_no_cancel(
    disk: Path, start: Start, tmp_path: Path
) -> None:
    folder = tmp_path / "venue"
    folder.mkdir()
    venue = announced(start("sim", "-c", configured(folder)))
    path = configured(tmp_path, ("state_dir: state", f"state_dir: {disk}"), venue=venue)
    engine = start("run", "-c", path, env=keys(venue))
    engine.wait_said("mode", "-> TRADING")
    until_resting(engine, venue, 30)
    assert list(disk.glob("*.journal")), "the journal is on the small disk"

    filler = fill(disk)
    watch = Stopwatch(venue)
    engine.wait_said("held", "journal cannot be written")
    watch.until_empty_ms()
    watch.start()
    time.sleep(1.0)
    assert not [at for at in watch.requests("order/create") if at > 0]
    assert engine.popen.poll() is None

    filler.unlink()
    engine.wait_said("released")
    until_resting(engine, venue, 30)

    fill(disk)
    engine.wait_until(lambda: sum(e["event"] == "held" for e in engine.events()) == 2, "held")
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()
    assert open_ids(venue) == set()
    assert state_of(venue)["repeated_link_ids"] == 0
