"""A market is recorded by one process and followed by another."""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from processes import Process, announced, configured

from mmfast.sim.replay.recording import BookNews, line_of, read
from mmfast.units import NS_PER_MS

Start = Callable[..., Process]


def stop(process: Process) -> None:
    process.signal(signal.SIGTERM)
    assert process.wait() == 0, process.text()


def record(start: Start, folder: Path, name: str) -> Path:
    """About a second of the shipped configuration's market."""
    path = folder / name
    process = start("sim", "-c", configured(folder), "--record", str(path))
    announced(process)
    time.sleep(1.2)
    stop(process)
    return path


def levels(rows: list[list[str]]) -> list[tuple[float, float]]:
    return [(float(price), float(size)) for price, size in rows]


async def first_book(venue: dict[str, str], topic: str) -> dict:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(venue["ws_url"] + "/v5/public/linear") as stream,
    ):
        await stream.send_json({"op": "subscribe", "args": [topic]})
        while True:
            message = await asyncio.wait_for(stream.receive_json(), 10)
            if message.get("topic") == topic:
                return message["data"]


@pytest.mark.parametrize("name", ["market.jsonl", "market.jsonl.gz"])
def test_what_one_venue_records_another_one_follows(
    start: Start, tmp_path: Path, name: str
) -> None:
    path = record(start, tmp_path, name)
    raw = path.read_bytes()
    heard = list(read((gzip.decompress(raw) if name.endswith("gz") else raw).splitlines()))
    books = [one.news for one in heard if isinstance(one.news, BookNews)]
    assert {book.symbol for book in books} >= {"BTCUSDT", "BNBUSDT"}
    assert heard[-1].at_ns - heard[0].at_ns > 0.5e9
    process = start("sim", "-c", configured(tmp_path), "--replay", str(path))
    venue = announced(process)
    # The recording is short: by then the replay stands still where it ended.
    time.sleep((heard[-1].at_ns - heard[0].at_ns) / 1e9 + 0.5)
    told = asyncio.run(first_book(venue, "orderbook.50.BTCUSDT"))
    book: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for news in books:
        if news.symbol == "BTCUSDT":
            for side, rows in zip(book, (news.bids, news.asks), strict=True):
                if news.is_snapshot:
                    side.clear()
                side.update(rows)
    bids, asks = (
        sorted((float(price), float(size)) for price, size in side.items() if float(size))
        for side in book
    )
    assert levels(told["b"]) == bids[::-1]
    assert levels(told["a"]) == asks
    stop(process)


def test_a_recording_is_never_written_over(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "market.jsonl"
    path.write_text("precious")
    process = start("sim", "-c", configured(tmp_path), "--record", str(path))
    assert process.wait() == 2
    assert f"--record: cannot open {path}" in process.text()
    assert path.read_text() == "precious"


def test_a_recording_that_makes_no_sense_is_one_clear_line(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "market.jsonl"
    path.write_text('{"what": "ever"}\n')
    process = start("sim", "-c", configured(tmp_path), "--replay", str(path))
    assert process.wait() != 0
    assert "recording, line 1: expected an object with ns, path and frame" in process.text()
    assert "Traceback" not in process.text()
    assert process.out == []


def test_a_recording_that_breaks_off_ends_the_venue_and_says_where(
    start: Start, tmp_path: Path
) -> None:
    data = {"s": "BTCUSDT", "b": [["100.00", "1"]], "a": [], "u": 1, "seq": 1}
    frame = {"topic": "orderbook.50.BTCUSDT", "type": "snapshot", "data": data}
    told = json.dumps(frame).encode()
    lines = [
        line_of(10**18 + at_ms * NS_PER_MS, "/v5/public/linear", text)
        for at_ms, text in ((0, told), (500, told), (600, b'{"topic":"publicTrade.BTCUSDT"}'))
    ]
    path = tmp_path / "market.jsonl"
    path.write_bytes(b"".join(lines))
    process = start("sim", "-c", configured(tmp_path), "--replay", str(path))
    announced(process)
    assert process.wait() != 0
    assert "recording, line 3: expected trades with S, p and v" in process.text()
    assert "Traceback" not in process.text()
