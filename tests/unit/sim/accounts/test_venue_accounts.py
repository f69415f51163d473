"""Money: whatever is traded, nothing is made and nothing is lost."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfast.errors import ConfigError
from mmfast.messages import Category, Side
from mmfast.sim.accounts.accounts import Account, Fees
from mmfast.sim.accounts.positions import Holding
from mmfast.sim.exchange.settings import set_leverage
from mmfast.sim.instruments.catalogue import KNOWN_SYMBOLS, listings
from mmfast.sim.instruments.decimals import decimal_text
from mmfast.sim.instruments.figures import Figures, money
from mmfast.sim.instruments.worth import fee_of
from mmfast.sim.market.bands import Reference
from mmfast.sim.market.prices import Prices
from mmfast.sim.orders.blotter import LinkIds
from mmfast.sim.orders.orders import Order, Ticket
from mmfast.units import E8, Ms

BTC = listings(("BTCUSDT",))[0]
FILLS = st.lists(
    st.tuples(st.sampled_from(tuple(Side)), st.integers(1, 40), st.integers(640_000, 660_000)),
    min_size=1,
    max_size=30,
)


def new_account() -> Account:
    fees = dict.fromkeys(Category, Fees(20_000, 55_000))
    return Account(1, (BTC.instrument,), {"USDT": 10**6 * E8}, fees, Ms(0))


def order_of(side: Side, lots: int, ticks: int) -> Order:
    ticket = Ticket(0, side, False, ticks, lots, "GTC", False, False, "", "None")
    return Order(1, 1, "id", ticket, ticks, Ms(0))


@given(fills=FILLS)
@settings(deadline=None)
def test_cash_and_cost_explain_every_fill_exactly(fills: list[tuple[Side, int, int]]) -> None:
    account = new_account()
    position = account.holdings[0].legs[0]
    start = account.wallet["USDT"]
    paid = lots_sum = fees = 0
    for side, lots, ticks in fills:
        value = BTC.instrument.notional_e8(ticks, lots)
        fee = fee_of(value, 55_000)
        before = position.lots
        booked = account.settle(order_of(side, lots, ticks), lots, value, is_maker=False)
        assert (booked.fee, booked.fee_coin) == (fee, "USDT")
        closed, balance = booked.closed, account.wallet["USDT"]
        sign = 1 if side == Side.BUY else -1
        paid += sign * value
        lots_sum += sign * lots
        fees += fee
        assert position.lots == lots_sum
        expected_closed = min(lots, abs(before)) if before * sign < 0 else 0
        assert closed.lots == expected_closed
        # Cash that left for the position is what the position still costs, to the last 1e-8.
        cost = position.entry if position.lots > 0 else -position.entry
        assert balance == start - fees - (paid - cost)
        assert position.entry >= 0
        assert (position.entry == 0) == (position.lots == 0)
        assert position.cum_realised == balance - start
        low, high = (min(t for _, _, t in fills), max(t for _, _, t in fills))
        if position.lots:
            average = Fraction(position.entry, abs(position.lots) * 10_000)
            assert low - 1 <= average <= high + 1
        # Closing everything at any price would leave exactly the cash that flowed.
        mark = 655_000
        flat = position.unrealised(mark) + balance
        assert flat == start - fees - paid + position.mark_value(mark)


@given(
    acts=st.lists(
        st.tuples(
            st.sampled_from(("place", "house", "amend", "cancel")),
            st.sampled_from(tuple(Side)),
            st.integers(1, 30),
            st.integers(-12, 12),
            st.sampled_from(("GTC", "IOC", "PostOnly", "FOK")),
            st.booleans(),
        ),
        min_size=5,
        max_size=40,
    )
)
@settings(max_examples=40, deadline=None)
def test_the_account_and_the_house_together_neither_gain_nor_lose(trader_class, acts) -> None:
    trader = trader_class(latency_ms=0.0, stream_lag_ms=0.0)
    seen_links = 0
    for act, side, lots, shift, terms, reduce_only in acts:
        ticks = 650_000 + shift
        links = trader.open_links()
        if act == "place":
            seen_links += 1
            trader.place(
                side="Buy" if side == Side.BUY else "Sell",
                qty=f"0.{lots:03d}",
                price=f"{ticks // 10}.{ticks % 10}",
                timeInForce=terms,
                reduceOnly=reduce_only,
                orderLinkId=f"h{seen_links}",
            )
        elif act == "house":
            trader.house(side, ticks, lots, ioc=terms == "IOC")
        elif links:
            link = links[lots % len(links)]
            if act == "amend":
                price = f"{ticks // 10}.{ticks % 10}"
                trader.amend(orderLinkId=link, price=price, qty=f"0.{lots:03d}")
            else:
                trader.cancel(orderLinkId=link)
        check_everything(trader)


def check_everything(trader) -> None:
    venue, exchange = trader.venue, trader.venue._exchange
    account = exchange.accounts[venue.uid]
    holding = account.holdings[0]
    position = holding.legs[0]
    fills = list(account.blotter.fills)
    sign = {Side.BUY: 1, Side.SELL: -1}
    assert position.lots == sum(sign[f.side] * f.lots for f in fills)
    paid = sum(sign[f.side] * f.value + f.fee for f in fills)
    cost = position.entry if position.lots > 0 else -position.entry
    assert account.wallet["USDT"] == 1_000_000 * E8 - paid + cost
    assert exchange.house.lots[0] == -position.lots

    book = venue.books[0]
    bid, ask = venue.best(0, Side.BUY), venue.best(0, Side.SELL)
    assert not bid or not ask or bid < ask
    orders = account.blotter.open_orders()
    house = [entry[1] for entry in exchange.house.resting()]
    for side in Side:
        resting = [o for o in (*orders, *house) if o.side == side]
        assert sum(lots for _, lots in book.levels(side, 1000)) == sum(o.leaves for o in resting)
        reserved = sum(
            BTC.instrument.notional_e8(o.ticks, o.leaves)
            for o in orders
            if o.side == side and not o.reduce_only
        )
        assert holding.open[side] == reserved
    # What the account remembers of its margins is what they are.
    marks = exchange.prices.marks
    assert account.margins(marks).get("USDT", 0) == holding.margin(marks[0])
    for order in orders:
        assert order.leaves == order.lots - order.cum_lots > 0
        if order.reduce_only:
            assert order.leaves <= position.closable(order.side)
    assert set(position.reduce_only.values()) == {o for o in orders if o.reduce_only}


def test_margin_counts_the_worse_side_only() -> None:
    position = Holding(BTC.instrument, Ms(0))
    mark, unit = 650_000, 650_000 * 10_000  # value of one lot at the mark
    position.legs[0].apply(Side.BUY, 10, 10 * unit)
    assert position.margin(mark) == unit  # ten lots at tenfold leverage
    position.open = [5 * unit, 0]
    assert position.margin(mark) * 10 == 15 * unit
    position.open = [5 * unit, 24 * unit]
    assert position.margin(mark) * 10 == 15 * unit
    position.open = [5 * unit, 26 * unit]
    assert position.margin(mark) * 10 == 16 * unit
    position.leverage_e2 = 500
    assert position.margin(mark) * 5 == 16 * unit


def test_remembered_margins_follow_leverage_and_mark(trader) -> None:
    trader.place(side="Buy", qty="0.100", price="64000")
    exchange = trader.venue._exchange
    account, marks = exchange.accounts[trader.venue.uid], exchange.prices.marks
    resting = account.margins(marks)["USDT"]
    assert resting > 0
    set_leverage(exchange, account, 0, 500)
    assert account.margins(marks)["USDT"] == 2 * resting
    trader.cancel(orderId=account.blotter.open_orders()[0].order_id, orderLinkId=None)
    assert account.margins(marks)["USDT"] == 0
    holding = account.holdings[0]
    account.settle(order_of(Side.BUY, 100, 650_000), 100, 10 * E8, is_maker=False)
    held = account.margins(marks)["USDT"]
    assert held == holding.margin(marks[0]) > 0
    marks[0] *= 2
    assert account.margins(marks)["USDT"] == 2 * held


def test_a_poor_account_may_still_reduce() -> None:
    account = new_account()
    prices = Prices((BTC.instrument,), (Reference(BTC),))
    prices.marks[0] = 600_000
    value = BTC.instrument.notional_e8(650_000, 100)
    account.settle(order_of(Side.BUY, 100, 650_000), 100, value, is_maker=False)
    account.wallet["USDT"] = 0
    assert account.affords(prices, 0, Side.SELL, value)
    assert not account.affords(prices, 0, Side.BUY, 1)


def test_fees_round_in_the_venues_favour() -> None:
    assert fee_of(1, 55_000) == 1
    assert fee_of(E8, 55_000) == 55_000
    assert fee_of(100_001, -10_000) == -10
    assert fee_of(100_000, 0) == 0


@given(ids=st.lists(st.from_regex(r"\A[0-9a-fA-F_-]{1,6}\Z"), max_size=60))
def test_used_ids_are_remembered_exactly(ids: list[str]) -> None:
    memory, used = LinkIds(), set()
    for link_id in ids:
        assert (link_id in memory) == (link_id in used)
        memory.add(link_id)
        used.add(link_id)
    assert all(link_id in memory for link_id in used)


@given(symbol=st.sampled_from(KNOWN_SYMBOLS), count=st.integers(0, 10**7))
def test_figures_read_back_what_they_write(symbol: str, count: int) -> None:
    figures = Figures(listings((symbol,))[0])
    assert figures.read_price(figures.price(count)) == count
    assert figures.read_qty(figures.qty(count)) == count


def test_figures_look_as_the_venue_prints_them() -> None:
    figures = Figures(BTC)
    assert figures.price(650_001) == "65000.10"
    assert figures.qty(10) == "0.010"
    assert figures.average(2 * 650_000 * 10_000 + 10_000, 2) == "65000.05"
    assert figures.average(0, 0) == "0"
    assert (money(0), money(-1), money(130_000_000)) == ("0", "-0.00000001", "1.3")
    assert decimal_text(10, 1) == "1"


def test_what_the_catalogue_does_not_list() -> None:
    with pytest.raises(ConfigError, match=r"\$\.symbols\[1\]: expected one of BTC.*'NOPE'"):
        listings(("BTCUSDT", "NOPE"))
    with pytest.raises(ConfigError, match=r"\$\.symbols\[1\]: expected each symbol once"):
        listings(("BTCUSDT", "BTCUSDT"))
