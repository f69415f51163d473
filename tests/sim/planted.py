"""Bugs planted on purpose: each is one plausible mistake, patched in while a seed runs.

The simulation is only worth what it catches, so each of these has to be found by some promise
being broken. The engine must run from its Python sources (``-X mmfast_engine=interpreted``): what
is compiled cannot be patched, and is the same engine otherwise. ``faults`` names the faults under
which a bug shows soonest; the seeds are ordinary.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from mmfast.bybit import trade as trade_codec
from mmfast.clock import VenueClock
from mmfast.engine import evidence, quoter, risk
from mmfast.engine.account import Account
from mmfast.engine.draft import Draft
from mmfast.engine.endings import Endings
from mmfast.engine.inventory import Inventory
from mmfast.engine.kernel import Kernel
from mmfast.engine.market import Market
from mmfast.engine.modes import Gate
from mmfast.engine.order import Order
from mmfast.engine.order_states import Event, State
from mmfast.engine.orders import OrderTable
from mmfast.engine.planner import Bucket
from mmfast.messages import Mode, Op, Outcome, Stream, StreamState
from mmfast.net import http, ws_connection
from mmfast.net.http import HttpPool
from mmfast.net.trade import TradeSocket
from mmfast.net.ws_connection import WsConnection
from mmfast.runtime import closing, recover
from mmfast.runtime.logs import say
from mmfast.runtime.quote_loop import AsyncQuoteLoop
from mmfast.runtime.recover import AccountReader, Resolver
from mmfast.runtime.state import StateDir
from mmfast.simtest.patches import replaced
from mmfast.simtest.swarm import CANARY

LOST = ("drop_request", "cut_reply", "cut_request", "reset_reply", "half_open", "latency_spikes")
STREAMS = ("stream_drop", "deaf", "dumb", "half_open", "private_late")
ECHOES = ("private_duplicate", "private_reorder", "private_late")


class Planted(NamedTuple):
    """One bug. ``plant`` returns a context in which it is there."""

    name: str
    faults: tuple[str, ...]
    plant: Callable[[], contextlib.AbstractContextManager[Any]]


BUGS: list[Planted] = []


def bug(*faults: str) -> Callable[[Callable[[], Iterator[None]]], None]:
    """Register a bug by the name of the function that plants it."""

    def register(plant: Callable[[], Iterator[None]]) -> None:
        name = plant.__name__.strip("_")
        BUGS.append(Planted(name, faults, contextlib.contextmanager(plant)))

    return register


def outcome_is(outcome: Outcome, event: Event) -> contextlib.AbstractContextManager[None]:
    """Replies with this outcome mean another event for their orders."""
    table = list(evidence._OF_OUTCOME)
    table[outcome] = int(event)
    return replaced(evidence, "_OF_OUTCOME", tuple(table))


# Outcomes that are guessed.


@bug(*LOST)
def timeout_means_rejected():
    with outcome_is(Outcome.UNKNOWN, Event.REFUSED):
        yield


@bug(*LOST)
def timeout_means_never_sent():
    with outcome_is(Outcome.UNKNOWN, Event.UNSENT):
        yield


@bug("server_error", "http_error", "malform_reply", "truncate_reply")
def any_error_code_means_rejected():
    plain = trade_codec.TradeCodec.decode_socket

    def decode(self, *args):
        reply = plain(self, *args)
        rows = tuple(
            row._replace(outcome=Outcome.REJECT) if row.outcome is Outcome.UNKNOWN else row
            for row in reply.items
        )
        return _with_items(reply, rows)

    with replaced(trade_codec.TradeCodec, "decode_socket", decode):
        yield


@bug("instrument_suspended", "foreign_fill", *LOST)
def gone_means_cancelled():
    with outcome_is(Outcome.GONE, Event.CANCELLED):
        yield


@bug("latency_uniform", "latency_spikes", *LOST)
def one_search_proves_absence():
    def void(self, request, asked_ns):
        return True

    with replaced(Resolver, "_void", void), replaced(recover, "PROOFS_NEEDED", 1):
        yield


@bug(*STREAMS)
def absent_from_a_snapshot_means_cancelled():
    def on_missing(self, order, now_ns):
        return self._step(order, int(Event.CANCELLED), now_ns)

    with replaced(OrderTable, "on_missing", on_missing):
        yield


@bug(*LOST)
def socket_lost_means_not_sent():
    def unanswered(self, flight, status, text):
        self._unsent(flight.batch, Outcome.NOT_SENT, text, flight.on_reply)

    with replaced(TradeSocket, "_unanswered", unanswered):
        yield


@bug("cut_reply", "cut_request", "drop_request", "reset_reply", "http_error")
def error_after_sending_means_not_sent():
    def classified(api, attempt, error):
        return http.NotSent(api)

    with replaced(http, "_classified", classified):
        yield


@bug(*LOST)
def a_lost_create_is_sent_again():
    plain = TradeSocket.send

    def send(self, batches, on_reply):
        def again(reply):
            lost = any(one.outcome is Outcome.UNKNOWN for one in reply.items)
            if lost and reply.batch.op is Op.PLACE:
                plain(self, [reply.batch], lambda _: None)
            on_reply(reply)

        plain(self, batches, again)

    with replaced(TradeSocket, "send", send):
        yield


@bug("latency_fixed", "latency_uniform")
def replies_are_matched_by_their_order():
    plain = TradeSocket._received

    def received(self, data, last_in_buffer):
        flights = list(self._flights.items())
        if len(flights) > 1 and b'"reqId"' in data:
            names = [name for name, _ in flights]
            self._flights = dict(zip(names, [one for _, one in reversed(flights)], strict=True))
        plain(self, data, last_in_buffer)

    with replaced(TradeSocket, "_received", received):
        yield


# Ids and restarts.


@bug("crash", "crash_on_write")
def the_epoch_is_not_counted_up():
    plain = StateDir._read_epoch

    def read(self):
        stored = plain(self)
        return stored if stored is None else stored - 1

    with replaced(StateDir, "_read_epoch", read):
        yield


@bug()
def the_epoch_is_not_written():
    with replaced(StateDir, "_write_epoch", lambda self, epoch: None):
        yield


@bug("crash", "crash_on_write")
def leftovers_are_not_adopted():
    with replaced(Account, "_adopt", lambda self, update, now_ns: None):
        yield


# Fills.


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

    with replaced(OrderTable, "on_update", on_update):
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


# Exposure, limits, rate.


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


# Fresh data.


@bug(*STREAMS, "latency_fixed")
def there_is_no_last_look():
    with replaced(Kernel, "last_look", lambda self, batch, now_ns: ""):
        yield


@bug(*STREAMS)
def quotes_stay_when_the_private_stream_is_lost():
    plain = Kernel._on_stream

    def on_stream(self, event, now_ns):
        if event != StreamState(Stream.PRIVATE, up=False):
            plain(self, event, now_ns)

    with replaced(Kernel, "_on_stream", on_stream):
        yield


@bug("book_stale", "half_open", "deaf")
def an_old_book_is_quoted_on():
    def fault(self, instrument, now_ns):
        return self._feeds[instrument].fault

    with replaced(Market, "fault", fault):
        yield


@bug("book_gap")
def a_gap_in_the_book_is_ignored():
    with replaced(Market, "_on_gap", lambda self, instrument, feed: None):
        yield


@bug("deaf", "half_open")
def a_half_open_stream_is_trusted():
    with replaced(WsConnection, "_watch", lambda self: None):
        yield


# Recovery.


@bug(*LOST)
def nobody_asks_about_the_unknown():
    with replaced(Resolver, "ask", lambda self, request: None):
        yield


@bug(*STREAMS, "drop_request")
def one_failed_reading_is_the_last():
    async def run(self):
        await self._wanted.wait()
        with contextlib.suppress(Exception):
            self._deliver((await self.read(),))
        await asyncio.Event().wait()

    with replaced(AccountReader, "run", run):
        yield


@bug(*STREAMS)
def a_lost_stream_stays_lost():
    async def run(self):
        await self._wait_for_budget()
        await self._one_connection()
        await asyncio.Event().wait()

    with replaced(WsConnection, "run", run):
        yield


@bug("clock_skew", "suspend")
def the_clock_is_measured_once():
    plain = VenueClock.observe

    def observe(self, sent_ns, received_ns, venue_ns):
        if not self.synced:
            plain(self, sent_ns, received_ns, venue_ns)

    with replaced(VenueClock, "observe", observe):
        yield


# Stopping.


@bug("stop")
def the_gate_stays_open():
    with replaced(AsyncQuoteLoop, "_close_gate", lambda self, mode, reason: None):
        yield


@bug("stop")
def the_end_is_believed_not_proven():
    async def prove_empty(**_asked):
        return closing.Verdict(proven_empty=True, open_orders=0)

    with replaced(closing, "prove_empty", prove_empty):
        yield


@bug()
def connections_are_left_open():
    async def close(self):
        self._session = None

    with replaced(HttpPool, "close", close):
        yield


# The rest.


@bug()
def an_amend_is_sent_twice():
    plain = TradeSocket.send

    def send(self, batches, on_reply):
        plain(self, batches, on_reply)
        amends = [batch for batch in batches if batch.op is Op.AMEND]
        plain(self, amends, lambda _: None)

    with replaced(TradeSocket, "send", send):
        yield


@bug("stream_drop")
def the_secret_is_logged():
    plain = ws_connection.LoginConnection._opened

    def opened(self):
        say(20, "login", f"login with {CANARY}")
        plain(self)

    with replaced(ws_connection.LoginConnection, "_opened", opened):
        yield


@bug("stream_drop", "half_open")
def trading_goes_on_while_halted():
    plain = Gate.refresh

    def refresh(self, leftovers):
        plain(self, leftovers)
        return Mode.TRADING

    with replaced(Gate, "refresh", refresh):
        yield


def _with_items(reply: Any, rows: tuple[Any, ...]) -> Any:
    return msgspec.structs.replace(reply, items=rows)
