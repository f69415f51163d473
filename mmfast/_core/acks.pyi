"""Replies that accept every order, read from bytes straight into items."""

from typing import Generic, Self, TypeVar, final

_T = TypeVar("_T")

@final
class Acks(Generic[_T]):
    """Reads the rows of replies in which every order was accepted.

    ``item`` is a kind of tuple of five: id as a number, outcome (``ack``), 0, "" and the venue's
    id. Orders are named ``head`` and 16 hex digits. TypeError if ``item`` is no kind of tuple.
    """

    def __new__(cls, head: str, item: type[_T], ack: object) -> Self: ...
    def read(self, result: bytes, commands: tuple[object, ...]) -> tuple[_T, ...] | None:
        """One item for each command of ``{"list":[...]}``, whose rows name the very orders of the
        commands in their order. None for a reply that has anything out of the ordinary."""
