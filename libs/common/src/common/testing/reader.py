"""A second service around the example: it reads the notes' messages and writes down what it saw."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa

from common.clock import MovableClock
from common.embedded_postgres import EmbeddedPostgres
from common.inbox import Inbox, MessageView, MissingMessages, Reaction, Received
from common.kernel import Kernel
from common.messages import ConsumedEvent, Envelope
from common.statements import Statement, Write
from common.testing.kernel import kernel_on


class NoteShared(ConsumedEvent):
    """The text of a note."""

    type_name: ClassVar[str] = "example.note_shared.v1"

    note_id: UUID
    text: str


class NoteGone(ConsumedEvent):
    """A note was burnt."""

    type_name: ClassVar[str] = "example.note_gone.v1"

    note_id: UUID


class Poison(Exception):
    """This message can not be handled, however often it comes."""


seen = sa.table(
    "seen", sa.column("note_id", sa.Uuid), sa.column("what", sa.Text), sa.column("n", sa.Integer)
)
SEE = Statement(
    sa.insert(seen).values(
        note_id=sa.bindparam("note_id", type_=sa.Uuid),
        what=sa.bindparam("what", type_=sa.Text),
        n=sa.bindparam("n", type_=sa.Integer),
    )
)


@dataclass
class Reader:
    """The reading service; `poisonous` is the text that it cannot handle at the moment."""

    kernel: Kernel
    inbox: Inbox
    poisonous: set[str]

    async def saw(self) -> list[tuple[UUID, str]]:
        """What had an effect, in order."""
        async with self.kernel.database.reader() as reader:
            rows = await reader.connection.fetch("select note_id, what from seen order by position")
        return [(row["note_id"], row["what"]) for row in rows]


@asynccontextmanager
async def reader_on(postgres: EmbeddedPostgres, missing: MissingMessages) -> AsyncIterator[Reader]:
    """The reading service on a database of its own."""
    async with kernel_on(postgres) as kernel:
        async with kernel.database.owner() as owner:
            await owner.execute(
                "create table seen (position bigint generated always as identity,"
                " note_id uuid, what text, n int)"
            )
            await owner.execute("grant all on seen to cartulary_service")
            await owner.execute("grant all on sequence seen_position_seq to cartulary_service")
        poisonous: set[str] = set()

        async def on_gone(message: NoteGone, received: Received) -> None:
            write = Write(SEE, {"note_id": message.note_id, "what": "gone", "n": 0}, 0)
            await received.transaction.write([write])

        def on_shared(message: NoteShared, envelope: Envelope) -> list[Write]:
            if message.text in poisonous:
                raise Poison
            values = {"note_id": message.note_id, "what": message.text, "n": envelope.version}
            return [Write(SEE, values, message.note_id)]

        inbox = Inbox(
            "reader",
            kernel.commands,
            [MessageView(NoteShared, on_shared), Reaction(NoteGone, on_gone)],
            kernel.seal,
            missing,
            MovableClock(datetime(2026, 1, 31, tzinfo=UTC)),
        )
        yield Reader(kernel, inbox, poisonous)
