"""Rows about our orders, read from bytes straight into integers."""

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Generic, Self, TypeVar, final

from typing_extensions import disjoint_base

_T = TypeVar("_T")
_S = TypeVar("_S")

@final
class Market:
    """One instrument's index and grids, as :meth:`Frames.add` keeps them."""

@disjoint_base
class Block(Generic[_T]):
    """The rows of one frame that are about us, in their order. Looked at as a collection, it gives
    a message for each, made anew each time. Equal to a tuple of the same messages."""

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __len__(self) -> int: ...
    def __getitem__(self, row: int, /) -> _T: ...
    def __iter__(self) -> Iterator[_T]: ...
    def __contains__(self, message: object, /) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class OrderBlock(Block[_T]):
    """Rows of orders. The methods tell one value of one row, without making a message;
    IndexError for a row that is not there."""

    def client_id(self, row: int) -> int: ...
    def status(self, row: int) -> int: ...
    def price_ticks(self, row: int) -> int: ...
    def lots(self, row: int) -> int: ...
    def cum_lots(self, row: int) -> int: ...
    def updated_ms(self, row: int) -> int: ...
    def venue_id(self, row: int, known: str = "") -> str:
        """``known`` where the row names the same, or none."""
    def reject_reason(self, row: int) -> str: ...
    def cancel_type(self, row: int) -> str: ...
    def finals(self) -> list[OrderRow]:
        """The rows whose status is final."""

@final
class OrderRow:
    """One row of an :class:`OrderBlock`, which it keeps: what its message would say, read when it
    is asked for. ``status`` is the number of the status."""

    @property
    def client_id(self) -> int: ...
    @property
    def venue_id(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def lots(self) -> int: ...
    @property
    def cum_lots(self) -> int: ...
    @property
    def updated_ms(self) -> int: ...
    @property
    def reject_reason(self) -> str: ...
    @property
    def cancel_type(self) -> str: ...

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

    def read(self, frame: bytes) -> tuple[int, int, Block[_T]] | None:
        """Time of creation in ms (0: not told), how many rows were about other instruments, and
        the others.

        None for a frame that has anything out of the ordinary; nothing is kept of it.
        """

@final
class OrderRows(Frames[_T]):
    """Reads whole frames of topic ``order`` or ``order.<category>``.

    ``make`` makes a message. It is called with the names of ``fields``, in this order of meaning:
    id as a number (0 when ``orderLinkId`` is not ``head`` and 16 hex digits), ``orderLinkId``,
    ``orderId``, index
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
        statuses: Mapping[str, tuple[int, bool]],
    ) -> Self: ...
    def read(self, frame: bytes) -> tuple[int, int, OrderBlock[_T]] | None: ...
