"""The embedded venue: a strict Bybit v5 stand-in on loopback.

The exchange itself (:mod:`mmfast.sim.venue`) is sans-IO and runs on the time it is given;
:mod:`mmfast.sim.server` is the thin shell that puts it on real sockets. It never imports
``mmfast.engine``: a venue that shared the engine's code would share its mistakes.
"""
