"""An answer leaves in one write, and nothing of it is late, lost, or kept in heaps."""

import asyncio

import pytest
import uvicorn
from common.paired_writes import PairedWrites, PairingProtocol


class Recorded(asyncio.Transport):
    """A transport that remembers what was asked of it."""

    def __init__(self):
        super().__init__()
        self.writes, self.closed = [], False

    def write(self, data):
        self.writes.append(data)

    def writelines(self, pieces):
        self.writes.append(b"".join(pieces))

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed


@pytest.fixture
async def recorded():
    return Recorded()


@pytest.fixture
async def paired(recorded):
    return PairedWrites(recorded)


async def test_a_head_and_its_body_leave_together(paired, recorded):
    paired.write(b"head")
    paired.write(b"body")
    assert recorded.writes == [b"headbody"]
    await asyncio.sleep(0)
    assert recorded.writes == [b"headbody"]


async def test_a_head_whose_body_is_still_to_come_goes_alone(paired, recorded):
    paired.write(b"head")
    await asyncio.sleep(0)
    assert recorded.writes == [b"head"]
    paired.write(b"body")
    paired.write(b"")
    assert recorded.writes == [b"head", b"body"]


async def test_who_writes_without_a_pause_keeps_one_piece_at_most(paired, recorded):
    pieces = [b"%d" % n for n in range(99)]
    for written, piece in enumerate(pieces, start=1):
        paired.write(piece)
        assert sum(map(len, pieces[:written])) - sum(map(len, recorded.writes)) <= 2
    await asyncio.sleep(0)
    assert b"".join(recorded.writes) == b"".join(pieces)


async def test_what_was_written_last_leaves_before_the_end(paired, recorded):
    paired.write(b"head")
    paired.close()
    assert (recorded.writes, recorded.closed) == ([b"head"], True)


async def test_what_is_kept_when_the_client_goes_is_let_go(paired, recorded):
    paired.write(b"head")
    recorded.close()
    await asyncio.sleep(0)
    assert recorded.writes == []


async def answer(scope, receive, send):
    body = b"" if scope["method"] == "HEAD" else b"body"
    headers = [(b"content-length", b"4")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize(("method", "body"), [("GET", b"body"), ("HEAD", b"")])
async def test_answers_arrive_whole_over_one_connection_until_it_is_closed(method, body):
    config = uvicorn.Config(
        answer, port=0, http=PairingProtocol, lifespan="off", log_level="critical"
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for more in ("", "Connection: close\r\n"):
            writer.write(f"{method} / HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode())
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(len(body)) == body
        assert await reader.read() == b""
    finally:
        writer.close()
        await writer.wait_closed()
        await server.shutdown()
