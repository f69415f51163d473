"""The ladder: integer prices away from fair, never crossing, never beyond the position."""

from __future__ import annotations

import pytest
from engine_world import make_instrument, make_symbol
from hypothesis import given
from hypothesis import strategies as st

from mmfast.engine.market.top import Top
from mmfast.engine.params import BP_E4, FairPrice
from mmfast.engine.quoting.quoter import Ladder, Level, reducing, skew_x256
from mmfast.engine.quoting.terms import WIDEST, Terms
from mmfast.errors import InvariantError

INSTRUMENT = make_instrument()
TOP = Top(99_998, 100_002, 200_000, 100_000 * 256)
MID = Ladder(FairPrice.MID)


def quote(position: int = 0, top: Top = TOP, instrument=INSTRUMENT, **changes):
    return MID.quote(instrument, make_symbol(**changes), top, position)


def rows(levels: list[Level]) -> list[tuple[int, int]]:
    return [(level.price_ticks, level.lots) for level in levels]


def terms(**changes) -> Terms:
    return Terms(INSTRUMENT, make_symbol(**changes))


def test_levels_stand_at_their_distance_on_both_sides() -> None:
    quotes = quote(levels=3)
    assert rows(quotes.bids) == [(99_980, 10), (99_970, 10), (99_960, 10)]
    assert rows(quotes.asks) == [(100_020, 10), (100_030, 10), (100_040, 10)]


def test_prices_are_rounded_away_from_fair() -> None:
    quotes = quote(levels=1, half_spread_e4=BP_E4 * 2 + BP_E4 // 20)  # 20.5 ticks
    assert quotes.bids[0].price_ticks == 99_979
    assert quotes.asks[0].price_ticks == 100_021


def test_a_long_position_lowers_both_sides_a_short_one_raises_them() -> None:
    """Full skew is 2 bp = 20 ticks at the full position of 100 lots."""
    assert [q.price_ticks for q in (*quote(50).bids, *quote(50).asks)] == [
        99_970,
        99_960,
        100_010,
        100_020,
    ]
    assert quote(-50).bids[0].price_ticks == 99_990
    beyond = skew_x256(256 * 100_000, terms(), 1000)
    assert beyond == skew_x256(256 * 100_000, terms(), 100), "it stops at the full skew"


def test_the_microprice_leans_to_the_thinner_side() -> None:
    top = Top(99_998, 100_002, 200_000, 100_001 * 256)
    market = top.mid_x2_ticks, top.microprice_x256
    assert MID.fair_x256(*market) == 100_000 * 256
    assert Ladder(FairPrice.MICROPRICE).fair_x256(*market) == 100_001 * 256


def test_a_quote_never_crosses_the_book() -> None:
    quotes = quote(levels=2, half_spread_e4=0, level_step_e4=0)
    assert [q.price_ticks for q in quotes.bids] == [100_000, 99_999]
    tight = Top(100_000, 100_001, 200_001, 100_000 * 256 + 128)
    quotes = quote(100, tight, levels=1, half_spread_e4=0)
    assert quotes.asks[0].price_ticks == 100_001, "skewed below the bid, clipped above it"
    quotes = quote(-100, tight, levels=1, half_spread_e4=0)
    assert quotes.bids[0].price_ticks == 100_000


def test_levels_on_one_tick_are_pulled_apart() -> None:
    prices = [q.price_ticks for q in quote(levels=4, level_step_e4=1).bids]
    assert prices == [99_980, 99_979, 99_978, 99_977]


def test_sizes_end_where_the_room_of_the_side_ends() -> None:
    quotes = quote(85, levels=3)
    assert [q.lots for q in quotes.bids] == [10, 5]
    assert [q.lots for q in quotes.asks] == [10, 10, 10]
    assert quote(100).bids == []
    assert quote(130).bids == [], "over the limit: only the other side"
    assert quote(130).asks != []


@pytest.mark.parametrize(
    "changes",
    [
        {"min_order_lots": 11},
        {"min_notional_e8": 10 * 99_980 * 10_000 + 1},
        {"min_price_ticks": 99_981},
    ],
)
def test_what_the_venue_would_refuse_is_not_quoted(changes) -> None:
    assert quote(instrument=make_instrument(**changes)).bids == []


def test_reducing_keeps_only_what_shrinks_the_position() -> None:
    asks = rows(quote(15, levels=3).asks)
    kept = reducing(quote(15, levels=3), terms(), 15).asks
    assert rows(kept) == [asks[0], (asks[1][0], 5)]
    assert reducing(quote(15), terms(), 15).bids == []
    assert reducing(quote(-4), terms(), -4).bids[0].lots == 4
    nothing = reducing(quote(0), terms(), 0)
    assert (nothing.bids, nothing.asks) == ([], [])


@given(
    bid=st.integers(1_000, 10**7 - 1_000),
    spread=st.integers(1, 500),
    weight=st.integers(0, 256),
    position=st.integers(-300, 300),
    levels=st.integers(1, 16),
    half=st.integers(0, 200 * BP_E4),
    step=st.integers(0, 50 * BP_E4),
    skew=st.integers(0, 100 * BP_E4),
    micro=st.booleans(),
)
def test_any_market_gives_quotes_that_keep_the_promises(
    bid: int,
    spread: int,
    weight: int,
    position: int,
    levels: int,
    half: int,
    step: int,
    skew: int,
    micro: bool,
) -> None:
    ask = bid + spread
    top = Top(bid, ask, bid + ask, bid * 256 + spread * weight)
    params = make_symbol(levels=levels, half_spread_e4=half, level_step_e4=step, skew_e4=skew)
    kind = FairPrice.MICROPRICE if micro else FairPrice.MID
    ladder = Ladder(kind)
    quotes = ladder.quote(INSTRUMENT, params, top, position)
    bids = [q.price_ticks for q in quotes.bids]
    asks = [q.price_ticks for q in quotes.asks]
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert all(price < ask for price in bids)
    assert all(price > bid for price in asks)
    fair = ladder.fair_x256(top.mid_x2_ticks, top.microprice_x256)
    centre = fair - skew_x256(fair, Terms(INSTRUMENT, params), position)
    assert all(price * 256 <= centre for price in bids)
    assert all(price * 256 >= centre for price in asks)
    assert position + sum(q.lots for q in quotes.bids) <= max(100, position)
    assert position - sum(q.lots for q in quotes.asks) >= min(-100, position)
    assert all(type(q.price_ticks) is int and q.lots > 0 for q in (*quotes.bids, *quotes.asks))


@given(
    bid=st.integers(1, WIDEST - 10),
    spread=st.integers(1, 9),
    weight=st.integers(0, 256),
    position=st.integers(-WIDEST, WIDEST),
    room=st.integers(0, WIDEST),
    value=st.integers(1, 10**12),
    worth=st.integers(0, 10**22),
    half=st.integers(0, 1_000 * BP_E4),
    step=st.integers(0, 500 * BP_E4),
    skew=st.integers(0, 1_000 * BP_E4),
)
def test_numbers_as_large_as_a_book_can_hold_are_quoted_exactly(
    bid: int,
    spread: int,
    weight: int,
    position: int,
    room: int,
    value: int,
    worth: int,
    half: int,
    step: int,
    skew: int,
) -> None:
    """Against the formula in integers without end: nothing wraps round, nothing is cut."""
    symbol = make_symbol(
        levels=3, half_spread_e4=half, level_step_e4=step, skew_e4=skew,
        order_lots=room // 2, max_position_lots=room,
    )  # fmt: skip
    instrument = make_instrument(
        max_price_ticks=WIDEST, max_order_lots=WIDEST, tick_lot_value_e8=value,
        min_notional_e8=worth,
    )  # fmt: skip
    top = Top(bid, bid + spread, 2 * bid + spread, bid * 256 + spread * weight)
    found = Ladder(FairPrice.MICROPRICE).quote(instrument, symbol, top, position)

    one = 10**8
    fair = top.microprice_x256
    held = max(-room, min(position, room))
    centre = fair - (fair * skew * held // (one * room) if room else 0)
    expected = []
    free, limit = room - position, min(top.ask_ticks - 1, WIDEST)
    for level in range(3):
        price = min((centre - fair * half // one - level * (fair * step // one)) // 256, limit)
        lots = min(room // 2, free)
        if lots < 1 or price < 1 or price * lots * value < worth:
            break
        expected.append((price, lots))
        free, limit = free - lots, price - 1
    assert rows(found.bids) == expected


def test_a_strategy_that_counts_beyond_all_markets_is_told_so() -> None:
    with pytest.raises(InvariantError, match="2\\*\\*53"):
        Level(WIDEST + 1, 1)
