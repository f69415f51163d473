"""Where the venue lives: hosts per environment, and the check of addresses given by hand."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from mmfast.errors import ConfigError
from mmfast.messages import Category

ENVIRONMENTS: Final = ("mainnet", "testnet", "demo")


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """The four addresses of one venue, paths included for the websockets.

    ``ws_trade_url`` is empty where the venue has no trade websocket.
    """

    rest_url: str
    ws_public_url: str
    ws_private_url: str
    ws_trade_url: str = ""


def endpoints_for(environment: str, category: Category) -> Endpoints:
    """Addresses of ``mainnet``, ``testnet`` or ``demo``; ConfigError for any other word."""
    if environment not in ENVIRONMENTS:
        expected = ", ".join(ENVIRONMENTS)
        raise ConfigError(
            [("$.venue.environment", f"expected one of {expected}, found {environment!r}")]
        )
    tail = "" if environment == "mainnet" else f"-{environment}"
    # Demo trading has its own private stream but watches the real market.
    public_tail = "" if environment == "demo" else tail
    return Endpoints(
        rest_url=f"https://api{tail}.bybit.com",
        ws_public_url=f"wss://stream{public_tail}.bybit.com/v5/public/{category.text}",
        ws_private_url=f"wss://stream{tail}.bybit.com/v5/private",
        ws_trade_url="" if environment == "demo" else f"wss://stream{tail}.bybit.com/v5/trade",
    )


def check_endpoints(endpoints: Endpoints) -> Endpoints:
    """The same endpoints (REST address without a trailing slash) if every address is usable.

    Raises ConfigError naming each fault: wrong scheme, no host, credentials, query or fragment
    inside the address, or an unencrypted address that leaves this machine.
    """
    faults: list[tuple[str, str]] = []
    for field in msgspec.structs.fields(Endpoints):
        url = getattr(endpoints, field.name)
        if url == "" and field.name == "ws_trade_url":
            continue
        schemes = ("https", "http") if field.name == "rest_url" else ("wss", "ws")
        fault = _fault(url, *schemes)
        if fault:
            faults.append((f"$.venue.{field.name}", fault))
    if faults:
        raise ConfigError(faults)
    return msgspec.structs.replace(endpoints, rest_url=endpoints.rest_url.rstrip("/"))


def _fault(url: str, secure: str, plain: str) -> str:
    """What is wrong with one address, or the empty string. Never repeats the address: it may
    hold a password."""
    try:
        parts = urlsplit(url)
        port_is_sound = parts.port is None or parts.port > 0
    except ValueError:
        return "expected an address, found one that cannot be parsed"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "expected plain ASCII without spaces"
    if parts.scheme not in (secure, plain):
        return f"expected {secure}://..., found scheme {parts.scheme!r}"
    if not parts.hostname or not port_is_sound:
        return f"expected {secure}://host[:port][/path], found no usable host"
    if parts.username is not None or parts.query or parts.fragment:
        return "expected no user, query or fragment in the address"
    if parts.scheme == plain and not is_loopback(parts):
        return f"expected {secure}:// (plain {plain}:// is for loopback only)"
    return ""


def is_loopback(parts: SplitResult) -> bool:
    """True when the host of a split address can only be this machine."""
    host = parts.hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
