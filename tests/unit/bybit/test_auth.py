"""Signatures the venue accepts, and secrets that stay inside."""

from __future__ import annotations

import base64
import copy
import pickle
from typing import Any

import orjson
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from signed import signed_headers

from mmfast.bybit.auth import Credentials, Window
from mmfast.errors import ConfigError

KEY, SECRET = "test_api_key", "test_secret"
STAMP = 1_700_000_000_000


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem_of(key: Any) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


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
def test_hmac_vectors_of_the_protocol(payload: bytes, signature: str) -> None:
    credentials = Credentials.hmac(KEY, SECRET, long_window_ms=5000)
    assert signed_headers(credentials, STAMP, payload, Window.LONG) == {
        "X-BAPI-API-KEY": KEY,
        "X-BAPI-TIMESTAMP": "1700000000000",
        "X-BAPI-RECV-WINDOW": "5000",
        "X-BAPI-SIGN": signature,
    }


def test_websocket_login_vector() -> None:
    frame = orjson.loads(Credentials.hmac(KEY, SECRET).ws_auth_frame(STAMP))
    assert frame["op"] == "auth"
    assert frame["args"] == [
        KEY,
        STAMP,
        "bacffe7500499eb829bb58c45d36d1b3e5ac67c14eaeba91df5e99ccee013925",
    ]


def test_each_window_is_signed_with_the_window_it_names() -> None:
    credentials = Credentials.hmac(KEY, SECRET, short_window_ms=900, long_window_ms=7000)
    alone = Credentials.hmac(KEY, SECRET, short_window_ms=7000)
    short = signed_headers(credentials, STAMP, b"x", Window.SHORT)
    long = signed_headers(credentials, STAMP, b"x", Window.LONG)
    assert (short["X-BAPI-RECV-WINDOW"], long["X-BAPI-RECV-WINDOW"]) == ("900", "7000")
    assert short["X-BAPI-SIGN"] != long["X-BAPI-SIGN"]
    assert long == signed_headers(alone, STAMP, b"x", Window.SHORT)


def test_rsa_signatures_verify_with_the_public_half(rsa_key: rsa.RSAPrivateKey) -> None:
    credentials = Credentials.rsa(KEY, pem_of(rsa_key), short_window_ms=1500)
    public = rsa_key.public_key()
    headers = signed_headers(credentials, STAMP, b'{"a":1}', Window.SHORT)
    signed = f"{STAMP}{KEY}1500".encode() + b'{"a":1}'
    signature = base64.b64decode(headers["X-BAPI-SIGN"], validate=True)
    public.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        public.verify(signature, signed + b" ", padding.PKCS1v15(), hashes.SHA256())
    login = orjson.loads(credentials.ws_auth_frame(STAMP))["args"][2]
    text = b"GET/realtime1700000000000"
    public.verify(base64.b64decode(login), text, padding.PKCS1v15(), hashes.SHA256())


def test_secrets_do_not_show(rsa_key: rsa.RSAPrivateKey) -> None:
    pem = pem_of(rsa_key)
    for credentials in (Credentials.hmac(KEY, SECRET), Credentials.rsa(KEY, pem)):
        for text in (repr(credentials), str(credentials), f"{credentials}"):
            assert SECRET not in text
            assert KEY not in text
            assert "_key" in text
        for leak in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="cannot be pickled or copied"):
                leak(credentials)


@pytest.mark.parametrize("api_key", ["", "a b", "k\r\nX-Evil: 1", "ключ", "k" * 129])
def test_a_key_that_could_break_out_of_its_header_is_refused(api_key: str) -> None:
    with pytest.raises(ConfigError, match="BYBIT_API_KEY"):
        Credentials.hmac(api_key, SECRET)


@pytest.mark.parametrize("secret", ["", "s\n", "пароль", "s" * 257])
def test_a_secret_that_cannot_be_one_is_refused_unquoted(secret: str) -> None:
    with pytest.raises(ConfigError, match="BYBIT_API_SECRET") as caught:
        Credentials.hmac(KEY, secret)
    assert secret == "" or secret not in str(caught.value)


def test_a_pem_that_is_no_rsa_key_is_refused_unquoted() -> None:
    other = pem_of(ec.generate_private_key(ec.SECP256R1()))
    for pem in (b"", b"not a pem, but a secret", other):
        with pytest.raises(ConfigError, match="RSA private key in PEM") as caught:
            Credentials.rsa(KEY, pem)
        assert caught.value.__cause__ is None
        assert "but a secret" not in str(caught.value)


@pytest.mark.parametrize("window_ms", [0, -1, 60_001])
def test_a_senseless_window_is_refused(window_ms: int) -> None:
    with pytest.raises(ConfigError, match="recv_window_ms"):
        Credentials.hmac(KEY, SECRET, short_window_ms=window_ms)
