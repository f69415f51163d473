"""What market life may do in the venue: anonymous orders of the house, and prices."""

from __future__ import annotations

from mmfast.messages import Side
from mmfast.sim.exchange import Exchange
from mmfast.sim.ledger import Ledger
from mmfast.units import Ticks


class MarketDoor:
    """Implements :class:`mmfast.sim.seams.FlowMarket` on an exchange.

    The ledger is told of mark prices, because they change what an exposure is worth.
    """

    def __init__(self, exchange: Exchange, ledger: Ledger) -> None:
        self._exchange = exchange
        self._ledger = ledger

    def submit(
        self,
        instrument: int,
        side: Side,
        price_ticks: int,
        lots: int,
        *,
        post_only: bool,
        ioc: bool,
    ) -> int:
        """Enter a house order; returns its number, or 0 when nothing of it rests."""
        return self._exchange.submit_house(
            instrument, side, price_ticks, lots, post_only=post_only, ioc=ioc
        )

    def withdraw(self, instrument: int, number: int) -> bool:
        """Take a house order out; False when it is already gone."""
        return self._exchange.withdraw_house(instrument, number)

    def house_lots(self, instrument: int, number: int) -> int:
        """What still rests of a house order (0: gone)."""
        return self._exchange.house.leaves(instrument, number)

    def best(self, instrument: int, side: Side) -> Ticks:
        """Best price of a side over all orders, 0 when empty."""
        return self._exchange.books[instrument].best(side)

    def set_reference(self, instrument: int, index_ticks: int, mark_ticks: int) -> None:
        """Move the index and mark price."""
        self._exchange.set_reference(instrument, index_ticks, mark_ticks)
        self._ledger.exposure.weigh(instrument)
