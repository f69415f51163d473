"""What every test may use: the twins of the compiled core, and a folder of venue payloads."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# The twins and the fuzzer are plain modules, imported by name.
sys.path[:0] = [str(TESTS / name) for name in ("oracle", "fuzz", "harness")]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--payloads",
        type=Path,
        default=None,
        metavar="DIR",
        help="folder of captured venue messages (JSON); without it the tests use their own",
    )
    parser.addoption(
        "--fuzz-count",
        type=int,
        default=10_000,
        metavar="N",
        help="inputs per fuzz target",
    )
    parser.addoption(
        "--fuzz-seed",
        type=int,
        default=1,
        metavar="N",
        help="seed of the fuzz inputs; the same seed gives the same inputs",
    )
    parser.addoption(
        "--fuzz-input",
        type=Path,
        default=None,
        metavar="FILE",
        help="play this saved input to the fuzz targets instead of mutated ones",
    )


def pytest_report_header(config: pytest.Config) -> str:
    """A failure of a fuzz target repeats with the same figures."""
    count, seed = config.getoption("--fuzz-count"), config.getoption("--fuzz-seed")
    return f"fuzz: --fuzz-count {count} --fuzz-seed {seed}"


@pytest.fixture(scope="session")
def payloads(pytestconfig: pytest.Config) -> Path | None:
    """The folder given by ``--payloads``, or None."""
    return pytestconfig.getoption("--payloads")
