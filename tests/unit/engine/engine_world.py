"""What engine tests are made of: instruments, parameters, book frames and the venue's words."""

from __future__ import annotations

from typing import Any

from mmfast.engine.orders.draft import Draft
from mmfast.engine.params import (
    BP_E4,
    BatchParams,
    EngineParams,
    FairPrice,
    PlannerParams,
    RequoteBy,
    SymbolParams,
)
from mmfast.ids import ClientIds
from mmfast.messages import (
    NO_RATE_INFO,
    Batch,
    BatchReply,
    Category,
    Command,
    Execution,
    Instrument,
    ItemReply,
    Op,
    OrderStatus,
    OrderUpdate,
    Outcome,
    PositionUpdate,
    RateInfo,
    Side,
)
from mmfast.units import NS_PER_MS, NS_PER_S, ClientId, slot_of

MS = NS_PER_MS
SECOND = NS_PER_S
IDS = ClientIds("mmt1", epoch=3)


def make_instrument(index: int = 0, **changes: Any) -> Instrument:
    """Tick 0.1, step 0.001: one lot moved by one tick is worth 0.0001."""
    fields: dict[str, Any] = {
        "index": index,
        "symbol": f"C{index:02d}USDT",
        "category": Category.LINEAR,
        "base_coin": f"C{index:02d}",
        "quote_coin": "USDT",
        "settle_coin": "USDT",
        "tick_decimals": 1,
        "tick_units": 1,
        "step_decimals": 3,
        "step_units": 1,
        "min_price_ticks": 1,
        "max_price_ticks": 10_000_000,
        "min_order_lots": 1,
        "max_order_lots": 1_000_000,
        "min_notional_e8": 5 * 10**8,
        "tick_lot_value_e8": 10_000,
    }
    return Instrument(**{**fields, **changes})


def make_symbol(**changes: Any) -> SymbolParams:
    """Two levels of 10 lots, 2 bp from the fair price, 1 bp apart, 0.5 bp tolerance."""
    fields: dict[str, Any] = {
        "levels": 2,
        "order_lots": 10,
        "half_spread_e4": 2 * BP_E4,
        "level_step_e4": 1 * BP_E4,
        "skew_e4": 2 * BP_E4,
        "requote_tolerance_e4": BP_E4 // 2,
        "max_position_lots": 100,
        "max_order_lots": 20,
        "max_order_value_e8": 10**14,
        "price_collar_e4": 10 * BP_E4,
        "max_distance_e4": 100 * BP_E4,
    }
    return SymbolParams(**{**fields, **changes})


def make_params(count: int = 1, symbol: dict[str, Any] | None = None, **changes: Any):
    """Engine parameters for ``count`` equal instruments."""
    fields: dict[str, Any] = {
        "symbols": tuple(make_symbol(**(symbol or {})) for _ in range(count)),
        "batch": BatchParams(),
        "planner": PlannerParams(initial_limit=1000),
        "fair_price": FairPrice.MID,
        "requote_by": RequoteBy.AMEND,
        "stale_book_ms": 5000,
        "recv_window_ms": 2000,
        "book_depth": 50,
    }
    return EngineParams(**{**fields, **changes})


def book_frame(
    symbol: str, bid_ticks: int, ask_ticks: int, update: int = 1, lots: int = 1
) -> bytes:
    """A snapshot with one level a side, written as the venue writes it (tick 0.1, step 0.001)."""

    def level(ticks: int) -> str:
        return f'["{ticks // 10}.{ticks % 10}","{lots // 1000}.{lots % 1000:03d}"]'

    bids = f"[{level(bid_ticks)}]" if bid_ticks else "[]"
    asks = f"[{level(ask_ticks)}]" if ask_ticks else "[]"
    return (
        f'{{"topic":"orderbook.50.{symbol}","type":"snapshot","ts":1700000000000,'
        f'"data":{{"s":"{symbol}","b":{bids},"a":{asks},"u":{update},"seq":{update}}},'
        f'"cts":1700000000000}}'
    ).encode()


def command(op: Op, client_id: int, **changes: Any) -> Command:
    """A command in slot (0, BUY, 0) unless told otherwise."""
    fields: dict[str, Any] = {
        "instrument": 0,
        "side": Side.BUY,
        "level": 0,
        "flags": 0,
        "price_ticks": 100_000,
        "lots": 10,
    }
    fields |= changes
    slot = slot_of(fields["instrument"], fields["side"], fields.pop("level"))
    return Command(op=op, slot=slot, client_id=ClientId(client_id), **fields)


def draft(op: Op, client_id: int, **changes: Any) -> Draft:
    """The same, as the engine holds it before it is sent."""
    wanted = command(op, client_id, **changes)
    made = Draft()
    made.fill(op, wanted.slot, wanted.flags, wanted.price_ticks, wanted.lots, client_id)
    return made


def order_update(client_id: int, status: OrderStatus, **changes: Any) -> OrderUpdate:
    """The venue's word on a buy of 10 lots at 100000 ticks."""
    fields: dict[str, Any] = {
        "client_id": client_id,
        "link_id": IDS.text(client_id) if client_id else "manual-1",
        "venue_id": f"venue-{client_id}",
        "instrument": 0,
        "side": Side.BUY,
        "status": status,
        "price_ticks": 100_000,
        "lots": 10,
        "cum_lots": 0,
        "leaves_lots": 0,
        "reject_reason": "",
        "cancel_type": "",
        "updated_ms": 0,
    }
    return OrderUpdate(**{**fields, **changes})


def execution(client_id: int, exec_id: str, lots: int, **changes: Any) -> Execution:
    """A maker fill of a buy at 100000 ticks, fee 1e-8 of the quote coin a lot."""
    price = changes.get("price_ticks", 100_000)
    fields: dict[str, Any] = {
        "client_id": client_id,
        "exec_id": exec_id,
        "venue_id": f"venue-{client_id}",
        "instrument": 0,
        "side": Side.BUY,
        "price_ticks": price,
        "lots": lots,
        "value_e8": price * lots * 10_000,
        "fee_e8": lots,
        "is_maker": True,
        "exec_type": "Trade",
        "exec_ms": 1_700_000_000_000,
        "seq": 1,
    }
    return Execution(**{**fields, **changes})


def position(lots: int, seq: int = -1, entry_value_e8: int = 0, instrument: int = 0):
    """The venue's figure of a position."""
    return PositionUpdate(
        instrument=instrument,
        lots=lots,
        entry_value_e8=entry_value_e8,
        updated_ms=1_700_000_000_000,
        seq=seq,
    )


def reply(
    batch: Batch,
    outcomes: Outcome | list[Outcome],
    now_ns: int,
    *,
    code: int = 0,
    message: str = "",
    rate: RateInfo = NO_RATE_INFO,
    blocked_until_ns: int = 0,
) -> BatchReply:
    """A reply with one outcome for all commands, or one for each."""
    if not isinstance(outcomes, list):
        outcomes = [outcomes] * len(batch.commands)
    items = tuple(
        ItemReply(c.client_id, outcome, code, message, f"venue-{c.client_id}")
        for c, outcome in zip(batch.commands, outcomes, strict=True)
    )
    return BatchReply(
        batch=batch,
        items=items,
        rate=rate,
        sent_ns=now_ns,
        received_ns=now_ns,
        blocked_until_ns=blocked_until_ns,
    )
