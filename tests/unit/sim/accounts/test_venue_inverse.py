"""Coin-margined contracts: sizes in dollars, profit and fees in the coin."""

from __future__ import annotations

from decimal import Decimal

import pytest
from venue_desk import BUY, LISTED, SELL, Desk

from mmfast.messages import Category
from mmfast.sim.instruments.catalogue import listings
from mmfast.sim.instruments.figures import figures_of
from mmfast.sim.instruments.worth import worth_of

COIN = Decimal(10) ** -18


@pytest.fixture
def btc(new_trader) -> Desk:
    return Desk(new_trader(**LISTED), "inverse", "BTCUSD")


def coins(dollars: int, price: str) -> Decimal:
    return (Decimal(dollars) / Decimal(price)).quantize(COIN, rounding="ROUND_DOWN")


def test_a_contract_is_worth_dollars_over_price_in_the_coin() -> None:
    listing = listings(("BTCUSD",), Category.INVERSE)[0]
    worth, figures = worth_of(listing.instrument), figures_of(listing)
    assert worth.coin == "BTC"
    value = worth.value(650_000, 6_500)
    assert figures.amount(value) == "0.1"
    assert figures.average(value, 6_500) == "65000"
    # Even one dollar's contract gives its price back.
    for ticks in (1, 649_999, 650_001, 1_999_998):
        shown = Decimal(figures.average(worth.value(ticks, 1), 1))
        assert shown == Decimal(ticks) / 10


def test_profit_and_fees_are_paid_in_the_coin(btc: Desk) -> None:
    btc.limit(SELL, 650_000, 10_000)
    assert btc.place("Buy", "6500", orderLinkId="in").code == 0
    (fill,) = btc.fills()
    value = coins(6_500, "65000")
    fee = value * Decimal("0.00055")
    assert Decimal(fill["execValue"]) == value == Decimal("0.1")
    assert (fill["feeCurrency"], Decimal(fill["execFee"])) == ("BTC", fee)
    assert btc.order("in")["cumFeeDetail"] == {"BTC": fill["execFee"]}
    assert btc.balance("BTC") == 10 - fee
    assert btc.balance("USDT") == 1_000_000

    # The price rises a tenth: the same dollars are fewer coins, the difference is the gain.
    btc.venue.set_reference(btc.index, 715_000, 715_000)
    gain = value - coins(6_500, "71500")
    (position,) = btc.positions()
    assert Decimal(position["unrealisedPnl"]) == gain
    assert Decimal(btc.coin("BTC")["equity"]) == 10 - fee + gain
    btc.limit(BUY, 715_000, 10_000)
    assert btc.place("Sell", "6500", reduceOnly=True, orderLinkId="out").code == 0
    exit_fee = coins(6_500, "71500") * Decimal("0.00055")
    left = 10 - fee + gain - exit_fee
    assert abs(btc.balance("BTC") - left) <= 2 * COIN
    (position,) = btc.positions()
    assert (position["size"], position["side"]) == ("0", "")


def test_a_short_gains_as_the_price_falls(btc: Desk) -> None:
    btc.limit(BUY, 650_000, 10_000)
    btc.place("Sell", "1300")
    btc.venue.set_reference(btc.index, 520_000, 520_000)
    (position,) = btc.positions()
    assert position["side"] == "Sell"
    assert Decimal(position["unrealisedPnl"]) == coins(1_300, "52000") - coins(1_300, "65000")
    assert Decimal(position["unrealisedPnl"]) > 0


def test_the_entry_price_is_the_harmonic_mean(btc: Desk) -> None:
    btc.limit(SELL, 640_000, 3_000)
    btc.limit(SELL, 652_000, 1_000)
    btc.place("Buy", "4000", orderLinkId="both")
    mean = 4_000 / (Decimal(3_000) / 64_000 + Decimal(1_000) / 65_200)
    (position,) = btc.positions()
    assert abs(Decimal(position["avgPrice"]) - mean) < Decimal("0.000001")
    assert position["avgPrice"] == btc.order("both")["avgPrice"]
    # Not the arithmetic one, which is half a dollar away.
    assert abs(Decimal(position["avgPrice"]) - 64_300) > Decimal("0.1")
    # Closing part of it at any price leaves the entry where it was.
    btc.limit(BUY, 660_000, 1_500)
    btc.place("Sell", "1500", reduceOnly=True)
    (position,) = btc.positions()
    assert abs(Decimal(position["avgPrice"]) - mean) < Decimal("0.000001")


def test_breaking_even_pays_for_the_fees(btc: Desk) -> None:
    btc.limit(SELL, 650_000, 10_000)
    btc.place("Buy", "6500")
    (position,) = btc.positions()
    even = Decimal(position["breakEvenPrice"])
    gain = Decimal(6_500) / 65_000 - Decimal(6_500) / even
    assert abs(gain - Decimal("0.000055")) < Decimal("1e-12")
    assert even > 65_000


def test_no_least_value_and_whole_dollars_only(btc: Desk) -> None:
    path = "/v5/market/instruments-info"
    (row,) = btc.trader.get(path, category="inverse", symbol="BTCUSD").rows
    assert row["contractType"] == "InversePerpetual"
    assert (row["settleCoin"], row["quoteCoin"]) == ("BTC", "USD")
    assert row["lotSizeFilter"]["minNotionalValue"] == ""
    assert row["lotSizeFilter"]["qtyStep"] == "1"
    assert btc.place("Buy", "1", "60000").code == 0
    assert btc.place("Buy", "1.5", "60000").code == 10001


def test_coins_of_every_kind_are_one_collateral(new_trader) -> None:
    poor = Desk(new_trader(**LISTED | {"coins_e8": ()}), "inverse", "BTCUSD")
    # No bitcoin at all, but a million dollars: ten times that at tenfold leverage.
    assert poor.place("Buy", "9900000", "65000", orderLinkId="big").code == 0
    wallet = poor.trader.get("/v5/account/wallet-balance", accountType="UNIFIED").rows[0]
    assert abs(Decimal(wallet["totalInitialMargin"]) - 990_000) < 1
    assert [row["coin"] for row in wallet["coin"]] == ["USDT"]
    assert poor.place("Buy", "200000", "65000").code == 110007
    assert poor.call("cancel", orderLinkId="big").code == 0
    poor.limit(SELL, 650_000, 10_000)
    assert poor.place("Buy", "6500").code == 0
    # The fee has to come from somewhere: the account owes it.
    assert poor.balance("BTC") == Decimal("-0.000055")
    assert Decimal(poor.coin("BTC")["borrowAmount"]) == Decimal("0.000055")


def test_the_category_decides_which_btc(btc: Desk) -> None:
    """Same coin, other contract: neither ids nor books are shared."""
    linear = Desk(btc.trader, "linear", "BTCUSDT")
    assert btc.place("Buy", "100", "60000", orderLinkId="inverse-1").code == 0
    assert linear.order("inverse-1") == {}
    cancel = linear.call("cancel", orderLinkId="inverse-1")
    assert cancel.code == 110001
    assert btc.order("inverse-1")["orderStatus"] == "New"
    told = [e for e in btc.trader.events if e.topic == "order"]
    assert [event.row["category"] for event in told] == ["inverse"]
    books = btc.trader.get("/v5/market/orderbook", category="linear", symbol="BTCUSDT").result
    assert books["b"] == []
    wrong = btc.trader.get("/v5/market/orderbook", category="inverse", symbol="BTCUSDT")
    assert wrong.code == 10001


def test_the_wallet_lists_what_there_is(new_trader) -> None:
    desk = Desk(new_trader(**LISTED), "inverse", "BTCUSD")
    path = "/v5/account/wallet-balance"
    everything = desk.trader.get(path, accountType="UNIFIED").rows[0]
    assert [row["coin"] for row in everything["coin"]] == ["USDT", "BTC", "ETH"]
    usd = 1_000_000 + 10 * 65_000 + 100 * 3_200
    assert Decimal(everything["totalEquity"]) == usd
    one = desk.trader.get(path, accountType="UNIFIED", coin="ETH,BTC").rows[0]
    assert [row["coin"] for row in one["coin"]] == ["ETH", "BTC"]
    assert one["totalEquity"] == everything["totalEquity"]
    spot = Desk(desk.trader, "spot", "BTCUSDT")
    spot.limit(BUY, 650_000, 10_000_000)
    assert spot.place("Sell", "10").code == 0
    left = desk.trader.get(path, accountType="UNIFIED").rows[0]
    assert [row["coin"] for row in left["coin"]] == ["USDT", "ETH"]
