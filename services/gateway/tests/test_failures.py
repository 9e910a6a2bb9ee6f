"""Whatever happens behind the gateway, its client gets an answer that says what to do."""

import asyncio
import socket
from contextlib import asynccontextmanager, suppress
from functools import partial

import aiohttp
import pytest
from gateway.forwarding import InProcessUpstream
from gateway.http_forwarding import HttpUpstream


def unused_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@asynccontextmanager
async def raw_service(answer, port=0):
    """A service that speaks bytes; `answer` gets the request's head and the writer."""
    heads = []

    async def serve(reader, writer):
        with suppress(ConnectionError):
            while not writer.is_closing() and (head := await reader.read(65536)):
                heads.append(head)
                await answer(len(heads), writer)
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads


@asynccontextmanager
async def world_with(world, before, upstream):
    """The gateway once more, with other cards."""
    auth = partial(InProcessUpstream, world.service)
    async with before(auth, world.service, cards=upstream) as made:
        yield made


async def test_a_service_that_is_away_is_503_and_retry_later(elsewhere, before):
    nobody = partial(HttpUpstream, unused_address())
    async with world_with(elsewhere, before, nobody) as world:
        for method in ("GET", "POST"):
            got = await world.ask(method, "/quick")
            assert (got.status, got.code) == (503, "upstream_unavailable")
            assert got.headers["retry-after"] == "1"


@pytest.mark.parametrize("said", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-"])
async def test_a_service_that_breaks_off_is_502(elsewhere, before, said):
    async def answer(_, writer):
        writer.write(said)
        writer.close()

    async with (
        raw_service(answer) as (url, _),
        world_with(elsewhere, before, partial(HttpUpstream, url)) as world,
    ):
        got = await world.ask("POST", "/quick")
        assert (got.status, got.code) == (502, "upstream_unavailable")


async def test_an_answer_cut_in_the_middle_is_not_passed_off_as_whole(elsewhere, before):
    async def answer(_, writer):
        released = b"Cache-Tags: card/1\r\nCache-Control: public\r\n"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n" + released + b"\r\nhalf")
        writer.close()

    async with (
        raw_service(answer) as (url, _),
        world_with(elsewhere, before, partial(HttpUpstream, url)) as world,
    ):
        with pytest.raises(aiohttp.ClientPayloadError):
            await world.get("/stream")
        got = await world.get("/plain")  # to be kept, hence collected first: a clean refusal
        assert (got.status, got.code) == (502, "upstream_unavailable")


@pytest.mark.parametrize(("method", "status", "sent"), [("GET", 200, 3), ("POST", 502, 2)])
async def test_only_an_idempotent_request_is_sent_again_over_a_new_connection(
    elsewhere, before, method, status, sent
):
    async def answer(number, writer):
        if number == 2:
            writer.close()
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with (
        raw_service(answer) as (url, heads),
        world_with(elsewhere, before, partial(HttpUpstream, url)) as world,
    ):
        await world.get("/quick")
        assert (await world.ask(method, "/quick")).status == status
        assert len(heads) == sent


async def test_an_unreachable_service_is_tried_once_more(elsewhere, before):
    address = unused_address()
    port = int(address.rpartition(":")[2])

    async def answer(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    upstream = partial(HttpUpstream, address, retry_pause=2.0)
    async with world_with(elsewhere, before, upstream) as world:
        asking = asyncio.create_task(world.get("/stream"))
        await world.get("/livez")
        async with raw_service(answer, port):
            assert (await asking).status == 200


async def test_a_service_that_is_too_slow_is_504(world):
    async def never(scope, receive, send):
        await asyncio.Event().wait()

    world.service.raw["/quick"] = never
    for method in ("GET", "POST"):
        got = await world.ask(method, "/quick")
        assert (got.status, got.code) == (504, "upstream_timeout")


async def test_a_body_that_does_not_come_in_time_is_408(world):
    async def body():
        yield b"begun"
        await asyncio.Event().wait()

    got = await world.ask("POST", "/quick", data=body())
    assert (got.status, got.code) == (408, "request_timeout")


async def test_a_service_that_raises_in_process_is_502(elsewhere, before):
    async def broken(scope, receive, send):
        raise LookupError("an inner secret")

    async with world_with(elsewhere, before, partial(InProcessUpstream, broken)) as world:
        got = await world.get("/quick")
        assert (got.status, got.code) == (502, "upstream_unavailable")
        assert b"secret" not in got.body


async def test_an_answer_stands_although_its_service_raises_afterwards(elsewhere, before):
    async def answers_and_raises(scope, receive, send):
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"its own problem"})
        raise LookupError

    upstream = partial(InProcessUpstream, answers_and_raises)
    async with world_with(elsewhere, before, upstream) as world:
        got = await world.get("/quick")
        assert (got.status, got.body) == (500, b"its own problem")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_client_that_leaves_ends_the_call_to_the_service(elsewhere, method):
    reached, ended = asyncio.Event(), asyncio.Event()

    async def wait_for_the_end(scope, receive, send):
        await receive()
        reached.set()
        while (await receive())["type"] != "http.disconnect":
            continue
        ended.set()

    elsewhere.service.raw["/stream"] = wait_for_the_end
    asking = asyncio.create_task(elsewhere.ask(method, "/stream", data=b"x"))
    await reached.wait()
    asking.cancel()
    await asyncio.wait_for(ended.wait(), 10)


async def test_a_client_that_leaves_in_the_middle_of_its_body_ends_the_call(elsewhere):
    reached, ended = asyncio.Event(), asyncio.Event()

    async def wait_for_the_end(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            reached.set()
        ended.set()

    async def body():
        yield b"begun"
        await asyncio.Event().wait()

    elsewhere.service.raw["/stream"] = wait_for_the_end
    asking = asyncio.create_task(elsewhere.ask("POST", "/stream", data=body()))
    await reached.wait()
    asking.cancel()
    await asyncio.wait_for(ended.wait(), 10)


async def test_health_names_the_part_that_is_away(elsewhere, before):
    nobody = partial(HttpUpstream, unused_address())
    async with world_with(elsewhere, before, nobody) as world:
        got = await world.get("/health")
        assert got.status == 503
        assert (
            b'"parts":{"auth":"ok","cards":"unavailable","billing":"ok","messages":"ok"}'
            in got.body
        )


async def test_without_keys_callers_are_told_to_come_back(elsewhere, before):
    elsewhere.service.published_keys.clear()
    elsewhere.service.answers("/.well-known/jwks.json", b"{}", 500)
    nobody = partial(HttpUpstream, unused_address())
    async with before(nobody, elsewhere.service, ready=False) as world:
        assert (await world.get("/readyz")).status == 503
        got = await world.get("/api/v1/cards/", world.token())
        assert (got.status, got.code) == (503, "unavailable")
