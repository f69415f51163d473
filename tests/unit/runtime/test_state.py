"""An epoch is never given twice, whatever happens to the file; one writer at a time."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from mmfast.errors import StateError
from mmfast.runtime.state import MAX_EPOCH, StateDir

START_MS = 1_577_836_801_000
"""One second into 2020: the first epoch is 1."""


def state(folder: Path, key: str = "key") -> StateDir:
    return StateDir(folder, "mmf1", key)


def epoch_file(folder: Path) -> Path:
    (found,) = folder.glob("*.epoch")
    return found


def test_epochs_count_up_from_one_across_runs(tmp_path: Path) -> None:
    seen = []
    for _ in range(3):
        with state(tmp_path / "deep" / "state") as opened:
            seen += [opened.next_epoch(START_MS), opened.next_epoch(START_MS)]
    assert seen == [1, 2, 3, 4, 5, 6]


def test_keys_and_prefixes_do_not_share_epochs(tmp_path: Path) -> None:
    with state(tmp_path) as one, state(tmp_path, "other") as two:
        assert (one.next_epoch(START_MS), one.next_epoch(START_MS), two.next_epoch(START_MS)) == (
            1,
            2,
            1,
        )


def test_lost_state_gives_no_epoch_a_second_time(tmp_path: Path) -> None:
    with state(tmp_path) as opened:
        given = [opened.next_epoch(START_MS) for _ in range(50)]
        epoch_file(tmp_path).unlink()
        given.append(opened.next_epoch(START_MS + 60_000))
    assert len(set(given)) == len(given)
    assert given == sorted(given)


@pytest.mark.parametrize("wall_ms", [0, START_MS - 1_000, 10**14])
def test_a_first_epoch_needs_a_clock_that_can_be_right(tmp_path: Path, wall_ms: int) -> None:
    with state(tmp_path) as opened, pytest.raises(StateError, match="clock"):
        opened.next_epoch(wall_ms)


def test_file_names_do_not_show_the_key(tmp_path: Path) -> None:
    with state(tmp_path, "verysecretkey") as opened:
        opened.next_epoch(START_MS)
    assert all("verysecret" not in path.name for path in tmp_path.iterdir())


def test_a_second_engine_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    with (
        state(tmp_path),
        pytest.raises(StateError, match="another mmfast runs with this key"),
        state(tmp_path),
    ):
        pytest.fail("two writers")
    with state(tmp_path):
        pass  # the lock goes with its holder


@pytest.mark.parametrize("cut", range(26))
def test_a_damaged_epoch_is_refused_at_every_length(tmp_path: Path, cut: int) -> None:
    with state(tmp_path) as opened:
        opened.next_epoch(START_MS)
    path = epoch_file(tmp_path)
    whole = path.read_bytes()
    assert cut < len(whole)
    path.write_bytes(whole[:cut])
    with state(tmp_path) as opened, pytest.raises(StateError, match="damaged"):
        opened.next_epoch(START_MS)
    assert path.read_bytes() == whole[:cut], "the evidence stays as it was"


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    with state(tmp_path) as opened:
        opened.next_epoch(START_MS)
    path = epoch_file(tmp_path)
    whole = bytearray(path.read_bytes())
    for i in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[i // 8] ^= 1 << (i % 8)
        path.write_bytes(flipped)
        with state(tmp_path) as opened, pytest.raises(StateError):
            opened.next_epoch(START_MS)


def test_the_last_epoch_is_the_end(tmp_path: Path) -> None:
    with state(tmp_path) as opened:
        opened.next_epoch(START_MS)
        path = epoch_file(tmp_path)
        opened._write_epoch(MAX_EPOCH)
        with pytest.raises(StateError, match="all epochs"):
            opened.next_epoch(START_MS)
        assert re.search(rb" 2147483647 ", path.read_bytes())


def test_a_failed_write_gives_no_epoch_and_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with state(tmp_path) as opened:
        opened.next_epoch(START_MS)
        before = epoch_file(tmp_path).read_bytes()

        def no_space(_fd: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", no_space)
        with pytest.raises(StateError, match="No space left on device"):
            opened.next_epoch(START_MS)
        assert epoch_file(tmp_path).read_bytes() == before
        assert not list(tmp_path.glob("*-new"))
        monkeypatch.undo()
        assert opened.next_epoch(START_MS) == 2


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"venue\.state_dir"), state(tmp_path / "file" / "state"):
        pytest.fail("no directory")


def test_no_epoch_without_the_lock(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="locked"):
        state(tmp_path).next_epoch(START_MS)
