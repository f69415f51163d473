"""The second reference: orders keep to its collar too, and without it nothing is created."""

from __future__ import annotations

import msgspec
import pytest
from engine_world import MS, make_params
from hypothesis import given
from hypothesis import strategies as st
from kernel_desk import MID, Desk, ops
from risk_desk import OneBook

from mmfast._core.encode import OrderEncoder
from mmfast._core.leaving import LeavingError
from mmfast.engine.market.references import NOT_ASKED, References
from mmfast.messages import (
    Command,
    Flag,
    InstrumentChange,
    Op,
    ReferencePrice,
    Side,
    Stream,
    StreamState,
)
from mmfast.sim.instruments.catalogue import listings
from mmfast.sim.market.bands import Reference

STALE_MS = 2000


def told(desk: Desk, ticks: int = MID, instrument: int = 0) -> None:
    desk.feed(ReferencePrice(instrument, ticks))


@pytest.mark.parametrize("beyond", [0, 1])
def test_the_collar_is_kept_to_both_references(beyond: int) -> None:
    """10 bp of 50,000 ticks: 50 beyond either reference, and one tick more."""
    refused = "price_collar" if beyond else ""
    for reference in (MID - 80, MID + 80):
        desk = OneBook()
        desk.market.set_limits(make_params(reference_stale_ms=STALE_MS, stale_book_ms=1000))
        desk.market.on_reference(0, reference, desk.now_ns)
        if reference < MID:
            highest = reference + 99  # 10 bp of 99,920 ticks are 99.92
            assert desk.check(price_ticks=highest + beyond) == refused
        else:
            lowest = reference - 100  # of 100,080: 100.08
            assert desk.check(side=Side.SELL, price_ticks=lowest - beyond) == refused


def test_without_a_second_reference_nothing_is_created_or_amended_and_cancels_leave() -> None:
    desk = Desk(1, reference_stale_ms=STALE_MS).start()
    assert desk.settle() == []
    assert desk.kernel.counters.refused == {"reference": 4}
    told(desk)
    assert desk.kernel.wants_flush, "what was kept back is decided anew"
    assert ops(desk.settle()) == {"PLACE": 4}
    desk.later(STALE_MS).book(0, MID + 100)
    assert ops(desk.settle()) == {"AMEND": 4}, "just young enough"
    desk.now_ns += 1
    desk.book(0, MID)
    assert desk.settle() == []
    assert desk.kernel.open_orders() == 4
    desk.feed(StreamState(Stream.PRIVATE, False))
    assert ops(desk.settle()) == {"CANCEL": 4}


def test_a_ticker_that_repeats_its_price_keeps_it_fresh() -> None:
    desk = Desk(1, reference_stale_ms=STALE_MS).start()
    told(desk)
    desk.settle()
    assert desk.settle() == []
    for _ in range(4):
        desk.later(STALE_MS - 1)
        told(desk)
        assert not desk.kernel.wants_flush, "nothing has changed"
    desk.book(0, MID + 100)
    assert ops(desk.settle()) == {"AMEND": 4}


@pytest.mark.parametrize("ticks", [0, -1, (1 << 53) + 1])
def test_a_price_that_is_none_counts_as_missing(ticks: int) -> None:
    desk = Desk(1, reference_stale_ms=STALE_MS).start()
    told(desk, ticks)
    assert desk.settle() == []


def test_losing_the_public_stream_loses_the_reference() -> None:
    references = References(2, make_params(2, reference_stale_ms=STALE_MS))
    references.tell(0, MID, 0)
    assert references.price_x2(0, STALE_MS * MS) == 2 * MID
    assert references.price_x2(0, STALE_MS * MS + 1) == 0
    assert references.price_x2(1, 0) == 0
    references.forget_all()
    assert references.price_x2(0, 0) == 0


def test_where_none_is_asked_for_nothing_waits_for_it() -> None:
    assert References(1, make_params()).price_x2(0, 0) == NOT_ASKED
    assert ops(Desk(1).start().settle()) == {"PLACE": 4}
    assert OneBook().check(Op.PLACE) == ""


@pytest.mark.parametrize("side", Side)
def test_the_bytes_that_leave_are_compared_with_the_second_reference_too(side: Side) -> None:
    """10 bp of 99,920 ticks are 99.92, of 100,080 they are 100.08."""
    sign = -1 if side else 1
    reference = MID - 80 * sign
    last = reference + (-100 if side else 99)
    desk = Desk(1, reference_stale_ms=STALE_MS).start()
    told(desk, reference)
    assert desk.settle()
    known = desk.instruments[0]
    writer = OrderEncoder("linear", "mmt1-")
    writer.add_instrument(0, known.symbol, 1, 1, 3, 1, "")

    def leaves(price_ticks: int) -> int:
        order = Command(Op.PLACE, 0, 0, side, int(Flag.POST_ONLY), price_ticks, 10, 3 << 32)
        return desk.kernel.leaving.body(Op.PLACE, writer.single(Op.PLACE, order))

    assert leaves(last) == 1
    with pytest.raises(LeavingError, match="within the collar"):
        leaves(last + sign)


@pytest.mark.parametrize("beyond", [0, 1])
def test_the_collar_is_never_wider_than_the_venues_bound_round_its_mark_price(beyond: int) -> None:
    """5 bp of 100,000 ticks, where our own collar is 10 bp: 50 beyond it, and one tick more."""
    refused = "price_collar" if beyond else ""
    desk = OneBook({"price_limit_e8": 50_000})
    desk.market.set_limits(make_params(reference_stale_ms=STALE_MS, stale_book_ms=1000))
    desk.market.on_reference(0, MID, desk.now_ns)
    assert desk.check(price_ticks=MID + 50 + beyond) == refused
    assert desk.check(side=Side.SELL, price_ticks=MID - 50 - beyond) == refused


def test_a_bound_that_the_venue_draws_nearer_holds_from_the_next_flush_on() -> None:
    """A book 8 bp above the mark price is quoted on, until the venue allows no more than 5."""
    desk = Desk(1, reference_stale_ms=STALE_MS).start()
    told(desk, MID - 80)
    assert ops(desk.settle()) == {"PLACE": 4}
    near = msgspec.structs.replace(desk.instruments[0], price_limit_e8=50_000)
    desk.feed(InstrumentChange(near))
    desk.later(100).book(0, MID + 15)
    desk.settle()
    assert desk.kernel.counters.refused["price_collar"] == 2, "the bids; the asks are beyond it"


@given(
    index=st.integers(60_000, 140_000),
    mark=st.integers(60_000, 140_000),
    mids=st.lists(st.integers(60_000, 140_000), max_size=4),
)
def test_what_keeps_to_that_bound_of_the_mark_price_is_within_the_venues_band(
    index: int, mark: int, mids: list[int]
) -> None:
    """Whatever index and premium make of the band: the venue changes no price of ours."""
    [listing] = listings(("BTCUSDT",))
    venue = Reference(listing)
    for second, mid in enumerate(mids, 1):
        venue.move(index, mark, 2 * mid, 1_000 * second)
    venue.move(index, mark, 0, 0)
    band = venue.band()
    share = listing.price_limit_x_e4
    assert mark * (10_000 + share) // 10_000 <= band.max_buy_ticks
    assert -(-mark * (10_000 - share) // 10_000) >= band.min_sell_ticks
