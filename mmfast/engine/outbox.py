"""What the engine wants of the shell: requests, collected until they are taken."""

from __future__ import annotations

from mmfast.messages import (
    Alert,
    Instrument,
    InstrumentChange,
    Mode,
    ModeChange,
    ReadAccount,
    Request,
    ResolveOrder,
    Resubscribe,
    Severity,
)
from mmfast.units import ClientId, InstrumentIndex, Ns


class Outbox:
    """Requests in the order they arose. Alerts are edge-triggered by key, so no fault floods."""

    __slots__ = ("_raised", "_requests")

    def __init__(self) -> None:
        self._requests: list[Request] = []
        self._raised: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._requests)

    def take(self) -> list[Request]:
        """Hand over everything collected so far."""
        requests, self._requests = self._requests, []
        return requests

    def resolve(self, client_id: int, instrument: int, sent_ns: int) -> None:
        """Ask how an order stands."""
        self._requests.append(
            ResolveOrder(ClientId(client_id), InstrumentIndex(instrument), Ns(sent_ns))
        )

    def read_account(self, reason: str) -> None:
        """Ask for the whole account; asked twice before it is taken counts once."""
        if not any(isinstance(request, ReadAccount) for request in self._requests):
            self._requests.append(ReadAccount(reason))

    def resubscribe(self, instrument: int, reason: str) -> None:
        """Ask for a book stream to start anew."""
        self._requests.append(Resubscribe(InstrumentIndex(instrument), reason))

    def renew_units(self, instrument: Instrument) -> None:
        """Ask the shell to change an instrument over to its new units."""
        self._requests.append(InstrumentChange(instrument))

    def alert(self, severity: Severity, code: str, text: str) -> None:
        """Tell the operator, each time."""
        self._requests.append(Alert(severity, code, text))

    def halt(self, reason: str) -> None:
        """Ask for a halt that only a human ends."""
        self._requests.append(ModeChange(Mode.HALTED, reason))

    def raise_once(self, key: str, severity: Severity, code: str, text: str) -> None:
        """Tell the operator when a condition begins; silent until :meth:`lower` ends it."""
        if key not in self._raised:
            self._raised[key] = None
            self.alert(severity, code, text)

    def lower(self, key: str) -> bool:
        """The condition is over; True when it had been raised."""
        if key in self._raised:
            del self._raised[key]
            return True
        return False
