"""Who may ask, and when: key, signature, time window, and the HTTP refusals before them."""

from __future__ import annotations

import orjson
import pytest

from mmfast.sim.access.auth import Credentials, Doorkeeper
from mmfast.sim.known import Known
from mmfast.sim.wire import HttpRequest
from mmfast.units import Ms

PATH, QUERY = "/v5/order/realtime", "category=linear&symbol=BTCUSDT"


@pytest.mark.parametrize(
    ("method", "payload", "sign"),
    [
        ("GET", "symbol=ETHUSDT&category=linear",
         "e40f4143931252ba9fd7d0d2a1093f78b9f869ff82ffe27f6bc87f7c11fce5ee"),
        ("POST", '{"category":"linear", "symbol":"ETHUSDT"}',
         "9ff27774880a093e8b3bfd7d5b4c03be07d199c34065a510dad0005457d1e0f6"),
    ],
)  # fmt: skip
def test_known_signatures_are_admitted_and_any_other_byte_is_not(method, payload, sign) -> None:
    """Vectors made with ``openssl dgst -sha256 -hmac a-secret``, not with our own code."""
    door = Doorkeeper((Credentials(7, "a-key", b"a-secret"),), Ms(5000), Known())

    def admit(text: str) -> int:
        is_get = method == "GET"
        return door.admit(
            HttpRequest(
                request_id=1,
                method=method,
                path="/",
                query=text if is_get else "",
                headers={
                    "x-bapi-api-key": "a-key",
                    "x-bapi-timestamp": "1720000000000",
                    "x-bapi-recv-window": "5000",
                    "x-bapi-sign": sign,
                },
                body=b"" if is_get else text.encode(),
            ),
            1_720_000_000_000,
        )

    assert admit(payload) == 7
    with pytest.raises(Exception, match="error sign"):
        admit(payload + " ")


def test_the_secret_is_never_shown() -> None:
    assert "hidden" not in repr(Credentials(7, "a-key", b"hidden"))


def test_a_wrong_signature_shows_what_the_venue_signed(trader) -> None:
    stamp = trader.venue.venue_ms(trader.now_ns)
    reply = trader.ask("GET", PATH, QUERY, headers={"x-bapi-sign": "ff" * 32})
    assert reply.code == 10004
    assert reply.json["retMsg"] == f"error sign! origin_string[{stamp}test-key5000{QUERY}]"


def test_an_unknown_key(trader) -> None:
    reply = trader.ask("GET", PATH, QUERY, headers={"x-bapi-api-key": "someone"})
    assert (reply.code, reply.json["retMsg"]) == (10003, "API key is invalid.")


@pytest.mark.parametrize("name", ["x-bapi-api-key", "x-bapi-timestamp", "x-bapi-sign"])
def test_without_authentication_headers(trader, name) -> None:
    assert trader.ask("GET", PATH, QUERY, headers={name: ""}).status == 401


@pytest.mark.parametrize(
    ("offset_ms", "window", "code"),
    [
        # The request is applied 2.5 ms after it was stamped, two whole milliseconds on.
        (0, "5000", 0),
        (1001, "5000", 0),
        (1002, "5000", 10002),
        (1002, "60000", 10002),  # no window cures a fast clock
        (-4998, "5000", 0),
        (-4999, "5000", 10002),
        (-30_000, "60000", 0),
        (-98, "100", 0),
        (-99, "100", 10002),
    ],
)
def test_the_time_window_is_not_symmetric(trader, offset_ms, window, code) -> None:
    sent = trader.venue.venue_ms(trader.now_ns) + offset_ms
    reply = trader.ask("GET", PATH, QUERY, offset_ms=offset_ms, window=window)
    assert reply.code == code
    if code:
        server = reply.json["time"]
        assert reply.json["retMsg"].endswith(
            f"req_timestamp[{sent}],server_timestamp[{server}],recv_window[{window}]"
        )


def test_the_default_window_holds_when_none_is_sent(trader) -> None:
    assert trader.ask("GET", PATH, QUERY, window="").code == 0
    assert trader.ask("GET", PATH, QUERY, window="", offset_ms=-4990).code == 0
    assert trader.ask("GET", PATH, QUERY, window="", offset_ms=-5100).code == 10002


@pytest.mark.parametrize("text", ["soon", "1.7e12", "-5", "١٢٣"])
def test_a_timestamp_that_is_no_number(trader, text) -> None:
    assert trader.ask("GET", PATH, QUERY, headers={"x-bapi-timestamp": text}).code == 10001


def test_nothing_is_done_for_a_refused_request(trader, item) -> None:
    body = orjson.dumps({"category": "linear", **item()})
    for changed in ({"x-bapi-sign": "0" * 64}, {"x-bapi-api-key": "someone"}):
        trader.ask("POST", "/v5/order/create", body, headers=changed)
    assert trader.venue.open_orders() == []


def test_http_refusals(trader) -> None:
    assert trader.ask("GET", "/v5/order/nothing").status == 404
    assert trader.ask("GET", "/").status == 404
    assert trader.ask("GET", "/v5/order/create").status == 400
    with_body = HttpRequest(
        request_id=99, method="GET", path="/v5/market/time", query="", headers={}, body=b"{}"
    )
    trader.venue.http(with_body, trader.now_ns)
    trader.run(20)
    assert (trader.reply(99).status, trader.reply(99).body) == (403, b"access too frequent")


def test_the_stream_door(trader) -> None:
    door = Doorkeeper((Credentials(7, "a-key", b"a-secret"),), Ms(5000), Known())
    good = "59501278c7f2878b27ea7a975134fa6cb5f7871370b8672af984c2120be077ca"
    assert door.admit_stream("a-key", 1_720_000_000_000, good, 1_719_999_999_999, 0) == 0
    assert door.admit_stream("a-key", 1_720_000_000_000, good, 1_720_000_000_000, 0) == 10001
    assert door.admit_stream("b-key", 1_720_000_000_000, good, 1_719_999_999_999, 0) == 10003
    assert door.admit_stream("a-key", 1_720_000_000_001, good, 1_719_999_999_999, 0) == 10004
