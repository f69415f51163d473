"""Positions, wallet, account settings and key data over REST."""

from __future__ import annotations

from typing import Final

from mmfast._core.fixed import parse_units
from mmfast.messages import Category
from mmfast.sim.account_settings import set_leverage, set_limit_action, switch_mode
from mmfast.sim.calls import Answer, Call, Route, Routes
from mmfast.sim.exchange import Exchange
from mmfast.sim.figures import money
from mmfast.sim.paging import Params, page
from mmfast.sim.params import VenueParams
from mmfast.sim.refusals import bad_parameter
from mmfast.sim.scope import LINEAR, category_of, instrument_of, scope_of
from mmfast.sim.tickets import text_of

_MIN_LEVERAGE_E2: Final = 100
_LEVERAGED: Final = (Category.LINEAR, Category.INVERSE)
_PERMISSIONS: Final = {
    "ContractTrade": ["Order", "Position"],
    "Spot": [],
    "Wallet": [],
    "Options": [],
    "Derivatives": ["DerivativesTrade"],
    "CopyTrading": [],
    "BlockTrade": [],
    "Exchange": [],
    "NFT": [],
    "Affiliate": [],
    "Earn": [],
}


class AccountCalls:
    """Calls about the account itself."""

    def __init__(self, exchange: Exchange, params: VenueParams) -> None:
        self._exchange = exchange
        self._rows = exchange.rows
        self._api_key = params.api_key
        self._tier = params.tier
        self._started_ms = int(params.start_wall_ms)

    def routes(self) -> Routes:
        """Method and path of each call."""
        gets = {
            "/v5/position/list": self._positions,
            "/v5/account/wallet-balance": self._wallet,
            "/v5/account/info": self._info,
            "/v5/account/fee-rate": self._fee_rates,
            "/v5/account/user-setting-config": self._settings,
            "/v5/user/query-api": self._key,
        }
        posts = {
            "/v5/position/set-leverage": self._set_leverage,
            "/v5/position/switch-mode": self._switch_mode,
            "/v5/account/set-limit-px-action": self._set_limit_action,
        }
        routes = {("GET", path): Route(call) for path, call in gets.items()}
        routes.update({("POST", path): Route(call) for path, call in posts.items()})
        return routes

    def _positions(self, call: Call) -> Answer:
        """One symbol's position, flat or not, or all that are not flat."""
        params, account = call.params, call.account
        category = category_of(self._exchange, params)
        scope = scope_of(self._exchange, category, params, needed=LINEAR)
        held = [
            index
            for index in sorted(scope.instruments)
            if scope.is_one_symbol or any(leg.lots for leg in account.holdings[index].legs)
        ]
        indexes, cursor = page(held, lambda index: -index, params, 20, 200)
        rows = [row for index in indexes for row in self._rows.positions(account, index)]
        if not scope.is_one_symbol:
            rows = [row for row in rows if row["side"]]
        return Answer({"list": rows, "nextPageCursor": cursor, "category": category.text})

    def _set_leverage(self, call: Call) -> Answer:
        params = call.params
        category = category_of(self._exchange, params)
        index = instrument_of(self._exchange, category, params)
        buy, sell = _leverage_e2(params, "buyLeverage"), _leverage_e2(params, "sellLeverage")
        if buy != sell:
            raise bad_parameter("params error: buyLeverage must equal sellLeverage")
        if category not in _LEVERAGED:
            raise bad_parameter("Illegal category")
        set_leverage(self._exchange, call.account, index, buy)
        return Answer({})

    def _switch_mode(self, call: Call) -> Answer:
        """One-way or hedge mode, for a symbol or for all contracts settled in a coin."""
        params, category = call.params, category_of(self._exchange, call.params)
        if category is not Category.LINEAR:
            raise bad_parameter("Illegal category")
        coin = text_of(params, "coin")
        if text_of(params, "symbol"):
            chosen = [instrument_of(self._exchange, category, params)]
        elif coin:
            listed = self._exchange.indexes[category]
            settled = self._exchange.instruments
            chosen = [i for i in listed if settled[i].settle_coin == coin]
        else:
            raise bad_parameter("params error: symbol or coin is needed")
        switch_mode(call.account, chosen, params.get("mode"))
        return Answer({})

    def _wallet(self, call: Call) -> Answer:
        if text_of(call.params, "accountType") != "UNIFIED":
            raise bad_parameter("params error: accountType only support UNIFIED")
        coins = [coin for coin in text_of(call.params, "coin").split(",") if coin]
        return Answer({"list": [self._rows.wallet(call.account, coins or None)]})

    def _info(self, call: Call) -> Answer:
        return Answer(
            {
                "marginMode": "REGULAR_MARGIN",
                "updatedTime": str(call.account.updated_ms),
                "unifiedMarginStatus": 5,
                "dcpStatus": "OFF",
                "timeWindow": 0,
                "smpGroup": 0,
                "isMasterTrader": False,
                "spotHedgingStatus": "OFF",
            }
        )

    def _fee_rates(self, call: Call) -> Answer:
        category = category_of(self._exchange, call.params)
        scope = scope_of(self._exchange, category, call.params)
        fees = call.account.fees[category]
        rows = [
            {
                "symbol": self._exchange.instruments[index].symbol,
                "baseCoin": "",
                "takerFeeRate": money(fees.taker_e8),
                "makerFeeRate": money(fees.maker_e8),
            }
            for index in sorted(scope.instruments)
        ]
        return Answer({"list": rows})

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
        return Answer({})

    def _key(self, call: Call) -> Answer:
        tier = self._tier
        pro = tier.removeprefix("pro")
        vip = tier.removeprefix("vip")
        level = "No VIP"
        if pro != tier:
            level = f"PRO-{pro}"
        elif vip != tier:
            level = f"VIP-{vip}"
        return Answer(
            {
                "id": str(call.account.uid),
                "note": "embedded venue",
                "apiKey": self._api_key,
                "readOnly": 0,
                "secret": "",
                "permissions": _PERMISSIONS,
                "ips": ["*"],
                "type": 1,
                "deadlineDay": 0,
                "expiredAt": "1970-01-01T00:00:00Z",
                "createdAt": "1970-01-01T00:00:00Z",
                "unified": 0,
                "uta": 1,
                "userID": call.account.uid,
                "inviterID": 0,
                "vipLevel": level,
                "mktMakerLevel": tier.removeprefix("mm") if tier.startswith("mm") else "0",
                "affiliateID": 0,
                "rsaPublicKey": "",
                "isMaster": True,
                "parentUid": "0",
                "kycLevel": "LEVEL_1",
                "kycRegion": "",
            }
        )


def _leverage_e2(params: Params, name: str) -> int:
    try:
        leverage_e2 = parse_units(text_of(params, name), 2)
    except ValueError:
        leverage_e2 = 0
    if leverage_e2 < _MIN_LEVERAGE_E2:
        raise bad_parameter(f"params error: {name} invalid")
    return leverage_e2
