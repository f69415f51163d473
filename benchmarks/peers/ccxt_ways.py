"""ccxt's own steps: ``sign`` and ``create_orders`` up to what it would fetch, and its book."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from typing import Any

import ccxt
import ccxt.pro

VERSION_OF = "ccxt"
SYMBOL = "BTC/USDT:USDT"
MARKET = {
    "symbol": SYMBOL,
    "base": "BTC",
    "quote": "USDT",
    "settle": "USDT",
    "baseId": "BTC",
    "quoteId": "USDT",
    "settleId": "USDT",
    "type": "swap",
    "swap": True,
    "contract": True,
    "linear": True,
    "contractSize": 1.0,
    "precision": {"amount": 0.001, "price": 0.1},
}


def _exchange(
    made: Callable[[dict[str, Any]], Any], key: str, secret: str, symbol: str = "BTCUSDT"
) -> Any:
    exchange = made({"apiKey": key, "secret": secret, "enableRateLimit": False})
    exchange.set_markets([exchange.safe_market_structure({**MARKET, "id": symbol})])
    return exchange


def sign(secret: str) -> Callable[[str], str]:
    """One signature of a text."""
    exchange = _exchange(ccxt.bybit, "key", secret)
    return lambda text: exchange.hmac(exchange.encode(text), secret.encode(), hashlib.sha256, "hex")


def request(key: str, secret: str, items: list[dict[str, str]]) -> Callable[[], object]:
    """``create_orders`` of a batch, up to what it would fetch."""
    exchange = _exchange(ccxt.bybit, key, secret)
    exchange.options["enableUnifiedMargin"] = False
    exchange.options["enableUnifiedAccount"] = True

    def run() -> object:
        requests = []
        for item in items:
            params = {"timeInForce": "PostOnly", "clientOrderId": item["orderLinkId"]}
            price, amount = float(item["price"]), float(item["qty"])
            side = item["side"].lower()
            args = (SYMBOL, "limit", side, amount, price, params, True)
            requests.append(exchange.create_order_request(*args))
        body = {"category": "linear", "request": requests}
        return exchange.sign("v5/order/create-batch", ["private"], "POST", body)["body"].encode()

    return run


class _Client:
    """What the book handler needs of a websocket client."""

    url = "wss://127.0.0.1/v5/public/linear"

    def resolve(self, result: object, _topic: str) -> object:
        return result


def book(symbol: str) -> Callable[[bytes], tuple[float, float]]:
    """A frame to the unified book, and the best of it."""

    async def made() -> Any:
        exchange = _exchange(ccxt.pro.bybit, "key", "secret", symbol)
        await exchange.close()
        return exchange

    exchange, client = asyncio.run(made()), _Client()

    def run(frame: bytes) -> tuple[float, float]:
        exchange.handle_order_book(client, json.loads(frame))
        latest = exchange.orderbooks[SYMBOL]
        return latest["bids"][0][0], latest["asks"][0][0]

    return run
