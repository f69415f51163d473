"""Books told in coarser units than their frames, which still show orders of before the change."""

from __future__ import annotations

import random

import pytest

from mmfast._core.book import SNAPSHOT, TOP, Book, BookFrameError, BookGapError
from mmfast.engine.market.rough import Rough, common, divides

FINE = (2, 1, 3, 1)
"""Tick 0.01, step 0.001."""
ROUGH = (1, 5, 2, 1)
"""Tick 0.5, step 0.01."""
NAMES = ("b", "a")


def frame(kind: str, update: int, bids: list, asks: list, depth: int = 50) -> bytes:
    """Levels are (units of 0.01, units of 0.001)."""

    def side(levels: list) -> str:
        return ",".join(f'["{p / 100:.2f}","{q / 1000:.3f}"]' for p, q in levels)

    return (
        f'{{"topic":"orderbook.{depth}.XUSDT","type":"{kind}","ts":1700000000123,"data":{{'
        f'"s":"XUSDT","b":[{side(bids)}],"a":[{side(asks)}],"u":{update},"seq":{update * 7}}},'
        f'"cts":1700000000120}}'
    ).encode()


@pytest.fixture
def rough() -> Rough:
    return Rough("XUSDT", 50, FINE, ROUGH)


@pytest.fixture
def book() -> Book:
    return Book("XUSDT", 50, *ROUGH)


def test_prices_lie_away_from_the_middle_and_sizes_are_whole(rough: Rough, book: Book) -> None:
    bids = [(10_049, 20), (10_010, 30), (9_999, 50), (9_940, 9)]
    asks = [(10_051, 11), (10_100, 40), (10_101, 25)]
    assert rough.apply(book, frame("snapshot", 2, bids, asks)) == SNAPSHOT | TOP
    assert book.levels(0, 9) == [(200, 5), (199, 5)]
    assert book.levels(1, 9) == [(202, 5), (203, 2)]
    assert (book.ts_ms, book.cts_ms, book.update_id, book.seq) == (
        1700000000123,
        1700000000120,
        2,
        14,
    )


def test_the_top_has_changed_where_the_rough_one_has(rough: Rough, book: Book) -> None:
    """Not where the fine one has: a size below it adds up to the same rough level."""
    rough.apply(book, frame("snapshot", 2, [(10_049, 20), (10_010, 30)], [(10_051, 20)]))
    assert rough.apply(book, frame("delta", 3, [(10_010, 80)], [])) == TOP
    assert book.levels(0, 1) == [(200, 10)]
    assert rough.apply(book, frame("delta", 4, [(10_048, 9)], [])) == 0
    assert rough.apply(book, frame("delta", 5, [], [(10_052, 5)])) == 0
    assert rough.apply(book, frame("delta", 6, [], [(10_051, 15)])) == 0
    assert book.levels(1, 1) == [(202, 2)]


def test_deltas_are_those_of_the_old_grid(rough: Rough, book: Book) -> None:
    """Random deltas, reckoned here by hand: a sum of sizes for each new price."""
    dice = random.Random(5)
    sides: list[dict[int, int]] = [{10_000: 40}, {10_060: 40}]
    rough.apply(book, frame("snapshot", 2, [(10_000, 40)], [(10_060, 40)]))
    for update in range(3, 400):
        news: list[list[tuple[int, int]]] = [[], []]
        for side in (0, 1):
            price = dice.randint(9_900, 10_000) if side == 0 else dice.randint(10_060, 10_160)
            size = dice.choice((0, 0, 3, 10, 25, 40))
            if size or len(sides[side]) > 1:
                sides[side][price] = size
                news[side] = [(price, size)]
        rough.apply(book, frame("delta", update, *news))
        for side, levels in enumerate(sides):
            sums: dict[int, int] = {}
            for price, size in levels.items():
                ticks = -(-price // 50) if side else price // 50
                sums[ticks] = sums.get(ticks, 0) + size
            best_first = sorted(sums, reverse=not side)
            # The fine book keeps its 50 best levels; so near the middle it is whole.
            expected = [(ticks, sums[ticks] // 10) for ticks in best_first if sums[ticks] >= 10]
            assert book.levels(side, 1) == expected[:1]


def test_a_gap_and_broken_bytes_are_those_of_the_frames(rough: Rough, book: Book) -> None:
    with pytest.raises(BookGapError):
        rough.apply(book, frame("delta", 3, [(10_000, 40)], []))
    rough.apply(book, frame("snapshot", 5, [(10_000, 40)], [(10_060, 40)]))
    with pytest.raises(BookFrameError):
        rough.apply(book, b"{}")
    with pytest.raises(BookGapError):
        rough.apply(book, frame("delta", 9, [(10_000, 40)], []))
    assert book.levels(0, 1) == [(200, 4)]


def test_after_a_reset_only_a_snapshot_counts(rough: Rough, book: Book) -> None:
    rough.apply(book, frame("snapshot", 5, [(10_000, 40)], [(10_060, 40)]))
    rough.reset()
    with pytest.raises(BookGapError):
        rough.apply(book, frame("delta", 6, [(10_001, 40)], []))


def test_the_witness_rounds_as_the_book_does(rough: Rough, book: Book) -> None:
    witness = Book("XUSDT", 1, *ROUGH)
    rough.apply(book, frame("snapshot", 5, [(10_049, 40)], [(10_051, 40)]))
    rough.apply_top(witness, frame("snapshot", 5, [(10_049, 40)], [(10_051, 40)], depth=1))
    assert (witness.bid_ticks, witness.ask_ticks) == (book.bid_ticks, book.ask_ticks) == (200, 202)


def test_an_empty_side_is_empty(rough: Rough, book: Book) -> None:
    rough.apply(book, frame("snapshot", 5, [(10_049, 9)], []))
    assert (book.bid_ticks, book.ask_ticks) == (0, 0)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ((1, 1, 3, 1), (0, 1, 3, 1), (1, 1, 3, 1)),
        ((1, 5, 2, 1), (2, 2, 3, 25), (2, 2, 3, 5)),
        ((0, 6, 0, 1), (0, 4, 0, 1), (0, 2, 0, 1)),
    ],
)
def test_the_units_that_divide_both(one, other, both) -> None:
    assert common(one, other) == common(other, one) == both


def test_only_other_units_need_another_book() -> None:
    assert not divides(FINE, FINE)
    assert not divides((2, 50, 2, 1), (1, 5, 2, 1))  # the same tick, written otherwise
    assert divides(FINE, ROUGH)
