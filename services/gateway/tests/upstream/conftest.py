"""Raw services before which the gateway's own client stands, on both kinds of loop."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest
import uvloop
from common.testing.waiting import eventually
from gateway.forwarding import Call
from gateway.http_forwarding import HttpUpstream
from gateway.inbound import Inbound, bodiless

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class Place:
    """A service that speaks bytes: `answer` gets its reader and writer, once per connection."""

    def __init__(self, answer):
        self.url, self.connections, self.open, self.read = "", 0, 0, []
        self._answer = answer

    async def serve(self, reader, writer):
        self.connections += 1
        self.open += 1
        try:
            with suppress(ConnectionError):
                await self._answer(self, reader, writer)
        finally:
            self.open -= 1
            writer.close()

    async def idle(self):
        """Whether no connection is open (any more)."""
        return not self.open

    async def asked(self):
        """Whether anything was read."""
        return bool(self.read)

    async def heard(self, reader):
        """The next piece of what the gateway sends; remembered."""
        piece = await reader.read(65536)
        self.read.append(piece)
        return piece


class Client:
    """Sends pieces and takes an answer; after them it `leaves`, if it does, when told to."""

    def __init__(self, *pieces, leaves=None):
        self.status, self.headers, self.body, self.ended = 0, [], b"", False
        self.asked_for, self.is_asked = 0, False
        self._pieces, self._leaves = list(pieces), leaves

    def inbound(self, limit=10**9):
        return Inbound(self.receive, limit) if self._pieces else bodiless()

    async def receive(self):
        if not self._pieces:
            self.is_asked = True
            try:
                await (self._leaves or asyncio.Event()).wait()
            finally:
                self.is_asked = False
            return {"type": "http.disconnect"}
        self.asked_for += 1
        piece = self._pieces.pop(0)
        more = bool(self._pieces) or self._leaves is not None
        return {"type": "http.request", "body": piece, "more_body": more}

    async def take(self, message):
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], message["headers"]
        else:
            self.body += message["body"]
            self.ended = not message["more_body"]


class Wire:
    """What a story on one loop needs."""

    client = Client

    def __init__(self, loop):
        self._loop = loop

    def tell(self, story):
        """Run a story to its end."""
        with asyncio.Runner(loop_factory=self._loop) as runner:
            return runner.run(asyncio.wait_for(story, 60))

    @staticmethod
    @asynccontextmanager
    async def standing(answer, tls=None, **settings):
        """A place that answers so, and the gateway's way to it."""
        place = Place(answer)
        server = await asyncio.start_server(place.serve, "127.0.0.1", 0, ssl=tls)
        scheme, port = "https" if tls else "http", server.sockets[0].getsockname()[1]
        place.url = f"{scheme}://localhost:{port}" if tls else f"{scheme}://127.0.0.1:{port}"
        way = HttpUpstream(place.url, **settings)
        await way.start()
        try:
            yield place, way
        finally:
            await way.close()
            server.close()
            await eventually(place.idle, what="the end of all connections")

    @staticmethod
    def always(*answers):
        """Each request is answered by these bytes, in so many writes."""

        async def answer(place, reader, writer):
            while await place.heard(reader):
                for said in answers:
                    writer.write(said)
                    await writer.drain()
                    await asyncio.sleep(0)

        return answer

    @staticmethod
    def once(said):
        """The first request is answered by these bytes, and the connection ended."""

        async def answer(place, reader, writer):
            await place.heard(reader)
            writer.write(said)

        return answer

    @staticmethod
    async def ask(way, method="GET", client=None, headers=(), budget=30.0):
        """The client, who has got the whole answer."""
        client = client or Client()
        call = Call(method, "/x", b"", list(headers), budget)
        await way.forward(call, client.inbound(), client.take)
        return client


@pytest.fixture(params=LOOPS)
def wire(request):
    """On either kind of loop: sockets end differently on them."""
    return Wire(LOOPS[request.param])
