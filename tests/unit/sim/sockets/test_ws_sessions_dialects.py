"""Each socket speaks its own dialect: what a client says and what it gets, word by word."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest

from mmfast.messages import Category
from mmfast.sim.access.dcp import DcpDesk
from mmfast.sim.limits.budgets import Grant
from mmfast.sim.params import VenueParams
from mmfast.sim.refusals import BAD_TIMESTAMP, Refusal
from mmfast.sim.service import Verdict
from mmfast.sim.sockets.sessions import WsSessions
from mmfast.sim.wire import WsClose, WsSend
from mmfast.units import NS_PER_S

VENUE_MS = 1_700_000_000_123
PUBLIC, PRIVATE, TRADE = "/v5/public/linear", "/v5/private", "/v5/trade"
GOOD = ["key", VENUE_MS + 1000, "good"]


class StubFeed:
    """Knows three topics; the trades topic has no snapshot, as at the venue."""

    def __init__(self) -> None:
        self.watched: dict[str, int] = {}

    def known(self, topic: str) -> bool:
        return topic in ("orderbook.50.BTCUSDT", "publicTrade.BTCUSDT", "tickers.BTCUSDT")

    def watch(self, topic: str, now_ns: int) -> None:
        self.watched[topic] = self.watched.get(topic, 0) + 1

    def unwatch(self, topic: str) -> None:
        self.watched[topic] -= 1

    def snapshot(self, topic: str, now_ns: int) -> bytes | None:
        assert self.watched[topic] > 0
        return None if topic.startswith("publicTrade") else f"snapshot of {topic}".encode()


class StubDoor:
    """Lets keys ``key`` (account 7) and ``other key`` (account 8) in with the signature "good"."""

    uids: ClassVar = {"key": 7, "other key": 8}

    def admit_stream(
        self, key: str, expires_ms: int, signature: str, venue_ms: int, age_ms: int
    ) -> int:
        if key not in self.uids:
            return 10003
        if expires_ms <= venue_ms:
            return 10001
        return 0 if signature == "good" else 10004

    def uid_of(self, key: str) -> int:
        return self.uids[key]

    def check_time(self, time_text: str, window_text: str, venue_ms: int) -> None:
        if time_text != str(venue_ms):
            raise Refusal(BAD_TIMESTAMP, "not now")


class NoCommands:
    """Nobody here sends orders: :mod:`test_ws_trade` does, on a whole venue."""

    def command(self, *args: object) -> Verdict:
        raise AssertionError(f"an order came through: {args}")

    def budget(self, *args: object) -> Grant | None:
        raise AssertionError(f"a budget was asked for: {args}")


class Wire:
    """Clients of one :class:`WsSessions`."""

    def __init__(self, **params: object) -> None:
        self.feed = StubFeed()
        self.dcp = DcpDesk(apply_ms=0)
        settings = VenueParams(symbols=("BTCUSDT",), api_key="key", **params)
        feeds = dict.fromkeys(Category, self.feed)
        self.sessions = WsSessions(settings, StubDoor(), feeds, NoCommands(), self.dcp)

    def open(self, path: str, conn_id: int = 1, *, auth: bool = False) -> None:
        assert self.sessions.open(conn_id, path, 0)
        if auth:
            self.say({"op": "auth", "args": GOOD}, conn_id)

    def publish(self, topic: str, frame: bytes) -> list[WsSend]:
        return self.sessions.publish(Category.LINEAR, topic, frame)

    def close(self, conn_id: int) -> None:
        self.sessions.close(conn_id, 0)

    def raw(self, data: bytes, conn_id: int = 1, now_ns: int = 0) -> list[bytes]:
        answers = self.sessions.message(conn_id, data, now_ns, VENUE_MS)
        assert all(isinstance(one, WsSend) and one.conn_id == conn_id for one in answers)
        return [one.data for one in answers]

    def say(self, message: dict, conn_id: int = 1, now_ns: int = 0) -> dict:
        """Say something that gets a first answer; returns it without the connection's name."""
        answer = json.loads(self.raw(json.dumps(message).encode(), conn_id, now_ns)[0])
        name = answer.pop("conn_id", None) or answer.pop("connId", None)
        assert name
        return answer


def sub(*topics: str, req_id: str | None = "r") -> dict:
    message: dict = {"op": "subscribe", "args": list(topics)}
    return message if req_id is None else message | {"req_id": req_id}


BOOK, TRADES, TICKER = "orderbook.50.BTCUSDT", "publicTrade.BTCUSDT", "tickers.BTCUSDT"
REFUSED = {"success": False, "op": "subscribe", "req_id": "r"}

DIALECTS = [
    (PUBLIC, False, {"op": "ping", "req_id": "7"},
     {"success": True, "ret_msg": "pong", "req_id": "7", "op": "ping"}),
    (PUBLIC, False, {"op": "ping"},
     {"success": True, "ret_msg": "pong", "req_id": "", "op": "ping"}),
    (PUBLIC, False, sub(BOOK),
     {"success": True, "ret_msg": "", "req_id": "r", "op": "subscribe"}),
    (PUBLIC, False, sub(BOOK, req_id=None),
     {"success": True, "ret_msg": "", "req_id": "", "op": "subscribe"}),
    (PUBLIC, False, sub(BOOK, "publicTrade.NOPE"),
     REFUSED | {"ret_msg": "error:handler not found,topic:publicTrade.NOPE"}),
    (PUBLIC, False, sub(BOOK, BOOK),
     REFUSED | {"ret_msg": f"error:already subscribed,topic:{BOOK}"}),
    (PUBLIC, False, {"op": "unsubscribe", "args": [BOOK], "req_id": "u"},
     {"success": True, "ret_msg": "", "req_id": "u", "op": "unsubscribe"}),
    (PRIVATE, False, {"op": "ping", "req_id": "7"},
     {"req_id": "7", "op": "pong", "args": [str(VENUE_MS)]}),
    (PRIVATE, False, {"op": "ping"}, {"op": "pong", "args": [str(VENUE_MS)]}),
    (PRIVATE, False, {"op": "auth", "args": GOOD},
     {"success": True, "ret_msg": "", "op": "auth"}),
    (PRIVATE, False, sub("order"), REFUSED | {"ret_msg": "Request not authorized"}),
    (PRIVATE, True, sub("order", "wallet"),
     {"success": True, "ret_msg": "", "req_id": "r", "op": "subscribe"}),
    (PRIVATE, True, sub("order", req_id=None),
     {"success": True, "ret_msg": "", "op": "subscribe"}),
    (PRIVATE, True, sub("order", "orders"),
     REFUSED | {"ret_msg": "error:handler not found,topic:orders"}),
    (PRIVATE, True, sub("order", "execution.linear"),
     REFUSED | {"ret_msg": "error:all-in-one and categorised topics in one request"}),
    (PRIVATE, True, sub("wallet", "wallet"),
     REFUSED | {"ret_msg": "error:already subscribed,topic:wallet"}),
    (PRIVATE, True, {"op": "auth", "args": GOOD},
     {"success": False, "ret_msg": "Repeat auth", "op": "auth"}),
    (TRADE, False, {"op": "ping", "reqId": "7"},
     {"reqId": "7", "retCode": 0, "retMsg": "OK", "op": "pong", "data": [str(VENUE_MS)]}),
    (TRADE, False, {"op": "auth", "args": GOOD},
     {"retCode": 0, "retMsg": "OK", "op": "auth"}),
    (TRADE, True, {"op": "auth", "args": GOOD},
     {"retCode": 20001, "retMsg": "Repeat auth", "op": "auth"}),
    (TRADE, False, {"op": "auth", "args": ["key", VENUE_MS + 1, "bad"]},
     {"retCode": 10004, "retMsg": "Invalid sign", "op": "auth"}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "auth", "said", "expected"), DIALECTS)
def test_dialect(path: str, auth: bool, said: dict, expected: dict) -> None:
    wire = Wire()
    wire.open(path, auth=auth)
    assert wire.say(said) == expected


@pytest.mark.parametrize("path", [PUBLIC, PRIVATE, TRADE])
@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff\xfe", b"[]", b"null", b"42", b'{"args":[]}', b'{"op":5}', b'{"op":null}'],
)
def test_malformed_messages_get_a_refusal_and_the_session_lives_on(path: str, data: bytes) -> None:
    wire = Wire()
    wire.open(path)
    [answer] = wire.raw(data)
    refusal = json.loads(answer)
    assert refusal.get("success") is False or refusal["retCode"] == 10001
    assert wire.say({"op": "ping"})["op"] in ("ping", "pong")


@pytest.mark.parametrize(
    "args",
    [[], [1], ["key"], ["key", "soon", "good"], ["key", True, "good"], "key", None, [GOOD],
     ["key", VENUE_MS, "good", "more"]],
)  # fmt: skip
def test_auth_of_the_wrong_shape_is_a_parameter_error(args: object) -> None:
    wire = Wire()
    wire.open(PRIVATE)
    assert wire.say({"op": "auth", "args": args})["ret_msg"] == "Param Error"
    wire.open(TRADE, 2)
    assert wire.say({"op": "auth", "args": args}, 2)["retCode"] == 10001


@pytest.mark.parametrize(("digits", "ok"), [("%d", True), ("0%d", False), ("%d.0", False)])
def test_auth_takes_the_expiry_as_text(digits: str, ok: bool) -> None:
    """Some clients send its digits in a text; what the signature covers must be that number."""
    wire = Wire()
    wire.open(PRIVATE)
    args = ["key", digits % (VENUE_MS + 1000), "good"]
    assert wire.say({"op": "auth", "args": args})["success"] is ok


def test_a_refused_auth_opens_nothing() -> None:
    wire = Wire()
    wire.open(PRIVATE)
    for args in (["other", VENUE_MS + 1, "good"], ["key", VENUE_MS - 1, "good"],
                 ["key", VENUE_MS + 1, "bad"]):  # fmt: skip
        assert wire.say({"op": "auth", "args": args})["success"] is False
        assert wire.say(sub("order"))["ret_msg"] == "Request not authorized"
    assert wire.sessions.private(1, "order", "linear", [{}], VENUE_MS) == []


def test_the_first_message_of_a_book_follows_its_ack() -> None:
    wire = Wire()
    wire.open(PUBLIC)
    answers = wire.raw(json.dumps(sub(BOOK, TRADES, TICKER)).encode())
    assert json.loads(answers[0])["success"] is True
    assert answers[1:] == [b"snapshot of orderbook.50.BTCUSDT", b"snapshot of tickers.BTCUSDT"]


def test_a_refused_subscribe_changes_nothing() -> None:
    wire = Wire()
    wire.open(PUBLIC)
    wire.raw(json.dumps(sub(BOOK)).encode())
    for topics in ((TICKER, "nope"), (TICKER, BOOK), ()):
        [answer] = wire.raw(json.dumps(sub(*topics)).encode())
        assert json.loads(answer)["success"] is False
    assert wire.feed.watched == {BOOK: 1}
    assert wire.publish(TICKER, b"x") == []
    assert wire.publish(BOOK, b"x") == [WsSend(1, b"x")]


def test_topics_of_one_public_connection_are_bounded() -> None:
    wire = Wire()
    wire.feed.known = lambda topic: True
    wire.open(PUBLIC)
    long = [f"orderbook.50.{'X' * 480}{n}" for n in range(43)]
    assert wire.say(sub(*long[:40]))["success"] is True
    refusal = wire.say(sub(*long[40:]))
    assert refusal["success"] is False
    assert "21000" in refusal["ret_msg"]
    # Giving some back makes room again.
    wire.say({"op": "unsubscribe", "args": long[:10]})
    assert wire.say(sub(*long[40:]))["success"] is True


def test_every_subscriber_gets_a_frame_until_it_leaves() -> None:
    wire = Wire()
    for conn_id in (3, 1, 2):
        wire.open(PUBLIC, conn_id)
        wire.raw(json.dumps(sub(BOOK)).encode(), conn_id)
    assert [one.conn_id for one in wire.publish(BOOK, b"x")] == [3, 1, 2]
    wire.close(1)
    wire.say({"op": "unsubscribe", "args": [BOOK, TICKER]}, 3)
    assert [one.conn_id for one in wire.publish(BOOK, b"x")] == [2]
    wire.close(2)
    wire.close(2)
    assert wire.feed.watched == {BOOK: 0}


def test_private_rows_go_out_in_the_form_each_client_asked_for() -> None:
    wire = Wire()
    wire.open(PRIVATE, 1, auth=True)
    wire.open(PRIVATE, 2, auth=True)
    wire.open(PRIVATE, 3)
    wire.say(sub("order", "wallet"), 1)
    wire.say(sub("order.linear"), 2)
    rows = [{"orderId": "a"}, {"orderId": "b"}]
    sent = wire.sessions.private(7, "order", "linear", rows, VENUE_MS)
    told = {one.conn_id: json.loads(one.data) for one in sent}
    assert {conn: message["topic"] for conn, message in told.items()} == {
        1: "order",
        2: "order.linear",
    }
    for message in told.values():
        assert message["data"] == rows
        assert message["creationTime"] == VENUE_MS
    [wallet] = wire.sessions.private(7, "wallet", "linear", [{"coin": []}], VENUE_MS)
    assert json.loads(wallet.data)["topic"] == "wallet"
    assert json.loads(wallet.data)["id"] != told[1]["id"]


def test_each_connection_hears_of_its_own_account() -> None:
    wire = Wire()
    wire.open(PRIVATE, 1, auth=True)
    wire.open(PRIVATE, 2)
    wire.say({"op": "auth", "args": ["other key", VENUE_MS + 1000, "good"]}, 2)
    for conn_id in (1, 2):
        wire.say(sub("order", "wallet"), conn_id)
    for uid, conn_id in ((7, 1), (8, 2)):
        for root in ("order", "wallet"):
            sent = wire.sessions.private(uid, root, "linear", [{}], VENUE_MS)
            assert [one.conn_id for one in sent] == [conn_id]
    assert wire.sessions.private(9, "order", "linear", [{}], VENUE_MS) == []


def test_protection_is_joined_and_left_with_its_topics() -> None:
    wire = Wire()
    wire.dcp.configure(7, "DERIVATIVES", 10, 0)
    wire.dcp.configure(7, "SPOT", 10, 0)
    wire.open(PRIVATE, auth=True)
    assert wire.say(sub("order", "dcp.future", "dcp.spot"))["success"] is True
    assert wire.say(sub("dcp"))["ret_msg"] == "error:handler not found,topic:dcp"
    wire.say({"op": "unsubscribe", "args": ["dcp.spot"]})
    wire.close(1)
    assert wire.dcp.due(10 * NS_PER_S) == [(7, "DERIVATIVES")]


def test_fast_executions_come_first_without_fees_and_without_the_makers_link_id() -> None:
    wire = Wire()
    wire.open(PRIVATE, auth=True)
    wire.say(sub("execution", "execution.fast"))
    full = {"category": "linear", "symbol": "BTCUSDT", "orderId": "o", "orderLinkId": "mine",
            "execId": "e", "execPrice": "1", "execQty": "2", "side": "Buy", "execTime": "3",
            "isMaker": True, "seq": 4, "execFee": "0.1", "execType": "Trade"}  # fmt: skip
    taker = full | {"isMaker": False, "execId": "f"}
    funding = full | {"execType": "Funding"}
    sent = wire.sessions.private(7, "execution", "linear", [full, taker, funding], VENUE_MS)
    fast, whole = (json.loads(one.data) for one in sent)
    assert (fast["topic"], whole["topic"]) == ("execution.fast", "execution")
    assert "id" not in fast
    assert [row["orderLinkId"] for row in fast["data"]] == ["", "mine"]
    assert "execFee" not in fast["data"][0]
    assert whole["data"] == [full, taker, funding]


def test_quiet_private_connections_are_closed_public_ones_are_not() -> None:
    wire = Wire()
    wire.open(PUBLIC, 1)
    wire.open(PRIVATE, 2, auth=True)
    wire.open(PRIVATE, 3)  # never authenticates
    wire.open("/v5/trade?max_active_time=1m", 4, auth=True)
    wire.open(PRIVATE, 5, auth=True)
    closed: dict[int, int] = {}
    now_ns = 0
    while (now_ns := wire.sessions.next_due_ns()) < 700 * NS_PER_S:
        wire.say({"op": "ping"}, 5, now_ns)
        for one in wire.sessions.tick(now_ns):
            assert isinstance(one, WsClose)
            closed[one.conn_id] = now_ns // NS_PER_S
    assert closed == {3: 30, 4: 60, 2: 600}
    assert wire.sessions.message(2, b'{"op":"ping"}', now_ns, VENUE_MS) == []


@pytest.mark.parametrize(
    "path", ["/", "/v5/public/spread", "/v5/private/", "/v5/public", "/v5/public/misc", ""]
)
def test_other_paths_are_no_sockets(path: str) -> None:
    assert not Wire().sessions.open(1, path, 0)


def test_the_same_talk_gives_the_same_bytes() -> None:
    def talk() -> list[bytes]:
        wire = Wire()
        wire.open(PRIVATE, auth=True)
        heard = wire.raw(json.dumps(sub("order")).encode())
        for number in range(3):
            rows = [{"n": number}]
            heard += [one.data for one in wire.sessions.private(1, "order", "linear", rows, 5)]
        return heard

    assert talk() == talk()
