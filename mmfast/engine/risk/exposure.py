"""Exposure: what all orders and positions together may come to, for the account and each
instrument.

Sums of integers that are kept as things happen, so that judging a command costs the same with
one instrument as with a thousand. Orders count at full size until the venue has proved their end,
an amend in flight at the larger size and the higher price.
"""

from __future__ import annotations

from typing import Final

from mmfast._core.wide import mul_div, product_greater
from mmfast.engine.market.market import Market
from mmfast.engine.orders.draft import Draft
from mmfast.engine.orders.inventory import Inventory
from mmfast.engine.orders.open_sums import MOST_E8, OpenSum, value_e8
from mmfast.engine.orders.order import Order
from mmfast.engine.orders.orders import OrderTable
from mmfast.engine.params import NO_LIMIT, ONE_E4, AccountLimits, EngineParams
from mmfast.engine.rotation import Rotation
from mmfast.messages import Flag, Instrument, Op
from mmfast.units import NS_PER_S, quote_text

CONTROLS: Final = ("order_count", "open_notional", "portfolio", "margin", "message_rate")
"""Names of the controls, in the order in which they are asked."""
_MOST_E8: Final = MOST_E8
_NO_LIMIT: Final = NO_LIMIT
_ONE_E4: Final = ONE_E4
_PLACE: Final = int(Op.PLACE)
_REDUCE_ONLY: Final = int(Flag.REDUCE_ONLY)
_WINDOW_NS: Final = NS_PER_S


class MessageRate:
    """At most so many creates and amends in any second (0: any number): the instants of the last
    ones, in a ring. It guards against an engine gone wild; the venue's limits are the planner's."""

    __slots__ = ("_at", "_limit", "_times_ns")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._times_ns = [-_WINDOW_NS] * limit
        self._at = 0

    def is_spent(self, now_ns: int) -> bool:
        """One more would be one too many."""
        if not self._limit:
            return False
        oldest_ns: int = self._times_ns[self._at]
        return now_ns - oldest_ns < _WINDOW_NS

    def spend(self, now_ns: int) -> None:
        """One leaves."""
        if self._limit:
            self._times_ns[self._at] = now_ns
            self._at = (self._at + 1) % self._limit

    def resized(self, limit: int) -> MessageRate:
        """The same with another limit; the newest are remembered."""
        size = self._limit
        if limit == size:
            return self
        other = MessageRate(limit)
        newest = self._times_ns[self._at :] + self._times_ns[: self._at]
        for at_ns in newest[max(size - limit, 0) :]:
            other.spend(at_ns)
        return other


class Holding:
    """What one instrument adds to the sums, and what it may."""

    __slots__ = (
        "lot_e8",
        "max_open_e8",
        "max_orders",
        "mid_x2",
        "rate",
        "sum",
        "worst_e8",
        "worst_lots",
    )

    def __init__(self, of_orders: OpenSum) -> None:
        self.sum = of_orders
        self.lot_e8 = 0
        """One lot at the shocked mid, as it was last known; 0 before."""
        self.mid_x2 = 0
        """Twice that mid; 0 to reckon anew."""
        self.worst_lots = 0
        """The larger position that its orders of one side, all filled, would leave."""
        self.worst_e8 = 0
        self.max_open_e8 = _NO_LIMIT
        self.max_orders = _NO_LIMIT
        self.rate = MessageRate(0)


class Exposure:
    """Judges what a command would add to the whole."""

    __slots__ = (
        "_equity_by_coin",
        "_equity_e8",
        "_holdings",
        "_inventory",
        "_limits",
        "_margin_e4",
        "_market",
        "_max_open_e8",
        "_max_orders",
        "_max_portfolio_e8",
        "_orders",
        "_rate",
        "_shocked_e4",
        "_sums",
        "worst_e8",
    )

    def __init__(self, market: Market, orders: OrderTable, inventory: Inventory) -> None:
        self._market = market
        self._orders = orders
        self._inventory = inventory
        self._sums = orders.sums
        self._holdings = [Holding(orders.sums.of(i)) for i in range(len(market.instruments))]
        for holding, instrument in zip(self._holdings, market.instruments, strict=True):
            holding.sum.unit_e8 = instrument.tick_lot_value_e8
        self._rate = MessageRate(0)
        self._equity_by_coin: dict[str, int] = {}
        self._equity_e8 = 0
        self.worst_e8 = 0
        """The worst case of all instruments together: each with the orders of its bad side
        filled, at the mid moved by the shock."""
        self._set_account(AccountLimits())

    def set_limits(self, params: EngineParams) -> None:
        """New limits. What counts already stays counted."""
        self._set_account(params.account)
        for holding, symbol in zip(self._holdings, params.symbols, strict=True):
            holding.max_open_e8 = symbol.max_open_notional_e8
            holding.max_orders = symbol.max_open_orders
            holding.rate = holding.rate.resized(symbol.max_messages_per_s)

    def regrid(self, instrument: Instrument, many: int, few: int) -> None:
        """New units, in which ``many`` lots are as much as ``few`` were. Nothing of it is open."""
        holding = self._holdings[instrument.index]
        holding.sum.unit_e8 = instrument.tick_lot_value_e8
        holding.lot_e8 = min(-(-holding.lot_e8 * few // many), _MOST_E8)
        holding.mid_x2 = 0
        self.weigh(instrument.index)

    def set_equity(self, coin: str, equity_e8: int) -> None:
        """What the account has of a settlement coin, as the venue told last."""
        self._equity_by_coin[coin] = equity_e8
        self._equity_e8 = min(sum(self._equity_by_coin.values()), _MOST_E8)

    def weigh(self, instrument: int) -> None:
        """Count an instrument anew: its position, its orders or its price have moved."""
        holding = self._holdings[instrument]
        mid_x2 = self._market.mid_x2_ticks(instrument)
        if mid_x2 and mid_x2 != holding.mid_x2:
            holding.mid_x2 = mid_x2
            holding.lot_e8 = _lot_e8(mid_x2, holding.sum.unit_e8, self._shocked_e4)
        elif not holding.lot_e8:
            holding.lot_e8 = self._entry_lot_e8(instrument)
        open_lots = self._orders.open_lots
        bought: int = open_lots[instrument * 2]
        sold: int = open_lots[instrument * 2 + 1]
        position = self._inventory.lots(instrument)
        holding.worst_lots = max(position + bought, sold - position)
        worst_e8 = value_e8(holding.worst_lots, 1, holding.lot_e8)
        self.worst_e8 += worst_e8 - holding.worst_e8
        holding.worst_e8 = worst_e8

    def refusing(self, draft: Draft, amended: Order | None, adds_lots: int, now_ns: int) -> str:
        """The control that refuses a create or an amend; empty when all let pass, and then it
        counts as sent. ``adds_lots``: by how much it raises the worst case of its side."""
        holding = self._holdings[draft.instrument]
        if draft.op == _PLACE and self._has_too_many(holding):
            return "order_count"
        if self._is_too_much_open(draft, amended, holding, adds_lots):
            return "open_notional"
        if adds_lots > 0 and not draft.flags & _REDUCE_ONLY:
            control = self._worst_case(draft, adds_lots)
            if control:
                return control
        if self._rate.is_spent(now_ns) or holding.rate.is_spent(now_ns):
            return "message_rate"
        self._rate.spend(now_ns)
        holding.rate.spend(now_ns)
        return ""

    def passed(self) -> str:
        """The control of the worst case that stands passed by now, with all that was decided
        counted; empty when none does."""
        self._weigh_all(self._sums.moved)
        for instrument in self._inventory.moved.marked():  # taken by the look at losses
            self.weigh(instrument)
        return self._over(self.worst_e8)

    def reprice(self, instrument: int) -> None:
        """Weigh an instrument whose price has moved since it was last weighed."""
        holding = self._holdings[instrument]
        if self._market.mid_x2_ticks(instrument) != holding.mid_x2:
            self.weigh(instrument)

    def builds(self, order: Order) -> bool:
        """The request about this order, decided but not sent, does more than to shrink what is
        held. Orders of the other side do not excuse it: they may end, or may not have left."""
        adds_lots = order.counted_lots
        if order.flight_op != _PLACE:
            adds_lots -= max(order.lots - order.booked_lots, 0)
        if adds_lots <= 0:
            return False
        filled: int = self._orders.open_lots[order.instrument * 2 + order.side]
        held = self._inventory.lots(order.instrument)
        return filled > 2 * held if order.side else filled > -2 * held

    def explain(self, control: str, instrument: int) -> str:
        """How the sums stand, for the operator; empty for a control of others."""
        holding = self._holdings[instrument]
        if control == "order_count":
            return (
                f"open orders: {holding.sum.count} of {holding.max_orders}, "
                f"of the account {self._orders.count()} of {self._max_orders}"
            )
        if control == "open_notional":
            return (
                f"open orders are worth {quote_text(holding.sum.open_e8)} of "
                f"{_limit_text(holding.max_open_e8)}, those of the account "
                f"{quote_text(self._sums.open_e8)} of {_limit_text(self._max_open_e8)}"
            )
        if control in ("portfolio", "margin"):
            return (
                f"the worst case of all instruments is {quote_text(self.worst_e8)} of "
                f"{_limit_text(self._max_portfolio_e8)}, and "
                f"{self._margin_e4 * 100 // ONE_E4} % of it must be covered by an equity "
                f"of {quote_text(self._equity_e8)}"
            )
        return ""

    def _set_account(self, limits: AccountLimits) -> None:
        self._max_open_e8 = limits.max_open_notional_e8
        self._max_orders = limits.max_open_orders
        self._max_portfolio_e8 = limits.max_portfolio_notional_e8
        self._margin_e4 = limits.margin_e4
        self._rate = self._rate.resized(limits.max_messages_per_s)
        self._shocked_e4 = _ONE_E4 + limits.portfolio_shock_e4
        for instrument, holding in enumerate(self._holdings):
            holding.mid_x2 = 0
            self.weigh(instrument)

    def _has_too_many(self, holding: Holding) -> bool:
        return holding.sum.count >= holding.max_orders or self._orders.count() >= self._max_orders

    def _is_too_much_open(
        self, draft: Draft, amended: Order | None, holding: Holding, adds_lots: int
    ) -> bool:
        price = draft.price_ticks
        before_e8 = 0
        lots = adds_lots
        if amended is not None:
            price = max(price, amended.price_ticks)
            before_e8 = amended.counted_e8
            lots += amended.counted_lots
        adds_e8 = value_e8(lots, price, holding.sum.unit_e8) - before_e8
        if adds_e8 <= 0:
            return False
        return (
            holding.sum.open_e8 + adds_e8 > holding.max_open_e8
            or self._sums.open_e8 + adds_e8 > self._max_open_e8
        )

    def _worst_case(self, draft: Draft, adds_lots: int) -> str:
        """What the whole would come to. What leaves, all filled, no larger position than there
        is may always leave: it reduces."""
        self._weigh_all(self._sums.moved)
        self._weigh_all(self._inventory.moved)
        instrument = draft.instrument
        self.reprice(instrument)
        holding = self._holdings[instrument]
        position = self._inventory.lots(instrument)
        open_lots = self._orders.open_lots
        side = draft.side
        filled: int = open_lots[instrument * 2 + side] + adds_lots
        held = -position if side else position
        filled += held
        if filled <= -held:
            return ""
        worst_e8 = value_e8(max(filled, holding.worst_lots), 1, holding.lot_e8)
        return self._over(worst_e8 + self.worst_e8 - holding.worst_e8)

    def _over(self, worst_e8: int) -> str:
        if worst_e8 > self._max_portfolio_e8:
            return "portfolio"
        if self._equity_by_coin and product_greater(
            worst_e8, self._margin_e4, self._equity_e8, _ONE_E4
        ):
            return "margin"
        return ""

    def _weigh_all(self, moved: Rotation) -> None:
        """Weigh what has moved since the last command was judged."""
        while moved.any_marked():
            self.weigh(moved.take_first())

    def _entry_lot_e8(self, instrument: int) -> int:
        """Before there is a price, what the position was entered at."""
        position = self._inventory.positions[instrument]
        if not position.lots:
            return 0
        entry_e8 = -(-abs(position.cost_e8) // abs(position.lots))
        return min(-(-entry_e8 * self._shocked_e4 // _ONE_E4), _MOST_E8)


def _lot_e8(mid_x2: int, tick_lot_value_e8: int, shocked_e4: int) -> int:
    """The value of one lot at the mid moved by the shock, rounded up."""
    if product_greater(mid_x2, tick_lot_value_e8, _MOST_E8, 1):
        return _MOST_E8
    two_lots_e8 = mid_x2 * tick_lot_value_e8
    lot_e8 = mul_div(two_lots_e8, shocked_e4, 2 * _ONE_E4)
    lot_e8 += product_greater(two_lots_e8, shocked_e4, lot_e8, 2 * _ONE_E4)
    return min(lot_e8, _MOST_E8)


def _limit_text(value_e8: int) -> str:
    return "any number" if value_e8 >= NO_LIMIT else quote_text(value_e8)
