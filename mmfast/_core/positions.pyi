"""Rows about our positions, read from bytes straight into integers."""

from collections.abc import Callable
from typing import Self, TypeVar, final

from mmfast._core.rows import Block, Frames

_T = TypeVar("_T")

@final
class PositionBlock(Block[_T]):
    """Rows of positions. The methods tell one value of one row, without making a message;
    IndexError for a row that is not there."""

    def instrument(self, row: int) -> int: ...
    def lots(self, row: int) -> int: ...
    def seq(self, row: int) -> int: ...

@final
class PositionRows(Frames[_T]):
    """Reads whole frames of topic ``position`` or ``position.<category>``.

    ``make`` makes a message. It is called with the names of ``fields``, in this order of meaning:
    index of the instrument, position in lots (negative when short), its cost in 1e-8, time of the
    last update in ms, sequence number (-1: not told).
    """

    def __new__(cls, category: str, make: Callable[..., _T], fields: tuple[str, ...]) -> Self: ...
    def read(self, frame: bytes) -> tuple[int, int, PositionBlock[_T]] | None: ...
