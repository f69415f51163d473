"""What the embedded venue's private streams say has the fields and types of the real one's.

The field lists below are the venue's published ones. With ``--payloads DIR`` the same rows are
also held against captured messages: every field of a captured row must be there, with its type.
REST replies have tests of their own, ``test_rest_payloads.py``.
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
    "fill event": shape(FILL_TEXTS + " category isLeverage execPnl marketUnit", "seq", "isMaker"),
    "position event": shape(
        POSITION_TEXTS + " entryPrice category", POSITION_NUMBERS, "isReduceOnly"
    ),
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
        bid = self.venue.best(0, Side.BUY)
        price = f"{(bid + 10) // 10}.00"
        self.ask("POST", "/v5/order/create", LINEAR | self.order("a", price=price))
        self.venue.submit(0, Side.SELL, bid - 100, 4, post_only=False, ioc=True)
        self.run()
        scope = LINEAR | {"settleCoin": "USDT"}
        self.ask("POST", "/v5/order/cancel-all", scope)
        topics = {"order": "order", "execution": "fill", "position": "position", "wallet": "wallet"}
        return {
            f"{name} event": self.frames[topic][-1]["data"][0] for topic, name in topics.items()
        }


@pytest.fixture(scope="module")
def samples() -> Samples:
    return Samples()


@pytest.mark.parametrize("name", PUBLISHED)
def test_rows_have_exactly_the_published_fields(samples: Samples, name: str) -> None:
    found = {field: type(value) for field, value in samples.rows[name].items()}
    assert found == PUBLISHED[name]


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
}


def captured_row(path: Path) -> dict[str, Any]:
    message = json.loads(path.read_text())
    return dict(message["data"][0])


def compare(captured: Any, ours: Any, where: str) -> list[str]:
    """What differs: missing fields and other types; null and absent lists say nothing."""
    if captured is None or ours is None:
        return []
    if type(captured) is not type(ours):
        return [f"{where}: {type(captured).__name__} there, {type(ours).__name__} here"]
    if isinstance(captured, dict):
        faults = []
        for field, value in captured.items():
            if where.endswith(".cumFeeDetail"):
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
