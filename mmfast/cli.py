"""The command line: reads arguments, calls the runtime, turns errors into one line and a code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

from mmfast import __version__
from mmfast.errors import (
    AuthError,
    ConfigError,
    MmfastError,
    OperatorNeeded,
    TransportError,
    VenueError,
)

if TYPE_CHECKING:
    from mmfast.runtime.standing import Wish


class Exit(IntEnum):
    """Exit codes, as ``--help`` explains them."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    VENUE = 3
    OPERATOR = 4


EPILOG = """\
exit codes:
  0  done; after `run` and `kill`: the venue showed twice that no own order is open
  1  stopped by a fault, or own orders may still be open at the venue (stderr lists them)
  2  bad input: arguments, configuration, key files (each fault with its path)
  3  the venue could not be reached, or refused the key, before anything was traded
  4  stopped because another engine, or somebody by hand, acts on our orders: look before you
     start it again

The API key comes from BYBIT_API_KEY and BYBIT_API_SECRET, or from the file (rights 0600) that
venue.key_file names; never from the command line or the configuration.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command ``mmfast``; returns the exit code."""
    options = _parser().parse_args(argv)
    try:
        return int(_COMMANDS[options.command](options))
    except ConfigError as error:
        for path, text in error.faults:
            print(f"mmfast: {path}: {text}", file=sys.stderr)  # noqa: T201 - this is the answer
        return Exit.BAD_INPUT
    except AuthError as error:
        return _fail(Exit.VENUE, f"the venue refused the API key: {error}")
    except (VenueError, TransportError) as error:
        return _fail(Exit.VENUE, str(error))
    except OperatorNeeded as error:
        return _fail(Exit.OPERATOR, str(error))
    except MmfastError as error:
        return _fail(Exit.FAILED, str(error))
    except ImportError as error:
        return _fail(Exit.FAILED, str(error))
    except KeyboardInterrupt:
        return _fail(Exit.FAILED, "interrupted before it was done")


def _fail(code: Exit, text: str) -> Exit:
    print(f"mmfast: {text}", file=sys.stderr)  # noqa: T201
    return code


def _run(options: argparse.Namespace) -> int:
    from mmfast.runtime import commands

    clean = commands.run(
        options.config,
        duration_s=options.duration,
        summary_path=options.summary,
    )
    return Exit.DONE if clean else Exit.FAILED


def _sim(options: argparse.Namespace) -> int:
    from mmfast.runtime import commands

    commands.sim(
        options.config,
        port=options.port,
        until_eof=options.until_eof,
        replay=options.replay,
        record=options.record,
        faults=options.faults,
        report=options.report,
        audit=options.audit,
    )
    return Exit.DONE


def _kill(options: argparse.Namespace) -> int:
    from mmfast.runtime.kill import kill

    proven = kill(options.config, wait_s=options.wait, environment=os.environ)
    return Exit.DONE if proven else Exit.FAILED


def _watchdog(_options: argparse.Namespace) -> int:
    from mmfast.runtime import watchdog

    return Exit.DONE if watchdog.run() else Exit.FAILED


def _reload(options: argparse.Namespace) -> int:
    from mmfast.runtime.kill import ask_reload

    ask_reload(options.config)
    return Exit.DONE


def _halt(options: argparse.Namespace) -> int:
    return _order("reduce_only" if options.reduce_only else "halted", options)


def _resume(options: argparse.Namespace) -> int:
    return _order("trading", options)


def _order(wish: Wish, options: argparse.Namespace) -> int:
    from mmfast.runtime import standing

    for line in standing.order(options.config, wish, options.reason):
        print(f"mmfast: {line}")  # noqa: T201 - this is the answer
    return Exit.DONE


def _simtest(options: argparse.Namespace) -> int:
    from mmfast.simtest import main as seeds

    def say(text: str) -> None:
        print(text, flush=True)  # noqa: T201

    sound = seeds.simtest(
        seeds=options.seeds,
        first=options.first,
        minutes=options.minutes,
        only=tuple(options.only),
        processes=options.processes,
        say=say,
    )
    return Exit.DONE if sound else Exit.FAILED


def _check(options: argparse.Namespace) -> int:
    from mmfast.runtime import commands

    print(commands.check(options.config), end="")  # noqa: T201
    return Exit.DONE


_COMMANDS = {
    "run": _run,
    "kill": _kill,
    "reload": _reload,
    "halt": _halt,
    "resume": _resume,
    "sim": _sim,
    "check": _check,
    "simtest": _simtest,
    "watchdog": _watchdog,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mmfast",
        description="Execution engine for market makers on Bybit v5.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mmfast {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = _command(commands, "run", "quote until stopped (SIGINT, SIGTERM)")
    run.add_argument(
        "--duration", type=_seconds, metavar="SECONDS", help="stop after so many seconds"
    )
    run.add_argument(
        "--summary", type=Path, metavar="FILE", help="write what happened to FILE, as JSON"
    )
    text = "stop the engine, cancel all orders with its prefix, prove it; with or without engine"
    kill = _command(commands, "kill", text)
    kill.add_argument(
        "--wait", type=_seconds, default=30.0, metavar="SECONDS", help="give up then (default 30)"
    )
    _command(commands, "reload", "let the running engine read its configuration again")
    _add_orders(commands)
    sim = _command(commands, "sim", "serve the embedded venue; its addresses come on stdout")
    sim.add_argument("--port", type=_port, default=0, metavar="N", help="0 (default): any free")
    sim.add_argument("--until-eof", action="store_true", help="stop when standard input is closed")
    text = "let the market follow a recording (JSON lines, .gz: compressed) instead of a seed"
    sim.add_argument("--replay", type=Path, metavar="FILE", help=text)
    text = "record the public streams to a new file"
    sim.add_argument("--record", type=Path, metavar="FILE", help=text)
    text = "misbehave as this schedule of faults (YAML) says"
    sim.add_argument("--faults", type=Path, metavar="FILE", help=text)
    text = "at the end write the audit's report to FILE, as JSON"
    sim.add_argument("--report", type=Path, metavar="FILE", help=text)
    text = "write every request to FILE, a line of JSON each"
    sim.add_argument("--audit", type=Path, metavar="FILE", help=text)
    _command(commands, "check", "validate the configuration and print what is in force")
    _add_simtest(commands)
    commands.add_parser("watchdog")  # without help: `mmfast run` starts it, nobody else
    return parser


def _add_orders(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Standing orders: they hold over restarts, until ``resume``."""
    text = "withdraw all quotes and stay so, over restarts too, until `mmfast resume`"
    halt = _command(commands, "halt", text)
    text = "do not withdraw: only quotes that reduce a position stay"
    halt.add_argument("--reduce-only", action="store_true", help=text)
    resume = _command(commands, "resume", "trade again after `mmfast halt`")
    text = "why, for the log, the table and whoever comes next"
    halt.add_argument("--reason", default="no reason given", metavar="TEXT", help=text)
    resume.add_argument("--reason", default="no reason given", metavar="TEXT", help=text)


def _add_simtest(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "simulate the engine on virtual time with seeded faults, and check its promises"
    parser = commands.add_parser("simtest", help=text, description=text)
    parser.add_argument("--seeds", type=_count, default=20, metavar="N", help="how many seeds")
    parser.add_argument(
        "--from", dest="first", type=_count, default=1, metavar="SEED", help="the first of them"
    )
    parser.add_argument(
        "--minutes", type=_seconds, default=6.0, metavar="M", help="virtual time of each (6)"
    )
    text = "leave out all faults but these (docs/reliability.md lists them)"
    parser.add_argument("--only", nargs="+", default=(), metavar="FAULT", help=text)
    text = "seeds run at one time (default: one for each processor)"
    parser.add_argument("--processes", type=_count, metavar="N", help=text)


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=text,
        description=text,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        default=Path("config.yaml"),
        metavar="FILE",
        help="configuration (default: ./config.yaml)",
    )
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1e9:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, found {text}")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value < 1 << 31:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {text}")
    return value


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65_535:
        raise argparse.ArgumentTypeError(f"expected 0 to 65535, found {text}")
    return value
