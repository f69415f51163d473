"""Compiled core: compute only, integers and bytes in and out.

There is no slower stand-in: if an extension is missing the import fails here, with what to do.
``BUILD`` names the build mode; only ``release`` may trade real money.
"""

from __future__ import annotations

try:
    from mmfast._core import (
        acks,
        book,
        by_id,
        coalesce,
        encode,
        fixed,
        positions,
        rows,
        segment,
        sign,
        tuples,
        wide,
    )
    from mmfast._core._build import BUILD, VERSION
except ImportError as error:  # pragma: no cover - needs a broken installation
    raise ImportError(
        "mmfast's compiled core is missing or broken; there is no slow fallback. "
        "Install a C compiler and run `pip install .` in the project, then try again. "
        f"Cause: {error}"
    ) from error

__all__ = [
    "BUILD",
    "VERSION",
    "acks",
    "book",
    "by_id",
    "coalesce",
    "encode",
    "fixed",
    "positions",
    "rows",
    "segment",
    "sign",
    "tuples",
    "wide",
]
