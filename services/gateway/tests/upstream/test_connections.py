"""Connections to services: kept, bounded, given up, and noticed when they end."""

import asyncio
import gc
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httptools
import pytest
from common.testing.waiting import eventually
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from gateway.forwarding import (
    UpstreamBroken,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.http_forwarding import HttpUpstream

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"content-length: 0\r\n\r\n"
HELLO = OK + b"content-length: 5\r\n\r\nhello"


@pytest.mark.parametrize("said", [(HELLO,), tuple(HELLO[n : n + 1] for n in range(len(HELLO)))])
def test_one_connection_serves_one_call_after_the_other(wire, said):
    async def story():
        async with wire.standing(wire.always(*said)) as (place, way):
            for _ in range(3):
                got = await wire.ask(way)
                assert (got.status, got.body, got.ended) == (200, b"hello", True)
            assert place.connections == 1

    wire.tell(story())


@pytest.mark.parametrize(
    "said",
    [
        OK + b"content-length: 5\r\nconnection: close\r\n\r\nhello",
        OK + b"\r\nhello",
        b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        HELLO + b"more than was asked",
    ],
)
def test_a_connection_that_is_at_its_end_is_followed_by_another(wire, said):
    async def story():
        async with wire.standing(wire.once(said)) as (place, way):
            for _ in range(2):
                got = await wire.ask(way, "POST")
                assert (got.body, got.ended) == (b"hello", True)
            assert place.connections == 2

    wire.tell(story())


@pytest.mark.parametrize("gone", [b"", b"HTTP/1.1 408 Request Timeout\r\n\r\n"])
def test_an_idle_connection_that_ends_or_says_what_nobody_asked_is_given_up(wire, gone):
    async def answer(place, reader, writer):
        await place.heard(reader)
        writer.write(HELLO)
        if place.connections == 1:
            await asyncio.wait_for(go_on.wait(), 30)
            writer.write(gone)
            if not gone:
                writer.write_eof()
            await reader.read()  # until the gateway has seen it, and ends its side
        else:
            await place.heard(reader)

    async def story():
        nonlocal go_on
        go_on = asyncio.Event()
        async with wire.standing(answer, keep_alive=600) as (place, way):
            await wire.ask(way, "POST")
            go_on.set()
            await eventually(place.idle, what="the end of the first connection")
            assert (await wire.ask(way, "POST")).body == b"hello"
            assert place.connections == 2

    go_on = None
    wire.tell(story())


def test_a_connection_that_served_before_and_dies_without_a_byte_is_replaced_where_that_is_safe(
    wire,
):
    async def answer(place, reader, writer):
        await place.heard(reader)
        writer.write(EMPTY)
        await place.heard(reader)

    async def story():
        async with wire.standing(answer) as (place, way):
            await wire.ask(way)
            await wire.ask(way)
            assert (len(place.read), place.connections) == (3, 2)
            with pytest.raises(UpstreamBroken):
                await wire.ask(way, "POST")
            assert (len(place.read), place.connections) == (4, 2)

    wire.tell(story())


def test_a_connection_that_dies_after_a_byte_is_a_broken_service(wire):
    async def answer(place, reader, writer):
        await place.heard(reader)
        writer.write(EMPTY)
        await place.heard(reader)
        writer.write(b"H")

    async def story():
        async with wire.standing(answer) as (place, way):
            await wire.ask(way)
            with pytest.raises(UpstreamBroken):
                await wire.ask(way)
            assert place.connections == 1

    wire.tell(story())


def test_no_more_connections_than_allowed_and_everybody_has_a_turn(wire):
    async def story():
        async with wire.standing(wire.always(HELLO), connections=2) as (place, way):
            got = await asyncio.gather(*(wire.ask(way) for _ in range(20)))
            assert {client.body for client in got} == {b"hello"}
            assert place.connections == 2

    wire.tell(story())


def test_who_waits_for_a_connection_in_vain_is_told_so_and_loses_nobody_the_place(wire):
    async def answer(place, reader, writer):
        await place.heard(reader)
        await asyncio.wait_for(go_on.wait(), 30)
        writer.write(HELLO)

    async def story():
        nonlocal go_on
        go_on = asyncio.Event()
        async with wire.standing(answer, connections=1) as (_, way):
            first = asyncio.create_task(wire.ask(way))
            await asyncio.sleep(0)
            with pytest.raises(UpstreamTimeout):
                await wire.ask(way, budget=0.05)
            go_on.set()
            assert (await first).body == b"hello"
            assert (await wire.ask(way)).body == b"hello"

    go_on = None
    wire.tell(story())


def test_closing_ends_calls_under_way_and_nobody_is_connected_afterwards(wire):
    async def story():
        async with wire.standing(wire.always()) as (place, way):
            asking = asyncio.create_task(wire.ask(way))
            await eventually(place.asked, what="the request")
            await way.close()
            with pytest.raises(UpstreamBroken):
                await asking
            with pytest.raises(UpstreamUnavailable):
                await wire.ask(way)
            assert place.connections == 1

    wire.tell(story())


def test_connections_that_nobody_wants_are_closed_after_a_while(wire):
    async def story():
        async with wire.standing(wire.always(HELLO), keep_alive=0.1) as (place, way):
            await asyncio.gather(*(wire.ask(way) for _ in range(3)))
            await eventually(place.idle, what="the end of all connections")
            assert place.connections == 3
            assert (await wire.ask(way, "POST")).body == b"hello"

    wire.tell(story())


def test_a_service_that_takes_no_connection_is_away(wire):
    async def story():
        with socket.socket() as full, socket.socket() as first, socket.socket() as second:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for other in (first, second):
                other.setblocking(False)
                with suppress(BlockingIOError):
                    other.connect(full.getsockname())
            way = HttpUpstream(f"http://127.0.0.1:{full.getsockname()[1]}")
            await way.start()
            with pytest.raises(UpstreamUnavailable):
                await wire.ask(way, "POST")
            await way.close()

    wire.tell(story())


def test_exchanges_leave_nothing_to_the_garbage_collector(wire):
    async def story():
        async with wire.standing(wire.always(HELLO)) as (_, way):
            await wire.ask(way)
            gc.collect()
            gc.disable()
            try:
                for _ in range(20):
                    await wire.ask(way)
                kept = [o for o in gc.get_objects() if isinstance(o, httptools.HttpResponseParser)]
                assert len(kept) < 5
            finally:
                gc.enable()

    wire.tell(story())


def test_a_service_behind_tls_is_reached_if_it_is_who_it_says(wire, trusted, monkeypatch):
    context, authority = trusted

    async def story():
        async with wire.standing(wire.always(HELLO), tls=context) as (_, way):
            with pytest.raises(UpstreamUnavailable):
                await wire.ask(way, "POST")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        async with wire.standing(wire.always(HELLO), tls=context) as (place, way):
            for _ in range(2):
                assert (await wire.ask(way, "POST")).body == b"hello"
            assert place.connections == 1

    wire.tell(story())


@pytest.fixture
def trusted(tmp_path):
    """A server's context for `localhost`, and the file of who vouches for it: itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    vouched, both = tmp_path / "certificate.pem", tmp_path / "both.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    vouched.write_bytes(certificate.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    both.write_bytes(vouched.read_bytes() + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context, vouched
