"""What the three commands do: run the engine, serve the embedded venue, check a configuration."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import orjson
import yaml

from mmfast import __version__, _core
from mmfast import config as configuration
from mmfast._core import sign
from mmfast.bybit.hosts import is_loopback
from mmfast.config import Config
from mmfast.engine import INTERPRETED
from mmfast.errors import ConfigError, MmfastError
from mmfast.messages import Instrument
from mmfast.runtime import assemble, hiding, tuning
from mmfast.runtime.limits import effective_limits
from mmfast.runtime.running import Running
from mmfast.sim import main as sim_main
from mmfast.sim.fault_terms.schedule import Schedule, read_schedule
from mmfast.sim.instruments.catalogue import listings
from mmfast.sim.params import VenueParams

LOOPBACK: Final = "127.0.0.1"


def run(config_path: Path, *, duration_s: float | None, summary_path: Path | None) -> bool:
    """Run the engine; True if it ended as it should and no own order is left, proven.

    Raises ConfigError for bad input, and what stood in the way of a start.
    """
    config = _load(config_path)
    hiding.forbid_core_dumps()
    running = Running(config=config, config_path=config_path, environment=os.environ)
    return tuning.run(running.main(duration_s=duration_s, summary_path=summary_path))


def sim(
    config_path: Path,
    *,
    port: int,
    until_eof: bool,
    replay: Path | None = None,
    record: Path | None = None,
    faults: Path | None = None,
    report: Path | None = None,
    audit: Path | None = None,
) -> None:
    """Serve the embedded venue until SIGINT, SIGTERM, or (``until_eof``) the end of stdin.

    ``replay`` is a recording for its market to follow, ``record`` a new file for one; ``faults``
    a schedule of how to misbehave; ``report`` and ``audit`` take what it was asked, at the end
    and all the time. Raises ConfigError for bad input.
    """
    config = configuration.load(config_path)
    params = assemble.venue_params(config)
    _check_sizes(config)
    schedule = None if faults is None else _read_faults(faults)
    options = sim_main.ServeOptions(schedule, report, audit, replay, record)
    try:
        tuning.run(_serve(params, port, options, until_eof=until_eof))
    except OSError as error:
        text = f"cannot listen on {LOOPBACK}:{port}: {error.strerror or error}"
        raise ConfigError([("--port", text)]) from None


def _read_faults(path: Path) -> Schedule:
    try:
        data = path.read_bytes()
    except OSError as error:
        text = f"cannot read {path}: {error.strerror or error}"
        raise ConfigError([("--faults", text)]) from None
    return read_schedule(data)


def check(config_path: Path) -> str:
    """The effective configuration as YAML, with the build and the limits in comments; raises
    ConfigError. What the venue's filters make of the limits is known for the embedded one only."""
    config = _load(config_path)
    head = (
        f"# mmfast {__version__}, core {_core.VERSION} built as {_core.BUILD}, "
        f"signing by {sign.BACKEND}, engine {'interpreted' if INTERPRETED else 'compiled'}\n"
    )
    plain = configuration.effective(config)
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=False, width=100)
    limits = "".join(f"# {line}\n" for line in effective_limits(config, _known(config)))
    return f"{head}{text}# The limits in force:\n{limits}"


def _known(config: Config) -> list[Instrument]:
    """The instruments as far as they are known without asking a venue."""
    if config.venue.environment != "embedded":
        return []
    return [row.instrument for row in listings(tuple(row.symbol for row in config.symbols))]


def _load(config_path: Path) -> Config:
    """The configuration with everything checked that can be checked without the venue."""
    config = configuration.load(config_path)
    _check_core(config)
    if config.venue.environment == "embedded":
        assemble.venue_params(config)
        _check_sizes(config)
    else:
        assemble.endpoints(config)
    return config


def _check_core(config: Config) -> None:
    if __version__ != _core.VERSION:
        raise MmfastError(
            f"the compiled core is of version {_core.VERSION}, the package of {__version__}: "
            "install again so that both are of one version"
        )
    if _core.BUILD != "release" and _real_money(config):
        text = f"real money needs a core built as release, found {_core.BUILD}: build it again"
        raise ConfigError([("$.venue.environment", text)])
    if INTERPRETED and _real_money(config):
        text = "real money needs the compiled engine: run without -X mmfast_engine=interpreted"
        raise ConfigError([("$.venue.environment", text)])


def _real_money(config: Config) -> bool:
    """Mainnet, or an address of the user's own that is not on this machine."""
    venue = config.venue
    if venue.environment != "custom":
        return venue.environment == "mainnet"
    return not is_loopback(urlsplit(venue.rest_url or ""))


def _check_sizes(config: Config) -> None:
    """Sizes against the embedded venue's own filters, which are known before it runs."""
    try:
        rows = listings(tuple(row.symbol for row in config.symbols))
    except ConfigError as error:
        raise ConfigError([(f"{path}.symbol", text) for path, text in error.faults]) from None
    assemble.config_for_instruments(config, [row.instrument for row in rows])


async def _serve(
    params: VenueParams, port: int, options: sim_main.ServeOptions, *, until_eof: bool
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if until_eof:
        loop.add_reader(sys.stdin.fileno(), _watch_input, stop)
    await sim_main.serve(params, LOOPBACK, port, _announce, stop, options)


def _watch_input(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop.set()


def _announce(row: dict[str, str]) -> None:
    sys.stdout.buffer.write(orjson.dumps(row) + b"\n")
    sys.stdout.flush()
