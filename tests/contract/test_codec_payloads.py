"""The codec against whole payloads: our own, and a folder of the venue's own with
``--payloads DIR``.

The folder holds one JSON file per payload, named by what it is (``rest_order_create_batch*``,
``ws_private_order_*`` ...). Every kind has a payload of ours as well, so that nothing here is
skipped without the folder.
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest
from payload_files import fine_instrument, payloads

from mmfast.bybit import rest
from mmfast.bybit.control import Kind
from mmfast.bybit.instruments import instrument_from_row
from mmfast.bybit.private import PrivateDecoder
from mmfast.bybit.public import PublicRouter
from mmfast.bybit.ret_codes import RET_CODES
from mmfast.bybit.rows import RowReader
from mmfast.errors import MmfastError, RemoteProtocolError, UnknownRetCode
from mmfast.ids import ClientIds
from mmfast.messages import (
    NO_RATE_INFO,
    Category,
    Execution,
    OrderUpdate,
    PositionUpdate,
    WalletUpdate,
)
from mmfast.units import InstrumentIndex

IDS = ClientIds("mmt1", 1)


def reader_for(rows: list[dict[str, Any]], category: str) -> RowReader:
    kind = Category[category.upper()]
    symbols = sorted({row["symbol"] for row in rows if "symbol" in row})
    instruments = [fine_instrument(symbol, kind, n) for n, symbol in enumerate(symbols)]
    return RowReader(instruments, IDS, kind)


@pytest.mark.parametrize(
    ("prefix", "decoder", "read"),
    [
        ("rest_order_realtime", rest.ORDER_PAGE, "order"),
        ("rest_order_history", rest.ORDER_PAGE, "order"),
        ("rest_execution_list", rest.EXECUTION_PAGE, "execution"),
        ("rest_position_list", rest.POSITION_PAGE, "position"),
    ],
)
def test_rows_of_queries(pytestconfig: pytest.Config, prefix: str, decoder: Any, read: str) -> None:
    for name, body in payloads(pytestconfig, prefix):
        result = orjson.loads(body)["result"]
        reader = reader_for(result["list"], result.get("category", "linear"))
        raw = rest.result_of(rest.api_key(), 200, body, NO_RATE_INFO, 0)
        page = rest.decoded(rest.api_key(), decoder, raw)
        hedged = any(row.get("positionIdx", 0) for row in result["list"]) and read == "position"
        for row in page.rows:
            if hedged and row.position_idx:
                with pytest.raises(RemoteProtocolError, match="one-way mode"):
                    reader.position(row)
                continue
            assert getattr(reader, read)(row) is not None, name
        assert len(page.rows) == len(result["list"]), name


@pytest.mark.parametrize("category", ["linear", "spot", "option"])
def test_instruments(pytestconfig: pytest.Config, category: str) -> None:
    for name, body in payloads(pytestconfig, f"rest_instruments_info_{category}"):
        for row in orjson.loads(body)["result"]["list"]:
            got = instrument_from_row(row, InstrumentIndex(0), Category[category.upper()])
            assert got.tick_lot_value_e8 > 0, name
            assert got.min_order_lots <= got.max_order_lots, name
            assert got.symbol == row["symbol"], name


def test_wallet_and_key(pytestconfig: pytest.Config) -> None:
    for name, body in payloads(pytestconfig, "rest_account_wallet_balance"):
        raw = rest.result_of(rest.api_key(), 200, body, NO_RATE_INFO, 0)
        page = rest.decoded(rest.wallet("USDT"), rest.WALLET_PAGE, raw)
        coins = orjson.loads(body)["result"]["list"][0]["coin"]
        assert [coin.coin for coin in page.rows[0].coin] == [coin["coin"] for coin in coins], name
        RowReader([fine_instrument("X", Category.LINEAR)], IDS).wallet(page.rows[0])
    for _, body in payloads(pytestconfig, "rest_user_query_api"):
        raw = rest.result_of(rest.api_key(), 200, body, NO_RATE_INFO, 0)
        assert rest.decoded(rest.api_key(), rest.API_KEY, raw).permissions


def test_errors_raise_what_their_code_says(pytestconfig: pytest.Config) -> None:
    for name, body in payloads(pytestconfig, "rest_error_"):
        code = orjson.loads(body)["retCode"]
        with pytest.raises(MmfastError) as caught:
            rest.result_of(rest.api_key(), 200, body, NO_RATE_INFO, 0)
        assert code in RET_CODES, name
        assert not isinstance(caught.value, UnknownRetCode), name


EVENTS = {
    "order": OrderUpdate,
    "execution": Execution,
    "position": PositionUpdate,
    "wallet": WalletUpdate,
}


@pytest.mark.parametrize("root", sorted(EVENTS))
def test_private_frames(pytestconfig: pytest.Config, root: str) -> None:
    for name, body in payloads(pytestconfig, f"ws_private_{root}"):
        parsed = orjson.loads(body)
        row = parsed["data"][0]
        category = Category[row.get("category", "linear").upper()]
        instruments = [
            msgspec.structs.replace(
                fine_instrument(row.get("symbol", "X"), category),
                settle_coin=row["coin"][0]["coin"] if root == "wallet" else "USDT",
            )
        ]
        decoder = PrivateDecoder(instruments, IDS, category)
        if row.get("positionIdx", 0):
            with pytest.raises(RemoteProtocolError, match="one-way mode"):
                decoder.decode(body)
            continue
        decoded = decoder.decode(body)
        if "fast" in parsed["topic"]:
            assert decoded.kind is Kind.OTHER, name
            continue
        assert decoded.kind is Kind.EVENTS, name
        assert decoded.events, name
        assert all(isinstance(event, EVENTS[root]) for event in decoded.events), name


@pytest.mark.parametrize(
    ("prefix", "kind"),
    [
        ("ws_private_pong", Kind.PONG),
        ("ws_private_auth", Kind.AUTH),
        ("ws_private_subscribe", Kind.SUBSCRIBED),
    ],
)
def test_private_control_frames(pytestconfig: pytest.Config, prefix: str, kind: Kind) -> None:
    for name, body in payloads(pytestconfig, prefix):
        decoded = PrivateDecoder((), IDS).decode(body)
        assert decoded.kind is kind, name
        assert decoded.success is ("error" not in name), name


@pytest.mark.parametrize(
    ("prefix", "kind"),
    [
        ("ws_public_pong", Kind.PONG),
        ("ws_public_subscribe", Kind.SUBSCRIBED),
        ("ws_public_unsubscribe", Kind.UNSUBSCRIBED),
    ],
)
def test_public_control_frames(pytestconfig: pytest.Config, prefix: str, kind: Kind) -> None:
    for name, body in payloads(pytestconfig, prefix):
        routed = PublicRouter(("BTCUSDT",), 50).route(body)
        assert routed.kind is kind, name
        assert routed.success is ("error" not in name), name


def test_books_find_their_instrument(pytestconfig: pytest.Config) -> None:
    for name, body in payloads(pytestconfig, "ws_public_orderbook_"):
        parsed = orjson.loads(body)
        _, depth, symbol = parsed["topic"].split(".", 2)
        if not depth.isdigit():
            continue
        router = PublicRouter(("NOISE", symbol), int(depth))
        for frame in (body, orjson.dumps(parsed)):
            assert router.route(frame) == (Kind.BOOK, 1, True, "", ""), name
