"""What this core was built as."""

from typing import Final

BUILD: Final[str]
"""release, debug, trace or sanitize."""
VERSION: Final[str]
"""Package version the core was built from; must equal ``mmfast.__version__``."""
