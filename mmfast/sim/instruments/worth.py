"""What contracts and coins are worth, in whole atoms of a coin.

An atom is the smallest amount the venue books: 1e-8 of a dollar coin, 1e-18 of any other, which
is fine enough for the value of one US dollar's contract in bitcoin. Values are made once per
trade, rounded towards zero, and both sides of the trade are booked with the same integer.
"""

from __future__ import annotations

from typing import Final

from mmfast.messages import Category, Instrument
from mmfast.units import E8

DOLLAR_COINS: Final = frozenset(("USDT", "USDC"))
DOLLAR_DECIMALS: Final = 8
COIN_DECIMALS: Final = 18


def decimals_of(coin: str) -> int:
    """How many decimals of a coin the venue books."""
    return DOLLAR_DECIMALS if coin in DOLLAR_COINS else COIN_DECIMALS


def atoms_of_e8(coin: str, e8: int) -> int:
    """An amount in 1e-8 coins as atoms."""
    surplus: int = 10 ** (decimals_of(coin) - DOLLAR_DECIMALS)
    return e8 * surplus


def fee_of(amount: int, rate_e8: int) -> int:
    """Fee on an amount, in the same atoms, rounded up: in the venue's favour."""
    return -(-amount * rate_e8 // E8)


class Worth:
    """Value of a size at a price, in atoms of ``coin``.

    Linear contracts, options and spot: price times size, in the settlement (spot: quote) coin.
    ``gain_sign`` says whether a long gains when the value grows: 1 here, -1 on inverse.
    """

    __slots__ = ("_unit", "coin", "decimals", "gain_sign")

    def __init__(self, instrument: Instrument) -> None:
        self.coin = instrument.settle_coin
        self.decimals = decimals_of(self.coin)
        self.gain_sign = 1
        self._unit = instrument.tick_lot_value_e8

    def value(self, ticks: int, lots: int) -> int:
        """Atoms that ``lots`` are worth at ``ticks``."""
        return ticks * lots * self._unit


class InverseWorth(Worth):
    """Coin-margined contracts: a size in dollars is worth size over price in the coin.

    The dearer the coin, the fewer of it a contract is worth: a long gains as the value falls.
    """

    __slots__ = ("_tick_units",)

    def __init__(self, instrument: Instrument) -> None:
        super().__init__(instrument)
        self.gain_sign = -1
        scale = self.decimals + instrument.tick_decimals - instrument.step_decimals
        self._unit = instrument.step_units * 10**scale
        self._tick_units = instrument.tick_units

    def value(self, ticks: int, lots: int) -> int:
        """Atoms that ``lots`` are worth at ``ticks``, rounded towards zero."""
        return lots * self._unit // (ticks * self._tick_units)


def worth_of(instrument: Instrument) -> Worth:
    """The arithmetic of an instrument's category."""
    if instrument.category is Category.INVERSE:
        return InverseWorth(instrument)
    return Worth(instrument)


def base_unit(instrument: Instrument) -> int:
    """Atoms of the base coin in one lot of a spot pair."""
    scale: int = 10 ** (decimals_of(instrument.base_coin) - instrument.step_decimals)
    return instrument.step_units * scale
