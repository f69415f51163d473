"""What the embedded venue says has the fields and types of the real one.

The field lists below are the venue's published ones. With ``--payloads DIR`` the same rows are
also held against captured messages: every field of a captured row must be there, with its type.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from mmfast.messages import Side
from mmfast.sim.params import FlowParams, VenueParams
from mmfast.sim.venue import Venue
from mmfast.sim.wire import HttpReply, HttpRequest, WsSend
from mmfast.units import NS_PER_MS

KEY, SECRET = "key", "secret"
LINEAR = {"category": "linear"}

ORDER_TEXTS = """orderId orderLinkId parentOrderLinkId blockTradeId symbol price qty side isLeverage
    orderStatus createType cancelType rejectReason avgPrice leavesQty leavesValue cumExecQty
    cumExecValue cumExecFee timeInForce orderType stopOrderType ocoTriggerBy orderIv marketUnit
    slippageToleranceType slippageTolerance triggerPrice triggerBy takeProfit stopLoss tpslMode
    tpLimitPrice slLimitPrice tpTriggerBy slTriggerBy lastPriceOnCreated placeType smpType
    smpOrderId createdTime updatedTime rpiMatchedQty"""
ORDER_NUMBERS = "positionIdx triggerDirection smpGroup"
ORDER_FLAGS = "reduceOnly closeOnTrigger rpiTakerAccess"
FILL_TEXTS = """symbol orderId orderLinkId side orderPrice orderQty leavesQty createType orderType
    stopOrderType execFee execId execPrice execQty execType execValue execTime feeCurrency feeRate
    tradeIv markIv markPrice indexPrice underlyingPrice blockTradeId closedSize extraFees"""
POSITION_TEXTS = """riskLimitValue symbol side size positionValue positionStatus leverage
    breakEvenPrice positionBalance markPrice liqPrice bustPrice positionIM positionIMByMp
    positionMM positionMMByMp tpslMode takeProfit stopLoss trailingStop sessionAvgPrice
    unrealisedPnl curRealisedPnl cumRealisedPnl mmrSysUpdatedTime leverageSysUpdatedTime
    createdTime updatedTime"""
POSITION_NUMBERS = "positionIdx riskId tradeMode autoAddMargin adlRankIndicator seq"


def shape(texts: str = "", numbers: str = "", flags: str = "", **others: Any) -> dict[str, Any]:
    return {
        **dict.fromkeys(texts.split(), str),
        **dict.fromkeys(numbers.split(), int),
        **dict.fromkeys(flags.split(), bool),
        **others,
    }


PUBLISHED = {
    "order event": shape(
        ORDER_TEXTS + " category brokerOrderPrice closedPnl feeCurrency",
        ORDER_NUMBERS,
        ORDER_FLAGS,
        cumFeeDetail=dict,
    ),
    "open order": shape(ORDER_TEXTS, ORDER_NUMBERS, ORDER_FLAGS, cumFeeDetail=dict),
    "old order": shape(ORDER_TEXTS + " extraFees", ORDER_NUMBERS, ORDER_FLAGS, cumFeeDetail=dict),
    "fill event": shape(FILL_TEXTS + " category isLeverage execPnl marketUnit", "seq", "isMaker"),
    "fill": shape(FILL_TEXTS + " execFeeV2", "seq", "isMaker"),
    "position event": shape(
        POSITION_TEXTS + " entryPrice category", POSITION_NUMBERS, "isReduceOnly"
    ),
    "position": shape(
        POSITION_TEXTS + " avgPrice delta gamma vega theta",
        POSITION_NUMBERS + " openTime",
        "isReduceOnly",
    ),
    "create ack": shape("orderId orderLinkId"),
    "create item": shape("category symbol orderId orderLinkId createAt"),
    "cancel item": shape("category symbol orderId orderLinkId"),
    "instrument": shape(
        """symbol contractType status baseCoin quoteCoin launchTime deliveryTime deliveryFeeRate
        priceScale settleCoin copyTrading upperFundingRate lowerFundingRate displayName
        symbolType""",
        "symbolId fundingInterval",
        "unifiedMarginTrade isPreListing",
        leverageFilter=dict,
        priceFilter=dict,
        lotSizeFilter=dict,
        riskParameters=dict,
        preListingInfo=type(None),
    ),
    "book": shape("s", "ts u seq cts", b=list, a=list),
    "trade": shape("execId symbol price size side time seq", "", "isBlockTrade isRPITrade"),
    "limits": shape("symbol buyLmt sellLmt ts"),
    "time": shape("timeSecond timeNano"),
}


class Samples:
    """One of everything the venue says, from one small trading session."""

    def __init__(self) -> None:
        flow = FlowParams(activity=0.0)
        self.venue = Venue(
            VenueParams(symbols=("BTCUSDT",), api_key=KEY, api_secret=SECRET, flow=flow)
        )
        self.now_ns = 0
        self.frames: dict[str, list[dict[str, Any]]] = {}
        self.replies: dict[int, dict[str, Any]] = {}
        self._listen()
        self.rows = self._trade()

    def _sign(self, text: bytes) -> str:
        return hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()

    def _listen(self) -> None:
        expires = self.venue.venue_ms(0) + 9_000
        sign = self._sign(f"GET/realtime{expires}".encode())
        topics = ["order", "execution", "position", "wallet"]
        self.venue.ws_open(1, "/v5/private", 0)
        for message in (
            {"op": "auth", "args": [KEY, expires, sign]},
            {"op": "subscribe", "args": topics},
        ):
            self.venue.ws_message(1, orjson.dumps(message), 0)

    def run(self) -> None:
        self.now_ns += 20 * NS_PER_MS
        for due in self.venue.advance(self.now_ns):
            output = due.output
            if isinstance(output, HttpReply):
                self.replies[output.request_id] = orjson.loads(output.body)
            elif isinstance(output, WsSend):
                frame = orjson.loads(output.data)
                self.frames.setdefault(frame.get("topic", ""), []).append(frame)

    def ask(self, method: str, path: str, params: dict[str, Any], stamp: int = 0) -> Any:
        query = "&".join(f"{k}={v}" for k, v in params.items()) if method == "GET" else ""
        body = b"" if method == "GET" else orjson.dumps(params)
        time_text = str(stamp or self.venue.venue_ms(self.now_ns))
        headers = {
            "x-bapi-api-key": KEY,
            "x-bapi-timestamp": time_text,
            "x-bapi-recv-window": "5000",
            "x-bapi-sign": self._sign(f"{time_text}{KEY}5000{query}".encode() + body),
        }
        number = len(self.replies) + 1
        self.venue.http(
            HttpRequest(
                request_id=number, method=method, path=path, query=query, headers=headers, body=body
            ),
            self.now_ns,
        )
        self.run()
        return self.replies[number]

    def order(self, link: str, **change: Any) -> dict[str, Any]:
        return {
            "symbol": "BTCUSDT",
            "side": "Buy",
            "orderType": "Limit",
            "qty": "0.010",
            "price": "64990.00",
            "timeInForce": "PostOnly",
            "orderLinkId": link,
            **change,
        }

    def _trade(self) -> dict[str, Any]:
        rows: dict[str, Any] = {}
        bid = self.venue.best(0, Side.BUY)
        price = f"{(bid + 10) // 10}.00"
        create = self.ask("POST", "/v5/order/create", LINEAR | self.order("a", price=price))
        rows["create ack"] = create["result"]
        self.venue.submit(0, Side.SELL, bid - 100, 4, post_only=False, ioc=True)
        self.run()
        batch = {"request": [self.order("b"), self.order("c")]}
        rows["create batch"] = self.ask("POST", "/v5/order/create-batch", LINEAR | batch)
        amend = LINEAR | {"symbol": "BTCUSDT", "orderLinkId": "b", "price": "64980.00"}
        rows["amend ack"] = self.ask("POST", "/v5/order/amend", amend)["result"]
        batch = {"request": [{"symbol": "BTCUSDT", "orderLinkId": x} for x in ("b", "nobody")]}
        rows["cancel batch"] = self.ask("POST", "/v5/order/cancel-batch", LINEAR | batch)
        rows["create item"] = rows["create batch"]["result"]["list"][0]
        rows["cancel item"] = rows["cancel batch"]["result"]["list"][1]
        rows |= self._queries()
        scope = LINEAR | {"settleCoin": "USDT"}
        rows["cancel all"] = self.ask("POST", "/v5/order/cancel-all", scope)
        topics = {"order": "order", "execution": "fill", "position": "position", "wallet": "wallet"}
        for topic, name in topics.items():
            rows[f"{name} event"] = self.frames[topic][-1]["data"][0]
        return rows

    def _queries(self) -> dict[str, Any]:
        btc = LINEAR | {"symbol": "BTCUSDT"}
        lists = {
            "open order": ("/v5/order/realtime", btc),
            "old order": ("/v5/order/history", btc),
            "fill": ("/v5/execution/list", btc),
            "position": ("/v5/position/list", btc),
            "wallet": ("/v5/account/wallet-balance", {"accountType": "UNIFIED"}),
            "fee rate": ("/v5/account/fee-rate", btc),
            "instrument": ("/v5/market/instruments-info", btc),
            "ticker": ("/v5/market/tickers", btc),
            "trade": ("/v5/market/recent-trade", btc),
        }
        objects = {
            "account": ("/v5/account/info", {}),
            "key": ("/v5/user/query-api", {}),
            "book": ("/v5/market/orderbook", btc),
            "limits": ("/v5/market/price-limit", btc),
            "time": ("/v5/market/time", {}),
            "settings": ("/v5/account/user-setting-config", {}),
        }
        rows = {name: self.ask("GET", *call)["result"]["list"][0] for name, call in lists.items()}
        rows |= {name: self.ask("GET", *call)["result"] for name, call in objects.items()}
        return rows


@pytest.fixture(scope="module")
def samples() -> Samples:
    return Samples()


@pytest.mark.parametrize("name", PUBLISHED)
def test_rows_have_exactly_the_published_fields(samples: Samples, name: str) -> None:
    found = {field: type(value) for field, value in samples.rows[name].items()}
    assert found == PUBLISHED[name]


def test_every_reply_is_in_the_envelope(samples: Samples) -> None:
    for reply in samples.replies.values():
        assert list(reply)[:3] == ["retCode", "retMsg", "result"]
        assert reply["retCode"] == 0
        assert reply["retMsg"] in ("OK", "success", "")
        # The account's own description is one of the few replies without the rest.
        if "unifiedMarginStatus" not in reply["result"]:
            assert list(reply)[3:] == ["retExtInfo", "time"]
            assert isinstance(reply["time"], int)


#: Captured file -> our row of the same kind.
CAPTURED = {
    "ws_private_order_linear_new.json": "order event",
    "ws_private_order_linear_amended.json": "order event",
    "ws_private_order_linear_partially_filled.json": "order event",
    "ws_private_order_linear_filled.json": "order event",
    "ws_private_order_linear_postonly_would_cross.json": "order event",
    "ws_private_execution_linear_maker.json": "fill event",
    "ws_private_position_linear_short.json": "position event",
    "ws_private_position_linear_flat.json": "position event",
    "ws_private_wallet.json": "wallet event",
    "rest_order_realtime.response.json": "open order",
    "rest_order_history.response.json": "old order",
    "rest_execution_list.response.json": "fill",
    "rest_execution_list_maker_taker.response.json": "fill",
    "rest_position_list_linear_long_short_flat.response.json": "position",
    "rest_account_wallet_balance.response.json": "wallet",
    "rest_account_fee_rate_list.response.json": "fee rate",
    "rest_account_info.response.json": "account",
    "rest_account_user_setting_config.response.json": "settings",
    "rest_user_query_api.response.json": "key",
    "rest_instruments_info_linear.response.json": "instrument",
    "rest_market_orderbook_linear.response.json": "book",
    "rest_market_tickers_linear.response.json": "ticker",
    "rest_market_recent_trade_linear.response.json": "trade",
    "rest_market_price_limit.response.json": "limits",
    "rest_market_time.response.json": "time",
    "rest_order_create.response.json": "create ack",
    "rest_order_amend.response.json": "amend ack",
    "rest_order_create_batch_linear.response.json": "create item",
    "rest_order_cancel_batch_linear.response.json": "cancel item",
}
#: Fields of captured rows that stand for things this venue does not have.
NOT_HERE = frozenset(["unified", "inviterID", "userIDInt64", "inviterIDInt64", "affiliateIDInt64"])


def captured_row(path: Path) -> dict[str, Any]:
    message = json.loads(path.read_text())
    body = message.get("data", message.get("result"))
    rows = body if isinstance(body, list) else body.get("list", [body])
    return dict(rows[0])


def compare(captured: Any, ours: Any, where: str) -> list[str]:
    """What differs: missing fields and other types; null and absent lists say nothing."""
    if captured is None or ours is None:
        return []
    if type(captured) is not type(ours):
        return [f"{where}: {type(captured).__name__} there, {type(ours).__name__} here"]
    if isinstance(captured, dict):
        faults = []
        for field, value in captured.items():
            if field in NOT_HERE or where.endswith((".cumFeeDetail", ".permissions")):
                continue
            if field in ours:
                faults += compare(value, ours[field], f"{where}.{field}")
            else:
                faults.append(f"{where}.{field}: missing here")
        return faults
    if isinstance(captured, list) and captured and ours:
        return compare(captured[0], ours[0], f"{where}[0]")
    return []


def test_rows_match_captured_ones(samples: Samples, payloads: Path | None) -> None:
    """Without a folder, our own rows stand in, with one field renamed as a capture would show."""
    if payloads is None:
        for name in CAPTURED.values():
            row = dict(samples.rows[name])
            assert compare(row, row, name) == []
            assert compare({**row, "added": "x"}, row, name) == [f"{name}.added: missing here"]
        return
    faults = []
    for file, name in CAPTURED.items():
        faults += compare(captured_row(payloads / file), samples.rows[name], file)
    assert faults == []


#: Captured refusals this venue can be brought to say, and what brings it to.
REFUSALS = {
    "rest_error_10001_param.response.json": {"positionIdx": 1},
    "rest_error_110007_balance.response.json": {"qty": "1000.000"},
    "rest_error_110017_reduce_only.response.json": {"reduceOnly": True, "side": "Buy"},
    "rest_error_110072_duplicate.response.json": {"orderLinkId": "a"},
    "rest_error_110094_min_notional.response.json": {"qty": "0.001", "price": "100.00"},
}
WORDS = {
    "rest_error_10001_param.response.json": (10001, "position idx not match position mode"),
    "rest_error_110007_balance.response.json": (110007, "Available balance is insufficient"),
    "rest_error_110017_reduce_only.response.json": (
        110017,
        "current position is zero, cannot fix reduce-only order qty",
    ),
    "rest_error_110072_duplicate.response.json": (110072, "OrderLinkedID is duplicate"),
    "rest_error_110094_min_notional.response.json": (
        110094,
        "Order notional value below the lower limit",
    ),
}


@pytest.mark.parametrize("file", REFUSALS)
def test_refusals_use_the_words_of_the_wire(file: str, payloads: Path | None) -> None:
    venue = Samples()
    if "110017" in file:
        # Flat again, so that there is nothing a reduce-only order could close.
        sell = venue.order("flat", side="Sell", qty="0.004", price="64000.00", timeInForce="IOC")
        venue.ask("POST", "/v5/order/create", LINEAR | sell)
    body = LINEAR | venue.order("fresh") | REFUSALS[file]
    reply = venue.ask("POST", "/v5/order/create", body)
    expected = WORDS[file]
    if payloads is not None:
        captured = json.loads((payloads / file).read_text())
        assert list(captured) == list(reply)
        expected = (captured["retCode"], captured["retMsg"])
    assert (reply["retCode"], reply["retMsg"]) == expected
    assert (reply["result"], reply["retExtInfo"]) == ({}, {})


def test_the_time_refusal_carries_both_clocks() -> None:
    venue = Samples()
    sent = venue.venue.venue_ms(venue.now_ns) - 60_000
    reply = venue.ask("GET", "/v5/account/info", {}, stamp=sent)
    assert reply["retCode"] == 10002
    assert reply["retMsg"] == (
        "invalid request, please check your server timestamp or recv_window param. "
        f"req_timestamp[{sent}],server_timestamp[{reply['time']}],recv_window[5000]"
    )


def test_batches_answer_item_by_item(samples: Samples, payloads: Path | None) -> None:
    reply = samples.rows["cancel batch"]
    codes = [item["code"] for item in reply["retExtInfo"]["list"]]
    assert codes == [0, 110001]
    assert [item["orderLinkId"] for item in reply["result"]["list"]] == ["b", "nobody"]
    assert samples.rows["cancel all"]["result"]["success"] == "1"
    assert set(samples.rows["cancel all"]["result"]["list"][0]) == {"orderId", "orderLinkId"}
    if payloads is not None:
        file = "rest_order_create_batch_linear_partial.response.json"
        captured = json.loads((payloads / file).read_text())
        assert compare(captured, samples.rows["create batch"], file) == []
