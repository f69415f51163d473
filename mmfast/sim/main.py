"""Run the embedded venue until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple, cast

import orjson

from mmfast.errors import ConfigError
from mmfast.sim.audit.requests import Record
from mmfast.sim.fault_terms.schedule import Schedule
from mmfast.sim.params import VenueParams
from mmfast.sim.replay.recording import RecordingError
from mmfast.sim.server import VenueServer


class ServeOptions(NamedTuple):
    """What a venue does beside serving; names that end in ``.gz`` are compressed."""

    faults: Schedule | None = None
    """Faults it has, from the start."""
    report: Path | None = None
    """Gets the audit's report as JSON, at the end."""
    audit: Path | None = None
    """Gets every request as a line of JSON, while it runs."""
    replay: Path | None = None
    """A recording for the market to follow."""
    record: Path | None = None
    """A new file for a recording."""


DEFAULT_OPTIONS: Final = ServeOptions()


async def serve(
    params: VenueParams,
    host: str,
    port: int,
    announce: Callable[[dict[str, str]], None],
    stop: asyncio.Event,
    options: ServeOptions = DEFAULT_OPTIONS,
) -> None:
    """Serve on ``host:port`` (0: any free port) until ``stop`` is set.

    ``announce`` is called once, when clients can connect, with ``rest_url``, ``ws_url`` (the
    paths ``/v5/public/linear``, ``/v5/private`` and ``/v5/trade`` follow it), ``api_key`` and
    ``api_secret``. Raises ``OSError`` when the port cannot be had,
    :class:`~mmfast.errors.ConfigError` for a file that cannot be opened or a fault the venue
    cannot have, and :class:`~mmfast.sim.replay.recording.RecordingError`, sooner or later, for a
    recording that cannot be followed.
    """
    with contextlib.ExitStack() as files:
        # Opened before anything is served, so that a path nobody can use is told at once.
        heard = _file(files, options.replay, "rb", "--replay")
        tape = _file(files, options.record, "xb", "--record")
        report = _file(files, options.report, "wb", "--report")
        audit = _file(files, options.audit, "wb", "--audit")
        server = VenueServer(
            params,
            host,
            port,
            recording=None if heard is None else _lines(heard),
            record=None if tape is None else tape.write,
            faults=options.faults,
        )
        bound = await server.start()
        if audit is not None:
            server.audit.tap = _tap(audit)
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
            if report is not None:
                text = orjson.dumps(server.report(), option=orjson.OPT_INDENT_2)
                report.write(text + b"\n")
        finally:
            await server.stop()


def _file(
    files: contextlib.ExitStack, path: Path | None, mode: str, option: str
) -> IO[bytes] | None:
    return None if path is None else files.enter_context(_opened(path, mode, option))


def _tap(audit: IO[bytes]) -> Callable[[Record], None]:
    def write(record: Record) -> None:
        audit.write(orjson.dumps(record._asdict()) + b"\n")

    return write


def _opened(path: Path, mode: str, option: str) -> IO[bytes]:
    """A file of this mode; mode ``x`` never writes over an existing one."""
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
