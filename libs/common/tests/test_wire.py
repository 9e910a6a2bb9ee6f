"""The wire of the tests of faults."""

import asyncio
from contextlib import suppress

from common.testing.faults.network import Wire


async def test_one_that_comes_after_the_end_is_hung_up_on() -> None:
    answered = []

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answered.append(True)
        writer.close()

    target = await asyncio.start_server(answer, "127.0.0.1", 0)
    wire = Wire([target.sockets[0].getsockname()])
    server = await asyncio.start_server(wire.talk, "127.0.0.1", 0)
    async with target, server:
        await wire.close()

        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()

    assert answered == []
