"""The peer `eventsourcing` of PyPI, at work in a process of its own that is told what to do."""

import os
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from common.embedded_postgres import EmbeddedPostgres

POOL_SIZE = 32


class PeerFailed(Exception):
    """The peer's process ended; what it wrote says why."""


class EventsourcingLibrary:
    """Its figures, one order at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def append(self, threads: int, seconds: float) -> float:
        """New aggregates of one event that so many threads save in a second."""
        return await self._order(f"append {threads} {seconds}")

    async def load(self, events: int, seconds: float) -> float:
        """Milliseconds to load an aggregate of so many events, one after the other."""
        return await self._order(f"load {events} {seconds}")

    async def _order(self, order: str) -> float:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{order}\n".encode())
        answer = await self._process.stdout.readline()
        if not answer:
            raise PeerFailed(order)
        return float(answer)


@asynccontextmanager
async def eventsourcing(
    postgres: EmbeddedPostgres, *, functions: bool = False
) -> AsyncIterator[EventsourcingLibrary]:
    """The peer on a database of its own on the same server; `functions` lets it insert through
    functions in the database, which is faster and not its default."""
    database = f"eventsourcing_{uuid4().hex}"
    await postgres.create_database(database)
    process = await create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.eventsourcing_process",
        stdin=PIPE,
        stdout=PIPE,
        env={
            "PATH": os.environ["PATH"],
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": database,
            "POSTGRES_HOST": postgres.socket_folder,
            "POSTGRES_PORT": "5432",
            "POSTGRES_USER": "postgres",
            "POSTGRES_PASSWORD": "unused",
            "POSTGRES_POOL_SIZE": str(POOL_SIZE),
            "POSTGRES_ENABLE_DB_FUNCTIONS": "yes" if functions else "no",
        },
    )
    try:
        yield EventsourcingLibrary(process)
    finally:
        assert process.stdin
        process.stdin.close()
        await process.wait()
