"""The wire between processes, which a test may cut, or keep open and carry nothing over."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import cycle

PIECE = 65_536
Address = tuple[str, int]


class Wire:
    """A TCP proxy on a loopback port in front of one server, or of alike servers in turn."""

    def __init__(self, targets: Sequence[Address]) -> None:
        self.port = 0
        self._targets = cycle(targets)
        self._tries = len(targets)
        self._carries = asyncio.Event()
        self._carries.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._talks: set[asyncio.Task[None]] = set()
        self._closed = False

    def partition(self) -> None:
        """Carry nothing from now on; connections stay open, and new ones open and stay silent."""
        self._carries.clear()

    def heal(self) -> None:
        """Carry again, also what was held back."""
        self._carries.set()

    def cut(self) -> None:
        """Reset every connection; new ones work."""
        for writer in self._open:
            writer.transport.abort()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        if self._closed:  # it was accepted before its server closed, and comes only now
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        self._open.add(writer)
        try:
            await self._carry(reader, writer)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._open.discard(writer)
            self._talks.discard(task)

    async def close(self) -> None:
        """End all connections, and such as still come."""
        self._closed = True
        talks = list(self._talks)
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._carries.wait()
        there_reader, there_writer = await self._target()
        self._open.add(there_writer)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, there_writer))
                both.create_task(self._pump(there_reader, writer))
        except* OSError:
            there_writer.transport.abort()
        finally:
            self._open.discard(there_writer)
            there_writer.close()
            writer.close()

    async def _target(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for _ in range(self._tries - 1):
            with suppress(OSError):
                return await asyncio.open_connection(*next(self._targets))
        return await asyncio.open_connection(*next(self._targets))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while piece := await source.read(PIECE):
            await self._carries.wait()
            sink.write(piece)
            await sink.drain()
        await self._carries.wait()
        # one side has ended: with AMQP and HTTP there is nothing left to say in the other direction
        raise ConnectionResetError


@asynccontextmanager
async def wire_to(*targets: Address) -> AsyncIterator[Wire]:
    """A wire that lasts as long as the block."""
    wire = Wire(targets)
    server = await asyncio.start_server(wire.talk, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        await wire.close()
