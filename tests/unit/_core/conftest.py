"""The compiled core's tests run over the compiled module and over its twin alike."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def both(name: str):
    """A fixture that gives the compiled module ``name``, then its twin."""

    @pytest.fixture(params=["core", "twin"])
    def module(request):
        path = f"mmfast._core.{name}" if request.param == "core" else f"oracle_{name}"
        return importlib.import_module(path)

    return module


fixed = both("fixed")
book = both("book")
coalesce = both("coalesce")
encode = both("encode")


@pytest.fixture(scope="session")
def probe():
    """Doors to C-only functions. A release does not ship them, so they are built here."""
    try:
        return importlib.import_module("mmfast._core._probe")
    except ImportError:
        folder = ROOT / "build" / "probe"
    command = [sys.executable, "setup.py", "-q", "build_ext", "--only", "_probe"]
    done = subprocess.run(
        [*command, "--build-lib", str(folder)],
        cwd=ROOT,
        env=os.environ | {"MMFAST_BUILD": "debug"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"building _probe failed:\n{done.stdout}\n{done.stderr}"
    tag = sys.implementation.cache_tag
    [library] = (folder / "mmfast" / "_core").glob(f"_probe.{tag}*.so")
    spec = importlib.util.spec_from_file_location("mmfast._core._probe", library)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
