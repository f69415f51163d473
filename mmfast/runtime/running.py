"""``mmfast run`` in one process: what surrounds the quote loop from start to exit."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import shutil
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import orjson

from mmfast import __version__, _core
from mmfast import config as configuration
from mmfast.bybit.hosts import Endpoints
from mmfast.clock import Clock, SystemClock
from mmfast.config import Config
from mmfast.engine.counters import Counters
from mmfast.engine.view import EngineView
from mmfast.errors import MmfastError, OperatorNeeded
from mmfast.messages import Category, Mode
from mmfast.runtime import assemble, standing, summary, table
from mmfast.runtime.alerts import Alerts
from mmfast.runtime.ban import BanNote
from mmfast.runtime.closing import Verdict
from mmfast.runtime.control import Signals
from mmfast.runtime.day_book import DayBook
from mmfast.runtime.embedded import EmbeddedVenue
from mmfast.runtime.guard import Guard
from mmfast.runtime.journal import Journal
from mmfast.runtime.logs import LineWriter, Logs, say
from mmfast.runtime.metrics import EngineCollector, MetricsServer
from mmfast.runtime.quote_loop import AsyncQuoteLoop
from mmfast.runtime.secrets import Key, load_key, load_watchdog_key
from mmfast.runtime.session import Contact, Session
from mmfast.runtime.standing import Standing
from mmfast.runtime.state import StateDir
from mmfast.runtime.stats import RunStats
from mmfast.runtime.tasks import TaskGroup
from mmfast.runtime.watchdog import OrdersOfTheDay

STDOUT_FD = 1
STDERR_FD = 2


class Running:
    """One run of the engine with its log, its venue child, metrics, table and summary."""

    def __init__(
        self, *, config: Config, config_path: Path, environment: MutableMapping[str, str]
    ) -> None:
        self.stats = RunStats(0)
        self._config = config
        self._config_path = config_path
        self._environment = environment
        self._on_terminal = os.isatty(STDOUT_FD)
        # The table owns the terminal: lines that would run into it are shown below it instead.
        quiet = self._on_terminal and os.isatty(STDERR_FD)
        self._log_writer = None if quiet else LineWriter(STDERR_FD)
        self.logs = Logs(self._log_writer)
        self.alerts: Alerts | None = None
        self._loop: AsyncQuoteLoop | None = None
        self._child: EmbeddedVenue | None = None
        self._verdict: Verdict | None = None

    async def main(self, *, duration_s: float | None, summary_path: Path | None) -> bool:
        """The whole run; True if it ended without fault and nothing is left, proven."""
        self.logs.install()
        try:
            async with contextlib.AsyncExitStack() as stack:
                loop = await self._prepare(stack)
                self._verdict = verdict = await loop.run(duration_s)
                session = loop.session
                if session is not None and summary_path is not None:
                    summary.write(summary_path, self._summary(session, verdict))
        except MmfastError as error:
            # A venue quotes the key, and what was signed, in its refusals.
            error.args = (self.logs.redact(str(error)),)
            raise
        finally:
            if self._log_writer is not None:
                self._log_writer.stop()
        self._last_words(verdict)
        if loop.needs_operator:
            raise OperatorNeeded("somebody has to look at this before it trades again")
        return verdict.proven_empty and not loop.fault

    async def _prepare(self, stack: contextlib.AsyncExitStack) -> AsyncQuoteLoop:
        """Everything the loop needs, each undone by ``stack`` in reverse order."""
        config = self._config
        clock = SystemClock()
        self.stats.started_ns = clock.now_ns()
        alerts = await self._start_alerts(stack, clock)
        endpoints, key = await self._venue(stack)
        base = self._config_path.resolve().parent
        section = config.watchdog
        own_key = load_watchdog_key(section.key_file, base, self._environment, self.logs.hide)
        state = StateDir(
            assemble.state_dir(config, self._config_path), config.venue.stem, key.api_key
        )
        epoch = stack.enter_context(state).next_epoch(clock.wall_ms())
        state.note_epoch(epoch)
        contact = Contact(
            config=config,
            endpoints=endpoints,
            credentials=key.credentials(config.venue.recv_window_ms),
            epoch=epoch,
            clock=clock,
            stats=self.stats,
        )
        stack.push_async_callback(contact.rest.close)
        contact.cut_short = state.cut_short
        if self._child is None:  # an embedded venue begins with a new account each time
            contact.day_book = DayBook(state.day_path)
        ban = BanNote(state.ban_path, clock)
        contact.rest.heed_ban(ban.until_ns(), ban.write)
        loop = AsyncQuoteLoop(config=config, config_path=self._config_path, contact=contact)
        self._loop = loop
        loop.standing_path = state.standing_path
        loop.wishes.stand(self._standing(state))
        contact.journal = journal = self._open_journal(loop, clock, state)
        stack.callback(self._note_end, state, journal)
        self._say_start(epoch, contact)
        signals = Signals(loop.ask_stop, loop.ask_reload)
        signals.install()
        stack.callback(signals.remove)
        asyncio.get_running_loop().set_exception_handler(self._unhandled)
        await self._start_metrics(stack)
        tasks = TaskGroup(6, loop.on_fault)
        tasks.start(alerts.beat(), "heartbeat")
        tasks.start(alerts.keep(), "alerts")
        # The embedded venue ends with the engine, and its orders with it.
        if section.enabled and self._child is None:
            await self._start_guard(stack, tasks, contact, own_key or key)
        if self._on_terminal:
            writer = LineWriter(STDOUT_FD, max_waiting=2)
            stack.callback(_leave_screen, writer)
            tasks.start(self._draw(writer), "table")
        if self._child is not None:
            tasks.start(self._watch_child(self._child), "embedded-venue")
        stack.push_async_callback(tasks.close)
        return loop

    def _standing(self, state: StateDir) -> Standing:
        order = standing.read(state.standing_path)
        if order.mode is not Mode.TRADING:
            say(logging.WARNING, "standing_order", f"starts {order.wish}: {order}", by=order.by)
        return order

    async def _venue(self, stack: contextlib.AsyncExitStack) -> tuple[Endpoints, Key]:
        """Where to trade and as whom; starts the embedded venue where that is asked for."""
        venue, config_path = self._config.venue, self._config_path
        if venue.environment != "embedded":
            base = config_path.resolve().parent
            endpoints = assemble.endpoints(self._config)
            return endpoints, load_key(venue, base, self._environment, self.logs.hide)
        self._child = EmbeddedVenue(config_path)
        stack.push_async_callback(self._child.stop)
        where = await self._child.start()
        self.logs.hide(where.api_secret)
        category = Category[venue.category.upper()].text
        endpoints = Endpoints(
            rest_url=where.rest_url,
            ws_public_url=f"{where.ws_url}/v5/public/{category}",
            ws_private_url=f"{where.ws_url}/v5/private",
            ws_trade_url=f"{where.ws_url}/v5/trade",
        )
        return endpoints, Key(where.api_key, secret=where.api_secret)

    async def _start_alerts(self, stack: contextlib.AsyncExitStack, clock: Clock) -> Alerts:
        """Before all else, so that a start that fails is told as well."""
        section = self._config.alerts
        self.alerts = alerts = Alerts(
            section.command,
            logging.getLevelNamesMapping()[section.min_severity.upper()],
            section.heartbeat_s,
            clock,
            self._config.venue.stem,
        )
        await alerts.start(self._environment)
        stack.push_async_callback(alerts.close)
        self.logs.on_alert = alerts.take
        return alerts

    async def _start_guard(
        self, stack: contextlib.AsyncExitStack, tasks: TaskGroup, contact: Contact, key: Key
    ) -> None:
        """Start the watchdog; the quote loop waits for it before it trades."""
        venue = self._config.venue
        assert self._loop is not None  # noqa: S101 - made before
        orders = OrdersOfTheDay(
            engine_pid=os.getpid(),
            rest_url=contact.endpoints.rest_url,
            category=venue.category,
            stem=venue.stem,
            epoch=contact.epoch,
            recv_window_ms=venue.recv_window_ms,
            request_timeout_ms=venue.request_timeout_ms,
            max_batch_orders=venue.max_batch_orders,
            progress_ms=self._config.watchdog.progress_ms,
            api_key=key.api_key,
            secret=key.secret,
            pem=key.pem.decode(),
        )
        guard = Guard(orders, contact.clock, self._loop.progress)
        self._loop.stood_in_for = guard.acted_lately
        stack.push_async_callback(self._leave_guard, guard)
        await guard.start()
        tasks.start(guard.keep(), "watchdog")
        self._loop.before_trading = guard.armed

    async def _leave_guard(self, guard: Guard) -> None:
        """A watchdog that is not told goodbye empties the venue by itself."""
        nothing_traded = self._loop is None or self._loop.session is None
        proven = nothing_traded if self._verdict is None else self._verdict.proven_empty
        await guard.close(goodbye=proven)

    def _open_journal(self, loop: AsyncQuoteLoop, clock: Clock, state: StateDir) -> Journal:
        section = self._config.journal
        journal = Journal(
            state.journal_path,
            clock=clock,
            file_bytes=section.file_mb << 20,
            files=section.files,
            on_trouble=loop.journal_trouble,
            on_well=loop.journal_well,
        )
        torn = journal.start()
        if torn:
            text = f"the journal ended in the middle of a record: {torn} bytes were cut"
            say(logging.WARNING, "journal", text)
        return journal

    def _note_end(self, state: StateDir, journal: Journal) -> None:
        verdict, fault = self._verdict, "" if self._loop is None else self._loop.fault
        row: dict[str, object] = {"kind": "end", "fault": fault}
        if verdict is not None:
            state.note_end(proven_empty=verdict.proven_empty)
            row |= {"proven_empty": verdict.proven_empty, "open_orders": verdict.open_orders}
        journal.put(row, sync=True)
        journal.close()

    async def _watch_child(self, child: EmbeddedVenue) -> None:
        code = await child.ended()
        assert self._loop is not None  # noqa: S101 - the child is watched after the loop is made
        self._loop.fail(f"the embedded venue ended by itself with code {code}", venue_gone=True)

    async def _start_metrics(self, stack: contextlib.AsyncExitStack) -> None:
        section = self._config.metrics
        if not section.enabled:
            return
        server = MetricsServer(EngineCollector(self))
        page = await server.start(section.host, section.port)
        stack.push_async_callback(server.stop)
        say(logging.INFO, "metrics", f"metrics at {page}", url=page)

    # What the metrics read.

    def engine(self) -> tuple[EngineView, Counters] | None:
        """The engine's state and counters; None before it exists."""
        session = self._loop.session if self._loop is not None else None
        if session is None:
            return None
        return session.kernel.view(session.clock.now_ns()), session.kernel.counters

    def error_count(self) -> int:
        """Error lines logged so far."""
        return self.logs.errors

    def dropped_log_lines(self) -> int:
        """Log lines lost to a blocked sink."""
        return self._log_writer.dropped if self._log_writer is not None else 0

    # What the operator sees.

    async def _draw(self, writer: LineWriter) -> None:
        """The live table, on a screen of its own until the run ends."""
        writer.put(table.ENTER)
        while True:
            await asyncio.sleep(table.REFRESH_S)
            text = self._table_text(shutil.get_terminal_size().columns)
            if text:
                writer.put(table.frame(text))

    def _table_text(self, columns: int) -> str:
        session = self._loop.session if self._loop is not None else None
        if session is None:
            return ""
        now_ns = session.clock.now_ns()
        label = session.orchestrator.label
        return table.render(
            title=f"mmfast {__version__}   {self._config.venue.environment}   {label}",
            instruments=session.instruments,
            view=session.kernel.view(now_ns),
            counters=session.kernel.counters,
            stats=self.stats,
            now_ns=now_ns,
            errors=self.logs.errors,
            log_lines=self.logs.recent,
            columns=columns,
        )

    def _say_start(self, epoch: int, contact: Contact) -> None:
        plain = orjson.dumps(configuration.effective(self._config))
        facts: dict[str, object] = {
            "version": __version__,
            "core": _core.BUILD,
            "config": hashlib.sha256(plain).hexdigest()[:12],
            "key": repr(contact.credentials),
            "epoch": epoch,
            "symbols": len(self._config.symbols),
        }
        environment = self._config.venue.environment
        say(logging.INFO, "start", f"mmfast {__version__} starts on {environment}", **facts)
        if contact.journal is not None:
            row = {"kind": "start", "environment": environment, **facts}
            contact.journal.put(row, sync=True)

    def _summary(self, session: Session, verdict: Verdict) -> dict[str, object]:
        return summary.summary(
            view=session.kernel.view(session.clock.now_ns()),
            counters=session.kernel.counters,
            stats=self.stats,
            open_orders=verdict.open_orders,
            errors=tuple(self.logs.error_texts),
        )

    def _last_words(self, verdict: Verdict) -> None:
        """After the live table: its last state, and what went wrong."""
        if self._on_terminal:
            print(self._table_text(shutil.get_terminal_size().columns))  # noqa: T201
        fault = self._loop.fault if self._loop is not None else ""
        if fault:
            print(f"mmfast: stopped by a fault: {fault}", file=sys.stderr)  # noqa: T201
        if not verdict.proven_empty:
            may_rest = ", ".join(verdict.may_rest)
            text = f"mmfast: own orders may still be open: {may_rest}"
            print(text, file=sys.stderr)  # noqa: T201

    def _unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An exception in a callback of the loop: nobody else would hear of it."""
        error = context.get("exception")
        if isinstance(error, Exception) and self._loop is not None:
            self._loop.on_fault("a callback", error)
        else:
            say(logging.WARNING, "loop", str(context.get("message")))


def _leave_screen(writer: LineWriter) -> None:
    writer.put(table.LEAVE)
    writer.stop()
