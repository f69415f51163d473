"""What was a secret in the environment is none any more, to anybody who looks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LOOK = """
import os
from pathlib import Path
from mmfast.runtime.hiding import forbid_core_dumps, wipe_environment
before = Path("/proc/self/environ").read_bytes()
assert before.count(b"thesecret99") == 2, before
secret = os.environ.pop("CANARY")
forbid_core_dumps()
wipe_environment([secret, ""])
after = Path("/proc/self/environ").read_bytes()
assert b"thesecret99" not in after, after
assert len(after) == len(before)
assert os.environ["OTHER"] == "kept"
assert os.getenv("CANARY") is None
assert subprocess_sees() == "kept"
import ctypes, resource
assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0  # PR_GET_DUMPABLE
"""
SEES = """
def subprocess_sees():
    import subprocess
    return subprocess.run(["printenv", "OTHER"], capture_output=True, text=True).stdout.strip()
"""


def test_the_environment_is_wiped_where_the_kernel_shows_it() -> None:
    environment = {
        "CANARY": "thesecret99",
        "AGAIN": "x-thesecret99-y",
        "OTHER": "kept",
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", SEES + LOOK],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
