"""The book keeps price-time priority, whatever happens to it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mmfast.messages import Side
from mmfast.sim.market.matching import Book, Engine, Resting
from mmfast.units import Ms

ACTS = st.lists(
    st.tuples(
        st.sampled_from(("add", "remove", "reduce")),
        st.sampled_from((Side.BUY, Side.SELL)),
        st.integers(1, 8),
        st.integers(1, 9),
    ),
    max_size=60,
)


def better_first(side: Side, ticks: int) -> int:
    return -ticks if side == Side.BUY else ticks


@given(acts=ACTS)
@settings(max_examples=150, deadline=None)
def test_book_equals_a_sorted_list(acts: list[tuple[str, Side, int, int]]) -> None:
    engine = Engine(Ms(1))
    book = Book(engine)
    resting: list[Resting] = []  # in order of arrival
    for act, side, ticks, lots in acts:
        version, seq = book.version(), engine.seq
        if act == "add":
            resting.append(Resting(engine.next_number(), 0, side, ticks, lots))
            book.add(resting[-1])
        elif resting:
            victim = resting[(ticks * 7 + lots) % len(resting)]
            if act == "remove" or lots >= victim.leaves:
                resting.remove(victim)
                book.remove(victim)
            else:
                book.reduce(victim, lots)
        else:
            continue
        assert book.version() == version + 1
        assert book.seq == engine.seq == seq + 1
        for one_side in Side:
            mine = [o for o in resting if o.side == one_side]
            mine.sort(key=lambda o: better_first(o.side, o.ticks))  # stable: time stays
            sums: dict[int, int] = {}
            for o in mine:
                sums[o.ticks] = sums.get(o.ticks, 0) + o.leaves
            assert book.front(one_side) is (mine[0] if mine else None)
            assert book.best(one_side) == (mine[0].ticks if mine else 0)
            assert book.levels(one_side, 100) == list(sums.items())
            assert book.levels(one_side, 2) == list(sums.items())[:2]


@given(
    asks=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=8),
    limit=st.integers(1, 9),
    lots=st.integers(1, 30),
)
def test_fillable_means_the_sum_within_the_limit_is_enough(
    asks: list[tuple[int, int]], limit: int, lots: int
) -> None:
    engine = Engine(Ms(1))
    book = Book(engine)
    for ticks, size in asks:
        book.add(Resting(engine.next_number(), 0, Side.SELL, ticks, size))
    within = sum(size for ticks, size in asks if ticks <= limit)
    assert book.fillable(Side.BUY, limit, lots) == (within >= lots)
    assert book.reachable(Side.BUY, limit) == (within > 0)


def test_better_price_trades_first_and_then_the_older_order(trader, item) -> None:
    for link, price in (("worse", "65000.00"), ("first", "65001.00"), ("second", "65001.00")):
        trader.place(price=price, orderLinkId=link)
    trader.house(Side.SELL, 650000, 25, ioc=True)
    fills = [(row["orderLinkId"], row["execQty"], row["execPrice"]) for row in
             trader.told("execution")]  # fmt: skip
    assert fills == [
        ("first", "0.010", "65001.00"),
        ("second", "0.010", "65001.00"),
        ("worse", "0.005", "65000.00"),
    ]
    assert trader.open_links() == ["worse"]
