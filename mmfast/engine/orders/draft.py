"""A command in the making: one object, filled anew for each, so that judging costs no memory."""

from __future__ import annotations

from typing import Final

from mmfast._core.tuples import command
from mmfast.messages import Command, Op, Side
from mmfast.units import MAX_LEVELS

_OPS: Final = tuple(Op)
_SIDES: Final = tuple(Side)
_LEVELS: Final = MAX_LEVELS


class Draft:
    """What :class:`~mmfast.messages.Command` holds, in plain integers."""

    __slots__ = ("client_id", "flags", "instrument", "lots", "op", "price_ticks", "side", "slot")

    def __init__(self) -> None:
        self.op = 0
        self.slot = 0
        self.instrument = 0
        self.side = 0
        self.flags = 0
        self.price_ticks = 0
        self.lots = 0
        self.client_id = 0

    def fill(
        self, op: int, slot: int, flags: int, price_ticks: int, lots: int, client_id: int
    ) -> None:
        """Take an intent; instrument and side lie in its slot."""
        self.op = op
        self.slot = slot
        self.instrument = slot // (2 * _LEVELS)
        self.side = slot // _LEVELS & 1
        self.flags = flags
        self.price_ticks = price_ticks
        self.lots = lots
        self.client_id = client_id

    def command(self) -> Command:
        """What goes to the codec, and comes back with the reply."""
        return command(
            Command,
            _OPS[self.op],
            self.slot,
            self.instrument,
            _SIDES[self.side],
            self.flags,
            self.price_ticks,
            self.lots,
            self.client_id,
        )
