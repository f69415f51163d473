"""Sans-IO decisions: market state, quotes, differences, risk, plans, orders and inventory.

Nothing here opens a socket, awaits, reads a clock, draws a random number or writes a log.
The only door is :class:`mmfast.engine.kernel.Kernel`.
"""
