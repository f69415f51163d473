"""Every REST call the venue serves: how to bring about its reply, and what that is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import rest_fields as fields
from rest_fields import MAP, listed, paged
from rest_scene import LINEAR_BTC, SPOT_BTC, Rest, limit

UNIFIED = {"accountType": "UNIFIED"}
Ask = Callable[[Rest], Any]


class Case(NamedTuple):
    """One call, the table of its ``result`` and ``retExtInfo``, and samples of its reply."""

    ask: Ask
    result: Any
    samples: str = ""
    ext: Any = None
    envelope: str = "retCode retMsg result retExtInfo time"
    code: int = 0
    text: str = "OK"


def get(path: str, **query: object) -> Ask:
    return lambda venue: venue.get(f"/v5/{path}", **query)


def post(path: str, **body: object) -> Ask:
    return lambda venue: venue.post(f"/v5/{path}", **body)


def batch(kind: str, category: str, *items: dict[str, object]) -> Ask:
    return lambda venue: venue.batch(kind, category, list(items))


def create(link: str, **change: object) -> dict[str, object]:
    return limit(orderLinkId=link, **change)


def named(link: str, **change: object) -> dict[str, object]:
    return {**LINEAR_BTC, "orderLinkId": link, **change}


LINEAR_SOL = {"category": "linear", "symbol": "SOLUSDT"}
SPOT_ORDER = {**SPOT_BTC, "qty": "0.001", "price": "64700.0"}

MARKET = {
    "time": Case(get("market/time"), fields.texts("timeSecond timeNano"), "market_time"),
    "instruments linear": Case(
        get("market/instruments-info", category="linear", limit=1000),
        paged(fields.FUTURE),
        "instruments_info_linear",
    ),
    "instruments inverse": Case(
        get("market/instruments-info", category="inverse"),
        paged(fields.FUTURE),
        "instruments_info_inverse",
    ),
    "instruments spot": Case(
        get("market/instruments-info", category="spot"),
        listed(fields.PAIR, category=str),
        "instruments_info_spot",
    ),
    "instruments option": Case(
        get("market/instruments-info", category="option", baseCoin="BTC", limit=1000),
        paged(fields.OPTION),
        "instruments_info_option",
    ),
    "account instruments linear": Case(
        get("account/instruments-info", category="linear"),
        paged(fields.FUTURE | fields.RPI),
        "account_instruments_info_linear",
    ),
    "account instruments spot": Case(
        get("account/instruments-info", category="spot"),
        listed(fields.PAIR | fields.RPI, category=str),
        "account_instruments_info_spot",
    ),
    "book spot": Case(get("market/orderbook", **SPOT_BTC), fields.BOOK, "market_orderbook"),
    "book linear": Case(
        get("market/orderbook", **LINEAR_BTC), fields.BOOK, "market_orderbook_linear"
    ),
    "rpi book": Case(
        get("market/rpi_orderbook", **SPOT_BTC, limit=50), fields.BOOK, "market_rpi_orderbook"
    ),
    "full book": Case(
        get("market/full_orderbook", **SPOT_BTC), fields.BOOK, "market_full_orderbook"
    ),
    "ticker linear": Case(
        get("market/tickers", **LINEAR_BTC),
        listed(fields.LINEAR_TICKER, category=str),
        "market_tickers_linear",
    ),
    "ticker inverse": Case(
        get("market/tickers", category="inverse", symbol="BTCUSD"),
        listed(fields.INVERSE_TICKER, category=str),
        "market_tickers_inverse",
    ),
    "ticker spot": Case(
        get("market/tickers", category="spot"),
        listed(fields.SPOT_TICKER, category=str),
        "market_tickers_spot",
    ),
    "ticker option": Case(
        get("market/tickers", category="option", baseCoin="BTC"),
        listed(fields.OPTION_TICKER, category=str),
        "market_tickers_option",
    ),
    "trades linear": Case(
        get("market/recent-trade", **LINEAR_BTC),
        listed(fields.TRADE, category=str),
        "market_recent_trade_linear",
    ),
    "trades spot": Case(
        get("market/recent-trade", **SPOT_BTC, limit=1),
        listed(fields.TRADE, category=str),
        "market_recent_trade_spot",
    ),
    "trades option": Case(
        get("market/recent-trade", category="option"), listed(fields.OPTION_TRADE, category=str)
    ),
    "candles": Case(
        get("market/kline", **LINEAR_BTC, interval="1"),
        listed(fields.CANDLE, category=str, symbol=str),
    ),
    "price limit": Case(
        get("market/price-limit", symbol="BTCUSDT"),
        fields.texts("symbol buyLmt sellLmt ts"),
        "market_price_limit",
        text="",
    ),
    "notices": Case(get("system/status"), listed(fields.NOTICE), "system_status", text=""),
}
ACCOUNT = {
    "wallet": Case(
        get("account/wallet-balance", **UNIFIED, coin="BTC"),
        listed(fields.WALLET),
        "account_wallet_balance",
    ),
    "wallet of several coins": Case(
        get("account/wallet-balance", **UNIFIED),
        listed(fields.WALLET),
        "account_wallet_balance_multi_coin",
    ),
    "account": Case(
        get("account/info"), fields.ACCOUNT, "account_info", envelope="retCode retMsg result"
    ),
    "fee rate": Case(
        get("account/fee-rate", **LINEAR_BTC),
        listed(fields.texts("symbol baseCoin takerFeeRate makerFeeRate")),
        "account_fee_rate account_fee_rate_list",
    ),
    "fee rate option": Case(
        get("account/fee-rate", category="option", baseCoin="BTC"),
        listed(fields.texts("symbol baseCoin takerFeeRate makerFeeRate"), category=str),
    ),
    "settings": Case(
        get("account/user-setting-config"), fields.SETTINGS, "account_user_setting_config"
    ),
    "limit action": Case(
        post("account/set-limit-px-action", category="spot", modifyEnable=True),
        {},
        "account_set_limit_px_action",
        text="success",
    ),
    "margin mode refused": Case(
        post("account/set-margin-mode", setMarginMode="PORTFOLIO_MARGIN"),
        {"reasons": [fields.REASON]},
        "account_set_margin_mode.error_3400045",
        code=3400045,
        text="Set margin mode failed",
        envelope="retCode retMsg result",
    ),
    "margin mode": Case(
        post("account/set-margin-mode", setMarginMode="REGULAR_MARGIN"),
        {"reasons": []},
        text="Request accepted",
    ),
    "smp group": Case(
        get("account/smp-group"), {"smpGroup": int}, "account_smp_group", text="success"
    ),
    "dcp": Case(
        get("account/query-dcp-info"),
        {"dcpInfos": [fields.DCP]},
        "account_query_dcp_info",
        text="success",
    ),
    "set dcp": Case(
        post("order/disconnected-cancel-all", timeWindow=40),
        None,
        "order_disconnected_cancel_all",
        text="success",
        envelope="retCode retMsg",
    ),
    "key": Case(get("user/query-api"), fields.KEY, "user_query_api", text=""),
    "rates": Case(
        get("apilimit/query", uids=1_000_001), listed(fields.RATE), "apilimit_query", text="success"
    ),
    "caps": Case(
        get("apilimit/query-cap"), listed(fields.CAP), "apilimit_query_cap", text="success"
    ),
    "set rates": Case(
        post("apilimit/set", list=[{"uids": "7", "bizType": "SPOT", "rate": 600}]),
        {"result": [fields.SET_RATE]},
        "apilimit_set",
        text="success",
    ),
    "coins": Case(get("asset/coin/query-info", coin="BTC"), {"rows": [MAP]}),
}
POSITIONS = {
    "position inverse": Case(
        get("position/list", category="inverse", symbol="BTCUSD"),
        paged(fields.POSITION),
        "position_list",
    ),
    "positions linear": Case(
        get("position/list", category="linear", settleCoin="USDT", limit=200),
        paged(fields.POSITION),
        "position_list_linear_long_short_flat",
    ),
    "leverages": Case(
        get("position/symbol-info", category="linear"),
        listed(fields.LEVERAGE, category=str),
        "position_symbol_info",
    ),
    "leverage": Case(
        post("position/set-leverage", **LINEAR_BTC, buyLeverage="6", sellLeverage="6"),
        {},
        "position_set_leverage",
    ),
    "leverage unchanged": Case(
        post("position/set-leverage", **LINEAR_SOL, buyLeverage="10", sellLeverage="10"),
        {},
        "position_set_leverage.error_110043",
        code=110043,
        text="Set leverage has not been modified.",
    ),
    "mode": Case(
        post("position/switch-mode", **LINEAR_SOL, coin=None, mode=3),
        {},
        "position_switch_mode",
    ),
}
ORDERS = {
    "open orders": Case(
        get("order/realtime", **LINEAR_BTC, openOnly=0),
        paged(fields.ORDER),
        "order_realtime order_realtime_two_open",
    ),
    "open orders spot": Case(get("order/realtime", category="spot"), paged(fields.SPOT_ORDER), ""),
    "no open orders": Case(
        get("order/realtime", category="linear", symbol="SOLUSDT"),
        {"list": [], "nextPageCursor": str, "category": str},
        "order_realtime_empty",
    ),
    "old orders": Case(
        get("order/history", category="linear", limit=1),
        paged(fields.ORDER | {"extraFees": str}),
        "order_history order_history_cancelled",
    ),
    "fills": Case(
        get("execution/list", category="linear"),
        paged(fields.FILL),
        "execution_list execution_list_maker_taker",
    ),
    "fills spot": Case(get("execution/list", category="spot"), paged(fields.FILL)),
    "create": Case(post("order/create", **create("a")), fields.IDS, "order_create"),
    "amend": Case(
        post("order/amend", **named("open", price="64500.00")), fields.IDS, "order_amend"
    ),
    "cancel": Case(post("order/cancel", **named("open")), fields.IDS, "order_cancel"),
    "cancel all": Case(
        post("order/cancel-all", category="linear", symbol=None, settleCoin="USDT"),
        listed(fields.IDS, success=str),
        "order_cancel_all",
    ),
    "create batch": Case(
        batch("create", "linear", create("b1"), create("b2")),
        listed(fields.CREATED_ITEM),
        "order_create_batch_linear",
        fields.ITEM_CODES,
    ),
    "create batch spot": Case(
        batch("create", "spot", create("s1", **SPOT_ORDER), create("s2", **SPOT_ORDER)),
        listed(fields.CREATED_ITEM),
        "order_create_batch",
        fields.ITEM_CODES,
    ),
    "create batch in part": Case(
        batch("create", "linear", create("p1"), create("p2"), create("p1")),
        listed(fields.CREATED_ITEM),
        "order_create_batch_linear_partial",
        fields.ITEM_CODES,
    ),
    "amend batch": Case(
        batch("amend", "linear", named("open", price="64500.00"), named("open", qty="0.020")),
        listed(fields.ITEM),
        "order_amend_batch order_amend_batch_linear",
        fields.ITEM_CODES,
    ),
    "cancel batch": Case(
        batch("cancel", "linear", named("open")),
        listed(fields.ITEM),
        "order_cancel_batch_linear",
        fields.ITEM_CODES,
    ),
    "cancel batch spot": Case(
        batch("cancel", "spot", named("spot-open"), named("nobody")),
        listed(fields.ITEM),
        "order_cancel_batch",
        fields.ITEM_CODES,
    ),
    "pre-check": Case(
        post("order/pre-check", **create("test129")), fields.PRE_CHECK, "order_pre_check"
    ),
}
