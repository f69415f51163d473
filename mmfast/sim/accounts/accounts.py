"""What an account owns: coins, positions, orders; and what its margin allows.

Coins of all kinds are one collateral, valued in dollars at the index price. Spot orders lock
what they would pay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from mmfast.messages import Category, Instrument, Side
from mmfast.sim.accounts.positions import Closed, Holding
from mmfast.sim.instruments.worth import base_unit, fee_of
from mmfast.sim.market.prices import Prices
from mmfast.sim.orders.blotter import Blotter
from mmfast.sim.orders.orders import Order
from mmfast.units import Ms


class Fees(NamedTuple):
    """Fee rates times 1e8; negative is a rebate."""

    maker_e8: int
    taker_e8: int


class Paid(NamedTuple):
    """What a fill cost and brought: the fee with its coin, and what it closed."""

    fee: int
    fee_coin: str
    rate_e8: int
    closed: Closed


_NOTHING_CLOSED = Closed(0, 0)


class Account:
    """One user: coins, holdings, orders, settings. Amounts are atoms of their coin."""

    __slots__ = (
        "_counted_marks",
        "_margin_sums",
        "_margins",
        "_uncounted",
        "blotter",
        "cum_realised",
        "fees",
        "futures_rejects_beyond_band",
        "holdings",
        "locked",
        "spot_adjusts_to_band",
        "uid",
        "updated_ms",
        "wallet",
    )

    def __init__(
        self,
        uid: int,
        instruments: Sequence[Instrument],
        wallet: Mapping[str, int],
        fees: Mapping[Category, Fees],
        now_ms: Ms,
    ) -> None:
        self.uid = uid
        self.wallet: dict[str, int] = dict(wallet)
        """What the account has of each coin; negative is owed."""
        self.locked: dict[str, int] = {}
        """What spot orders would pay, by coin."""
        self.cum_realised: dict[str, int] = {}
        self.fees = fees
        self.holdings = tuple(Holding(instrument, now_ms) for instrument in instruments)
        self.blotter = Blotter(instruments)
        self.futures_rejects_beyond_band = False
        """The venue's ``lpaPerp``: refuse a limit price beyond the band, or move it there."""
        self.spot_adjusts_to_band = False
        """The venue's ``lpaSpot``, which says it the other way round."""
        self.updated_ms = now_ms
        # Margins by instrument and their sums by coin, for those marks; instruments of which
        # something else has changed since are counted anew when somebody asks.
        self._margins = [0] * len(self.holdings)
        self._margin_sums: dict[str, int] = {}
        self._counted_marks: list[int] = []
        self._uncounted: dict[int, None] = {}

    # Fills.

    def settle(self, order: Order, lots: int, value: int, *, is_maker: bool) -> Paid:
        """Book one fill of an order with its fee."""
        holding = self.holdings[order.instrument]
        category = holding.instrument.category
        fees = self.fees[category]
        rate_e8 = fees.maker_e8 if is_maker else fees.taker_e8
        if category is Category.SPOT:
            return self._exchange_coins(holding.instrument, order.side, lots, value, rate_e8)
        self.recount(order.instrument)
        leg = holding.leg(order.position_idx)
        coin, fee = holding.worth.coin, fee_of(value, rate_e8)
        closed = leg.apply(order.side, lots, value)
        realised = closed.pnl - fee
        leg.realise(realised)
        self.cum_realised[coin] = self.cum_realised.get(coin, 0) + realised
        self._credit(coin, realised)
        return Paid(fee, coin, rate_e8, closed)

    def _exchange_coins(
        self, pair: Instrument, side: Side, lots: int, value: int, rate_e8: int
    ) -> Paid:
        """Spot: coins change hands. The fee is taken from what is received; a maker's rebate is
        paid in the coin that is given."""
        base = lots * base_unit(pair)
        is_buy = side == Side.BUY
        self._credit(pair.base_coin, base if is_buy else -base)
        self._credit(pair.quote_coin, -value if is_buy else value)
        if is_buy == (rate_e8 >= 0):
            coin, fee = pair.base_coin, fee_of(base, rate_e8)
        else:
            coin, fee = pair.quote_coin, fee_of(value, rate_e8)
        self._credit(coin, -fee)
        return Paid(fee, coin, rate_e8, _NOTHING_CLOSED)

    def _credit(self, coin: str, amount: int) -> None:
        self.wallet[coin] = self.wallet.get(coin, 0) + amount

    # Orders at rest.

    def reserve(self, order: Order) -> None:
        """Count an order that now rests in what coins, margin or the position must cover."""
        holding = self.holdings[order.instrument]
        if holding.instrument.category is Category.SPOT:
            self._lock(holding, order, order.leaves)
        elif order.reduce_only:
            holding.leg(order.position_idx).reduce_only[order.number] = order
        else:
            self.recount(order.instrument)
            holding.open[order.side] += holding.worth.value(order.ticks, order.leaves)

    def release(self, order: Order, lots: int) -> None:
        """``lots`` of a resting order are about to go; call it before the book takes them."""
        holding = self.holdings[order.instrument]
        if holding.instrument.category is Category.SPOT:
            self._lock(holding, order, -lots)
        elif not order.reduce_only:
            # What stays is valued anew: shares of a rounded value would not add up.
            self.recount(order.instrument)
            worth = holding.worth
            before = worth.value(order.ticks, order.leaves)
            holding.open[order.side] -= before - worth.value(order.ticks, order.leaves - lots)
        elif lots == order.leaves:
            del holding.leg(order.position_idx).reduce_only[order.number]

    def _lock(self, holding: Holding, order: Order, lots: int) -> None:
        coin, amount = spot_payment(holding, order.side, order.ticks, lots)
        self.locked[coin] = self.locked.get(coin, 0) + amount

    # Money in dollars, 1e-8.

    def unrealised(self, marks: Sequence[int]) -> dict[str, int]:
        """Open profit by coin."""
        found: dict[str, int] = {}
        for holding, mark in zip(self.holdings, marks, strict=True):
            for leg in holding.legs:
                if leg.lots:
                    coin = holding.worth.coin
                    found[coin] = found.get(coin, 0) + leg.unrealised(mark)
        return found

    def recount(self, instrument: int) -> None:
        """Position, orders or leverage of an instrument are about to change, and its margin."""
        self._uncounted[instrument] = None

    def margins(self, marks: Sequence[int]) -> Mapping[str, int]:
        """Initial margin of all positions and orders by coin. Every order asks this."""
        changed: Iterable[int] = self._uncounted
        if marks != self._counted_marks:
            self._counted_marks = list(marks)
            changed = range(len(marks))
        sums, margins = self._margin_sums, self._margins
        for i in changed:
            holding = self.holdings[i]
            margin = holding.margin(marks[i])
            if margin != margins[i]:
                coin = holding.worth.coin
                sums[coin] = sums.get(coin, 0) + margin - margins[i]
                margins[i] = margin
        self._uncounted.clear()
        return sums

    def equity_e8(self, prices: Prices) -> int:
        """All coins and open profit."""
        return usd_sum_e8(prices, self.wallet) + usd_sum_e8(prices, self.unrealised(prices.marks))

    def available_e8(self, prices: Prices) -> int:
        """Equity that neither margin nor spot orders take; negative when there is too little."""
        bound = usd_sum_e8(prices, self.margins(prices.marks)) + usd_sum_e8(prices, self.locked)
        return self.equity_e8(prices) - bound

    def affords(
        self, prices: Prices, instrument: int, side: Side, value: int, freed: int = 0
    ) -> bool:
        """True when one more futures order of this value fits the equity, taker fee included.

        ``freed`` is the value of the order it replaces. Whatever does not raise the margin is
        allowed, however poor the account is.
        """
        holding = self.holdings[instrument]
        mark = prices.marks[instrument]
        more = holding.margin(mark, side, value - freed) - holding.margin(mark)
        if more <= 0:
            return True
        taker_e8 = self.fees[holding.instrument.category].taker_e8
        fee = max(0, fee_of(value, taker_e8))
        return prices.usd_e8(holding.worth.coin, more + fee) <= self.available_e8(prices)

    def affords_spot(
        self, prices: Prices, instrument: int, side: Side, ticks: int, lots: int, freed: int = 0
    ) -> bool:
        """True when the coin a spot order would pay is there, free, and not needed as margin.

        ``freed`` is what the order it replaces has locked.
        """
        coin, amount = spot_payment(self.holdings[instrument], side, ticks, lots)
        return self.affords_coin(prices, coin, amount - freed)

    def affords_coin(self, prices: Prices, coin: str, amount: int) -> bool:
        """True when so much of a coin may be locked or spent."""
        if amount > self.free(coin):
            return False
        return prices.usd_e8(coin, amount) <= max(0, self.available_e8(prices))

    def free(self, coin: str) -> int:
        """What is not locked of a coin."""
        return self.wallet.get(coin, 0) - self.locked.get(coin, 0)


def spot_payment(holding: Holding, side: Side, ticks: int, lots: int) -> tuple[str, int]:
    """Coin and amount a spot order of this size would pay."""
    pair = holding.instrument
    if side == Side.BUY:
        return pair.quote_coin, holding.worth.value(ticks, lots)
    return pair.base_coin, lots * base_unit(pair)


def usd_sum_e8(prices: Prices, amounts: Mapping[str, int]) -> int:
    """Dollar value of amounts of several coins."""
    return sum([prices.usd_e8(coin, amount) for coin, amount in amounts.items()])
