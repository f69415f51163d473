"""An instrument whose order was refused as malformed waits for its filters to be read again."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from mmfast.messages import Event, Instrument, InstrumentChange
from mmfast.runtime import filters
from mmfast.runtime.filters import IN_DOUBT, FilterDoubts
from mmfast.sim.instruments.catalogue import listings

KNOWN = tuple(
    msgspec.structs.replace(listing.instrument, index=index)
    for index, listing in enumerate(listings(("BTCUSDT", "ETHUSDT")))
)


def test_a_refusal_pulls_that_instrument_once_and_asks_for_a_reading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(filters, "DOUBTED_AGAIN_S", 0.0)
    told: list[Event] = []

    async def story() -> None:
        doubts = FilterDoubts(lambda: KNOWN, told.append)
        doubts.refused(1)
        doubts.refused(1)
        await asyncio.wait_for(doubts.wait(60.0), 1)
        doubts.settle()
        doubts.settle()

    asyncio.run(story())
    pulled = msgspec.structs.replace(KNOWN[1], status=IN_DOUBT)
    assert told == [InstrumentChange(pulled), InstrumentChange(KNOWN[1])]


@pytest.mark.parametrize(("status", "soon"), [("Trading", False), ("Closed", True)])
def test_one_that_does_not_trade_is_looked_at_soon(
    monkeypatch: pytest.MonkeyPatch, status: str, soon: bool
) -> None:
    monkeypatch.setattr(filters, "DOUBTED_AGAIN_S", 0.0)
    there: tuple[Instrument, ...] = (msgspec.structs.replace(KNOWN[0], status=status),)

    async def story() -> bool:
        doubts = FilterDoubts(lambda: there, lambda _event: None)
        doubts.watch_idle()
        try:
            async with asyncio.timeout(0.05):
                await doubts.wait(60.0)
        except TimeoutError:
            return False
        return True

    assert asyncio.run(story()) is soon


def test_a_reading_that_fails_is_tried_again_soon_where_one_is_in_doubt() -> None:
    """It would stay withdrawn for a minute more."""

    async def story() -> tuple[bool, bool]:
        doubts = FilterDoubts(lambda: KNOWN, lambda _event: None)
        doubts.refused(1)
        doubts._wanted.clear()  # as before a reading, which has failed
        doubts.watch_idle()
        again = doubts._wanted.is_set()
        doubts.settle()
        doubts._wanted.clear()
        doubts.watch_idle()
        return again, doubts._wanted.is_set()

    assert asyncio.run(story()) == (True, False)
