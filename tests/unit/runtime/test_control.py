"""A changed file is taken once, and only after it held still."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mmfast.runtime.control import FileWatch, stamp


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "config.yaml"
    found.write_text("one")
    return found


def test_an_untouched_file_is_never_taken(path: Path) -> None:
    watch = FileWatch(path)
    assert [watch.changed(stamp(path)) for _ in range(5)] == [False] * 5


def test_a_change_is_taken_once_when_it_held_still_for_a_poll(path: Path) -> None:
    watch = FileWatch(path)
    path.write_text("two, longer")
    assert [watch.changed(stamp(path)) for _ in range(4)] == [False, True, False, False]


def test_a_file_that_is_still_written_is_left_alone(path: Path) -> None:
    watch = FileWatch(path)
    for number in range(5):
        path.write_text("x" * (10 + number))
        assert not watch.changed(stamp(path))
    assert watch.changed(stamp(path))


def test_a_replaced_file_is_a_change_even_with_equal_size_and_time(path: Path) -> None:
    watch = FileWatch(path)
    before = path.stat()
    other = path.with_name("other")
    other.write_text("owt")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    assert [watch.changed(stamp(path)) for _ in range(2)] == [False, True]


def test_a_missing_file_is_waited_for(path: Path) -> None:
    watch = FileWatch(path)
    path.unlink()
    assert [watch.changed(stamp(path)) for _ in range(3)] == [False] * 3
    path.write_text("back again")
    assert [watch.changed(stamp(path)) for _ in range(2)] == [False, True]


def test_a_change_that_is_undone_is_no_change(path: Path) -> None:
    watch = FileWatch(path)
    settled = stamp(path)
    assert not watch.changed((1, 2, 3))
    assert not watch.changed(settled)
    assert not watch.changed(settled)
