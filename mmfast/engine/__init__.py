"""Sans-IO decisions: market state, quotes, differences, risk, plans, orders and inventory.

Nothing here opens a socket, awaits, reads a clock, draws a random number or writes a log.
The only door is :class:`mmfast.engine.kernel.Kernel`.

What a tick runs through is compiled from these very sources; the ``.pxd`` beside a module holds
its C types and nothing else. ``python -X mmfast_engine=interpreted`` runs the sources as plain
Python instead: slow, for a debugger and as the twin that tests compare with.
"""

import sys
from importlib.machinery import (
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    PathFinder,
    SourceFileLoader,
)
from typing import Final

COMPILED: Final = (
    "account",
    "blocks",
    "bucket",
    "bus",
    "counters",
    "differ",
    "dispatch",
    "draft",
    "doubts",
    "drift",
    "endings",
    "evidence",
    "exposure",
    "holds",
    "inventory",
    "kernel",
    "losses",
    "market",
    "memory",
    "open_sums",
    "order",
    "order_states",
    "orders",
    "other_hand",
    "outcomes",
    "permits",
    "planner",
    "quoter",
    "ranking",
    "risk",
    "rotation",
    "strays",
    "terms",
    "worth",
)
"""Modules that are never run from source unless that was asked for."""
INTERPRETED: Final = sys._xoptions.get("mmfast_engine") == "interpreted"


def choose(package: str, folder: str, compiled: tuple[str, ...]) -> None:
    """Compiled code or, if that was asked for, none of it; never a slow part in silence."""
    if INTERPRETED:
        sys.path_importer_cache[folder] = FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES))
        return
    for name in compiled:
        found = PathFinder.find_spec(f"{package}.{name}", [folder])
        if found is None or not isinstance(found.loader, ExtensionFileLoader):
            raise ImportError(
                f"{package}.{name}: expected compiled code, found "
                f"{found.origin if found else 'nothing'}; build it with `pip install -e .`, or "
                "run python -X mmfast_engine=interpreted for the slow twin of the tests"
            )


choose(__name__, __path__[0], COMPILED)
