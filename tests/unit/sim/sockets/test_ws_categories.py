"""Public sockets by category: what each lists, how each answers, and the rules of their books."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest

from mmfast.messages import Side
from mmfast.sim.crowd.params import FlowParams
from mmfast.sim.feed.status import Notice
from mmfast.sim.limits.connections import WsLimits
from mmfast.sim.params import VenueParams
from mmfast.sim.venue import Venue
from mmfast.sim.wire import WsSend
from mmfast.units import NS_PER_MS

LISTED = {
    "linear": "BTCUSDT",
    "inverse": "BTCUSD",
    "spot": "BTCUSDT",
    "option": "BTC-28DEC35-100000-C-USDT",
}
STATUS = "misc/status"


class Public:
    """A venue with one instrument per category, and clients of its public sockets."""

    def __init__(self, **params: Any) -> None:
        settings: dict[str, Any] = {"flow": FlowParams(activity=0.0), "latency_ms": 0.0}
        self.venue = Venue(
            VenueParams(
                symbols=(LISTED["linear"],),
                inverse_symbols=(LISTED["inverse"],),
                spot_symbols=(LISTED["spot"],),
                option_symbols=(LISTED["option"],),
                api_key="k",
                api_secret="s",
                **settings | params,
            )
        )
        self.now_ns = 0
        self._conns: dict[str, int] = {}
        self.told: dict[int, list[dict[str, Any]]] = {}

    def open(self, path: str) -> int:
        conn_id = len(self._conns) + 1
        self._conns[f"{path} {conn_id}"] = conn_id
        assert self.venue.ws_open(conn_id, f"/v5/public/{path}", self.now_ns)
        return conn_id

    def run(self, ms: float) -> None:
        self.now_ns += int(ms * NS_PER_MS)
        for due in self.venue.advance(self.now_ns):
            assert isinstance(due.output, WsSend)
            message = orjson.loads(due.output.data)
            self.told.setdefault(due.output.conn_id, []).append(message)

    def heard(self, conn_id: int) -> list[dict[str, Any]]:
        return self.told.pop(conn_id, [])

    def raw(self, conn_id: int, message: dict[str, Any]) -> bytes:
        self.venue.ws_message(conn_id, orjson.dumps(message), self.now_ns)
        [answer] = [due.output.data for due in self.venue.advance(self.now_ns)]
        return answer

    def say(self, conn_id: int, message: dict[str, Any]) -> dict[str, Any]:
        """Answer to a message that gets one, without the connection's name."""
        answer = orjson.loads(self.raw(conn_id, message))
        answer.pop("conn_id", None)
        return answer

    def subscribe(self, path: str, *topics: str) -> int:
        conn_id = self.open(path)
        message = {"op": "subscribe", "args": list(topics)}
        self.venue.ws_message(conn_id, orjson.dumps(message), self.now_ns)
        self.run(0)
        ack, *self.told[conn_id] = self.told[conn_id]
        assert ack["success"] is True
        return conn_id

    def index(self, category: str) -> int:
        return list(LISTED).index(category)


@pytest.fixture
def public() -> Public:
    return Public()


def wish(*topics: str) -> dict[str, Any]:
    return {"op": "subscribe", "req_id": "r", "args": list(topics)}


SPOT_BOOK, OPTION_BOOK = "orderbook.50.BTCUSDT", f"orderbook.25.{LISTED['option']}"
PLAIN = {"success": True, "op": "ping", "ret_msg": "pong"}

TALKS = [
    ("linear", {"op": "ping"}, PLAIN | {"req_id": ""}),
    ("inverse", {"op": "ping"}, PLAIN | {"req_id": ""}),
    ("spot", {"op": "ping"}, PLAIN),
    ("spot", {"op": "ping", "req_id": "7"}, PLAIN | {"req_id": "7"}),
    (STATUS, {"op": "ping"}, PLAIN | {"req_id": ""}),
    ("option", {"op": "ping", "req_id": "7"}, {"op": "pong", "args": ["1700000000000"]}),
    (
        "inverse",
        wish("publicTrade.BTCUSD"),
        {"success": True, "ret_msg": "", "req_id": "r", "op": "subscribe"},
    ),
    (
        "inverse",
        wish("publicTrade.BTCUSDT"),
        {
            "success": False,
            "ret_msg": "error:handler not found,topic:publicTrade.BTCUSDT",
            "req_id": "r",
            "op": "subscribe",
        },
    ),
    (
        "spot",
        wish("publicTrade.BTCUSDT"),
        {"success": True, "ret_msg": "subscribe", "req_id": "r", "op": "subscribe"},
    ),
    (
        "spot",
        wish(*[f"publicTrade.{n}" for n in range(11)]),
        {"success": False, "ret_msg": "args size >10", "req_id": "r", "op": "subscribe"},
    ),
    (
        "spot",
        {"op": "unsubscribe", "args": [SPOT_BOOK]},
        {"success": True, "ret_msg": "unsubscribe", "req_id": "", "op": "unsubscribe"},
    ),
    (
        "option",
        wish("publicTrade.BTC", f"tickers.{LISTED['option']}"),
        {
            "success": False,
            "data": {
                "failTopics": ["publicTrade.BTC", f"tickers.{LISTED['option']}"],
                "successTopics": [],
            },
            "type": "COMMAND_RESP",
        },
    ),
    (
        "option",
        {"op": "unsubscribe", "args": [OPTION_BOOK]},
        {
            "success": True,
            "data": {"failTopics": [], "successTopics": [OPTION_BOOK]},
            "type": "COMMAND_RESP",
        },
    ),
    (
        STATUS,
        wish("system.status"),
        {"success": True, "ret_msg": "", "req_id": "r", "op": "subscribe"},
    ),
]


@pytest.mark.parametrize(("path", "said", "expected"), TALKS)
def test_each_category_answers_in_its_own_words(
    public: Public, path: str, said: dict, expected: dict
) -> None:
    assert public.say(public.open(path), said) == expected


def test_the_spot_refusal_is_escaped_as_on_the_wire(public: Public) -> None:
    answer = public.raw(public.open("spot"), wish(*[f"publicTrade.{n}" for n in range(11)]))
    assert b"args size \\u003e10" in answer


def test_spot_counts_topics_per_request_only() -> None:
    symbols = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
    topics = [f"{kind}.{s}" for kind in ("publicTrade", "orderbook.1", "tickers") for s in symbols]
    venue = Venue(VenueParams(symbols=(), spot_symbols=symbols, api_key="k"))
    venue.ws_open(1, "/v5/public/spot", 0)
    for some in (topics[:10], topics[10:]):
        venue.ws_message(1, orjson.dumps({"op": "subscribe", "args": some}), 0)
    venue.advance(1_000 * NS_PER_MS)
    venue.ws_message(1, orjson.dumps({"op": "subscribe", "args": topics[:1]}), 1_000 * NS_PER_MS)
    [again] = [
        due.output.data for due in venue.advance(1_006 * NS_PER_MS) if b"success" in due.output.data
    ]
    assert b"already subscribed" in again


def test_on_options_good_topics_begin_beside_bad_ones(public: Public) -> None:
    conn_id = public.open("option")
    topics = ("orderbook.25.NOPE", OPTION_BOOK, "orderbook.50.NOPE")
    public.venue.ws_message(conn_id, orjson.dumps(wish(*topics)), 0)
    public.run(0)
    ack, book = public.heard(conn_id)
    assert ack["success"] is False
    assert ack["data"] == {
        "failTopics": ["orderbook.25.NOPE", "orderbook.50.NOPE"],
        "successTopics": [OPTION_BOOK],
    }
    assert (book["topic"], book["type"]) == (OPTION_BOOK, "snapshot")


def test_an_option_connection_holds_two_thousand_topics_at_most(public: Public) -> None:
    refusal = public.say(public.open("option"), wish(*[f"t{n}" for n in range(2001)]))
    assert refusal["success"] is False
    assert "2000" in refusal["ret_msg"]
    assert len(refusal["data"]["failTopics"]) == 2001


DEPTHS = [
    *((category, depth) for category in ("linear", "inverse", "spot") for depth in (50, 200, 1000)),
    ("option", 25),
    ("option", 100),
]


@pytest.mark.parametrize(("category", "depth"), DEPTHS)
def test_books_start_with_a_snapshot_and_count_by_one(
    public: Public, category: str, depth: int
) -> None:
    symbol, index = LISTED[category], public.index(category)
    conn_id = public.subscribe(category, f"orderbook.{depth}.{symbol}")
    seen: list[dict[str, Any]] = []
    interval_ms = {25: 20, 50: 20, 100: 100, 200: 100, 1000: 200}[depth]
    for step in range(6):
        bid = public.venue.best(index, Side.BUY)
        public.venue.submit(index, Side.BUY, bid - step, 10 + step, post_only=True, ioc=False)
        public.run(interval_ms)
        seen += public.heard(conn_id)
    assert [one["type"] for one in seen] == ["snapshot"] + ["delta"] * 6
    first = seen[0]["data"]["u"]
    assert [one["data"]["u"] for one in seen] == list(range(first, first + 7))
    sequences = [one["data"]["seq"] for one in seen]
    assert sequences == sorted(set(sequences))
    for one in seen:
        is_ts_first = list(one).index("ts") < list(one).index("type")
        assert is_ts_first == (category == "spot")
        assert one["cts"] <= one["ts"]


@pytest.mark.parametrize("category", ["linear", "inverse", "spot"])
def test_level_one_sends_snapshots_and_repeats_them(public: Public, category: str) -> None:
    symbol, index = LISTED[category], public.index(category)
    conn_id = public.subscribe(category, f"orderbook.1.{symbol}")
    bid = public.venue.best(index, Side.BUY)
    public.venue.submit(index, Side.BUY, bid, 10, post_only=True, ioc=False)
    public.run(2_900)
    public.run(200)
    first, second, repeat = public.heard(conn_id)
    assert {one["type"] for one in (first, second, repeat)} == {"snapshot"}
    assert second["data"]["u"] == first["data"]["u"] + 1
    assert repeat["data"] == second["data"]
    assert repeat["cts"] == second["cts"]
    assert repeat["ts"] == second["ts"] + 3_000
    assert list(repeat)[:3] == ["topic", "ts", "type"]


def test_linear_and_spot_share_names_and_nothing_else(public: Public) -> None:
    topics = ("publicTrade.BTCUSDT", "tickers.BTCUSDT", "orderbook.50.BTCUSDT")
    conns = {category: public.subscribe(category, *topics) for category in ("linear", "spot")}
    for conn_id in conns.values():
        public.heard(conn_id)
    index = public.index("spot")
    ask = public.venue.best(index, Side.SELL)
    public.venue.submit(index, Side.BUY, ask, 221, post_only=False, ioc=True)
    public.venue._tell()  # what a step of market life ends with
    public.run(200)
    assert public.heard(conns["linear"]) == []
    told = {one["topic"].split(".")[0]: one for one in public.heard(conns["spot"])}
    assert told.keys() == {"publicTrade", "tickers", "orderbook"}
    [trade] = told["publicTrade"]["data"]
    assert "L" not in trade
    assert trade["i"].isdigit()
    assert (trade["S"], trade["v"]) == ("Buy", "0.000221")
    ticker = told["tickers"]
    assert ticker["type"] == "snapshot"
    assert "bid1Price" not in ticker["data"]
    assert Decimal(ticker["data"]["lastPrice"]) == Decimal(trade["p"])
    assert Decimal(ticker["data"]["turnover24h"]) == Decimal(trade["p"]) * Decimal(trade["v"])


@pytest.mark.parametrize("category", ["linear", "inverse", "spot"])
def test_price_limits_come_every_300_ms(public: Public, category: str) -> None:
    conn_id = public.subscribe(category, f"priceLimit.{LISTED[category]}")
    assert public.heard(conn_id) == []
    public.run(1_000)
    messages = public.heard(conn_id)
    start_ms = public.venue.venue_ms(0)
    assert [one["ts"] - start_ms for one in messages] == [300, 600, 900]
    band = messages[0]["data"]
    assert Decimal(band["sellLmt"]) < Decimal(65_000) < Decimal(band["buyLmt"])
    assert band["symbol"] == LISTED[category]


def test_a_relaunched_book_begins_at_one_for_everybody(public: Public) -> None:
    topic = "orderbook.50.BTCUSDT"
    conns = [public.subscribe("linear", topic) for _ in range(2)]
    for conn_id in conns:
        public.heard(conn_id)
    public.venue.relaunch_books()
    public.run(1)
    for conn_id in conns:
        [fresh] = public.heard(conn_id)
        assert (fresh["type"], fresh["data"]["u"]) == ("snapshot", 1)
    bid = public.venue.best(0, Side.BUY)
    public.venue.submit(0, Side.BUY, bid, 10, post_only=True, ioc=False)
    public.run(20)
    [delta] = public.heard(conns[0])
    assert (delta["type"], delta["data"]["u"]) == ("delta", 2)


def test_notices_reach_who_listens_on_the_status_path(public: Public) -> None:
    listener, stranger = public.subscribe(STATUS, "system.status"), public.open(STATUS)
    notice = Notice(notice_id="m1", title="t", state="ongoing", begin_ms=5, end_ms=9)
    public.venue.announce(notice)
    public.run(1)
    [message] = public.heard(listener)
    assert message["topic"] == "system.status"
    assert message["data"] == [notice.row()]
    assert (message["data"][0]["begin"], message["data"][0]["end"]) == ("5", "9")
    assert public.heard(stranger) == []


def test_public_connections_of_an_address_are_bounded_per_category() -> None:
    public = Public(ws_limits=WsLimits(public_connections=2))
    venue = public.venue
    for conn_id in (1, 2):
        assert venue.ws_admit("/v5/public/linear", "a", 0) == ""
        venue.ws_open(conn_id, "/v5/public/linear", 0, "a")
    assert venue.ws_admit("/v5/public/linear", "a", 0) == "too many connections"
    assert venue.ws_admit("/v5/public/spot?x=1", "a", 0) == ""
    assert venue.ws_admit("/v5/private", "a", 0) == ""
    assert venue.ws_admit("/v5/public/linear", "b", 0) == ""
    venue.ws_close(1, 0)
    assert venue.ws_admit("/v5/public/linear", "a", 0) == ""


def test_new_connections_of_an_address_are_bounded_in_five_minutes() -> None:
    public = Public(ws_limits=WsLimits(connects_per_5_min=3))
    admit = public.venue.ws_admit
    second_ns = 1_000 * NS_PER_MS
    assert [admit("/v5/private", "a", n * second_ns) for n in range(3)] == [""] * 3
    assert admit("/v5/public/linear", "a", 299 * second_ns) == "too many new connections"
    assert admit("/v5/private", "b", 299 * second_ns) == ""
    # What was refused does not count; the first attempt is forgotten after exactly 300 s.
    assert admit("/v5/private", "a", 300 * second_ns) == ""
    assert admit("/v5/private", "a", 300 * second_ns) == "too many new connections"
