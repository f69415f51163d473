"""Order book of one instrument, fed with the venue's own frames as bytes."""

from typing import Final, Self, final

#: Bits of what :meth:`Book.apply` reports.
SNAPSHOT: Final[int]  # the frame replaced the book
TOP: Final[int]  # best bid or ask, price or size, changed
REPEAT: Final[int]  # level-1 repeat with the same update id: proof of life, no change

class BookError(ValueError):
    """Base; the book is left exactly as it was."""

class BookFrameError(BookError):
    """The bytes are not a well-formed book frame of this instrument."""

class BookGapError(BookError):
    """A delta came before any snapshot, or its ``u`` does not follow. The book is now invalid
    (``valid`` is False) until the next snapshot, but its levels are left as they were."""

@final
class Book:
    """Levels by price in ticks. ``depth`` is the subscribed depth, 1 to 1000.

    Frames are ``orderbook.{depth}.{symbol}`` messages (see the venue's public stream
    documents): snapshot or delta, keys in any order, sizes absolute, size 0 deletes. ``u`` must
    rise by one per delta; ``u == 1`` or ``type == snapshot`` overwrites the whole book.
    Levels beyond ``depth`` are dropped after each frame. Prices and sizes may be at most 2**53
    ticks or lots.
    """

    @property
    def valid(self) -> bool:
        """A snapshot was applied and nothing was missed since."""
    @property
    def update_id(self) -> int:
        """``u`` of the last frame."""
    @property
    def seq(self) -> int:
        """The matching engine's sequence number of the last frame."""
    @property
    def cts_ms(self) -> int:
        """Matching engine time of the last frame (0 if the frame had none)."""
    @property
    def ts_ms(self) -> int:
        """Publisher time of the last frame."""
    @property
    def bid_ticks(self) -> int:
        """Best bid, 0 when empty."""
    @property
    def bid_lots(self) -> int:
        """Size at the best bid."""
    @property
    def ask_ticks(self) -> int:
        """Best ask, 0 when empty."""
    @property
    def ask_lots(self) -> int:
        """Size at the best ask."""
    @property
    def bid_count(self) -> int:
        """Number of bid levels."""
    @property
    def ask_count(self) -> int:
        """Number of ask levels."""
    def __new__(
        cls,
        symbol: str,
        depth: int,
        tick_decimals: int,
        tick_units: int,
        step_decimals: int,
        step_units: int,
    ) -> Self: ...
    def apply(self, frame: bytes) -> int:
        """Apply one frame; returns SNAPSHOT, TOP, REPEAT bits. Raises BookFrameError for
        malformed bytes, a foreign symbol, off-grid or oversized numbers (book unchanged), and
        BookGapError for a break in ``u``."""
    def reset(self) -> None:
        """Forget everything; ``valid`` becomes False."""
    def mid_x2(self) -> int:
        """bid + ask in ticks: twice the mid. 0 when a side is empty."""
    def microprice_x256(self) -> int:
        """Size-weighted mid, (bid*ask_lots + ask*bid_lots) / (bid_lots + ask_lots), in 1/256
        tick, rounded down. 0 when a side is empty."""
    def crossed(self) -> bool:
        """Both sides present and best bid >= best ask."""
    def levels(self, side: int, count: int) -> list[tuple[int, int]]:
        """Up to ``count`` (ticks, lots) from the best outwards; side 0 bids, 1 asks."""
    def lots_at(self, side: int, ticks: int) -> int:
        """Size resting at one price (0: none)."""
    def lots_better(self, side: int, ticks: int) -> int:
        """Total size at strictly better prices than ``ticks`` on that side."""
