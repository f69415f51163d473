"""The order table and the races as Markdown, printed from the code into docs/architecture.md.

``python tests/harness/order_table.py`` (or ``make docs``) writes it; a test compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mmfast.engine.orders.order_states import FIRST_FINAL, TRANSITIONS, Event, State

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ROOT / "tests" / "unit" / "engine"
sys.path[:0] = [str(ENGINE), str(ENGINE / "orders")]

from order_story import Act, Answer, Step, Told, Trade  # noqa: E402
from test_order_races import RACES  # noqa: E402

DOCUMENT = ROOT / "docs" / "architecture.md"
BEGIN = "<!-- {name}: printed by `make docs` -->\n"
END = "<!-- end of {name} -->\n"


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


def races() -> str:
    """Each race with what we did before, what may be told in any order, and how it must end."""
    lines = [
        "| Race | before | in any order, each any number of times | the end |",
        "|---|---|---|---|",
    ]
    for name, story in RACES.items():
        before = ", ".join(map(_words, story.before))
        news = ", ".join(map(_words, story.news))
        lines.append(f"| {name} | {before} | {news} | {story.end.name}, {story.bought} filled |")
    return "\n".join(lines) + "\n"


def _words(step: Step) -> str:
    if isinstance(step, Act):
        return f"we {step.op.name.lower()}"
    if isinstance(step, Answer):
        return f"reply {step.outcome.name}"
    if isinstance(step, Trade):
        return f"trade of {step.lots}"
    assert isinstance(step, Told)
    return f"report {step.status.name}" + f" ({step.cum})" * bool(step.cum)


def inserted(text: str) -> str:
    """The document with both tables as the code has them."""
    for name, printed in (("order table", table()), ("races", races())):
        head, _, rest = text.partition(BEGIN.format(name=name))
        _, _, tail = rest.partition(END.format(name=name))
        text = head + BEGIN.format(name=name) + printed + END.format(name=name) + tail
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(inserted(DOCUMENT.read_text()))
