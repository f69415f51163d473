"""What the operator ordered stands until he orders otherwise, whatever happens to the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from processes import configured

from mmfast.errors import StateError
from mmfast.messages import Mode
from mmfast.runtime import standing
from mmfast.runtime.obedience import Obedience
from mmfast.runtime.standing import TRADE, Standing
from mmfast.runtime.state import StateDir
from mmfast.runtime.wishes import Wishes

HALT = Standing(wish="halted", reason="odd fills", by="ann@desk", wall_ms=5)
REDUCE = Standing(wish="reduce_only", reason="expiry", by="ann@desk", wall_ms=6)


def test_an_order_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "a.standing"
    assert standing.read(path) == TRADE
    for order in (HALT, REDUCE, TRADE):
        standing.write(path, order)
        assert standing.read(path) == order
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "data", [b"", b"{", b'{"wish":"party"}', b'{"wish":"trading","x":1}', b"\xff" * 9000]
)
def test_what_cannot_be_read_is_a_halt(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.standing"
    path.write_bytes(data)
    found = standing.read(path)
    assert found.mode is Mode.HALTED
    assert str(path) in found.reason


def test_a_place_that_cannot_be_read_is_a_halt(tmp_path: Path) -> None:
    path = tmp_path / "a.standing"
    path.mkdir()
    assert standing.read(path).mode is Mode.HALTED


def test_a_disk_that_takes_nothing_leaves_the_old_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.standing"
    standing.write(path, HALT)

    def no_space(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(StateError, match="does not stand"):
        standing.write(path, TRADE)
    assert standing.read(path) == HALT
    assert list(tmp_path.iterdir()) == [path]


def test_an_order_reaches_engines_that_run_and_those_that_will(tmp_path: Path) -> None:
    path = configured(tmp_path)
    with pytest.raises(StateError, match="no engine has ever run"):
        standing.order(path, "halted", "why")
    with StateDir(tmp_path / "state", "mmf1", "key") as state:
        assert "within a second" in standing.order(path, "halted", "why" * 1000)[0]
        order = standing.read(state.standing_path)
        assert (order.mode, order.reason) == (Mode.HALTED, ("why" * 1000)[:500])
        assert order.by
        assert order.wall_ms
    assert "next start" in standing.order(path, "trading", "")[0]
    assert standing.read(state.standing_path).mode is Mode.TRADING


def test_the_strictest_wish_rules_and_is_said_once() -> None:
    said: list[Mode] = []
    wishes = Wishes(lambda mode, _reason: said.append(mode))
    wishes.renew()
    assert said == []
    wishes.stand(REDUCE)
    assert wishes.hold("disk", "full")
    assert not wishes.hold("disk", "full")
    wishes.stand(HALT)
    wishes.hold("clock", "leapt")
    assert wishes.release("disk") == "full"
    assert wishes.release("disk") == ""
    wishes.stand(TRADE)
    wishes.release("clock")
    expected = [Mode.REDUCE_ONLY, Mode.DRAINING, Mode.HALTED, Mode.DRAINING, Mode.TRADING]
    assert said == expected


def test_a_kernel_made_later_hears_what_rules() -> None:
    said: list[tuple[Mode, str]] = []
    wishes = Wishes(lambda mode, reason: said.append((mode, reason)))
    wishes.stand(HALT)
    wishes.renew()
    assert said == [wishes.ruling] * 2
    assert "ann@desk" in wishes.ruling[1]


def test_an_older_word_of_the_file_does_not_lift_a_halt_of_a_control(tmp_path: Path) -> None:
    said: list[Mode] = []
    wishes = Wishes(lambda mode, _reason: said.append(mode))
    obedience = Obedience(wishes, tmp_path / "s", str, pytest.fail, _proven)
    order = wishes.halt("too many fills", 5)
    assert order is not None
    assert wishes.halt("again", 6) is None
    obedience.obey(TRADE)  # read before the halt was written
    assert wishes.ruling[0] is Mode.HALTED
    obedience.obey(order)
    obedience.obey(TRADE)  # and this is a resume
    assert said == [Mode.HALTED, Mode.TRADING]


async def _proven() -> bool:
    return True


def test_no_resume_lifts_a_halt_of_the_engines_own(tmp_path: Path) -> None:
    said: list[Mode] = []
    failed: list[str] = []
    own = ["an order in doubt"]
    wishes = Wishes(lambda mode, _reason: said.append(mode))
    obedience = Obedience(wishes, tmp_path / "s", lambda: own[0], failed.append, _proven)
    wishes.stand(HALT)
    obedience.obey(TRADE)
    assert (said, failed) == ([Mode.HALTED], ["the engine halted: an order in doubt"])
    own[0] = ""
    obedience.obey(TRADE)
    assert said == [Mode.HALTED, Mode.TRADING]
