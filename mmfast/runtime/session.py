"""Everything one run is made of, wired together once and closed together."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Callable, Collection
from typing import Final

from mmfast.bybit.auth import Credentials
from mmfast.bybit.hosts import Endpoints
from mmfast.bybit.private import PrivateDecoder
from mmfast.bybit.public import PublicRouter
from mmfast.bybit.rows import NOT_SETTLED
from mmfast.bybit.tickers import TickerReader
from mmfast.bybit.trade import TradeCodec
from mmfast.clock import Clock, VenueClock, until_beat_s
from mmfast.config import Config
from mmfast.engine.account.other_hand import OtherHand
from mmfast.engine.kernel import Kernel
from mmfast.engine.market.market import BROKEN
from mmfast.engine.params import EngineParams
from mmfast.ids import ClientIds
from mmfast.messages import (
    Alert,
    BookReset,
    Category,
    Event,
    Instrument,
    InstrumentChange,
    Mode,
    ModeChange,
    ReadAccount,
    Request,
    ResolveOrder,
    Resubscribe,
    Severity,
    Stream,
    StreamState,
    VenueTime,
)
from mmfast.net.backoff import ConnectBudget
from mmfast.net.http import Limits, OnRequest, ignore_request
from mmfast.net.rest import BybitRest
from mmfast.net.tls import tls_context
from mmfast.net.ws import PrivateStream, PublicStream
from mmfast.net.ws_connection import WsConnection
from mmfast.runtime.assemble import http_limit
from mmfast.runtime.day_book import DayBook
from mmfast.runtime.filters import FilterDoubts
from mmfast.runtime.journal import Journal
from mmfast.runtime.logs import say
from mmfast.runtime.orchestrator import AsyncTickOrchestrator
from mmfast.runtime.order_entry import OrderEntry
from mmfast.runtime.pump import LagWatch, Pump
from mmfast.runtime.recover import AccountReader, Resolver
from mmfast.runtime.stats import RunStats
from mmfast.runtime.tasks import TaskGroup
from mmfast.runtime.tuning import QuietCollector
from mmfast.runtime.witness import Witness
from mmfast.units import Ms

CONNECTIONS: Final = 16
MAX_TASKS: Final = 512
TELL_TIME_EVERY_S: Final = 1.0
_LEVELS: Final = {
    Severity.INFO: logging.INFO,
    Severity.WARNING: logging.WARNING,
    Severity.ERROR: logging.ERROR,
}
_LEVEL_NAMES: Final = {
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def net_log(severity: str, code: str, text: str) -> None:
    """The log the network parts write to."""
    say(_LEVEL_NAMES.get(severity, logging.ERROR), code, text)


def _unheard(_text: str) -> None:
    """Nobody asked to hear of another engine."""


class Contact:
    """The venue's REST side before the instruments are known; made first, kept to the end."""

    def __init__(
        self,
        *,
        config: Config,
        endpoints: Endpoints,
        credentials: Credentials,
        epoch: int,
        clock: Clock,
        stats: RunStats,
    ) -> None:
        self.epoch = epoch
        self.ids = ids = ClientIds(config.venue.stem, epoch)
        self.endpoints = endpoints
        self.credentials = credentials
        self.clock = clock
        self.stats = stats
        self.category = Category[config.venue.category.upper()]
        self.journal: Journal | None = None
        self.day_book = DayBook(None)
        self.watch: OnRequest = ignore_request
        """Told how every call to the venue ended, beside the statistics."""
        self.cut_short = False
        """The run before this one was: what it sent last may still be on its way."""
        self.protected = False
        """The venue cancels by itself when it hears nothing of us."""
        self.venue_clock = VenueClock(clock)
        self.rest = BybitRest(
            endpoints,
            credentials,
            clock,
            self.venue_clock,
            TradeCodec((), ids, self.category, config.venue.smp_type),
            limits=Limits(
                connections=CONNECTIONS,
                total_s=config.venue.request_timeout_ms / 1000,
                connect_s=config.venue.request_timeout_ms / 1000,
                requests_per_5_s=http_limit(config),
            ),
            on_request=self.observed,
            log=net_log,
        )

    def observed(self, verb: str, api: str, elapsed_ns: int, status: str) -> None:
        """A call to the venue ended, by whichever transport."""
        self.stats.request(verb, api, elapsed_ns, status)
        self.watch(verb, api, elapsed_ns, status)


class Session:
    """The running engine: kernel, streams, gateway, recovery, and what carries events between."""

    def __init__(
        self,
        *,
        contact: Contact,
        config: Config,
        instruments: tuple[Instrument, ...],
        params: EngineParams,
        on_mode: Callable[[Mode, str], None],
        on_fault: Callable[[str, BaseException], None],
        on_other_hand: Callable[[str], None] = _unheard,
        on_halt: Callable[[str], None] = _unheard,
    ) -> None:
        self.contact = contact
        self.rest = contact.rest
        self.clock = contact.clock
        self.stats = contact.stats
        self.instruments = instruments
        self.params = params
        self.rest.use_instruments(instruments)
        self.kernel = Kernel(instruments, params, contact.ids)
        contact.day_book.open(self.kernel.losses)
        self.rest.codec.guard(self.kernel.leaving, on_halt)
        self.tasks = TaskGroup(MAX_TASKS, on_fault)
        window_ms, venue_ms = config.venue.recv_window_ms, contact.venue_clock.venue_ms
        self.other_hand = OtherHand(contact.ids, window_ms, venue_ms)
        self.witness = Witness(
            self.kernel, self.other_hand, contact.journal, on_other_hand, contact.venue_clock
        )
        self.orchestrator = AsyncTickOrchestrator(
            kernel=self.witness,
            clock=self.clock,
            stats=self.stats,
            params=params,
            on_progress=self._progress,
            on_fault=self._decider_failed,
            on_rollback=self._rolled_back,
        )
        self.pump = Pump(
            kernel=self.kernel,
            clock=self.clock,
            orchestrator=self.orchestrator,
            on_request=self._serve_request,
            on_mode=on_mode,
            on_fault=on_fault,
        )
        self.doubts = FilterDoubts(lambda: self.instruments, self.pump.event)
        self.witness.on_filter_refusal = self.doubts.refused
        self.on_renew: Callable[[InstrumentChange], None] = lambda _request: None
        """Told when the kernel has done with the old units of an instrument."""
        self._on_fault = on_fault
        self._on_halt = on_halt
        self.lag_watch = LagWatch(
            self.clock, self.stats.lag, self.distrust, self.kernel.breakers.lagged
        )
        self.collector = QuietCollector(lambda: self.kernel.wants_flush)
        self._private_up_since_ns: int | None = None
        self.streams_up = asyncio.Event()
        self._recovery(config)
        self._streams(config)
        self._order_entry(config)

    def start(self) -> None:
        """Begin to work: streams connect, recovery serves, the lag is watched."""
        self.lag_watch.start()
        self.collector.start()
        self.tasks.start(self.reader.run(), "account-reader")
        self.tasks.start(self.resolver.run(), "resolver")
        self.tasks.start(self._tell_time(), "venue-time")
        self.tasks.start(self.contact.day_book.keep(), "day-book")
        for stream in self.streams:
            self.tasks.start(stream.run(), f"{stream.name}-stream")
        self.tasks.start(self.entry.run(), "order-entry")

    async def close(self) -> None:
        """Stop everything that start() began. The REST side stays usable."""
        self.pump.close()
        self.lag_watch.stop()
        self.collector.stop()
        await self.tasks.close()
        self.contact.day_book.close()

    def take_filters(self, changed: Instrument, settled_ms: Ms = NOT_SETTLED) -> None:
        """New filters of an instrument, for every part but the kernel that reads or writes numbers;
        its lots changed when the venue's clock showed ``settled_ms``, if they did."""
        before, after = self.instruments[: changed.index], self.instruments[changed.index + 1 :]
        self.instruments = (*before, changed, *after)
        self.rest.take_filters(changed, settled_ms)
        self._decoder.reader.replace(changed, settled_ms)

    def forget_units(self, changed: Instrument) -> None:
        """What was read of an instrument in other units, and is kept somewhere, means nothing."""
        self._tickers.replace(changed)
        self.resolver.forget(changed.index)
        self.other_hand.forget_prices()
        if self.contact.journal is not None:
            self.contact.journal.put(InstrumentChange(changed))

    def distrust(self, reason: str) -> None:
        """Nothing known of the present can be believed: withdraw, connect anew, read anew."""
        say(logging.ERROR, "leap", f"{reason}: all streams are started anew")
        for stream in (*self.streams, *self.entry.standby):
            stream.drop(reason)

    def take_params(self, params: EngineParams) -> None:
        """New parameters, in force from the next tick."""
        self.params = params
        self.orchestrator.offer(params)
        self.pump.wake()

    def restore_batching(self, reason: str) -> None:
        """A human has spoken: batches may leave again after a rollback."""
        if self.orchestrator.restore():
            say(logging.WARNING, "rollback_over", f"{reason}: batches leave as configured again")
            self.pump.wake()

    def _rolled_back(self, reason: str) -> None:
        text = f"batching is given up for single calls until a reload or `mmfast resume`: {reason}"
        self._serve_request(Alert(Severity.ERROR, "rolled_back", text))

    def _news(self, events: Collection[Event]) -> None:
        """What the streams and queries tell: for the kernel, and for who watches beside it."""
        self.pump.events(events)
        self.witness.news(events)

    def _ticker(self, instrument: int, frame: bytes) -> None:
        price = self._tickers.read(instrument, frame)
        if price is not None:
            self.pump.quiet(price)

    async def _tell_time(self) -> None:
        """The kernel has no clock: it is told how the venue's stands to ours, and how well that
        is known by now."""
        clock, loop = self.contact.venue_clock, asyncio.get_running_loop()
        while True:
            if clock.synced:
                self.pump.event(VenueTime(clock.offset_ns, clock.uncertainty_ns))
            await asyncio.sleep(until_beat_s(loop.time(), TELL_TIME_EVERY_S))

    def _progress(self) -> None:
        self.pump.wake()

    def _decider_failed(self, name: str, error: Exception) -> None:
        if name == "kernel":
            self.pump.fail(error)
        else:
            self._on_fault(name, error)

    def _recovery(self, config: Config) -> None:
        contact = self.contact
        self.reader = AccountReader(self.rest, self.clock, contact.venue_clock, self._news)
        self.resolver = Resolver(
            account=self.rest,
            clock=self.clock,
            venue_clock=contact.venue_clock,
            recv_window_ms=config.venue.recv_window_ms,
            private_up_since_ns=lambda: self._private_up_since_ns,
            deliver=self._news,
        )

    def _streams(self, config: Config) -> None:
        contact = self.contact
        symbols = tuple(instrument.symbol for instrument in self.instruments)
        which = config.strategy.second_reference
        self._tickers = TickerReader(self.instruments, "mark" if which == "none" else which)
        # Jitter needs no secret, and seeded by the epoch a run can be repeated.
        self._rng = rng = random.Random(contact.epoch)  # noqa: S311
        self._budget = budget = ConnectBudget(self.clock)
        self._decoder = PrivateDecoder(self.instruments, contact.ids, contact.category)
        self.public = PublicStream(
            contact.endpoints.ws_public_url,
            PublicRouter(
                symbols,
                config.strategy.book_depth,
                level1=config.strategy.cross_check_level1,
                tickers=which != "none",
            ),
            self.pump.frame,
            lambda up: self._stream_changed(Stream.PUBLIC, up=up),
            rng=rng,
            budget=budget,
            tls=_tls(contact.endpoints.ws_public_url),
            log=net_log,
            on_level1=self.pump.level1,
            on_ticker=self._ticker,
        )
        self.private = PrivateStream(
            contact.endpoints.ws_private_url,
            contact.credentials,
            contact.venue_clock,
            self._decoder,
            self._news,
            lambda up: self._stream_changed(Stream.PRIVATE, up=up),
            rng=rng,
            budget=budget,
            on_fault=lambda _text: self.reader.request(),
            dcp=contact.protected,
            tls=_tls(contact.endpoints.ws_private_url),
            log=net_log,
        )
        self.streams: list[WsConnection] = [self.private, self.public]

    def _order_entry(self, config: Config) -> None:
        """The way out for orders."""
        self.entry = OrderEntry(
            contact=self.contact,
            venue=config.venue,
            last_look=self.orchestrator.last_look,
            start=self.tasks.start,
            on_open=lambda up: self._stream_changed(Stream.TRADE, up=up),
            rng=self._rng,
            budget=self._budget,
            tls=_tls(self.contact.endpoints.ws_trade_url),
            log=net_log,
        )
        self.stats.way = self.entry.view
        self.trade = self.entry.sockets
        self.streams.extend(self.entry.streams)
        self.orchestrator.use(self.entry.gateway)
        if not self.entry.is_open:
            # Until a way is found no quote can leave.
            self.kernel.on_event(StreamState(Stream.TRADE, up=False), self.clock.now_ns())

    def _stream_changed(self, stream: Stream, *, up: bool) -> None:
        if not up and stream != Stream.TRADE:  # each trade socket counts for itself
            self.stats.stream_drops[stream] += 1
        if stream == Stream.PRIVATE:
            self._private_up_since_ns = self.clock.now_ns() if up else None
        self._news((StreamState(stream, up),))
        if self.private.up and self.public.up and self.entry.is_open:
            self.streams_up.set()
        else:
            self.streams_up.clear()

    def _serve_request(self, request: Request) -> None:
        if isinstance(request, Resubscribe):
            if request.reason == BROKEN:
                self.doubts.read_soon()
            self.pump.event(BookReset(request.instrument))
            self.public.resubscribe(request.instrument)
        elif isinstance(request, ResolveOrder):
            self.resolver.ask(request)
        elif isinstance(request, ReadAccount):
            self.reader.request()
        elif isinstance(request, InstrumentChange):
            self.on_renew(request)
        elif isinstance(request, ModeChange):
            self._on_halt(request.reason)
        elif isinstance(request, Alert):
            if self.contact.journal is not None:
                self.contact.journal.put(request)
            say(_LEVELS[request.severity], request.code, request.text)


def _tls(url: str) -> ssl.SSLContext | None:
    return tls_context() if url.startswith("wss") else None
