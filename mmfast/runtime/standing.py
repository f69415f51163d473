"""The operator's standing order: trade, only reduce, or halt until a human says resume.

It is a small file beside the lock, so it holds for the engine that runs and for every later one:
a restart does not resume by itself.
"""

from __future__ import annotations

import os
import pwd
import socket
from pathlib import Path
from typing import Final, Literal

import msgspec

from mmfast import config as configuration
from mmfast.clock import SystemClock
from mmfast.errors import StateError
from mmfast.messages import Mode
from mmfast.runtime import state

LOOK_EVERY_S: Final = 0.5
MAX_REASON_CHARS: Final = 500
_MAX_BYTES: Final = 8_192

Wish = Literal["trading", "reduce_only", "halted"]


class Standing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the operator wants until further notice, who said so, and when (Unix time, ms)."""

    wish: Wish
    reason: str = ""
    by: str = ""
    wall_ms: int = 0

    @property
    def mode(self) -> Mode:
        """The engine's mode that obeys it."""
        return Mode[self.wish.upper()]

    def __str__(self) -> str:
        """The reason that log, table and journal show."""
        if self.wish == "trading":
            return ""
        return f"{self.reason} (by {self.by}; `mmfast resume` ends it)"


TRADE: Final = Standing(wish="trading")
"""What holds where nobody has ordered anything."""


def read(path: Path) -> Standing:
    """The order that stands; a halt where it cannot be read, for it may have been one."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_BYTES), type=Standing)
    except FileNotFoundError:
        return TRADE
    except (OSError, msgspec.MsgspecError) as error:
        text = f"the standing order {path} cannot be read ({type(error).__name__})"
        return Standing(wish="halted", reason=text, by="mmfast")


def write(path: Path, standing: Standing) -> None:
    """Make an order stand, durably; raises :class:`StateError`."""
    try:
        state.write_durably(path, msgspec.json.encode(standing))
    except OSError as error:
        raise StateError(
            f"expected to write {path}, found {error.strerror}: the order does not stand; "
            "to stop the engine now use `mmfast kill`"
        ) from None


def order(config_path: Path, wish: Wish, reason: str) -> list[str]:
    """Give an order to all engines with the prefix and state of a configuration.

    Only section ``venue`` of the file must be sound. Returns a line for each engine: it runs and
    obeys within a second, or its next start will. Raises :class:`StateError` where none ever ran.
    """
    venue = configuration.salvage_venue(config_path)
    directory = config_path.resolve().parent / venue.state_dir
    locks = state.lock_paths(directory, venue.stem)
    if not locks:
        raise StateError(f"no engine has ever run with the state in {directory}")
    standing = Standing(
        wish=wish, reason=reason[:MAX_REASON_CHARS], by=_who(), wall_ms=SystemClock().wall_ms()
    )
    return [_order_one(lock, standing) for lock in locks]


def _order_one(lock: Path, standing: Standing) -> str:
    write(state.standing_path(lock), standing)
    fd = state.try_lock(lock)
    if fd >= 0:
        os.close(fd)
        return f"{standing.wish}: no engine runs with {lock.name}; its next start obeys"
    holder = state.read_holder(lock)
    pid = "" if holder is None else f" (process {holder.pid})"
    return f"{standing.wish}: the engine with {lock.name}{pid} obeys within a second"


def _who() -> str:
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container without this user
        name = f"uid {os.getuid()}"
    return f"{name}@{socket.gethostname()}"
