"""NautilusTrader's own steps: its Rust signature, its adapter's request, its deltas and book."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from nautilus_trader.adapters.bybit.common.enums import (
    BybitOrderSide,
    BybitOrderType,
    BybitProductType,
    BybitTimeInForce,
)
from nautilus_trader.adapters.bybit.endpoints.trade.batch_place_order import (
    BybitBatchPlaceOrder,
    BybitBatchPlaceOrderEndpoint,
    BybitBatchPlaceOrderPostParams,
)
from nautilus_trader.adapters.bybit.http.client import BybitHttpClient
from nautilus_trader.adapters.bybit.schemas.ws import decoder_ws_orderbook
from nautilus_trader.common.component import LiveClock
from nautilus_trader.core.nautilus_pyo3 import hmac_signature
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.enums import BookType
from nautilus_trader.model.identifiers import InstrumentId

VERSION_OF = "nautilus_trader"


def sign(secret: str) -> Callable[[str], str]:
    """One signature of a text."""
    return lambda text: hmac_signature(secret, text)


def placed(item: dict[str, str]) -> BybitBatchPlaceOrder:
    """A create item as the adapter's struct."""
    return BybitBatchPlaceOrder(
        symbol=item["symbol"],
        side=BybitOrderSide(item["side"]),
        orderType=BybitOrderType.LIMIT,
        qty=item["qty"],
        price=item["price"],
        timeInForce=BybitTimeInForce.POST_ONLY,
        orderLinkId=item["orderLinkId"],
    )


def request(key: str, secret: str, items: list[dict[str, str]]) -> Callable[[], object]:
    """A batch through the adapter's endpoint, up to its HTTP client's call."""
    client = BybitHttpClient(LiveClock(), key, secret, "http://127.0.0.1")
    endpoint = BybitBatchPlaceOrderEndpoint(client, "/v5")

    def run() -> object:
        params = BybitBatchPlaceOrderPostParams(BybitProductType.LINEAR, list(map(placed, items)))
        payload = endpoint.decoder.decode(endpoint.encoder.encode(params))
        timestamp, signature = client._sign_post_request(payload)
        headers = {
            **client._headers,
            "X-BAPI-TIMESTAMP": timestamp,
            "X-BAPI-SIGN": signature,
            "X-BAPI-RECV-WINDOW": str(client._recv_window_ms),
        }
        assert headers
        return msgspec.json.encode(payload)

    return run


def book(symbol: str) -> Callable[[bytes], tuple[float, float]]:
    """A frame to deltas and the applied book, and the best of it."""
    instrument = InstrumentId.from_str(f"{symbol}-LINEAR.BYBIT")
    latest, decoder = OrderBook(instrument, BookType.L2_MBP), decoder_ws_orderbook()

    def run(frame: bytes) -> tuple[float, float]:
        message = decoder.decode(frame)
        deltas = message.data.parse_to_deltas(
            instrument_id=instrument,
            price_precision=1,
            size_precision=3,
            ts_event=0,
            ts_init=0,
            snapshot=message.type == "snapshot",
        )
        latest.apply_deltas(deltas)
        return float(latest.best_bid_price()), float(latest.best_ask_price())

    return run
