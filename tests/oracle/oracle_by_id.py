"""The slow twins of mmfast._core.by_id: dictionaries, which keep the order of what was put."""

from __future__ import annotations


class IdTable:
    def __init__(self):
        self._values = {}

    def __len__(self):
        return len(self._values)

    def get(self, client_id):
        return self._values.get(client_id)

    def holds(self, client_id):
        return client_id in self._values

    def put(self, client_id, value):
        self._values[client_id] = value
        return 0

    def pop(self, client_id):
        return self._values.pop(client_id, None)

    def values(self):
        return list(self._values.values())


class IdMemory:
    """What is forgotten on request keeps its turn: when that comes, nothing else has to go."""

    def __init__(self, limit):
        self._limit = limit
        self._turns = []
        self._values = {}

    def __len__(self):
        return len(self._values)

    def get(self, client_id, absent):
        return self._values.get(client_id, (None, absent))[1]

    def holds(self, client_id):
        return client_id in self._values

    def put(self, client_id, value):
        if client_id in self._values:
            self._values[client_id] = (self._values[client_id][0], value)
            return 0
        turn = object()
        if len(self._turns) == self._limit:
            oldest, its_turn = self._turns.pop(0)
            if oldest in self._values and self._values[oldest][0] is its_turn:
                del self._values[oldest]
        self._turns.append((client_id, turn))
        self._values[client_id] = (turn, value)
        return 0

    def forget(self, client_id):
        return self._values.pop(client_id, None) is not None
