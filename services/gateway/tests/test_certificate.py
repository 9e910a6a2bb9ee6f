"""The end of the public address's certificate, read from a real TLS server."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from common.testing.waiting import eventually
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from gateway.certificate import EXPIRY, expiry, watch

ENDS = datetime(2020, 1, 31, 12, tzinfo=UTC)


def context(folder):
    """A server's, with a certificate that nobody trusts and that has ended."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(ENDS - timedelta(days=90))
        .not_valid_after(ENDS)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "both.pem").write_bytes(pem)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / "both.pem")
    return made


@pytest.fixture
async def port(tmp_path):
    def hang_up(_, writer):
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context(tmp_path))
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def test_the_end_is_known_also_of_one_that_is_not_trusted_or_has_ended(port):
    assert await expiry("127.0.0.1", port) == ENDS.timestamp()


async def test_it_is_measured_while_the_gateway_runs(port):
    EXPIRY.set(0)
    watching = asyncio.create_task(watch(f"https://127.0.0.1:{port}"))

    async def is_measured():
        return EXPIRY._value.get() == ENDS.timestamp()

    try:
        await eventually(is_measured, what="the end of the certificate")
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_without_tls_nothing_is_looked_at():
    EXPIRY.set(0)
    watching = asyncio.create_task(watch("http://127.0.0.1:1"))
    await asyncio.sleep(0)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)

    assert EXPIRY._value.get() == 0
