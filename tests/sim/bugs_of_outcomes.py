"""Mistakes about what became of a request: guessed outcomes, ids, restarts."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
from bugs import LOST, STREAMS, bug

from mmfast.bybit import trade as trade_codec
from mmfast.engine.account.account import Account
from mmfast.engine.orders import evidence
from mmfast.engine.orders.order_states import Event
from mmfast.engine.orders.orders import OrderTable
from mmfast.messages import Op, Outcome
from mmfast.net import http
from mmfast.net.trade import TradeSocket
from mmfast.runtime import recover
from mmfast.runtime.recover import Resolver
from mmfast.runtime.state import StateDir
from mmfast.simtest.patches import replaced


def outcome_is(outcome: Outcome, event: Event) -> contextlib.AbstractContextManager[None]:
    """Replies with this outcome mean another event for their orders."""
    table = list(evidence._OF_OUTCOME)
    table[outcome] = int(event)
    return replaced(evidence, "_OF_OUTCOME", tuple(table))


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


def _with_items(reply: Any, rows: tuple[Any, ...]) -> Any:
    return msgspec.structs.replace(reply, items=rows)
