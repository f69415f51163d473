"""The day's losses lie on disk within a second, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmfast.engine.losses import DayLedger, DayRow
from mmfast.errors import StateError
from mmfast.runtime import day_book
from mmfast.runtime.day_book import DayBook

LEDGER = DayLedger(
    day=20_000,
    halted=False,
    peak_e8=12,
    rows={"BTCUSDT": DayRow(net_e8=-(1 << 70), open_e8=None, peak_e8=3)},
)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "x.day"
    assert day_book.read(path) is None
    DayBook(path, None).close(LEDGER)
    assert day_book.read(path) == LEDGER


@pytest.mark.parametrize("data", [b"", b"{}", b'{"day": 1', b'{"day": "monday"}'])
def test_a_day_that_cannot_be_read_is_no_empty_day(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.day"
    path.write_bytes(data)
    with pytest.raises(StateError, match=r"x\.day: expected the day's result"):
        day_book.read(path)


def test_a_day_that_has_not_changed_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "x.day"
    DayBook(path, LEDGER).close(LEDGER)
    assert not path.exists()


def test_a_disk_that_fails_is_told_once_and_written_when_it_can_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "missing" / "x.day"
    book = DayBook(path, None)
    for _ in range(3):
        book.close(LEDGER)
    assert len([r for r in caplog.records if "cannot write" in r.getMessage()]) == 1
    path.parent.mkdir()
    book.close(LEDGER)
    assert day_book.read(path) == LEDGER
