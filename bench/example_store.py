"""The store that is measured: the kernel's example aggregate on a database of its own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
from common.embedded_postgres import EmbeddedPostgres
from common.event_store import Stream, genesis
from common.kernel import Kernel, open_kernel
from common.testing.example import NoteChanged, NoteEvent, NoteWritten
from common.testing.kernel import EXAMPLE, cause

TEXT = "Every deed was copied into the book, in order, and nothing was ever erased. " * 3
"""What an event carries, sealed: about 300 bytes of JSON, the size of an ordinary event."""

DATA_KEY, WIRE_KEY = b"d" * 32, b"w" * 32


@asynccontextmanager
async def example_store(
    postgres: EmbeddedPostgres, *, connections: int, network_disk: bool = False
) -> AsyncIterator[Kernel]:
    """A kernel on a fresh database. `network_disk` makes each flush wait 2 ms, for all who use
    this database (`commit_delay`, `commit_siblings`)."""
    name = f"bench_{uuid4().hex}"
    dsn = await postgres.create_database(name)
    if network_disk:
        owner = await asyncpg.connect(dsn)
        await owner.execute(f'alter database "{name}" set commit_delay = 2000')
        await owner.execute(f'alter database "{name}" set commit_siblings = 0')
        await owner.close()
    async with open_kernel(
        EXAMPLE, dsn=dsn, data_key=DATA_KEY, wire_key=WIRE_KEY, pool_size=connections
    ) as kernel:
        yield kernel


async def append(kernel: Kernel, note_id: UUID, events: Sequence[NoteEvent]) -> None:
    """Append to a new stream: a statement that commits itself, as a command's is."""
    name = f"note-{note_id}"
    async with kernel.database.reader() as connection:
        stream = Stream(name, 0, genesis(name), ())
        await kernel.store.append(connection, stream, events, cause())


def history(note_id: UUID, author: UUID, length: int) -> list[NoteEvent]:
    """A note and its changes: `length` events with texts of the same size."""
    written: NoteEvent = NoteWritten(note_id, author, f"Note {note_id}", TEXT)
    return [written, *(NoteChanged(note_id, author, f"{n:3}{TEXT}") for n in range(1, length))]
