"""The official client over REST in every category, unchanged except for the address.

Everything asserted here is what pybit itself reports; ``tests/integration/test_pybit_client.py``
has the first steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from pybit import unified_trading
from pybit.exceptions import InvalidRequestError
from pybit_sessions import coin_row, http_session, item, order, rows_of, touch

COIN_ATOM = Decimal("1e-8")

Session = unified_trading.HTTP


@pytest.fixture
def session(venue) -> Iterator[Session]:
    client = http_session(venue)
    yield client
    client.client.close()


def open_links(session: Session, market) -> list[str]:
    rows = rows_of(session.get_open_orders(**market.query))
    return sorted(row["orderLinkId"] for row in rows)


def closed(session: Session, market, link_id: str) -> dict:
    [row] = rows_of(session.get_order_history(**market.query, orderLinkId=link_id))
    return row


def balance(session: Session, coin: str) -> Decimal:
    return Decimal(coin_row(session, coin)["walletBalance"])


def codes(reply: dict) -> list[int]:
    return [one["code"] for one in reply["retExtInfo"]["list"]]


def test_instruments_and_book(session, market) -> None:
    [row] = rows_of(session.get_instruments_info(**market.query))
    assert (row["symbol"], row["status"]) == (market.symbol, "Trading")
    assert Decimal(row["priceFilter"]["tickSize"]) == market.tick
    step = row["lotSizeFilter"]["basePrecision" if market.is_spot else "qtyStep"]
    assert market.lot % Decimal(step) == 0
    book = session.get_orderbook(**market.query, limit=200)["result"]
    bids, asks = ([Decimal(price) for price, _ in book[side]] for side in "ba")
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert bids[0] < asks[0]
    assert all(price % market.tick == 0 for price in bids + asks)
    [ticker] = rows_of(session.get_tickers(**market.query))
    assert (Decimal(ticker["bid1Price"]), Decimal(ticker["ask1Price"])) == (bids[0], asks[0])


def test_an_order_from_place_to_history(session, market) -> None:
    bid, _ = touch(session, market)
    placed = session.place_order(**order(market, "Buy", bid - 50, "one", timeInForce="PostOnly"))
    [row] = rows_of(session.get_open_orders(**market.query))
    assert (row["orderId"], row["orderLinkId"]) == (placed["result"]["orderId"], "one")
    assert (row["orderStatus"], row["timeInForce"]) == ("New", "PostOnly")

    more = str(market.lot * 2)
    session.amend_order(**market.query, orderLinkId="one", price=str(bid - 51), qty=more)
    [row] = rows_of(session.get_open_orders(**market.query))
    assert (Decimal(row["price"]), Decimal(row["qty"])) == (bid - 51, Decimal(more))
    assert row["orderId"] == placed["result"]["orderId"]

    session.cancel_order(**market.query, orderLinkId="one")
    assert open_links(session, market) == []
    row = closed(session, market, "one")
    assert (row["orderStatus"], Decimal(row["cumExecQty"])) == ("Cancelled", 0)
    with pytest.raises(InvalidRequestError, match=r"110001|170142"):
        session.cancel_order(**market.query, orderLinkId="one")
    with pytest.raises(InvalidRequestError, match=r"110072|170141"):
        session.place_order(**order(market, "Buy", bid - 50, "one"))


def test_batches(session, market) -> None:
    bid, ask = touch(session, market)
    wishes = [
        item(market, "Buy", bid - 20, "b1"),
        item(market, "Buy", bid - 21, "b1"),
        item(market, "Sell", ask + 20, "b2"),
        item(market, "Sell", ask + 20 + market.tick / 2, "b3"),
    ]
    reply = session.place_batch_order(category=market.category, request=wishes)
    first, repeated, second, off_tick = codes(reply)
    assert first == second == 0
    assert repeated == (170141 if market.is_spot else 110072)
    assert off_tick not in (0, repeated)
    assert open_links(session, market) == ["b1", "b2"]

    changes = [
        {"symbol": market.symbol, "orderLinkId": name, "qty": str(market.lot * 3)}
        for name in ("b1", "nobody")
    ]
    reply = session.amend_batch_order(category=market.category, request=changes)
    assert codes(reply) == [0, 170213 if market.is_spot else 110001]
    names = [{"symbol": market.symbol, "orderLinkId": name} for name in ("b1", "b2", "b3")]
    reply = session.cancel_batch_order(category=market.category, request=names)
    assert codes(reply) == [0, 0, 170213 if market.is_spot else 110001]
    assert open_links(session, market) == []


def test_the_largest_batch_and_cancel_all(session, market) -> None:
    """20 orders on futures, 10 on spot; one more and nothing of it is done."""
    most = 10 if market.is_spot else 20
    bid, _ = touch(session, market)
    wishes = [item(market, "Buy", bid - 20 - n, f"c{n}") for n in range(most + 1)]
    with pytest.raises(InvalidRequestError, match="10001"):
        session.place_batch_order(category=market.category, request=wishes)
    assert open_links(session, market) == []
    reply = session.place_batch_order(category=market.category, request=wishes[:most])
    assert codes(reply) == [0] * most
    session.cancel_all_orders(**market.query)
    assert open_links(session, market) == []


def test_what_does_not_rest(session, market) -> None:
    """Times in force: each order ends as the venue's documents say."""
    bid, ask = touch(session, market)
    session.place_order(**order(market, "Buy", ask + 1, "cross", timeInForce="PostOnly"))
    row = closed(session, market, "cross")
    assert row["orderStatus"] == ("Rejected" if market.is_spot else "Cancelled")
    assert row["rejectReason"] == "EC_PostOnlyWillTakeLiquidity"

    session.place_order(**order(market, "Buy", bid - 1, "ioc", timeInForce="IOC"))
    assert closed(session, market, "ioc")["orderStatus"] == "Cancelled"
    level = session.get_orderbook(**market.query, limit=1)["result"]["a"][0]
    too_much = str(Decimal(level[1]) + market.lot)
    session.place_order(**order(market, "Buy", ask, "fok", timeInForce="FOK", qty=too_much))
    assert Decimal(closed(session, market, "fok")["cumExecQty"]) == 0
    assert rows_of(session.get_executions(**market.query)) == []
    assert open_links(session, market) == []


def test_a_purchase(session, market) -> None:
    """The fill, its fee and the balance, exactly, in each category's coin."""
    [fees] = rows_of(session.get_fee_rates(**market.query))
    assert Decimal(fees["takerFeeRate"]) == market.taker_rate
    _, ask = touch(session, market)
    before = balance(session, market.fee_coin)
    session.place_order(**order(market, "Buy", ask, "in", timeInForce="IOC"))
    row = closed(session, market, "in")
    assert (row["orderStatus"], Decimal(row["avgPrice"])) == ("Filled", ask)
    [fill] = rows_of(session.get_executions(**market.query))
    assert (fill["orderLinkId"], fill["isMaker"], fill["side"]) == ("in", False, "Buy")
    assert (Decimal(fill["execPrice"]), Decimal(fill["execQty"])) == (ask, market.lot)
    fee = Decimal(fill["execFee"])
    assert abs(fee - market.fee_base(ask, market.lot) * market.taker_rate) <= COIN_ATOM
    received = market.lot if market.is_spot else 0
    assert balance(session, market.fee_coin) == before + received - fee


def test_a_round_trip(session, contract) -> None:
    """Profit in the coin of the contract: linear in the price, inverse in its reciprocal."""
    bid, ask = touch(session, contract)
    lot, coin = contract.lot, contract.fee_coin
    before = balance(session, coin)
    session.place_order(**order(contract, "Buy", ask, "in", timeInForce="IOC"))
    [position] = rows_of(session.get_positions(**contract.query))
    assert (position["side"], Decimal(position["size"])) == ("Buy", lot)
    assert Decimal(position["avgPrice"]) == ask
    session.place_order(**order(contract, "Sell", bid, "out", timeInForce="IOC", reduceOnly=True))
    [position] = rows_of(session.get_positions(**contract.query))
    assert Decimal(position["size"]) == 0
    fills = rows_of(session.get_executions(**contract.query))
    fees = sum(Decimal(fill["execFee"]) for fill in fills)
    profit = (bid - ask) * lot if contract.category == "linear" else lot / ask - lot / bid
    assert abs(balance(session, coin) - (before + profit - fees)) <= 2 * COIN_ATOM


def test_reduce_only_without_a_position(session, contract) -> None:
    bid, _ = touch(session, contract)
    with pytest.raises(InvalidRequestError, match="110017"):
        session.place_order(**order(contract, "Buy", bid, "reduce", reduceOnly=True))


def test_both_sides_in_hedge_mode(session, markets) -> None:
    [linear] = (one for one in markets if one.category == "linear")
    session.switch_position_mode(**linear.query, mode=3)
    bid, ask = touch(session, linear)
    ioc = {"timeInForce": "IOC"}
    session.place_order(**order(linear, "Buy", ask, "long", positionIdx=1, **ioc))
    session.place_order(**order(linear, "Sell", bid, "short", positionIdx=2, **ioc))
    rows = rows_of(session.get_positions(**linear.query))
    sizes = {row["positionIdx"]: (row["side"], Decimal(row["size"])) for row in rows}
    assert sizes == {1: ("Buy", linear.lot), 2: ("Sell", linear.lot)}
    with pytest.raises(InvalidRequestError, match="10001"):
        session.place_order(**order(linear, "Buy", bid, "unnamed"))


def test_spot_locks_what_a_resting_order_may_spend(session, spot) -> None:
    bid, ask = touch(session, spot)
    session.place_order(**order(spot, "Sell", ask + 50, "coins"))
    session.place_order(**order(spot, "Buy", bid - 50, "cash"))
    assert Decimal(coin_row(session, "BTC")["locked"]) == spot.lot
    assert Decimal(coin_row(session, "USDT")["locked"]) == spot.lot * (bid - 50)
    session.cancel_all_orders(**spot.query)
    assert Decimal(coin_row(session, "BTC")["locked"]) == 0
    assert Decimal(coin_row(session, "USDT")["locked"]) == 0


def test_a_spot_market_buy_spends_the_quote_coin(session, spot) -> None:
    _, ask = touch(session, spot)
    cash = balance(session, "USDT")
    session.place_order(**spot.query, side="Buy", orderType="Market", qty="130")
    [fill] = rows_of(session.get_executions(**spot.query))
    spent = Decimal(fill["execPrice"]) * Decimal(fill["execQty"])
    assert Decimal(fill["execPrice"]) == ask
    assert 130 - ask * Decimal("0.000001") < spent <= 130
    assert balance(session, "USDT") == cash - spent
