"""What was written is read again or refused, never misread; the disk may fail, the loop may not."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import resource
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from runtime_bench import FakeClock, batch

from mmfast.clock import SystemClock
from mmfast.engine.orders.endings import Ending, Evidence
from mmfast.engine.orders.order_states import State
from mmfast.errors import StateError
from mmfast.messages import (
    NO_RATE_INFO,
    Batch,
    BatchReply,
    ItemReply,
    Mode,
    ModeChange,
    Op,
    OrderAbsent,
    OrderStatus,
    OrderUpdate,
    Outcome,
    Side,
)
from mmfast.runtime.journal import MAX_WAITING, Journal, Trouble, chained, intact
from mmfast.runtime.records import is_kept, line_of, row_of, to_json

FILE_BYTES = 1 << 20


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that needs a running loop."""

    @functools.wraps(test)
    def run(**fixtures: object) -> None:
        asyncio.run(test(**fixtures))

    return run


def sample(count: int = 5) -> bytes:
    data, crc = b"", 0
    for number in range(count):
        line, crc = chained(json.dumps({"n": number}).encode(), crc)
        data += line
    return data


def rows(path: Path) -> list[dict]:
    return [json.loads(line[9:]) for line in path.read_bytes().splitlines()]


def sizes_in(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


@asynccontextmanager
async def journal(path: Path, **changes: object) -> AsyncIterator[Journal]:
    settings = {
        "clock": SystemClock(),
        "file_bytes": FILE_BYTES,
        "files": 3,
        "on_trouble": lambda trouble: pytest.fail(str(trouble)),
        "on_well": lambda: pytest.fail("nothing was wrong"),
    }
    opened = Journal(path, **{**settings, **changes})
    opened.start()
    try:
        yield opened
    finally:
        opened.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in a thread
            await asyncio.sleep(0.005)


# the file


@pytest.mark.parametrize("cut", range(len(sample()) + 1))
def test_any_beginning_of_a_journal_is_some_of_its_records(cut: int) -> None:
    data = sample()
    found = intact(data[:cut], "j")
    assert data[: found.size] == b"".join(data.splitlines(keepends=True)[: found.records])
    assert found.size <= cut
    assert cut - found.size < max(map(len, data.splitlines(keepends=True)))


def test_every_flipped_bit_is_refused_or_cuts_the_end_only() -> None:
    data = sample()
    lines = data.splitlines(keepends=True)
    last_two = len(data) - len(lines[-1]) - 1  # a lost line end makes one line of the last two
    for position in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[position // 8] ^= 1 << position % 8
        try:
            found = intact(bytes(flipped), "j")
        except StateError:
            assert position // 8 <= last_two
            continue
        assert position // 8 >= last_two, f"bit {position} went unseen"
        assert data.startswith(bytes(flipped)[: found.size])
        assert found.records >= len(lines) - 2


@pytest.mark.parametrize("change", ["swap", "drop", "repeat"])
def test_moved_lost_and_repeated_records_are_refused(change: str) -> None:
    lines = sample().splitlines(keepends=True)
    changed = {
        "swap": [lines[0], lines[2], lines[1], *lines[3:]],
        "drop": [lines[0], *lines[2:]],
        "repeat": [lines[0], lines[0], *lines[1:]],
    }[change]
    with pytest.raises(StateError, match="damaged at byte"):
        intact(b"".join(changed), "j")


@in_loop
async def test_a_torn_end_is_cut_and_the_chain_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(sample(3) + b"0badc0de {half")
    async with journal(path) as opened:
        opened.put({"kind": "next"})
    data = path.read_bytes()
    assert intact(data, "j").records == 4
    assert rows(path)[-1]["kind"] == "next"


@in_loop
async def test_a_damaged_journal_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "j"
    damaged = sample().replace(b'"n": 2', b'"n": 7')
    path.write_bytes(damaged)
    with pytest.raises(StateError, match="move it away"):
        async with journal(path):
            pytest.fail("it was taken")
    assert path.read_bytes() == damaged


@in_loop
async def test_files_follow_each_other_and_the_oldest_go(tmp_path: Path) -> None:
    path = tmp_path / "j"
    async with journal(path, file_bytes=2_000, files=3) as opened:
        for number in range(300):
            opened.put({"n": number, "text": "x" * 40})
            if number % 10 == 9:
                await until(lambda: not opened._waiting)
    sizes = sizes_in(tmp_path)
    assert sorted(sizes) == ["j", "j.1", "j.2"]
    assert max(sizes.values()) < 2_000 + 40 * 100
    numbers = [r["n"] for name in ("j.2", "j.1", "j") for r in rows(tmp_path / name) if "n" in r]
    assert numbers == list(range(numbers[0], 300)), "no record is lost between files"
    assert rows(path)[0]["kind"] == "follows"
    last_of_older = path.with_name("j.1").read_bytes().splitlines()[-1][:8].decode()
    assert rows(path)[0]["crc"] == last_of_older
    assert path.stat().st_mode & 0o777 == 0o600


# the disk


@in_loop
async def test_a_full_disk_is_told_and_so_is_its_end(tmp_path: Path) -> None:
    """The limit on file sizes stands in for the disk: the same error, without a mount."""
    path = tmp_path / "j"
    troubles: list[Trouble] = []
    well: list[bool] = []
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with journal(
        path, on_trouble=troubles.append, on_well=lambda: well.append(True)
    ) as opened:
        opened.put({"n": 0})
        await until(lambda: path.stat().st_size > 0)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, hard))
        try:
            opened.put({"n": 1, "text": "long enough"})
            await until(lambda: bool(troubles))
            assert not troubles[0].is_final
            assert troubles[0].text == os.strerror(27)
            opened.put({"n": 2})
            await asyncio.sleep(0.2)
            assert len(troubles) == 1, "said once"
            assert not well
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await until(lambda: bool(well))
    assert intact(path.read_bytes(), "j").records == 3
    assert [row["n"] for row in rows(path)] == [0, 1, 2], "nothing is lost, nothing doubled"


@in_loop
async def test_a_failed_sync_is_final(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    troubles: list[Trouble] = []

    def broken(_fd: int) -> None:
        raise OSError(5, "Input/output error")

    async with journal(tmp_path / "j", on_trouble=troubles.append) as opened:
        monkeypatch.setattr(os, "fdatasync", broken)
        opened.put({"n": 0}, sync=True)
        await until(lambda: bool(troubles))
        assert troubles[0].is_final
        monkeypatch.undo()


@in_loop
async def test_records_beyond_the_bound_are_counted_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that blocks holds up nobody; what it cost is written as soon as it can be."""
    let_go = False
    write = os.write

    def slow(fd: int, data: bytes) -> int:
        while not let_go:
            pass_time()
        return write(fd, data)

    def pass_time() -> None:
        import time

        time.sleep(0.001)

    path = tmp_path / "j"
    troubles: list[Trouble] = []
    async with journal(path, on_trouble=troubles.append, on_well=lambda: None) as opened:
        monkeypatch.setattr(os, "write", slow)
        for number in range(MAX_WAITING + 2_000):
            opened.put({"n": number})
        assert opened.dropped > 0
        let_go = True
        await until(lambda: not opened._waiting)
        monkeypatch.undo()
    lost = sum(row["records"] for row in rows(path) if row.get("kind") == "lost")
    assert lost == opened.dropped
    assert sum("n" in row for row in rows(path)) == MAX_WAITING + 2_000 - lost
    assert "slow" in troubles[0].text


@in_loop
async def test_every_record_carries_its_time(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "j"
    async with journal(path, clock=clock) as opened:
        opened.put({"n": 0})
        clock.pass_ms(1_500)
        opened.put({"n": 1})
    first, second = rows(path)
    assert second["ms"] - first["ms"] == 1_500


# the records


def test_an_order_can_be_followed_from_its_command_to_its_end() -> None:
    sent: Batch = batch(7, [1, 2])
    items = (
        ItemReply(1, Outcome.ACK, 0, "", ""),
        ItemReply(2, Outcome.REJECT, 110007, "not enough", ""),
    )
    reply = BatchReply(batch=sent, items=items, rate=NO_RATE_INFO, sent_ns=5, received_ns=9)
    row = row_of(sent)
    assert row["op"] == "PLACE"
    assert [order[0] for order in row["orders"]] == [f"{1:016x}", f"{2:016x}"]
    answer = row_of(reply)
    assert answer["batch"] == row["batch"]
    assert answer["items"][1][1:] == ["REJECT", 110007, "not enough"]
    absent = row_of(OrderAbsent(client_id=2, evidence="not found 2 times"))
    assert absent == {"kind": "absent", "order": f"{2:016x}", "evidence": "not found 2 times"}
    ended = row_of(Ending(2, State.EXPIRED_UNSENT, Evidence.SEARCHES, 0))
    assert (ended["order"], ended["end"]) == (f"{2:016x}", "EXPIRED_UNSENT")
    assert ended["evidence"] == "SEARCHES"
    for row in (row_of(sent), answer, absent, ended, row_of(ModeChange(Mode.HALTED, "why"))):
        assert json.loads(to_json(1, row))["ms"] == 1


ODD = ("", "plain", 'a "quote"', "back\\slash", "line\nbreak", "\x00", "\u017c\u00f3\u0142w")


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("status", OrderStatus)
def test_a_report_is_spelled_as_its_row(text: str, status: OrderStatus) -> None:
    update = OrderUpdate(
        client_id=(7 << 32) + 9, link_id="", venue_id=text, instrument=1, side=Side.SELL,
        status=status, price_ticks=5, lots=8, cum_lots=3, leaves_lots=0, reject_reason=text,
        cancel_type=text, updated_ms=1_790_000_000_123,
    )  # fmt: skip
    assert line_of(17, update) == to_json(17, row_of(update))


@pytest.mark.parametrize("end", State)
@pytest.mark.parametrize("evidence", Evidence)
def test_an_ending_is_spelled_as_its_row(end: State, evidence: Evidence) -> None:
    ending = Ending(7 << 32, end, evidence, 12)
    assert line_of(17, ending) == to_json(17, row_of(ending))


@pytest.mark.parametrize("op", Op)
@pytest.mark.parametrize("orders", [1, 20])
def test_a_batch_is_spelled_as_its_row(op: Op, orders: int) -> None:
    made = batch(7, range(1, orders + 1), op=op)
    assert line_of(17, made) == to_json(17, row_of(made))


def test_the_market_is_not_kept() -> None:
    from mmfast.messages import BookFrame, BookReset

    assert not is_kept(BookFrame(0, b"{}"))
    assert not is_kept(BookReset(0))
    assert is_kept(OrderAbsent(client_id=2, evidence=""))
