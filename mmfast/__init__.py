"""mmfast: an execution engine for market makers on Bybit v5.

Start reading at ``docs/architecture.md``; the flow of data is the folder tree.
"""

__version__ = "0.1.0"
