"""A consumer that comes late has heard everything: what came before its queues is in the feed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from common.catching_up import CatchingUp
from common.clock import SystemClock
from common.embedded_postgres import EmbeddedPostgres
from common.feed import Feeds
from common.inbox import MessageView
from common.kernel import Kernel
from common.messages import Envelope
from common.rabbitmq import RabbitMQBroker
from common.statements import Statement, Write
from common.testing.example import NOTE, BurnNote, WriteNote
from common.testing.faults.reader_service import DECLARATION as READER
from common.testing.faults.reader_service import effects
from common.testing.kernel import cause, kernel_on
from common.testing.reader import NoteGone, NoteShared
from common.testing.waiting import eventually
from common.worker import Worker, WorkerDeclaration

_NOTE_DOWN = Statement(
    sa.insert(effects).values({c.name: sa.bindparam(c.name, type_=c.type) for c in effects.columns})
)
LONG = 120


def note_down(message: NoteShared | NoteGone, envelope: Envelope) -> list[Write]:
    """A row an effect, nothing unique: a doubled one is a second row."""
    what = "told" if isinstance(message, NoteShared) else "gone"
    row = {"note_id": message.note_id, "version": envelope.version, "what": what}
    return [Write(_NOTE_DOWN, row, message.note_id)]


@dataclass
class Both:
    """A service that writes notes, and one that is to hear of them."""

    producer: Kernel
    consumer: Kernel
    writing: Worker
    hearing: Worker
    catching_up: CatchingUp

    async def write(self, count: int) -> list[UUID]:
        """New notes."""
        ids = [uuid4() for _ in range(count)]
        for id in ids:
            command = WriteNote(id, uuid4(), str(id), "told")
            await self.producer.commands.handle(NOTE, id, command, cause())
        return ids

    async def burn(self, ids: Sequence[UUID]) -> None:
        """The end of these."""
        for id in ids:
            await self.producer.commands.handle(NOTE, id, BurnNote(id), cause())

    async def all_is_published(self) -> bool:
        """Whether the relay has noted down that the broker has all of it."""
        recorded, published = await self.producer.feed.progress()
        return recorded == published

    async def effects(self) -> dict[UUID, list[str]]:
        """What the consumer made of each note, in order."""
        async with self.consumer.database.reader() as reader:
            rows = await reader.connection.fetch(
                "select note_id, what from effects order by position"
            )
        found: dict[UUID, list[str]] = {}
        for row in rows:
            found.setdefault(row["note_id"], []).append(row["what"])
        return found

    async def has_begun(self) -> bool:
        """Whether the consumer takes the source for heard from its beginning."""
        async with self.consumer.database.reader() as reader:
            begun: bool = await reader.connection.fetchval(
                "select exists (select from inbox where stream = '')"
            )
        return begun


@asynccontextmanager
async def at_work(*workers: Worker) -> AsyncIterator[None]:
    """These run meanwhile."""
    tasks = [asyncio.ensure_future(worker.run()) for worker in workers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def both(postgres: EmbeddedPostgres, amqp_url: str) -> AsyncIterator[Both]:
    broker = RabbitMQBroker(amqp_url, partitions=2, exchange=f"test.{uuid4().hex}")
    clock = SystemClock()
    late = replace(READER, source=f"late_{uuid4().hex[:8]}")  # its queues are its own
    heard = WorkerDeclaration(
        [MessageView(NoteShared, note_down), MessageView(NoteGone, note_down)]
    )
    async with kernel_on(postgres) as producer, kernel_on(postgres, late) as consumer:
        feeds = Feeds("", {}, {"example": producer.feed})
        hearing = Worker(consumer, heard, broker, feeds, clock)
        yield Both(
            producer,
            consumer,
            Worker(producer, WorkerDeclaration(), broker, feeds, clock),
            hearing,
            CatchingUp(consumer.database, hearing.inbox, feeds, hearing.declare),
        )


async def test_what_was_published_before_a_consumer_first_came_has_its_effect_once(
    both: Both,
) -> None:
    async with at_work(both.writing):
        kept, burnt = await both.write(5), await both.write(3)
        await both.burn(burnt)
        await eventually(both.all_is_published, within=LONG, what="the relay")

        async with at_work(both.hearing):
            late = await both.write(4)
            await both.burn(late[:2])
            expected = {id: ["told"] for id in (*kept, *late)}
            expected |= {id: ["told", "gone"] for id in (*burnt, *late[:2])}

            async def heard() -> bool:
                return await both.effects() == expected

            await eventually(heard, within=LONG, what="every effect, each once")
            await eventually(both.has_begun, within=LONG, what="the end of it")
    assert await both.effects() == expected


async def test_a_source_is_not_taken_for_heard_while_its_relay_may_have_published_more(
    both: Both,
) -> None:
    """What it published and did not note down yet is neither in our queues nor in the feed."""
    ids = await both.write(3)
    await both.catching_up.step()
    assert not await both.has_begun()

    async with at_work(both.writing):
        await eventually(both.all_is_published, within=LONG, what="the relay")
        await both.catching_up.step()
    assert await both.has_begun()
    assert await both.effects() == {id: ["told"] for id in ids}

    # these were in the queues as well
    async with at_work(both.writing, both.hearing):
        [last] = await both.write(1)

        async def heard() -> bool:
            return last in await both.effects()

        await eventually(heard, within=LONG, what="the newest one")
    assert await both.effects() == {id: ["told"] for id in (*ids, last)}
