"""Decimals of the file become exactly the integers the engine works with, or are refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from mmfast import config
from mmfast.config import Config
from mmfast.engine.params import FairPrice, RequoteBy
from mmfast.errors import ConfigError
from mmfast.runtime import assemble
from mmfast.sim.instruments.catalogue import listings
from mmfast.units import E8

GOOD = (Path(__file__).resolve().parents[3] / "config.yaml").read_text()


def loaded(old: str = "", new: str = "") -> Config:
    assert old in GOOD
    return config.parse(GOOD.replace(old, new, 1).encode() if old else GOOD.encode())


def params_of(settings: Config):
    rows = listings(tuple(row.symbol for row in settings.symbols))
    return assemble.config_for_instruments(settings, [row.instrument for row in rows])


def test_sizes_and_distances_are_exact() -> None:
    params = params_of(loaded('half_spread_bps: "2.0"', 'half_spread_bps: "2.0125"'))
    btc = params.symbols[0]
    assert btc.order_lots == 10  # 0.010 in steps of 0.001
    assert btc.max_position_lots == 100
    assert btc.half_spread_e4 == 20_125
    assert btc.max_order_value_e8 == 2000 * E8
    assert params.fair_price is FairPrice.MICROPRICE
    assert params.requote_by is RequoteBy.AMEND
    assert params.batch.tick_deadline_ms == 200
    assert params.planner.cancel_reserve_percent == 20
    assert params.planner.spill_requests_per_s == 20
    assert params.batch.planned
    assert not params_of(loaded("policy: planned", "policy: batched")).batch.planned


@pytest.mark.parametrize(
    ("old", "new", "path", "word"),
    [
        ('order_qty: "0.010"', 'order_qty: "0.0105"', "$.symbols[0].order_qty", "step 0.001"),
        ('order_qty: "4000"', 'order_qty: "0.5"', "$.symbols[4].order_qty", "step 1"),
        ('max_order_qty: "2.20"', 'max_order_qty: "19000.01"', "$.symbols[9].max_order_qty",
         "19000"),
        ('max_position_qty: "0.100"', 'max_position_qty: "0.1005"',
         "$.symbols[0].max_position_qty", "step 0.001"),
    ],
)  # fmt: skip
def test_off_grid_and_out_of_bounds_sizes_are_refused(
    old: str, new: str, path: str, word: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        params_of(loaded(old, new))
    faults = dict(caught.value.faults)
    assert set(faults) == {path}
    assert word in faults[path]


def test_symbol_values_override_the_strategy() -> None:
    params = params_of(loaded("symbol: ETHUSDT,", "symbol: ETHUSDT, levels: 5, enabled: false,"))
    assert (params.symbols[0].levels, params.symbols[1].levels) == (2, 5)
    assert (params.symbols[0].enabled, params.symbols[1].enabled) == (True, False)


def test_the_embedded_venue_knows_the_same_account_when_it_starts_anew() -> None:
    one, two = assemble.venue_params(loaded()), assemble.venue_params(loaded())
    other = assemble.venue_params(loaded("seed: 1", "seed: 2"))
    assert (one.api_key, one.api_secret) == (two.api_key, two.api_secret)
    assert one.api_secret != other.api_secret
    assert one.api_secret not in repr(one)
    assert one.balance_e8 == 1_000_000 * E8


def test_an_unknown_tier_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        assemble.venue_params(loaded("tier: mm1", "tier: vip9"))
    assert caught.value.faults[0][0] == "$.embedded_venue.tier"
    assert "mm1" in caught.value.faults[0][1]


def test_custom_addresses_are_checked_before_anything_is_sent() -> None:
    text = GOOD.replace("environment: embedded", "environment: custom").replace(
        "category: linear",
        'rest_url: "http://example.com"\n'
        '  ws_public_url: "ws://127.0.0.1:1/v5/public/linear"\n'
        '  ws_private_url: "ws://127.0.0.1:1/v5/private"\n'
        '  ws_trade_url: "ws://127.0.0.1:1/v5/trade"',
    )
    settings = config.parse(text.encode())
    with pytest.raises(ConfigError) as caught:
        assemble.endpoints(settings)
    assert [path for path, _ in caught.value.faults] == ["$.venue.rest_url"]
    venue = msgspec.structs.replace(settings.venue, rest_url="http://127.0.0.1:1")
    good = assemble.endpoints(msgspec.structs.replace(settings, venue=venue))
    assert good.ws_private_url == "ws://127.0.0.1:1/v5/private"


def test_the_state_directory_lies_beside_the_configuration(tmp_path: Path) -> None:
    assert assemble.state_dir(loaded(), tmp_path / "x.yaml") == tmp_path / "state"
