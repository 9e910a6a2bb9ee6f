"""Over a real RabbitMQ: one service is restored to an earlier state, and its neighbours go on.

A restored producer is behind what its consumers have seen; a restored consumer is behind what was
published and acknowledged. Neither may lose or double what happens from then on.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from common.backup_folder import BackupFile, BackupFolder
from common.backups import create_backup
from common.catching_up import CatchingUp
from common.clock import SystemClock
from common.database import OUTCOME_UNKNOWN
from common.embedded_postgres import EmbeddedPostgres
from common.epochs import begin_epoch
from common.feed import Feed, Feeds
from common.inbox import MessageView
from common.kernel import Kernel
from common.messages import ConsumedEvent, Envelope
from common.rabbitmq import RabbitMQBroker
from common.restoring import Restore, Secrets
from common.statements import Statement, Write
from common.testing.example import NOTE, BurnNote, NoteCommand, WriteNote
from common.testing.faults.reader_service import DECLARATION as READER
from common.testing.faults.reader_service import effects
from common.testing.kernel import cause, kernel_on
from common.testing.reader import NoteGone, NoteShared
from common.testing.waiting import eventually
from common.worker import Worker, WorkerDeclaration

_NOTE_DOWN = Statement(
    sa.insert(effects).values({c.name: sa.bindparam(c.name, type_=c.type) for c in effects.columns})
)


def note_down(message: NoteShared | NoteGone, envelope: Envelope) -> list[Write]:
    """A row an effect, nothing unique: a doubled one is a second row."""
    what = "told" if isinstance(message, NoteShared) else "gone"
    row = {"note_id": message.note_id, "version": envelope.version, "what": what}
    return [Write(_NOTE_DOWN, row, message.note_id)]


HANDLERS = (MessageView(NoteShared, note_down), MessageView(NoteGone, note_down))
SECRETS = Secrets(b"d" * 32, b"w" * 32)
LONG = 90
"""Seconds that a busy machine may take."""


@dataclass
class Both:
    """A service that writes notes and one that hears of them, with a worker each."""

    producer: Kernel
    consumer: Kernel
    broker: RabbitMQBroker
    folder: Path

    @asynccontextmanager
    async def working(self, *, relay: bool = True) -> AsyncIterator[None]:
        """The workers run meanwhile; without `relay` nothing is published."""
        feeds = Feeds("", {}, {"example": self.producer.feed})
        heard = WorkerDeclaration(handlers=HANDLERS)
        clock = SystemClock()
        workers = [Worker(self.consumer, heard, self.broker, feeds, clock)]
        if relay:
            workers.append(Worker(self.producer, WorkerDeclaration(), self.broker, feeds, clock))
        await workers[0].declare()
        tasks = [asyncio.ensure_future(worker.run()) for worker in workers]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def does(self, command: Callable[[UUID], NoteCommand], ids: Sequence[UUID]) -> None:
        """A command on each note; a session that a restore ended fails once."""
        for id in ids:
            await eventually(lambda id=id: self._did(id, command(id)), within=LONG, what="it")  # type: ignore[misc] # bound now

    async def write(self, count: int) -> list[UUID]:
        """New notes."""
        ids = [uuid4() for _ in range(count)]
        await self.does(lambda id: WriteNote(id, uuid4(), str(id), "told"), ids)
        return ids

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

    async def heard(self, expected: dict[UUID, list[str]]) -> None:
        """Wait until the consumer has made exactly this of the notes."""

        async def all_of_it() -> bool:
            try:
                return await self.effects() == expected
            except OUTCOME_UNKNOWN:
                return False

        try:
            await eventually(all_of_it, within=LONG, what="every effect, each once")
        except AssertionError:
            assert await self.effects() == expected
            raise

    async def back_up(self, kernel: Kernel) -> BackupFile:
        declaration = kernel.declaration
        folder = BackupFolder(declaration.source, self.folder, b"b" * 32)
        return await create_backup(declaration, kernel.database.dsn, folder, datetime.now(UTC))

    async def restore(self, kernel: Kernel, file: BackupFile) -> None:
        """In the place of the live database, under the feet of everybody who uses it."""
        declaration = kernel.declaration
        folder = BackupFolder(declaration.source, self.folder, b"b" * 32)
        restore = Restore(declaration, kernel.database.dsn, SECRETS, folder)
        now = datetime.now(UTC) + timedelta(seconds=1)
        await restore.run(self.folder / file.filename, now, replace=True)

    async def _did(self, id: UUID, command: NoteCommand) -> bool:
        try:
            await self.producer.commands.handle(NOTE, id, command, cause())
        except OUTCOME_UNKNOWN:
            return False
        return True


@pytest.fixture
async def both(postgres: EmbeddedPostgres, amqp_url: str, tmp_path: Path) -> AsyncIterator[Both]:
    broker = RabbitMQBroker(amqp_url, partitions=2, exchange=f"test.{uuid4().hex}")
    hearing = replace(READER, source=f"reader_{uuid4().hex[:8]}")  # its queues are its own
    async with kernel_on(postgres) as producer, kernel_on(postgres, hearing) as consumer:
        yield Both(producer, consumer, broker, tmp_path)


async def test_consumers_of_a_restored_producer_neither_miss_nor_double_what_follows(
    both: Both,
) -> None:
    async with both.working():
        kept, burnt_and_lost = await both.write(5), await both.write(5)
        before = each((*kept, *burnt_and_lost), "told")
        await both.heard(before)
    # in the backup and not yet published: the former life publishes it, and the restored one again
    in_between = await both.write(3)
    file = await both.back_up(both.producer)
    async with both.working():
        await both.does(BurnNote, burnt_and_lost)
        lost = await both.write(4)
        burnt = each(burnt_and_lost, "told", "gone")
        await both.heard(before | each((*in_between, *lost), "told") | burnt)

        await both.restore(both.producer, file)
        await both.does(BurnNote, [*kept, *burnt_and_lost, *in_between])
        new = await both.write(4)

        # what was lost had its effect and keeps it; what happens anew has its own, once
        burnt = each((*kept, *in_between), "told", "gone")
        twice = each(burnt_and_lost, "told", "gone", "gone")
        await both.heard(burnt | twice | each((*lost, *new), "told"))

        # a second epoch is told apart from the first, with the same backup
        await both.restore(both.producer, file)
        await both.does(BurnNote, kept)
        twice |= each(kept, "told", "gone", "gone")
        await both.heard(burnt | twice | each((*lost, *new), "told"))


async def test_a_restored_consumer_hears_again_what_was_published_since(both: Both) -> None:
    async with both.working():
        early, changed = await both.write(4), await both.write(4)
        await both.heard(each((*early, *changed), "told"))
    file = await both.back_up(both.consumer)
    async with both.working():
        await both.does(BurnNote, changed)
        late = await both.write(4)
        expected = {
            **each((*early, *late), "told"),
            **each(changed, "told", "gone"),
        }
        await both.heard(expected)

        # nothing more is published: no message will tell it of what it has forgotten
        await both.restore(both.consumer, file)

        await both.heard(expected)
        await eventually(lambda: caught_up(both.consumer), within=LONG, what="the end of it")
        assert await both.effects() == expected


class OtherNews(ConsumedEvent):
    """Of a service that is not there."""

    type_name: ClassVar[str] = "other.news.v1"


async def test_a_source_without_a_feed_is_waited_for_and_the_others_are_heard_meanwhile(
    postgres: EmbeddedPostgres, both: Both
) -> None:
    ids = await both.write(3)
    async with both.working():
        await both.heard(each(ids, "told"))
    consumer = both.consumer
    async with consumer.database.owner() as owner:
        await owner.execute("delete from inbox")
        await owner.execute("delete from effects")
        await begin_epoch(owner, "a backup", datetime.now(UTC))
    both_sources = (*HANDLERS, MessageView(OtherNews, lambda message, envelope: []))

    async def catch_up(**local: Feed) -> None:
        feeds = Feeds("", {}, local)
        declaration = WorkerDeclaration(handlers=both_sources)
        worker = Worker(consumer, declaration, both.broker, feeds, SystemClock())
        await CatchingUp(consumer.database, worker.inbox, feeds, worker.declare).step()

    await catch_up(example=both.producer.feed)
    assert await both.effects() == each(ids, "told")
    assert not await caught_up(consumer)

    # it publishes nothing yet: any feed of an empty log will do
    async with kernel_on(postgres) as other:
        await catch_up(example=both.producer.feed, other=other.feed)
    assert await caught_up(consumer)
    assert await both.effects() == each(ids, "told")


def each(ids: Iterable[UUID], *effects: str) -> dict[UUID, list[str]]:
    return {id: list(effects) for id in ids}


async def caught_up(kernel: Kernel) -> bool:
    row = "select count(*) = 1 from epochs where caught_up_at is not null"
    async with kernel.database.reader() as reader:
        done: bool = await reader.connection.fetchval(row)
    return done
