"""The day's losses lie on disk within a second, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_world import make_instrument, make_params

from mmfast.engine.counters import Counters
from mmfast.engine.market.market import Market
from mmfast.engine.orders.inventory import Inventory
from mmfast.engine.outbox import Outbox
from mmfast.engine.risk.losses import DayLedger, DayRow, LossStop
from mmfast.engine.rotation import Rotation
from mmfast.errors import StateError
from mmfast.runtime import day_book
from mmfast.runtime.day_book import DayBook

LOST = DayLedger(
    day=20_000,
    halted=True,
    peak_e8=12,
    rows={"BTCUSDT": DayRow(net_e8=-(1 << 70), open_e8=5, peak_e8=3)},
)


def losses() -> LossStop:
    """A stop of one instrument that has not traded."""
    instruments = (make_instrument(symbol="BTCUSDT"),)
    market = Market(instruments, make_params(), Counters(), Outbox(), Rotation(1))
    return LossStop(market, Inventory(instruments))


def test_what_one_run_wrote_the_next_goes_on_with(tmp_path: Path) -> None:
    path = tmp_path / "x.day"
    first, before = DayBook(path), losses()
    before.restore(LOST)
    first.open(before)
    first.close()
    second, after = DayBook(path), losses()
    second.open(after)
    assert after.ledger() == LOST == day_book.read(path)


@pytest.mark.parametrize("data", [b"", b"{}", b'{"day": 1', b'{"day": "monday"}'])
def test_a_day_that_cannot_be_read_is_no_empty_day(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.day"
    path.write_bytes(data)
    with pytest.raises(StateError, match=r"x\.day: expected the day's result"):
        DayBook(path)


def test_a_day_that_has_not_changed_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "x.day"
    book = DayBook(path)
    book.open(losses())
    book.close()
    path.unlink()
    book.close()
    assert not path.exists()


def test_a_disk_that_fails_is_told_once_and_written_when_it_can_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "missing" / "x.day"
    book = DayBook(path)
    book.open(losses())
    for _ in range(3):
        book.close()
    assert len([r for r in caplog.records if "cannot write" in r.getMessage()]) == 1
    path.parent.mkdir()
    book.close()
    assert day_book.read(path) == losses().ledger()
