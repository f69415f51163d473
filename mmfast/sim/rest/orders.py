"""Order commands over REST: create, amend, cancel, cancel-all, and the three batches."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, NamedTuple

from mmfast.messages import Category
from mmfast.sim.access.calls import Answer, Call, Route, Routes
from mmfast.sim.accounts.accounts import Account
from mmfast.sim.exchange.checks import Checks
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.exchange.tickets import Item, TicketReader, text_of
from mmfast.sim.orders.orders import Order
from mmfast.sim.params import VenueParams
from mmfast.sim.refusals import (
    THROTTLED,
    THROTTLED_ITEM_TEXT,
    Refusal,
    bad_parameter,
)
from mmfast.sim.rest.scope import FUTURES, category_of, instrument_of, scope_of

MAX_CANCEL_ALL: Final = 500
"""More open futures orders than this, and a cancel-all takes so many of them at random."""


_FUTURES_FILTERS: Final = ("", "Order", "StopOrder", "OpenOrder")
_ORDER_FILTERS: Final = {
    Category.LINEAR: _FUTURES_FILTERS,
    Category.INVERSE: _FUTURES_FILTERS,
    Category.SPOT: (
        "",
        "Order",
        "tpslOrder",
        "StopOrder",
        "OcoOrder",
        "BidirectionalTpslOrder",
    ),
}
_PLAIN: Final = ("", "Order", "OpenOrder")


class _Ids(NamedTuple):
    """Both names of an order; text as the venue prints it."""

    order_id: str
    link_id: str


_Act = Callable[[Account, Category, Item], _Ids]
_OK: Final = {"code": 0, "msg": "OK"}


class OrderCalls:
    """The order endpoints of one exchange."""

    def __init__(self, exchange: Exchange, params: VenueParams) -> None:
        self._exchange = exchange
        self._reader = TicketReader(exchange)
        self._checks = Checks(exchange, params)
        self._max_batch = params.max_batch
        self._switches = params.switches
        self._lots_drawn = random.Random(f"cancel-all {params.seed}")

    def routes(self) -> Routes:
        """Method and path of each call."""
        singles = {
            "create": self._single(self._create),
            "amend": self._single(self._amend),
            "cancel": self._single(self._cancel),
            "cancel-all": self._cancel_all,
        }
        batches = {
            "create-batch": self._create_batch,
            "amend-batch": self._amend_batch,
            "cancel-batch": self._cancel_batch,
        }
        routes = {("POST", f"/v5/order/{name}"): Route(call) for name, call in singles.items()}
        for name, call in batches.items():
            routes["POST", f"/v5/order/{name}"] = Route(call, is_batch=True)
        return routes

    # What one item does; a refusal passes through to whoever asked.

    def _create(self, account: Account, category: Category, item: Item) -> _Ids:
        instrument = instrument_of(self._exchange, category, item)
        ticket = self._reader.create(item, instrument)
        self._exchange.rules.check(instrument, ticket.ticks)
        ticket = self._checks.create(account, ticket)
        order = self._exchange.place(account, ticket)
        return _Ids(order.order_id, order.link_id)

    def _amend(self, account: Account, category: Category, item: Item) -> _Ids:
        instrument = instrument_of(self._exchange, category, item)
        order = self._checks.find_to_amend(account, item, instrument)
        wish = self._reader.amend(item, instrument)
        self._exchange.rules.check(instrument, wish.ticks)
        ticks, lots = self._checks.amend(account, order, wish)
        self._exchange.amend(account, order, ticks, lots)
        return _Ids(order.order_id, order.link_id)

    def _cancel(self, account: Account, category: Category, item: Item) -> _Ids:
        instrument = instrument_of(self._exchange, category, item)
        order = self._checks.find_to_cancel(account, item, instrument)
        self._exchange.cancel(account, order)
        return _Ids(order.order_id, order.link_id)

    # Singles.

    def _single(self, act: _Act) -> Callable[[Call], Answer]:
        def answer(call: Call) -> Answer:
            category = category_of(self._exchange, call.params)
            ids = act(call.account, category, call.params)
            return Answer({"orderId": ids.order_id, "orderLinkId": ids.link_id})

        return answer

    def _cancel_all(self, call: Call) -> Answer:
        category = category_of(self._exchange, call.params)
        scope = scope_of(self._exchange, category, call.params, needed=FUTURES)
        orders: list[Order] = []
        if _means_plain_orders(category, text_of(call.params, "orderFilter")):
            orders = [
                order
                for order in call.account.blotter.open_orders()
                if order.instrument in scope.instruments
            ]
        if category in FUTURES and len(orders) > MAX_CANCEL_ALL:
            orders = self._lots_drawn.sample(orders, MAX_CANCEL_ALL)
        for order in orders:
            self._exchange.cancel(call.account, order)
        if category is Category.SPOT and not self._switches.spot_cancel_all_lists:
            return Answer({"success": "1"})
        ids = [{"orderId": order.order_id, "orderLinkId": order.link_id} for order in orders]
        return Answer({"list": ids, "success": "1"})

    # Batches: independent items, in the order of the request.

    def _create_batch(self, call: Call) -> Answer:
        return self._batch(call, self._create, is_create=True)

    def _amend_batch(self, call: Call) -> Answer:
        return self._batch(call, self._amend)

    def _cancel_batch(self, call: Call) -> Answer:
        return self._batch(call, self._cancel)

    def _batch(self, call: Call, act: _Act, *, is_create: bool = False) -> Answer:
        """Both lists of a batch reply, aligned with the request."""
        category = category_of(self._exchange, call.params)
        rows: list[dict[str, str]] = []
        codes: list[dict[str, object]] = []
        for i, item in enumerate(self._items(call, category)):
            row = {"category": category.text, "symbol": _shown(item, "symbol")}
            try:
                if i >= call.granted:
                    raise Refusal(THROTTLED, THROTTLED_ITEM_TEXT)
                if i in call.failing:
                    raise call.failing[i]
                if not isinstance(item, dict):
                    raise bad_parameter("params error: each item must be a JSON object")
                row["orderId"], row["orderLinkId"] = act(call.account, category, item)
                codes.append(_OK)
            except Refusal as no:
                # A failed item is answered with the ids its request named; a create named one.
                row["orderId"] = "" if is_create else _shown(item, "orderId")
                row["orderLinkId"] = _shown(item, "orderLinkId")
                codes.append({"code": no.code, "msg": no.text})
            if is_create:
                row["createAt"] = str(call.venue_ms) if row["orderId"] else ""
            rows.append(row)
        return Answer({"list": rows}, {"list": codes})

    def _items(self, call: Call, category: Category) -> list[object]:
        items = call.params.get("request")
        most = self._max_batch(category)
        if not isinstance(items, list) or not 1 <= len(items) <= most:
            raise bad_parameter(f"params error: request must hold 1 to {most} orders")
        return items


def _means_plain_orders(category: Category, order_filter: str) -> bool:
    """Whether a cancel-all reaches plain orders, which are all this venue has."""
    if category is Category.OPTION:
        return True
    if order_filter not in _ORDER_FILTERS[category]:
        raise bad_parameter(f"params error: orderFilter invalid {order_filter[:32]}")
    return order_filter in _PLAIN


def _shown(item: object, name: str) -> str:
    found = item.get(name) if isinstance(item, dict) else None
    return found if isinstance(found, str) else ""
