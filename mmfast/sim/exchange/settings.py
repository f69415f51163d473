"""What an account may set: leverage, position mode, and what becomes of prices beyond the band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mmfast.messages import Category
from mmfast.sim.accounts.accounts import Account, usd_sum_e8
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.refusals import (
    LEVERAGE_TOO_HIGH,
    LEVERAGE_UNCHANGED,
    MODE_HAS_ORDERS,
    MODE_HAS_POSITION,
    MODE_UNCHANGED,
    NO_BALANCE_FOR_SETTING,
    Refusal,
    bad_parameter,
)

MODE_ONE_WAY: Final = 0
MODE_HEDGE: Final = 3


def set_leverage(exchange: Exchange, account: Account, instrument: int, leverage_e2: int) -> None:
    """Set the leverage of both sides, in hundredths.

    Raises :class:`Refusal`: 110013 above the instrument's maximum, 110043 when it is that
    already, 110012 when lower leverage would take more margin than there is.
    """
    holding = account.holdings[instrument]
    if leverage_e2 > exchange.shelf[instrument].max_leverage_e2:
        raise Refusal(LEVERAGE_TOO_HIGH, "cannot set leverage gt maxLeverage by risk limit")
    if holding.leverage_e2 == leverage_e2:
        raise Refusal(LEVERAGE_UNCHANGED, "Set leverage has not been modified.")
    before = holding.leverage_e2
    had_e8 = _bound_e8(exchange, account)
    account.recount(instrument)
    holding.leverage_e2 = leverage_e2
    if _bound_e8(exchange, account) > had_e8 and account.available_e8(exchange.prices) < 0:
        account.recount(instrument)
        holding.leverage_e2 = before
        raise Refusal(NO_BALANCE_FOR_SETTING, "Insufficient available balance.")


def _bound_e8(exchange: Exchange, account: Account) -> int:
    return usd_sum_e8(exchange.prices, account.margins(exchange.prices.marks))


def switch_mode(account: Account, instruments: Sequence[int], mode: object) -> None:
    """One-way (0) or hedge (3) for all these instruments, or for none.

    Raises :class:`Refusal`: 110025 when all are in that mode already, 110024 when one that
    would change has a position, 110028 when it has open orders.
    """
    if mode not in (MODE_ONE_WAY, MODE_HEDGE) or isinstance(mode, bool):
        raise bad_parameter("params error: mode must be 0 or 3")
    hedged = mode == MODE_HEDGE
    changing = [i for i in instruments if account.holdings[i].is_hedged != hedged]
    if not changing:
        raise Refusal(MODE_UNCHANGED, "Position mode is not modified")
    if any(not account.holdings[i].is_flat for i in changing):
        text = "You have an existing position, so the position mode cannot be switched."
        raise Refusal(MODE_HAS_POSITION, text)
    if account.blotter.open_count(changing):
        text = "You have existing open orders, so the position mode cannot be switched."
        raise Refusal(MODE_HAS_ORDERS, text)
    for instrument in changing:
        account.holdings[instrument].set_hedged(hedged)


def set_limit_action(account: Account, category: Category, *, modify: bool) -> None:
    """Prices beyond the band: ``modify`` moves them to it, else they are refused."""
    if category is Category.SPOT:
        account.spot_adjusts_to_band = modify
    else:
        account.futures_rejects_beyond_band = not modify
