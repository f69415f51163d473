"""I16: the same seed leaves the same bytes, in two processes with other hash orders."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from mmfast.simtest.main import Job, run_seed
for seed in map(int, sys.argv[1:]):
    print(seed, run_seed(Job(seed, 1.5)).trace)
"""


def traces(hash_seed: str, *seeds: int) -> list[str]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, seeds)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=110,
    )
    return done.stdout.split("\n")


def test_the_same_seed_gives_the_same_trace_in_two_processes() -> None:
    seeds = (3, 4, 6, 8, 11)
    first, second = traces("0", *seeds), traces("4242", *seeds)
    assert first == second
    assert len({line.partition(" ")[2] for line in first}) == len(seeds) + 1


@pytest.mark.long
@pytest.mark.simtest
@pytest.mark.timeout(1200)
def test_determinism_over_many_seeds() -> None:
    for start in range(20, 80, 10):
        seeds = range(start, start + 10)
        assert traces("1", *seeds) == traces("77", *seeds)
