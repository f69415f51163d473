"""The C limits: the same work from plain structs, compiled for this machine and timed inside C.

The library is built once per change of its sources, into ``build/limits``. Each function takes
the input that the core gets, and returns nanoseconds per unit beside what it made, so that the
two results can be compared before their times are.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build" / "limits"
FLAGS = ("-O3", "-march=native", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror")
#: Ticks that the ring of the limit can hold.
WINDOW = 4096


@functools.cache
def library() -> ctypes.CDLL:
    """The compiled limits. RuntimeError with the compiler's words if they do not compile."""
    sources = sorted(HERE.glob("*.c"))
    stamp = hashlib.sha256(platform.machine().encode() + repr(FLAGS).encode())
    for path in [*sources, *sorted(HERE.glob("*.h"))]:
        stamp.update(path.read_bytes())
    target = BUILD / f"limits-{stamp.hexdigest()[:16]}.so"
    if not target.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        # Two runs at once must not load each other's half-written file.
        fresh = target.with_suffix(f".{os.getpid()}")
        command = [os.environ.get("CC", "cc"), *FLAGS, *map(str, sources), "-o", str(fresh)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the C limits need a C compiler: {command}\n{done.stderr}")
        fresh.replace(target)
    loaded = ctypes.CDLL(str(target))
    timed = ("limit_sign", "limit_sign_two", "limit_request", "limit_book", "limit_tick")
    for name in (*timed, "limit_engine_run"):
        getattr(loaded, name).restype = ctypes.c_double
    return loaded


def sign(secret: bytes, message: bytes, number: int) -> tuple[float, str]:
    """Nanoseconds per signature, and the signature."""
    out = ctypes.create_string_buffer(64)
    size = ctypes.c_size_t
    took = library().limit_sign(secret, size(len(secret)), message, size(len(message)), number, out)
    return took, out.raw.decode()


def sign_two(secret: bytes, one: bytes, two: bytes, number: int) -> tuple[float, tuple[str, str]]:
    """Nanoseconds per signature of two messages of one size hashed side by side."""
    out = ctypes.create_string_buffer(128)
    size = ctypes.c_size_t
    took = library().limit_sign_two(
        secret, size(len(secret)), one, two, size(len(one)), number, out
    )
    text = out.raw.decode()
    return took, (text[:64], text[64:])


class _Order(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_int64) for name in ("side", "price_ticks", "lots", "client_id")
    )


class _Command(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_int64)
        for name in ("op", "slot", "flags", "price_ticks", "lots", "client_id")
    )


class Request:
    """A batch of one operation on one instrument with one and three decimals: post-only creates
    (2), amends of price and size (1), or cancels (0).

    ``orders`` are (side, price_ticks, lots, client_id).
    """

    FRONT = b'{"category":"linear","request":['
    NATURE = b'"side":"%s","orderType":"Limit","timeInForce":"PostOnly","positionIdx":0,'

    def __init__(
        self,
        op: int,
        secret: bytes,
        middle: bytes,
        head: str,
        orders: Sequence[tuple[int, int, int, int]],
    ) -> None:
        self._secret, self._middle, self._terms = secret, middle, int(op != 0)
        nature = self.NATURE if op == 2 else b""
        self._item = b'{"symbol":"BTCUSDT",' + nature + b'"orderLinkId":"' + head.encode()
        self._orders = (_Order * len(orders))(*orders)
        self._out = ctypes.create_string_buffer(512 * len(orders) + 512)
        self._head = ctypes.create_string_buffer(1024)

    def run(self, time_ms: int, number: int, *, sign: bool = True) -> tuple[float, bytes, bytes]:
        """Nanoseconds per request, its body and its HTTP head (without ``sign`` body only)."""
        size = ctypes.c_size_t()
        took = library().limit_request(
            self._secret,
            ctypes.c_size_t(len(self._secret)),
            self._item,
            self.FRONT,
            self._orders,
            len(self._orders),
            ctypes.c_uint64(time_ms),
            self._middle,
            self._terms,
            int(sign),
            number,
            self._out,
            self._head,
            ctypes.byref(size),
        )
        start = 13 + len(self._middle)
        return took, self._out.raw[start : start + size.value], self._head.value


class Frames:
    """Book frames of one shape: compact, ``type`` before ``ts``, with ``cts``.

    ``low`` is the lowest price that the ring can hold; it spans WINDOW ticks.
    """

    def __init__(self, frames: Sequence[bytes], symbol: str, decimals: tuple[int, int], low: int):
        self._text = b"".join(frames) + bytes(64)
        offsets = [0]
        for frame in frames:
            offsets.append(offsets[-1] + len(frame))
        self._offsets = (ctypes.c_int64 * len(offsets))(*offsets)
        self._count, self._symbol, self._decimals = len(frames), symbol, decimals
        self._head = frames[0].index(b'"type":"') + 8
        self._low = low

    def run(self, number: int, *, ring: bool) -> tuple[float, tuple[int, ...]]:
        """Nanoseconds per frame; best bid and ask with sizes, and the sum of all bests."""
        out = (ctypes.c_int64 * 5)()
        took = library().limit_book(
            self._text,
            self._offsets,
            self._count,
            len(self._symbol),
            self._head,
            *self._decimals,
            ctypes.c_int64(self._low),
            int(ring),
            number,
            out,
        )
        return took, tuple(out)


class Intents:
    """Cancels and places put into slots and drained; a slot has a cancel, a place or both."""

    def __init__(self, commands: Sequence[tuple[int, int, int, int, int, int]], slots: int) -> None:
        self._commands = (_Command * len(commands))(*commands)
        self._out = (_Command * len(commands))()
        self._slots = slots

    def run(self, number: int) -> tuple[float, float, list[tuple[int, ...]]]:
        """Nanoseconds per command of put and of drain, and what the drain gave."""
        took = (ctypes.c_double * 2)()
        count = library().limit_coalesce(
            self._commands, len(self._commands), self._slots, number, self._out, took
        )
        drained = [
            tuple(getattr(row, name) for name, _ in _Command._fields_) for row in self._out[:count]
        ]
        return took[0], took[1], drained
