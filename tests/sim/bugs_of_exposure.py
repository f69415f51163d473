"""Mistakes about what may be held and sent: fills, limits, rate, prices."""

from __future__ import annotations

from bugs import ECHOES, LOST, STREAMS, bug

from mmfast.engine.account.account import Account
from mmfast.engine.modes import Gate
from mmfast.engine.orders.draft import Draft
from mmfast.engine.orders.endings import Endings
from mmfast.engine.orders.inventory import Inventory
from mmfast.engine.orders.order import Order
from mmfast.engine.orders.order_states import State
from mmfast.engine.orders.orders import OrderTable
from mmfast.engine.planning.bucket import Bucket
from mmfast.engine.quoting import quoter
from mmfast.engine.risk import risk
from mmfast.net.http import HttpPool
from mmfast.simtest.patches import replaced


@bug(*ECHOES)
def repeated_executions_count():
    with replaced(Inventory, "is_new", lambda self, execution: True):
        yield


@bug()
def late_executions_are_dropped():
    plain = Account.on_execution

    def on_execution(self, execution, now_ns):
        if execution.client_id and self._orders.get(execution.client_id) is None:
            return
        plain(self, execution, now_ns)

    with replaced(Account, "on_execution", on_execution):
        yield


@bug("foreign_fill")
def fills_of_others_are_ignored():
    plain = Account.on_execution

    def on_execution(self, execution, now_ns):
        if execution.client_id:
            plain(self, execution, now_ns)

    with replaced(Account, "on_execution", on_execution):
        yield


@bug(*ECHOES, *LOST)
def an_old_report_takes_fills_back():
    plain = OrderTable.on_update

    def on_update(self, update, now_ns):
        order = self._orders.get(update.client_id)
        if order is not None:
            order.cum_lots = update.cum_lots
        return plain(self, update, now_ns)

    plain_row = OrderTable.on_row

    def on_row(self, order, block, row, now_ns):
        order.cum_lots = block.cum_lots(row)
        return plain_row(self, order, block, row, now_ns)

    with replaced(OrderTable, "on_update", on_update), replaced(OrderTable, "on_row", on_row):
        yield


@bug(*ECHOES, *STREAMS)
def late_news_revive_an_order():
    with replaced(Endings, "is_late", lambda self, update: False):
        yield


@bug(*STREAMS)
def no_snapshot_after_a_reconnect():
    def obstacle(self):
        return "" if self.private_up else "down"

    with replaced(Gate, "_obstacle", obstacle):
        yield


@bug("latency_fixed", "latency_uniform", *LOST)
def only_acked_orders_count():
    plain = Order.worst_lots

    def worst(self):
        blind = (State.PLACING, State.PLACED, State.UNKNOWN)
        return 0 if self.state in blind else plain(self)

    with replaced(Order, "worst_lots", worst):
        yield


@bug("latency_spikes", *LOST)
def unknown_orders_do_not_count():
    plain = Order.worst_lots

    def worst(self):
        return 0 if self.state is State.UNKNOWN else plain(self)

    with replaced(Order, "worst_lots", worst):
        yield


@bug()
def cancelled_orders_stop_counting_when_the_cancel_leaves():
    plain = Order.worst_lots

    def worst(self):
        leaving = (State.CANCELLING, State.CANCELLING_BLIND, State.CANCEL_ACKED)
        return 0 if self.state in leaving else plain(self)

    with replaced(Order, "worst_lots", worst):
        yield


@bug()
def the_position_limit_is_not_checked():
    plain, plain_sized = risk.refusing, quoter.sized

    def refusing(facts):
        name = plain(facts)
        return "" if "position" in name else name

    def sized(price_ticks, terms, room_lots):
        return plain_sized(price_ticks, terms, 1 << 40)

    with replaced(risk, "refusing", refusing), replaced(quoter, "sized", sized):
        yield


@bug()
def no_price_is_too_far():
    plain = Draft.fill

    def fill(self, op, slot, flags, price_ticks, lots, client_id):
        plain(self, op, slot, flags, price_ticks * 2, lots, client_id)

    with replaced(risk, "refusing", lambda facts: ""), replaced(Draft, "fill", fill):
        yield


@bug()
def the_rate_is_not_counted():
    with replaced(Bucket, "left", lambda self, now_ns: 1_000):
        yield


@bug()
def the_rate_window_is_forgotten_at_the_reply():
    with replaced(Bucket, "_cool", lambda self, orders, now_ns: None):
        yield


@bug("address_ban")
def a_ban_is_not_respected():
    with replaced(HttpPool, "_ban", lambda self, received_ns: None):
        yield
