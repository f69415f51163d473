"""The engine compiled and the same sources interpreted are one engine, to the byte."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import interpreted
import pytest
import virtual

import mmfast
from mmfast import engine


def report(*arguments: str, twin: bool) -> dict[str, Any]:
    """What a seeded run of engine and venue on virtual time comes to, in a process of its own."""
    done = subprocess.run(
        [
            sys.executable,
            *(interpreted.FLAG if twin else ()),
            str(Path(virtual.__file__)),
            *arguments,
        ],
        stdout=subprocess.PIPE,
        check=True,
        timeout=100,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("requote", [(), ("--replace",)], ids=["amend", "replace"])
@pytest.mark.parametrize("policy", [(), ("--sequential",)], ids=["batched", "sequential"])
@pytest.mark.parametrize("seed", [3, 8])
def test_compiled_and_interpreted_send_the_same_bytes(
    seed: int, policy: tuple[str, ...], requote: tuple[str, ...]
) -> None:
    arguments = ("--seed", str(seed), "--seconds", "6", *policy, *requote)
    ours, twin = (report(*arguments, twin=twin) for twin in (False, True))
    assert (ours.pop("engine"), twin.pop("engine")) == ("compiled", "interpreted")
    assert ours["requests"] > 50, "nothing was compared"
    assert ours == twin


def test_an_engine_that_was_not_compiled_is_refused_by_name(tmp_path: Path) -> None:
    """No part of a tick runs slowly because a file is missing."""
    package = Path(mmfast.__file__).parent
    shutil.copytree(package, tmp_path / "mmfast", ignore=shutil.ignore_patterns("planner.*.so"))
    done = subprocess.run(
        [sys.executable, "-c", "import mmfast.engine"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert "mmfast.engine.planning.planner: expected compiled code" in done.stderr
    assert "pip install" in done.stderr


def test_this_process_runs_the_compiled_engine() -> None:
    for name in engine.COMPILED:
        module = __import__(f"mmfast.engine.{name}", fromlist=["_"])
        assert module.__file__.endswith(".so"), name
