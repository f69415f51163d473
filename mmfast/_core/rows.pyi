"""Rows about our orders and positions, read from bytes straight into messages."""

from collections.abc import Callable, Mapping
from typing import Generic, Self, TypeVar, final

from typing_extensions import disjoint_base

_T = TypeVar("_T")
_S = TypeVar("_S")

@final
class Market:
    """One instrument's index and grids, as :meth:`Frames.add` keeps them."""

@disjoint_base
class Frames(Generic[_T]):
    """What the readers of whole frames have in common; made by none."""

    def add(
        self,
        symbol: str,
        index: int,
        tick_decimals: int,
        tick_units: int,
        step_decimals: int,
        step_units: int,
    ) -> None:
        """Make an instrument known, or give it new grids. ValueError for impossible ones."""

    def read(self, frame: bytes) -> tuple[int, int, tuple[_T, ...]] | None:
        """Time of creation in ms (0: not told), how many rows were about other instruments, and
        one message for each of the others, in their order.

        None for a frame that has anything out of the ordinary; nothing is kept of it.
        """

@final
class OrderRows(Frames[_T]):
    """Reads whole frames of topic ``order`` or ``order.<category>``.

    ``make`` is called with the names of ``fields``, in this order of meaning: id as a number (0
    when ``orderLinkId`` is not ``head`` and 16 hex digits), ``orderLinkId``, ``orderId``, index
    of the instrument, side, status, price in ticks, size, filled and left in lots, reject
    reason, cancel type, time of the last update in ms, reduce-only. ``sides`` are what stands for
    ``Buy`` and ``Sell``; ``statuses`` gives each status word its value and whether it is final.
    """

    def __new__(
        cls,
        category: str,
        head: str,
        make: Callable[..., _T],
        fields: tuple[str, ...],
        sides: tuple[_S, _S],
        statuses: Mapping[str, tuple[object, bool]],
    ) -> Self: ...

@final
class PositionRows(Frames[_T]):
    """Reads whole frames of topic ``position`` or ``position.<category>``.

    ``make`` is called with the names of ``fields``, in this order of meaning: index of the
    instrument, position in lots (negative when short), its cost in 1e-8, time of the last update
    in ms, sequence number (-1: not told).
    """

    def __new__(cls, category: str, make: Callable[..., _T], fields: tuple[str, ...]) -> Self: ...
