"""Replies that accept every order, read from bytes straight into what they prove."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Generic, Self, SupportsIndex, TypeVar, final, overload

_T = TypeVar("_T")
_R = TypeVar("_R")

@final
class Reply(Generic[_R]):
    """A plain reply of the venue whose ``retCode`` is 0: read, but not yet held against a batch.

    The names are those of the long way; ``data`` and ``ret_ext_info`` are their JSON.
    """

    ret_code: ClassVar[int]
    ret_msg: ClassVar[str]
    req_id: str
    """Of the trade socket only, as ``op`` and ``rate``."""
    op: str
    @property
    def data(self) -> bytes: ...
    @property
    def ret_ext_info(self) -> bytes: ...
    @property
    def rate(self) -> _R: ...

@final
class Accepted(Sequence[_T]):
    """What a reply proves that accepts every command of a batch: an item for each, made when
    somebody looks at one.

    It is a sequence of them and equal to a tuple of them; whoever only wants to know that all
    was accepted sees it by the type.
    """

    commands: tuple[object, ...]
    """The commands that were accepted, in their order."""
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, place: SupportsIndex, /) -> _T: ...
    @overload
    def __getitem__(self, place: slice, /) -> tuple[_T, ...]: ...
    def __iter__(self) -> Iterator[_T]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def client_id(self, row: int) -> int:
        """Which order a row is about."""
    def instrument(self, row: int) -> int:
        """The instrument of that order."""
    def venue_id(self, row: int, known: str | None) -> str:
        """The venue's id of the order of a row; ``known`` itself if it reads the same."""

@final
class Acks(Generic[_T, _R]):
    """Reads replies in which every order was accepted.

    ``item`` is a kind of tuple of five: id as a number, outcome (``ack``), 0, "" and the venue's
    id; ``rate`` one of three: limit, what remains, and when it begins anew in ms. Orders are named
    ``head`` and 16 hex digits. TypeError if one of the two is no kind of tuple.
    """

    def __new__(cls, head: str, item: type[_T], ack: object, rate: type[_R]) -> Self: ...
    def socket(self, frame: bytes) -> Reply[_R] | None:
        """One message of the trade socket. None for what refuses the whole request, is no reply
        to one, or has anything out of the ordinary."""
    def http(self, body: bytes) -> Reply[_R] | None:
        """The same of the body of an HTTP reply."""
    def accepted(self, reply: Reply[_R], commands: tuple[object, ...]) -> Accepted[_T] | None:
        """What the reply proves if its rows name the very orders of the commands in their order,
        and refuse none. None otherwise."""
