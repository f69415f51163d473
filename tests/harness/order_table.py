"""The order table as Markdown, printed from the code into docs/architecture.md.

``python tests/harness/order_table.py`` (or ``make docs``) writes it; a test compares.
"""

from __future__ import annotations

from pathlib import Path

from mmfast.engine.order_states import FIRST_FINAL, TRANSITIONS, Event, State

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "architecture.md"
BEGIN = "<!-- order table: printed by `make docs` -->\n"
END = "<!-- end of order table -->\n"


def table() -> str:
    """Rows are states, columns events; a cell is the state that follows, `·` the same state,
    empty a pair that must not happen."""
    events = list(Event)
    lines = [
        "| state \\ event | " + " | ".join(event.name for event in events) + " |",
        "|---" * (len(events) + 1) + "|",
    ]
    for state in State:
        if state >= FIRST_FINAL:
            continue
        cells = []
        for event in events:
            after = TRANSITIONS.get((state, event))
            cells.append("" if after is None else "·" if after is state else after.name)
        lines.append(f"| **{state.name}** | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def inserted(text: str) -> str:
    """The document with the table as the code has it."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return head + BEGIN + table() + END + tail


if __name__ == "__main__":
    DOCUMENT.write_text(inserted(DOCUMENT.read_text()))
