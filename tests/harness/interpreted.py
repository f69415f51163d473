"""The engine from its Python sources, in its own process: what is compiled cannot be patched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import mmfast

FLAG = ("-X", "mmfast_engine=interpreted")


def json_of(*arguments: str) -> Any:
    """The JSON that a Python program prints, started with these arguments."""
    folders = (Path(mmfast.__file__).parents[1], Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, *FLAG, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))},
        stdout=subprocess.PIPE,
        check=False,
        text=True,
    )
    assert done.stdout, f"expected JSON from {arguments}, found none; exit {done.returncode}"
    return json.loads(done.stdout)
