"""A million short sequences of calls: the table of intents ends as its twin does, every time.

Five sequences per input of ``--fuzz-count``: `make fuzz` runs 1,000,000.
"""

from __future__ import annotations

import os
import random
import sys

import oracle_coalesce
import psutil
import pytest

from mmfast._core import coalesce

SLOTS = 3
PER_INPUT = 5
#: Sequences until the interpreter's own pools and free lists are full.
WARM_UP = 100_000
#: What may still come after that, in pieces and in bytes. A leak of one piece in ten sequences
#: would be 2,500 by the end of the shortest run, and 90,000 by the end of a million.
BLOCKS = 2_000
BREATH = 2_000_000


def calls(rng):
    """A call that hits one of few slots, so that intents meet."""
    op = rng.choice((0, 1, 1, 2, 2))
    flags = rng.choice((0, 1, 1, 1, 2, 4, 8, 9, 16, 32, 48))
    terms = (op, rng.randrange(SLOTS), flags, rng.randint(1, 99), rng.randint(1, 9))
    terms = (*terms, rng.randint(1, 2**62))
    kind = rng.random()
    if kind < 0.62:
        return "put", terms
    if kind < 0.74:
        return "put_fields", terms
    if kind < 0.9:
        return "drain", tuple(rng.choice((-1, 0, 1, 1, 2, 9)) for _ in range(3))
    if kind < 0.94:
        return "clear", (rng.randrange(SLOTS),)
    if kind < 0.97:
        return "peek", (rng.randrange(SLOTS),)
    if kind < 0.98:
        return "clear_all", ()
    return "set_amend_replaces", (rng.random() < 0.5,)


@pytest.mark.timeout(900)
def test_random_sequences_end_alike_in_fixed_memory(pytestconfig):
    count = pytestconfig.getoption("--fuzz-count") * PER_INPUT
    rng = random.Random(pytestconfig.getoption("--fuzz-seed"))
    core, twin = coalesce.IntentTable(SLOTS), oracle_coalesce.IntentTable(SLOTS)
    # Drawn from many prepared calls, since preparing one costs more than making it.
    pool = [
        (name, arguments, getattr(core, name), getattr(twin, name))
        for name, arguments in (calls(rng) for _ in range(4096))
    ]
    everything = (9, 9, 9)
    process = psutil.Process(os.getpid())
    warm = min(count // 2, WARM_UP)
    for index in range(count):
        if index == warm:
            resident, blocks = process.memory_info().rss, sys.getallocatedblocks()
        done = []
        for name, arguments, of_core, of_twin in rng.choices(pool, k=8):
            done.append((name, arguments))
            assert of_core(*arguments) == of_twin(*arguments), done
        assert core.saved == twin.saved, done
        assert core.drain(*everything) == twin.drain(*everything), done
        assert len(core) == 0
    if not blocks:
        # The sanitizers hold freed memory back, to see who still touches it.
        assert os.environ["PYTHONMALLOC"] == "malloc"
        return
    assert sys.getallocatedblocks() - blocks < BLOCKS
    assert process.memory_info().rss - resident < BREATH
