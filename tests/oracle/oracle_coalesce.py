"""The obvious twin of mmfast._core.coalesce: a dictionary of slots and the table of rules."""

from __future__ import annotations

CANCEL, AMEND, PLACE = 0, 1, 2
REDUCE_ONLY, IOC, URGENT, AMEND_BOTH = 2, 4, 8, 48
_NOT_AMENDABLE = REDUCE_ONLY | IOC
FLAGS_LIMIT = 65_535


def _integers(*values):
    """What the table stores are 64-bit integers."""
    for value in values:
        if not isinstance(value, int):
            raise TypeError("not an int")
        if not -(2**63) <= value < 2**63:
            raise OverflowError("not a 64-bit integer")


class IntentTable:
    """Per slot a list of the commands it holds: none, one, or a cancel and a place.

    A dictionary keeps insertion order, which is the order the slots first became wanted.
    """

    def __init__(self, slots, amend_replaces=False):
        if not 0 < slots <= 4_194_304:
            raise ValueError("slots")
        self.slots = slots
        self.amend_replaces = amend_replaces
        self.saved = 0
        self.wanted: dict[int, list[tuple]] = {}

    def __len__(self):
        return sum(len(held) for held in self.wanted.values())

    def set_amend_replaces(self, value):
        self.amend_replaces = bool(value)

    def put(self, op, slot, flags, price_ticks, lots, client_id):
        _integers(op, slot, flags, price_ticks, lots, client_id)
        if op not in (CANCEL, AMEND, PLACE):
            raise ValueError("op")
        if not 0 <= slot < self.slots:
            raise ValueError("slot")
        if not 0 <= flags <= FLAGS_LIMIT:
            raise ValueError("flags")
        held = self.wanted.get(slot, [])
        newer = (op, slot, flags, price_ticks, lots, client_id)
        result = self._merge(held, newer)
        if any(command[2] & URGENT for command in [*held, newer]):
            result = [_with_flags(command, command[2] | URGENT) for command in result]
        if len(result) == 2:
            # Both halves of a replace show the urgency of the cell.
            urgent = (result[0][2] | result[1][2]) & URGENT
            result = [_with_flags(command, command[2] | urgent) for command in result]
        saved = len(held) + 1 - len(result)
        self.saved += saved
        if result:
            self.wanted[slot] = result
        else:
            self.wanted.pop(slot, None)
        return saved

    def put_fields(self, *fields):
        return self.put(*fields)

    def open_drain(self, op, limit):
        if op not in (CANCEL, AMEND, PLACE):
            raise ValueError("op")
        limits = [limit if op == other else 0 for other in (CANCEL, AMEND, PLACE)]
        # What a put or a clear in between does to it, the rules do not say.
        self.taking = iter(self.drain(*limits))

    def take(self):
        taken = next(self.taking, None)
        if taken is not None:
            self._take(taken)
        return taken is not None

    def _take(self, command):
        (
            self.taken_op,
            self.taken_slot,
            self.taken_flags,
            self.taken_price_ticks,
            self.taken_lots,
            self.taken_client_id,
        ) = command

    def _check_slot(self, slot):
        if not 0 <= slot < self.slots:
            raise ValueError("slot")

    def take_at(self, op, slot):
        self._check_slot(slot)
        if op not in (CANCEL, AMEND, PLACE):
            raise ValueError("op")
        held = self.wanted.get(slot, [])
        if not held or held[0][0] != op:
            return False
        self._take(held.pop(0))
        if not held:
            del self.wanted[slot]
        return True

    def split(self, slot, flags, client_id):
        self._check_slot(slot)
        if not 0 <= flags <= FLAGS_LIMIT:
            raise ValueError("flags")
        held = self.wanted.get(slot, [])
        if len(held) != 1 or held[0][0] != AMEND:
            return False
        _, _, was, price_ticks, lots, resting = held[0]
        urgent = was & URGENT
        held[:] = [
            (CANCEL, slot, urgent, 0, 0, resting),
            (PLACE, slot, flags | urgent, price_ticks, lots, client_id),
        ]
        if flags & URGENT:
            held[0] = _with_flags(held[0], URGENT)
        return True

    def urgent_cancels(self):
        rows = [command for held in self.wanted.values() for command in held]
        return sum(command[0] == CANCEL and command[2] & URGENT != 0 for command in rows)

    def held_slots(self):
        return list(self.wanted)

    def _merge(self, held, newer):
        op = newer[0]
        kind = tuple(command[0] for command in held)
        if kind == ():
            return [newer]
        if op == PLACE:
            return self._merge_place(kind, held, newer)
        if op == AMEND:
            if kind == (CANCEL,):
                return [newer]
            if kind == (AMEND,):
                return [_with_flags(newer, newer[2] | held[0][2])]
            place = held[-1]
            return [*held[:-1], (*place[:3], newer[3], newer[4], place[5])]
        if kind == (PLACE,):
            return []
        if kind == (AMEND,):
            return [newer]
        if kind == (CANCEL,):
            return held
        return [(*newer[:5], held[0][5])]

    def _merge_place(self, kind, held, newer):
        if kind == (PLACE,):
            return [newer]
        resting = held[0][5]
        amends = kind == (AMEND,) or (kind == (CANCEL,) and self.amend_replaces)
        if amends and not newer[2] & _NOT_AMENDABLE:
            return [(AMEND, newer[1], AMEND_BOTH, newer[3], newer[4], resting)]
        return [(CANCEL, newer[1], 0, 0, 0, resting), newer]

    def clear(self, slot):
        _integers(slot)
        if not 0 <= slot < self.slots:
            raise ValueError("slot")
        return len(self.wanted.pop(slot, []))

    def clear_all(self):
        dropped = len(self)
        self.wanted.clear()
        return dropped

    def peek(self, slot):
        _integers(slot)
        if not 0 <= slot < self.slots:
            raise ValueError("slot")
        return tuple(self.wanted.get(slot, []))

    def count(self, op):
        _integers(op)
        if op not in (CANCEL, AMEND, PLACE):
            raise ValueError("op")
        return sum(command[0] == op for held in self.wanted.values() for command in held)

    def drain(self, max_cancels, max_amends, max_places):
        _integers(max_cancels, max_amends, max_places)
        out = []
        for op, limit in ((CANCEL, max_cancels), (AMEND, max_amends), (PLACE, max_places)):
            # Only the first command of a slot may go: a replace's place waits for its cancel.
            ready = [held[0] for held in self.wanted.values() if held[0][0] == op]
            ready.sort(key=lambda command: not command[2] & URGENT)
            for command in ready[: max(limit, 0)]:
                out.append(command)
                held = self.wanted[command[1]]
                held.pop(0)
                if not held:
                    del self.wanted[command[1]]
        return out


def _with_flags(command, flags):
    return (*command[:2], flags, *command[3:])
