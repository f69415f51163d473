"""Keeping the key out of what others on this host can look at: core files, /proc, the debugger."""

from __future__ import annotations

import ctypes
import resource
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_PR_SET_DUMPABLE: Final = 4
_ENV_START_FIELD: Final = 50
"""Of /proc/self/stat, as proc(5) counts the fields."""


def forbid_core_dumps() -> None:
    """A core file of this process would hold the API secret. Without one to dump, only root may
    attach to the process or read its memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def wipe_environment(secrets: Iterable[str]) -> None:
    """Overwrite these texts in the environment the process was started with.

    Taking a variable away hides it from children, but /proc/PID/environ shows the memory it stood
    in for as long as the process lives. Best effort: where /proc is not to be had, nobody can
    look there either.
    """
    try:
        stat = Path("/proc/self/stat").read_text()
        memory = Path("/proc/self/environ").read_bytes()
    except OSError:
        return
    # The name of the program may hold blanks and brackets; the fields behind it are plain.
    start = int(stat[stat.rindex(")") + 2 :].split()[_ENV_START_FIELD - 3])
    for secret in secrets:
        text = secret.encode()
        at = memory.find(text) if text and start else -1
        while at >= 0:
            ctypes.memset(start + at, ord("*"), len(text))
            at = memory.find(text, at + len(text))
