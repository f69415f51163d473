"""Named tuples from their values, without what a call of their class costs."""

from typing import TypeVar

_T = TypeVar("_T")

def named(kind: type[_T], values: tuple[object, ...]) -> _T:
    """A tuple of this kind with these values, as ``tuple.__new__(kind, values)`` makes it.

    Whether there are as many as the kind has names is the caller's to know. TypeError for a kind
    that is no kind of tuple.
    """

def command(
    kind: type[_T],
    op: object,
    slot: int,
    instrument: int,
    side: object,
    flags: int,
    price_ticks: int,
    lots: int,
    client_id: int,
) -> _T:
    """:func:`named` of these eight: each tick makes scores of commands, and this needs no tuple
    of their values first."""
