"""What a wheel carries: the libraries, their stubs, and no generated C."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mmfast import engine

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")


@pytest.mark.long
def test_the_wheel_is_complete_and_clean(tmp_path):
    for name in SOURCES:
        shutil.copy(ROOT / name, tmp_path / name)
    no_builds = shutil.ignore_patterns("*.so", "*.c", "__pycache__")
    shutil.copytree(ROOT / "mmfast", tmp_path / "mmfast", ignore=no_builds)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            "out",
            ".",
        ],
        cwd=tmp_path,
        env=os.environ | {"MMFAST_BUILD": "release"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = (tmp_path / "out").glob("mmfast-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "mmfast/py.typed" in names
    for module in ("fixed", "wide", "acks", "book", "coalesce", "encode", "rows", "sign", "_build"):
        assert f"mmfast/_core/{module}.pyi" in names
        assert sum(name.startswith(f"mmfast/_core/{module}.cpython") for name in names) == 1
    # The compiled engine comes with the sources that it was compiled from.
    for module in ("ids", *(f"engine/{name}".replace(".", "/") for name in engine.COMPILED)):
        assert {f"mmfast/{module}.py", f"mmfast/{module}.pxd"} <= set(names)
        assert sum(name.startswith(f"mmfast/{module}.cpython") for name in names) == 1
    assert not [name for name in names if name.endswith((".c", ".h", ".pyx")) or "_probe" in name]
