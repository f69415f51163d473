"""Named tuples from their values, without what a call of their class costs."""

from typing import TypeVar

_T = TypeVar("_T")

def named(kind: type[_T], values: tuple[object, ...]) -> _T:
    """A tuple of this kind with these values, as ``tuple.__new__(kind, values)`` makes it.

    Whether there are as many as the kind has names is the caller's to know. TypeError for a kind
    that is no kind of tuple.
    """
