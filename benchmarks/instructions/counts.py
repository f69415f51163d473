"""Instructions per operation, by callgrind: the measure that no neighbour of the core disturbs.

Counts are compared only with counts that were made alike: another compiler, interpreter or set of
CPU features gives other instructions for the same work.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import mmfast._core as core

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build" / "limits"
WORSE = 1.03
"""Times the recorded count at which an operation has failed."""
#: What the C library and the core choose their code by, as far as valgrind shows it to them.
FEATURES = ("sse4_1", "ssse3", "avx", "avx2", "bmi2", "erms", "fsrm")


class NotCountable(Exception):
    """There is no valgrind here, or no compiler for the marks; its text tells what is missing."""


class Counts(NamedTuple):
    """What was counted, and how the code that ran was made."""

    made_with: dict[str, str]
    per_operation: dict[str, int]

    def comparable(self, other: Counts) -> list[str]:
        """Why the two must not be compared; empty if they may."""
        keys = sorted(self.made_with.keys() | other.made_with.keys())
        return [
            f"{key}: {other.made_with.get(key)!r} recorded, {self.made_with.get(key)!r} here"
            for key in keys
            if self.made_with.get(key) != other.made_with.get(key)
        ]

    def worse(self, recorded: Counts) -> dict[str, float]:
        """The operations that need more than WORSE times what was recorded."""
        found = {}
        for name, count in self.per_operation.items():
            before = recorded.per_operation.get(name)
            if before is None:
                raise KeyError(f"{name} has no recorded count: run make bench-baseline")
            if count > before * WORSE:
                found[name] = round(count / before, 3)
        return found


def _marks() -> Path:
    source, target = HERE / "marks.c", BUILD / "marks.so"
    BUILD.mkdir(parents=True, exist_ok=True)
    command = [os.environ.get("CC", "cc"), "-O1", "-shared", "-fPIC", str(source)]
    try:
        done = subprocess.run(
            [*command, "-o", str(target)], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise NotCountable(f"no C compiler {command[0]!r}") from None
    if done.returncode:
        raise NotCountable(f"valgrind's headers do not compile here: {done.stderr.splitlines()[0]}")
    return target


def count(names: Sequence[str] = (), environment: dict[str, str] | None = None) -> Counts:
    """Count the operations of these names (all, if none is named) in a process of their own.

    NotCountable without valgrind; RuntimeError with the process's words if it failed.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise NotCountable("valgrind is not installed")
    marks = _marks()
    with tempfile.TemporaryDirectory() as folder:
        command = [valgrind, "--tool=callgrind", "--instr-atstart=no", "--quiet",
                   f"--callgrind-out-file={folder}/out", sys.executable, str(HERE / "counted.py"),
                   str(marks), *names]  # fmt: skip
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONHASHSEED": "0", **(environment or {})},
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
        totals = _totals(Path(folder))
    return Counts(made_with(valgrind, done.stdout.strip()), totals)


def _totals(folder: Path) -> dict[str, int]:
    """Instructions per operation from the dumps, two of each operation."""
    seen: dict[str, dict[int, int]] = {}
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8", errors="replace")
        trigger = re.search(r"^desc: Trigger: Client Request: (\S+) (\d+)$", text, re.MULTILINE)
        total = re.search(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)
        if trigger and total:
            seen.setdefault(trigger[1], {})[int(trigger[2])] = int(total[1])
    found = {}
    for name, by_runs in sorted(seen.items()):
        (few, least), (many, most) = sorted(by_runs.items())
        found[name] = round((most - least) / (many - few))
    return found


def made_with(valgrind: str, sign_backend: str) -> dict[str, str]:
    """Everything that decides which instructions run."""
    library = Path(core.book.__file__).read_bytes()
    compilers = sorted(set(re.findall(rb"GCC: \([^)]*\) [0-9.]+|clang version [0-9.]+", library)))
    cython = re.search(rb"_cython_(\d+(?:_\d+)+)", library)
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("flags")[2].split("\n")[0]
    version = subprocess.run([valgrind, "--version"], capture_output=True, text=True, check=True)
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    return {
        "core": core.BUILD,
        "core compiler": ", ".join(one.decode() for one in compilers),
        "cython": cython[1].decode().replace("_", ".") if cython else "",
        "python": f"{platform.python_version()}, {platform.python_compiler()}, "
        f"{'optimised' if optimised else 'plain'}",
        "valgrind": version.stdout.strip(),
        "signatures": sign_backend,
        "machine": platform.machine(),
        "features": " ".join(name for name in FEATURES if name in flags.split()),
    }
