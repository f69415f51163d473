"""Sans-IO decisions: market state, quotes, differences, risk, plans, orders and inventory.

Nothing here opens a socket, awaits, reads a clock, draws a random number or writes a log.
The only door is :class:`mmfast.engine.kernel.Kernel`; each room below says in its first line
what it decides, and docs/architecture.md which stands above which.

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
    "account.account",
    "account.blocks",
    "account.other_hand",
    "account.outcomes",
    "counters",
    "kernel",
    "market.drift",
    "market.market",
    "orders.doubts",
    "orders.draft",
    "orders.endings",
    "orders.evidence",
    "orders.inventory",
    "orders.memory",
    "orders.open_sums",
    "orders.order",
    "orders.order_states",
    "orders.orders",
    "orders.strays",
    "planning.bucket",
    "planning.dispatch",
    "planning.planner",
    "planning.ranking",
    "planning.worth",
    "quoting.bus",
    "quoting.differ",
    "quoting.quoter",
    "quoting.terms",
    "risk.exposure",
    "risk.holds",
    "risk.losses",
    "risk.permits",
    "risk.risk",
    "rotation",
)
"""Modules that are never run from source unless that was asked for."""
INTERPRETED: Final = sys._xoptions.get("mmfast_engine") == "interpreted"


def choose(package: str, folder: str, compiled: tuple[str, ...]) -> None:
    """Compiled code or, if that was asked for, none of it; never a slow part in silence."""
    if INTERPRETED:
        for home in (_home(folder, name) for name in compiled):
            sys.path_importer_cache[home] = FileFinder(home, (SourceFileLoader, SOURCE_SUFFIXES))
        return
    for name in compiled:
        found = PathFinder.find_spec(f"{package}.{name}", [_home(folder, name)])
        if found is None or not isinstance(found.loader, ExtensionFileLoader):
            raise ImportError(
                f"{package}.{name}: expected compiled code, found "
                f"{found.origin if found else 'nothing'}; build it with `pip install -e .`, or "
                "run python -X mmfast_engine=interpreted for the slow twin of the tests"
            )


def _home(folder: str, name: str) -> str:
    """Where a module lies that is named by its rooms."""
    return "/".join((folder, *name.split(".")[:-1]))


choose(__name__, __path__[0], COMPILED)
