"""The private stream: nothing the venue says is lost, guessed or able to crash us."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmfast.bybit.control import Kind
from mmfast.bybit.private import PrivateDecoder, PrivateFrame
from mmfast.errors import RemoteProtocolError
from mmfast.ids import ClientIds
from mmfast.messages import (
    Execution,
    Instrument,
    OrderStatus,
    OrderUpdate,
    PositionUpdate,
    Side,
    WalletUpdate,
)

ORDER: dict[str, Any] = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "orderId": "af6512ea-74b0-4ac5-959a-9a52d4208b08",
    "orderLinkId": "",
    "price": "65000.20",
    "qty": "0.010",
    "side": "Buy",
    "positionIdx": 0,
    "orderStatus": "New",
    "cancelType": "UNKNOWN",
    "rejectReason": "EC_NoError",
    "avgPrice": "",
    "leavesQty": "0.010",
    "cumExecQty": "0.000",
    "reduceOnly": False,
    "createdTime": "1772694601540",
    "updatedTime": "1772694602001",
    "cumFeeDetail": {},
}
EXECUTION: dict[str, Any] = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "execFee": "0.05200008",
    "execId": "0ab1bdf7-4219-438b-b30a-32ec863018f9",
    "execPrice": "65000.1",
    "execQty": "0.004",
    "execType": "Trade",
    "execValue": "260.0004",
    "orderId": "af6512ea",
    "orderLinkId": "",
    "side": "Sell",
    "execTime": "1772694603099",
    "isMaker": True,
    "seq": 140612148849401,
}
POSITION: dict[str, Any] = {
    "category": "linear",
    "symbol": "ETHUSDT",
    "positionIdx": 0,
    "side": "Sell",
    "size": "0.01",
    "entryPrice": "3641.075",
    "updatedTime": "1762199125472",
    "seq": 325852190774,
}
COIN: dict[str, Any] = {"coin": "USDT", "walletBalance": "9684.46297164", "equity": "-0.5"}


@pytest.fixture
def decoder(instruments: tuple[Instrument, ...], ids: ClientIds) -> PrivateDecoder:
    return PrivateDecoder(instruments, ids)


def frame(topic: str, *rows: dict[str, Any]) -> bytes:
    return orjson.dumps({"id": "x", "topic": topic, "creationTime": 17, "data": list(rows)})


def one(decoder: PrivateDecoder, topic: str, row: dict[str, Any], **changes: Any) -> Any:
    decoded = decoder.decode(frame(topic, row | changes))
    assert decoded.kind is Kind.EVENTS
    (event,) = decoded.events
    return event


@pytest.mark.parametrize("topic", ["order", "order.linear"])
def test_an_order_of_ours(decoder: PrivateDecoder, ids: ClientIds, topic: str) -> None:
    mine = ids.next()
    assert one(decoder, topic, ORDER, orderLinkId=ids.text(mine)) == OrderUpdate(
        client_id=mine,
        link_id=ids.text(mine),
        venue_id=ORDER["orderId"],
        instrument=0,
        side=Side.BUY,
        status=OrderStatus.WORKING,
        price_ticks=650_002,
        lots=10,
        cum_lots=0,
        leaves_lots=10,
        reject_reason="EC_NoError",
        cancel_type="UNKNOWN",
        updated_ms=1772694602001,
        reduce_only=False,
    )


@pytest.mark.parametrize("topic", ["order", "order.linear"])
def test_a_frame_as_the_venue_spells_it_takes_the_short_way(
    decoder: PrivateDecoder, topic: str
) -> None:
    """Falling back is right as well, but ten times as slow: nothing else would show it."""
    told = frame(topic, ORDER, ORDER | {"symbol": "XRPUSDT"}, ORDER | {"orderStatus": "Cancelled"})
    plain = decoder.reader.plain(told)
    assert plain is not None
    assert decoder.reader.dropped == 1
    decoded = decoder.decode(told)
    assert plain == (decoded.created_ms, decoded.events)
    assert len(decoded.events) == 2


def test_a_foreign_order_is_told_but_not_ours(decoder: PrivateDecoder) -> None:
    update = one(decoder, "order", ORDER, orderLinkId="manual-17")
    assert (update.client_id, update.link_id) == (0, "manual-17")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("New", OrderStatus.WORKING),
        ("Created", OrderStatus.PENDING_NEW),
        ("PendingCancel", OrderStatus.WORKING),
        ("Untriggered", OrderStatus.WORKING),
        ("Triggered", OrderStatus.WORKING),
        ("PartiallyFilled", OrderStatus.PARTIALLY_FILLED),
        ("Filled", OrderStatus.FILLED),
        ("Cancelled", OrderStatus.CANCELLED),
        ("PartiallyFilledCanceled", OrderStatus.CANCELLED),
        ("Deactivated", OrderStatus.CANCELLED),
        ("Rejected", OrderStatus.REJECTED),
        ("Teleported", OrderStatus.UNKNOWN_STATUS),
        ("", OrderStatus.UNKNOWN_STATUS),
    ],
)
def test_every_status_word(decoder: PrivateDecoder, word: str, status: OrderStatus) -> None:
    update = one(decoder, "order", ORDER, orderStatus=word)
    assert update.status is status
    assert update.leaves_lots == (0 if status.is_final else 10)
    assert decoder.reader.unknown_words == (status is OrderStatus.UNKNOWN_STATUS)


def test_a_cancelled_order_keeps_its_fills_and_its_reason(decoder: PrivateDecoder) -> None:
    update = one(
        decoder,
        "order",
        ORDER,
        orderStatus="Cancelled",
        cumExecQty="0.003",
        leavesQty="0.000",
        rejectReason="EC_PostOnlyWillTakeLiquidity",
        cancelType="CancelByUser",
    )
    assert (update.cum_lots, update.leaves_lots) == (3, 0)
    assert update.reject_reason == "EC_PostOnlyWillTakeLiquidity"
    assert update.cancel_type == "CancelByUser"


def test_an_execution(decoder: PrivateDecoder) -> None:
    event = one(decoder, "execution.linear", EXECUTION)
    assert event == Execution(
        client_id=0,
        exec_id=EXECUTION["execId"],
        venue_id="af6512ea",
        instrument=0,
        side=Side.SELL,
        price_ticks=650_001,
        lots=4,
        value_e8=26_000_040_000,
        fee_e8=5_200_008,
        is_maker=True,
        exec_type="Trade",
        exec_ms=1772694603099,
        seq=140612148849401,
    )


@pytest.mark.parametrize("word", ["AdlTrade", "BustTrade", "Delivery", "CorporateAction", "New!"])
def test_any_execution_type_moves_the_position(decoder: PrivateDecoder, word: str) -> None:
    event = one(decoder, "execution", EXECUTION, execType=word)
    assert (event.exec_type, event.lots) == (word, 4)


def test_funding_costs_money_and_moves_nothing(decoder: PrivateDecoder) -> None:
    event = one(decoder, "execution", EXECUTION, execType="Funding", execFee="-0.1")
    assert (event.lots, event.value_e8, event.fee_e8) == (0, 0, -10_000_000)


def test_an_execution_off_the_tick_grid_keeps_its_exact_value(decoder: PrivateDecoder) -> None:
    event = one(decoder, "execution", EXECUTION, execPrice="65000.16", execType="AdlTrade")
    assert event.price_ticks == 650_002
    assert event.value_e8 == 26_000_064_000


def test_fast_executions_do_not_shadow_the_full_ones(decoder: PrivateDecoder) -> None:
    for topic in ("execution.fast", "execution.fast.linear"):
        assert decoder.decode(frame(topic, EXECUTION)) == PrivateFrame(Kind.OTHER)


def test_positions(decoder: PrivateDecoder) -> None:
    assert one(decoder, "position", POSITION) == PositionUpdate(
        instrument=1,
        lots=-1,
        entry_value_e8=3_641_075_000,
        updated_ms=1762199125472,
        seq=325852190774,
    )
    flat = one(decoder, "position", POSITION, side="", size="0", entryPrice="0", seq="-1")
    assert (flat.lots, flat.entry_value_e8, flat.seq) == (0, 0, -1)
    queried = {k: v for k, v in POSITION.items() if k != "entryPrice"} | {"avgPrice": "3641.075"}
    assert one(decoder, "position", queried) == one(decoder, "position", POSITION)


def test_hedge_mode_is_refused_in_words(decoder: PrivateDecoder) -> None:
    with pytest.raises(RemoteProtocolError, match="one-way mode"):
        decoder.decode(frame("position", POSITION | {"positionIdx": 2}))


def test_the_settlement_coin_of_a_wallet(decoder: PrivateDecoder) -> None:
    other = {"coin": "BTC", "walletBalance": "0.00102964", "equity": ""}
    decoded = decoder.decode(frame("wallet", {"accountType": "UNIFIED", "coin": [other, COIN]}))
    assert decoded.events == (
        WalletUpdate(coin="USDT", balance_e8=968_446_297_164, equity_e8=-50_000_000),
    )
    assert decoder.reader.dropped == 1


def test_rows_about_others_are_dropped_and_counted(decoder: PrivateDecoder) -> None:
    rows = [ORDER | {"symbol": "XRPUSDT"}, ORDER, ORDER | {"category": "spot"}]
    decoded = decoder.decode(frame("order", *rows))
    assert len(decoded.events) == 1
    assert decoder.reader.dropped == 2


def test_several_rows_keep_the_venues_order(decoder: PrivateDecoder) -> None:
    rows = [EXECUTION | {"execId": f"e{n}"} for n in range(5)]
    decoded = decoder.decode(frame("execution", *rows))
    assert [event.exec_id for event in decoded.events] == [f"e{n}" for n in range(5)]
    assert decoded.created_ms == 17


@pytest.mark.parametrize(
    ("topic", "row", "changes", "field"),
    [
        ("order", ORDER, {"qty": "0.0105"}, "qty"),
        ("order", ORDER, {"side": "Both"}, "side"),
        ("order", ORDER, {"price": "1e5"}, "price"),
        ("order", ORDER, {"cumExecQty": "-0.001"}, "cumExecQty"),
        ("order", ORDER, {"qty": 0.01}, "qty"),
        ("order", ORDER, {"orderId": None}, "orderId"),
        ("execution", EXECUTION, {"execQty": "0.0001"}, "execQty"),
        ("execution", EXECUTION, {"execPrice": "NaN"}, "execPrice"),
        ("execution", EXECUTION, {"execFee": "free"}, "execFee"),
        ("execution", EXECUTION, {"execId": 7}, "execId"),
        ("position", POSITION, {"size": "many"}, "size"),
        ("position", POSITION, {"side": ""}, "side"),
        ("position", POSITION, {"entryPrice": "?"}, "entryPrice"),
        ("wallet", {"coin": [COIN | {"walletBalance": "x"}]}, {}, "walletBalance"),
    ],
)
def test_what_cannot_be_true_is_refused_with_its_place(
    decoder: PrivateDecoder, topic: str, row: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(RemoteProtocolError, match=field):
        decoder.decode(frame(topic, row | changes))
    assert decoder.malformed == 1
    # The next frame is read as if nothing had happened.
    assert one(decoder, "order", ORDER).lots == 10


@pytest.mark.parametrize("gone", ["", None])
def test_nothing_is_written_in_three_ways(decoder: PrivateDecoder, gone: str | None) -> None:
    blank = dict.fromkeys(
        ("price", "rejectReason", "cancelType", "updatedTime", "orderLinkId"), gone
    )
    full = one(decoder, "order", ORDER, **blank)
    absent = {key: value for key, value in ORDER.items() if key not in blank}
    assert one(decoder, "order", absent) == full
    assert (full.price_ticks, full.updated_ms, full.reject_reason) == (0, 0, "")


@pytest.mark.parametrize(
    ("text", "kind", "success"),
    [
        (b'{"success":true,"ret_msg":"","op":"auth","conn_id":"c"}', Kind.AUTH, True),
        (b'{"success":false,"ret_msg":"Param Error","op":"auth"}', Kind.AUTH, False),
        (b'{"retCode":0,"retMsg":"OK","op":"auth","connId":"c"}', Kind.AUTH, True),
        (b'{"retCode":20001,"retMsg":"again","op":"auth"}', Kind.AUTH, True),
        (b'{"retCode":10004,"retMsg":"sign","op":"auth"}', Kind.AUTH, False),
        (b'{"success":true,"ret_msg":"","op":"subscribe","req_id":"r"}', Kind.SUBSCRIBED, True),
        (b'{"success":false,"ret_msg":"no","op":"subscribe"}', Kind.SUBSCRIBED, False),
        (b'{"req_id":"t","op":"pong","args":["1675418560633"],"conn_id":"c"}', Kind.PONG, True),
        (b'{"args":["1"],"conn_id":"c","op":"pong"}', Kind.PONG, True),
        (b'{"retCode":0,"retMsg":"OK","op":"pong","data":["1"]}', Kind.PONG, True),
        (b'{"hello":1}', Kind.OTHER, True),
        (b'{"topic":"greeks","data":[{"a":1}]}', Kind.OTHER, True),
        (b'{"topic":"dcp.future"}', Kind.OTHER, True),
    ],
)
def test_control_frames(decoder: PrivateDecoder, text: bytes, kind: Kind, success: bool) -> None:
    decoded = decoder.decode(text)
    assert (decoded.kind, decoded.success) == (kind, success)
    assert decoded.events == ()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_refused_or_read_and_never_crashes(
    decoder: PrivateDecoder, data: st.DataObject
) -> None:
    topic, row = data.draw(
        st.sampled_from([("order", ORDER), ("execution", EXECUTION), ("position", POSITION)])
    )
    key = data.draw(st.sampled_from(sorted(row)))
    junk = data.draw(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(2**63), 2**63 - 1),
            st.floats(allow_nan=False, allow_infinity=False),
            st.text(),
            st.lists(st.integers(), max_size=2),
        )
    )
    try:
        body = frame(topic, row | {key: junk})
    except TypeError:  # text that is not valid Unicode cannot be written as JSON
        return
    cut = data.draw(st.integers(0, len(body)))
    for text in (body, body[:cut]):
        read: object = None
        try:
            read = decoder.decode(text)
        except RemoteProtocolError as error:
            read = error
        assert isinstance(read, PrivateFrame) or len(str(read)) < 300


@given(st.binary(max_size=100))
def test_no_bytes_crash_it(text: bytes) -> None:
    decoder = PrivateDecoder((), ClientIds("mmt1", 1))
    try:
        decoder.decode(text)
    except RemoteProtocolError:
        assert decoder.malformed == 1


def test_deep_nesting_is_refused() -> None:
    decoder = PrivateDecoder((), ClientIds("mmt1", 1))
    with pytest.raises(RemoteProtocolError):
        decoder.decode(b'{"topic":"order","data":' + b"[" * 200_000)


@pytest.mark.parametrize("inner", ["greek", "execution", "wallet"])
def test_a_topic_inside_does_not_pass_for_the_frames_own(
    decoder: PrivateDecoder, inner: str
) -> None:
    inside = b'{"x":{"topic":"%b"},"topic":"order","data":[]}' % inner.encode()
    with pytest.raises(RemoteProtocolError, match="two topics"):
        decoder.decode(inside)


@pytest.mark.parametrize(
    ("topic", "row", "field"),
    [
        ("order", ORDER, "price"),
        ("execution", EXECUTION, "execFee"),
        ("execution", EXECUTION, "execPrice"),
        ("position", POSITION, "entryPrice"),
        ("wallet", {"coin": [COIN]}, "walletBalance"),
    ],
)
def test_a_number_beyond_64_bits_cannot_be_true(
    decoder: PrivateDecoder, topic: str, row: dict[str, Any], field: str
) -> None:
    huge = {field: "9" * 30}
    changed = {"coin": [COIN | huge]} if topic == "wallet" else row | huge
    with pytest.raises(RemoteProtocolError):
        decoder.decode(frame(topic, changed))
