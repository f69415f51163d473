"""A key that could lose the money is refused at the start, whatever it may do besides."""

from __future__ import annotations

import asyncio
import logging

import pytest

from mmfast.bybit.rest import ApiKeyInfo
from mmfast.errors import AuthError, MmfastError, RemoteProtocolError, VenueError
from mmfast.runtime.reach import check_key, judge_rights

TRADING = {"ContractTrade": ["Order", "Position"], "Derivatives": ["DerivativesTrade"]}


def key(*, read_only: int = 0, ip: str = "192.0.2.1", **rights: list[str]) -> ApiKeyInfo:
    return ApiKeyInfo(read_only=read_only, permissions=TRADING | rights, ips=[ip])


def test_a_key_that_can_only_trade_from_one_address_passes_in_silence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        judge_rights(key())
    assert not caplog.records


def test_a_key_that_may_withdraw_is_refused() -> None:
    with pytest.raises(AuthError, match="may withdraw"):
        judge_rights(key(Wallet=["AccountTransfer", "Withdraw"]))


def test_a_read_only_key_is_refused() -> None:
    with pytest.raises(AuthError, match="read-only"):
        judge_rights(key(read_only=1))


@pytest.mark.parametrize("rights", [{}, {"ContractTrade": ["Position"]}, {"Spot": ["SpotTrade"]}])
def test_a_key_without_the_right_to_trade_derivatives_is_refused(
    rights: dict[str, list[str]],
) -> None:
    with pytest.raises(AuthError, match="may not trade derivatives"):
        judge_rights(ApiKeyInfo(permissions=rights))


@pytest.mark.parametrize("name", ["Order", "DerivativesTrade"])
def test_either_name_of_the_trading_right_is_enough(name: str) -> None:
    judge_rights(ApiKeyInfo(permissions={"Group": [name]}))


@pytest.mark.parametrize("ip", ["*", ""])
def test_a_key_bound_to_no_address_is_warned_of(ip: str, caplog: pytest.LogCaptureFixture) -> None:
    info = key(ip=ip) if ip else ApiKeyInfo(permissions=TRADING)
    with caplog.at_level(logging.WARNING):
        judge_rights(info)
    assert "bound to no address" in caplog.text


def test_transfer_rights_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        judge_rights(key(Wallet=["SubMemberTransfer"]))
    assert "SubMemberTransfer" in caplog.text


@pytest.mark.parametrize(
    "found", [VenueError(10016, "server error"), RemoteProtocolError("expected JSON, found HTML")]
)
def test_a_key_whose_rights_are_not_told_is_not_traded_with(found: MmfastError) -> None:
    """It may be one that withdraws: not knowing is no reason to go on."""
    with pytest.raises(type(found), match="expected the venue to tell the rights of the key"):
        asyncio.run(check_key(Venue(found)))  # type: ignore[arg-type]


def test_a_key_whose_rights_are_told_is_judged() -> None:
    asyncio.run(check_key(Venue(key())))  # type: ignore[arg-type]
    with pytest.raises(AuthError, match="may withdraw"):
        asyncio.run(check_key(Venue(key(Wallet=["Withdraw"]))))  # type: ignore[arg-type]


class Venue:
    """Answers the question for the key's rights with what it was given."""

    def __init__(self, answer: ApiKeyInfo | MmfastError) -> None:
        self._answer = answer

    async def api_key_info(self) -> ApiKeyInfo:
        if isinstance(self._answer, MmfastError):
            raise self._answer
        return self._answer
