"""Everything an account is shown, as the rows of REST replies and private streams."""

from __future__ import annotations

from mmfast.messages import Instrument
from mmfast.sim.accounts import Account, Position
from mmfast.sim.catalogue import Listing
from mmfast.sim.figures import Figures, decimal_text, money
from mmfast.sim.orders import (
    Fill,
    Order,
    fill_event,
    fill_row,
    order_event,
    order_row,
)
from mmfast.units import E8

Row = dict[str, object]


class Rows:
    """Renders rows; ``marks`` is the live list of mark prices by instrument."""

    __slots__ = ("_instruments", "_marks", "_symbols", "figures")

    def __init__(self, shelf: tuple[Listing, ...], marks: list[int]) -> None:
        self._instruments: tuple[Instrument, ...] = tuple(item.instrument for item in shelf)
        self._symbols = tuple(instrument.symbol for instrument in self._instruments)
        self.figures = tuple(Figures(item) for item in shelf)
        self._marks = marks

    def order(self, order: Order) -> Row:
        """Row of an order query."""
        i = order.instrument
        return order_row(order, self._symbols[i], self.figures[i], self._leaves_e8(order))

    def order_event(self, order: Order) -> Row:
        """Row of the private ``order`` stream."""
        i = order.instrument
        return order_event(order, self._symbols[i], self.figures[i], self._leaves_e8(order))

    def _leaves_e8(self, order: Order) -> int:
        return self._instruments[order.instrument].notional_e8(order.ticks, order.leaves)

    def fill(self, fill: Fill) -> Row:
        """Row of an execution query."""
        return fill_row(fill, self._symbols[fill.instrument], self.figures[fill.instrument])

    def fill_event(self, fill: Fill) -> Row:
        """Row of the private ``execution`` stream."""
        return fill_event(fill, self._symbols[fill.instrument], self.figures[fill.instrument])

    def position(self, account: Account, instrument: int) -> Row:
        """Row of the position query."""
        position = account.positions[instrument]
        row = self._position(position, instrument)
        row["avgPrice"] = self.figures[instrument].average(position.entry_e8, abs(position.lots))
        row["openTime"] = int(position.opened_ms)
        row["delta"] = row["gamma"] = row["vega"] = row["theta"] = ""
        return row

    def position_event(self, account: Account, instrument: int) -> Row:
        """Row of the private ``position`` stream, which calls the average price another name."""
        position = account.positions[instrument]
        row = self._position(position, instrument)
        row["entryPrice"] = self.figures[instrument].average(position.entry_e8, abs(position.lots))
        row["category"] = self.figures[instrument].category
        return row

    def _position(self, position: Position, instrument: int) -> Row:
        figures, mark = self.figures[instrument], self._marks[instrument]
        size = abs(position.lots)
        side = ("Buy" if position.lots > 0 else "Sell") if size else ""
        im = money(position.position_margin_e8(mark))
        mm = money(position.maintenance_e8(mark))
        return {
            "positionIdx": 0,
            "riskId": 1,
            "riskLimitValue": "2000000",
            "symbol": self._symbols[instrument],
            "side": side,
            "size": figures.qty(size) if size else "0",
            "positionValue": money(position.entry_e8),
            "tradeMode": 0,
            "autoAddMargin": 0,
            "positionStatus": "Normal",
            "leverage": decimal_text(position.leverage_e2, 2),
            "breakEvenPrice": self._break_even(position, figures),
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
            "unrealisedPnl": money(position.unrealised_e8(mark)),
            "curRealisedPnl": money(position.cur_realised_e8),
            "cumRealisedPnl": money(position.cum_realised_e8),
            "adlRankIndicator": 2 if size else 0,
            "isReduceOnly": False,
            "mmrSysUpdatedTime": "",
            "leverageSysUpdatedTime": "",
            "createdTime": str(position.created_ms),
            "updatedTime": str(position.updated_ms),
            "seq": position.seq,
        }

    def _break_even(self, position: Position, figures: Figures) -> str:
        """Price at which closing would bring back what the position has cost so far."""
        if not position.lots:
            return ""
        owed = position.cur_realised_e8 if position.lots < 0 else -position.cur_realised_e8
        return figures.average(max(0, position.entry_e8 + owed), abs(position.lots))

    def wallet(self, account: Account) -> Row:
        """Row of the wallet query and of the private ``wallet`` stream."""
        unrealised_e8 = account.unrealised_e8(self._marks)
        equity_e8 = account.balance_e8 + unrealised_e8
        im_e8 = account.margin_e8(self._marks)
        position_im_e8 = maintenance_e8 = 0
        for position, mark in zip(account.positions, self._marks, strict=True):
            position_im_e8 += position.position_margin_e8(mark)
            maintenance_e8 += position.maintenance_e8(mark)
        im_rate, mm_rate = _rate(im_e8, equity_e8), _rate(maintenance_e8, equity_e8)
        equity, balance = money(equity_e8), money(account.balance_e8)
        im, mm, upl = money(im_e8), money(maintenance_e8), money(unrealised_e8)
        return {
            "accountType": "UNIFIED",
            "accountLTV": "0",
            "accountIMRate": im_rate,
            "accountIMRateByMp": im_rate,
            "accountMMRate": mm_rate,
            "accountMMRateByMp": mm_rate,
            "totalEquity": equity,
            "totalWalletBalance": balance,
            "totalMarginBalance": equity,
            "totalAvailableBalance": money(max(0, equity_e8 - im_e8)),
            "totalPerpUPL": upl,
            "totalInitialMargin": im,
            "totalInitialMarginByMp": im,
            "totalMaintenanceMargin": mm,
            "totalMaintenanceMarginByMp": mm,
            "coin": [
                {
                    "coin": "USDT",
                    "equity": equity,
                    "usdValue": equity,
                    "walletBalance": balance,
                    "free": "",
                    "locked": "0",
                    "spotHedgingQty": "0",
                    "borrowAmount": "0",
                    "spotBorrow": "0",
                    "availableToBorrow": "",
                    "availableToWithdraw": "",
                    "accruedInterest": "0",
                    "totalOrderIM": money(max(0, im_e8 - position_im_e8)),
                    "totalPositionIM": money(position_im_e8),
                    "totalPositionMM": mm,
                    "unrealisedPnl": upl,
                    "cumRealisedPnl": money(account.cum_realised_e8),
                    "bonus": "0",
                    "collateralSwitch": True,
                    "marginCollateral": True,
                }
            ],
        }


def _rate(part_e8: int, equity_e8: int) -> str:
    """A margin rate as text, to 1e-8; 0 when there is nothing to divide by."""
    return money(part_e8 * E8 // equity_e8) if equity_e8 > 0 else "0"
