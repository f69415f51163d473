"""The official client's public, private and trade sockets in every category.

Everything asserted here is what pybit itself reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from pybit import unified_trading
from pybit_sessions import Sockets, coin_row, http_session, item, order, rows_of, touch, until

Session = unified_trading.HTTP
NETWORK_MS = 30.0
"""The client notes what it subscribed to, or sent, only after sending it, and cannot bear an
answer that comes in between. So the venue is no faster than a network."""


@pytest.fixture
def venue(start_still_venue):
    return start_still_venue(latency_ms=NETWORK_MS)


@pytest.fixture
def session(venue) -> Iterator[Session]:
    client = http_session(venue)
    yield client
    client.client.close()


@pytest.fixture
def sockets(venue, monkeypatch) -> Iterator[Sockets]:
    opened = Sockets(venue, monkeypatch)
    yield opened
    opened.close()


class Heard:
    """Rows of one stream; the client calls it in a thread of its own."""

    def __init__(self) -> None:
        self.rows: list[dict] = []

    def __call__(self, message: dict) -> None:
        data = message["data"]
        self.rows += data if isinstance(data, list) else [data]

    def until(self, what: str, **wanted: str) -> dict:
        """The first row that carries all of these fields."""

        def found() -> dict | None:
            rows = (row for row in list(self.rows) if wanted.items() <= row.items())
            return next(rows, None)

        row = until(found, what)
        assert isinstance(row, dict)
        return row


def test_the_public_streams(session, sockets, market) -> None:
    """Take the whole best level: pybit's merged book loses it, trade and ticker tell it."""
    books, trades, tickers = [], Heard(), Heard()
    socket = sockets.stream(market.category)
    socket.orderbook_stream(50, market.symbol, books.append)
    socket.trade_stream(market.symbol, trades)
    socket.ticker_stream(market.symbol, tickers)
    until(lambda: books, "the first order book")
    ask, size = session.get_orderbook(**market.query, limit=1)["result"]["a"][0]
    assert [ask, size] in books[-1]["data"]["a"]
    session.place_order(**order(market, "Buy", Decimal(ask), "sweep", qty=size, timeInForce="IOC"))
    trade = trades.until("the public trade", s=market.symbol, S="Buy")
    assert (Decimal(trade["p"]), Decimal(trade["v"])) == (Decimal(ask), Decimal(size))

    def best_ask() -> Decimal:
        return min(Decimal(price) for price, _ in books[-1]["data"]["a"])

    until(lambda: best_ask() > Decimal(ask), "the book without its best level")
    assert best_ask() == touch(session, market)[1]
    tickers.until("the ticker after the trade", lastPrice=ask)


def test_the_private_streams(session, sockets, market) -> None:
    orders, fills, positions, wallets = Heard(), Heard(), Heard(), Heard()
    socket = sockets.stream("private")
    socket.order_stream(orders)
    socket.execution_stream(fills)
    socket.position_stream(positions)
    socket.wallet_stream(wallets)
    until(lambda: socket.auth, "the authentication")
    bid, ask = touch(session, market)
    session.place_order(**order(market, "Buy", bid - 50, "rest"))
    orders.until("the new order", orderLinkId="rest", orderStatus="New")
    session.cancel_order(**market.query, orderLinkId="rest")
    gone = orders.until("the cancelled order", orderLinkId="rest", orderStatus="Cancelled")
    assert (gone["category"], gone["symbol"]) == (market.category, market.symbol)

    session.place_order(**order(market, "Buy", ask, "take", timeInForce="IOC"))
    orders.until("the filled order", orderLinkId="take", orderStatus="Filled")
    fill = fills.until("the fill", orderLinkId="take", category=market.category)
    assert len(fills.rows) == 1
    [same] = rows_of(session.get_executions(**market.query))
    assert (fill["execId"], fill["execFee"]) == (same["execId"], same["execFee"])
    truth = coin_row(session, market.fee_coin)["walletBalance"]

    def told() -> bool:
        coins = [coin for row in list(wallets.rows) for coin in row["coin"]]
        return any(
            coin["coin"] == market.fee_coin and coin["walletBalance"] == truth for coin in coins
        )

    until(told, "the wallet after the fill")
    if not market.is_spot:
        position = positions.until("the position", symbol=market.symbol, side="Buy")
        assert Decimal(position["size"]) == market.lot


class Desk:
    """Sends over the trade socket and waits for the answer, good or bad."""

    def __init__(self, socket: unified_trading.WebSocketTrading) -> None:
        self.socket = socket
        until(lambda: socket.auth, "the authentication of the trade socket")

    def ask(self, send: Callable[..., None], **request: object) -> dict:
        answers: list[dict] = []
        send(answers.append, answers.append, **request)
        until(lambda: answers, "the answer of the trade socket")
        [answer] = answers
        return answer


def test_orders_over_the_trade_socket(session, sockets, market) -> None:
    desk = Desk(sockets.trade())
    bid, _ = touch(session, market)
    placed = desk.ask(desk.socket.place_order, **order(market, "Buy", bid - 50, "one"))
    assert (placed["retCode"], placed["op"]) == (0, "order.create")
    [row] = rows_of(session.get_open_orders(**market.query))
    assert (row["orderId"], row["orderLinkId"]) == (placed["data"]["orderId"], "one")

    names = {**market.query, "orderLinkId": "one"}
    amended = desk.ask(desk.socket.amend_order, **names, price=str(bid - 51))
    assert amended["data"] == placed["data"]
    [row] = rows_of(session.get_open_orders(**market.query))
    assert Decimal(row["price"]) == bid - 51
    cancelled = desk.ask(desk.socket.cancel_order, **names)
    assert cancelled["data"] == placed["data"]
    assert rows_of(session.get_open_orders(**market.query)) == []
    late = desk.ask(desk.socket.cancel_order, **names)
    assert late["retCode"] == (170142 if market.is_spot else 110001)
    assert late["data"] == {}


def test_batches_over_the_trade_socket(session, sockets, market) -> None:
    """Item by item as over REST, and out of the same budget."""
    desk = Desk(sockets.trade())
    bid, _ = touch(session, market)

    def codes(send: Callable[..., None], items: list[dict]) -> list[int]:
        answer = desk.ask(send, category=market.category, request=items)
        assert answer["retCode"] == 0
        assert len(answer["data"]["list"]) == len(items)
        return [one["code"] for one in answer["retExtInfo"]["list"]]

    duplicate = 170141 if market.is_spot else 110072
    unknown = 170213 if market.is_spot else 110001
    wishes = [item(market, "Buy", bid - 20 - n, name) for n, name in enumerate(("b1", "b1", "b2"))]
    assert codes(desk.socket.place_batch_order, wishes) == [0, duplicate, 0]
    named = [{"symbol": market.symbol, "orderLinkId": name} for name in ("b1", "b2", "b3")]
    more = {"qty": str(2 * market.lot)}
    assert codes(desk.socket.amend_batch_order, [one | more for one in named]) == [0, 0, unknown]
    rows = rows_of(session.get_open_orders(**market.query))
    assert [Decimal(row["qty"]) for row in rows] == [2 * market.lot] * 2
    assert codes(desk.socket.cancel_batch_order, named) == [0, 0, unknown]
    assert rows_of(session.get_open_orders(**market.query)) == []
