"""Signatures equal the published vectors and the standard library, and the secret stays in."""

from __future__ import annotations

import copy
import gc
import hashlib
import hmac
import os
import pickle
import random
import subprocess
import sys

import oracle_sign
import pytest

from mmfast._core import sign

KEY, SECRET = "test_api_key", "test_secret"

LONG_MESSAGE = (
    b"This is a test using a larger than block-size key and a larger than block-size data. "
    b"The key needs to be hashed before being used by the HMAC algorithm."
)

# RFC 4231: key, message, digest (the long-key cases use a 131-byte key).
RFC_4231 = [
    (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    (
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        b"\xaa" * 131,
        LONG_MESSAGE,
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
]


@pytest.fixture(params=["core", "twin"])
def signer(request):
    module = sign if request.param == "core" else oracle_sign
    return module.Signer(KEY, SECRET, 5000)


@pytest.mark.parametrize(
    ("payload", "signature"),
    [
        (
            b"category=linear&symbol=BTCUSDT",
            "fd4f31228a46109dc6673062328693696df9a96c7ff04e6491a45e7f63a0fdd7",
        ),
        (
            b'{"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "test-order-1"}',
            "2df4a0603d69c08d5dea29ba85b46eb7db64ce9e9ebd34a7802a3d69700cb2a1",
        ),
    ],
)
def test_the_venues_request_vectors(signer, payload, signature):
    lines = signer.request_lines(1_700_000_000_000, payload).decode()
    assert lines == (
        f"X-BAPI-API-KEY: {KEY}\r\nX-BAPI-RECV-WINDOW: 5000\r\n"
        f"X-BAPI-TIMESTAMP: 1700000000000\r\nX-BAPI-SIGN: {signature}\r\n"
    )


def test_the_venues_websocket_vector(signer):
    expected = "bacffe7500499eb829bb58c45d36d1b3e5ac67c14eaeba91df5e99ccee013925"
    assert signer.sign(b"GET/realtime1700000000000") == expected


@pytest.mark.parametrize(("key", "message", "digest"), RFC_4231)
@pytest.mark.parametrize("backend", ["portable", "sha-ni"])
def test_rfc_4231_on_every_block_function(probe, backend, key, message, digest):
    if backend not in probe.BACKENDS:
        # Nothing to test is not a pass in silence: this machine must really lack it.
        assert sign.BACKEND == "portable"
        return
    for cut in range(0, len(message) + 1, 7):
        assert probe.hmac(backend, key, message[:cut], message[cut:]).hex() == digest
        pair = probe.hmac_pair(backend, key, message[:cut], message[cut:], message)
        assert pair[0].hex() == digest


def test_every_length_round_the_block_borders_on_every_block_function(probe):
    rng = random.Random(2)
    for backend in probe.BACKENDS:
        for size in range(300):
            secret, body = rng.randbytes(size % 140 + 1), rng.randbytes(size)
            other = rng.randbytes(rng.randrange(400))
            head = rng.randbytes(rng.randrange(150))
            want = hmac.digest(secret, body, "sha256")
            assert probe.hmac(backend, secret, b"", body) == want
            assert probe.hmac(backend, secret, head, body) == hmac.digest(
                secret, head + body, "sha256"
            )
            for front in (b"", head):
                pair = tuple(hmac.digest(secret, front + one, "sha256") for one in (body, other))
                assert probe.hmac_pair(backend, secret, front, body, other) == pair


def test_hex_on_every_block_function(probe):
    for backend in probe.BACKENDS:
        for start in range(0, 256, 8):
            digest = bytes((start + step) % 256 for step in range(32))
            assert probe.hex_text(backend, digest) == digest.hex()


def test_the_wipe_leaves_no_key(probe):
    assert probe.wiped(b"a secret of some length")


def test_the_signer_agrees_with_the_standard_library():
    rng = random.Random(1)
    for size in [*range(200), 1000, 4096, 100_000]:
        secret = "".join(rng.choice("abcXYZ019-_~!") for _ in range(size % 131 + 1))
        window = rng.randint(1, 60_000)
        one, two = sign.Signer(KEY, secret, window), oracle_sign.Signer(KEY, secret, window)
        payload, other = rng.randbytes(size), rng.randbytes(rng.randrange(300))
        assert one.sign(payload) == two.sign(payload)
        assert one.sign_pair(payload, other) == two.sign_pair(payload, other)
        for timestamp in (0, 1_700_000_000_000, 2**63 - 1):
            assert one.request_lines(timestamp, payload) == two.request_lines(timestamp, payload)
            pair = (timestamp, payload, other)
            assert one.request_lines_pair(*pair) == two.request_lines_pair(*pair)


def in_a_process_with(switch, program):
    environment = os.environ | {"MMFAST_SHA256": switch, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-P", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


#: A whole signer, over every length to 300 bytes and keys below, at and above the block size.
SIGN_EVERYTHING = """
import oracle_sign
from mmfast._core import sign

text = "".join(chr(33 + i % 94) for i in range(400))
for size in range(301):
    for key in (1, 63, 64, 65, 200, size % 300 + 1):
        one, two = (module.Signer("key", text[:key], 5000) for module in (sign, oracle_sign))
        body, other = bytes(i * 7 % 256 for i in range(size)), text[: 300 - size].encode()
        for name, arguments in (
            ("sign", (body,)),
            ("sign_pair", (body, other)),
            ("request_lines", (1_700_000_000_000, body)),
            ("request_lines_pair", (1_700_000_000_000, body, other)),
        ):
            assert getattr(one, name)(*arguments) == getattr(two, name)(*arguments), (name, size)
print(sign.BACKEND)
"""


@pytest.mark.parametrize("switch", ["auto", "portable"])
def test_a_whole_signer_on_either_block_function(probe, switch):
    done = in_a_process_with(switch, SIGN_EVERYTHING)
    assert done.returncode == 0, done.stderr
    fastest = "sha-ni" if "sha-ni" in probe.BACKENDS else "portable"
    assert done.stdout.strip() == (fastest if switch == "auto" else "portable")


def test_an_unknown_block_function_is_no_reason_to_guess():
    done = in_a_process_with("avx", "import mmfast._core.sign")
    assert done.returncode != 0
    assert "MMFAST_SHA256: expected auto or portable, found 'avx'" in done.stderr


def test_the_longest_api_key():
    key = "k" * 128
    signer = sign.Signer(key, SECRET, 60_000)
    text = f"{2**63 - 1}{key}60000".encode()
    want = hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
    lines = signer.request_lines(2**63 - 1, b"")
    assert lines.endswith(f"X-BAPI-TIMESTAMP: {2**63 - 1}\r\nX-BAPI-SIGN: {want}\r\n".encode())
    assert lines.startswith(f"X-BAPI-API-KEY: {key}\r\n".encode())
    assert signer.request_lines_pair(2**63 - 1, b"", b"") == (lines, lines)


def test_attributes_are_read_only():
    signer = sign.Signer(KEY, SECRET, 5000)
    assert (signer.api_key, signer.recv_window_ms) == (KEY, 5000)
    for name in ("api_key", "recv_window_ms"):
        with pytest.raises(AttributeError):
            setattr(signer, name, 1)


def test_the_secret_does_not_show():
    signer = sign.Signer(KEY, "sEcReT-0123456789", 5000)
    for text in (repr(signer), str(signer), f"{signer}"):
        assert "sEcReT" not in text
        assert "redacted" in text
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled"):
            attempt(signer)
    assert not [thing for thing in gc.get_referents(signer) if "sEcReT" in repr(thing)]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("", SECRET, 5000), "api_key: expected 1 to 128"),
        (("k" * 129, SECRET, 5000), "api_key: expected 1 to 128"),
        (("k y", SECRET, 5000), "printable ASCII.*position 1"),
        ((KEY, "", 5000), "secret: expected 1 to"),
        ((KEY, "hush hush\n", 5000), "secret: expected printable.*position 4"),
        ((KEY, "schlüssel", 5000), "secret: expected printable.*position 4"),
        ((KEY, SECRET, 0), "recv_window_ms: expected 1 to 60000"),
        ((KEY, SECRET, 60_001), "recv_window_ms: expected 1 to 60000"),
    ],
)
def test_unusable_keys_are_refused_without_showing_the_secret(arguments, text):
    with pytest.raises(ValueError, match=text) as caught:
        sign.Signer(*arguments)
    assert "hush" not in str(caught.value)


def test_wrong_types_and_times_are_refused():
    signer = sign.Signer(KEY, SECRET, 5000)
    for call in (
        lambda: signer.sign("text"),
        lambda: signer.sign(None),
        lambda: signer.sign_pair(b"", None),
        lambda: signer.request_lines_pair(1, None, b""),
        lambda: sign.Signer(None, SECRET, 5000),
        lambda: sign.Signer(KEY, None, 5000),
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(ValueError, match="timestamp_ms"):
        signer.request_lines(-1, b"")
    with pytest.raises(ValueError, match="timestamp_ms"):
        signer.request_lines_pair(-1, b"", b"")
