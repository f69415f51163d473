"""Book frames for the measurements: a steady market, and what is meant to hurt."""

from __future__ import annotations

from book_frames import Market, frame

#: A price in ticks near which all of it happens; the ring of the C limit lies round it.
MIDDLE = 650_000
COUNT = 200
#: Frames that move a whole book are long: few of them fit between two interruptions.
FEW = 16


def _price(ticks: int) -> str:
    return f"{ticks // 10}.{ticks % 10}"


def steady(depth: int) -> list[bytes]:
    """A snapshot, then deltas of about 16 changes as a drifting market makes them."""
    market = Market(seed=1, depth=depth, middle=MIDDLE)
    return [market.next(16) for _ in range(COUNT)]


def single_level() -> list[bytes]:
    """Sixteen changes a frame for a book of one level: its best moves three times on each side.

    The venue never sends such a frame at level 1; it is there to see what depth costs.
    """
    first = [(_price(MIDDLE), "1")], [(_price(MIDDLE + 200), "1")]
    frames = [frame("snapshot", 1000, *first, depth=1)]
    # One move costs two changes; the last two of a side are new sizes at the best.
    hops = (3, 5, -7)
    held = [MIDDLE, MIDDLE + 200]
    for turn in range(1, COUNT):
        sides = []
        for side in (0, 1):
            changes = []
            for hop in hops if turn % 2 else hops[::-1]:
                changes.append((_price(held[side]), "0"))
                held[side] += hop if turn % 2 else -hop
                changes.append((_price(held[side]), f"4.{turn:03d}"))
            changes += [(_price(held[side]), "12.5"), (_price(held[side]), f"1.{turn:03d}")]
            sides.append(changes)
        frames.append(frame("delta", 1000 + turn, *sides, depth=1))
    return frames


def _ladder(best: int, step: int, count: int, size: str) -> list[tuple[str, str]]:
    return [(_price(best + step * i), size) for i in range(count)]


def replaced(depth: int, jump: int, *, snapshot: bool) -> list[bytes]:
    """The whole book moves by ``jump`` ticks and back, by snapshots or by deltas that delete every
    level and bring as many new ones."""
    frames, held = [], ([], [])
    for turn in range(FEW):
        best = MIDDLE + jump * (turn % 2)
        fresh = (
            _ladder(best, -3, depth, f"1.{turn:03d}"),
            _ladder(best + 5, 3, depth, f"2.{turn:03d}"),
        )
        if snapshot or not turn:
            frames.append(frame("snapshot", 1000 + turn, *fresh, depth=depth))
        else:
            gone = ([(price, "0") for price, _ in side] for side in held)
            sides = [old + new for old, new in zip(gone, fresh, strict=True)]
            frames.append(frame("delta", 1000 + turn, *sides, depth=depth))
        held = fresh
    return frames


def scattered(depth: int, step: int) -> list[bytes]:
    """Levels ``step`` ticks apart, so that the ring holds the best alone; 16 change a frame."""
    bids, asks = _ladder(MIDDLE, -step, depth, "1"), _ladder(MIDDLE + 5, step, depth, "1")
    frames = [frame("snapshot", 1000, bids, asks, depth=depth)]
    for turn in range(1, COUNT):
        sides = []
        for side in (bids, asks):
            rows = [side[(turn * 7 + i * 5) % depth] for i in range(4)]
            # Gone and back again, so that each frame starts from the whole book.
            sides.append([(p, "0") for p, _ in rows] + [(p, f"3.{turn:03d}") for p, _ in rows])
        frames.append(frame("delta", 1000 + turn, *sides, depth=depth))
    return frames


#: What is meant to hurt, by name; each is made for a depth.
ADVERSARIAL = {
    "far_snapshots": lambda depth: replaced(depth, 100_000, snapshot=True),
    "far_deltas": lambda depth: replaced(depth, 100_000, snapshot=False),
    "window_deltas": lambda depth: replaced(depth, 3_000, snapshot=False),
    "scattered": lambda depth: scattered(depth, MIDDLE // depth - 9),
}
