"""One run of the engine: start, quote until told to stop, leave nothing behind."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from mmfast import config as configuration
from mmfast.config import Config
from mmfast.engine.planning.planner import Planner, policy_of
from mmfast.errors import (
    AuthError,
    ConfigError,
    InvariantError,
    TransportError,
)
from mmfast.messages import Mode, ModeChange
from mmfast.net.login import LoginConnection
from mmfast.runtime import closing, protection, reach, reload, standing, tuning
from mmfast.runtime.assemble import config_for_instruments
from mmfast.runtime.control import FileWatch
from mmfast.runtime.grids import GridKeeper
from mmfast.runtime.journal import Trouble
from mmfast.runtime.logs import say
from mmfast.runtime.obedience import Obedience
from mmfast.runtime.session import Contact, Session
from mmfast.runtime.tasks import TaskGroup
from mmfast.runtime.timekeeping import TimeKeeper
from mmfast.runtime.warmth import keep_warm
from mmfast.runtime.wishes import Wishes

START_LIMIT_S: Final = 20.0
INSTRUMENTS_EVERY_S: Final = 60.0
WARM_CONNECTIONS: Final = 4
MAX_TRACE_CHARS: Final = 1_500


class AsyncQuoteLoop:
    """Start, run, stop. :meth:`run` does all three and tells how it ended.

    The gate for new orders closes in the same loop turn in which :meth:`ask_stop` is called.
    """

    def __init__(self, *, config: Config, config_path: Path, contact: Contact) -> None:
        self.config = config
        self.contact = contact
        self.session: Session | None = None
        self.fault = ""
        """What went wrong, if the run ended for that; the exit code is then not 0."""
        self.needs_operator = False
        """The fault is one that a new start would only repeat."""
        self.before_trading: Callable[[], Awaitable[None]] = _nothing
        """What must be ready before the first order may leave."""
        self.stood_in_for: Callable[[], bool] = _never
        """Whether the watchdog has just acted for this engine."""
        self.wishes = Wishes(self._close_gate)
        self.standing_path: Path | None = None
        """Where the operator's standing order lies; None where nobody gives any."""
        self._config_path = config_path
        self._stopping = asyncio.Event()
        self._settled = asyncio.Event()
        self._kernel_works = True
        self._spare_ledger: Planner | None = None
        """Pays for cancels where there is no kernel yet, or one that is not believed."""
        self._born_ns = contact.clock.now_ns()
        self._venue_gone = False
        self._reload_wanted = asyncio.Event()
        self._tasks = TaskGroup(8, self.on_fault)

    async def run(self, duration_s: float | None = None) -> closing.Verdict:
        """A whole run; ``duration_s`` counts from the first moment of trading.

        Raises what :meth:`start` raises, after closing what was open.
        """
        try:
            await self._start_unless_stopped()
            if not self._stopping.is_set():
                self._serve()
                if duration_s is not None:
                    loop = asyncio.get_running_loop()
                    loop.call_later(duration_s, self.ask_stop, "end of --duration")
            await self._stopping.wait()
        finally:
            verdict = await self._stop()
        return verdict

    def ask_stop(self, reason: str) -> None:
        """Stop quoting now and end the run; further calls only say that it is under way."""
        if self._stopping.is_set():
            say(logging.INFO, "stopping", f"{reason}: already stopping, own orders are cancelled")
            return
        self._stopping.set()
        say(logging.INFO, "stopping", f"{reason}: quotes are withdrawn")
        self._close_gate(Mode.HALTED if self.fault else Mode.DRAINING, reason)

    def progress(self) -> int:
        """A number that changes as quoting gets on; -1 while nothing is expected of it."""
        session = self.session
        if session is None or self._stopping.is_set() or session.kernel.mode is not Mode.TRADING:
            return -1
        return self.contact.stats.flushes

    def on_fault(self, name: str, error: BaseException) -> None:
        """An exception nobody expected: halt, say so, end with an exit code that is not 0."""
        if name == "kernel" or isinstance(error, InvariantError):
            self._kernel_works = False
        trace = "".join(traceback.format_exception(error))[-MAX_TRACE_CHARS:]
        self.fail(f"{name} failed: {type(error).__name__}: {error}", trace=trace)

    def fail(self, text: str, *, venue_gone: bool = False, trace: str = "") -> None:
        """End the run because of a fault. With ``venue_gone`` there is no one left to ask."""
        say(logging.ERROR, "fault", text, **({"trace": trace} if trace else {}))
        self.fault = self.fault or text
        self._venue_gone = self._venue_gone or venue_gone
        self.ask_stop(text)

    def hold(self, name: str, reason: str) -> None:
        """Withdraw all quotes for a reason of the shell's own, until :meth:`release`."""
        if not self._stopping.is_set() and self.wishes.hold(name, reason):
            say(logging.ERROR, "held", f"quotes are withdrawn: {reason}")

    def release(self, name: str) -> None:
        """The reason is gone; quote again if no other is left."""
        if self._stopping.is_set():
            return
        if reason := self.wishes.release(name):
            say(logging.INFO, "released", f"over: {reason}")

    def journal_trouble(self, trouble: Trouble) -> None:
        """The journal cannot be written: nothing new is sent, cancels are."""
        text = f"the journal cannot be written: {trouble.text}"
        if trouble.is_final:
            self.fail(text)
        else:
            self.hold("journal", text)

    def journal_well(self) -> None:
        """The journal can be written again."""
        self.release("journal")

    def _other_hand(self, text: str) -> None:
        """Another engine or a person acts on our orders: stop, unless it was our own watchdog."""
        if self._stopping.is_set() or self.stood_in_for():
            return
        self.needs_operator = True
        self.fail(text)

    async def start(self) -> None:
        """From first contact to trading. Raises ConfigError, AuthError, TransportError and other
        :class:`MmfastError` with what stands in the way."""
        contact, config = self.contact, self.config
        await reach.measure_clock(contact.rest, contact.endpoints.rest_url)
        await reach.check_key(contact.rest)
        instruments = await reach.load_instruments(contact.rest, config)
        params = config_for_instruments(config, instruments)
        if contact.cut_short:
            await closing.until_void(contact.clock, self._born_ns, config.venue.recv_window_ms)
        policy = policy_of(params.batch)
        self._spare_ledger = ledger = Planner(params.planner, policy, contact.category)
        await reach.cancel_strays(contact.rest, instruments, ledger, contact.clock)
        window_s = config.venue.dcp_window_s
        contact.protected = await protection.ask_for_protection(contact.rest, window_s)
        await contact.rest.warm(WARM_CONNECTIONS)
        await self.before_trading()
        self.session = Session(
            contact=contact,
            config=config,
            instruments=instruments,
            params=params,
            on_mode=self._mode_changed,
            on_fault=self.on_fault,
            on_other_hand=self._other_hand,
            on_halt=self._halt,
        )
        tuning.settle_memory()
        self.wishes.renew()
        self.session.start()
        await self._until_trading(self.session)

    async def reload(self) -> None:
        """Take the configuration file again; any fault leaves the running one in force."""
        session = self.session
        if session is None or self._stopping.is_set():
            return
        try:
            offered = await asyncio.to_thread(configuration.load, self._config_path)
            changed = reload.changes(self.config, offered)
            params = config_for_instruments(offered, session.instruments)
        except ConfigError as error:
            self.contact.stats.reloads_refused += 1
            for path, text in error.faults:
                refusal = f"{path}: {text}; the running configuration stays"
                say(logging.ERROR, "reload_refused", refusal)
            return
        self.config = offered
        session.restore_batching("the configuration was read again")
        if changed:
            self.contact.stats.reloads_taken += 1
            session.take_params(params)
            say(logging.INFO, "reload", "; ".join(str(change) for change in changed))

    async def _start_unless_stopped(self) -> None:
        """Start, but let a stop asked for meanwhile end the start."""
        start = asyncio.ensure_future(self.start())
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((start, stop), return_when=asyncio.FIRST_COMPLETED)
            if start.done():
                await start
        finally:
            for task in (start, stop):
                task.cancel()
            await asyncio.gather(start, stop, return_exceptions=True)

    async def _until_trading(self, session: Session) -> None:
        try:
            async with asyncio.timeout(START_LIMIT_S):
                await session.streams_up.wait()
                await self._settled.wait()
        except TimeoutError:
            pass
        else:
            return
        for stream in session.streams:
            if isinstance(stream, LoginConnection) and stream.auth_refusals:
                raise AuthError(10004, f"the {stream.name} stream refused the login")
        if not session.streams_up.is_set():
            down = ", ".join(stream.name for stream in session.streams if not stream.up)
            down = down or "orders have no way out"
            text = f"the venue's streams did not come up in {START_LIMIT_S:.0f} s: {down}"
            raise TransportError(text)
        raise TransportError(
            f"not ready to trade {START_LIMIT_S:.0f} s after the start: "
            f"{session.kernel.view(session.clock.now_ns()).mode_reason}"
        )

    def _serve(self) -> None:
        """What goes on beside quoting."""
        session = self.session
        assert session is not None  # noqa: S101 - serving begins after the start
        work: dict[str, Coroutine[Any, Any, None]] = {
            "config-watch": FileWatch(self._config_path).run(self._reload_wanted.set),
            "config-reload": self._reload_when_wanted(),
            "clock": self._time_keeper().run(),
            "instruments": GridKeeper(session, lambda: self.config).keep(INSTRUMENTS_EVERY_S),
            "warmth": keep_warm(self.contact.rest),
        }
        if self.contact.protected:
            window_s = self.config.venue.dcp_window_s
            work["dcp"] = protection.keep_protection(self.contact.rest, window_s)
        if self.standing_path is not None:
            work["standing-order"] = self._obedience(self.standing_path).run()
        for name, coroutine in work.items():
            self._tasks.start(coroutine, name)

    def _obedience(self, path: Path) -> Obedience:
        session = self.session
        assert session is not None  # noqa: S101 - serving begins after the start

        async def prove_empty() -> bool:
            return (await self._prove_empty(session)).proven_empty

        restore = session.restore_batching
        return Obedience(self.wishes, path, self._own_halt, self.fail, prove_empty, restore)

    def _halt(self, reason: str) -> None:
        """A control has been passed: halt as if the operator had ordered it, durably."""
        order = self.wishes.halt(reason, self.contact.clock.wall_ms())
        if order is not None and self.standing_path is not None:
            work = asyncio.to_thread(standing.write, self.standing_path, order)
            self._tasks.start(work, "halt-note")

    def _own_halt(self) -> str:
        """Why the engine halted though no operator ordered it; empty where it did not."""
        session = self.session
        if session is None or session.kernel.mode is not Mode.HALTED or self._stopping.is_set():
            return ""
        reason = session.kernel.view(self.contact.clock.now_ns()).mode_reason
        return "" if self.wishes.ruling == (Mode.HALTED, reason) else reason

    def _time_keeper(self) -> TimeKeeper:
        contact, session = self.contact, self.session
        assert session is not None  # noqa: S101 - serving begins after the start
        keeper = TimeKeeper(
            contact.rest,
            contact.venue_clock,
            self.config.venue.recv_window_ms,
            on_leap=session.distrust,
            hold=self.hold,
            release=self.release,
        )
        session.witness.on_clock_refusal = keeper.doubt
        return keeper

    def ask_reload(self) -> None:
        """Read the configuration file again, soon (SIGHUP); however often asked, once."""
        say(logging.INFO, "reload", "reading the configuration file again")
        self._reload_wanted.set()

    async def _reload_when_wanted(self) -> None:
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            await self.reload()

    def _mode_changed(self, mode: Mode, reason: str) -> None:
        contact = self.contact
        contact.stats.mode_changed(mode, reason, contact.clock.now_ns())
        if contact.journal is not None:
            contact.journal.put({"kind": "mode", "mode": mode.name, "reason": reason}, sync=True)
        if mode in (Mode.TRADING, Mode.REDUCE_ONLY, Mode.HALTED):
            self._settled.set()
        if mode in (Mode.TRADING, Mode.REDUCE_ONLY) and self.session is not None:
            self.session.other_hand.settle()
        if own := self._own_halt():
            self.fail(f"the engine halted: {own}")

    def _close_gate(self, mode: Mode, reason: str) -> None:
        """From here on only cancels leave; said to the kernel in this very turn."""
        if self.session is not None:
            self.session.pump.event(ModeChange(mode, reason))

    async def _stop(self) -> closing.Verdict:
        """Cancel, prove, close. Runs whatever happened before."""
        asked = self._stopping.is_set()
        if not asked:
            self._stopping.set()
            self._close_gate(Mode.DRAINING, "the run ended")
        await self._tasks.close()
        session, contact = self.session, self.contact
        verdict = closing.Verdict(proven_empty=True, open_orders=0)
        try:
            if self._venue_gone:
                gone = ("the venue itself has ended",)
                verdict = closing.Verdict(proven_empty=False, open_orders=-1, may_rest=gone)
            elif session is not None:
                verdict = await self._prove_empty(session)
            elif asked:
                # Told to stop before it knew its instruments; an earlier run may have left some.
                settled_ns = closing.void_after_ns(self._born_ns, self.config.venue.recv_window_ms)
                verdict = await closing.sweep_leftovers(contact, self.config, settled_ns)
        finally:
            if session is not None:
                await session.close()
            await contact.rest.close()
        return verdict

    async def _prove_empty(self, session: Session) -> closing.Verdict:
        contact, config = self.contact, self.config
        now_ns = contact.clock.now_ns()
        ledger = session.kernel.planner if self._kernel_works else self._spare_ledger
        assert ledger is not None  # noqa: S101 - made before the session
        verdict = await closing.prove_empty(
            venue=contact.rest,
            clock=contact.clock,
            ledger=ledger,
            kernel_open=session.kernel.open_orders,
            kernel_works=self._kernel_works,
            settled_after_ns=closing.void_after_ns(now_ns, config.venue.recv_window_ms),
            describe=lambda order: closing.order_text(order, session.instruments, contact.ids),
            on_cancel=session.other_hand.cancelling,
        )
        if verdict.proven_empty:
            say(logging.INFO, "closed", "the venue shows no open order of ours")
        else:
            may_rest = ", ".join(verdict.may_rest)
            say(logging.ERROR, "not_proven", f"own orders may still be open: {may_rest}")
        return verdict


async def _nothing() -> None:
    """Nothing has to be ready."""


def _never() -> bool:
    """Nobody stands in for us."""
    return False
