"""Frames of the private stream that came as rows: they need not become messages."""

from __future__ import annotations

from collections.abc import Collection

from mmfast._core.positions import PositionBlock
from mmfast._core.rows import OrderBlock
from mmfast.engine.account.account import Account
from mmfast.engine.orders.inventory import Inventory
from mmfast.messages import Event


def take_rows(
    events: Collection[Event], account: Account, inventory: Inventory, now_ns: int
) -> bool:
    """Give each row to whom its message would go; False for what did not come as rows."""
    if isinstance(events, OrderBlock):
        for row in range(len(events)):
            account.on_row(events, row, now_ns)
    elif isinstance(events, PositionBlock):
        for row in range(len(events)):
            inventory.on_row(events, row, now_ns)
    else:
        return False
    return True
