"""The slow twin of mmfast._core.segment: a frame after the other, a byte after the other."""

from __future__ import annotations


def segment(messages: list[bytes], keys: bytes) -> bytes:
    made = b""
    for number, message in enumerate(messages):
        key = keys[4 * number : 4 * number + 4]
        size = len(message)
        if size < 126:
            head = bytes((0x81, 0x80 | size))
        elif size < 1 << 16:
            head = b"\x81\xfe" + size.to_bytes(2, "big")
        else:
            head = b"\x81\xff" + size.to_bytes(8, "big")
        made += head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(message))
    return made
