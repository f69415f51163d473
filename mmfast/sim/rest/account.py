"""The account over REST: wallet, fees, settings."""

from __future__ import annotations

from typing import Final

from mmfast.messages import Category
from mmfast.sim.access.calls import Answer, Call, Route, Routes
from mmfast.sim.accounts.rows import Row
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.exchange.settings import set_limit_action
from mmfast.sim.exchange.tickets import text_of
from mmfast.sim.instruments.figures import money
from mmfast.sim.refusals import bad_parameter
from mmfast.sim.rest.scope import category_of, scope_of

MARGIN_MODE_FAILED: Final = 3400045
CROSS_MARGIN: Final = "REGULAR_MARGIN"
_MARGIN_MODES: Final = (CROSS_MARGIN, "ISOLATED_MARGIN", "PORTFOLIO_MARGIN")


class AccountCalls:
    """Calls about the account itself."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._rows = exchange.rows
        coins: dict[str, None] = {}
        for one in exchange.instruments:
            coins |= dict.fromkeys((one.base_coin, one.quote_coin, one.settle_coin))
        self._coins = coins

    def routes(self) -> Routes:
        """Method and path of each call."""
        gets = {
            "wallet-balance": self._wallet,
            "info": self._info,
            "fee-rate": self._fee_rates,
            "user-setting-config": self._settings,
        }
        posts = {
            "set-limit-px-action": self._set_limit_action,
            "set-margin-mode": self._set_margin_mode,
        }
        routes = {("GET", f"/v5/account/{name}"): Route(call) for name, call in gets.items()}
        routes |= {("POST", f"/v5/account/{name}"): Route(call) for name, call in posts.items()}
        return routes

    def _wallet(self, call: Call) -> Answer:
        """The coins asked for, also those the account has none of; else all it has."""
        if text_of(call.params, "accountType") != "UNIFIED":
            raise bad_parameter("params error: accountType only support UNIFIED")
        wanted = text_of(call.params, "coin")
        if not wanted:
            return Answer({"list": [self._rows.wallet(call.account)]})
        coins = dict.fromkeys(coin for coin in wanted.split(",") if coin)
        unknown = [c for c in coins if c not in self._coins and c not in call.account.wallet]
        if unknown:
            raise bad_parameter(f"params error: coin invalid {unknown[0][:32]}")
        return Answer({"list": [self._rows.wallet(call.account, coins)]})

    def _info(self, call: Call) -> Answer:
        result: Row = {
            "marginMode": CROSS_MARGIN,
            "updatedTime": str(call.account.updated_ms),
            "unifiedMarginStatus": 5,
            "dcpStatus": "OFF",
            "timeWindow": 0,
            "smpGroup": 0,
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
        }
        return Answer(result, omits=("retExtInfo", "time"))

    # Fees.

    def _fee_rates(self, call: Call) -> Answer:
        category = category_of(self._exchange, call.params)
        scope = scope_of(self._exchange, category, call.params)
        indexes = sorted(scope.instruments)
        instruments = self._exchange.instruments
        names = [(instruments[index].symbol, "") for index in indexes]
        if category is Category.OPTION:
            # One rate for all options on a coin.
            bases = dict.fromkeys(instruments[index].base_coin for index in indexes)
            names = [("", base) for base in bases]
        fees = call.account.fees[category]
        rates = {"takerFeeRate": money(fees.taker_e8), "makerFeeRate": money(fees.maker_e8)}
        rows = [{"symbol": symbol, "baseCoin": base, **rates} for symbol, base in names]
        if category in (Category.SPOT, Category.OPTION):
            return Answer({"category": category.text, "list": rows})
        return Answer({"list": rows})

    # Settings.

    def _settings(self, call: Call) -> Answer:
        account = call.account
        return Answer(
            {
                "lpaSpot": account.spot_adjusts_to_band,
                "lpaPerp": account.futures_rejects_beyond_band,
                "smsef": False,
                "fmsef": False,
            }
        )

    def _set_limit_action(self, call: Call) -> Answer:
        """``modifyEnable`` true moves a price beyond the band to it, false refuses it."""
        category = category_of(self._exchange, call.params)
        moves = call.params.get("modifyEnable")
        if not isinstance(moves, bool):
            raise bad_parameter("params error: modifyEnable must be a boolean")
        set_limit_action(call.account, category, modify=moves)
        return Answer(text="success")

    def _set_margin_mode(self, call: Call) -> Answer:
        """Cross margin is the only mode here; the others are refused with a reason."""
        mode = text_of(call.params, "setMarginMode")
        if mode not in _MARGIN_MODES:
            raise bad_parameter(f"params error: setMarginMode invalid {mode[:32]}")
        if mode == CROSS_MARGIN:
            return Answer({"reasons": []}, text="Request accepted")
        reason = {
            "reasonCode": "3400000",
            "reasonMsg": f"{mode} is not supported by this venue",
        }
        return Answer(
            {"reasons": [reason]},
            code=MARGIN_MODE_FAILED,
            text="Set margin mode failed",
            omits=("retExtInfo", "time"),
        )
