"""How long the certificate at the public address is good: seen from outside, as clients see it.

Who renews it stands before the gateway and is somebody else's program; that it was renewed is only
certain when it is served.
"""

import asyncio
import ssl
from urllib.parse import urlsplit

import structlog
from cryptography.x509 import load_der_x509_certificate
from prometheus_client import Gauge

log = structlog.get_logger(__name__)

EXPIRY = Gauge(
    "cartulary_public_certificate_expiry_timestamp_seconds",
    "When the certificate served at PUBLIC_URL ends; 0 without one or while it is unknown",
)
SECONDS, TIMEOUT_SECONDS = 3600.0, 10.0


async def watch(public_url: str) -> None:
    """Look every hour until cancelled; at once nothing, where the address has no certificate."""
    parts = urlsplit(public_url)
    while parts.scheme == "https" and parts.hostname:
        try:
            EXPIRY.set(await expiry(parts.hostname, parts.port or 443))
        except (OSError, TimeoutError, ValueError) as error:
            log.warning("certificate_unknown", why=type(error).__name__)
        await asyncio.sleep(SECONDS)
    await asyncio.Event().wait()


async def expiry(host: str, port: int) -> float:
    """When it ends, as a timestamp. Raises `OSError`, `TimeoutError`, `ValueError`."""
    context = ssl.create_default_context()
    # one that has ended, or that nobody trusts, has an end, too
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with asyncio.timeout(TIMEOUT_SECONDS):
        _, writer = await asyncio.open_connection(host, port, ssl=context)
        try:
            served: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        finally:
            writer.close()
    return load_der_x509_certificate(served).not_valid_after_utc.timestamp()
