"""Orders that rest: ten instruments, both sides, some way from where the still books stand."""

from __future__ import annotations

from scenario import still_mids
from venue_load import OrderFlow

COMMANDS = 80
"""Of one tick: as many cancels as creates."""


class Orders:
    """Create items in turn over instruments and sides, and the cancels of them."""

    def __init__(self, mids: dict[str, int]) -> None:
        self._flow = OrderFlow(list(mids.values()))
        self.make = self._flow.orders
        self.cancel_of = OrderFlow.cancel_of

    @classmethod
    async def at(cls, rest_url: str) -> Orders:
        """Round the books of this venue."""
        mids = await still_mids(rest_url)
        return cls({symbol: ticks for symbol, (ticks, _) in mids.items()})
