"""The venue's dead man's switch is believed only as far as it was read back."""

from __future__ import annotations

import asyncio
import logging

import pytest

from mmfast.errors import NotSent, VenueError
from mmfast.runtime import protection
from mmfast.runtime.protection import ask_for_protection, keep_protection

WINDOW_S = 10


class Venue:
    def __init__(self) -> None:
        self.windows: list[int | Exception] = []
        self.sets = 0
        self.refuses = False

    async def set_dcp_window(self, window_s: int) -> None:
        if self.refuses:
            raise VenueError(10005, "Permission denied")
        self.sets += 1

    async def dcp_window_s(self) -> int:
        found = self.windows.pop(0) if len(self.windows) > 1 else self.windows[0]
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protection, "_POLL_S", 0.001)
    monkeypatch.setattr(protection, "APPLIES_WITHIN_S", 0.05)


def keep(venue: Venue, seconds: float) -> None:
    async def main() -> None:
        work = keep_protection(venue, WINDOW_S, check_every_s=0.005)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(work, seconds)

    asyncio.run(main())


def told(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == level]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "mmfast")
    return caplog


def test_off_asks_for_nothing() -> None:
    venue = Venue()
    assert not asyncio.run(ask_for_protection(venue, 0))
    assert venue.sets == 0


def test_an_account_without_it_is_told_and_trades_on(lines: pytest.LogCaptureFixture) -> None:
    venue = Venue()
    venue.refuses = True
    assert not asyncio.run(ask_for_protection(venue, WINDOW_S))
    assert "the watchdog has to do" in told(lines, logging.WARNING)[0]


def test_it_takes_its_time_and_is_then_in_force(lines: pytest.LogCaptureFixture) -> None:
    venue = Venue()
    venue.windows = [0, 0, WINDOW_S]
    keep(venue, 0.03)
    assert len(told(lines, logging.INFO)) == 1
    assert venue.sets == 0
    assert not told(lines, logging.ERROR)


@pytest.mark.parametrize("found", [0, 30])
def test_what_is_lost_or_changed_is_set_anew(lines: pytest.LogCaptureFixture, found: int) -> None:
    venue = Venue()
    venue.windows = [WINDOW_S, found, WINDOW_S]
    keep(venue, 0.05)
    assert venue.sets == 1
    assert f"found {found} s" in told(lines, logging.ERROR)[0]
    assert len(told(lines, logging.INFO)) == 2


def test_an_unanswered_question_changes_nothing(lines: pytest.LogCaptureFixture) -> None:
    venue = Venue()
    venue.windows = [WINDOW_S, NotSent("nobody there"), WINDOW_S]
    keep(venue, 0.05)
    assert venue.sets == 0
    assert len(told(lines, logging.INFO)) == 1
