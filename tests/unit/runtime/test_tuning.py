"""The collector's passes: on time, in quiet moments, and not starved by a busy engine."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from mmfast.runtime import tuning
from mmfast.runtime.tuning import QuietCollector


class Knot:
    """Something that only a pass can free."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def _only_scheduled_passes(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(tuning, "YOUNG_EVERY_S", 0.01)
    gc.disable()
    yield None
    gc.enable()


async def _gone(ref: weakref.ref[Knot], seconds: float) -> bool:
    for _ in range(int(seconds / 0.002)):
        if ref() is None:
            return True
        await asyncio.sleep(0.002)
    return ref() is None


def test_cycles_are_freed_without_the_collectors_own_passes() -> None:
    async def run() -> bool:
        collector = QuietCollector(lambda: False)
        collector.start()
        freed = await _gone(weakref.ref(Knot()), 5)
        collector.stop()
        return freed

    assert asyncio.run(run())


def test_a_pass_waits_for_a_quiet_moment_but_not_for_ever() -> None:
    async def run() -> tuple[int, bool]:
        asked = 0

        def busy() -> bool:
            nonlocal asked
            asked += 1
            return True

        collector = QuietCollector(busy)
        collector.start()
        freed = await _gone(weakref.ref(Knot()), 5)
        collector.stop()
        return asked, freed

    asked, freed = asyncio.run(run())
    assert freed
    assert asked > 1


def test_nothing_happens_after_the_end() -> None:
    async def run() -> bool:
        collector = QuietCollector(lambda: False)
        collector.start()
        collector.stop()
        return await _gone(weakref.ref(Knot()), 0.1)

    assert not asyncio.run(run())
