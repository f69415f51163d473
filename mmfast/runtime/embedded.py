"""The embedded venue as a child process: started with us, gone with us.

The child watches its standard input: when our end of the pipe closes, however we ended, it stops.
It has a session of its own, so that Ctrl-C reaches the engine alone, which still needs the venue
to prove that its orders are gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Final

import msgspec

from mmfast.errors import MmfastError

START_TIMEOUT_S: Final = 20.0
STOP_TIMEOUT_S: Final = 5.0


class Announcement(msgspec.Struct, frozen=True):
    """First line of ``mmfast sim``: where it listens and who may trade there."""

    rest_url: str
    ws_url: str
    api_key: str
    api_secret: str

    def __repr__(self) -> str:
        return f"Announcement(rest_url={self.rest_url!r}, ws_url={self.ws_url!r})"


class EmbeddedVenueError(MmfastError):
    """The embedded venue could not be started or ended by itself."""


class EmbeddedVenue:
    """One ``mmfast sim`` child. :meth:`start`, later :meth:`stop`; :meth:`ended` waits."""

    def __init__(self, config_path: Path) -> None:
        self._config_path = config_path
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> Announcement:
        """Start the child and read its announcement; raises :class:`EmbeddedVenueError`."""
        arguments = ("-m", "mmfast", "sim", "-c", str(self._config_path), "--until-eof")
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None  # noqa: S101
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), START_TIMEOUT_S)
            return msgspec.json.decode(line, type=Announcement)
        except (TimeoutError, msgspec.DecodeError):
            await self.stop()
            raise EmbeddedVenueError(
                "the embedded venue did not start: expected its announcement within "
                f"{START_TIMEOUT_S:.0f} s; its own message stands above"
            ) from None

    async def ended(self) -> int:
        """Wait until the child ends; returns its exit code."""
        assert self._process is not None  # noqa: S101
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask the child to end by closing its input, then insist."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None  # noqa: S101
        process.stdin.close()
        for insist in (process.terminate, process.kill):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
                return
            with contextlib.suppress(ProcessLookupError):
                insist()
        await process.wait()
