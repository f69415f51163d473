"""Order and execution queries over REST: what is open, what was, what traded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from mmfast.messages import Category
from mmfast.sim.access.calls import Answer, Call, Route, Routes
from mmfast.sim.accounts.accounts import Account
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.exchange.tickets import text_of
from mmfast.sim.orders.orders import Fill, Order, Status
from mmfast.sim.refusals import bad_parameter
from mmfast.sim.rest.paging import Params, ms_of, page
from mmfast.sim.rest.scope import LINEAR, OPTION_BASE, category_of, scope_of

_DAY_MS: Final = 86_400_000
_SPAN_MS: Final = 7 * _DAY_MS
_OPEN_ONLY: Final = ("", "0", "1")


class _Span(NamedTuple):
    """A time range in venue milliseconds, both ends included."""

    start_ms: int
    end_ms: int


class HistoryCalls:
    """Queries about one exchange's orders and fills."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._rows = exchange.rows

    def routes(self) -> Routes:
        """Method and path of each call."""
        return {
            ("GET", "/v5/order/realtime"): Route(self._realtime),
            ("GET", "/v5/order/history"): Route(self._history),
            ("GET", "/v5/execution/list"): Route(self._executions),
        }

    def _realtime(self, call: Call) -> Answer:
        """Open orders, or with ``openOnly=1`` the last closed ones; an id finds either."""
        params, account = call.params, call.account
        category = category_of(self._exchange, params)
        if _has_id(params):
            recent = (order.order_id for order in account.blotter.recent_closed(category))
            found = self._by_id(account, category, params)
            orders = [found] if found and (found.is_open or found.order_id in recent) else []
            return self._orders(category, orders, params)
        scope = scope_of(self._exchange, category, params, needed=LINEAR)
        closed_wanted = _wants_closed(params)
        source: Iterable[Order] = (
            account.blotter.recent_closed(category)
            if closed_wanted
            else account.blotter.open_orders()
        )
        plain = _is_plain(params)
        orders = [order for order in source if plain and order.instrument in scope.instruments]
        return self._orders(category, orders, params)

    def _history(self, call: Call) -> Answer:
        """Closed orders; those that never traded are forgotten after a day."""
        params, account = call.params, call.account
        category = category_of(self._exchange, params)
        forgotten_ms = call.venue_ms - _DAY_MS

        def is_kept(order: Order) -> bool:
            return order.cum_lots > 0 or order.updated_ms > forgotten_ms

        if _has_id(params):
            found = self._by_id(account, category, params)
            kept = found is not None and not found.is_open and is_kept(found)
            return self._orders(category, [found] if found and kept else [], params, history=True)
        chosen = scope_of(self._exchange, category, params).instruments
        span = _span_of(params, call.venue_ms)
        word, plain = text_of(params, "orderStatus"), _is_plain(params)
        orders = account.blotter.closed_orders(
            category,
            lambda order: (
                plain
                and order.instrument in chosen
                and span.start_ms <= order.created_ms <= span.end_ms
                and word in ("", Status(order.status).word)
                and is_kept(order)
            ),
        )
        return self._orders(category, orders, params, history=True)

    def _by_id(self, account: Account, category: Category, params: Params) -> Order | None:
        found = account.blotter.find(text_of(params, "orderId"), text_of(params, "orderLinkId"))
        return found if found and found.instrument in self._exchange.indexes[category] else None

    def _orders(
        self, category: Category, orders: list[Order], params: Params, *, history: bool = False
    ) -> Answer:
        """One page, newest first by creation."""
        orders.sort(key=_age)
        chosen, cursor = page(orders, lambda order: order.number, params, 20, 50)
        rows = [self._rows.order(order) for order in chosen]
        if history:
            for row in rows:
                row["extraFees"] = ""
        return Answer({"list": rows, "nextPageCursor": cursor, "category": category.text})

    def _executions(self, call: Call) -> Answer:
        """Trades, newest first. An id overrules every other filter."""
        params = call.params
        category = category_of(self._exchange, params)
        wanted = self._fill_filter(category, params, call.venue_ms)
        fills = [fill for fill in reversed(call.account.blotter.fills) if wanted(fill)]
        chosen, cursor = page(fills, lambda fill: fill.number, params, 50, 100)
        rows = [self._rows.fill(fill) for fill in chosen]
        return Answer({"list": rows, "nextPageCursor": cursor, "category": category.text})

    def _fill_filter(
        self, category: Category, params: Params, venue_ms: int
    ) -> Callable[[Fill], bool]:
        listed = self._exchange.indexes[category]
        order_id, link_id = text_of(params, "orderId"), text_of(params, "orderLinkId")
        if order_id:
            return lambda fill: fill.order_id == order_id and fill.instrument in listed
        if link_id:
            return lambda fill: fill.link_id == link_id and fill.instrument in listed
        if text_of(params, "execType") not in ("", "Trade"):
            return lambda _fill: False
        scope = scope_of(self._exchange, category, params, option_base=OPTION_BASE)
        chosen, span = scope.instruments, _span_of(params, venue_ms)
        return lambda fill: (
            fill.instrument in chosen and span.start_ms <= fill.exec_ms <= span.end_ms
        )


def _wants_closed(params: Params) -> bool:
    word = text_of(params, "openOnly")
    if word not in _OPEN_ONLY:
        raise bad_parameter(f"params error: openOnly invalid {word[:32]}")
    return word not in ("", "0")


def _is_plain(params: Params) -> bool:
    """Whether a query reaches plain orders, which are all this venue has."""
    return text_of(params, "orderFilter") in ("", "Order")


def _has_id(params: Params) -> bool:
    return bool(text_of(params, "orderId") or text_of(params, "orderLinkId"))


def _age(order: Order) -> int:
    return -order.number


def _span_of(params: Params, venue_ms: int) -> _Span:
    """The range asked for: at most 7 days; one end alone means 7 days from or up to it."""
    start, end = ms_of(params, "startTime"), ms_of(params, "endTime")
    if start is None and end is None:
        return _Span(venue_ms - _SPAN_MS, venue_ms)
    if start is None:
        assert end is not None  # noqa: S101 - one of the two is given
        return _Span(end - _SPAN_MS, end)
    if end is None:
        return _Span(start, start + _SPAN_MS)
    if not 0 <= end - start <= _SPAN_MS:
        raise bad_parameter("params error: endTime must lie within 7 days after startTime")
    return _Span(start, end)
