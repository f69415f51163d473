"""The check of what leaves: reads the bytes of an order request again, knowing only the limits."""

from typing import Self, final

class LeavingError(ValueError):
    """Bytes that must not leave: what was expected, and where they say something else."""

@final
class LeavingCheck:
    """Knows the symbols that may be traded, their grids and their limits, and shares nothing with
    the encoder. Requests are of one ``category``, order ids begin with ``head``."""

    def __new__(cls, category: str, head: str, instruments: int) -> Self: ...
    def allow(
        self,
        index: int,
        symbol: str,
        tick_decimals: int,
        tick_units: int,
        step_decimals: int,
        step_units: int,
        max_lots: int,
        max_tick_lots: int,
        collar_e4: int,
        distance_e4: int,
    ) -> None:
        """Put an instrument on the allow-list, or change its limits.

        ``max_lots`` bounds the size of one order, ``max_tick_lots`` its price in ticks times its
        size in lots; ``collar_e4`` how far a buy may stand above the mid (a sell below) and
        ``distance_e4`` any price from it, in 1e-4 bp. ValueError for figures that limit nothing.
        """
    def see(self, index: int, mid_x2_ticks: int, reference_x2_ticks: int) -> None:
        """Twice the mid that prices are compared with from now on, and twice the second reference
        that creates must keep the collar of as well (negative: none is asked for); 0 for either:
        no price may leave. What :meth:`see_filled` was told before is forgotten."""
    def see_filled(self, index: int, lots: int) -> None:
        """An order of which so much is filled is amended: an amend says the size in all, so it may
        be so much above the limit (the largest told counts for all amends of the instrument)."""
    def body(self, op: int, data: bytes) -> int:
        """The number of orders in a REST body of creates (2) or amends (1), all of which may leave.

        LeavingError for anything else: another spelling than ours, an order that is not post-only,
        a symbol that is not allowed, an id that is not ours, a size, value or price beyond its
        limit. An amend does not name its side, so its price may lie anywhere within the distance;
        the value of one that leaves size or price as it is cannot be known here.
        """
    def frame(self, op: int, data: bytes) -> int:
        """The same of a message of the trade socket, which names its operation itself."""
