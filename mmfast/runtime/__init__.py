"""The asyncio shell: performs the work that the pure parts return.

What happens for every command is compiled from its source, as the engine is.
"""

from typing import Final

from mmfast.engine import choose

COMPILED: Final = ("durations",)
"""Modules that are never run from source unless that was asked for."""

choose(__name__, __path__[0], COMPILED)
