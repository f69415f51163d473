"""pybit's own steps, called as its session and its websocket manager call them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pybit._http_manager import generate_signature
from pybit._websocket_stream import _V5WebSocketManager
from pybit.unified_trading import HTTP

VERSION_OF = "pybit"


def sign(secret: str) -> Callable[[str], str]:
    """One signature of a text."""
    return lambda text: generate_signature(False, secret, text)


def request(key: str, secret: str, items: list[dict[str, str]]) -> Callable[[], object]:
    """A batch up to the prepared request that its session would send."""
    session = HTTP(api_key=key, api_secret=secret)
    query = {"category": "linear", "request": items}

    def run() -> object:
        body = session.prepare_payload("POST", query)
        headers = session._prepare_headers(body, session.recv_window)
        path = "http://127.0.0.1/v5/order/create-batch"
        return session._prepare_request("POST", path, body, headers).body

    return run


class _Manager(_V5WebSocketManager):
    """The manager without its connection and threads."""

    def __init__(self, topic: str, told: Callable[[dict[str, Any]], None]) -> None:
        self.data: dict[str, Any] = {}
        self.callback_directory = {topic: told}

    def take(self, frame: bytes) -> None:
        self._process_normal_message(json.loads(frame))


def book(symbol: str) -> Callable[[bytes], tuple[float, float]]:
    """A frame to the levels that the user's callback gets, and the best of them."""
    latest: dict[str, Any] = {}
    manager = _Manager(f"orderbook.50.{symbol}", latest.update)

    def run(frame: bytes) -> tuple[float, float]:
        manager.take(frame)
        data = latest["data"]
        return max(float(one[0]) for one in data["b"]), min(float(one[0]) for one in data["a"])

    return run
