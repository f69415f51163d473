"""Whatever two accounts and the house do in all categories: nothing is made, nothing is lost."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from venue_desk import LISTED

from mmfast.messages import Category, Side
from mmfast.sim.accounts.accounts import Account, spot_payment
from mmfast.sim.exchange.checks import Checks
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.exchange.settings import MODE_HEDGE, switch_mode
from mmfast.sim.exchange.tickets import AmendRequest
from mmfast.sim.instruments.worth import base_unit
from mmfast.sim.orders.orders import Order, Ticket
from mmfast.sim.params import VenueParams
from mmfast.sim.refusals import Refusal

UIDS = (1, 2)
BUY, SELL = Side.BUY, Side.SELL


class Act(NamedTuple):
    """One thing somebody does; fields an act does not need are ignored."""

    what: str
    who: int
    instrument: int
    side: Side
    size: int
    shift: int
    terms: str
    flag: bool
    smp: str
    leg: int


ACTS = st.builds(
    Act,
    what=st.sampled_from(
        ("place", "place", "house", "house", "market", "quote", "amend", "cancel")
    ),
    who=st.sampled_from(UIDS),
    instrument=st.integers(0, 1),
    side=st.sampled_from((BUY, SELL)),
    size=st.integers(1, 30),
    shift=st.integers(-3, 3),
    terms=st.sampled_from(("GTC", "GTC", "GTC", "IOC", "PostOnly", "FOK")),
    flag=st.sampled_from((False, False, False, True)),
    smp=st.sampled_from(("None", "None", "CancelMaker", "CancelTaker", "CancelBoth")),
    leg=st.integers(0, 2),
)

#: Lots that make an order worth some hundred dollars.
UNIT = {"BTCUSDT": 10, "ETHUSDT": 20, "BTCUSD": 1_000, "ETHUSD": 1_000}
SPOT_FACTOR = 1_000


class Floor:
    """An exchange with two accounts, and what must hold after each act."""

    def __init__(self, hedged: bool, maker_fee_e8: int) -> None:
        params = VenueParams(
            **LISTED, api_key="k", maker_fee_e8=maker_fee_e8, spot_maker_fee_e8=maker_fee_e8
        )
        self.exchange = Exchange(params, UIDS[0])
        self.exchange.open_account(UIDS[1])
        self.checks = Checks(self.exchange, params)
        if hedged:
            linear = self.exchange.indexes[Category.LINEAR]
            switch_mode(self.exchange.accounts[UIDS[0]], linear, MODE_HEDGE)
        self.start = self.coins()
        self.arrivals: dict[int, int] = {}
        self.stamp = 0

    def lots(self, act: Act) -> int:
        instrument = self.exchange.instruments[act.instrument]
        lots = act.size * UNIT.get(instrument.symbol, 1)
        return lots * SPOT_FACTOR if instrument.category is Category.SPOT else lots

    def do(self, act: Act) -> None:
        exchange = self.exchange
        account = exchange.accounts[act.who]
        ticks = int(exchange.shelf[act.instrument].start_ticks) + act.shift
        self.stamp += 1
        if act.what == "house":
            exchange.submit_house(
                act.instrument, act.side, ticks, self.lots(act), post_only=False, ioc=act.flag
            )
            return
        try:
            if act.what in ("place", "market", "quote"):
                ticket = self.checks.create(account, self.ticket(act, ticks))
                exchange.place(account, ticket)
            else:
                self.touch(account, act, ticks)
        except Refusal:
            pass

    def ticket(self, act: Act, ticks: int) -> Ticket:
        category = self.exchange.categories[act.instrument]
        holding = self.exchange.accounts[act.who].holdings[act.instrument]
        is_market = act.what != "place"
        is_spot = category is Category.SPOT
        by_quote = act.what == "quote" and is_spot
        return Ticket(
            act.instrument,
            act.side,
            is_market,
            0 if is_market else ticks,
            self.lots(act) * (100 if by_quote else 1),
            "IOC" if is_market else act.terms,
            act.flag and not is_spot,
            False,
            "",
            act.smp,
            max(1, act.leg) if holding.is_hedged else 0,
            act.size * 1_234_567_891 if by_quote else 0,
        )

    def touch(self, account: Account, act: Act, ticks: int) -> None:
        orders = account.blotter.open_orders()
        if not orders:
            return
        order = orders[act.size % len(orders)]
        if act.what == "cancel":
            self.exchange.cancel(account, order)
            return
        lots = max(1, order.lots * act.size // 15)
        base = int(self.exchange.shelf[order.instrument].start_ticks)
        wish = AmendRequest(base + act.shift if act.flag else None, lots)
        before = (order.ticks, order.lots)
        new_ticks, new_lots = self.checks.amend(account, order, wish)
        if (new_ticks, new_lots) != before and not (
            new_ticks == before[0] and new_lots <= before[1]
        ):
            self.arrivals[order.number] = self.stamp
        self.exchange.amend(account, order, new_ticks, new_lots)

    # What must hold.

    def resting(self) -> list[tuple[int, object]]:
        mine = [
            (order.instrument, order)
            for account in self.exchange.accounts.values()
            for order in account.blotter.open_orders()
        ]
        return [*mine, *self.exchange.house.resting()]

    def check_books(self) -> None:
        resting = self.resting()
        for _, order in resting:
            self.arrivals.setdefault(order.number, self.stamp)
        for index, book in enumerate(self.exchange.books):
            bid, ask = book.best(BUY), book.best(SELL)
            assert not bid or not ask or bid < ask
            for side in (BUY, SELL):
                here = [o for i, o in resting if i == index and o.side == side]
                want: Counter[int] = Counter()
                for order in here:
                    assert order.leaves > 0
                    want[order.ticks] += order.leaves
                assert dict(book.levels(side, 1 << 20)) == dict(want)
                for ticks in want:
                    queue = book.queue(side, ticks)
                    assert {o.number for o in queue} == {o.number for o in here if o.ticks == ticks}
                    stamps = [self.arrivals[o.number] for o in queue]
                    assert stamps == sorted(stamps)

    def coins(self) -> Counter[str]:
        """Every coin that exists, wherever it is: open positions as if settled at each trade."""
        exchange = self.exchange
        total: Counter[str] = Counter()
        for account in exchange.accounts.values():
            total.update(account.wallet)
            for holding in account.holdings:
                for leg in holding.legs:
                    entry = leg.entry if leg.lots >= 0 else -leg.entry
                    total[holding.worth.coin] -= entry * holding.worth.gain_sign
            for fill in account.blotter.fills:
                total[fill.fee_coin] += fill.fee
        for index, worth in enumerate(exchange.worths):
            total[worth.coin] -= exchange.house.paid[index]
            if exchange.categories[index] is Category.SPOT:
                pair = exchange.instruments[index]
                total[pair.base_coin] += exchange.house.lots[index] * base_unit(pair)
        return Counter({coin: amount for coin, amount in total.items() if amount})

    def check_money(self) -> None:
        exchange = self.exchange
        assert self.coins() == self.start
        for index in range(len(exchange.shelf)):
            if exchange.categories[index] is Category.SPOT:
                continue
            held = sum(a.holdings[index].lots for a in exchange.accounts.values())
            assert held + exchange.house.lots[index] == 0

    def check_reserves(self) -> None:
        for account in self.exchange.accounts.values():
            locked: Counter[str] = Counter()
            opened: Counter[tuple[int, Side]] = Counter()
            reducing: set[int] = set()
            for order in account.blotter.open_orders():
                holding = account.holdings[order.instrument]
                if holding.instrument.category is Category.SPOT:
                    coin, amount = spot_payment(holding, order.side, order.ticks, order.leaves)
                    locked[coin] += amount
                elif order.reduce_only:
                    reducing.add(order.number)
                    leg = holding.leg(order.position_idx)
                    assert order.leaves <= leg.closable(order.side)
                else:
                    value = holding.worth.value(order.ticks, order.leaves)
                    opened[order.instrument, order.side] += value
            assert {c: a for c, a in account.locked.items() if a} == dict(locked)
            for index, holding in enumerate(account.holdings):
                if holding.instrument.category is not Category.SPOT:
                    assert holding.open == [opened[index, BUY], opened[index, SELL]]
            assert reducing == {
                number for h in account.holdings for leg in h.legs for number in leg.reduce_only
            }
            assert all(order_adds_up(o) for o in account.blotter.open_orders())


def order_adds_up(order: Order) -> bool:
    return order.leaves == order.lots - order.cum_lots > 0


@given(
    acts=st.lists(ACTS, min_size=60, max_size=120),
    pair=st.sampled_from(((0, 2), (2, 4), (4, 5), (0, 4), (6, 2), (0, 1), (3, 5))),
    hedged=st.booleans(),
    maker_fee_e8=st.sampled_from((20_000, -10_000)),
)
@settings(max_examples=40, deadline=None)
def test_nothing_is_made_and_nothing_is_lost(
    acts: list[Act], pair: tuple[int, int], hedged: bool, maker_fee_e8: int
) -> None:
    floor = Floor(hedged, maker_fee_e8)
    for act in acts:
        floor.do(act._replace(instrument=pair[act.instrument]))
        floor.check_books()
        floor.check_money()
        floor.check_reserves()
