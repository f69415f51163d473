"""A full disk under the journal while the engine quotes: no creates leave, cancels do."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from processes import Process, configured, keys
from venue_watch import Stopwatch, open_ids, state_of, until_resting

Start = Callable[..., Process]
DISK_MB = 8
FILLER = "filler"


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


def fill(disk: Path) -> None:
    """Take every byte that is left."""
    with (disk / FILLER).open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    assert os.statvfs(disk).f_bavail == 0


def live_through(
    engine: Process, venue: dict[str, str], fill: Callable[[], None], free: Callable[[], None]
) -> None:
    """The disk is full, has room again, and is full when the engine is told to stop."""
    until_resting(engine, venue, 30)
    fill()
    watch = Stopwatch(venue)
    engine.wait_said("held", "journal cannot be written")
    watch.until_empty_ms()
    watch.start()
    time.sleep(1.0)
    assert not [at for at in watch.requests("order/create") if at > 0]
    assert engine.popen.poll() is None
    free()
    engine.wait_said("released")
    until_resting(engine, venue, 30)

    fill()
    engine.wait_until(lambda: sum(e["event"] == "held" for e in engine.events()) == 2, "held")
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0, engine.text()
    assert open_ids(venue) == set()
    assert state_of(venue)["repeated_link_ids"] == 0


def test_a_full_file_system_stops_creates_and_no_cancel(
    disk: Path, start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    path = configured(tmp_path, ("state_dir: state", f"state_dir: {disk}"), venue=venue)
    engine = start("run", "-c", path, env=keys(venue))
    engine.wait_said("mode", "-> TRADING")
    assert list(disk.glob("*.journal")), "the journal is on the small disk"
    live_through(engine, venue, lambda: fill(disk), (disk / FILLER).unlink)


def test_files_that_may_not_grow_stop_creates_and_no_cancel(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    """A limit on file sizes stands in for the disk, where none can be mounted."""
    engine = start("run", "-c", configured(tmp_path, venue=venue), env=keys(venue))
    engine.wait_said("mode", "-> TRADING")
    pid = engine.popen.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)

    def limit(size: int) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))

    live_through(engine, venue, lambda: limit(100), lambda: limit(soft))
