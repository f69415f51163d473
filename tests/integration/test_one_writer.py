"""One engine, one record of it: a second engine elsewhere, and a journal that is damaged."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

from processes import PATIENCE_S, Process, configured, keys
from venue_watch import arm, open_ids, report_of, state_of, until_resting

from mmfast.ids import ClientIds, epoch_of

Start = Callable[..., Process]
IDS = ClientIds("mmf1", 1)


def trading(start: Start, path: Path, venue: dict[str, str]) -> Process:
    engine = start("run", "-c", path, env=keys(venue))
    engine.wait_said("mode", "-> TRADING")
    return engine


def journal_of(folder: Path) -> list[dict]:
    (path,) = (folder / "state").glob("*.journal")
    return [json.loads(line[9:]) for line in path.read_bytes().splitlines()]


def folder_of(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return folder


# two engines


def test_two_engines_on_two_hosts_notice_each_other(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    """Two state directories stand for two hosts: no lock keeps the second one out."""
    first = trading(start, configured(folder_of(tmp_path, "one"), venue=venue), venue)
    until_resting(first, venue, 30)
    time.sleep(1.1)  # a first epoch is the second it began in: never the same on two hosts
    second = start(
        "run", "-c", configured(folder_of(tmp_path, "two"), venue=venue), env=keys(venue)
    )
    assert first.wait() == 4, first.text()
    assert "acts on orders with this prefix" in first.text()
    # The second one goes on alone, unless it has seen the first one's last cancels: then it stops
    # as well. Never do both go on.
    until_ended_or_quoting(second, venue)
    time.sleep(0.5)
    second.signal(signal.SIGTERM)
    assert second.wait() in (0, 4), second.text()
    assert open_ids(venue) == set()
    assert state_of(venue)["repeated_link_ids"] == 0


def until_ended_or_quoting(engine: Process, venue: dict[str, str]) -> None:
    """Wait for one of the two; all that rests is then of one run."""
    end = time.monotonic() + PATIENCE_S
    while engine.popen.poll() is None and len(open_ids(venue)) < 30:
        assert time.monotonic() < end, engine.text()
        time.sleep(0.05)
    assert len({epoch_of(IDS.parse(name)) for name in open_ids(venue)}) <= 1


def test_orders_of_another_prefix_do_not_disturb(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    first = trading(start, configured(folder_of(tmp_path, "one"), venue=venue), venue)
    instance = ('instance: "1"', 'instance: "2"')
    path = configured(folder_of(tmp_path, "two"), instance, venue=venue)
    second = trading(start, path, venue)
    until_resting(second, venue, 60)
    time.sleep(1.0)
    for engine in (first, second):
        engine.signal(signal.SIGTERM)
        assert engine.wait() == 0, engine.text()


def test_an_order_placed_with_our_prefix_by_another_hand_stops_the_engine(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    engine = trading(start, configured(tmp_path, venue=venue), venue)
    until_resting(engine, venue, 30)
    time.sleep(8.0)  # so long it may be a leftover
    arm(
        venue,
        {
            "kind": "foreign_order",
            "symbol": "BTCUSDT",
            "side": "Buy",
            "qty": "0.01",
            "away_bps": 50,
            "link_prefix": "mmf1-000000010000000",
        },
    )
    assert engine.wait() == 4, engine.text()
    assert open_ids(venue) == set()
    assert "of another run" in engine.text()


def test_a_kill_from_another_host_stops_the_engine(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    engine = trading(start, configured(folder_of(tmp_path, "one"), venue=venue), venue)
    until_resting(engine, venue, 30)
    elsewhere = configured(folder_of(tmp_path, "two"), venue=venue)
    killer = start("kill", "-c", elsewhere, env=keys(venue))
    assert engine.wait() == 4, engine.text()
    assert "cancelled, but not by this engine" in engine.text()
    assert killer.wait() == 0, killer.text()
    assert open_ids(venue) == set()


# the journal


def test_a_run_can_be_read_from_its_journal(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    engine = trading(start, configured(tmp_path, venue=venue), venue)
    until_resting(engine, venue, 30)
    time.sleep(1.0)
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0
    rows = journal_of(tmp_path)
    assert [rows[0]["kind"], rows[-1]["kind"]] == ["start", "end"]
    assert rows[0]["version"]
    assert rows[0]["epoch"]
    assert rows[-1]["proven_empty"] is True
    modes = [row["mode"] for row in rows if row["kind"] == "mode"]
    assert modes == ["TRADING", "DRAINING"]
    placed = {o[0] for r in rows if r["kind"] == "sent" and r["op"] == "PLACE" for o in r["orders"]}
    sent = {row["batch"] for row in rows if row["kind"] == "sent"}
    replied = {row["batch"] for row in rows if row["kind"] == "reply"}
    ended = {row["order"] for row in rows if row["kind"] == "final"}
    assert len(placed) >= 30
    assert replied == sent, "every batch has its reply"
    assert ended == placed, "every order has its end"
    concluded = [row for row in rows if row["kind"] == "ended"]
    assert sorted(row["order"] for row in concluded) == sorted(placed), "and it is told once"
    assert {row["evidence"] for row in concluded} == {"REPORT"}


def test_a_torn_journal_is_cut_and_a_damaged_one_keeps_the_engine_from_starting(
    start: Start, tmp_path: Path, venue: dict[str, str]
) -> None:
    path = configured(tmp_path, venue=venue)
    assert start("run", "-c", path, "--duration", "0.5", env=keys(venue)).wait() == 0
    (journal,) = (tmp_path / "state").glob("*.journal")
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-7])
    torn = start("run", "-c", path, "--duration", "0.5", env=keys(venue))
    assert torn.wait() == 0, torn.text()
    assert torn.said("journal", "middle of a record")
    journal.write_bytes(whole.replace(b'"kind":"start"', b'"kind":"stuck"', 1))
    refused = start("run", "-c", path, env=keys(venue))
    assert refused.wait() == 1
    assert "is damaged at byte 0" in refused.text()
    assert report_of(venue)["repeated_link_ids"] == 0
