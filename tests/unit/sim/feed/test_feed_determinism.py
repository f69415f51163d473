"""Same seed, same bytes: everything a websocket client hears of a virtual-time venue."""

from __future__ import annotations

import hashlib
import json

from mmfast.sim.params import FlowParams, VenueParams
from mmfast.sim.venue import Venue
from mmfast.sim.wire import WsSend
from mmfast.units import NS_PER_MS, NS_PER_S

SYMBOLS = ("BTCUSDT", "SOLUSDT")


def heard(seed: int, step_ms: int) -> tuple[str, int]:
    """Digest and number of the frames of four seconds, the clock moved in steps."""
    venue = Venue(VenueParams(symbols=SYMBOLS, api_key="k", api_secret="s", seed=seed))
    kinds = ("orderbook.1", "orderbook.50", "orderbook.200", "publicTrade", "tickers")
    topics = [f"{kind}.{symbol}" for symbol in SYMBOLS for kind in kinds]
    assert venue.ws_open(1, "/v5/public/linear", 0)
    venue.ws_message(1, json.dumps({"op": "subscribe", "args": topics}).encode(), 0)
    digest, count = hashlib.sha256(), 0
    for now_ms in range(0, 4001, step_ms):
        for due in venue.advance(now_ms * NS_PER_MS):
            assert isinstance(due.output, WsSend)
            digest.update(due.output.data)
            count += 1
    return digest.hexdigest(), count


def test_same_seed_same_bytes_however_the_clock_is_stepped() -> None:
    digest, count = heard(1, 10)
    assert count > 150
    assert heard(1, 10) == (digest, count)
    # A caller that comes late gets the same messages, stamped with the time they were due.
    assert heard(1, 250) == (digest, count)
    assert heard(2, 10)[0] != digest


def test_a_burst_of_the_market_is_told_in_one_advance() -> None:
    venue = Venue(VenueParams(symbols=SYMBOLS, api_key="k", api_secret="s", latency_ms=0.0))
    venue.ws_open(1, "/v5/public/linear", 0)
    topics = [f"orderbook.50.{symbol}" for symbol in SYMBOLS]
    venue.ws_message(1, json.dumps({"op": "subscribe", "args": topics}).encode(), 0)
    instants: dict[int, int] = {}
    for due in venue.advance(10 * NS_PER_S):
        instants[due.at_ns] = instants.get(due.at_ns, 0) + 1
    # Both books leave on one grid, so instants with a frame of each are no rarity.
    assert sum(1 for count in instants.values() if count == 2) > 20
    assert all(at % (20 * NS_PER_MS) == 0 for at in instants)


def test_a_snapshot_comes_before_its_deltas_even_when_the_clock_comes_late() -> None:
    flow = FlowParams(activity=5.0)
    venue = Venue(VenueParams(symbols=SYMBOLS, api_key="k", api_secret="s", flow=flow))
    subscribe = b'{"op":"subscribe","args":["orderbook.50.BTCUSDT"]}'
    for conn_id in (1, 2):
        venue.ws_open(conn_id, "/v5/public/linear", 0)
    venue.ws_message(1, subscribe, 0)
    venue.advance(50 * NS_PER_MS)
    # Many deltas are due and not told when the second client's request arrives.
    venue.ws_message(2, subscribe, NS_PER_S)
    outputs = [due.output for due in venue.advance(2 * NS_PER_S)]
    heard = [json.loads(one.data) for one in outputs if one.conn_id == 2]
    assert heard[0]["op"] == "subscribe"
    assert heard[1]["type"] == "snapshot"
    ids = [message["data"]["u"] for message in heard[1:]]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert len(ids) > 10
