"""Protections of an account over REST: disconnect protection, self-match groups, and the market
maker protection this venue does not grant."""

from __future__ import annotations

from typing import Final

from mmfast.sim.access.calls import Answer, Call, Route, Routes
from mmfast.sim.access.dcp import MAX_WINDOW_S, MIN_WINDOW_S, OPTIONS, PRODUCTS, DcpDesk
from mmfast.sim.exchange.tickets import text_of
from mmfast.sim.refusals import NOT_PERMITTED, Refusal, bad_parameter

NO_MMP_PROFILE: Final = 110062
MMP_NOT_ENABLED: Final = 110065
_INSTITUTIONS: Final = ("pro", "mm")
_SUCCESS: Final = "success"


def is_institution(tier: str) -> bool:
    """True for the tiers of professional and market-making accounts, which may do more."""
    return tier.startswith(_INSTITUTIONS)


def refuse_permission() -> Refusal:
    """What an account is told that is no institution."""
    return Refusal(NOT_PERMITTED, "Permission denied, please check your API key permissions.")


class ProtectionCalls:
    """Queries and settings about protections."""

    def __init__(self, dcp: DcpDesk, tier: str) -> None:
        self._dcp = dcp
        self._is_institution = is_institution(tier)

    def routes(self) -> Routes:
        """Method and path of each call."""
        return {
            ("POST", "/v5/order/disconnected-cancel-all"): Route(self._set_dcp),
            ("GET", "/v5/account/query-dcp-info"): Route(self._dcp_info),
            ("GET", "/v5/account/smp-group"): Route(_smp_group),
            ("GET", "/v5/account/mmp-state"): Route(_no_mmp_profile),
            ("POST", "/v5/account/mmp-modify"): Route(_mmp_not_enabled),
            ("POST", "/v5/account/mmp-reset"): Route(_no_mmp_profile),
        }

    def _set_dcp(self, call: Call) -> Answer:
        """Set a product's window. Forgetting the product means options, as on the real venue."""
        if not self._is_institution:
            raise refuse_permission()
        product = text_of(call.params, "product") or OPTIONS
        if product not in PRODUCTS:
            raise bad_parameter(f"params error: product invalid {product[:32]}")
        self._dcp.configure(call.account.uid, product, _window_s(call), call.now_ns)
        return Answer(text=_SUCCESS, omits=("result", "retExtInfo", "time"))

    def _dcp_info(self, call: Call) -> Answer:
        rows = [
            {"product": product, "dcpStatus": "ON", "timeWindow": str(seconds)}
            for product, seconds in self._dcp.windows_s(call.account.uid).items()
        ]
        return Answer({"dcpInfos": rows}, text=_SUCCESS)


def _window_s(call: Call) -> int:
    seconds = call.params.get("timeWindow")
    # In Python, not in JSON, true is a number.
    is_number = isinstance(seconds, int) and not isinstance(seconds, bool)
    if not is_number or seconds not in range(MIN_WINDOW_S, MAX_WINDOW_S + 1):
        raise bad_parameter(
            f"params error: timeWindow must be {MIN_WINDOW_S} to {MAX_WINDOW_S} seconds"
        )
    assert isinstance(seconds, int)  # noqa: S101 - as just found
    return seconds


def _smp_group(_call: Call) -> Answer:
    """The account is in no group: self-match prevention looks at its own orders only."""
    return Answer({"smpGroup": 0}, text=_SUCCESS)


def _mmp_not_enabled(call: Call) -> Answer:
    """Market maker protection has to be granted, and this venue grants it to nobody."""
    _need_base_coin(call)
    raise Refusal(
        MMP_NOT_ENABLED,
        "MMP hasn't yet been enabled for your account. Please contact your BD manager.",
    )


def _no_mmp_profile(call: Call) -> Answer:
    """So there is no state to show or reset."""
    _need_base_coin(call)
    raise Refusal(NO_MMP_PROFILE, "Institution MMP profile not found.")


def _need_base_coin(call: Call) -> None:
    if not text_of(call.params, "baseCoin"):
        raise bad_parameter("params error: baseCoin is needed")
