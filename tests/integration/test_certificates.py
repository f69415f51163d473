"""A server that cannot prove who it is gets no signed byte, from engine, watchdog or kill."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from processes import Process, configured

Start = Callable[..., Process]
ENV = {"BYBIT_API_KEY": "canarykey0123", "BYBIT_API_SECRET": "canarysecret0123"}
DAY = dt.timedelta(days=1)

#: Name to (host names, valid from, valid until, trusted), in days from now.
CERTIFICATES: dict[str, tuple[list[str], int, int, bool]] = {
    "self_signed": (["127.0.0.1"], -1, 30, False),
    "expired": (["127.0.0.1"], -30, -1, True),
    "not_yet_valid": (["127.0.0.1"], 10, 30, True),
    "wrong_name": (["api.bybit.com"], -1, 30, True),
}
GOOD = (["127.0.0.1"], -1, 30)


def certificate(folder: Path, hosts: list[str], begins: int, ends: int) -> tuple[Path, Path]:
    """A self-signed certificate and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    names = [
        x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        for host in hosts
    ]
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins * DAY)
        .not_valid_after(now + ends * DAY)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = folder / "cert.pem", folder / "key.pem"
    cert_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_path, key_path


class Impostor:
    """Listens with a certificate nobody should believe and keeps all it is told in the clear."""

    def __init__(self, cert: Path, key: Path, *, newest: ssl.TLSVersion | None = None) -> None:
        self.heard = b""
        self.greeted = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(cert, key)
        if newest is not None:
            self._context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            self._context.maximum_version = newest
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            self.greeted += 1
            raw.settimeout(2)
            try:
                with self._context.wrap_socket(raw, server_side=True) as sock:
                    while data := sock.recv(65_536):
                        self.heard += data
            except OSError:
                raw.close()


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[Callable[..., Impostor]]:
    started: list[Impostor] = []

    def start(hosts: list[str], begins: int, ends: int, **options: ssl.TLSVersion) -> Impostor:
        started.append(Impostor(*certificate(tmp_path, hosts, begins, ends), **options))
        return started[-1]

    yield start
    for one in started:
        one.close()


def addresses(port: int) -> dict[str, str]:
    return {"rest_url": f"https://127.0.0.1:{port}", "ws_url": f"wss://127.0.0.1:{port}"}


def environment(folder: Path, *, trusted: bool) -> dict[str, str]:
    """The key, and, where ``trusted``, the server's certificate among the authorities: then only
    what else is wrong with it stands between the key and the server."""
    return {**ENV, "SSL_CERT_FILE": str(folder / "cert.pem")} if trusted else ENV


@pytest.mark.parametrize("kind", list(CERTIFICATES))
@pytest.mark.parametrize("command", ["run", "kill"])
def test_no_byte_leaves_for_a_server_that_is_not_who_it_should_be(
    start: Start, tmp_path: Path, impostor: Callable[..., Impostor], kind: str, command: str
) -> None:
    *shape, trusted = CERTIFICATES[kind]
    server = impostor(*shape)
    path = configured(tmp_path, venue=addresses(server.port))
    extra = ("--wait", "1") if command == "kill" else ()
    process = start(command, "-c", path, *extra, env=environment(tmp_path, trusted=trusted))
    assert process.wait() != 0
    assert server.greeted > 0, "it did knock"
    assert server.heard == b""
    assert "canarysecret0123" not in process.text()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_an_old_protocol_is_refused(
    start: Start, tmp_path: Path, impostor: Callable[..., Impostor]
) -> None:
    server = impostor(*GOOD, newest=ssl.TLSVersion.TLSv1_1)
    path = configured(tmp_path, venue=addresses(server.port))
    process = start("run", "-c", path, env=environment(tmp_path, trusted=True))
    assert process.wait() != 0
    assert server.greeted > 0
    assert server.heard == b""


def test_a_server_with_nothing_wrong_is_talked_to(
    start: Start, tmp_path: Path, impostor: Callable[..., Impostor]
) -> None:
    """So the silence above means something."""
    server = impostor(*GOOD)
    path = configured(tmp_path, venue=addresses(server.port))
    process = start("kill", "-c", path, "--wait", "2", env=environment(tmp_path, trusted=True))
    process.wait_until(lambda: b"/v5/order/realtime" in server.heard, "a request")
    assert b"canarykey0123" in server.heard
    assert process.wait() == 1
