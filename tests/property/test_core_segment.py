"""Messages joined for one write are the frames that the twin writes one by one."""

from __future__ import annotations

import oracle_segment
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfast._core.segment import segment

EDGES = st.sampled_from([0, 1, 7, 8, 9, 125, 126, 127, 65_535, 65_536])
MESSAGES = st.lists(st.one_of(st.binary(max_size=40), EDGES.map(lambda size: b"ab3" * size)))


@given(MESSAGES.map(lambda texts: texts[:4]), st.binary(min_size=16, max_size=16))
def test_frames_are_those_of_the_twin(messages, keys):
    keys = keys[: 4 * len(messages)]
    assert segment(messages, keys) == oracle_segment.segment(messages, keys)


@pytest.mark.parametrize("size", [125, 126, 65_535, 65_536])
def test_the_size_is_told_in_as_many_bytes_as_it_takes(size):
    message = bytes(range(256)) * (size // 256) + bytes(size % 256)
    assert segment([message], b"\x01\x02\x03\xff") == oracle_segment.segment(
        [message], b"\x01\x02\x03\xff"
    )


def test_every_message_needs_a_key():
    with pytest.raises(ValueError, match="expected 8 bytes, found 4"):
        segment([b"a", b"b"], b"1234")
    for wrong in ("a", None):
        with pytest.raises(TypeError):
            segment([wrong], b"1234")
