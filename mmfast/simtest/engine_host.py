"""The host of the engine: starts it, kills it, starts it again, and says how each life ended."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from mmfast import config as configuration
from mmfast.bybit.auth import Credentials
from mmfast.config import Config
from mmfast.engine.kernel import Kernel
from mmfast.errors import MmfastError
from mmfast.net import rest
from mmfast.runtime import assemble, session, standing, tuning
from mmfast.runtime.ban import BanNote
from mmfast.runtime.closing import Verdict
from mmfast.runtime.journal import Trouble
from mmfast.runtime.quote_loop import AsyncQuoteLoop
from mmfast.runtime.secrets import LONG_WINDOW_MS
from mmfast.runtime.session import Contact
from mmfast.runtime.standing import Standing
from mmfast.runtime.state import StateDir
from mmfast.runtime.stats import RunStats
from mmfast.simtest.loop import Stopped, Time, VirtualClock, VirtualLoop, World
from mmfast.simtest.paper import Paper
from mmfast.simtest.patches import replaced
from mmfast.simtest.swarm import API_KEY, CANARY, PREFIX

_TLS: Final = ssl.create_default_context()
MAX_LIVES: Final = 120
"""Starts of the engine in one seed; more of them is a loop."""


class Life:
    """How one life of the engine ended."""

    def __init__(self) -> None:
        self.loop: AsyncQuoteLoop | None = None
        self.verdict: Verdict | None = None
        self.error: BaseException | None = None
        self.killed = False
        self.asked = False
        """It was told to stop from outside."""

    def bug(self) -> str:
        """What cannot be explained by any fault outside; empty for nothing."""
        if self.error is not None and not isinstance(self.error, MmfastError):
            return f"{type(self.error).__name__}: {self.error}"
        fault = self.loop.fault if self.loop is not None else ""
        return fault if " failed: " in fault else ""

    def end(self) -> str:
        """Its end in a few words."""
        if self.killed:
            return "killed"
        if self.error is not None:
            return type(self.error).__name__
        fault = self.loop.fault if self.loop is not None else ""
        return fault.split(":")[0] if fault else "stopped"


class EngineHost:
    """Runs the engine of one seed. ``watch`` is shown each new kernel before its first event."""

    def __init__(
        self,
        time: Time,
        clock: VirtualClock,
        world: World,
        folder: Path,
        watch: Callable[[Kernel, Contact], Kernel],
        paper: Paper,
    ) -> None:
        self.time = time
        self.clock = clock
        self.life = Life()
        self.lives = 0
        self.obeys = False
        """An operator's orders are heard, and a halt is one that stands over restarts."""
        self.config_path = folder / "config.yaml"
        self._world = world
        self._folder = folder
        self._watch = watch
        self._paper = paper
        self._event_loop: VirtualLoop | None = None
        self._graves: list[tuple[VirtualLoop, set[asyncio.Task[Any]]]] = []

    def live(self) -> Life:
        """One life, from start to end; returns when it is over."""
        self.lives += 1
        self.life = life = Life()
        loop = self._event_loop = VirtualLoop(self.time, self._world)
        loop.set_exception_handler(self._complain)
        state = self._state()
        try:
            life.verdict = loop.run_until_complete(self._run(life, state))
        except Stopped:
            life.killed = True
        except Exception as error:  # noqa: BLE001 - however it ends, the simulation goes on
            life.error = error
        finally:
            state.__exit__(None, None, None)
            self._event_loop = None
            left = asyncio.all_tasks(loop)
            if life.killed or left:
                self._graves.append((loop, left))
            else:
                loop.close()
        return life

    def config(self) -> Config:
        """What stands in the file now."""
        return configuration.load(self.config_path)

    def kill(self) -> None:
        """SIGKILL: nothing of the engine runs any more."""
        if self._event_loop is not None:
            self._event_loop.kill()

    def stop(self, reason: str) -> bool:
        """SIGTERM; False when there is nothing to stop."""
        loop = self.life.loop
        if self._event_loop is None or loop is None:
            return False
        self.life.asked = True
        loop.ask_stop(reason)
        return True

    def fill_disk(self) -> bool:
        """The journal cannot be written; False when there is no engine to mind it."""
        loop = self.life.loop
        if self._event_loop is None or loop is None:
            return False
        loop.journal_trouble(Trouble("No space left on device", is_final=False))
        return True

    def free_disk(self) -> None:
        """The journal can be written again."""
        loop = self.life.loop
        if self._event_loop is not None and loop is not None:
            loop.journal_well()

    def reload(self, data: bytes) -> bool:
        """A changed file and SIGHUP; False when there is nobody to read it."""
        loop = self.life.loop
        self.config_path.write_bytes(data)
        if self._event_loop is None or loop is None:
            return False
        loop.ask_reload()
        return True

    def resume(self) -> None:
        """The operator resumes, whether an engine runs or not."""
        at_ms = self.clock.wall_ms()
        order = Standing(wish="trading", reason="looked at it", by="operator", wall_ms=at_ms)
        standing.write(self._state().standing_path, order)

    def bury(self) -> None:
        """Forget the killed: their coroutines are closed without a word.

        Python runs the ``finally`` of whatever it closes, and those may begin new tasks, which
        are closed in their turn: a coroutine that never ran would otherwise complain.
        """
        for loop, left in self._graves:
            _bury(loop, left)
        self._graves.clear()

    async def _run(self, life: Life, state: StateDir) -> Verdict:
        config = self.config()
        with state:
            epoch = state.next_epoch(self.clock.wall_ms())
            contact = Contact(
                config=config,
                endpoints=assemble.endpoints(config),
                credentials=Credentials.hmac(
                    API_KEY,
                    CANARY,
                    short_window_ms=config.venue.recv_window_ms,
                    long_window_ms=max(LONG_WINDOW_MS, config.venue.recv_window_ms),
                ),
                epoch=epoch,
                clock=self.clock,
                stats=RunStats(self.clock.now_ns()),
            )

            contact.cut_short = state.cut_short
            ban = BanNote(state.ban_path, self.clock)
            contact.rest.heed_ban(ban.until_ns(), ban.write)

            def fresh_kernel(*args: Any) -> Kernel:  # noqa: ANN401
                return self._watch(Kernel(*args), contact)

            with replaced(session, "Kernel", fresh_kernel):
                life.loop = AsyncQuoteLoop(
                    config=config, config_path=self.config_path, contact=contact
                )
                if self.obeys:
                    life.loop.standing_path = state.standing_path
                    life.loop.wishes.stand(standing.read(state.standing_path))
                contact.journal = journal = self._paper.open(
                    state.journal_path,
                    clock=self.clock,
                    on_trouble=life.loop.journal_trouble,
                    on_well=life.loop.journal_well,
                )
                try:
                    verdict = await life.loop.run()
                finally:
                    journal.close()
                state.note_end(proven_empty=verdict.proven_empty)
                return verdict

    def _state(self) -> StateDir:
        return StateDir(self._folder / "state", PREFIX + "1", API_KEY)

    def _complain(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """As ``mmfast run`` does: an exception in a callback ends the run."""
        del loop
        error = context.get("exception")
        if isinstance(error, Exception) and self.life.loop is not None:
            self.life.loop.on_fault("a callback", error)


def _bury(loop: VirtualLoop, left: set[asyncio.Task[Any]]) -> None:
    buried: set[asyncio.Task[Any]] = set()
    asyncio._set_running_loop(loop)  # what they still begin shall not get a real loop for it
    try:
        while left - buried:
            loop._ready.clear()  # type: ignore[attr-defined]
            loop._scheduled.clear()  # type: ignore[attr-defined]
            for task in left - buried:
                _close(task)
                buried.add(task)
            left = left | asyncio.all_tasks(loop)
    finally:
        asyncio._set_running_loop(None)
    loop.close()


def _close(task: asyncio.Task[Any]) -> None:
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    with contextlib.suppress(BaseException), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        task.get_coro().close()


@contextlib.contextmanager
def quiet_interpreter() -> Iterator[None]:
    """No pass of the garbage collector falls into a simulation, and the engine arranges none."""
    with (
        replaced(tuning, "settle_memory", _nothing),
        replaced(tuning, "gc", _NoCollector),
        # Nothing is encrypted here, and reading the authorities takes longer than a start.
        replaced(rest, "tls_context", lambda: _TLS),
    ):
        enabled = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if enabled:
                gc.enable()
            gc.collect()


class _NoCollector:
    @staticmethod
    def collect(_generation: int = 2) -> int:
        return 0


def _nothing() -> None:
    """Memory is not settled: many engines live one after the other here."""
