"""A still venue with every category, and the markets the clients trade on it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from mmfast.sim.params import FlowParams
from mmfast.units import E8


class Market(NamedTuple):
    """One instrument as the clients name it, and what its arithmetic is asserted with."""

    category: str
    symbol: str
    unified: str
    """The name in ccxt's notation."""
    fee_coin: str
    """The coin a buyer pays the fee in."""
    tick: Decimal
    lot: Decimal
    """A small order: well over every minimum, well under the size of a level."""
    taker_rate: Decimal

    @property
    def is_spot(self) -> bool:
        return self.category == "spot"

    @property
    def query(self) -> dict[str, str]:
        """What every call of the official client names."""
        return {"category": self.category, "symbol": self.symbol}

    def fee_base(self, price: Decimal, qty: Decimal) -> Decimal:
        """What a buyer's fee is a share of, in ``fee_coin``."""
        if self.category == "linear":
            return price * qty
        return qty / price if self.category == "inverse" else qty


MARKETS = (
    Market(
        "linear", "BTCUSDT", "BTC/USDT:USDT", "USDT",
        Decimal("0.1"), Decimal("0.010"), Decimal("0.00055"),
    ),
    Market(
        "inverse", "BTCUSD", "BTC/USD:BTC", "BTC",
        Decimal("0.1"), Decimal("100"), Decimal("0.00055"),
    ),
    Market(
        "spot", "BTCUSDT", "BTC/USDT", "BTC",
        Decimal("0.1"), Decimal("0.01"), Decimal("0.001"),
    ),
)  # fmt: skip


@pytest.fixture(params=MARKETS, ids=lambda market: market.category)
def market(request: pytest.FixtureRequest) -> Market:
    """Every test that takes it runs once per category."""
    return request.param


@pytest.fixture(
    params=[one for one in MARKETS if not one.is_spot], ids=lambda market: market.category
)
def contract(request: pytest.FixtureRequest) -> Market:
    """The markets with positions, one after the other."""
    return request.param


@pytest.fixture
def spot() -> Market:
    [market] = (one for one in MARKETS if one.is_spot)
    return market


@pytest.fixture
def markets() -> tuple[Market, ...]:
    """All of them at once."""
    return MARKETS


@pytest.fixture
def start_still_venue(start_venue: Callable[..., object]) -> Callable[..., object]:
    """Nothing but the client moves these markets, so every outcome is certain."""

    def start(**changes: object) -> object:
        settings = {
            "inverse_symbols": ("BTCUSD",),
            "spot_symbols": ("BTCUSDT",),
            "option_symbols": ("BTC-28DEC35-100000-C-USDT", "ETH-28DEC35-5000-C-USDT"),
            "coins_e8": (("BTC", 10 * E8),),
            "flow": FlowParams(activity=0.0),
        }
        return start_venue(**(settings | changes))

    return start


@pytest.fixture
def venue(start_still_venue: Callable[..., object]) -> object:
    return start_still_venue()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The third client is large and optional: it is imported only when ``-m`` names it."""
    is_named = "nautilus" in (config.option.markexpr or "")
    return True if collection_path.name == "test_nautilus.py" and not is_named else None
