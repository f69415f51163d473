"""Modes: may we trade at all? What the operator asked for, and what the streams allow."""

from __future__ import annotations

from typing import Final

from mmfast.messages import Mode

STARTING: Final = "starting"
STREAM_DOWN: Final = "private stream down"
NO_WAY_OUT: Final = "no way out for orders"
READING: Final = "reading the account"
LEFTOVERS: Final = "cancelling leftovers of an earlier run"

_STOPPED: Final = (Mode.DRAINING, Mode.HALTED)


class Gate:
    """SYNCING until the private stream is up, an account reading begun after that was merged,
    no leftovers are open, and orders have a way out; then the mode the operator wishes. DRAINING
    and HALTED hold whatever the streams do, until the operator wishes to trade again."""

    __slots__ = (
        "_asked_ns",
        "_leftovers",
        "_passed",
        "_private_up_ns",
        "_wish",
        "_wish_reason",
        "private_up",
        "trade_up",
    )

    def __init__(self) -> None:
        self._wish = Mode.TRADING
        self._wish_reason = ""
        self._private_up_ns = -1
        self._asked_ns = -1
        self._leftovers = True
        self._passed = False
        self.private_up = False
        self.trade_up = True
        """Orders have a way out, by whatever transport; so it is until somebody says otherwise."""

    def private_stream(self, up: bool, now_ns: int) -> None:
        """The private stream became usable, or was lost."""
        self.private_up = up
        self._passed = False
        if up:
            self._private_up_ns = now_ns

    def account_read(self, asked_ns: int) -> bool:
        """A snapshot was merged; False when it began too early to be trusted."""
        self._asked_ns = max(self._asked_ns, asked_ns)
        return self.private_up and asked_ns >= self._private_up_ns

    def wish(self, mode: Mode, reason: str, now_ns: int) -> None:
        """The operator's wish. SYNCING asks for the account to be proved once more."""
        if mode is Mode.SYNCING:
            self._private_up_ns = now_ns
            self._passed = False
            return
        self._wish = mode
        self._wish_reason = reason

    def refresh(self, leftovers: bool) -> Mode:
        """The mode that holds now. ``leftovers``: adopted orders are open. They bar the way
        out of SYNCING, but one that turns up later does not lead back into it."""
        self._leftovers = leftovers
        self._passed = not self._obstacle()
        return self.mode

    @property
    def mode(self) -> Mode:
        """What holds now."""
        if self._wish in _STOPPED:
            return self._wish
        return Mode.SYNCING if self._obstacle() else self._wish

    @property
    def reason(self) -> str:
        """Why it holds; empty for plain trading."""
        if self._wish in _STOPPED:
            return self._wish_reason
        return self._obstacle() or self._wish_reason

    def _obstacle(self) -> str:
        if not self.private_up:
            return STARTING if self._private_up_ns < 0 else STREAM_DOWN
        if self._asked_ns < self._private_up_ns:
            return READING
        if not self.trade_up:
            return NO_WAY_OUT
        return LEFTOVERS if self._leftovers and not self._passed else ""
