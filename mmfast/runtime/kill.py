"""``mmfast kill``: no own order is left at the venue, whatever state the engine is in.

A living engine is told to stop, and stopped by force if it does not; then, or if there is none,
the orders are found by their prefix and cancelled from here, over a connection of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import signal
from collections.abc import MutableMapping
from enum import Enum
from pathlib import Path
from typing import Final

from mmfast import config as configuration
from mmfast.bybit.hosts import Endpoints, check_endpoints, endpoints_for
from mmfast.clock import SystemClock, VenueClock
from mmfast.config import VenueConfig
from mmfast.errors import ConfigError, MmfastError, StateError
from mmfast.ids import ClientIds
from mmfast.messages import Category
from mmfast.net.sweep import Sweeper
from mmfast.runtime import hiding, state, tuning
from mmfast.runtime.closing import void_after_ns
from mmfast.runtime.logs import LineWriter, Logs, say
from mmfast.runtime.secrets import Key, load_key
from mmfast.runtime.sweep import Swept, sweep
from mmfast.units import NS_PER_S

STDERR_FD: Final = 2
GRACE_S: Final = 5.0
"""How long an engine that was asked may take to end by itself; at most half of the whole wait."""
_FORCE_WAIT_S: Final = 2.0


def kill(config_path: Path, *, wait_s: float, environment: MutableMapping[str, str]) -> bool:
    """Stop the engine of a configuration and empty the venue; True if that is proven.

    Only section ``venue`` of the file must be readable. Raises ConfigError, and what stands in
    the way of asking the venue.
    """
    venue = configuration.salvage_venue(config_path)
    hiding.forbid_core_dumps()
    writer = LineWriter(STDERR_FD)
    logs = Logs(writer)
    logs.install()
    try:
        return tuning.run(Kill(venue, config_path, environment, logs, wait_s).run())
    except MmfastError as error:
        error.args = (logs.redact(str(error)),)
        raise
    finally:
        writer.stop()


class Ending(Enum):
    """How the run ended that held a lock."""

    PROVEN = "stopped by us, with proof that nothing is open"
    PROVEN_BEFORE = "over before we came, with proof that nothing was open"
    NOT_PROVEN = "over, and its orders may be open"


class Kill:
    """One kill, from the lock to the proof."""

    def __init__(
        self,
        venue: VenueConfig,
        config_path: Path,
        environment: MutableMapping[str, str],
        logs: Logs,
        wait_s: float,
    ) -> None:
        self._venue = venue
        self._base = config_path.resolve().parent
        self._environment = environment
        self._logs = logs
        self._clock = SystemClock()
        self._end_ns = self._clock.now_ns() + int(wait_s * NS_PER_S)
        self._grace_s = min(GRACE_S, wait_s / 2)

    async def run(self) -> bool:
        """Stop the engine, then sweep; True if nothing is left, proven."""
        directory = self._base / self._venue.state_dir
        paths = state.lock_paths(directory, self._venue.stem)
        endings = [await asyncio.to_thread(self._stop_holder, path) for path in paths]
        proven = bool(endings) and Ending.NOT_PROVEN not in endings
        if self._venue.environment == "embedded":
            say(logging.INFO, "kill", "the embedded venue ended with its engine, and all orders")
            return True
        try:
            key = load_key(self._venue, self._base, self._environment, self._logs.hide)
        except ConfigError:
            if proven and Ending.PROVEN in endings:
                return True  # the engine has a key, and has just proved it with that
            raise
        with contextlib.ExitStack() as stack:
            for path in paths:
                self._hold(path, stack)
            quiet_ns = self._clock.now_ns()
            if not proven:
                quiet_ns = void_after_ns(quiet_ns, self._venue.recv_window_ms)
            return self._tell(await self._sweep(key, quiet_ns))

    def _stop_holder(self, path: Path) -> Ending:
        """End the engine that holds a lock, if there is one; in a thread."""
        fd = state.try_lock(path)
        if fd >= 0:
            os.close(fd)
            ending = self._ending(path)
            return Ending.PROVEN_BEFORE if ending is Ending.PROVEN else ending
        holder = state.read_holder(path)
        if holder is None:
            raise StateError(f"an engine runs, but {path} does not tell its process: stop it first")
        try:
            pidfd = os.pidfd_open(holder.pid)
        except ProcessLookupError:
            return self._ending(path)
        try:
            self._stop_process(pidfd, holder.pid)
        finally:
            os.close(pidfd)
        return self._ending(path)

    def _stop_process(self, pidfd: int, pid: int) -> None:
        say(logging.WARNING, "kill", f"telling the engine (process {pid}) to stop")
        for number, wait_s in (
            (signal.SIGTERM, self._grace_s),
            (signal.SIGKILL, _FORCE_WAIT_S),
        ):
            if number is signal.SIGKILL:
                text = f"the engine did not stop in {self._grace_s:.1f} s: it is ended by force"
                say(logging.ERROR, "kill", text)
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, number)
            if select.select([pidfd], [], [], wait_s)[0]:
                return
        raise StateError(f"process {pid} does not end, not even by force")

    def _ending(self, path: Path) -> Ending:
        """What the last holder wrote into the lock; the next one begins by writing over it."""
        holder = state.read_holder(path)
        proven = holder is not None and holder.verdict == state.PROVEN
        return Ending.PROVEN if proven else Ending.NOT_PROVEN

    def _hold(self, path: Path, stack: contextlib.ExitStack) -> None:
        """Keep new engines from starting while we sweep."""
        fd = state.try_lock(path)
        if fd < 0:
            say(logging.WARNING, "kill", f"another engine has started meanwhile ({path})")
        else:
            stack.callback(os.close, fd)

    async def _sweep(self, key: Key, quiet_after_ns: int) -> Swept:
        venue = self._venue
        category = Category[venue.category.upper()]
        ids = ClientIds(venue.stem, 1)
        sweeper = Sweeper(
            rest_url=_endpoints(venue, category).rest_url,
            credentials=key.credentials(venue.recv_window_ms),
            clock=self._clock,
            venue_clock=VenueClock(self._clock),
            ids=ids,
            category=category,
            max_batch_orders=venue.max_batch_orders,
            timeout_s=venue.request_timeout_ms / 1000,
            log=lambda severity, code, text: say(logging.WARNING, code, f"{severity}: {text}"),
        )
        try:
            return await sweep(
                sweeper,
                self._clock,
                ids.is_ours,
                quiet_after_ns=quiet_after_ns,
                limit_ns=max(self._end_ns - self._clock.now_ns(), NS_PER_S),
            )
        finally:
            await sweeper.close()

    def _tell(self, swept: Swept) -> bool:
        if swept.proven:
            text = f"{swept.found_first} own orders were open; two readings show none any more"
            say(logging.INFO, "killed", text)
        else:
            text = f"not proven: {swept.left_text} own orders may still be open {swept.fault}"
            say(logging.ERROR, "not_proven", text.rstrip())
        return swept.proven


def ask_reload(config_path: Path) -> None:
    """Let the running engine read its configuration again; raises StateError if none runs."""
    venue = configuration.salvage_venue(config_path)
    directory = config_path.resolve().parent / venue.state_dir
    told = False
    for path in state.lock_paths(directory, venue.stem):
        fd = state.try_lock(path)
        if fd >= 0:
            os.close(fd)
        elif (holder := state.read_holder(path)) is not None:
            os.kill(holder.pid, signal.SIGHUP)
            told = True
    if not told:
        raise StateError(f"no engine runs with the state in {directory}")


def _endpoints(venue: VenueConfig, category: Category) -> Endpoints:
    if venue.environment != "custom":
        return endpoints_for(venue.environment, category)
    return check_endpoints(
        Endpoints(
            rest_url=venue.rest_url or "",
            ws_public_url=venue.ws_public_url or "",
            ws_private_url=venue.ws_private_url or "",
        )
    )
