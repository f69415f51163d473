"""Everything an account is shown, as the rows of REST replies and private streams."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from mmfast.messages import Instrument
from mmfast.sim.accounts.accounts import Account, usd_sum_e8
from mmfast.sim.accounts.positions import Holding, Position
from mmfast.sim.instruments.catalogue import Listing
from mmfast.sim.instruments.decimals import decimal_text
from mmfast.sim.instruments.figures import Figures, figures_of, money
from mmfast.sim.instruments.worth import Worth, worth_of
from mmfast.sim.market.prices import Prices
from mmfast.sim.orders.orders import Fill, Order
from mmfast.sim.orders.rows import fill_event, fill_row, order_event, order_row
from mmfast.units import E8

Row = dict[str, object]


class Rows:
    """Renders rows; ``prices`` holds the live mark and index prices."""

    __slots__ = ("_instruments", "_positions", "_prices", "_symbols", "_worths", "figures")

    def __init__(self, shelf: tuple[Listing, ...], prices: Prices) -> None:
        self._instruments: tuple[Instrument, ...] = tuple(item.instrument for item in shelf)
        self._symbols = tuple(instrument.symbol for instrument in self._instruments)
        self._worths: tuple[Worth, ...] = tuple(worth_of(item) for item in self._instruments)
        self.figures: tuple[Figures, ...] = tuple(figures_of(item) for item in shelf)
        self._prices = prices
        # By account, instrument and leg: the row last told, and what it was made of.
        self._positions: dict[tuple[int, int, int], tuple[tuple[object, ...], Row]] = {}

    def order(self, order: Order) -> Row:
        """Row of an order query."""
        i = order.instrument
        return order_row(order, self._symbols[i], self.figures[i], self._worths[i])

    def order_event(self, order: Order) -> Row:
        """Row of the private ``order`` stream."""
        i = order.instrument
        return order_event(order, self._symbols[i], self.figures[i], self._worths[i])

    def fill(self, fill: Fill) -> Row:
        """Row of an execution query."""
        return fill_row(fill, self._symbols[fill.instrument], self.figures[fill.instrument])

    def fill_event(self, fill: Fill) -> Row:
        """Row of the private ``execution`` stream."""
        return fill_event(fill, self._symbols[fill.instrument], self.figures[fill.instrument])

    def positions(self, account: Account, instrument: int) -> list[Row]:
        """Rows of the position query: one, or in hedge mode the long and the short leg."""
        holding, figures = account.holdings[instrument], self.figures[instrument]
        rows = []
        for leg in holding.legs:
            row = self._position(holding, leg, instrument)
            row["avgPrice"] = figures.average(leg.entry, abs(leg.lots))
            row["openTime"] = int(leg.opened_ms)
            row["delta"] = row["gamma"] = row["vega"] = row["theta"] = ""
            rows.append(row)
        return rows

    def position_event(self, account: Account, instrument: int, index: int) -> Row:
        """Row of the private ``position`` stream, which calls the average price another name.

        The venue tells it with every order; it changes with fills, mark price and leverage only.
        """
        holding, figures = account.holdings[instrument], self.figures[instrument]
        leg = holding.leg(index)
        made_of = (
            leg,
            leg.seq,
            leg.cum_realised,
            holding.leverage_e2,
            self._prices.marks[instrument],
        )
        told = self._positions.get((account.uid, instrument, index))
        if told is not None and told[0] == made_of:
            return told[1]
        row = self._position(holding, leg, instrument)
        row["entryPrice"] = figures.average(leg.entry, abs(leg.lots))
        row["category"] = figures.category
        self._positions[account.uid, instrument, index] = (made_of, row)
        return row

    def _position(self, holding: Holding, leg: Position, instrument: int) -> Row:
        figures, mark = self.figures[instrument], self._prices.marks[instrument]
        size = abs(leg.lots)
        side = ("Buy" if leg.lots > 0 else "Sell") if size else ""
        im = figures.amount(holding.leg_margin(leg, mark))
        mm = figures.amount(leg.maintenance(mark))
        return {
            "positionIdx": leg.index,
            "riskId": 1,
            "riskLimitValue": "2000000",
            "symbol": self._symbols[instrument],
            "side": side,
            "size": figures.qty(size) if size else "0",
            "positionValue": figures.amount(leg.entry),
            "tradeMode": 0,
            "autoAddMargin": 0,
            "positionStatus": "Normal",
            "leverage": decimal_text(holding.leverage_e2, 2),
            "breakEvenPrice": figures.average(leg.break_even_value(), size) if size else "",
            "positionBalance": "0",
            "markPrice": figures.price(mark),
            "liqPrice": "",
            "bustPrice": "",
            "positionIM": im,
            "positionIMByMp": im,
            "positionMM": mm,
            "positionMMByMp": mm,
            "tpslMode": "Full",
            "takeProfit": "",
            "stopLoss": "",
            "trailingStop": "0",
            "sessionAvgPrice": "",
            "unrealisedPnl": figures.amount(leg.unrealised(mark)),
            "curRealisedPnl": figures.amount(leg.cur_realised),
            "cumRealisedPnl": figures.amount(leg.cum_realised),
            "adlRankIndicator": 2 if size else 0,
            "isReduceOnly": False,
            "mmrSysUpdatedTime": "",
            "leverageSysUpdatedTime": "",
            "createdTime": str(leg.created_ms),
            "updatedTime": str(leg.updated_ms),
            "seq": leg.seq,
        }

    def wallet(self, account: Account, coins: Collection[str] | None = None) -> Row:
        """Row of the wallet query and of the private ``wallet`` stream.

        Without ``coins``: all of which the account has or owes something. Totals are in dollars.
        """
        prices, marks = self._prices, self._prices.marks
        sums = _Sums(account, prices)
        unrealised = account.unrealised(marks)
        equity_e8 = account.equity_e8(prices)
        im_e8, mm_e8 = usd_sum_e8(prices, sums.initial), usd_sum_e8(prices, sums.maintenance)
        im_rate, mm_rate = _rate(im_e8, equity_e8), _rate(mm_e8, equity_e8)
        equity, im, mm = money(equity_e8), money(im_e8), money(mm_e8)
        if coins is None:
            known = dict.fromkeys((*account.wallet, *unrealised))
            coins = [c for c in known if account.wallet.get(c) or c in unrealised]
        return {
            "accountType": "UNIFIED",
            "accountLTV": "0",
            "accountIMRate": im_rate,
            "accountIMRateByMp": im_rate,
            "accountMMRate": mm_rate,
            "accountMMRateByMp": mm_rate,
            "totalEquity": equity,
            "totalWalletBalance": money(usd_sum_e8(prices, account.wallet)),
            "totalMarginBalance": equity,
            "totalAvailableBalance": money(max(0, account.available_e8(prices))),
            "totalPerpUPL": money(usd_sum_e8(prices, unrealised)),
            "totalInitialMargin": im,
            "totalInitialMarginByMp": im,
            "totalMaintenanceMargin": mm,
            "totalMaintenanceMarginByMp": mm,
            "coin": [self._coin(account, coin, unrealised.get(coin, 0), sums) for coin in coins],
        }

    def _coin(self, account: Account, coin: str, unrealised: int, sums: _Sums) -> Row:
        balance = account.wallet.get(coin, 0)
        equity = balance + unrealised
        position_im = sums.position.get(coin, 0)
        return {
            "coin": coin,
            "equity": money(equity, coin),
            "usdValue": money(self._prices.usd_e8(coin, equity)),
            "walletBalance": money(balance, coin),
            "free": "",
            "locked": money(account.locked.get(coin, 0), coin),
            "spotHedgingQty": "0",
            "borrowAmount": money(max(0, -balance), coin),
            "spotBorrow": "0",
            "availableToBorrow": "",
            "availableToWithdraw": "",
            "accruedInterest": "0",
            "totalOrderIM": money(max(0, sums.initial.get(coin, 0) - position_im), coin),
            "totalPositionIM": money(position_im, coin),
            "totalPositionMM": money(sums.maintenance.get(coin, 0), coin),
            "unrealisedPnl": money(unrealised, coin),
            "cumRealisedPnl": money(account.cum_realised.get(coin, 0), coin),
            "bonus": "0",
            "collateralSwitch": True,
            "marginCollateral": True,
        }


class _Sums:
    """Margins of an account by coin."""

    __slots__ = ("initial", "maintenance", "position")

    def __init__(self, account: Account, prices: Prices) -> None:
        self.initial: Mapping[str, int] = account.margins(prices.marks)
        self.position: dict[str, int] = {}
        self.maintenance: dict[str, int] = {}
        for holding, mark in zip(account.holdings, prices.marks, strict=True):
            if holding.is_idle:
                continue
            coin = holding.worth.coin
            margin = self.position.get(coin, 0) + holding.position_margin(mark)
            self.position[coin] = margin
            self.maintenance[coin] = self.maintenance.get(coin, 0) + holding.maintenance(mark)


def _rate(part_e8: int, equity_e8: int) -> str:
    """A margin rate as text, to 1e-8; 0 when there is nothing to divide by."""
    return money(part_e8 * E8 // equity_e8) if equity_e8 > 0 else "0"
