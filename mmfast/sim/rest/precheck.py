"""What an order would do to the account's margin rates, over REST. Nothing is placed."""

from __future__ import annotations

import random
from typing import Final, NamedTuple

from mmfast.messages import Category
from mmfast.sim.access.calls import Answer, Call, Route, Routes
from mmfast.sim.accounts.accounts import Account, usd_sum_e8
from mmfast.sim.accounts.positions import MAINTENANCE_RATE_E4
from mmfast.sim.exchange.checks import Checks
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.exchange.tickets import TicketReader, text_of
from mmfast.sim.orders.ids import uuid_text
from mmfast.sim.orders.orders import Ticket
from mmfast.sim.params import VenueParams
from mmfast.sim.refusals import NO_BALANCE, Refusal
from mmfast.sim.rest.scope import category_of, instrument_of

_WITH_MARGIN: Final = (Category.LINEAR, Category.INVERSE, Category.OPTION)
_E4: Final = 10_000


class _Rates(NamedTuple):
    """Margin over equity, times 1e4: initial and maintenance."""

    im_e4: int
    mm_e4: int


class PreCheckCalls:
    """The check of an order that is not placed."""

    def __init__(self, exchange: Exchange, params: VenueParams) -> None:
        self._exchange = exchange
        self._reader = TicketReader(exchange)
        self._checks = Checks(exchange, params)
        self._ids = random.Random(f"pre-check {params.seed}")

    def routes(self) -> Routes:
        """Method and path of each call."""
        return {("POST", "/v5/order/pre-check"): Route(self._check)}

    def _check(self, call: Call) -> Answer:
        """Rates before and after, or the refusal the order would get."""
        exchange, account = self._exchange, call.account
        category = category_of(exchange, call.params, among=_WITH_MARGIN)
        index = instrument_of(exchange, category, call.params)
        order_id = uuid_text(self._ids.getrandbits(128))
        link_id = text_of(call.params, "orderLinkId")
        ticket = self._reader.create(call.params, index)
        exchange.rules.check(index, ticket.ticks)
        try:
            ticket = self._checks.create(account, ticket)
        except Refusal as no:
            ext: dict[str, object] = {
                "future_order_id": order_id,
                "future_order_link_id": link_id,
            }
            if no.code == NO_BALANCE:
                after = self._after(account, ticket)
                ext |= {"post_imr_e4": after.im_e4, "post_mmr_e4": after.mm_e4}
            return Answer(ext=ext, code=no.code, text=no.text)
        before, after = self._before(account), self._after(account, ticket)
        return Answer(
            {
                "orderId": order_id,
                "orderLinkId": link_id,
                "preImrE4": before.im_e4,
                "preMmrE4": before.mm_e4,
                "postImrE4": after.im_e4,
                "postMmrE4": after.mm_e4,
            }
        )

    def _before(self, account: Account) -> _Rates:
        return self._rates(account, "", 0, 0)

    def _after(self, account: Account, ticket: Ticket) -> _Rates:
        """With the order resting: the margin it adds, and what would have to be maintained if
        it filled. An order that only closes adds nothing."""
        if ticket.reduce_only:
            return self._before(account)
        holding = account.holdings[ticket.instrument]
        mark = self._exchange.prices.marks[ticket.instrument]
        value = self._exchange.worths[ticket.instrument].value(ticket.ticks or mark, ticket.lots)
        more = max(0, holding.margin(mark, ticket.side, value) - holding.margin(mark))
        grown = more * holding.leverage_e2 // 100
        upkeep = grown * MAINTENANCE_RATE_E4 // _E4
        return self._rates(account, holding.worth.coin, more, upkeep)

    def _rates(self, account: Account, coin: str, more_im: int, more_mm: int) -> _Rates:
        prices = self._exchange.prices
        equity_e8 = account.equity_e8(prices)
        if equity_e8 <= 0:
            return _Rates(_E4, _E4)
        im = dict(account.margins(prices.marks))
        mm: dict[str, int] = {}
        for holding, mark in zip(account.holdings, prices.marks, strict=True):
            if not holding.is_idle:
                name = holding.worth.coin
                mm[name] = mm.get(name, 0) + holding.maintenance(mark)
        if coin:
            im[coin] = im.get(coin, 0) + more_im
            mm[coin] = mm.get(coin, 0) + more_mm
        im_e8, mm_e8 = usd_sum_e8(prices, im), usd_sum_e8(prices, mm)
        return _Rates(im_e8 * _E4 // equity_e8, mm_e8 * _E4 // equity_e8)
