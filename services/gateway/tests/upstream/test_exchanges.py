"""One call over a connection, to services of every kind of behaviour."""

import asyncio
import socket

import httptools
import pytest
from common.testing.waiting import eventually
from gateway.forwarding import (
    AnswerCut,
    Call,
    ClientGone,
    UpstreamBroken,
)
from gateway.inbound import bodiless
from gateway.upstream_requests import UnsendableRequest

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"content-length: 0\r\n\r\n"
HELLO = OK + b"content-length: 5\r\n\r\nhello"


async def turns(number):
    """Time enough to do it wrong."""
    for _ in range(number):
        await asyncio.sleep(0)


def test_a_request_with_its_small_body_is_one_write(wire):
    async def story():
        async with wire.standing(wire.always(EMPTY)) as (place, way):
            await wire.ask(way, "POST", wire.client(b"a body"), [(b"content-type", b"text/plain")])
            [request] = place.read
            assert request.endswith(b"content-type: text/plain\r\ncontent-length: 6\r\n\r\na body")

    wire.tell(story())


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1", b"nonsense\r\n\r\n", OK + b"x-a: 1"])
def test_an_answer_that_does_not_begin_is_a_broken_service_and_not_asked_again(wire, said):
    async def story():
        async with wire.standing(wire.once(said)) as (place, way):
            with pytest.raises(UpstreamBroken):
                await wire.ask(way)
            assert place.connections == 1

    wire.tell(story())


def test_nobody_waits_for_the_end_of_what_is_no_answer(wire):
    async def story():
        async with wire.standing(wire.always(b"nonsense\r\n\r\n")) as (place, way):
            with pytest.raises(UpstreamBroken):
                await wire.ask(way)
            await eventually(place.idle, what="the end of the connection")

    wire.tell(story())


@pytest.mark.parametrize(
    "said",
    [
        HELLO[:-1],
        OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n",
    ],
)
def test_an_answer_that_does_not_end_is_cut(wire, said):
    async def story():
        client = wire.client()
        async with wire.standing(wire.once(said)) as (_, way):
            with pytest.raises(AnswerCut):
                await wire.ask(way, client=client)
            assert not client.ended

    wire.tell(story())


def test_an_answer_that_ends_with_a_reset_and_not_in_order_is_cut(wire):
    async def answer(place, reader, writer):
        await place.heard(reader)
        writer.write(OK + b"\r\nas long as it lasts")
        await asyncio.wait_for(began.wait(), 30)
        linger = b"\1\0\0\0\0\0\0\0"  # at once, without what order asks for
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    async def story():
        nonlocal began
        began = asyncio.Event()
        client = wire.client()

        async def take(message):
            began.set()
            await client.take(message)

        async with wire.standing(answer) as (_, way):
            with pytest.raises(AnswerCut):
                await way.forward(Call("GET", "/x", b"", [], 30.0), bodiless(), take)
            assert not client.ended

    began = None
    wire.tell(story())


def test_a_call_that_is_cancelled_ends_its_connection_and_leaves_its_place(wire):
    async def answer(place, reader, writer):
        while await place.heard(reader):
            if place.connections > 1:
                writer.write(HELLO)

    async def story():
        async with wire.standing(answer, connections=1) as (place, way):
            asking = asyncio.create_task(wire.ask(way))
            await eventually(place.asked, what="the request")
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await eventually(place.idle, what="the end of the connection")
            assert (await wire.ask(way)).body == b"hello"

    wire.tell(story())


def test_pieces_arrive_while_the_answer_is_still_being_made(wire):
    async def answer(place, reader, writer):
        await place.heard(reader)
        writer.write(OK + b"transfer-encoding: chunked\r\n\r\n")
        for n in range(3):
            writer.write(b"1\r\n%d\r\n" % n)
            await asyncio.wait_for(taken.acquire(), 30)
        writer.write(b"0\r\n\r\n")
        await place.heard(reader)

    async def story():
        nonlocal taken
        taken, pieces = asyncio.Semaphore(0), []

        async def take(message):
            if message.get("body"):
                pieces.append(message["body"])
                taken.release()

        async with wire.standing(answer) as (_, way):
            await way.forward(Call("GET", "/x", b"", [], 30.0), bodiless(), take)
        assert pieces == [b"0", b"1", b"2"]

    taken = None
    wire.tell(story())


def test_a_service_waits_for_a_client_who_takes_slowly(wire):
    sent, piece = 0, b"x" * 100_000

    async def answer(place, reader, writer):
        nonlocal sent
        await place.heard(reader)
        writer.write(OK + b"content-length: %d\r\n\r\n" % (1000 * len(piece)))
        for _ in range(1000):
            writer.write(piece)
            await writer.drain()
            sent += 1

    async def story():
        first, go_on, length = asyncio.Event(), asyncio.Event(), 0

        async def take(message):
            nonlocal length
            length += len(message.get("body", b""))
            if length:
                first.set()
                await go_on.wait()

        async with wire.standing(answer) as (_, way):
            call = Call("GET", "/x", b"", [], 30.0)
            asking = asyncio.create_task(way.forward(call, bodiless(), take))
            await first.wait()
            await turns(500)
            assert sent < 500
            go_on.set()
            await asking
        assert length == 1000 * len(piece)

    wire.tell(story())


def test_a_client_waits_for_a_service_that_takes_slowly(wire):
    async def answer(place, reader, writer):
        _, _, begun = (await place.heard(reader)).partition(b"\r\n\r\n")
        await asyncio.wait_for(go_on.wait(), 30)
        await reader.readexactly(100_000_000 - len(begun))
        writer.write(EMPTY)
        await place.heard(reader)

    async def story():
        nonlocal go_on
        go_on, client = asyncio.Event(), wire.client(*[b"x" * 100_000] * 1000)
        async with wire.standing(answer) as (place, way):
            length = [(b"content-length", b"100000000")]
            asking = asyncio.create_task(wire.ask(way, "POST", client, length))
            await eventually(place.asked, what="the beginning of the body")
            await turns(500)
            assert client.asked_for < 500
            go_on.set()
            await asking
            assert client.status == 200

    go_on = None
    wire.tell(story())


class Request:
    """What a service made of the bytes of one request."""

    def __init__(self):
        self.body, self.ended = b"", False
        self.parser = httptools.HttpRequestParser(self)

    def on_body(self, piece):
        self.body += piece

    def on_message_complete(self):
        self.ended = True


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"6")]])
def test_a_body_in_pieces_arrives_as_one(wire, headers):
    async def answer(place, reader, writer):
        while piece := await place.heard(reader):
            request.parser.feed_data(piece)
            if request.ended:
                writer.write(EMPTY)

    async def story():
        async with wire.standing(answer) as (place, way):
            await wire.ask(way, "POST", wire.client(b"ab", b"", b"cd", b"ef"), headers)
            assert (request.body, request.ended) == (b"abcdef", True)
            await wire.ask(way)
            assert place.connections == 1

    request = Request()
    wire.tell(story())


def test_an_answer_before_the_body_was_sent_is_passed_on_and_ends_the_connection(wire):
    async def answer(place, reader, writer):
        await place.heard(reader)
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
        while await reader.read(65536):
            continue

    async def story():
        client = wire.client(b"begun", leaves=asyncio.Event())
        async with wire.standing(answer) as (place, way):
            await wire.ask(way, "POST", client)
            assert (client.status, client.ended) == (413, True)
            await eventually(place.idle, what="the end of the connection")
            assert not client.is_asked

    wire.tell(story())


def test_a_client_that_leaves_in_the_middle_of_its_body_leaves_no_whole_request_behind(wire):
    async def answer(place, reader, writer):
        while piece := await place.heard(reader):
            request.parser.feed_data(piece)
            leaves.set()

    async def story():
        nonlocal leaves
        leaves = asyncio.Event()
        async with wire.standing(answer) as (place, way):
            with pytest.raises(ClientGone):
                await wire.ask(way, "POST", wire.client(b"begun", leaves=leaves))
            await eventually(place.idle, what="the end of the connection")
        assert not request.ended

    request, leaves = Request(), None
    wire.tell(story())


def test_what_cannot_be_sent_safely_is_refused_and_the_service_hears_nothing(wire):
    async def story():
        async with wire.standing(wire.always(EMPTY)) as (place, way):
            with pytest.raises(UnsendableRequest):
                await wire.ask(way, headers=[(b"x-a", b"b\r\nx-c: d")])
            assert place.connections == 0

    wire.tell(story())


def test_an_answer_to_head_has_no_body_and_ends_its_connection(wire):
    async def story():
        async with wire.standing(wire.always(OK + b"content-length: 5\r\n\r\n")) as (place, way):
            for _ in range(2):
                got = await wire.ask(way, "HEAD")
                assert (got.status, got.body, got.ended) == (200, b"", True)
            assert place.connections == 2

    wire.tell(story())
