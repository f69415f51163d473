"""The calls on top of the exchange: scopes, filters and pages; settings; what is refused."""

from __future__ import annotations

import pytest

from mmfast.messages import Side
from mmfast.sim.feed.status import Notice
from mmfast.sim.switches import VenueSwitches
from mmfast.units import E8, Ms

BTC = {"category": "linear", "symbol": "BTCUSDT"}
SPOT = {"category": "spot", "symbol": "BTCUSDT"}
CANCEL_ALL = "/v5/order/cancel-all"
OPTION = "BTC-28DEC35-100000-C-USDT"


@pytest.fixture
def everything(new_trader):
    return new_trader(
        symbols=("BTCUSDT", "ETHUSDT", "SOLUSDT"),
        inverse_symbols=("BTCUSD",),
        spot_symbols=("BTCUSDT",),
        option_symbols=(OPTION,),
        coins_e8=(("BTC", E8),),
    )


def place_everywhere(trader) -> None:
    """One resting order per instrument, named after where it rests."""
    for category, symbol, price, qty in (
        ("linear", "BTCUSDT", "64500.00", "0.010"),
        ("linear", "ETHUSDT", "3170.00", "0.10"),
        ("inverse", "BTCUSD", "64500.00", "100"),
        ("spot", "BTCUSDT", "64700.0", "0.001"),
        ("option", OPTION, "11000", "0.10"),
    ):
        fields = {"symbol": symbol, "price": price, "qty": qty}
        link = f"{category}-{symbol[:3]}"
        reply = trader.place(category=category, orderLinkId=link, **fields)
        assert reply.code == 0, reply.json


class TestCancelAll:
    def cancelled(self, trader, **body) -> list[str]:
        rows = trader.post(CANCEL_ALL, body).rows
        return sorted(row["orderLinkId"] for row in rows)

    def test_each_category_has_its_own_scope(self, everything) -> None:
        place_everywhere(everything)
        for category in ("linear", "inverse"):
            assert everything.post(CANCEL_ALL, {"category": category}).code == 10001
        assert self.cancelled(everything, category="linear", baseCoin="ETH") == ["linear-ETH"]
        assert self.cancelled(everything, category="linear", settleCoin="USDC") == []
        assert self.cancelled(everything, category="inverse", settleCoin="BTC") == ["inverse-BTC"]
        assert self.cancelled(everything, category="spot", settleCoin="USDC") == ["spot-BTC"]
        assert self.cancelled(everything, category="option") == ["option-BTC"]
        assert everything.open_links() == ["linear-BTC"]

    def test_the_symbol_wins_over_the_coins(self, everything) -> None:
        place_everywhere(everything)
        body = {"category": "linear", "symbol": "BTCUSDT", "baseCoin": "ETH", "settleCoin": "USDC"}
        assert self.cancelled(everything, **body) == ["linear-BTC"]

    @pytest.mark.parametrize(
        ("category", "order_filter", "reaches"),
        [
            ("linear", "Order", True),
            ("linear", "OpenOrder", True),
            ("linear", "StopOrder", False),
            ("spot", "Order", True),
            ("spot", "tpslOrder", False),
            ("option", "StopOrder", True),
        ],
    )
    def test_filters_reach_plain_orders_or_not(
        self, everything, category, order_filter, reaches
    ) -> None:
        place_everywhere(everything)
        body = {"category": category, "baseCoin": "BTC", "orderFilter": order_filter}
        assert self.cancelled(everything, **body) == [f"{category}-BTC"] * reaches

    def test_an_unknown_filter_is_refused(self, everything) -> None:
        body = {"category": "spot", "orderFilter": "Everything"}
        assert everything.post(CANCEL_ALL, body).code == 10001

    def test_a_spot_reply_may_come_without_the_orders(self, new_trader) -> None:
        switches = VenueSwitches(spot_cancel_all_lists=False)
        trader = new_trader(spot_symbols=("BTCUSDT",), switches=switches)
        trader.place(**SPOT, qty="0.001", price="64700.0")
        assert trader.post(CANCEL_ALL, {"category": "spot"}).result == {"success": "1"}
        assert trader.open_links() == []

    def test_futures_lose_500_at_most_and_spot_all(self, new_trader, item) -> None:
        symbols = ("BTCUSDT", "ETHUSDT")
        trader = new_trader(symbols=symbols, spot_symbols=("BTCUSDT",), max_active_orders=520)
        for category, price in (("linear", "64500.00"), ("spot", "64700.0")):
            orders = [item(qty="0.001", price=price, positionIdx=None) for _ in range(10)]
            body = {"category": category, "request": orders}
            for _ in range(51):
                codes = trader.post("/v5/order/create-batch", body).codes
                assert codes == [0] * 10
        assert len(trader.post(CANCEL_ALL, BTC).rows) == 500
        assert len(trader.post(CANCEL_ALL, {"category": "spot"}).rows) == 510
        assert len(trader.open_links()) == 10


@pytest.mark.parametrize(
    ("category", "strict", "most"),
    [
        ("linear", False, 20),
        ("inverse", False, 20),
        ("spot", False, 10),
        ("option", False, 20),
        ("linear", True, 10),
        ("option", True, 10),
        ("spot", True, 10),
    ],
)
def test_batches_have_a_size(new_trader, category, strict, most) -> None:
    trader = new_trader(
        symbols=("BTCUSDT",),
        inverse_symbols=("BTCUSD",),
        spot_symbols=("BTCUSDT",),
        option_symbols=(OPTION,),
        switches=VenueSwitches(strict_batch_of_10=strict),
    )
    symbol = {"inverse": "BTCUSD", "option": OPTION}.get(category, "BTCUSDT")

    def ask(count: int):
        items = [{"symbol": symbol, "orderLinkId": f"x{i}"} for i in range(count)]
        return trader.post("/v5/order/cancel-batch", {"category": category, "request": items})

    assert ask(most).code == 0
    assert len(ask(most).codes) == most
    for count in (0, most + 1):
        reply = ask(count)
        assert (reply.code, reply.result) == (10001, {})


class TestPositions:
    LIST = "/v5/position/list"

    def open_both(self, trader) -> None:
        """Long and short in one symbol, long in another."""
        switch = {"category": "linear", "symbol": "BTCUSDT", "mode": 3}
        assert trader.post("/v5/position/switch-mode", switch).code == 0
        for spot, ticks in ((0, 650_000), (1, 320_000)):
            trader.house(Side.SELL, ticks, 1000, spot=spot)
            trader.house(Side.BUY, ticks - 10, 1000, spot=spot)
        market = {"orderType": "Market", "price": None}
        assert trader.place(positionIdx=1, qty="0.010", **market).code == 0
        assert trader.place(positionIdx=2, qty="0.020", side="Sell", **market).code == 0
        assert trader.place(symbol="ETHUSDT", qty="0.30", **market).code == 0

    def test_a_symbol_shows_both_legs_and_a_coin_what_is_held(self, everything) -> None:
        self.open_both(everything)
        rows = everything.get(self.LIST, **BTC).rows
        assert [(row["positionIdx"], row["side"], row["size"]) for row in rows] == [
            (1, "Buy", "0.010"),
            (2, "Sell", "0.020"),
        ]
        rows = everything.get(self.LIST, category="linear", settleCoin="USDT").rows
        assert [row["symbol"] for row in rows] == ["BTCUSDT", "BTCUSDT", "ETHUSDT"]
        flat = everything.get(self.LIST, category="linear", symbol="SOLUSDT").rows
        assert [(row["side"], row["size"], row["seq"]) for row in flat] == [("", "0", -1)]

    def test_pages_split_legs_without_losing_one(self, everything) -> None:
        self.open_both(everything)
        seen, cursor = [], ""
        for _ in range(3):
            reply = everything.get(
                self.LIST, category="linear", settleCoin="USDT", limit=1, cursor=cursor
            )
            seen += [(row["symbol"], row["positionIdx"]) for row in reply.rows]
            cursor = reply.result["nextPageCursor"]
        assert seen == [("BTCUSDT", 1), ("BTCUSDT", 2), ("ETHUSDT", 0)]
        assert cursor == ""

    def test_who_must_name_what(self, everything) -> None:
        assert everything.get(self.LIST, category="linear").code == 10001
        assert everything.get(self.LIST, category="linear", baseCoin="BTC").code == 10001
        assert everything.get(self.LIST, category="inverse").rows == []
        assert everything.get(self.LIST, category="option", baseCoin="BTC").rows == []
        assert everything.get(self.LIST, category="spot").code == 10001

    def test_leverage_is_shown_without_a_position(self, everything) -> None:
        path = "/v5/position/symbol-info"
        rows = everything.get(path, category="linear").rows
        assert [row["symbol"] for row in rows] == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
        body = {"buyLeverage": "7.5", "sellLeverage": "7.5"}
        assert everything.post("/v5/position/set-leverage", BTC | body).code == 0
        assert everything.get(path, **BTC).rows == [
            {"symbol": "BTCUSDT", "leverage": "7.5", "side": "", "positionIdx": 0}
        ]
        self.open_both(everything)
        rows = everything.get(path, **BTC).rows
        assert [(row["positionIdx"], row["side"]) for row in rows] == [(1, "Buy"), (2, "Sell")]
        assert everything.get(path, category="spot").code == 10001

    def test_stops_are_refused(self, everything) -> None:
        path, body = "/v5/position/trading-stop", BTC | {"takeProfit": "70000"}
        assert "zero position" in everything.post(path, body).json["retMsg"]
        self.open_both(everything)
        reply = everything.post(path, body | {"symbol": "ETHUSDT"})
        assert (reply.code, "not supported" in reply.json["retMsg"]) == (10001, True)


class TestPreCheck:
    PATH = "/v5/order/pre-check"

    def test_rates_are_margin_over_equity(self, everything) -> None:
        """Equity is 1,065,000 dollars; 10 BTC at 64,500 and leverage 10 take 64,500 of it."""
        body = BTC | {"side": "Buy", "orderType": "Limit", "qty": "10.000", "price": "64500.00"}
        reply = everything.post(self.PATH, body | {"orderLinkId": "try"})
        result = reply.result
        assert (result["preImrE4"], result["preMmrE4"]) == (0, 0)
        assert result["postImrE4"] == 64_500 * 10_000 // 1_065_000
        assert result["postMmrE4"] == 3_225 * 10_000 // 1_065_000
        assert result["orderLinkId"] == "try"
        assert everything.open_links() == []
        # Nothing was placed, so the name is free.
        assert everything.place(orderLinkId="try", price="64500.00").code == 0
        again = everything.post(self.PATH, body).result
        assert again["preImrE4"] == 64 * 10_000 // 1_065_000
        assert again["orderId"] != result["orderId"]

    def test_it_refuses_what_the_order_would_be_refused_for(self, everything) -> None:
        body = BTC | {"side": "Buy", "orderType": "Limit", "qty": "1000.000", "price": "64500.00"}
        reply = everything.post(self.PATH, body)
        assert (reply.code, reply.result) == (110007, {})
        assert reply.json["retExtInfo"]["post_imr_e4"] > 10_000
        assert everything.post(self.PATH, body | {"qty": "0.0001"}).code == 10001
        assert everything.post(self.PATH, body | SPOT).code == 10001


class TestAccount:
    def coins(self, trader, **query) -> dict[str, str]:
        reply = trader.get("/v5/account/wallet-balance", accountType="UNIFIED", **query)
        return {coin["coin"]: coin["walletBalance"] for coin in reply.rows[0]["coin"]}

    def test_coins_asked_for_are_shown_also_when_there_are_none(self, everything) -> None:
        assert self.coins(everything) == {"USDT": "1000000", "BTC": "1"}
        assert self.coins(everything, coin="ETH,BTC") == {"ETH": "0", "BTC": "1"}
        query = {"accountType": "UNIFIED", "coin": "BTC,DOGE"}
        assert everything.get("/v5/account/wallet-balance", **query).code == 10001

    def test_options_have_one_rate_per_coin(self, everything) -> None:
        result = everything.get("/v5/account/fee-rate", category="option").result
        assert result["category"] == "option"
        assert [(row["symbol"], row["baseCoin"]) for row in result["list"]] == [("", "BTC")]
        rows = everything.get("/v5/account/fee-rate", **SPOT).rows
        assert rows == [
            {
                "symbol": "BTCUSDT",
                "baseCoin": "",
                "takerFeeRate": "0.001",
                "makerFeeRate": "0.001",
            }
        ]

    def test_only_cross_margin(self, everything) -> None:
        path = "/v5/account/set-margin-mode"
        assert everything.post(path, {"setMarginMode": "REGULAR_MARGIN"}).code == 0
        refused = everything.post(path, {"setMarginMode": "ISOLATED_MARGIN"})
        assert refused.code == 3400045
        assert refused.result["reasons"][0]["reasonMsg"].startswith("ISOLATED_MARGIN")
        assert everything.post(path, {"setMarginMode": "FREE"}).code == 10001
        assert everything.get("/v5/account/info").result["marginMode"] == "REGULAR_MARGIN"

    def test_the_two_limit_actions_have_opposite_polarity(self, everything) -> None:
        def settings() -> tuple[bool, bool]:
            result = everything.get("/v5/account/user-setting-config").result
            return result["lpaSpot"], result["lpaPerp"]

        def act(category: str, *, modify: bool) -> None:
            body = {"category": category, "modifyEnable": modify}
            assert everything.post("/v5/account/set-limit-px-action", body).code == 0

        assert settings() == (False, False)
        act("spot", modify=True)
        act("linear", modify=False)
        assert settings() == (True, True)
        act("inverse", modify=True)
        act("spot", modify=False)
        assert settings() == (False, False)


class TestRateLimits:
    QUERY, CAP, SET = "/v5/apilimit/query", "/v5/apilimit/query-cap", "/v5/apilimit/set"

    def test_an_account_sees_its_own_rates_only(self, new_trader) -> None:
        trader = new_trader(tier="pro2")
        uid = trader.venue.uid
        rows = trader.get(self.QUERY, uids=uid).rows
        assert {row["bizType"]: row["rate"] for row in rows} == {
            "SPOT": 400,
            "DERIVATIVES": 400,
            "OPTIONS": 400,
        }
        assert trader.get(self.QUERY, uids=f"{uid},7").code == 3500153
        assert trader.get(self.QUERY).code == 10001
        assert {row["insCap"] for row in trader.get(self.CAP).rows} == {"20000"}

    @pytest.mark.parametrize(
        ("tier", "spot", "futures"), [("default", 20, 10), ("vip1", 25, 20), ("mm3", 1000, 1000)]
    )
    def test_spot_has_rates_of_its_own(self, new_trader, tier, spot, futures) -> None:
        trader = new_trader(tier=tier)
        rows = trader.get(self.QUERY, uids=trader.venue.uid).rows
        rates = {row["bizType"]: row["rate"] for row in rows}
        assert rates == {"SPOT": spot, "DERIVATIVES": futures, "OPTIONS": futures}

    def test_a_main_account_sets_no_limits_of_its_own(self, new_trader) -> None:
        trader = new_trader(tier="mm1")
        wish = {"uids": str(trader.venue.uid), "bizType": "SPOT", "rate": 50}
        result = trader.post(self.SET, {"list": [wish]}).result["result"]
        assert [(row["success"], row["rate"]) for row in result] == [(False, 50)]
        for wrong in ([], "all", [wish | {"rate": 0}], [wish | {"bizType": "MARGIN"}], [7]):
            assert trader.post(self.SET, {"list": wrong}).code == 10001

    def test_ordinary_accounts_have_no_caps(self, new_trader) -> None:
        trader = new_trader(tier="vip2")
        assert trader.get(self.CAP).code == 3500002
        assert trader.post(self.SET, {"list": []}).code == 3500002


def test_queries_reach_plain_orders_only(everything) -> None:
    place_everywhere(everything)
    everything.cancel(orderLinkId="linear-BTC")
    realtime, history = "/v5/order/realtime", "/v5/order/history"
    for path, query in ((realtime, {"openOnly": 1}), (history, {})):
        assert len(everything.get(path, **BTC, **query, orderFilter="Order").rows) == 1
        assert len(everything.get(path, **BTC, **query, orderFilter="StopOrder").rows) == 0
    assert everything.get(realtime, **BTC, openOnly=3).code == 10001
    assert len(everything.get(realtime, category="spot").rows) == 1
    assert len(everything.get(realtime, category="inverse").rows) == 1
    assert len(everything.get(realtime, category="option").rows) == 1


def test_notices_are_listed_newest_first(everything) -> None:
    def announce(number: int, state: str) -> None:
        everything.venue.announce(
            Notice(
                notice_id=f"n{number}",
                title="maintenance",
                state=state,
                begin_ms=Ms(1),
                end_ms=Ms(2),
            )
        )

    def ids(**query) -> list[str]:
        reply = everything.ask("GET", "/v5/system/status", query.get("text", ""), signed=False)
        return [row["id"] for row in reply.rows]

    announce(1, "scheduled")
    announce(2, "scheduled")
    announce(1, "completed")
    assert ids() == ["n1", "n2"]
    assert ids(text="state=scheduled") == ["n2"]
    assert ids(text="id=n1") == ["n1"]
