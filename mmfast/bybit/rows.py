"""Rows about our account to messages: one reader for the private stream and for queries.

The rows are nearly the same in both; where they differ (``entryPrice`` and ``avgPrice``) both
names are read. Words we do not know never fail a row; numbers that cannot be true do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from mmfast._core import fixed
from mmfast._core.positions import PositionBlock, PositionRows
from mmfast._core.rows import OrderBlock, OrderRows
from mmfast.bybit.decimals import bounded, e8, exact, pow10, product_e8, round_div
from mmfast.errors import RemoteProtocolError
from mmfast.ids import ClientIds
from mmfast.messages import (
    Category,
    Execution,
    Instrument,
    OrderStatus,
    OrderUpdate,
    PositionUpdate,
    Side,
    WalletUpdate,
)
from mmfast.units import Lots, Ms, QuoteE8, SignedLots, Ticks

Text = str | None
"""The venue writes "nothing" as an absent field, as "" and as null."""

_SIDES: Final = {"Buy": Side.BUY, "Sell": Side.SELL}
_WORDS: Final = {
    "Created": OrderStatus.PENDING_NEW,
    "New": OrderStatus.WORKING,
    "PendingCancel": OrderStatus.WORKING,
    "Untriggered": OrderStatus.WORKING,
    "Triggered": OrderStatus.WORKING,
    "PartiallyFilled": OrderStatus.PARTIALLY_FILLED,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELLED,
    "PartiallyFilledCanceled": OrderStatus.CANCELLED,
    "Deactivated": OrderStatus.CANCELLED,
    "Rejected": OrderStatus.REJECTED,
}
_STATUSES: Final = {word: (status, status.is_final) for word, status in _WORDS.items()}
_UNKNOWN: Final = (OrderStatus.UNKNOWN_STATUS, False)
_NO_LOTS: Final = Lots(0)
_NO_TIME: Final = Ms(0)
NOT_SETTLED: Final = _NO_TIME
"""Instead of the time at which an instrument's lots changed, where they have not."""
#: Execution types that carry a size but trade nothing: the size is what a fee was taken on.
_FEE_ONLY: Final = frozenset({"Funding"})
_TOLD: Final = tuple(name for name in OrderUpdate.__struct_fields__ if name != "asked_ns")
"""What a row tells; when it was asked for knows only who asked."""
_CATEGORIES: Final = frozenset(category.text for category in Category)
_MAX_MS_DIGITS: Final = 15
_SEQ_LIMIT: Final = 1 << 63


class OrderRow(msgspec.Struct, rename="camel"):
    """An order, as the stream and the queries tell it."""

    symbol: str
    order_id: str
    side: str
    order_status: str
    category: str = ""
    order_link_id: Text = ""
    price: Text = ""
    qty: Text = ""
    cum_exec_qty: Text = ""
    leaves_qty: Text = ""
    reject_reason: Text = ""
    cancel_type: Text = ""
    updated_time: Text = ""
    reduce_only: bool | None = False


class ExecutionRow(msgspec.Struct, rename="camel"):
    """A trade of the account, or another booking that is told as one (funding)."""

    symbol: str
    exec_id: str
    side: str
    exec_qty: str
    category: str = ""
    order_id: Text = ""
    order_link_id: Text = ""
    exec_price: Text = ""
    exec_fee: Text = ""
    exec_type: Text = ""
    exec_time: Text = ""
    is_maker: bool | None = False
    seq: int | Text = None


class PositionRow(msgspec.Struct, rename="camel"):
    """A position; the stream says ``entryPrice``, the query ``avgPrice``."""

    symbol: str
    size: str
    category: str = ""
    side: Text = ""
    position_idx: int | None = 0
    entry_price: Text = ""
    avg_price: Text = ""
    updated_time: Text = ""
    seq: int | Text = None


class CoinRow(msgspec.Struct, rename="camel"):
    """One coin of a wallet."""

    coin: str
    wallet_balance: Text = ""
    equity: Text = ""


class WalletRow(msgspec.Struct, rename="camel"):
    """One wallet."""

    coin: list[CoinRow] = []


class RowReader:
    """Turns rows into messages for the instruments we trade.

    Rows of other symbols, categories and coins give nothing and are counted in ``dropped``; a
    category that nobody knows is a row that cannot be read.
    A row that cannot be read raises RemoteProtocolError; the caller reads the account again.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        ids: ClientIds,
        category: Category = Category.LINEAR,
    ) -> None:
        self.dropped = 0
        self.unknown_words = 0
        self.category = category
        self.ids = ids
        self._category_text = category.text
        self._plain_orders = OrderRows(
            category.text,
            ids.head,
            OrderUpdate,
            _TOLD,
            (Side.BUY, Side.SELL),
            _STATUSES,
        )
        self._plain_positions = PositionRows(
            category.text, PositionUpdate, PositionUpdate.__struct_fields__
        )
        self._instruments: dict[str, Instrument] = {}
        self._settled_ms: dict[str, Ms] = {}
        self._coins: set[str] = set()
        for instrument in instruments:
            self.replace(instrument)

    def replace(self, instrument: Instrument, settled_ms: Ms = NOT_SETTLED) -> None:
        """Add an instrument, or take its new filters. Where its lots have changed, what traded up
        to the venue time ``settled_ms`` did so in the old ones: see :meth:`execution`."""
        self._instruments[instrument.symbol] = instrument
        if settled_ms:
            self._settled_ms[instrument.symbol] = settled_ms
        self._coins.add(instrument.settle_coin)
        grids = (
            instrument.tick_decimals,
            instrument.tick_units,
            instrument.step_decimals,
            instrument.step_units,
        )
        self._plain_orders.add(instrument.symbol, instrument.index, *grids)
        self._plain_positions.add(instrument.symbol, instrument.index, *grids)

    def instruments(self) -> list[Instrument]:
        """The instruments known, in order of their index."""
        return sorted(self._instruments.values(), key=lambda instrument: instrument.index)

    def plain(
        self, frame: bytes
    ) -> tuple[int, OrderBlock[OrderUpdate] | PositionBlock[PositionUpdate]] | None:
        """Time of creation and rows of a frame of orders or positions, spelled as the venue
        spells it; None for any other frame, which says nothing about it.

        The same as :meth:`order` and :meth:`position` make of its rows, at a fraction of the cost.
        """
        told: tuple[int, int, OrderBlock[OrderUpdate] | PositionBlock[PositionUpdate]] | None
        told = self._plain_orders.read(frame)
        if told is None:
            told = self._plain_positions.read(frame)
            if told is None:
                return None
        created_ms, dropped, updates = told
        self.dropped += dropped
        return created_ms, updates

    def order(self, row: OrderRow) -> OrderUpdate | None:
        """One order row, or None if it is not about us."""
        instrument = self._instrument(row.symbol, row.category)
        if instrument is None:
            return None
        status, is_final = _STATUSES.get(row.order_status, _UNKNOWN)
        if status is OrderStatus.UNKNOWN_STATUS:
            self.unknown_words += 1
        link_id = row.order_link_id or ""
        lots = _lots(instrument, "qty", row.qty)
        if is_final:
            leaves_lots = _NO_LOTS
        elif row.leaves_qty == row.qty:
            # Most orders rest as they were sent: a text that was read need not be read again.
            leaves_lots = lots
        else:
            leaves_lots = _lots(instrument, "leavesQty", row.leaves_qty)
        return OrderUpdate(
            client_id=self.ids.parse(link_id),
            link_id=link_id,
            venue_id=row.order_id,
            instrument=instrument.index,
            side=_side(instrument, row.side),
            status=status,
            price_ticks=_ticks(instrument, "price", row.price),
            lots=lots,
            cum_lots=_lots(instrument, "cumExecQty", row.cum_exec_qty),
            leaves_lots=leaves_lots,
            reject_reason=row.reject_reason or "",
            cancel_type=row.cancel_type or "",
            updated_ms=_ms(row.updated_time),
            reduce_only=bool(row.reduce_only),
        )

    def execution(self, row: ExecutionRow) -> Execution | None:
        """One execution row, or None if it is not about us.

        ``lots`` is what the position moved by: an execution type we do not know moves it, a
        funding payment does not (its ``lots`` and ``value_e8`` are 0, ``fee_e8`` tells it all). No
        more does one of before the lots changed: it need not be a whole number of the new lots,
        and the position that was read after the change contains it.
        """
        instrument = self._instrument(row.symbol, row.category)
        if instrument is None:
            return None
        exec_type = row.exec_type or ""
        exec_ms = _ms(row.exec_time)
        moves = exec_type not in _FEE_ONLY and exec_ms > self._settled_ms.get(row.symbol, -1)
        try:
            value_e8 = product_e8(row.exec_price, row.exec_qty) if moves else QuoteE8(0)
            fee_e8 = e8(row.exec_fee)
        except ValueError:
            raise _fault(instrument, "execPrice or execFee", "a decimal", row.exec_fee) from None
        return Execution(
            client_id=self.ids.parse(row.order_link_id or ""),
            exec_id=row.exec_id,
            venue_id=row.order_id or "",
            instrument=instrument.index,
            side=_side(instrument, row.side),
            price_ticks=_ticks(instrument, "execPrice", row.exec_price),
            lots=_lots(instrument, "execQty", row.exec_qty) if moves else Lots(0),
            value_e8=value_e8,
            fee_e8=fee_e8,
            is_maker=bool(row.is_maker),
            exec_type=exec_type,
            exec_ms=exec_ms,
            seq=_seq(row.seq),
        )

    def position(self, row: PositionRow) -> PositionUpdate | None:
        """One position row, or None if it is not about us.

        Raises RemoteProtocolError for an account in hedge mode, which keeps two positions.
        """
        instrument = self._instrument(row.symbol, row.category)
        if instrument is None:
            return None
        if row.position_idx:
            raise RemoteProtocolError(
                f"position of {row.symbol}: expected one-way mode (positionIdx 0), found "
                f"positionIdx {row.position_idx}; switch the account to one-way mode"
            )
        lots = _lots(instrument, "size", row.size)
        try:
            value_e8 = product_e8(row.entry_price or row.avg_price, row.size)
        except ValueError:
            raise _fault(instrument, "entryPrice", "a decimal", row.entry_price) from None
        sign = 0 if lots == 0 else 1 - 2 * _side(instrument, row.side or "")
        return PositionUpdate(
            instrument=instrument.index,
            lots=SignedLots(sign * lots),
            entry_value_e8=value_e8,
            updated_ms=_ms(row.updated_time),
            seq=_seq(row.seq),
        )

    def wallet(self, row: WalletRow) -> list[WalletUpdate]:
        """The settlement coins of our instruments."""
        updates: list[WalletUpdate] = []
        for coin in row.coin:
            if coin.coin not in self._coins:
                self.dropped += 1
                continue
            try:
                balance_e8, equity_e8 = e8(coin.wallet_balance), e8(coin.equity)
            except ValueError:
                raise RemoteProtocolError(
                    f"wallet coin {coin.coin}: expected decimals, found walletBalance "
                    f"{coin.wallet_balance!r:.40} and equity {coin.equity!r:.40}"
                ) from None
            updates.append(WalletUpdate(coin=coin.coin, balance_e8=balance_e8, equity_e8=equity_e8))
        return updates

    def _instrument(self, symbol: str, category: str) -> Instrument | None:
        # Spot and linear share symbol names, so the category decides where a row tells it.
        instrument = self._instruments.get(symbol)
        if instrument is None:
            self.dropped += 1
            return None
        if category and category != self._category_text:
            if category not in _CATEGORIES:
                # It may well be about us, under a new name: whoever reads the account instead
                # asks for our category, and is answered with rows that are.
                raise _fault(instrument, "category", "one of the documented ones", category)
            self.dropped += 1
            return None
        return instrument


def _side(instrument: Instrument, word: str) -> Side:
    side = _SIDES.get(word)
    if side is None:
        raise _fault(instrument, "side", "Buy or Sell", word)
    return side


def _lots(instrument: Instrument, field: str, text: Text) -> Lots:
    if not text or text == "0":
        return _NO_LOTS
    try:
        lots = fixed.parse_grid(text, instrument.step_decimals, instrument.step_units)
    except (ValueError, OverflowError):
        lots = -1
    if lots < 0:
        # Never rounded: a position that is off by a fraction would never be noticed. Filters
        # that changed meanwhile are the likely cause, and reading them again the cure.
        raise _fault(instrument, field, "a whole number of quantity steps", text)
    return Lots(lots)


def _ticks(instrument: Instrument, field: str, text: Text) -> Ticks:
    """Price in ticks; to the nearest tick where the venue itself leaves its grid (settlement
    and liquidation prices), since the exact value is carried in money."""
    if not text:
        return Ticks(0)
    try:
        return Ticks(fixed.parse_grid(text, instrument.tick_decimals, instrument.tick_units))
    except (ValueError, OverflowError):
        pass
    try:
        units, decimals = exact(text)
        ticks = units * pow10(instrument.tick_decimals)
        return Ticks(bounded(round_div(ticks, instrument.tick_units * pow10(decimals))))
    except ValueError:
        raise _fault(instrument, field, "a decimal", text) from None


def _ms(text: Text) -> Ms:
    """Venue time; 0 when it is not told."""
    if not text or len(text) > _MAX_MS_DIGITS or not (text.isascii() and text.isdigit()):
        return _NO_TIME
    return Ms(int(text))


def _seq(value: int | Text) -> int:
    """Sequence number; -1 when it is not told (the venue writes "-1" itself)."""
    if not isinstance(value, int):
        digits = value or ""
        value = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else -1
    return value if -1 <= value < _SEQ_LIMIT else -1


def _fault(instrument: Instrument, field: str, expected: str, found: object) -> RemoteProtocolError:
    return RemoteProtocolError(
        f"row of {instrument.symbol}: {field} expected {expected}, found {found!r:.40}"
    )
