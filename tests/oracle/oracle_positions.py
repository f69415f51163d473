"""The slow twin of mmfast._core.positions: what it shares with orders is in their twin."""

from __future__ import annotations

from fractions import Fraction

from oracle_rows import DECIMAL, OrderRows, steps


class PositionRows(OrderRows):
    """Same surface as the compiled reader of positions."""

    def __init__(self, category, make, fields):
        super().__init__(category, "", make, fields, (1, -1), {})
        self._root = "position"

    def _event(self, row):
        index, _, step = self._markets[row["symbol"]]
        if row.get("positionIdx", 0) != 0:
            raise ValueError("hedge mode")
        size, price = row["size"], row.get("entryPrice") or row.get("avgPrice") or ""
        lots = steps(size, step)
        exact = Fraction(_number(price)) * Fraction(_number(size)) if price and size else 0
        value_e8 = int(exact * 10**8 + Fraction(1, 2))
        if value_e8 >= 1 << 63:
            raise ValueError("beyond 64 bits")
        updated, seq = row.get("updatedTime", ""), row.get("seq", -1)
        values = (
            index, lots and lots * self._sides[row["side"]], value_e8,
            int(updated) if updated.isdigit() and len(updated) <= 15 else 0, seq,
        )  # fmt: skip
        return self._make(**dict(zip(self._fields, values, strict=True)))


def _number(text):
    if not DECIMAL.fullmatch(text) or not text[0].isdigit():
        raise ValueError(f"not a plain decimal: {text!r}")
    return f"{text}0" if "." in text else text
