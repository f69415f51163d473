"""Mutated inputs: every target does as its twin does, and never anything worse than a refusal.

``--fuzz-count`` sets the inputs per target (`make fuzz` runs 200,000), ``--fuzz-seed`` another
series of them, ``--fuzz-input FILE`` plays one saved input to the targets that ``-k`` selects.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import answers
import fuzzer
import pytest
from fuzz_book import BookFrames
from fuzz_decimals import Decimals
from fuzz_encoder import Encoder
from fuzz_intents import Intents
from fuzz_replies import Replies, SocketReplies
from fuzz_streams import PrivateFrames, PublicFrames

from mmfast._core import BUILD

TARGETS = (
    BookFrames,
    Decimals,
    Encoder,
    Intents,
    Replies,
    SocketReplies,
    PrivateFrames,
    PublicFrames,
)
#: Fewer inputs may miss a word that a target has to reach.
ENOUGH = 20_000
#: The run under sanitizers goes beside the other one in CI.
FAILURES = (
    Path(__file__).parents[2] / "build" / ("fuzz-sanitize" if BUILD == "sanitize" else "fuzz")
)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.__name__)
def test_mutated_inputs(target, pytestconfig):
    count, seed = pytestconfig.getoption("--fuzz-count"), pytestconfig.getoption("--fuzz-seed")
    saved = pytestconfig.getoption("--fuzz-input")
    if saved is not None:
        target().check(fuzzer.saved_input(saved))
        return
    said = fuzzer.run(target, count, seed, FAILURES)
    assert said.total() == count
    if count >= ENOUGH:
        assert target.reaches <= set(said), f"not reached: {sorted(target.reaches - set(said))}"


# The fuzzer itself.


class Planted(fuzzer.Target):
    """A parser with a fault: a quoted text in a list in a list."""

    trees = (b'{"a":[1,2,{"b":"c"}],"d":[]}',)
    wrong = b'[["'

    def check(self, data):
        if self.wrong in data:
            raise ZeroDivisionError("planted")
        return "+" if data.startswith(b"{") else "-"


def test_a_planted_fault_is_found_shortened_and_kept(tmp_path):
    with pytest.raises(
        fuzzer.FuzzFailure, match=r"Planted, input \d+ of seed 5: b'\[\[\"'"
    ) as caught:
        fuzzer.run(Planted, 20_000, 5, tmp_path)
    [saved] = (path for path in tmp_path.iterdir() if path.suffix != ".last")
    assert f"--fuzz-input {saved}" in str(caught.value)
    assert saved.read_bytes() == Planted.wrong
    with pytest.raises(ZeroDivisionError):
        Planted().check(saved.read_bytes())


class Deadly(Planted):
    """Ends the process, as a sanitizer does."""

    def check(self, data):
        if self.wrong in data:
            os.kill(os.getpid(), signal.SIGKILL)
        return "-"


def test_the_input_that_ends_the_process_is_kept(tmp_path):
    ended = multiprocessing.get_context("fork").Process(
        target=fuzzer.run, args=(Deadly, 20_000, 5, tmp_path)
    )
    ended.start()
    ended.join(60)
    assert ended.exitcode == -signal.SIGKILL
    assert Planted.wrong in fuzzer.saved_input(tmp_path / "Deadly.last")


def test_the_same_seed_gives_the_same_inputs():
    def some(target, seed):
        return list(fuzzer.Fuzzer(target(), seed).inputs(300))

    for target in TARGETS:
        again = functools.partial(some, target)
        assert again(3) == again(3) != again(4)


def test_what_fails_only_after_others_is_said_to(tmp_path):
    class Forgetful(Planted):
        seen = 0

        def check(self, data):
            self.seen += 1
            assert self.seen < 100
            return "-"

    with pytest.raises(fuzzer.FuzzFailure, match="fails only after the inputs before it"):
        fuzzer.run(Forgetful, 200, 1, tmp_path)


READ_BEYOND = """
import ctypes
from mmfast._core import _probe

data = bytes(bytearray(b"some bytes"))
_probe.fence(data)
start = id(data) + bytes.__basicsize__ - 1
assert ctypes.string_at(start, len(data)) == data
print("within", flush=True)
ctypes.string_at(start, len(data) + 1)
print("beyond")
"""


def test_under_the_sanitizers_no_parser_may_read_beyond_its_input():
    if BUILD != "sanitize":
        # There the fence is what stops it; elsewhere there is none to test.
        assert answers.fenced(bytes.upper, b"ab") == b"AB"
        return
    done = subprocess.run(
        [sys.executable, "-P", "-c", READ_BEYOND], capture_output=True, text=True, check=False
    )
    assert done.stdout == "within\n"
    assert done.returncode != 0
    assert "ERROR: AddressSanitizer" in done.stderr
