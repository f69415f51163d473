"""A trader on a venue that lists something of every category, and how tests speak to it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mmfast.messages import Category, Side
from mmfast.units import E8

LISTED: dict[str, Any] = {
    "symbols": ("BTCUSDT", "ETHUSDT"),
    "inverse_symbols": ("BTCUSD", "ETHUSD"),
    "spot_symbols": ("BTCUSDT", "ETHUSDT"),
    "option_symbols": ("BTC-28DEC35-100000-C-USDT", "BTC-28DEC35-100000-P-USDT"),
    "coins_e8": (("BTC", 10 * E8), ("ETH", 100 * E8)),
}
FLAT = [
    (category, symbol)
    for category, key in zip(
        Category, ("symbols", "inverse_symbols", "spot_symbols", "option_symbols"), strict=True
    )
    for symbol in LISTED[key]
]
BUY, SELL = Side.BUY, Side.SELL


def at(category: str, symbol: str) -> int:
    """Index of an instrument in the flat list."""
    return FLAT.index((Category[category.upper()], symbol))


class Desk:
    """Places orders of one instrument and reads what became of them."""

    def __init__(self, trader: Any, category: str, symbol: str) -> None:
        self.trader = trader
        self.category = category
        self.symbol = symbol
        self.index = at(category, symbol)
        self.venue = trader.venue

    def call(self, verb: str, **fields: object) -> Any:
        body = {"category": self.category, "symbol": self.symbol, **fields}
        body = {name: value for name, value in body.items() if value is not None}
        return self.trader.post(f"/v5/order/{verb}", body)

    def place(
        self, side: str = "Buy", qty: str = "1", price: str | None = None, **more: Any
    ) -> Any:
        kind = "Limit" if price else "Market"
        return self.call("create", side=side, qty=qty, price=price, orderType=kind, **more)

    def limit(self, side: Side, ticks: int, lots: int) -> int:
        """The house rests an order."""
        return int(self.trader.house(side, ticks, lots, spot=self.index))

    def take(self, side: Side, ticks: int, lots: int) -> None:
        """The house takes what rests."""
        self.trader.house(side, ticks, lots, spot=self.index, ioc=True)

    def order(self, link_id: str = "", **query: object) -> dict[str, Any]:
        """The last word on an order."""
        if link_id:
            query["orderLinkId"] = link_id
        path = "/v5/order/realtime"
        rows = self.trader.get(path, category=self.category, **query).rows
        return rows[0] if rows else {}

    def fills(self) -> list[dict[str, Any]]:
        rows = self.trader.get("/v5/execution/list", category=self.category).rows
        return [row for row in rows if row["symbol"] == self.symbol]

    def positions(self) -> list[dict[str, Any]]:
        path = "/v5/position/list"
        return list(self.trader.get(path, category=self.category, symbol=self.symbol).rows)

    def coin(self, name: str) -> dict[str, Any]:
        wallet = self.trader.get("/v5/account/wallet-balance", accountType="UNIFIED").rows[0]
        return next(row for row in wallet["coin"] if row["coin"] == name)

    def balance(self, name: str) -> Decimal:
        return Decimal(self.coin(name)["walletBalance"])
