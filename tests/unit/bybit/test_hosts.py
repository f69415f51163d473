"""Where we connect: the right hosts, and no unencrypted word off this machine."""

from __future__ import annotations

import pytest

from mmfast.bybit.hosts import Endpoints, check_endpoints, endpoints_for
from mmfast.errors import ConfigError
from mmfast.messages import Category


@pytest.mark.parametrize("environment", ["mainnet", "testnet", "demo"])
@pytest.mark.parametrize("category", list(Category))
def test_every_environment_passes_its_own_check(environment: str, category: Category) -> None:
    endpoints = endpoints_for(environment, category)
    assert check_endpoints(endpoints) == endpoints
    assert endpoints.ws_public_url.endswith(f"/v5/public/{category.text}")


def test_demo_watches_the_real_market_with_its_own_account() -> None:
    demo = endpoints_for("demo", Category.LINEAR)
    main = endpoints_for("mainnet", Category.LINEAR)
    assert demo.ws_public_url == main.ws_public_url
    assert demo.ws_private_url != main.ws_private_url
    assert demo.rest_url == "https://api-demo.bybit.com"
    assert demo.ws_trade_url == ""
    assert endpoints_for("testnet", Category.SPOT).rest_url == "https://api-testnet.bybit.com"


def test_an_unknown_environment_names_the_choices() -> None:
    with pytest.raises(ConfigError, match="mainnet, testnet, demo, found 'prod'"):
        endpoints_for("prod", Category.LINEAR)


def local(**changes: str) -> Endpoints:
    urls = {
        "rest_url": "http://127.0.0.1:8000",
        "ws_public_url": "ws://localhost:8000/v5/public/linear",
        "ws_private_url": "ws://[::1]:8000/v5/private",
    }
    return Endpoints(**(urls | changes))


def test_loopback_may_be_plain() -> None:
    assert check_endpoints(local(rest_url="http://127.0.0.1:8000/")).rest_url.endswith(":8000")


@pytest.mark.parametrize(
    ("field", "url", "complaint"),
    [
        ("rest_url", "http://api.bybit.com", "loopback only"),
        ("rest_url", "http://127.0.0.1.evil.example", "loopback only"),
        ("rest_url", "ftp://127.0.0.1", "expected https"),
        ("rest_url", "api.bybit.com", "expected https"),
        ("rest_url", "https://", "no usable host"),
        ("rest_url", "https://h:99999", "cannot be parsed"),
        ("rest_url", "https://a b", "plain ASCII"),
        ("rest_url", "https://h/\r\nx: y", "plain ASCII"),
        ("ws_public_url", "ws://10.0.0.1/v5/public/linear", "loopback only"),
        ("ws_private_url", "https://127.0.0.1/", "expected wss"),
        ("ws_trade_url", "wss://h/v5/trade?max_active_time=60s", "no user, query"),
    ],
)
def test_a_bad_address_is_refused_with_its_place(field: str, url: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as caught:
        check_endpoints(local(**{field: url}))
    assert [path for path, _ in caught.value.faults] == [f"$.venue.{field}"]


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        check_endpoints(local(rest_url="https://me:hunter2@h"))
    assert "hunter2" not in str(caught.value)
