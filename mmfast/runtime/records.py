"""What the journal holds of each thing that happens: lines of JSON, made off the hot path.

:func:`row_of` says what a record is made of. The kinds of which every tick brings many are spelled
straight from their values by :func:`line_of`, to the same bytes at a third of the cost.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from mmfast._core.acks import Accepted
from mmfast._core.fixed import format_grid
from mmfast._core.rows import OrderRow
from mmfast.engine.orders.endings import Ending, Evidence, Refusal
from mmfast.engine.orders.order_states import State
from mmfast.messages import (
    AccountSnapshot,
    Alert,
    Batch,
    BatchReply,
    Event,
    Execution,
    Instrument,
    InstrumentChange,
    ModeChange,
    Op,
    OrderAbsent,
    OrderStatus,
    OrderUpdate,
    Outcome,
    StreamState,
)

Row = dict[str, Any]
Entry = Batch | BatchReply | Event | OrderRow | Alert | Ending | Refusal | Row
# A tuple made once: a union written where it is used is built anew for every event.
_KEPT: Final = (
    Execution,
    OrderAbsent,
    AccountSnapshot,
    StreamState,
    ModeChange,
    InstrumentChange,
)

_ENDING: Final = b'{"ms":%d,"kind":"ended","order":"%016x","end":"%b","evidence":"%b","filled":%d}'
_FINAL: Final = (
    b'{"ms":%d,"kind":"final","order":"%016x","venue_id":%b,"status":"%b","filled":%d,"of":%d,'
    b'"cancel_type":%b,"reject_reason":%b,"venue_ms":%d}'
)
_SENT: Final = b'{"ms":%d,"kind":"sent","batch":%d,"tick":%d,"op":"%b","orders":%b}'
_ENDS: Final = {state: state.name.encode() for state in State}
_EVIDENCE: Final = {evidence: evidence.name.encode() for evidence in Evidence}
_STATUS: Final = {int(status): status.name.encode() for status in OrderStatus}
_ENDED: Final = (OrderUpdate, OrderRow)
_OPS: Final = {op: op.name.encode() for op in Op}
_encoded: Final = msgspec.json.Encoder().encode
"""Texts of the venue's come out of it with whatever they need to stand in JSON."""


def to_json(wall_ms: int, row: Row) -> bytes:
    """One row with its time, on one line."""
    return msgspec.json.encode({"ms": wall_ms, **row})


def is_kept(event: Event) -> bool:
    """Whether an event belongs into the journal: not the market, not the steps in between."""
    if isinstance(event, OrderUpdate):
        return event.status.is_final
    return isinstance(event, _KEPT)


def line_of(wall_ms: int, entry: Entry) -> bytes:
    """An entry with its time, on one line."""
    if isinstance(entry, Ending):
        return _ending_line(wall_ms, entry)
    if isinstance(entry, _ENDED):
        return _final_line(wall_ms, entry)
    if isinstance(entry, Batch):
        return _sent_line(wall_ms, entry)
    return to_json(wall_ms, row_of(entry))


def _ending_line(wall_ms: int, ending: Ending) -> bytes:
    client_id, end, evidence, filled = ending
    return _ENDING % (wall_ms, client_id, _ENDS[end], _EVIDENCE[evidence], filled)


def _final_line(wall_ms: int, update: OrderUpdate | OrderRow) -> bytes:
    return _FINAL % (
        wall_ms,
        update.client_id,
        _encoded(update.venue_id),
        _STATUS[update.status],
        update.cum_lots,
        update.lots,
        _encoded(update.cancel_type),
        _encoded(update.reject_reason),
        update.updated_ms,
    )


def _sent_line(wall_ms: int, batch: Batch) -> bytes:
    orders = [
        [f"{client_id:016x}", instrument, side, price_ticks, lots]
        for _, _, instrument, side, _, price_ticks, lots, client_id in batch.commands
    ]
    return _SENT % (wall_ms, batch.batch_id, batch.tick_id, _OPS[batch.op], _encoded(orders))


def row_of(entry: Entry) -> Row:
    """An entry as plain values; orders are named by our ids in hexadecimal."""
    if isinstance(entry, dict):
        return entry
    if isinstance(entry, Batch):
        return _sent(entry)
    if isinstance(entry, BatchReply):
        return _reply(entry)
    if isinstance(entry, _ENDED):
        return _final(entry)
    if isinstance(entry, Execution):
        return _fill(entry)
    if isinstance(entry, Ending):
        return _ending(entry)
    if isinstance(entry, Refusal):
        return _refusal(entry)
    return _rare(entry)


def _sent(batch: Batch) -> Row:
    """Handed to the gateway. What the last look kept from leaving, its reply tells."""
    orders = [
        [_name(c.client_id), c.instrument, int(c.side), c.price_ticks, c.lots]
        for c in batch.commands
    ]
    return {
        "kind": "sent",
        "batch": batch.batch_id,
        "tick": batch.tick_id,
        "op": batch.op.name,
        "orders": orders,
    }


def _reply(reply: BatchReply) -> Row:
    """Outcomes; where all of a batch were accepted, that alone."""
    row: Row = {
        "kind": "reply",
        "batch": reply.batch.batch_id,
        "sent_ns": reply.sent_ns,
        "received_ns": reply.received_ns,
    }
    items = reply.items
    if isinstance(items, Accepted) or all(item.outcome is Outcome.ACK for item in items):
        row["all"] = Outcome.ACK.name
        return row
    row["items"] = [
        [_name(i.client_id), Outcome(i.outcome).name, i.ret_code, i.ret_msg[:80]] for i in items
    ]
    return row


def _final(update: OrderUpdate | OrderRow) -> Row:
    """How an order ended, in the venue's words."""
    return {
        "kind": "final",
        "order": _name(update.client_id),
        "venue_id": update.venue_id,
        "status": OrderStatus(update.status).name,
        "filled": update.cum_lots,
        "of": update.lots,
        "cancel_type": update.cancel_type,
        "reject_reason": update.reject_reason,
        "venue_ms": update.updated_ms,
    }


def _ending(ending: Ending) -> Row:
    """What the engine has concluded of an order, and on what evidence."""
    return {
        "kind": "ended",
        "order": _name(ending.client_id),
        "end": ending.end.name,
        "evidence": ending.evidence.name,
        "filled": ending.cum_lots,
    }


def _refusal(refusal: Refusal) -> Row:
    """An amend or cancel that did not happen. The code, where one was given, is in the reply."""
    return {
        "kind": "refused",
        "order": _name(refusal.client_id),
        "op": refusal.op.name,
        "evidence": refusal.evidence.name,
    }


def _fill(execution: Execution) -> Row:
    return {
        "kind": "fill",
        "order": _name(execution.client_id),
        "exec_id": execution.exec_id,
        "instrument": execution.instrument,
        "side": int(execution.side),
        "price_ticks": execution.price_ticks,
        "lots": execution.lots,
        "fee_e8": execution.fee_e8,
        "venue_ms": execution.exec_ms,
    }


def _rare(entry: Entry) -> Row:
    if isinstance(entry, OrderAbsent):
        name = _name(entry.client_id)
        return {"kind": "absent", "order": name, "evidence": entry.evidence}
    if isinstance(entry, AccountSnapshot):
        return {
            "kind": "account",
            "orders": len(entry.orders),
            "executions": len(entry.executions),
            "positions": {str(row.instrument): row.lots for row in entry.positions if row.lots},
        }
    if isinstance(entry, StreamState):
        return {"kind": "stream", "stream": entry.stream.name, "up": entry.up}
    if isinstance(entry, ModeChange):
        return {"kind": "wish", "mode": entry.mode.name, "reason": entry.reason}
    if isinstance(entry, Alert):
        return {"kind": "alert", "code": entry.code, "text": entry.text}
    if isinstance(entry, InstrumentChange):
        return _units(entry.instrument)
    return {"kind": type(entry).__name__}


def _units(changed: Instrument) -> Row:
    """From here on ticks and lots of the instrument mean this."""
    tick = format_grid(1, changed.tick_decimals, changed.tick_units)
    step = format_grid(1, changed.step_decimals, changed.step_units)
    row: Row = {"kind": "instrument", "symbol": changed.symbol, "instrument": changed.index}
    return row | {"tick": tick.decode(), "step": step.decode()}


def _name(client_id: int) -> str:
    return f"{client_id:016x}"
