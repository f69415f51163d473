"""What is known by order id: a table of objects, and a memory of numbers that has a limit."""

from typing import Generic, Self, TypeVar, final

_T = TypeVar("_T")

@final
class IdTable(Generic[_T]):
    """Objects by id; ids are integers of 64 bits (OverflowError for others).

    The collector does not look into it, so what it holds must not refer back to it.
    """

    def __new__(cls) -> Self: ...
    def __len__(self) -> int: ...
    def get(self, client_id: int) -> _T | None:
        """What is known by this id; None if nothing is."""

    def holds(self, client_id: int) -> bool:
        """Something is known by this id."""

    def put(self, client_id: int, value: _T) -> int:
        """Know this by this id; what was known by it before keeps its place in the order."""

    def pop(self, client_id: int) -> _T | None:
        """As :meth:`get`, and no longer known."""

    def values(self) -> list[_T]:
        """All of them, in the order in which their ids were put."""

@final
class IdMemory:
    """Numbers of 64 bits by id, of the newest ``limit`` ids that were put: the one put in first
    is forgotten first. What it needs it takes when it is made; it never grows."""

    def __new__(cls, limit: int) -> Self: ...
    def __len__(self) -> int: ...
    def get(self, client_id: int, absent: int) -> int:
        """What is remembered of this id; ``absent`` if nothing is."""

    def holds(self, client_id: int) -> bool:
        """Something is remembered of this id."""

    def put(self, client_id: int, value: int) -> int:
        """Remember. An id that is remembered keeps its age."""

    def forget(self, client_id: int) -> bool:
        """Remember it no longer; whether it was."""
