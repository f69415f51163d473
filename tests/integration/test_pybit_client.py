"""The official client trades on the embedded venue, unchanged except for the address.

Everything asserted here is what pybit itself reports.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from pybit import unified_trading
from pybit.exceptions import InvalidRequestError
from pybit_sessions import Sockets, http_session, until

from mmfast.sim.params import FlowParams

SYMBOL = "BTCUSDT"
LINEAR = {"category": "linear", "symbol": SYMBOL}


@pytest.fixture
def venue(start_venue):
    # A still market: nothing but the client moves the book, so every outcome is certain. No
    # faster than a network: the client's sockets cannot bear an answer that comes before it has
    # noted what it sent.
    return start_venue(flow=FlowParams(activity=0.0), latency_ms=20.0)


@pytest.fixture
def session(venue) -> Iterator[unified_trading.HTTP]:
    client = http_session(venue)
    yield client
    client.client.close()


@pytest.fixture
def sockets(venue, monkeypatch) -> Iterator[Callable[[str], unified_trading.WebSocket]]:
    opened = Sockets(venue, monkeypatch)
    yield opened.stream
    opened.close()


def touch(session: unified_trading.HTTP) -> tuple[Decimal, Decimal]:
    book = session.get_orderbook(**LINEAR, limit=1)["result"]
    return Decimal(book["b"][0][0]), Decimal(book["a"][0][0])


def limit(side: str, price: Decimal, qty: str, link_id: str, **more: object) -> dict:
    return {
        "symbol": SYMBOL,
        "side": side,
        "orderType": "Limit",
        "qty": qty,
        "price": str(price),
        "orderLinkId": link_id,
        **more,
    }


def open_links(session: unified_trading.HTTP) -> dict[str, dict]:
    rows = session.get_open_orders(**LINEAR)["result"]["list"]
    return {row["orderLinkId"]: row for row in rows}


def test_reads_of_the_market(session) -> None:
    server_ms = int(session.get_server_time()["result"]["timeNano"]) // 1_000_000
    assert abs(server_ms - time.time() * 1000) < 2000
    [instrument] = session.get_instruments_info(**LINEAR)["result"]["list"]
    assert instrument["priceFilter"]["tickSize"] == "0.10"
    book = session.get_orderbook(**LINEAR, limit=50)["result"]
    bids, asks = ([Decimal(price) for price, _ in book[side]] for side in "ba")
    assert len(bids) >= 25
    assert len(asks) >= 25
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    [ticker] = session.get_tickers(**LINEAR)["result"]["list"]
    assert (Decimal(ticker["bid1Price"]), Decimal(ticker["ask1Price"])) == (bids[0], asks[0])


def test_place_amend_cancel(session) -> None:
    bid, _ = touch(session)
    price = bid - 50
    placed = session.place_order(
        category="linear", **limit("Buy", price, "0.010", "one", timeInForce="PostOnly")
    )["result"]
    assert placed["orderLinkId"] == "one"
    row = open_links(session)["one"]
    assert row["orderId"] == placed["orderId"]
    assert row["orderStatus"] == "New"
    assert (Decimal(row["price"]), Decimal(row["qty"])) == (price, Decimal("0.010"))

    session.amend_order(**LINEAR, orderLinkId="one", price=str(price - 1), qty="0.020")
    row = open_links(session)["one"]
    assert (Decimal(row["price"]), Decimal(row["qty"])) == (price - 1, Decimal("0.020"))

    session.cancel_order(**LINEAR, orderLinkId="one")
    assert open_links(session) == {}
    with pytest.raises(InvalidRequestError, match="110001"):
        session.cancel_order(**LINEAR, orderLinkId="one")
    history = session.get_order_history(**LINEAR, orderLinkId="one")["result"]["list"]
    assert [one["orderStatus"] for one in history] == ["Cancelled"]


def test_batches_and_their_partial_failure(session) -> None:
    bid, ask = touch(session)
    reply = session.place_batch_order(
        category="linear",
        request=[
            limit("Buy", bid - 20, "0.010", "b1"),
            limit("Buy", bid - 21, "0.010", "b1"),
            limit("Sell", ask + 20, "0.010", "b2"),
            limit("Sell", ask + Decimal("20.05"), "0.010", "b3"),
        ],
    )
    codes = [item["code"] for item in reply["retExtInfo"]["list"]]
    assert codes[0] == codes[2] == 0
    assert codes[1] == 110072
    assert codes[3] not in (0, 110072)
    assert sorted(open_links(session)) == ["b1", "b2"]

    reply = session.amend_batch_order(
        category="linear",
        request=[
            {"symbol": SYMBOL, "orderLinkId": "b1", "qty": "0.030"},
            {"symbol": SYMBOL, "orderLinkId": "nobody", "qty": "0.030"},
        ],
    )
    assert [item["code"] for item in reply["retExtInfo"]["list"]] == [0, 110001]
    assert Decimal(open_links(session)["b1"]["qty"]) == Decimal("0.03")

    reply = session.cancel_batch_order(
        category="linear",
        request=[{"symbol": SYMBOL, "orderLinkId": name} for name in ("b1", "b2", "b3")],
    )
    assert [item["code"] for item in reply["retExtInfo"]["list"]] == [0, 0, 110001]
    assert open_links(session) == {}

    session.place_batch_order(
        category="linear",
        request=[limit("Buy", bid - 20 - n, "0.010", f"c{n}") for n in range(5)],
    )
    session.cancel_all_orders(category="linear", symbol=SYMBOL)
    assert open_links(session) == {}


def test_a_wrong_secret_is_refused(venue) -> None:
    client = http_session(venue)
    client.api_secret = "not the secret"
    with pytest.raises(InvalidRequestError, match="10004"):
        client.get_open_orders(**LINEAR)
    client.client.close()


def test_a_trade_moves_position_and_wallet(session) -> None:
    def wallet() -> Decimal:
        reply = session.get_wallet_balance(accountType="UNIFIED", coin="USDT")
        return Decimal(reply["result"]["list"][0]["coin"][0]["walletBalance"])

    before = wallet()
    _, ask = touch(session)
    session.place_order(
        category="linear", **limit("Buy", ask + 5, "0.001", "taker", timeInForce="IOC")
    )
    [position] = session.get_positions(**LINEAR)["result"]["list"]
    assert (position["side"], Decimal(position["size"])) == ("Buy", Decimal("0.001"))
    assert Decimal(position["avgPrice"]) == ask
    [fill] = session.get_executions(**LINEAR)["result"]["list"]
    assert (fill["orderLinkId"], fill["isMaker"]) == ("taker", False)
    fee = Decimal(fill["execFee"])
    assert fee > 0
    assert wallet() == before - fee

    bid, _ = touch(session)
    session.place_order(
        category="linear",
        **limit("Sell", bid - 5, "0.001", "closer", timeInForce="IOC", reduceOnly=True),
    )
    [position] = session.get_positions(**LINEAR)["result"]["list"]
    assert Decimal(position["size"]) == 0


def test_the_public_streams(session, sockets) -> None:
    books: list[dict] = []
    trades: list[dict] = []
    socket = sockets("linear")
    socket.orderbook_stream(50, SYMBOL, books.append)
    socket.trade_stream(SYMBOL, trades.append)
    until(lambda: books, "the first order book")
    assert len(books[0]["data"]["b"]) >= 25
    _, ask = touch(session)
    best = min((Decimal(price), Decimal(size)) for price, size in books[-1]["data"]["a"])
    assert best[0] == ask

    # Take the whole best level: pybit's own merged book must lose it, and print the trade.
    session.place_order(
        category="linear", **limit("Buy", ask, str(best[1]), "sweep", timeInForce="IOC")
    )
    until(lambda: trades, "the public trade")
    [trade] = trades[0]["data"]
    assert (trade["S"], Decimal(trade["p"]), Decimal(trade["v"])) == ("Buy", ask, best[1])
    until(
        lambda: min(Decimal(price) for price, _ in books[-1]["data"]["a"]) > ask,
        "the book without its best level",
    )
    assert touch(session)[1] == min(Decimal(price) for price, _ in books[-1]["data"]["a"])


def test_the_private_streams(session, sockets) -> None:
    heard: dict[str, list[dict]] = {
        name: [] for name in ("order", "execution", "position", "wallet", "fast")
    }
    socket = sockets("private")
    socket.order_stream(heard["order"].append)
    socket.execution_stream(heard["execution"].append)
    socket.position_stream(heard["position"].append)
    socket.wallet_stream(heard["wallet"].append)
    socket.fast_execution_stream(heard["fast"].append)
    until(lambda: socket.auth, "the authentication")

    def orders() -> list[tuple[str, str]]:
        rows = [row for message in heard["order"] for row in message["data"]]
        return [(row["orderLinkId"], row["orderStatus"]) for row in rows]

    bid, ask = touch(session)
    session.place_order(category="linear", **limit("Buy", bid - 50, "0.010", "rest"))
    until(lambda: ("rest", "New") in orders(), "the new order")
    session.cancel_order(**LINEAR, orderLinkId="rest")
    until(lambda: ("rest", "Cancelled") in orders(), "the cancelled order")
    assert not heard["execution"]

    session.place_order(category="linear", **limit("Buy", ask, "0.001", "take", timeInForce="IOC"))
    until(lambda: ("take", "Filled") in orders(), "the filled order")
    until(lambda: heard["wallet"], "the wallet")
    [execution] = [row for message in heard["execution"] for row in message["data"]]
    assert (execution["orderLinkId"], Decimal(execution["execQty"])) == ("take", Decimal("0.001"))
    [fast] = [row for message in heard["fast"] for row in message["data"]]
    assert fast["execId"] == execution["execId"]
    position = heard["position"][-1]["data"][0]
    assert (position["side"], Decimal(position["size"])) == ("Buy", Decimal("0.001"))
    coin = heard["wallet"][-1]["data"][0]["coin"][0]
    [rest_coin] = session.get_wallet_balance(accountType="UNIFIED", coin="USDT")["result"]["list"][
        0
    ]["coin"]
    assert coin["walletBalance"] == rest_coin["walletBalance"]
