"""Mistakes about the present: stale data, lost streams, recovery, the end; and of other kinds."""

from __future__ import annotations

import asyncio
import contextlib

from bugs import LOST, STREAMS, bug

from mmfast.clock import VenueClock
from mmfast.engine.kernel import Kernel
from mmfast.engine.market.market import Market
from mmfast.engine.modes import Gate
from mmfast.engine.risk.reentry import Reentry
from mmfast.messages import Mode, Op, Stream, StreamState
from mmfast.net import login
from mmfast.net.http import HttpPool
from mmfast.net.trade import TradeSocket
from mmfast.net.ws_connection import WsConnection
from mmfast.runtime import closing, journal
from mmfast.runtime.logs import say
from mmfast.runtime.quote_loop import AsyncQuoteLoop
from mmfast.runtime.recover import AccountReader, Resolver
from mmfast.runtime.witness import Witness
from mmfast.simtest.patches import replaced
from mmfast.simtest.swarm import CANARY


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


@bug("tick_size_changed", "drop_request", "latency_spikes")
def units_change_before_the_instrument_is_empty():
    plain = Reentry.hear

    def hear(self, changed):
        plain(self, changed)
        for index, waiting in self._waiting.items():
            waiting.proved = True
            self._ask(index, waiting)

    with replaced(Reentry, "hear", hear), replaced(Reentry, "_is_empty", lambda self, index: True):
        yield


@bug("book_gap")
def a_gap_in_the_book_is_ignored():
    with replaced(Market, "_on_gap", lambda self, instrument, feed: None):
        yield


@bug("deaf", "half_open")
def a_half_open_stream_is_trusted():
    with replaced(WsConnection, "_watch", lambda self: None):
        yield


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


@bug("crash", "crash_on_write")
def a_torn_end_is_not_cut():
    plain = journal.intact

    def intact(data, name):
        tail = plain(data, name)
        return tail._replace(size=len(data))

    with replaced(journal, "intact", intact):
        yield


@bug()
def a_damaged_journal_is_believed():
    def intact(data, name):
        lines = data.split(b"\n")[:-1]
        crc = int(lines[-1][:8], 16) if lines else 0
        return journal.Tail(data.rfind(b"\n") + 1, crc, len(lines))

    with replaced(journal, "intact", intact):
        yield


@bug()
def ends_are_not_noted():
    with replaced(Witness, "_note_outcomes", lambda self: None):
        yield


@bug()
def connections_are_left_open():
    async def close(self):
        """Dropping the session would do: the library closes what nobody holds any more."""

    with replaced(HttpPool, "close", close):
        yield


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
    plain = login.LoginConnection._opened

    def opened(self):
        say(20, "login", f"login with {CANARY}")
        plain(self)

    with replaced(login.LoginConnection, "_opened", opened):
        yield


@bug("stream_drop", "half_open")
def trading_goes_on_while_halted():
    plain = Gate.refresh

    def refresh(self, leftovers):
        plain(self, leftovers)
        return Mode.TRADING

    with replaced(Gate, "refresh", refresh):
        yield
