"""A log line never blocks the loop, never shows a secret, and is one JSON object."""

from __future__ import annotations

import json
import logging
import os
import time

import pytest

from mmfast.runtime.logs import LineWriter, Logs, log, say

SECRET = "s3cr3t-canary-value"


class Lines:
    def __init__(self) -> None:
        self.put_lines: list[bytes] = []

    def put(self, line: bytes) -> None:
        self.put_lines.append(line)


@pytest.fixture
def logs():
    sink = Lines()
    handler = Logs(sink)
    before = list(logging.getLogger().handlers), logging.getLogger().level, log.level
    handler.install()
    handler.hide(SECRET)
    yield handler, sink
    logging.getLogger().handlers[:] = before[0]
    logging.getLogger().setLevel(before[1])
    log.setLevel(before[2])


def test_a_record_is_one_json_object_on_one_line(logs) -> None:
    _, sink = logs
    say(logging.WARNING, "word", "a sentence\nin two lines", number=3, symbol="BTCUSDT")
    (line,) = sink.put_lines
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    row = json.loads(line)
    assert row["level"] == "warning"
    assert row["event"] == "word"
    assert row["number"] == 3
    assert row["ts"].endswith("+00:00")


def test_secrets_are_hidden_wherever_they_turn_up(logs) -> None:
    handler, sink = logs
    say(logging.INFO, "a", f"the secret is {SECRET}", field=f"x{SECRET}x", thing=[SECRET])
    logging.getLogger("other").warning("raw %s", SECRET)
    try:
        raise RuntimeError(SECRET)
    except RuntimeError as error:
        log.error("failed", exc_info=error)
    text = b"".join(sink.put_lines).decode()
    assert len(sink.put_lines) == 3
    assert SECRET not in text
    assert all(SECRET not in line for line in (*handler.recent, *handler.error_texts))


@pytest.mark.parametrize(
    "text",
    [
        "X-BAPI-SIGN: abcdef0123",
        "{'X-BAPI-API-KEY': 'abcdef0123'}",
        'api_secret="abcdef0123"',
        "apiSecret=abcdef0123",
        '{"signature":"abcdef0123"}',
    ],
)
def test_authentication_headers_are_hidden_whatever_their_value(logs, text: str) -> None:
    _, sink = logs
    say(logging.INFO, "a", text)
    assert b"abcdef0123" not in sink.put_lines[0]


def test_errors_are_counted_and_kept_for_the_summary(logs) -> None:
    handler, _ = logs
    for number in range(150):
        say(logging.ERROR, "bad", f"number {number}")
    assert handler.errors == 150
    assert len(handler.error_texts) == 100, "bounded"
    say(logging.WARNING, "meh", "no error")
    assert handler.errors == 150


def test_a_field_that_cannot_be_rendered_does_not_raise(logs) -> None:
    handler, sink = logs

    class Bad:
        def __repr__(self) -> str:
            raise ValueError("no")

    say(logging.INFO, "a", "text", thing=Bad())
    assert handler.errors == 1
    assert sink.put_lines == []


def test_long_texts_are_cut(logs) -> None:
    _, sink = logs
    say(logging.INFO, "a", "x" * 100_000)
    assert len(sink.put_lines[0]) < 3_000


def test_a_blocked_sink_drops_the_oldest_and_never_blocks() -> None:
    reader, writer = os.pipe()
    lines = LineWriter(writer, max_waiting=100)
    began = time.monotonic()
    for number in range(20_000):
        lines.put(b"%d %s\n" % (number, b"x" * 100))
    assert time.monotonic() - began < 5
    assert lines.dropped > 10_000
    began = time.monotonic()
    lines.stop()
    assert time.monotonic() - began < 5, "a blocked sink must not hold up the exit"
    os.close(reader)
    os.close(writer)


def test_what_waits_is_written_at_the_end() -> None:
    reader, writer = os.pipe()
    lines = LineWriter(writer)
    for number in range(50):
        lines.put(b"%d\n" % number)
    lines.stop()
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        assert [int(line) for line in file] == list(range(50))


def test_a_reader_that_went_away_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    lines = LineWriter(writer)
    lines.put(b"x\n")
    lines.stop()
    os.close(writer)
