"""How the judge of the simulation reads what comes to the engine."""

from __future__ import annotations

import pytest

from mmfast.simtest.reading import reply_name


@pytest.mark.parametrize(
    ("frame", "name"),
    [
        (b'{"reqId":"7481001-42","retCode":0}', "7481001-42"),
        (b'{"reqId":"7481001-4', ""),
        (b'{"reqId":"', ""),
        (b'{"op":"pong"}', ""),
    ],
)
def test_a_frame_that_was_cut_within_its_name_answers_nobody(frame: bytes, name: str) -> None:
    assert reply_name(frame) == name
