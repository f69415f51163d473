"""The engine from its Python sources, in its own process: what is compiled cannot be patched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import mmfast

FLAG = ("-X", "mmfast_engine=interpreted")


def json_of(*arguments: str, codes: Collection[int] = (0,)) -> Any:
    """The JSON that a Python program prints, started with these arguments; it must end with one of
    the exit codes."""
    folders = (Path(mmfast.__file__).parents[1], Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, *FLAG, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))},
        stdout=subprocess.PIPE,
        check=False,
        text=True,
    )
    assert done.returncode in codes, f"expected exit {codes} of {arguments}, found {done}"
    return json.loads(done.stdout)
