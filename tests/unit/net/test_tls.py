"""TLS: no byte of a request goes to a host that cannot prove its name."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mmfast.messages import BatchReply, Outcome
from mmfast.net.http import Limits
from mmfast.net.tls import tls_context

Run = Callable[[Awaitable[Any]], Any]
Make = Callable[..., Any]


def outcomes(reply: BatchReply) -> list[Outcome]:
    return [item.outcome for item in reply.items]


def test_a_handshake_that_never_ends_is_not_sent(
    run: Run, make_rest: Make, make_batch: Make
) -> None:
    """The peer takes the connection and says nothing to our hello: no byte of a request left."""

    async def main() -> tuple[BatchReply, bytes]:
        taken = bytearray()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(4096):
                taken.extend(data)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        rest = make_rest(f"https://localhost:{port}", limits=Limits(total_s=0.3, connect_s=5))
        reply = await rest.send(make_batch())
        await rest.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0)
        return reply, bytes(taken)

    reply, taken = run(main())
    assert set(outcomes(reply)) == {Outcome.NOT_SENT}
    assert taken.startswith(b"\x16\x03")


def self_signed(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_file, key_file


@pytest.mark.parametrize(
    ("name", "trusted", "outcome"),
    [
        ("localhost", True, Outcome.ACK),
        ("localhost", False, Outcome.NOT_SENT),
        ("elsewhere.example", True, Outcome.NOT_SENT),
    ],
)
def test_no_signed_byte_goes_to_a_host_that_cannot_prove_its_name(
    run: Run,
    stub: Any,
    make_rest: Make,
    make_batch: Make,
    acked: Make,
    tmp_path: Path,
    name: str,
    trusted: bool,
    outcome: Outcome,
) -> None:
    cert_file, key_file = self_signed(tmp_path, name)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(cert_file, key_file)
    batch = make_batch()

    async def main() -> tuple[BatchReply, int]:
        async def script(seen: Any, peer: Any) -> None:
            await peer.reply(acked(batch))

        async with stub(script).running(ssl=server_side) as server:
            rest = make_rest(
                f"https://localhost:{server.port}",
                tls=tls_context(cert_file if trusted else None),
            )
            reply = await rest.send(batch)
            await rest.close()
            return reply, server.bytes_in

    reply, bytes_in = run(main())
    assert set(outcomes(reply)) == {outcome}
    assert (bytes_in > 0) is (outcome is Outcome.ACK)


def test_the_tls_policy_is_strict() -> None:
    context = tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
