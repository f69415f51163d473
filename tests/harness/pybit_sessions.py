"""The official client, pointed at a venue on this machine; nothing else of it is changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

from pybit import unified_trading

STREAM_S = 5.0
"""How long a stream's message may take; it comes in a thread of the client's own."""


def http_session(venue) -> unified_trading.HTTP:
    client = unified_trading.HTTP(
        api_key=venue.params.api_key,
        api_secret=venue.params.api_secret,
        max_retries=1,
        return_response_headers=False,
    )
    client.endpoint = venue.rest_url
    return client


def until(found: Callable[[], object], what: str, seconds: float = STREAM_S) -> object:
    """The first true answer of ``found``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = found()
        if answer:
            return answer
        time.sleep(0.005)
    raise AssertionError(f"{what} did not come within {seconds} s")


class Sockets:
    """The client's websockets of one venue; :meth:`close` ends them all.

    The client takes its addresses from module constants, so the test's ``monkeypatch`` sets them.
    """

    def __init__(self, venue, monkeypatch) -> None:
        self._keys = {"api_key": venue.params.api_key, "api_secret": venue.params.api_secret}
        self._opened: list[unified_trading.WebSocket | unified_trading.WebSocketTrading] = []
        addresses = {
            "unified_trading.PUBLIC_WSS": "/v5/public/{CHANNEL_TYPE}",
            "unified_trading.PRIVATE_WSS": "/v5/private",
            "_websocket_trading.TRADE_WSS": "/v5/trade",
        }
        for name, path in addresses.items():
            monkeypatch.setattr(f"pybit.{name}", venue.ws_url + path)

    def stream(self, channel: str) -> unified_trading.WebSocket:
        """``private``, or a category's public socket."""
        keys = self._keys if channel == "private" else {}
        socket = unified_trading.WebSocket(testnet=False, channel_type=channel, **keys)
        self._opened.append(socket)
        return socket

    def trade(self) -> unified_trading.WebSocketTrading:
        """The trade socket."""
        socket = unified_trading.WebSocketTrading(testnet=False, **self._keys)
        self._opened.append(socket)
        return socket

    def close(self) -> None:
        """The client's own (daemon) threads may sleep in a select for a while after this."""
        for socket in self._opened:
            socket.exit()


def rows_of(reply: dict) -> list[dict]:
    return reply["result"]["list"]


def touch(session: unified_trading.HTTP, market) -> tuple[Decimal, Decimal]:
    """Best bid and ask."""
    book = session.get_orderbook(**market.query, limit=1)["result"]
    return Decimal(book["b"][0][0]), Decimal(book["a"][0][0])


def coin_row(session: unified_trading.HTTP, coin: str) -> dict:
    """What the wallet says of one coin."""
    reply = session.get_wallet_balance(accountType="UNIFIED", coin=coin)
    [row] = rows_of(reply)[0]["coin"]
    return row


def item(market, side: str, price: Decimal, link_id: str, **more: object) -> dict:
    """One limit order of a batch."""
    return {
        "symbol": market.symbol,
        "side": side,
        "orderType": "Limit",
        "qty": str(market.lot),
        "price": str(price),
        "orderLinkId": link_id,
        **more,
    }


def order(market, side: str, price: Decimal, link_id: str, **more: object) -> dict:
    """One limit order on its own."""
    return {"category": market.category, **item(market, side, price, link_id, **more)}
