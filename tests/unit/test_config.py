"""A configuration is either understood completely or refused with the path of each fault."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import yaml

from mmfast import config, typed_yaml
from mmfast.config import AsyncBatchConfig, Config
from mmfast.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
GOOD = (ROOT / "config.yaml").read_text()


def faults_of(text: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        config.parse(text.encode())
    return dict(caught.value.faults)


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) >= 1, f"{old!r} is not in config.yaml"
    return GOOD.replace(old, new, 1)


def test_the_shipped_file_is_the_safe_default() -> None:
    loaded = config.load(ROOT / "config.yaml")
    assert loaded.venue.environment == "embedded"
    assert len(loaded.symbols) == 10
    assert loaded.embedded_venue.tier.startswith("mm")
    assert "tier: default" in GOOD, "one comment says how to see the default tier"


def test_the_shipped_file_names_every_key_of_its_sections() -> None:
    """A newcomer finds all keys in the file, not in the source."""
    plain = yaml.safe_load(GOOD)
    for section in ("async_batch", "planner", "strategy", "risk", "metrics"):
        fields = {f.name for f in msgspec.structs.fields(Config) if f.name == section}
        assert fields, section
        kind = next(f.type for f in msgspec.structs.fields(Config) if f.name == section)
        assert set(plain[section]) == set(kind.__struct_fields__), section


def test_async_batch_has_exactly_the_promised_keys() -> None:
    assert AsyncBatchConfig.__struct_fields__ == (
        "enabled",
        "max_parallel_symbols",
        "coalesce_cancel",
        "coalesce_place",
        "tick_deadline_ms",
        "shadow",
        "rollback",
    )


@pytest.mark.parametrize(
    ("old", "new", "path", "words"),
    [
        ("levels: 2 ", "lvls: 2 ", "$.strategy.lvls", ("unknown key", "levels")),
        ("levels: 2 ", 'levels: "2" ', "$.strategy.levels", ("integer from 1 to 16", "'2'")),
        ("levels: 2 ", "levels: 17 ", "$.strategy.levels", ("1 to 16", "17")),
        ("levels: 2 ", "levels: true ", "$.strategy.levels", ("integer", "true")),
        ('half_spread_bps: "2.0"', "half_spread_bps: 2.0", "$.strategy.half_spread_bps",
         ("unquoted number 2.0", '"2.0"', "quotes")),
        ('half_spread_bps: "2.0"', "half_spread_bps: 2", "$.strategy.half_spread_bps",
         ("quoted decimal", '"2"')),
        ('half_spread_bps: "2.0"', 'half_spread_bps: "2e0"', "$.strategy.half_spread_bps",
         ("quoted decimal", "'2e0'")),
        ('half_spread_bps: "2.0"', 'half_spread_bps: "-1"', "$.strategy.half_spread_bps",
         ("from 0", "'-1'")),
        ('half_spread_bps: "2.0"', 'half_spread_bps: "0.00001"', "$.strategy.half_spread_bps",
         ("at most 4 decimals",)),
        ('half_spread_bps: "2.0"', 'half_spread_bps: "0"', "$.strategy.half_spread_bps",
         ("more than 0",)),
        ('order_qty: "0.010"', "order_qty: 0.010", "$.symbols[0].order_qty",
         ("unquoted number 0.010",)),
        ('order_qty: "0.010"', 'order_qty: "0"', "$.symbols[0].order_qty", ("more than 0",)),
        ('max_order_qty: "0.020"', 'max_order_qty: "0.001"', "$.symbols[0].max_order_qty",
         ("at least order_qty 0.010", "0.001")),
        ("symbol: ETHUSDT", "symbol: BTCUSDT", "$.symbols[1].symbol",
         ("BTCUSDT", "$.symbols[0]")),
        ("symbol: ETHUSDT", "symbol: eth", "$.symbols[1].symbol", ("venue symbol", "'eth'")),
        ("enabled: true", "enabled: yes", "$.async_batch.enabled", ("true or false", "yes")),
        ("enabled: true", "enabled: on", "$.async_batch.enabled", ("true or false",)),
        ("enabled: true", "enabled: 1", "$.async_batch.enabled", ("true or false",)),
        ("port: 9464", "port: 011110", "$.metrics.port", ("unquoted 011110",)),
        ("port: 9464", "port: 2:34:24", "$.metrics.port", ("unquoted 2:34:24",)),
        ("port: 9464", "port: 0x24f8", "$.metrics.port", ("unquoted",)),
        ("port: 9464", "port: 2024-01-01", "$.metrics.port", ("unquoted",)),
        ("environment: embedded", "environment: prod", "$.venue.environment",
         ("embedded", "testnet", "'prod'")),
        ("environment: embedded", "environment: custom", "$.venue.rest_url", ("missing",)),
        ("environment: embedded", "environment: custom", "$.venue.ws_trade_url",
         ("missing", "order_entry: rest")),
        ("environment: embedded", "environment: demo", "$.venue.order_entry",
         ("expected rest", "no trade socket")),
        ("order_entry: ws", "order_entry: fix", "$.venue.order_entry", ("'fix'",)),
        ("trade_sockets: 2", "trade_sockets: 0", "$.venue.trade_sockets", ("1",)),
        ("trade_sockets: 2", "trade_sockets: 5", "$.venue.trade_sockets", ("4",)),
        ("dcp_window_s: 0", "dcp_window_s: 2", "$.venue.dcp_window_s", ("0 (off) or 3",)),
        ("progress_ms: 5000", "progress_ms: 500", "$.watchdog.progress_ms", ("1500",)),
        ("files: 4", "files: 0", "$.journal.files", ("1",)),
        ("category: linear", 'rest_url: "http://127.0.0.1:1"', "$.venue.rest_url",
         ("only with environment custom",)),
        ('instance: "1"', "instance: 1", "$.venue.instance", ("quotes",)),
        ('level_step_bps: "2.0"', 'level_step_bps: "200"', "$.strategy.level_step_bps",
         ("max_distance_bps", "BTCUSDT")),
        ("stale_book_ms: 5000", "", "", ()),
        ('price_collar_bps: "30"', "", "$.risk.price_collar_bps", ("missing", "decimal")),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_path_expectation_and_finding(
    old: str, new: str, path: str, words: tuple[str, ...]
) -> None:
    text = changed(old, new)
    if not path:  # a key that has a default may be left out
        assert config.parse(text.encode()).risk.stale_book_ms == 5000
        return
    faults = faults_of(text)
    assert path in faults
    for word in words:
        assert word in faults[path], (word, faults[path])


def test_without_a_trade_socket_rest_is_enough() -> None:
    by_rest = changed("order_entry: ws", "order_entry: rest")
    demo = config.parse(by_rest.replace("environment: embedded", "environment: demo").encode())
    assert demo.venue.order_entry == "rest"
    custom = faults_of(by_rest.replace("environment: embedded", "environment: custom"))
    assert set(custom) == {f"$.venue.{name}_url" for name in ("rest", "ws_public", "ws_private")}
    assert config.parse(changed("  order_entry: ws\n", "").encode()).venue.order_entry == "ws"


def test_choosing_between_two_ways_needs_both() -> None:
    auto = changed("order_entry: ws", "order_entry: auto")
    assert config.parse(auto.encode()).venue.order_entry == "auto"
    demo = faults_of(auto.replace("environment: embedded", "environment: demo"))
    assert "found auto" in demo["$.venue.order_entry"]
    custom = faults_of(auto.replace("environment: embedded", "environment: custom"))
    assert "$.venue.ws_trade_url" in custom
    assert "order_entry: rest" in custom["$.venue.ws_trade_url"]


def test_all_faults_are_told_at_once() -> None:
    text = changed("levels: 2 ", "lvls: 2 ").replace("port: 9464", "port: 99999")
    assert set(faults_of(text)) == {"$.strategy.lvls", "$.metrics.port"}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a: 1\na: 2", "twice"),
        ("a: &x 1\nb: *x", "anchors"),
        ("a: !!python/object:os.system x", "tags"),
        ("a: [1", "not valid YAML"),
        ("? [a]\n: 1", "name as key"),
        ("yes: 1", "not a plain name"),
        ("a:\n  <<: b", "not a plain name"),
        ("a: 1\n---\nb: 1", "one document"),
        ("[" * 20, "levels of nesting"),
        ("a: \x00", "not valid YAML"),
    ],
)
def test_yaml_that_could_surprise_is_refused(text: str, word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        typed_yaml.parse(text.encode())
    assert word in str(caught.value)


def test_a_file_over_a_mebibyte_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(ConfigError, match="1048576 bytes"):
        typed_yaml.parse(b"#" * (typed_yaml.MAX_BYTES + 1))


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ConfigError, match="UTF-8"):
        typed_yaml.parse(b"a: \xff")


def test_plain_scalars_mean_what_they_say() -> None:
    text = "a: true\nb: 12\nc: abc\nd: null\ne:\nf: '12'\ng: NO\nh: 1_000"
    read = typed_yaml.parse(text.encode())
    assert isinstance(read, dict)
    assert (read["a"], read["b"], read["c"], read["d"], read["e"]) == (True, 12, "abc", None, None)
    assert read["f"] == "12"
    assert not isinstance(read["f"], typed_yaml.Bare)
    assert isinstance(read["g"], typed_yaml.Bare)
    assert isinstance(read["h"], typed_yaml.Bare)


def test_a_missing_file_is_a_fault_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*nowhere\.yaml: No such file"):
        config.load(tmp_path / "nowhere.yaml")


def test_the_effective_configuration_is_itself_a_configuration() -> None:
    loaded = config.parse(GOOD.encode())
    again = yaml.safe_dump(config.effective(loaded), sort_keys=False)
    assert config.parse(again.encode()) == loaded


def test_a_symbol_may_set_strategy_values_of_its_own() -> None:
    text = changed("symbol: BTCUSDT,", 'symbol: BTCUSDT, half_spread_bps: "3.5", levels: 1,')
    loaded = config.parse(text.encode())
    own, other = loaded.symbols[0], loaded.symbols[1]
    assert str(config.strategy_value(loaded, own, "half_spread_bps")) == "3.5"
    assert config.strategy_value(loaded, own, "levels") == 1
    assert str(config.strategy_value(loaded, other, "half_spread_bps")) == "2.0"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("levels: 2 ", "levels: many "),
        ("symbol: BTCUSDT", "symbl: BTCUSDT"),
        ("risk:", "rsk:"),
        ('half_spread_bps: "2.0"', 'half_spread_bps: "9999"'),
    ],
)
def test_the_venue_can_be_salvaged_from_a_broken_file(tmp_path: Path, old: str, new: str) -> None:
    """`mmfast kill` must work while somebody is breaking the strategy."""
    path = tmp_path / "config.yaml"
    path.write_text(changed(old, new))
    with pytest.raises(ConfigError):
        config.load(path)
    assert config.salvage_venue(path) == config.parse(GOOD.encode()).venue


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("environment: embedded", "environment: prod", "$.venue.environment"),
        ("environment: embedded", "environment: custom", "$.venue.rest_url"),
        ("venue:", "vnue:", "$.venue"),
    ],
)
def test_a_broken_venue_is_not_guessed(tmp_path: Path, old: str, new: str, path: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(changed(old, new))
    with pytest.raises(ConfigError) as caught:
        config.salvage_venue(file)
    assert path in [where for where, _ in caught.value.faults]


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("none", ""),
        ("cancel_maker", "CancelMaker"),
        ("cancel_taker", "CancelTaker"),
        ("cancel_both", "CancelBoth"),
    ],
)
def test_self_match_prevention_is_the_venues_word_or_nothing(word: str, written: str) -> None:
    text = GOOD.replace("smp: none", f"smp: {word}")
    assert config.parse(text.encode()).venue.smp_type == written
