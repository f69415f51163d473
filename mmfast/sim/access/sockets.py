"""Which websockets are open, and of what kind."""

from __future__ import annotations

from typing import Final

PUBLIC: Final = "public"
PRIVATE: Final = "private"
TRADE: Final = "trade"
KINDS: Final = (PUBLIC, PRIVATE, TRADE)

_PUBLIC_PATHS: Final = "/v5/public/"
_PATHS: Final = {"/v5/private": PRIVATE, "/v5/trade": TRADE}
_STATUS_PATH: Final = "/v5/public/misc/status"


def kind_of(path: str) -> str:
    """The kind of socket at a path (its ``?query`` may follow).

    Empty where there is none, and for the status socket, which must work when others do not.
    """
    plain = path.partition("?")[0]
    if plain == _STATUS_PATH:
        return ""
    return PUBLIC if plain.startswith(_PUBLIC_PATHS) else _PATHS.get(plain, "")


class Sockets:
    """All open websockets of one venue."""

    __slots__ = ("_kinds",)

    def __init__(self) -> None:
        self._kinds: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._kinds)

    def open(self, conn_id: int, path: str) -> None:
        """A websocket was opened."""
        self._kinds[conn_id] = kind_of(path)

    def close(self, conn_id: int) -> None:
        """It is gone."""
        self._kinds.pop(conn_id, None)

    def kind(self, conn_id: int) -> str:
        """The kind of an open one; empty when it is not open."""
        return self._kinds.get(conn_id, "")

    def connections(self, kind: str) -> list[int]:
        """Connections of one kind, oldest first."""
        return [conn_id for conn_id, one in self._kinds.items() if one == kind]
