"""A ban is remembered by the next process, whatever its clocks say."""

from __future__ import annotations

from pathlib import Path

from mmfast.bybit.trade import IP_BAN_NS
from mmfast.runtime.ban import BanNote
from mmfast.units import NS_PER_S


class Clock:
    """Two clocks that are set by hand."""

    def __init__(self, now_ns: int, wall_ms: int) -> None:
        self.ns, self.ms = now_ns, wall_ms

    def now_ns(self) -> int:
        return self.ns

    def wall_ms(self) -> int:
        return self.ms


def test_the_next_process_knows_how_long_the_ban_lasts(tmp_path: Path) -> None:
    path = tmp_path / "x.ban"
    BanNote(path, Clock(5 * NS_PER_S, 1_000_000), "one boot").write(605 * NS_PER_S)
    # The host was booted: its monotonic clock begins anew, and 100 s have passed on the wall.
    later = Clock(7 * NS_PER_S, 1_100_000)
    assert BanNote(path, later, "another").until_ns() == (7 + 500) * NS_PER_S


def test_setting_the_clock_does_not_end_a_ban(tmp_path: Path) -> None:
    path = tmp_path / "x.ban"
    BanNote(path, Clock(5 * NS_PER_S, 1_000_000), "boot").write(605 * NS_PER_S)
    an_hour_later = Clock(6 * NS_PER_S, 1_000_000 + 3_600_000)
    assert BanNote(path, an_hour_later, "boot").until_ns() == 605 * NS_PER_S


def test_a_ban_that_is_over_or_was_never_written_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x.ban"
    assert BanNote(path, Clock(1, 1)).until_ns() == 0
    BanNote(path, Clock(0, 1_000_000), "a").write(600 * NS_PER_S)
    assert BanNote(path, Clock(9, 1_600_000), "b").until_ns() == 0
    assert BanNote(path, Clock(600 * NS_PER_S, 5), "a").until_ns() == 0
    path.write_bytes(b"\xff\x00 not a number")
    assert BanNote(path, Clock(9, 5)).until_ns() == 0


def test_a_wall_clock_set_back_does_not_make_a_ban_endless(tmp_path: Path) -> None:
    path = tmp_path / "x.ban"
    BanNote(path, Clock(0, 10_000_000), "a").write(600 * NS_PER_S)
    assert BanNote(path, Clock(0, 1_000), "b").until_ns() == IP_BAN_NS


def test_a_folder_that_cannot_be_written_fails_nothing(tmp_path: Path) -> None:
    note = BanNote(tmp_path / "missing" / "x.ban", Clock(0, 1_000))
    note.write(600 * NS_PER_S)
    assert note.until_ns() == 0
