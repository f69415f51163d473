"""The venue invents words every month: none may crash the engine, hide a fill or be guessed at.

A row about us with a word that nobody knows is either told as an event, with what the word may
mean left open, or refused as a frame that cannot be read, for which the account is read instead.
"""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmfast.bybit.private import Kind, PrivateDecoder
from mmfast.errors import RemoteProtocolError
from mmfast.ids import ClientIds
from mmfast.messages import Execution, Instrument, OrderStatus, OrderUpdate, PositionUpdate

OWN_ID = (7 << 32) | 5
ORDER = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "orderId": "0b1c7a40-0000-4000-8000-000000000001",
    "side": "Buy",
    "orderType": "Limit",
    "orderStatus": "New",
    "timeInForce": "PostOnly",
    "createType": "CreateByUser",
    "cancelType": "UNKNOWN",
    "rejectReason": "EC_NoError",
    "stopOrderType": "",
    "smpType": "None",
    "triggerBy": "",
    "placeType": "",
    "price": "65000.2",
    "qty": "0.010",
    "leavesQty": "0.006",
    "cumExecQty": "0.004",
    "updatedTime": "1772694602001",
}
EXECUTION = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "execId": "5d3b0b5e-0000-4000-8000-000000000002",
    "orderId": ORDER["orderId"],
    "side": "Buy",
    "orderType": "Limit",
    "stopOrderType": "UNKNOWN",
    "createType": "CreateByUser",
    "execType": "Trade",
    "execQty": "0.004",
    "execPrice": "65000.2",
    "execFee": "0.05",
    "execTime": "1772694602001",
    "isMaker": True,
    "seq": 17,
}
POSITION = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "size": "0.004",
    "entryPrice": "65000.2",
    "positionIdx": 0,
    "positionStatus": "Normal",
    "tpslMode": "Full",
    "seq": 17,
}
ENUMS = (
    [
        ("order", ORDER, field)
        for field in ORDER
        if field.endswith(("Type", "Status", "Reason", "Force", "By"))
        or field in ("side", "category")
    ]
    + [
        ("execution", EXECUTION, field)
        for field in ("category", "side", "orderType", "stopOrderType", "createType", "execType")
    ]
    + [
        ("position", POSITION, field)
        for field in ("category", "side", "positionStatus", "tpslMode")
    ]
)
UNREADABLE = ("side", "category")
"""What a word in these means for us cannot be left open: the account is read instead."""
WORDS = ["NewWord", "new", "BUY", "Linear", " New", "EC_", "ÄÖ", "0", "None", "x" * 300]


@pytest.fixture
def decoder(instruments: tuple[Instrument, ...], ids: ClientIds) -> PrivateDecoder:
    return PrivateDecoder(instruments, ids)


def decode(decoder: PrivateDecoder, ids: ClientIds, topic: str, row: dict[str, Any]) -> Any:
    """The one event of a row about an order of ours, or the refusal to read it."""
    own = row if topic == "position" else row | {"orderLinkId": ids.text(OWN_ID)}
    data = orjson.dumps({"id": "x", "topic": topic, "creationTime": 17, "data": [own]})
    try:
        decoded = decoder.decode(data)
    except RemoteProtocolError as refusal:
        return refusal
    assert decoded.kind is Kind.EVENTS
    (event,) = decoded.events  # never dropped in silence
    return event


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(("topic", "row", "field"), ENUMS)
def test_a_new_word_is_left_open_or_has_the_account_read(
    decoder: PrivateDecoder,
    ids: ClientIds,
    topic: str,
    row: dict[str, Any],
    field: str,
    word: str,
) -> None:
    plain = decode(decoder, ids, topic, row)
    told = decode(decoder, ids, topic, row | {field: word})
    if field in UNREADABLE:
        assert isinstance(told, RemoteProtocolError)
        assert field in str(told)
        assert decoder.malformed == 1
    elif field == "orderStatus":
        assert told.status is OrderStatus.UNKNOWN_STATUS
        assert (told.cum_lots, told.leaves_lots) == (4, 6), "what is known is still told"
    elif isinstance(told, OrderUpdate):
        assert (told.status, told.cum_lots) == (plain.status, plain.cum_lots)
    elif isinstance(told, Execution):
        assert (told.lots, told.side, told.client_id) == (4, plain.side, OWN_ID)
    else:
        assert isinstance(told, PositionUpdate)
        assert told == plain


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_words_at_once_give_an_event_or_a_refusal(
    instruments: tuple[Instrument, ...], ids: ClientIds, data: st.DataObject
) -> None:
    decoder = PrivateDecoder(instruments, ids)
    topic, row = data.draw(st.sampled_from([("order", ORDER), ("execution", EXECUTION)]))
    fields = [field for name, _, field in ENUMS if name == topic]
    words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=40)
    changes = data.draw(st.dictionaries(st.sampled_from(fields), words, min_size=1))
    told = decode(decoder, ids, topic, row | changes)
    assert isinstance(told, OrderUpdate | Execution | RemoteProtocolError)


@pytest.mark.parametrize("other", ["spot", "inverse", "option"])
def test_rows_of_other_categories_we_know_are_not_about_us(
    decoder: PrivateDecoder, other: str
) -> None:
    data = orjson.dumps({"topic": "order", "data": [ORDER | {"category": other}]})
    assert decoder.decode(data).events == ()
    assert decoder.reader.dropped == 1
