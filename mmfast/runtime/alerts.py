"""Alerts over a channel of their own: one JSON line each, to an executable that stays running.

Whatever is logged as a warning or an error is an alert. It is handed to a thread that writes the
executable's standard input, so neither a slow nor a dead receiver holds up trading; what waits is
bounded, the oldest is dropped and counted. A heartbeat line tells the receiver that the engine
lives: its absence is the alert of a dead man.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Mapping
from typing import Final

import orjson

from mmfast.clock import Clock, until_beat_s
from mmfast.errors import ConfigError
from mmfast.runtime.logs import LineWriter, say
from mmfast.units import NS_PER_S

MAX_WAITING: Final = 256
MAX_EVENTS: Final = 256
"""Distinct events that are counted by name; more are counted as ``other``."""
OTHER: Final = "other"
OWN_EVENT: Final = "alert_channel"
"""What the channel says of itself: logged and counted, never sent over it."""
AGAIN_MS: Final = 60_000
"""How often the same alert is sent again while it lasts."""
BEAT_S: Final = 1.0
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_GOODBYE_S: Final = 2.0
_OF_THE_KEY: Final = "BYBIT_"


class Alerts:
    """Counts alerts, and sends them where there is a command. ``who`` names the engine."""

    def __init__(
        self,
        command: tuple[str, ...],
        least_level: int,
        heartbeat_s: int,
        clock: Clock,
        who: str,
    ) -> None:
        self.counts: dict[tuple[str, str], int] = {}
        self.dropped = 0
        """Lines that were given up because the receiver took none."""
        self.last_beat_ms = 0
        """Unix time of the last sign of life."""
        self._command = command
        self._least_level = least_level
        self._heartbeat_s = heartbeat_s
        self._clock = clock
        self._who = who
        self._child: asyncio.subprocess.Process | None = None
        self._writer: LineWriter | None = None
        self._fd = -1
        self._told: dict[tuple[str, str], tuple[str, int]] = {}
        self._environment: dict[str, str] = {}

    def take(self, level: int, event: str, text: str) -> None:
        """One alert, from any thread; ``text`` holds no secret any more."""
        severity = logging.getLevelName(level).lower()
        key = (severity, event)
        if key not in self.counts and len(self.counts) >= MAX_EVENTS:
            key = (severity, OTHER)
        self.counts[key] = self.counts.get(key, 0) + 1
        if level >= self._least_level and event != OWN_EVENT and self._is_news(key, text):
            self._send(severity, event, text)

    def _is_news(self, key: tuple[str, str], text: str) -> bool:
        """The same words again are told once a minute: what goes on is no new alert."""
        now_ms = self._clock.wall_ms()
        told, at_ms = self._told.get(key, ("", 0))
        if text == told and abs(now_ms - at_ms) < AGAIN_MS:
            return False
        self._told[key] = (text, now_ms)
        return True

    async def start(self, environment: Mapping[str, str]) -> None:
        """Start the receiver, where there is one; :class:`ConfigError` if that cannot be done.

        It gets the environment without our key.
        """
        self._environment = {
            name: value for name, value in environment.items() if not name.startswith(_OF_THE_KEY)
        }
        if self._command:
            try:
                await self._spawn()
            except OSError as error:
                text = f"cannot start {self._command[0]!r}: {error.strerror}"
                raise ConfigError([("$.alerts.command", text)]) from None

    async def keep(self) -> None:
        """Start the receiver again whenever it has ended, later each time; for ever."""
        pause_s = _FIRST_PAUSE_S
        while self._child is not None:
            began_ns = self._clock.now_ns()
            code = await self._child.wait()
            say(logging.ERROR, OWN_EVENT, f"the receiver of alerts ended with code {code}")
            if self._clock.now_ns() - began_ns > _LONGEST_PAUSE_S * NS_PER_S:
                pause_s = _FIRST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            with contextlib.suppress(OSError):
                await self._spawn()

    async def beat(self) -> None:
        """Signs of life, for ever."""
        loop = asyncio.get_running_loop()
        sent_at_ms = self._clock.wall_ms()
        while True:
            self.last_beat_ms = now_ms = self._clock.wall_ms()
            if self._heartbeat_s and abs(now_ms - sent_at_ms) >= self._heartbeat_s * 1000:
                sent_at_ms = now_ms
                self._send("info", "heartbeat", "the engine lives")
            await asyncio.sleep(until_beat_s(loop.time(), BEAT_S))

    async def close(self) -> None:
        """Say goodbye: what waits is written, the receiver sees the end of its input."""
        unheard = self._leave()
        if self._child is None or self._child.returncode is not None:
            return
        if unheard:
            # It reads no more: the thread that writes to it ends with it.
            self.dropped += len(unheard)
            self._child.kill()
        try:
            async with asyncio.timeout(_GOODBYE_S):
                await self._child.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._child.kill()
            await self._child.wait()

    async def _spawn(self) -> None:
        """A receiver of its own session: a Ctrl-C for the engine is none for it."""
        waiting = self._leave()
        ours, theirs = os.pipe()
        try:
            self._child = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=ours,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env=self._environment,
                start_new_session=True,
            )
        except OSError:
            os.close(theirs)
            raise
        finally:
            os.close(ours)
        self._fd = theirs
        self._writer = LineWriter(theirs, MAX_WAITING)
        for line in waiting:
            self._writer.put(line)

    def _leave(self) -> list[bytes]:
        """Stop writing; what could not be written."""
        writer, self._writer = self._writer, None
        if writer is None:
            return []
        writer.stop()
        self.dropped += writer.dropped
        os.close(self._fd)
        return writer.left()

    def _send(self, severity: str, event: str, text: str) -> None:
        writer = self._writer
        if writer is None:
            return
        row = {
            "at_ms": self._clock.wall_ms(),
            "severity": severity,
            "event": event,
            "text": text,
            "engine": self._who,
        }
        writer.put(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
