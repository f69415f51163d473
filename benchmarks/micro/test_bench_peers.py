"""The same work by other libraries, where they are installed: ``make bench-peers`` installs them.

What they make is compared with ours before their time is taken. A promise is a wide one: a peer
that grows faster, or a core that grows slower by half, is seen.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json

import frames
import pytest
import stages
from compare import hold
from race import called, race

from mmfast._core import book, encode, sign
from mmfast.messages import Op

PEERS = {"pybit": "pybit_ways", "ccxt": "ccxt_ways", "nautilus_trader": "nautilus_ways"}
#: Times slower than ours that each peer is at least, by stage; about half of a quiet machine's.
PROMISED = {
    ("sign_1k", "pybit"): 1.7,
    ("sign_1k", "ccxt"): 1.7,
    ("sign_1k", "nautilus_trader"): 1.2,
    ("request_20", "pybit"): 15.0,
    ("request_20", "ccxt"): 120.0,
    ("request_20", "nautilus_trader"): 5.0,
    ("book_16", "pybit"): 100.0,
    ("book_16", "ccxt"): 30.0,
    ("book_16", "nautilus_trader"): 25.0,
}


@pytest.fixture(params=PEERS)
def peer(request):
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed: make bench-peers")
    return importlib.import_module(PEERS[request.param])


@pytest.fixture
def against(rows, benchmark):
    """Races a peer in the contest of a stage."""

    def run(stage, peer, lane, ours="mmfast"):
        version = importlib.metadata.version(peer.VERSION_OF)
        contest = stages.CORE[stage]()
        kept = {name: one for name, one in contest.lanes.items() if name in ("C limit", ours)}
        contest = contest._replace(lanes={**kept, peer.VERSION_OF: lane})

        def judge(seen):
            slower = seen.best[peer.VERSION_OF] / seen.best[ours]
            return {peer.VERSION_OF: PROMISED[stage, peer.VERSION_OF] / slower}

        benchmark.pedantic(lane, args=(1,), rounds=10)
        held = hold(lambda: race(contest), judge)
        row = held.rows()[-1]
        rows.append(row._replace(contender=f"{peer.VERSION_OF} {version}"))

    return run


def test_sign(peer, against):
    text = "x" * 1024
    call = peer.sign(stages.SECRET)
    signer = sign.Signer(stages.KEY, stages.SECRET, stages.WINDOW_MS)
    assert call(text) == signer.sign(text.encode())
    against("sign_1k", peer, called(lambda: call(text)))


def test_request_of_20_orders(peer, against):
    encoder = encode.OrderEncoder("linear", "mmfa-")
    encoder.add_instrument(0, "BTCUSDT", 1, 1, 3, 1)
    ours = json.loads(encoder.batch(Op.PLACE, stages.commands(Op.PLACE)))["request"]
    call = peer.request(stages.KEY, stages.SECRET, ours)
    theirs = json.loads(call())["request"]
    for one, other in zip(ours, theirs, strict=True):
        for key in ("symbol", "side", "orderLinkId"):
            assert one[key] == other[key]
        assert float(one["price"]) == float(other["price"])
        assert float(one["qty"]) == float(other["qty"])
    against("request_20", peer, called(call), "mmfast rest")


def test_book_of_depth_50(peer, against):
    """Each frame's best prices are compared; the round then starts from its snapshot again."""
    texts = frames.steady(50)
    call = peer.book("BTCUSDT")
    mine = book.Book("BTCUSDT", 50, 1, 1, 3, 1)
    for text in texts:
        mine.apply(text)
        assert tuple(round(price * 10) for price in call(text)) == (mine.bid_ticks, mine.ask_ticks)

    def run():
        for text in texts:
            call(text)

    against("book_16", peer, called(run, len(texts)))
