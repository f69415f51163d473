"""Every message the embedded venue sends has the documented shape and words.

The messages come from real sessions (:mod:`stream_stage`); the shapes are written down below.
With ``--payloads DIR`` each published ``ws_*.json`` there is held against our message of the
same name, and one that is neither produced nor listed with its reason fails the test.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from stream_stage import KEY, OPTION, PRIVATE, Message, Stage, everything_said, sign_on

Shape = Any


def shape(texts: str = "", numbers: str = "", flags: str = "", **others: Shape) -> dict[str, Shape]:
    return {
        **dict.fromkeys(texts.split(), str),
        **dict.fromkeys(numbers.split(), int),
        **dict.fromkeys(flags.split(), bool),
        **others,
    }


# A list is written as the shape of each of its items, an empty one as a list that has none.
LEVELS = [[str]]
BOOK = shape("topic type", "ts cts", data=shape("s", "u seq", b=LEVELS, a=LEVELS))
ACK = shape("ret_msg conn_id req_id op", "", "success")
PRIVATE_ACK = shape("ret_msg conn_id op", "", "success")
ORDER = shape(
    """category symbol orderId orderLinkId parentOrderLinkId isLeverage blockTradeId price
    brokerOrderPrice qty side orderStatus createType cancelType rejectReason avgPrice leavesQty
    leavesValue cumExecQty cumExecValue cumExecFee closedPnl feeCurrency timeInForce orderType
    stopOrderType ocoTriggerBy orderIv marketUnit slippageToleranceType slippageTolerance
    triggerPrice takeProfit stopLoss tpslMode tpLimitPrice slLimitPrice tpTriggerBy slTriggerBy
    triggerBy lastPriceOnCreated placeType smpType smpOrderId createdTime updatedTime
    rpiMatchedQty""",
    "positionIdx triggerDirection smpGroup",
    "reduceOnly closeOnTrigger rpiTakerAccess",
    cumFeeDetail=dict,
)
ORDERS = shape("id topic", "creationTime", data=[ORDER])
FILL = shape(
    """category symbol closedSize execFee execId execPrice execQty execType execValue feeRate
    tradeIv markIv blockTradeId markPrice indexPrice underlyingPrice leavesQty orderId orderLinkId
    orderPrice orderQty orderType stopOrderType side execTime isLeverage marketUnit execPnl
    createType extraFees feeCurrency""",
    "seq",
    "isMaker",
)
FILLS = shape("id topic", "creationTime", data=[FILL])
FAST = shape(
    "category symbol execId execPrice execQty orderId orderLinkId side execTime", "seq", "isMaker"
)
FAST_FILLS = shape("topic", "creationTime", data=[FAST])
POSITION = shape(
    """riskLimitValue symbol side size entryPrice leverage breakEvenPrice positionValue
    positionBalance markPrice positionIM positionIMByMp positionMM positionMMByMp takeProfit
    stopLoss trailingStop unrealisedPnl curRealisedPnl cumRealisedPnl sessionAvgPrice createdTime
    updatedTime tpslMode liqPrice bustPrice category positionStatus leverageSysUpdatedTime
    mmrSysUpdatedTime""",
    "positionIdx tradeMode riskId adlRankIndicator autoAddMargin seq",
    "isReduceOnly",
)
POSITIONS = shape("id topic", "creationTime", data=[POSITION])
COIN = shape(
    """coin equity usdValue walletBalance free locked spotHedgingQty borrowAmount spotBorrow
    availableToBorrow availableToWithdraw accruedInterest totalOrderIM totalPositionIM
    totalPositionMM unrealisedPnl cumRealisedPnl bonus""",
    "",
    "collateralSwitch marginCollateral",
)
ACCOUNT = shape(
    """accountType accountLTV accountIMRate accountIMRateByMp accountMMRate accountMMRateByMp
    totalEquity totalWalletBalance totalMarginBalance totalAvailableBalance totalPerpUPL
    totalInitialMargin totalInitialMarginByMp totalMaintenanceMargin totalMaintenanceMarginByMp""",
    coin=[COIN],
)
FUTURES_TICKER = shape(
    """symbol tickDirection price24hPcnt lastPrice prevPrice24h highPrice24h lowPrice24h
    prevPrice1h markPrice indexPrice openInterest openInterestValue turnover24h volume24h
    fundingIntervalHour fundingCap nextFundingTime fundingRate bid1Price bid1Size ask1Price
    ask1Size preOpenPrice preQty curPreListingPhase"""
)
SPOT_TICKER = shape(
    """symbol lastPrice highPrice24h lowPrice24h prevPrice24h volume24h turnover24h price24hPcnt
    usdIndexPrice"""
)
NOTICE = shape(
    "id title state begin end href", "maintainType env", serviceTypes=[int], product=[int],
    uidSuffix=[],
)  # fmt: skip
LIMIT_HEADER = shape(
    "X-Bapi-Limit X-Bapi-Limit-Status X-Bapi-Limit-Reset-Timestamp Traceid Timenow"
)
REPLY = shape("reqId retMsg op connId", "retCode", header=LIMIT_HEADER, retExtInfo={}, data={})
DONE = REPLY | {"data": shape("orderId orderLinkId")}
ITEM = shape("category symbol orderId orderLinkId")
CODES = {"list": [shape("msg", "code")]}
BATCH = REPLY | {"data": {"list": [ITEM]}, "retExtInfo": CODES}
NEW_BATCH = BATCH | {"data": {"list": [{**ITEM, "createAt": str}]}}
TRADE_ACK = shape("retMsg op connId", "retCode")

SHAPES: dict[str, Shape] = {
    "ws_public_pong_linear.response": ACK,
    "ws_public_pong_spot.response": shape("ret_msg conn_id op", "", "success"),
    "ws_public_pong_option.response": shape("op", args=[str]),
    "ws_public_subscribe_linear.response": ACK,
    "ws_public_subscribe_linear.error_already_subscribed": ACK,
    "ws_public_subscribe_linear.error_unknown_topic": ACK,
    "ws_public_unsubscribe_linear.response": ACK,
    "ws_public_subscribe_spot.response": ACK,
    "ws_public_subscribe_spot.error_args_size": ACK,
    "ws_public_subscribe_option.response": shape(
        "conn_id type", "", "success", data={"failTopics": [], "successTopics": [str]}
    ),
    "ws_public_orderbook_1_linear.snapshot": BOOK,
    "ws_public_orderbook_1_linear.repeat_after_3s.snapshot": BOOK,
    "ws_public_orderbook_50.snapshot": BOOK,
    "ws_public_orderbook_50.delta": BOOK,
    "ws_public_orderbook_50_spot.delta": BOOK,
    "ws_public_orderbook_50_linear.service_restart.snapshot": BOOK,
    "ws_public_tickers_linear.snapshot": shape("topic type", "cs ts", data=FUTURES_TICKER),
    "ws_public_tickers_linear.delta": shape("topic type", "cs ts", data=dict),
    "ws_public_tickers_spot.snapshot": shape("topic type", "cs ts", data=SPOT_TICKER),
    "ws_public_trade_linear": shape(
        "topic type", "ts", data=[shape("s S v p L i", "T seq", "BT RPI")]
    ),
    "ws_public_trade_spot": shape("topic type", "ts", data=[shape("s S v p i", "T seq", "BT RPI")]),
    "ws_public_price_limit": shape("topic", "ts", data=shape("symbol buyLmt sellLmt")),
    "ws_system_status": shape("topic", "ts", data=[NOTICE]),
    "ws_private_auth.error": PRIVATE_ACK,
    "ws_private_auth.response": PRIVATE_ACK,
    "ws_private_subscribe.response": PRIVATE_ACK,
    "ws_private_pong.response": shape("req_id op conn_id", args=[str]),
    "ws_private_pong_no_req_id.response": shape("op conn_id", args=[str]),
    "ws_private_order_linear_new": ORDERS,
    "ws_private_order_linear_amended": ORDERS,
    "ws_private_order_linear_partially_filled": ORDERS,
    "ws_private_order_linear_filled": ORDERS,
    "ws_private_order_linear_cancelled": ORDERS,
    "ws_private_order_linear_cancelled_after_partial": ORDERS,
    "ws_private_order_linear_cancel_lost_race": ORDERS,
    "ws_private_order_linear_dcp_cancelled": ORDERS,
    "ws_private_order_linear_postonly_would_cross": ORDERS,
    "ws_private_order_linear_smp_cancelled": ORDERS,
    "ws_private_execution_linear_maker": FILLS,
    "ws_private_execution_linear_taker": FILLS,
    "ws_private_execution_fast_maker": FAST_FILLS,
    "ws_private_execution_fast_taker": FAST_FILLS,
    "ws_private_position_linear_short": POSITIONS,
    "ws_private_position_linear_flat": POSITIONS,
    "ws_private_wallet": shape("id topic", "creationTime", data=[ACCOUNT]),
    "ws_trade_auth.response": TRADE_ACK,
    "ws_trade_auth.error_10004": TRADE_ACK,
    "ws_trade_pong.response": {**TRADE_ACK, "data": [str]},
    **{f"ws_trade_order_{op}.response": DONE for op in ("create", "amend", "cancel")},
    **{f"ws_trade_order_{op}.error_110001": REPLY for op in ("amend", "cancel")},
    "ws_trade_order_create_batch_ok.response": NEW_BATCH,
    "ws_trade_order_create_batch.response": {
        key: value for key, value in NEW_BATCH.items() if key != "reqId"
    },
    "ws_trade_order_amend_batch_partial.response": BATCH,
    "ws_trade_order_cancel_batch_partial.response": BATCH,
}
ERRORS = (110003, 10002, 10006, 10016, 10019, 10403, 10404, 10429, 20003, 20006)
SHAPES |= {f"ws_trade_order_create.error_{code}": REPLY for code in ERRORS}
#: Categories whose order rows differ; their exact fields are REST's as well, and tested there.
LOOSE = ("ws_private_order_option_filled", "ws_private_order_spot_postonly_would_cross")

WORDS: dict[str, Message] = {
    "ws_public_pong_linear.response": {"ret_msg": "pong", "op": "ping", "req_id": ""},
    "ws_public_pong_spot.response": {"ret_msg": "pong", "op": "ping"},
    "ws_public_pong_option.response": {"op": "pong"},
    "ws_public_subscribe_linear.response": {"success": True, "ret_msg": ""},
    "ws_public_subscribe_spot.response": {"success": True, "ret_msg": "subscribe"},
    "ws_public_subscribe_option.response": {"success": True, "type": "COMMAND_RESP"},
    "ws_public_subscribe_spot.error_args_size": {"success": False, "ret_msg": "args size >10"},
    "ws_private_auth.error": {"success": False, "ret_msg": "Param Error"},
    "ws_private_pong.response": {"op": "pong"},
    "ws_trade_auth.error_10004": {"retCode": 10004, "retMsg": "Invalid sign"},
    "ws_trade_auth.response": {"retCode": 0, "retMsg": "OK"},
    "ws_trade_pong.response": {"retCode": 0, "retMsg": "OK", "op": "pong"},
    "ws_trade_order_create.error_10002": {
        "retCode": 10002,
        "retMsg": "The request time exceeds the time window range.",
    },
    "ws_trade_order_create.error_10006": {
        "retCode": 10006,
        "retMsg": "Too many visits. Exceeded the API Rate Limit.",
    },
    "ws_trade_order_create.error_20006": {"retCode": 20006, "retMsg": "reqId is duplicated"},
}
#: What an order's last message says: status, cancel type, reject reason.
ENDS: dict[str, tuple[str, str, str]] = {
    "linear_new": ("New", "UNKNOWN", "EC_NoError"),
    "linear_amended": ("New", "UNKNOWN", "EC_NoError"),
    "linear_partially_filled": ("PartiallyFilled", "UNKNOWN", "EC_NoError"),
    "linear_filled": ("Filled", "UNKNOWN", "EC_NoError"),
    "linear_cancelled_after_partial": ("Cancelled", "CancelByUser", "EC_PerCancelRequest"),
    "linear_cancel_lost_race": ("Filled", "CancelByUser", "EC_OrigClOrdIDDoesNotExist"),
    "linear_dcp_cancelled": ("Cancelled", "CancelByDCP", "EC_PerCancelRequest"),
    "linear_postonly_would_cross": ("Cancelled", "UNKNOWN", "EC_PostOnlyWillTakeLiquidity"),
    "linear_smp_cancelled": ("Cancelled", "CancelBySmp", "EC_BySelfMatch"),
    "spot_postonly_would_cross": ("Rejected", "UNKNOWN", "EC_PostOnlyWillTakeLiquidity"),
    "option_filled": ("Filled", "UNKNOWN", "EC_NoError"),
}

#: Published messages this venue does not send, and why.
NOT_SENT = {
    "ws_private_execution_linear_adl": "nobody is deleveraged here",
    "ws_private_order_linear_stop_untriggered": "conditional orders are refused",
    "ws_public_adl_alert": "no insurance pool, so no alerts of it",
    "ws_public_all_liquidation": "nobody is liquidated here",
    "ws_public_kline": "candles are served over REST only",
    "ws_public_orderbook_full.delta": "the full book is not served",
    "ws_public_orderbook_rpi.delta": "retail price improvement orders are refused",
    "ws_public_tickers_linear_futures.snapshot": "no dated futures are listed",
    "ws_public_tickers_option.snapshot": "no model makes volatilities and greeks",
    "ws_public_trade_option": "no model makes volatilities",
    **dict.fromkeys(
        (f"ws_public_orderbook_500.capture_0{n}.delta" for n in range(1, 6)),
        "depth 500 was retired by the venue",
    ),
    "ws_public_orderbook_500.capture_00.snapshot": "depth 500 was retired by the venue",
}


@pytest.fixture(scope="module")
def said() -> dict[str, Message]:
    return everything_said()


def faults(found: Any, expected: Shape, where: str = "") -> list[str]:
    """What of a message is not of a shape; empty when it is."""
    if isinstance(expected, type):
        return [] if type(found) is expected else [f"{where}: {found!r} is no {expected.__name__}"]
    if isinstance(expected, list):
        if type(found) is not list:
            return [f"{where}: {found!r} is no list"]
        each = expected[0] if expected else None
        return [
            fault for i, one in enumerate(found) for fault in faults(one, each, f"{where}[{i}]")
        ]
    if not isinstance(found, dict) or not isinstance(expected, dict):
        return [f"{where}: {found!r} was not expected"]
    out = [f"{where}.{key}: missing" for key in expected if key not in found]
    for key, value in found.items():
        if key in expected:
            out += faults(value, expected[key], f"{where}.{key}")
        else:
            out.append(f"{where}.{key}: not expected")
    return out


def test_every_message_has_a_shape_written_down(said: dict[str, Message]) -> None:
    assert said.keys() == SHAPES.keys() | set(LOOSE)


@pytest.mark.parametrize("name", SHAPES)
def test_the_messages_have_their_shapes(name: str, said: dict[str, Message]) -> None:
    assert faults(said[name], SHAPES[name]) == []


@pytest.mark.parametrize("name", WORDS)
def test_the_answers_use_the_words_of_the_wire(name: str, said: dict[str, Message]) -> None:
    assert said[name].items() >= WORDS[name].items()


@pytest.mark.parametrize("end", ENDS)
def test_the_ends_of_orders(end: str, said: dict[str, Message]) -> None:
    row = said[f"ws_private_order_{end}"]["data"][0]
    assert (row["orderStatus"], row["cancelType"], row["rejectReason"]) == ENDS[end]


def test_a_shape_bites() -> None:
    assert faults({"a": 1, "b": "x"}, shape("a")) == [".a: 1 is no str", ".b: not expected"]
    assert faults({}, shape("a")) == [".a: missing"]
    assert faults({"l": [["1", 2]]}, {"l": [[str]]}) == [".l[0][1]: 2 is no str"]


def test_times_are_the_venues(said: dict[str, Message]) -> None:
    start_ms = 1_700_000_000_000
    public = [one for name, one in said.items() if name.startswith("ws_public") and "ts" in one]
    assert len(public) >= 10
    for message in public:
        assert start_ms <= message["ts"] <= start_ms + 10_000
        assert message.get("cts", start_ms) <= message["ts"]


# Against the published messages.

#: Values that say the same in every message of a name.
CONSTANT = ("op", "success", "ret_msg", "retCode", "retMsg", "type")
#: Our own words where the published message was composed from another case.
OTHER_WORDS = {("ws_trade_order_create.error_10404", "retMsg")}
#: The venue's field tables leave these out on spot; the published message was composed with them.
NOT_ON_SPOT = ("createType", "tpslMode")
#: Fields that are a list when there is something in them, and an empty text when there is not.
LIST_OR_TEXT = ("extraFees",)


def missing(theirs: Any, ours: Any, where: str) -> list[str]:
    """Fields of theirs that ours lacks or has with another type."""
    if theirs is None or where.endswith(LIST_OR_TEXT):
        return []
    if type(theirs) is not type(ours):
        return [f"{where}: {type(theirs).__name__} there, {type(ours).__name__} here"]
    if isinstance(theirs, list):
        return missing(theirs[0], ours[0], f"{where}[0]") if theirs and ours else []
    if not isinstance(theirs, dict) or where.endswith("cumFeeDetail"):
        return []
    out = [f"{where}.{key}: missing here" for key in theirs if key not in ours]
    for key, value in theirs.items():
        if key in ours:
            out += missing(value, ours[key], f"{where}.{key}")
    return out


def comparable(name: str, theirs: Message, ours: Message) -> Message:
    """Their message without what ours need not have."""
    if name == "ws_public_tickers_linear.delta":
        # A delta holds whatever changed.
        shared = {key: value for key, value in theirs["data"].items() if key in ours["data"]}
        return {**theirs, "data": shared}
    if name == "ws_private_order_spot_postonly_would_cross":
        row = {key: one for key, one in theirs["data"][0].items() if key not in NOT_ON_SPOT}
        return {**theirs, "data": [row]}
    return theirs


def test_every_published_message_is_sent_or_listed(
    said: dict[str, Message], payloads: Path | None
) -> None:
    assert not NOT_SENT.keys() & said.keys()
    if payloads is None:
        return
    names = {file.name.removesuffix(".json") for file in payloads.glob("ws_*.json")}
    messages = {name for name in names if not name.endswith(".request")}
    assert messages - said.keys() - NOT_SENT.keys() == set()


def test_our_messages_are_like_the_published_ones(
    said: dict[str, Message], payloads: Path | None
) -> None:
    """Without a folder, our own messages stand in, with one field renamed as it would show."""
    if payloads is None:
        for name, message in said.items():
            assert missing(message, message, name) == []
            assert missing({**message, "added": "x"}, message, name) == [
                f"{name}.added: missing here"
            ]
        return
    out: list[str] = []
    for name, ours in said.items():
        file = payloads / f"{name}.json"
        if not file.exists():
            continue
        theirs = json.loads(file.read_text())
        out += [f"{name}.{key}: not there" for key in ours if key not in theirs]
        out += missing(comparable(name, theirs, ours), ours, name)
        out += [
            f"{name}.{key}: {theirs[key]!r} there, {ours.get(key)!r} here"
            for key in CONSTANT
            if key in theirs and theirs[key] != ours.get(key) and (name, key) not in OTHER_WORDS
        ]
    assert out == []


# Requests: what a client may say, the venue takes.

OWN_REQUESTS: dict[str, Message] = {
    "ws_public_ping.request": {"req_id": "1", "op": "ping"},
    "ws_public_subscribe.request": {
        "req_id": "s", "op": "subscribe", "args": ["orderbook.1.BTCUSDT", "publicTrade.BTCUSDT"]
    },
    "ws_public_unsubscribe.request": {"op": "unsubscribe", "args": ["tickers.BTCUSDT"]},
    "ws_private_ping.request": {"req_id": "1", "op": "ping"},
    "ws_private_subscribe.request": {"op": "subscribe", "args": [*PRIVATE, "dcp.future"]},
    "ws_private_subscribe_dcp.request": {"op": "subscribe", "args": ["dcp.future"]},
    "ws_private_auth.request": {"req_id": "1", "op": "auth", "args": []},
    "ws_trade_auth.request": {"op": "auth", "args": []},
    "ws_trade_ping.request": {"op": "ping"},
    **{
        f"ws_trade_order_{op.replace('-', '_')}.request": {
            "reqId": "r", "header": {}, "op": f"order.{op}",
            "args": [{"category": "linear", "request": [{}]} if "-" in op else
                     {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "qty": "0.010",
                      "orderType": "Limit", "price": "64000", "orderId": "unknown"}],
        }
        for op in ("create", "amend", "cancel", "create-batch", "amend-batch", "cancel-batch")
    },
}  # fmt: skip
#: An amend or cancel of an order that never was is understood all the same.
UNDERSTOOD = (0, 110001)


@pytest.mark.parametrize("name", OWN_REQUESTS)
def test_published_requests_are_understood(name: str, payloads: Path | None) -> None:
    file = None if payloads is None else payloads / f"{name}.json"
    message = json.loads(file.read_text()) if file and file.exists() else dict(OWN_REQUESTS[name])
    stage = Stage()
    path = name.split("_")[1]
    auth = path != "public" and message["op"] != "auth"
    client = stage.open("public/linear" if path == "public" else path, auth=auth)
    venue_ms = stage.venue.venue_ms(stage.now_ns)
    if message["op"] == "auth":
        message["args"] = sign_on(venue_ms)["args"]
        assert message["args"][0] == KEY
    if "header" in message:
        message["header"]["X-BAPI-TIMESTAMP"] = str(venue_ms)
    answer = client.say(message)
    assert answer.get("success", True) is True
    assert answer.get("retCode", 0) in UNDERSTOOD
    assert answer["op"] in (message["op"], "pong")


def test_no_published_request_is_left_out(payloads: Path | None) -> None:
    if payloads is not None:
        names = {file.name.removesuffix(".json") for file in payloads.glob("ws_*.request.json")}
        assert names <= OWN_REQUESTS.keys()


def test_what_is_not_sent_is_refused_when_it_is_asked_for() -> None:
    stage = Stage()
    linear, option = stage.open("public/linear"), stage.open("public/option")
    for topic in (
        "adlAlert.USDT", "allLiquidation.BTCUSDT", "kline.5.BTCUSDT", "orderbook.full.BTCUSDT",
        "orderbook.rpi.BTCUSDT", "orderbook.500.BTCUSDT", "tickers.BTC-26DEC25",
    ):  # fmt: skip
        answer = linear.say({"op": "subscribe", "args": [topic]})
        assert answer["success"] is False
        assert answer["ret_msg"] == f"error:handler not found,topic:{topic}"
    for topic in (f"tickers.{OPTION}", "publicTrade.BTC"):
        answer = option.say({"op": "subscribe", "args": [topic]})
        assert (answer["success"], answer["data"]["failTopics"]) == (False, [topic])
