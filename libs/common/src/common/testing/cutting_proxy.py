"""A proxy before PostgreSQL that cuts a connection at a commit: an unknown outcome, for real.

A command is one statement that commits itself (ADR 8); the proxy knows it by what it writes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

from common.embedded_postgres import EmbeddedPostgres


class Cut(Enum):
    """Where the next commit is cut. The client sees the same both times."""

    BEFORE_THE_COMMIT = b"example.note_written"
    """The statement never arrives."""

    AFTER_THE_COMMIT = b"INSERT 0 1\0"
    """PostgreSQL has committed and said so; the client never hears it."""


@dataclass
class CuttingProxy:
    """Its address, and what it shall do to the commits to come, one each."""

    dsn: str
    plan: list[Cut] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)
    """What was done."""

    def cuts_here(self, side: Cut, chunk: bytes) -> bool:
        """Whether the connection ends with these bytes, which are then not passed on."""
        if side.value in chunk and self.plan and self.plan[0] is side:
            self.cuts.append(self.plan.pop(0))
            return True
        return False


@asynccontextmanager
async def cutting_proxy(postgres: EmbeddedPostgres, dsn: str) -> AsyncIterator[CuttingProxy]:
    """A proxy on a loopback port for one database of the server."""
    sockets: set[asyncio.StreamWriter] = set()
    proxy = CuttingProxy("")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = f"{postgres.socket_folder}/.s.PGSQL.5432"
        upstream_reader, upstream_writer = await asyncio.open_unix_connection(path)
        both = {writer, upstream_writer}
        sockets.update(both)
        try:
            await asyncio.gather(
                _pump(reader, upstream_writer, Cut.BEFORE_THE_COMMIT, proxy),
                _pump(upstream_reader, writer, Cut.AFTER_THE_COMMIT, proxy),
            )
        except ConnectionError:
            return  # cut, by us or by one of the two
        finally:
            _close(both)
            sockets.difference_update(both)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy.dsn = f"postgresql://postgres@127.0.0.1:{port}{urlsplit(dsn).path}"
    try:
        yield proxy
    finally:
        server.close()
        _close(sockets)
        with suppress(ConnectionError):
            await server.wait_closed()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, side: Cut, proxy: CuttingProxy
) -> None:
    """One direction. PostgreSQL's messages of this length come in one piece."""
    while chunk := await reader.read(65_536):
        if proxy.cuts_here(side, chunk):
            break
        writer.write(chunk)
        await writer.drain()
    raise ConnectionResetError("one side has ended; the other shall not stay")


def _close(writers: set[asyncio.StreamWriter]) -> None:
    for writer in writers:
        writer.transport.abort()
