"""The book: what the venue says, applied exactly, or not at all."""

from __future__ import annotations

import pytest
from book_frames import ASKS, BIDS, Market, frame, make, state


@pytest.fixture
def loaded(book):
    b = make(book)
    assert b.apply(frame("snapshot", 100, BIDS, ASKS)) == book.SNAPSHOT | book.TOP
    return b


def test_a_snapshot_fills_the_book(loaded):
    assert loaded.levels(0, 9) == [(650001, 4312), (650000, 100), (649995, 2000)]
    assert loaded.levels(1, 1) == [(650002, 1907)]
    assert loaded.levels(1, 0) == loaded.levels(1, -1) == []
    assert (loaded.bid_ticks, loaded.bid_lots, loaded.ask_ticks) == (650001, 4312, 650002)
    assert (loaded.update_id, loaded.seq) == (100, 7_000_000)
    assert (loaded.ts_ms, loaded.cts_ms) == (1_700_000_000_002, 1_700_000_000_000)
    assert loaded.mid_x2() == 1300003
    weighted = 650001 * 1907 + 650002 * 4312
    assert loaded.microprice_x256() == weighted * 256 // (4312 + 1907)
    assert not loaded.crossed()


def test_a_delta_inserts_replaces_and_deletes(book, loaded):
    report = loaded.apply(
        frame("delta", 101, [("65000.1", "0"), ("64999.9", "7")], [("65000.3", "0.001")], cts=None)
    )
    assert report == book.TOP
    assert loaded.levels(0, 9) == [(650000, 100), (649999, 7000), (649995, 2000)]
    assert loaded.levels(1, 9) == [(650002, 1907), (650003, 1)]
    assert loaded.cts_ms == 0
    # Behind the top: applied, but the top did not change.
    assert loaded.apply(frame("delta", 102, [("64999.5", "1")], [])) == 0
    assert loaded.lots_at(0, 649995) == 1000
    # Deleting a level that is not there is harmless.
    assert loaded.apply(frame("delta", 103, [("60000", "0")], [])) == 0


def test_depth_queries(loaded):
    assert loaded.lots_at(0, 650000) == 100
    assert loaded.lots_at(0, 650002) == loaded.lots_at(1, 650001) == loaded.lots_at(1, -5) == 0
    assert loaded.lots_better(0, 649995) == 4412
    assert loaded.lots_better(0, 650001) == 0
    assert loaded.lots_better(0, -1) == 6412
    assert loaded.lots_better(1, 650003) == 1907
    assert loaded.lots_better(1, 10**15) == 2120


def test_queries_refuse_an_unknown_side():
    from mmfast._core import book

    for query in (make(book).lots_at, make(book).lots_better, make(book).levels):
        with pytest.raises(ValueError, match="side: expected 0"):
            query(2, 1)


def test_a_later_snapshot_overwrites(book, loaded):
    assert loaded.apply(frame("snapshot", 7, BIDS[1:], [])) == book.SNAPSHOT | book.TOP
    assert loaded.levels(0, 9) == [(650000, 100), (649995, 2000)]
    assert (loaded.ask_ticks, loaded.ask_lots, loaded.ask_count) == (0, 0, 0)
    assert loaded.mid_x2() == loaded.microprice_x256() == 0
    assert not loaded.crossed()


@pytest.mark.parametrize("kind", ["snapshot", "delta"])
def test_update_id_one_overwrites_whatever_the_type(book, loaded, kind):
    restart = frame(kind, 1, [("65000.1", "9"), ("65000", "0")], ASKS[:1])
    assert loaded.apply(restart) == book.SNAPSHOT | book.TOP
    assert loaded.levels(0, 9) == [(650001, 9000)]
    assert loaded.valid
    assert loaded.apply(frame("delta", 2, [], [])) == 0


@pytest.mark.parametrize("u", [102, 100, 99, 2])
def test_a_gap_makes_the_book_invalid_but_keeps_its_levels(book, loaded, u):
    before = state(loaded)
    with pytest.raises(book.BookGapError):
        loaded.apply(frame("delta", u, [("65000.1", "0")], []))
    assert not loaded.valid
    assert state(loaded)[1:] == before[1:]
    # Nothing but a snapshot heals it, not even the delta that was missed.
    with pytest.raises(book.BookGapError):
        loaded.apply(frame("delta", 101, [], []))
    loaded.apply(frame("snapshot", 300, BIDS, ASKS))
    assert loaded.valid


def test_a_delta_before_any_snapshot_is_a_gap(book):
    b = make(book)
    with pytest.raises(book.BookGapError):
        b.apply(frame("delta", 5, BIDS, ASKS))
    assert (b.valid, b.bid_count, b.update_id) == (False, 0, 0)


def test_reset_forgets_everything(book, loaded):
    loaded.reset()
    assert state(loaded) == state(make(book))


def test_level_one_repeats_are_proof_of_life(book):
    b = make(book, depth=1)
    one = frame("snapshot", 50, BIDS[:1], ASKS[:1], depth=1, ts_first=True)
    assert b.apply(one) == book.SNAPSHOT | book.TOP
    again = frame("snapshot", 50, BIDS[:1], ASKS[:1], depth=1, ts_first=True, ts=1_700_000_003_002)
    assert b.apply(again) == book.REPEAT
    assert b.ts_ms == 1_700_000_003_002
    assert b.apply(frame("snapshot", 51, BIDS[:1], ASKS[:1], depth=1)) == book.SNAPSHOT
    # The same id with another content is no repeat: the newest word of the venue counts.
    moved = frame("snapshot", 51, BIDS[1:2], ASKS[:1], depth=1)
    assert b.apply(moved) == book.SNAPSHOT | book.TOP
    assert b.bid_ticks == 650000


def test_levels_beyond_the_depth_are_dropped(book):
    b = make(book, depth=2)
    b.apply(frame("snapshot", 10, BIDS[:2], ASKS, depth=2))
    b.apply(frame("delta", 11, [("65000.2", "1")], [("65000.1", "5")], depth=2))
    assert b.levels(0, 9) == [(650002, 1000), (650001, 4312)]
    assert b.levels(1, 9) == [(650001, 5000), (650002, 1907)]
    assert b.crossed()


def test_unordered_and_repeated_prices_apply_in_their_order(book):
    bids = [("1", "1"), ("3", "1"), ("2", "1"), ("3", "5"), ("1", "0"), ("2", "4")]
    for kind, expected in (
        ("snapshot", [(30, 5000), (20, 4000)]),
        ("delta", [(30, 5000), (20, 4000)]),
    ):
        b = make(book)
        b.apply(frame("snapshot", 5, [], []))
        b.apply(frame(kind, 6, bids, []))
        assert b.levels(0, 9) == expected


def test_grids_with_units(book):
    b = book.Book("X", 50, 1, 5, 0, 10)
    b.apply(frame("snapshot", 2, [("10.5", "100")], [("11.0", "20")], symbol="X"))
    assert (b.bid_ticks, b.bid_lots, b.ask_ticks, b.ask_lots) == (21, 10, 22, 2)
    for bids in ([("10.4", "100")], [("10.5", "105")]):
        with pytest.raises(book.BookFrameError):
            b.apply(frame("delta", 3, bids, [], symbol="X"))


def test_the_largest_numbers(book):
    b = book.Book("X", 50, 0, 1, 0, 1)
    top = str(2**53)
    b.apply(frame("snapshot", 2, [(top, top)], [(top, top)], symbol="X"))
    assert b.microprice_x256() == 2**53 * 256
    for bids in ([(str(2**53 + 1), "1")], [("1", str(2**53 + 1))], [("1", "9" * 30)]):
        with pytest.raises(book.BookFrameError):
            b.apply(frame("delta", 3, bids, [], symbol="X"))


def test_keys_may_come_in_any_order_with_unknown_ones_between(book):
    shuffled = b"""
    { "cts": 5, "x": {"deep": [1, -2.5e+3, "\\u00e9\\"", {"a": [[], {}]}, null, true, false]},
      "data": { "seq" : 9, "note":"b", "a" : [ [ "65000.2" , "1" ] ], "u":44,
                "b":[["65000.1","2"]] , "s":"BTCUSDT", "empty":{} },
      "type" : "snapshot" , "id":[], "ts": 6, "topic": "orderbook.50.BTCUSDT" }
    """
    b = make(book)
    assert b.apply(shuffled) == book.SNAPSHOT | book.TOP
    assert state(b) == (
        (True, 44, 9, 6, 5),
        (650001, 2000, 650002, 1000, 1, 1),
        ([(650001, 2000)], [(650002, 1000)]),
    )


def test_levels_far_beyond_each_other(book):
    """A book whose levels lie thousands of ticks apart, and whose best jumps between them."""
    b = make(book)
    far = [("90000", "1"), ("60000", "2"), ("59999.9", "3"), ("100", "4"), ("0.1", "5")]
    b.apply(frame("snapshot", 5, far, far[::-1]))
    ticks = [(900000, 1000), (600000, 2000), (599999, 3000), (1000, 4000), (1, 5000)]
    assert b.levels(0, 9) == ticks
    assert b.levels(1, 9) == ticks[::-1]
    assert (b.bid_count, b.ask_count) == (5, 5)
    assert [b.lots_at(0, t) for t, _ in ticks] == [q for _, q in ticks]
    assert b.lots_better(0, 1000) == 6000
    assert b.lots_better(1, 600000) == 12000
    for u, (price, _) in enumerate(far[:4], start=6):
        assert b.apply(frame("delta", u, [(price, "0")], [(far[10 - u][0], "0")])) == book.TOP
        assert b.bid_ticks == ticks[u - 5][0]
        assert b.ask_ticks == ticks[9 - u][0]
    assert b.apply(frame("delta", 10, [("0.1", "0")], [("90000", "0")])) == book.TOP
    assert (b.bid_ticks, b.bid_lots, b.bid_count, b.levels(0, 9)) == (0, 0, 0, [])


@pytest.mark.parametrize("step", [1, 63, 64, 1023, 1024, 2047, 3072, 4095, 4096, 5000])
def test_a_best_that_walks_away_and_comes_back(step):
    """Up and down through windows and their borders; nothing is lost on the way."""
    import oracle_book

    from mmfast._core import book

    one, two = (module.Book("X", 5, 0, 1, 0, 1) for module in (book, oracle_book))
    prices = [1_000_000 + step * i for i in (*range(12), *range(12, -6, -1))]
    for u, price in enumerate(prices, start=1):
        held = [ticks for ticks, _ in two.levels(0, 9)]
        gone = [(str(ticks), "0") for ticks in held if ticks > price]
        levels = [*gone, (str(price), str(u))]
        data = frame("delta", u, levels, levels, symbol="X", depth=5)
        assert one.apply(data) == two.apply(data)
        assert state(one) == state(two)


def test_the_constructor_refuses_nonsense():
    from mmfast._core import book

    for arguments in (
        ("", 50, 1, 1, 3, 1),
        ('A"B', 50, 1, 1, 3, 1),
        ("Ä", 50, 1, 1, 3, 1),
        ("A", 0, 1, 1, 3, 1),
        ("A", 1001, 1, 1, 3, 1),
        ("A", 50, 19, 1, 3, 1),
        ("A", 50, 1, 0, 3, 1),
        ("A", 50, 1, 1, -1, 1),
        ("A", 50, 1, 1, 3, -1),
    ):
        with pytest.raises(ValueError, match="expected"):
            book.Book(*arguments)
    with pytest.raises(TypeError):
        book.Book("A", 50, 1, 1, 3, 1).apply(bytearray(b"{}"))


@pytest.mark.parametrize("depth", [1, 50, 200, 1000])
def test_core_and_twin_agree_on_a_market(depth):
    import oracle_book

    from mmfast._core import book

    market = Market(seed=depth, depth=depth)
    one, two = make(book, depth), make(oracle_book, depth)
    for _ in range(60):
        data = market.next()
        assert one.apply(data) == two.apply(data)
        assert state(one) == state(two)
    assert one.bid_count == one.ask_count == depth


def test_captured_frames_apply(payloads):
    """A stream of 500 levels, captured if a folder is given, applies from first to last."""
    import oracle_book

    from mmfast._core import book

    if payloads is None:
        market = Market(seed=3, depth=500)
        symbol, grid, frames = "BTCUSDT", (1, 1, 3, 1), [market.next() for _ in range(6)]
    else:
        paths = sorted(payloads.glob("*orderbook_500.capture_*"))
        symbol, grid, frames = "XRPUSDT", (4, 1, 0, 1), [path.read_bytes() for path in paths]
    assert len(frames) > 1
    one, two = book.Book(symbol, 500, *grid), oracle_book.Book(symbol, 500, *grid)
    for data in frames:
        assert one.apply(data) == two.apply(data)
        assert state(one) == state(two)
    assert one.valid
    assert not one.crossed()
