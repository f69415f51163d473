"""Risk with everything that it reads: books, orders and positions, without a kernel."""

from __future__ import annotations

from typing import Any

from engine_world import (
    SECOND,
    book_frame,
    draft,
    execution,
    make_instrument,
    make_params,
    order_update,
)

from mmfast._core.leaving import LeavingCheck
from mmfast.engine.counters import Counters
from mmfast.engine.market.market import Market
from mmfast.engine.orders.inventory import Inventory
from mmfast.engine.orders.orders import OrderTable
from mmfast.engine.outbox import Outbox
from mmfast.engine.params import EngineParams
from mmfast.engine.quoting.terms import Terms
from mmfast.engine.risk.risk import Risk
from mmfast.engine.rotation import Rotation
from mmfast.messages import Instrument, Mode, Op, OrderStatus, Outcome, Side

MID = 100_000


class RiskDesk:
    """Trading; no instrument has a book yet."""

    def __init__(self, instruments: tuple[Instrument, ...], params: EngineParams) -> None:
        count = len(instruments)
        self.instruments, self.params = instruments, params
        self.market = Market(instruments, params, Counters(), Outbox(), Rotation(count))
        self.orders = OrderTable(count, 2 * SECOND)
        self.inventory = Inventory(instruments)
        self.leaving = LeavingCheck("linear", "mmt1-", count)
        terms = list(map(Terms, instruments, params.symbols))
        self.risk = Risk(self.market, self.orders, self.inventory, terms, self.leaving)
        self.risk.mode = Mode.TRADING
        self.now_ns = SECOND
        self.tick = 0

    def show_book(self, instrument: int) -> None:
        """A fresh one, round ``MID``."""
        symbol = self.instruments[instrument].symbol
        self.market.on_frame(instrument, book_frame(symbol, MID - 2, MID + 2), SECOND)

    def check(self, op: Op = Op.PLACE, client_id: int = 99, **changes: Any) -> str:
        one = draft(op, client_id, **({"price_ticks": MID - 20} | changes))
        self.risk.begin()
        return self.risk.check(one, self.orders.by_slot[one.slot], self.now_ns)

    def rest(self, client_id: int, *, live: bool = True, **changes: Any) -> None:
        """An order that rests, or is still in flight."""
        self.tick += 1
        place = draft(Op.PLACE, client_id, **({"price_ticks": MID - 20} | changes))
        self.orders.place(place, self.tick, self.now_ns)
        if live:
            reply = (Op.PLACE, client_id, Outcome.ACK, "", self.tick, self.now_ns, self.now_ns)
            self.orders.on_reply(*reply)
            row = order_update(
                client_id,
                OrderStatus.WORKING,
                instrument=place.instrument,
                side=Side(place.side),
                lots=place.lots,
                price_ticks=place.price_ticks,
            )
            self.orders.on_update(row, self.now_ns)


class OneBook(RiskDesk):
    """One instrument with a fresh book round 100000 ticks, trading; others have no book."""

    def __init__(
        self, instrument: dict[str, Any] | None = None, *, others: int = 0, **symbol: Any
    ) -> None:
        count = 1 + others
        instruments = tuple(make_instrument(i, **(instrument or {})) for i in range(count))
        super().__init__(instruments, make_params(count, symbol, stale_book_ms=1000))
        self.show_book(0)

    def hold(self, lots: int) -> None:
        side = Side.BUY if lots > 0 else Side.SELL
        self.inventory.book(execution(0, f"h{lots}", abs(lots), side=side))
