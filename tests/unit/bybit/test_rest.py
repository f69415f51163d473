"""Queries: what is signed is what is sent, and every reply has a meaning."""

from __future__ import annotations

import msgspec
import orjson
import pytest

from mmfast.bybit import rest
from mmfast.errors import (
    AuthError,
    ClockSkewError,
    MmfastError,
    OutcomeUnknown,
    RateLimitError,
    RemoteProtocolError,
    UnknownRetCode,
    VenueError,
)
from mmfast.messages import NO_RATE_INFO, Category, RateInfo

LINEAR = Category.LINEAR


@pytest.mark.parametrize(
    ("query", "path", "text"),
    [
        (rest.server_time(), "/v5/market/time", ""),
        (
            rest.instruments(LINEAR, "BTCUSDT"),
            "/v5/market/instruments-info",
            "category=linear&symbol=BTCUSDT",
        ),
        (
            rest.instruments(LINEAR, cursor="page%3D2"),
            "/v5/market/instruments-info",
            "category=linear&limit=1000&cursor=page%3D2",
        ),
        (rest.instruments(Category.SPOT), "/v5/market/instruments-info", "category=spot"),
        (
            rest.open_orders(LINEAR, "USDT", cursor="a%3A1%2Cb"),
            "/v5/order/realtime",
            "category=linear&settleCoin=USDT&openOnly=0&limit=50&cursor=a%3A1%2Cb",
        ),
        (
            rest.order_now(LINEAR, "mmt1-0000000300000001"),
            "/v5/order/realtime",
            "category=linear&orderLinkId=mmt1-0000000300000001",
        ),
        (
            rest.order_history(LINEAR, "mmt1-01"),
            "/v5/order/history",
            "category=linear&orderLinkId=mmt1-01",
        ),
        (
            rest.executions(LINEAR, 1700000000000),
            "/v5/execution/list",
            "category=linear&startTime=1700000000000&limit=100",
        ),
        (
            rest.executions_of(LINEAR, "mmt1-01"),
            "/v5/execution/list",
            "category=linear&orderLinkId=mmt1-01&limit=100",
        ),
        (
            rest.positions(LINEAR, symbol="BTCUSDT"),
            "/v5/position/list",
            "category=linear&symbol=BTCUSDT&limit=200",
        ),
        (
            rest.wallet("USDT"),
            "/v5/account/wallet-balance",
            "accountType=UNIFIED&coin=USDT",
        ),
        (rest.api_key(), "/v5/user/query-api", ""),
    ],
)
def test_queries(query: rest.Query, path: str, text: str) -> None:
    assert (query.path, query.query) == (path, text)
    assert query.signed is not path.startswith("/v5/market/")
    assert f"/v5/{query.api}" == path


@pytest.mark.parametrize("cursor", ["a b", "x\r\nHost: evil", "#", "\u00e9", "x" * 5000])
def test_a_cursor_cannot_break_out_of_the_request(cursor: str) -> None:
    with pytest.raises(RemoteProtocolError, match="nextPageCursor"):
        rest.open_orders(LINEAR, "USDT", cursor=cursor)


def read(status: int, body: bytes, rate: RateInfo = NO_RATE_INFO) -> msgspec.Raw:
    return rest.result_of(rest.api_key(), status, body, rate, 1_000)


def test_a_good_reply_gives_its_result() -> None:
    assert bytes(read(200, b'{"retCode":0,"retMsg":"","result":{"a":1},"time":1}')) == b'{"a":1}'


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b'{"retCode":10002,"retMsg":"t"}', ClockSkewError),
        (200, b'{"retCode":10003}', AuthError),
        (200, b'{"retCode":10006}', RateLimitError),
        (200, b'{"retCode":10001,"retMsg":null}', VenueError),
        (200, b'{"retCode":777777}', UnknownRetCode),
        (200, b"<html>", RemoteProtocolError),
        (200, b"{}", RemoteProtocolError),
        (200, b'{"retCode":"0"}', RemoteProtocolError),
        (400, b"", VenueError),
        (401, b"", AuthError),
        (404, b'{"retCode":10017}', VenueError),
        (403, b"access too frequent", RateLimitError),
        (429, b"", RateLimitError),
        (302, b"", VenueError),
        (500, b"", OutcomeUnknown),
        (502, b"<html>", OutcomeUnknown),
        (504, b'{"retCode":0}', OutcomeUnknown),
    ],
)
def test_every_other_reply_raises(status: int, body: bytes, kind: type[MmfastError]) -> None:
    with pytest.raises(kind) as caught:
        read(status, body)
    assert type(caught.value) is kind
    assert "query-api" in str(caught.value)
    assert "html" not in str(caught.value) or status == 200


def test_a_rate_limit_says_when_to_come_back() -> None:
    body = orjson.dumps({"retCode": 10006, "retMsg": "Too many visits!", "time": 5_000})
    with pytest.raises(RateLimitError) as caught:
        read(200, body, RateInfo(10, 0, 5_400))
    assert caught.value.retry_at_ns == 1_000 + 400 * 10**6
    with pytest.raises(RateLimitError) as caught:
        read(200, body, RateInfo(10, 0, 99_999_999))
    assert caught.value.retry_at_ns <= 1_000 + 5_000 * 10**6
    with pytest.raises(RateLimitError) as caught:
        read(403, b"access too frequent")
    assert caught.value.retry_at_ns == 1_000 + 600 * 10**9


def test_pages_and_their_faults() -> None:
    query = rest.open_orders(LINEAR, "USDT")
    raw = msgspec.Raw(b'{"list":[{"symbol":"A","orderId":"1","side":"Buy","orderStatus":"New"}]}')
    page = rest.decoded(query, rest.ORDER_PAGE, raw)
    assert (page.rows[0].order_id, page.next_page_cursor) == ("1", "")
    for bad in (b"null", b"{}", b'{"list":null}', b'{"list":[{"symbol":1}]}', b'{"list":['):
        with pytest.raises(RemoteProtocolError, match="order/realtime"):
            rest.decoded(query, rest.ORDER_PAGE, msgspec.Raw(bad))


def test_server_time() -> None:
    good = msgspec.Raw(b'{"timeSecond":"1688639403","timeNano":"1688639403423213947"}')
    assert rest.venue_time_ns(good) == 1688639403423213947
    for bad in (b'{"timeNano":"soon"}', b'{"timeNano":""}', b'{"timeNano":1}', b"{}"):
        with pytest.raises(RemoteProtocolError, match="market/time"):
            rest.venue_time_ns(msgspec.Raw(bad))


def test_api_key_info_reads_old_and_new_shapes() -> None:
    raw = msgspec.Raw(
        b'{"id":"1","readOnly":0,"permissions":{"ContractTrade":["Order"],"Wallet":[]},'
        b'"ips":["*"],"deadlineDay":83,"expiredAt":"2026-01-01T00:00:00Z","userID":24617703,'
        b'"vipLevel":"PRO-1","isMaster":true,"uta":1,"somethingNew":{}}'
    )
    info = rest.decoded(rest.api_key(), rest.API_KEY, raw)
    assert info.permissions["ContractTrade"] == ["Order"]
    assert (info.read_only, info.ips, info.deadline_day, info.vip_level) == (0, ["*"], 83, "PRO-1")
    assert rest.decoded(rest.api_key(), rest.API_KEY, msgspec.Raw(b"{}")).permissions == {}
