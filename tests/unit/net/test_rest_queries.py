"""Queries: complete lists, one answer or one clear exception."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from mmfast.errors import (
    AuthError,
    ClockSkewError,
    NotSent,
    OutcomeUnknown,
    RateLimitError,
    RemoteProtocolError,
)
from mmfast.ids import ClientIds
from mmfast.messages import Category, OrderStatus
from mmfast.net.http import Limits

Run = Callable[[Awaitable[Any]], Any]
Make = Callable[..., Any]


def ok(result: object, **more: object) -> dict[str, object]:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1, **more}


def order(number: int, **changes: object) -> dict[str, object]:
    return {
        "symbol": "BTCUSDT",
        "orderId": f"v-{number}",
        "orderLinkId": "",
        "side": "Buy",
        "orderStatus": "New",
        "price": "65000.0",
        "qty": "0.010",
        "cumExecQty": "0.000",
        "leavesQty": "0.010",
        **changes,
    }


def execution(number: int, ms: int, **changes: object) -> dict[str, object]:
    return {
        "symbol": "BTCUSDT",
        "execId": f"e-{number}",
        "orderId": "v-1",
        "side": "Buy",
        "execQty": "0.001",
        "execPrice": "65000",
        "execTime": str(ms),
        "execType": "Trade",
        "seq": number,
        **changes,
    }


@pytest.fixture
def ask(run: Run, stub: Any, make_rest: Make) -> Callable[..., tuple[Any, Any]]:
    """What a query gives against a server that answers ``answer(seen)``; the server too."""

    def ask(answer: Callable[[Any], Any], query: Callable[[Any], Any], **kwargs: Any) -> Any:
        async def script(seen: Any, peer: Any) -> None:
            body = answer(seen)
            status = 200
            if isinstance(body, tuple):
                status, body = body
            await peer.reply(body, status)

        async def main() -> Any:
            async with stub(script).running() as server:
                rest = make_rest(server.url, **kwargs)
                try:
                    return await query(rest), server
                finally:
                    await rest.close()

        return run(main())

    return ask


def test_the_signature_covers_the_query_as_sent(ask: Make, secret: str) -> None:
    cursor = "a%3A1%2Cb%3A2"
    pages = {False: ok({"list": [order(1)], "nextPageCursor": cursor}), True: ok({"list": []})}
    _, server = ask(lambda seen: pages["cursor" in seen.target], lambda rest: rest.open_orders())
    assert len(server.seen) == 2
    assert server.seen[1].target.endswith(f"&cursor={cursor}")
    for seen in server.seen:
        assert seen.method == "GET"
        assert seen.body == b""
        text = seen.headers["x-bapi-timestamp"] + "test_api_key" + "5000"
        text += seen.target.partition("?")[2]
        expected = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        assert seen.headers["x-bapi-sign"] == expected


def test_open_orders_come_from_all_pages_once(ask: Make) -> None:
    def answer(seen: Any) -> object:
        page = int(parse_qs(seen.target.partition("?")[2]).get("cursor", ["0"])[0])
        # Order 49 slid onto the second page while the list was read.
        rows = [order(n) for n in range(max(page * 50 - 1, 0), min(page * 50 + 50, 120))]
        return ok({"list": rows, "nextPageCursor": str(page + 1) if page < 2 else ""})

    orders, server = ask(answer, lambda rest: rest.open_orders())
    assert sorted(o.venue_id for o in orders) == sorted(f"v-{n}" for n in range(120))
    assert len(server.seen) == 3
    assert "settleCoin=USDT" in server.seen[0].target


@pytest.mark.parametrize(
    ("cursors", "complaint"),
    [(["same", "same"], "cursor came twice"), (["x", "y"], "did not end")],
)
def test_a_list_that_does_not_end_is_refused(ask: Make, cursors: list[str], complaint: str) -> None:
    turns = iter(range(10**6))

    def answer(seen: Any) -> object:
        cursor = cursors[next(turns) % 2]
        return ok({"list": [order(1)], "nextPageCursor": cursor})

    with pytest.raises(RemoteProtocolError, match=f"order/realtime: .*{complaint}"):
        ask(answer, lambda rest: rest.open_orders())


def test_settled_open_orders_agree_twice(ask: Make) -> None:
    passes = [[1, 2], [1, 2, 3], [1, 2, 3], [9]]

    def answer(seen: Any) -> object:
        return ok({"list": [order(n) for n in passes.pop(0)], "nextPageCursor": ""})

    orders, _ = ask(answer, lambda rest: rest.settled_open_orders())
    assert [o.venue_id for o in orders] == ["v-1", "v-2", "v-3"]
    assert passes == [[9]]


def test_open_orders_that_never_settle_are_in_doubt(ask: Make) -> None:
    numbers = iter(range(100))

    def answer(seen: Any) -> object:
        return ok({"list": [order(next(numbers))]})

    with pytest.raises(OutcomeUnknown, match="kept changing"):
        ask(answer, lambda rest: rest.settled_open_orders())


@pytest.mark.parametrize(("where", "calls"), [("realtime", 1), ("history", 2), ("nowhere", 2)])
def test_an_order_is_looked_for_in_both_places(
    ask: Make, ids: ClientIds, where: str, calls: int
) -> None:
    mine = ids.next()
    row = order(5, orderLinkId=ids.text(mine), orderStatus="Filled", cumExecQty="0.010")
    other = order(6, orderLinkId="somebody-else")

    def answer(seen: Any) -> object:
        assert f"orderLinkId={ids.text(mine)}" in seen.target
        return ok({"list": [other, row] if where in seen.target else [other]})

    found, server = ask(answer, lambda rest: rest.order(mine))
    assert len(server.seen) == calls
    if where == "nowhere":
        assert found is None
    else:
        assert (found.client_id, found.status, found.cum_lots) == (mine, OrderStatus.FILLED, 10)


def test_executions_come_oldest_first_and_once(ask: Make) -> None:
    newest_first = [execution(3, 30), execution(2, 20, seq=9), execution(1, 20, seq=8)]

    def answer(seen: Any) -> object:
        assert "startTime=12" in seen.target
        if "cursor" in seen.target:
            return ok({"list": [*newest_first[1:], execution(0, 5, symbol="XRPUSDT")]})
        return ok({"list": newest_first, "nextPageCursor": "more"})

    found, _ = ask(answer, lambda rest: rest.executions(12))
    assert [e.exec_id for e in found] == ["e-1", "e-2", "e-3"]


def test_executions_of_an_order_are_asked_for_by_its_id_alone(ask: Make, ids: ClientIds) -> None:
    mine = ids.next()

    def answer(seen: Any) -> object:
        assert "startTime" not in seen.target
        assert f"orderLinkId={ids.text(mine)}" in seen.target
        rows = [execution(2, 20), execution(1, 10), execution(3, 30, orderLinkId="theirs")]
        return ok({"list": [{"orderLinkId": ids.text(mine), **row} for row in rows]})

    found, _ = ask(answer, lambda rest: rest.executions_of(mine))
    assert [e.exec_id for e in found] == ["e-1", "e-2"]


@pytest.mark.parametrize("by_coin", [True, False])
def test_positions_include_the_flat_ones(ask: Make, by_coin: bool) -> None:
    held = {"symbol": "BTCUSDT", "side": "Sell", "size": "0.004", "avgPrice": "65000", "seq": 7}
    flat = {"symbol": "BTCUSDT", "side": "", "size": "0", "avgPrice": "0", "seq": 9}

    def answer(seen: Any) -> object:
        if "settleCoin" in seen.target:
            return ok({"list": [held] if by_coin else []})
        return ok({"list": [flat]})

    (position,), server = ask(answer, lambda rest: rest.positions())
    assert (position.lots, position.seq) == ((-4, 7) if by_coin else (0, 9))
    assert len(server.seen) == (1 if by_coin else 2)


def test_instruments_come_in_the_order_asked(ask: Make) -> None:
    def answer(seen: Any) -> object:
        symbol = parse_qs(seen.target.partition("?")[2])["symbol"][0]
        row = {
            "symbol": symbol,
            "status": "Trading",
            "baseCoin": "B",
            "quoteCoin": "USDT",
            "settleCoin": "USDT",
            "priceFilter": {"minPrice": "0.1", "maxPrice": "9", "tickSize": "0.1"},
            "lotSizeFilter": {"minOrderQty": "1", "maxOrderQty": "9", "qtyStep": "1"},
        }
        return ok({"list": [] if symbol == "GONEUSDT" else [row]})

    found, server = ask(answer, lambda rest: rest.instruments(Category.LINEAR, ["ZUSDT", "AUSDT"]))
    assert [(i.index, i.symbol) for i in found] == [(0, "ZUSDT"), (1, "AUSDT")]
    assert "x-bapi-sign" not in server.seen[0].headers
    with pytest.raises(RemoteProtocolError, match="no linear symbol 'GONEUSDT'"):
        ask(answer, lambda rest: rest.instruments(Category.LINEAR, ["GONEUSDT"]))


def test_wallet_and_key(ask: Make) -> None:
    coin = {"coin": "USDT", "walletBalance": "12.5", "equity": "13"}
    wallet, _ = ask(lambda seen: ok({"list": [{"coin": [coin]}]}), lambda rest: rest.wallet())
    assert [(w.coin, w.balance_e8) for w in wallet] == [("USDT", 1_250_000_000)]
    info, _ = ask(lambda seen: ok({"readOnly": 1, "ips": ["*"]}), lambda rest: rest.api_key_info())
    assert (info.read_only, info.ips) == (1, ["*"])


def test_server_time_sets_the_venue_clock(ask: Make) -> None:
    venue_ns = 1_900_000_000_123_456_789

    async def query(rest: Any) -> int:
        await rest.warm(3)
        return rest._venue_clock.venue_ms()

    venue_ms, server = ask(lambda seen: ok({"timeNano": str(venue_ns)}), query)
    assert 0 <= venue_ms - venue_ns // 10**6 < 5_000
    assert len(server.seen) == 3
    assert server.connections == 3


def test_a_skewed_clock_is_mended_once(ask: Make) -> None:
    """The host is decades behind: the first query is refused, the second carries venue time."""
    venue_ms = 4_000_000_000_000
    refused = {"retCode": 10002, "retMsg": "timestamp"}

    def answer(seen: Any) -> object:
        if "market/time" in seen.target:
            return ok({"timeNano": str(venue_ms * 10**6)})
        skew_ms = abs(int(seen.headers["x-bapi-timestamp"]) - venue_ms)
        return ok({"readOnly": 0}) if skew_ms < 5_000 else refused

    _, server = ask(answer, lambda rest: rest.api_key_info())
    assert [seen.target.rpartition("/")[2] for seen in server.seen] == [
        "query-api",
        "time",
        "query-api",
    ]

    def hopeless(seen: Any) -> object:
        return ok({"timeNano": "1"}) if "market/time" in seen.target else refused

    with pytest.raises(ClockSkewError):
        ask(hopeless, lambda rest: rest.api_key_info())


def test_a_short_rate_limit_is_waited_out(ask: Make) -> None:
    answers: list[object] = [{"retCode": 10006}, {"retCode": 10006}, ok({"readOnly": 0})]
    info, _ = ask(lambda seen: answers.pop(0), lambda rest: rest.api_key_info())
    assert info.read_only == 0
    with pytest.raises(RateLimitError):
        ask(lambda seen: {"retCode": 10006}, lambda rest: rest.api_key_info())


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"retCode": 10003, "retMsg": "API key is invalid."}, AuthError),
        ((401, b""), AuthError),
        ((403, b"access too frequent"), RateLimitError),
        ((502, b"<html>"), OutcomeUnknown),
        (b"<html>", RemoteProtocolError),
        (ok(None), RemoteProtocolError),
        (ok({"list": {}}), RemoteProtocolError),
        (ok({"list": [order(1, side="Both")]}), RemoteProtocolError),
    ],
)
def test_a_query_that_fails_raises_by_cause(ask: Make, answer: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        ask(lambda seen: answer, lambda rest: rest.open_orders())


def test_no_answer_is_not_sent_or_in_doubt(
    run: Run, stub: Any, make_rest: Make, secret: str
) -> None:
    async def script(seen: Any, peer: Any) -> None:
        await peer.reader.read()

    async def main() -> None:
        async with stub(script).running() as server:
            rest = make_rest(server.url, limits=Limits(total_s=0.2))
            with pytest.raises(OutcomeUnknown) as caught:
                await rest.open_orders()
            assert secret not in str(caught.value)
            await rest.close()
            port = server.port
        rest = make_rest(f"http://127.0.0.1:{port}")
        with pytest.raises(NotSent):
            await rest.server_time()
        await rest.close()

    run(main())


def test_an_oversized_answer_is_cut_off(ask: Make) -> None:
    with pytest.raises(OutcomeUnknown):
        ask(
            lambda seen: b" " * 300_000,
            lambda rest: rest.open_orders(),
            limits=Limits(max_query_reply_bytes=100_000),
        )


def test_concurrent_queries_share_the_pool(ask: Make) -> None:
    async def query(rest: Any) -> list[int]:
        return await asyncio.gather(*(rest.server_time() for _ in range(40)))

    times, server = ask(
        lambda seen: ok({"timeNano": "5"}), query, limits=Limits(connections=4, total_s=5)
    )
    assert times == [5] * 40
    assert server.connections <= 4


LOWERED = {"X-Bapi-Limit": "4", "X-Bapi-Limit-Status": "0"}


def test_what_waits_for_a_connection_keeps_to_a_limit_that_falls_meanwhile(
    run: Run, stub: Any, make_rest: Make
) -> None:
    """All have had their turn while there was no limit; four are out when the venue names one."""

    async def main() -> None:
        questions = 0
        all_out = asyncio.Event()

        async def script(seen: Any, peer: Any) -> None:
            nonlocal questions
            if "market/time" in seen.target:
                await peer.reply(ok({"timeNano": "5"}))
                return
            questions += 1
            if questions == 4:
                all_out.set()
            await all_out.wait()
            await peer.reply(ok({"readOnly": 0}), headers=LOWERED)

        async with stub(script).running() as server:
            rest = make_rest(server.url, limits=Limits(connections=4))
            asked = [asyncio.ensure_future(rest.api_key_info()) for _ in range(12)]
            try:
                await asyncio.gather(*asked[:4])
                await rest.server_time()  # gets a connection after all of those that wait
                assert questions == 4
            finally:
                for one in asked:
                    one.cancel()
                await asyncio.gather(*asked, return_exceptions=True)
                await rest.close()

    run(main())


def test_a_question_lost_with_its_connection_is_not_asked_again_beyond_the_limit(
    run: Run, stub: Any, make_rest: Make
) -> None:
    """The venue may have counted the one that was lost: here the limit is two in a second."""

    async def main() -> None:
        lost = asyncio.Event()
        two = {"X-Bapi-Limit": "2", "X-Bapi-Limit-Status": "1"}

        async def script(seen: Any, peer: Any) -> None:
            if "market/time" in seen.target:
                await peer.reply(ok({"timeNano": "5"}))
            elif len(server.seen) == 1:
                await peer.reply(ok({"readOnly": 0}), headers=two)
            else:
                peer.reset()
                lost.set()

        async with stub(script).running() as server:
            rest = make_rest(server.url)
            await rest.api_key_info()
            again = asyncio.ensure_future(rest.api_key_info())
            await lost.wait()
            await rest.server_time()
            await rest.server_time()
            assert sum("market/time" not in one.target for one in server.seen) == 2
            assert not again.done(), "it waits for its next turn"
            again.cancel()
            await asyncio.gather(again, return_exceptions=True)
            await rest.close()

    run(main())
