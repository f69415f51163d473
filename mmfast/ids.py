"""The ids seam: how our orders are named.

An ``orderLinkId`` is ``<prefix><instance>-<16 hex digits>``; the digits are a 64-bit integer,
``epoch << 32 | counter``. The epoch is made durable before the first create of a run
(:mod:`mmfast.runtime.state`), so an id is never used twice, whatever crashes.
"""

from __future__ import annotations

import re
from typing import Final

from mmfast.errors import ConfigError, InvariantError
from mmfast.units import NOT_OURS, ClientId

MAX_LINK_ID_CHARS: Final = 36
HEX_DIGITS: Final = 16
EPOCH_SHIFT: Final = 32
"""Bits below the epoch: the counter."""
_STEM = re.compile(r"[0-9A-Za-z_]{2,19}")


class ClientIds:
    """Makes and recognises our order ids. ``stem`` is prefix plus instance, 2 to 19 characters."""

    __slots__ = ("_base", "_counter", "epoch", "head", "stem")

    def __init__(self, stem: str, epoch: int) -> None:
        if not _STEM.fullmatch(stem):
            raise ConfigError(
                [("$.venue.order_prefix", f"expected 2-19 letters, digits or _, found {stem!r}")]
            )
        if not 0 < epoch < 1 << 31:
            raise InvariantError(f"epoch must lie in 1..2**31-1, found {epoch}")
        self.stem = stem
        self.head = stem + "-"
        self.epoch = epoch
        self._base = epoch << EPOCH_SHIFT
        self._counter = 0

    def next(self) -> ClientId:
        """A fresh id; raises :class:`InvariantError` after 2**32-1 ids in one run."""
        self._counter += 1
        if self._counter >> EPOCH_SHIFT:
            raise InvariantError("order ids of this epoch are used up: restart the engine")
        # The name of a new type is called like any function, which costs more than all the rest.
        return self._base | self._counter  # type: ignore[return-value]

    def text(self, client_id: int) -> str:
        """The ``orderLinkId`` of an id."""
        return f"{self.head}{client_id:016x}"

    def parse(self, link_id: str) -> ClientId:
        """The id behind an ``orderLinkId``, or :data:`NOT_OURS` for one that is not ours."""
        head = self.head
        if len(link_id) != len(head) + HEX_DIGITS or not link_id.startswith(head):
            return NOT_OURS
        digits = link_id[len(head) :]
        try:
            client_id = int(digits, 16)
        except ValueError:
            return NOT_OURS
        # int() also reads capitals, underscores and signs, which we never write.
        # An epoch has 31 bits, so no id of ours needs the 64th.
        is_ours = f"{client_id:016x}" == digits and client_id < 1 << 63
        return ClientId(client_id) if is_ours else NOT_OURS

    def is_ours(self, link_id: str) -> bool:
        """Whether an ``orderLinkId`` carries our prefix and instance, of whatever run."""
        return self.parse(link_id) != NOT_OURS

    def is_of_epoch(self, link_id: str, epoch: int) -> bool:
        """Whether an ``orderLinkId`` was given in the run with this epoch."""
        return epoch_of(self.parse(link_id)) == epoch


def epoch_of(client_id: int) -> int:
    """The run an id was given in; 0 for :data:`NOT_OURS`."""
    return client_id >> EPOCH_SHIFT
