"""The API key over REST: what it may do, and how much of it per second."""

from __future__ import annotations

from typing import Final

from mmfast.messages import Category
from mmfast.sim.access.calls import Answer, Call, Route, Routes
from mmfast.sim.accounts.rows import Row
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.exchange.tickets import Item, text_of
from mmfast.sim.limits.tiers import BUDGETS, FUTURES, LEVELS, OPTION, SPOT
from mmfast.sim.params import VenueParams
from mmfast.sim.refusals import Refusal, bad_parameter
from mmfast.sim.rest.protection import is_institution

NOT_AN_INSTITUTION: Final = 3500002
NOT_YOUR_UIDS: Final = 3500153
_NOT_YOURS: Final = "No permission to operate these UIDs"
_BIZ_TYPES: Final = {"SPOT": SPOT, "DERIVATIVES": FUTURES, "OPTIONS": OPTION}
"""The venue's words for budgets, each with the bucket it means."""
_SUCCESS: Final = "success"

#: What all accounts of an institution may send per second together (venue rate-limit documents).
_INSTITUTION_CAPS: Final = {
    "pro1": 10_000,
    "pro2": 20_000,
    "pro3": 30_000,
    "pro4": 40_000,
    "pro5": 50_000,
    "pro6": 60_000,
    "mm1": 30_000,
    "mm2": 40_000,
    "mm3": 50_000,
}
_NO_RIGHTS: Final = (
    "Wallet",
    "CopyTrading",
    "BlockTrade",
    "Exchange",
    "NFT",
    "Affiliate",
    "Earn",
    "FiatP2P",
    "FiatConvertBroker",
    "FiatGlobalPay",
    "FiatBitPay",
    "BitCard",
    "ByXPost",
)


class UserCalls:
    """Queries about the key of one venue's account."""

    def __init__(self, exchange: Exchange, params: VenueParams) -> None:
        self._exchange = exchange
        self._api_key = params.api_key
        self._tier = params.tier
        self._rights = self._list_rights()

    def routes(self) -> Routes:
        """Method and path of each call."""
        return {
            ("GET", "/v5/user/query-api"): Route(self._key),
            ("GET", "/v5/apilimit/query"): Route(self._rates),
            ("GET", "/v5/apilimit/query-cap"): Route(self._caps),
            ("POST", "/v5/apilimit/set"): Route(self._set_rates),
        }

    def _list_rights(self) -> dict[str, list[str]]:
        """A key may trade what the venue lists, and move no money."""
        listed = self._exchange.indexes
        rights: dict[str, list[str]] = {
            "ContractTrade": ["Order", "Position"],
            "Spot": ["SpotTrade"] if listed[Category.SPOT] else [],
            "Options": ["OptionsTrade"] if listed[Category.OPTION] else [],
            "Derivatives": ["DerivativesTrade"],
        }
        return rights | {name: [] for name in _NO_RIGHTS}

    def _key(self, call: Call) -> Answer:
        tier, uid = self._tier, call.account.uid
        result: Row = {
            "id": str(uid),
            "note": "embedded venue",
            "apiKey": self._api_key,
            "readOnly": 0,
            "secret": "",
            "permissions": self._rights,
            "ips": ["127.0.0.1"],
            "type": 1,
            "deadlineDay": 0,
            "expiredAt": "1970-01-01T00:00:00Z",
            "createdAt": "1970-01-01T00:00:00Z",
            "unified": 0,
            "uta": 1,
            "userID": uid,
            "userIDInt64": str(uid),
            "inviterID": 0,
            "inviterIDInt64": "0",
            "vipLevel": _vip_level(tier),
            "mktMakerLevel": tier.removeprefix("mm") if tier.startswith("mm") else "0",
            "affiliateID": 0,
            "affiliateIDInt64": "0",
            "rsaPublicKey": "",
            "isMaster": True,
            "parentUid": "0",
            "kycLevel": "LEVEL_1",
            "kycRegion": "",
        }
        return Answer(result, text="")

    # Limits.

    def _rates(self, call: Call) -> Answer:
        """The account's own limits; it has no sub-accounts to ask about."""
        wanted = text_of(call.params, "uids").split(",")
        if wanted == [""]:
            raise bad_parameter("params error: uids is needed")
        own = str(call.account.uid)
        if wanted != [own]:
            text = "You do not have permission to query other UIDs"
            raise Refusal(NOT_YOUR_UIDS, text)
        rows = [
            {"uids": own, "bizType": kind, "rate": self._rate(bucket)}
            for kind, bucket in _BIZ_TYPES.items()
        ]
        return Answer({"list": rows}, text=_SUCCESS)

    def _caps(self, _call: Call) -> Answer:
        self._refuse_ordinary()
        cap = str(_INSTITUTION_CAPS[self._tier])
        rates = {kind: str(self._rate(bucket)) for kind, bucket in _BIZ_TYPES.items()}
        rows = [
            {"insCap": cap, "uidCap": rate, "totalRate": rate, "bizType": kind}
            for kind, rate in rates.items()
        ]
        return Answer({"list": rows}, text=_SUCCESS)

    def _set_rates(self, call: Call) -> Answer:
        """A main account sets the limits of its sub-accounts, not its own; this one has none."""
        self._refuse_ordinary()
        items = call.params.get("list")
        if not isinstance(items, list) or not items:
            raise bad_parameter("params error: list must hold at least one limit")
        return Answer({"result": [_refused(item) for item in items]}, text=_SUCCESS)

    def _rate(self, bucket: str) -> int:
        return BUDGETS["/v5/order/create"].limit(bucket, LEVELS[self._tier])

    def _refuse_ordinary(self) -> None:
        if not is_institution(self._tier):
            text = "Current user is not an institutional user"
            raise Refusal(NOT_AN_INSTITUTION, text)


def _refused(item: object) -> Row:
    """The reply row of one limit to be set."""
    if not isinstance(item, dict):
        raise bad_parameter("params error: each limit must be a JSON object")
    fields: Item = item
    uids, kind, rate = text_of(fields, "uids"), text_of(fields, "bizType"), fields.get("rate")
    if not uids or kind not in _BIZ_TYPES:
        raise bad_parameter("params error: uids and bizType are needed")
    if not isinstance(rate, int) or isinstance(rate, bool) or rate < 1:
        raise bad_parameter("params error: rate must be a positive number")
    return {"uids": uids, "bizType": kind, "rate": rate, "success": False, "msg": _NOT_YOURS}


def _vip_level(tier: str) -> str:
    for prefix in ("pro", "vip"):
        if tier.startswith(prefix):
            return f"{prefix.upper()}-{tier.removeprefix(prefix)}"
    return "No VIP"
