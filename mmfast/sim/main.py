"""Run the embedded venue until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

from mmfast.errors import ConfigError
from mmfast.sim.params import VenueParams
from mmfast.sim.recording import RecordingError
from mmfast.sim.server import VenueServer


async def serve(
    params: VenueParams,
    host: str,
    port: int,
    announce: Callable[[dict[str, str]], None],
    stop: asyncio.Event,
    *,
    replay: Path | None = None,
    record: Path | None = None,
) -> None:
    """Serve on ``host:port`` (0: any free port) until ``stop`` is set.

    ``announce`` is called once, when clients can connect, with ``rest_url``, ``ws_url`` (the
    paths ``/v5/public/linear``, ``/v5/private`` and ``/v5/trade`` follow it), ``api_key`` and
    ``api_secret``. ``replay`` is a recording for the market to follow, ``record`` a new file for
    one; names that end in ``.gz`` are compressed. Raises ``OSError`` when the port cannot be had,
    :class:`~mmfast.errors.ConfigError` for a file that cannot be opened, and
    :class:`~mmfast.sim.recording.RecordingError`, sooner or later, for one that cannot be followed.
    """
    with contextlib.ExitStack() as files:
        heard = None if replay is None else files.enter_context(_opened(replay, "rb", "--replay"))
        tape = None if record is None else files.enter_context(_opened(record, "xb", "--record"))
        server = VenueServer(
            params,
            host,
            port,
            recording=None if heard is None else _lines(heard),
            record=None if tape is None else tape.write,
        )
        bound = await server.start()
        try:
            where = f"[{host}]:{bound}" if ":" in host else f"{host}:{bound}"
            announce(
                {
                    "rest_url": f"http://{where}",
                    "ws_url": f"ws://{where}",
                    "api_key": params.api_key,
                    "api_secret": params.api_secret,
                }
            )
            await _until(stop, server.broken)
        finally:
            await server.stop()


def _opened(path: Path, mode: str, option: str) -> IO[bytes]:
    """A recording's file; an existing one is never written over."""
    try:
        if path.suffix == ".gz":
            return cast("IO[bytes]", gzip.open(path, mode))
        return path.open(mode)
    except OSError as error:
        raise ConfigError([(option, f"cannot open {path}: {error.strerror or error}")]) from None


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    number = 0
    try:
        for line in file:
            number += 1
            yield line
    except (OSError, EOFError, zlib.error) as error:
        raise RecordingError(number + 1, f"cannot be read: {error}") from None


async def _until(stop: asyncio.Event, broken: asyncio.Future[None]) -> None:
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((stopping, broken), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if broken.done():
        broken.result()
