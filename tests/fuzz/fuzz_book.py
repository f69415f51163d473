"""Book frames: applied exactly when the twin applies them, else nothing about the book moves."""

from __future__ import annotations

import copy
from zlib import crc32

import oracle_book
from answers import answer, fenced
from book_frames import frame
from fuzzer import Target

from mmfast._core import book

GRID = (1, 1, 3, 1)
COARSE_GRID = (1, 5, 3, 1)
NUMBERS = ("valid", "update_id", "seq", "ts_ms", "cts_ms", "bid_count", "ask_count")
TOPS = ("bid_ticks", "bid_lots", "ask_ticks", "ask_lots")

BASE = frame(
    "snapshot", 100, [("65000.1", "4.312"), ("65000", "0.1")], [("65000.2", "1")], depth=50
)
NEXT = frame("delta", 101, [("65000.1", "0"), ("64999.9", "7")], [("65000.3", "0.001")])
FULL = frame(
    "snapshot",
    100,
    [(f"{65000 - n / 10:.1f}", f"{n + 1}.5") for n in range(50)],
    [(f"{65000.1 + n / 10:.1f}", f"{n + 1}") for n in range(50)],
)
ONE = frame("snapshot", 100, [("65000", "2")], [("65000.5", "1")], depth=1, ts_first=True)
#: A cluster thousands of ticks from the best, beyond the window that the book keeps in a ring.
FAR = frame("delta", 100, [("65.1", "1"), ("64990.4", "2")], [("99999.9", "3"), ("65700", "1")])


#: What the refusals expected, each of which some input has to meet.
WORDS = (
    "a number", "a multiple of the grid", "fewer decimals", "a smaller number",
    "the end of a quoted number", "well-formed JSON", "each key once", "this book's topic",
    "this book's symbol", "type snapshot or delta", "a whole number", "fewer changes",
    "a positive price", "topic, type, ts and data with s, b, a, u, seq", "the end of the frame",
    "a snapshot first", "u=101",
)  # fmt: skip


class Stage:
    """A book in some state, its double for another way of writing, and its twin."""

    def __init__(self, depth: int, *frames: bytes, grid: tuple[int, ...] = GRID) -> None:
        self._frames = frames
        self._books = [book.Book("BTCUSDT", depth, *grid) for _ in range(2)]
        self._twin = oracle_book.Book("BTCUSDT", depth, *grid)
        for data in frames:
            answer(self._twin.apply, data)
        self.before = state(self._twin)
        for one in self.books():
            assert state(one) == self.before

    def books(self) -> list[book.Book]:
        """Both compiled books, as the frames left them."""
        for one in self._books:
            one.reset()
            for data in self._frames:
                answer(one.apply, data)
        return self._books

    def twin(self) -> oracle_book.Book:
        twin = copy.copy(self._twin)
        twin.sides = (dict(twin.sides[0]), dict(twin.sides[1]))
        return twin


def state(one) -> tuple:
    """All that a book shows."""
    return (
        *[getattr(one, name) for name in NUMBERS],
        *[getattr(one, name) for name in TOPS],
        one.mid_x2(),
        one.microprice_x256(),
        one.crossed(),
        one.levels(0, 99),
        one.levels(1, 99),
        *[one.lots_at(side, ticks) for side in (0, 1) for ticks in (650_000, 650_001, 999_999)],
        *[one.lots_better(side, ticks) for side in (0, 1) for ticks in (651, 650_001)],
    )


class BookFrames(Target):
    """The book that a frame meets follows from the frame, so that a file replays alone."""

    trees = (
        BASE,
        NEXT,
        frame("delta", 101, [], [], cts=None, ts_first=True),
        frame("delta", 1, [("65000.1", "3")], [("65000.2", "2.5")]),
        frame("delta", 101, [(f"{65000 - n}", "0.001") for n in range(8)], [("65000.1", "0")]),
        frame("snapshot", 7, [("1", "1")], [("900719925474099.2", "9007199254740.992")]),
        NEXT.replace(b'"cts":', b'"x":{"y":[1.5,null,{"z":"w"}]},"cts":'),
        ONE,
        frame("delta", 101, [("65000.5", "3")], [], depth=1, ts_first=True),
    )
    tokens = (
        b'"b"', b'"a"', b'"u"', b'"s"', b'"seq"', b'"ts"', b'"cts"', b'"type"', b'"data"',
        b'"topic"', b"snapshot", b"delta", b'["1","1"],', b'["65000.1","0"],',
    )  # fmt: skip
    reaches = frozenset({"+0", "+1", "+2", "+3", "+4"} | {f"expected {text}" for text in WORDS})

    def __init__(self) -> None:
        base, full, empty = Stage(50, BASE), Stage(50, FULL), Stage(50)
        far = Stage(50, BASE.replace(b'"u":100', b'"u":99'), FAR)
        lost = Stage(50, FULL, frame("delta", 500, [], []))
        self._deep = (base, base, base, base, full, far, lost, empty)
        self._level_1 = Stage(1, ONE, grid=COARSE_GRID)

    def check(self, data: bytes) -> str:
        stage = self._level_1 if b"orderbook.1." in data else self._deep[crc32(data) % 8]
        one, other = stage.books()
        said = fenced(one.apply, data)
        found = state(one)
        if said == "BookFrameError":
            assert found == stage.before, "a refused frame changed the book"
        twin = stage.twin()
        assert said == answer(twin.apply, data), "accepted by one of book and twin"
        if said != "BookFrameError":
            assert found == state(twin), "book and twin differ"
        # A frame with white space in front cannot take the short way of the compact form.
        assert said == fenced(other.apply, b" " + data), "the two scanners differ"
        assert found == state(other), "the two scanners read different frames"
        return f"+{said}" if isinstance(said, int) else _fault(stage, data)


def _fault(stage: Stage, data: bytes) -> str:
    """What the refusal of a frame expected."""
    try:
        stage.books()[0].apply(data)
    except book.BookError as error:
        return str(error).partition("): ")[2].partition(" before byte")[0].partition(", found")[0]
    raise AssertionError("refused once, accepted the second time")
