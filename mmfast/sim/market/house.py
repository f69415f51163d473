"""The house: all anonymous participants together, their resting orders and what they traded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mmfast.messages import Side
from mmfast.sim.instruments.worth import Worth
from mmfast.sim.market.matching import Resting

HOUSE_UID: Final = 0


class House:
    """Resting house orders by number, and a ledger of the other side of the accounts' trades.

    ``lots`` is the house's net size by instrument; ``paid`` is what it gave for it, in atoms of
    the instrument's value, as if each trade were settled at once. It pays no fees.
    """

    __slots__ = ("_orders", "_worths", "lots", "paid")

    def __init__(self, worths: Sequence[Worth]) -> None:
        self._worths = worths
        # House orders by number, each with its instrument.
        self._orders: dict[int, tuple[int, Resting]] = {}
        self.lots = [0] * len(worths)
        self.paid = [0] * len(worths)

    def add(self, instrument: int, order: Resting) -> None:
        """An order now rests."""
        self._orders[order.number] = (instrument, order)

    def remove(self, instrument: int, number: int) -> Resting | None:
        """Forget an order; None when it does not rest in this instrument's book."""
        entry = self._orders.get(number)
        if entry is None or entry[0] != instrument:
            return None
        del self._orders[number]
        return entry[1]

    def find(self, instrument: int, number: int) -> Resting | None:
        """An order that rests in this instrument's book."""
        entry = self._orders.get(number)
        return entry[1] if entry is not None and entry[0] == instrument else None

    def leaves(self, instrument: int, number: int) -> int:
        """What still rests of an order (0: gone)."""
        entry = self._orders.get(number)
        if entry is None or entry[0] != instrument:
            return 0
        return entry[1].leaves

    def resting(self) -> list[tuple[int, Resting]]:
        """All resting orders with their instruments, oldest first."""
        return list(self._orders.values())

    def trade(self, instrument: int, order: Resting, lots: int, value: int) -> None:
        """Book one side of a trade; call it before the book takes the lots off ``order``."""
        sign = 1 if order.side == Side.BUY else -1
        self.lots[instrument] += sign * lots
        self.paid[instrument] += sign * value * self._worths[instrument].gain_sign
        if order.leaves == lots:
            # A taker does not rest yet.
            self._orders.pop(order.number, None)
