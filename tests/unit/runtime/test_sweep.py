"""A venue is empty when two readings in a row say so, begun when nothing could come any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from runtime_bench import FakeClock

from mmfast.errors import AuthError, MmfastError, NotSent
from mmfast.runtime import sweep as sweeping
from mmfast.runtime.sweep import Swept, sweep
from mmfast.units import NS_PER_MS, NS_PER_S

STEP_MS = 100


class Venue:
    """Answers as scripted; the last answer stays. Each reading takes 100 ms."""

    def __init__(self, clock: FakeClock, *script: int | MmfastError) -> None:
        self.clock = clock
        self.script = list(script)
        self.asked_ns: list[int] = []

    async def sweep_once(self, wanted: Callable[[str], bool]) -> int:
        assert wanted("ours")
        self.asked_ns.append(self.clock.now_ns())
        self.clock.pass_ms(STEP_MS)
        found = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(found, MmfastError):
            raise found
        return found


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_AGAIN_S", "_QUIET_POLL_S", "_RETRY_S", "_RETRY_MAX_S"):
        monkeypatch.setattr(sweeping, name, 0.0)


def swept(clock: FakeClock, venue: Venue, *, quiet_ms: int = 0, limit_ms: int = 5_000) -> Swept:
    return asyncio.run(
        sweep(
            venue,
            clock,
            lambda name: name == "ours",
            quiet_after_ns=clock.now_ns() + quiet_ms * NS_PER_MS,
            limit_ns=limit_ms * NS_PER_MS,
        )
    )


def test_two_empty_readings_prove_it(clock: FakeClock) -> None:
    venue = Venue(clock, 40, 3, 0)
    found = swept(clock, venue)
    assert found == Swept(proven=True, found_first=40, left=0)
    assert len(venue.asked_ns) == 4


def test_an_order_that_comes_late_begins_the_proof_anew(clock: FakeClock) -> None:
    venue = Venue(clock, 0, 1, 0)
    assert swept(clock, venue).proven
    assert len(venue.asked_ns) == 4


def test_readings_before_nothing_can_come_prove_nothing(clock: FakeClock) -> None:
    venue = Venue(clock, 0)
    began_ns = clock.now_ns()
    assert swept(clock, venue, quiet_ms=3_000).proven
    late = [at for at in venue.asked_ns if at >= began_ns + 3 * NS_PER_S]
    assert len(late) == 2
    assert len(venue.asked_ns) > 10, "but it looks all the time"


def test_a_reading_that_fails_proves_nothing(clock: FakeClock) -> None:
    venue = Venue(clock, 0, NotSent("no way"), 0)
    assert swept(clock, venue).proven
    assert len(venue.asked_ns) == 4


def test_a_venue_that_never_answers_is_said_to(clock: FakeClock) -> None:
    found = swept(clock, Venue(clock, NotSent("no way")))
    assert found == Swept(proven=False, found_first=0, left=-1, fault="no way")


def test_orders_that_will_not_go_are_counted(clock: FakeClock) -> None:
    assert swept(clock, Venue(clock, 9, 5)) == Swept(proven=False, found_first=9, left=5)


def test_a_key_that_may_not_cancel_ends_it_at_once(clock: FakeClock) -> None:
    venue = Venue(clock, AuthError(10005, "no right"))
    assert not swept(clock, venue).proven
    assert len(venue.asked_ns) == 1
