"""P11: after an erasure no plaintext is left in any table, queue or log; others are untouched."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import aio_pika
import asyncpg
import pytest
import sqlalchemy as sa
from aio_pika.abc import AbstractIncomingMessage
from common.clock import MovableClock
from common.command_handling import Answer
from common.embedded_postgres import EmbeddedPostgres
from common.event_store import Cause
from common.inbox import Inbox, MessageView
from common.kernel import Kernel
from common.messages import Envelope
from common.rabbitmq import RabbitMQBroker
from common.rabbitmq_topology import dead_letter_queue
from common.relay import Relay
from common.snapshots import SnapshotPolicy
from common.statements import Statement, Write
from common.testing.example import NOTE, BurnNote, ChangeNote, NoteState, WriteNote, publish
from common.testing.kernel import EXAMPLE, NOW, cause, kernel_at, kernel_on
from common.testing.logs import json_log
from common.testing.reader import NoteGone, NoteShared
from common.testing.waiting import eventually
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import insert

pytestmark = pytest.mark.integration

POLICY = SnapshotPolicy(NOTE, TypeAdapter(NoteState), every=2)
DECLARATION = replace(EXAMPLE, snapshots=(POLICY,))

copies = sa.table("copies", sa.column("note_id", sa.Uuid), sa.column("text", sa.Text))
COPY = Statement(insert(copies))
FORGET = Statement(sa.delete(copies).where(copies.c.note_id == sa.bindparam("id", type_=sa.Uuid)))


@dataclass(frozen=True)
class Person:
    """Somebody, and a text of theirs that stands nowhere else."""

    id: UUID
    secret: str
    notes: tuple[UUID, UUID]

    @staticmethod
    def new() -> "Person":
        return Person(uuid4(), f"heliotrope {uuid4().hex}", (uuid4(), uuid4()))

    def why(self, note: UUID) -> Cause:
        return Cause(note, NOW, actor=self.id, fingerprint=b"written")


def forms(secret: str) -> list[str]:
    """How the secret looks in text: as it is, in hexadecimal, in base64 at each offset."""
    raw = secret.encode()
    shifted = [b64encode(bytes(n) + raw).decode()[4:-4] for n in range(3)]
    return [secret, raw.hex(), *shifted]


async def tables_with(dsn: str, secret: str) -> set[str]:
    """Every table of every schema that holds the secret in any form."""
    connection = await asyncpg.connect(dsn)
    try:
        names = [row["name"] for row in await connection.fetch(_TABLES)]
        found: set[str] = set()
        for name in names:
            rows = await connection.fetch(f"select whole::text as text from {name} as whole")
            if any(form in row["text"] for row in rows for form in forms(secret)):
                found.add(name)
    finally:
        await connection.close()
    assert {"public.events", "public.commands", "public.parked"} <= set(names)
    return found


async def messages_in(amqp_url: str, queue: str, count: int) -> list[str]:
    """What waits in a queue: bodies, headers, routing keys. It stays there."""
    found: list[str] = []

    async def look(message: AbstractIncomingMessage) -> None:
        found.append(f"{message.routing_key} {message.headers} {message.body.decode()}")

    async def all_there() -> bool:
        return len(found) == count

    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        await (await channel.get_queue(queue)).consume(look)
        await eventually(all_there, what=f"{count} messages")
    return found


async def waiting_in(amqp_url: str, queue: str) -> int:
    """How many messages wait in a queue."""
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        declared = await channel.declare_queue(queue, passive=True)
        return declared.declaration_result.message_count or 0


@asynccontextmanager
async def copying_service(postgres: EmbeddedPostgres) -> AsyncIterator[tuple[Kernel, Inbox]]:
    """A service that keeps copies of notes, and cannot handle those that say poison."""

    def keep(message: NoteShared, envelope: Envelope) -> list[Write]:
        if "poison" in message.text:
            raise ArithmeticError
        return [Write(COPY, {"note_id": message.note_id, "text": message.text}, message.note_id)]

    def forget(message: NoteGone, envelope: Envelope) -> list[Write]:
        return [Write(FORGET, {"id": message.note_id}, message.note_id)]

    async with kernel_on(postgres) as kernel:
        async with kernel.database.owner() as owner:
            await owner.execute("create table copies (note_id uuid primary key, text text)")
            await owner.execute("grant all on copies to cartulary_service")
        handlers = [MessageView(NoteShared, keep), MessageView(NoteGone, forget)]
        clock = MovableClock(NOW)
        yield kernel, Inbox("copies", kernel.commands, handlers, kernel.seal, no_feed, clock)


async def no_feed(source: str, stream: str, after: int) -> Sequence[bytes]:
    raise LookupError("nothing is lost here")


async def live(kernel: Kernel, person: Person) -> None:
    """Two notes: one with a long life, one that the reader cannot handle."""
    first, second = person.notes
    for note, text in ((first, person.secret), (second, f"poison {person.secret}")):
        command = WriteNote(note, person.id, str(note), text)
        told = Answer(201, {"text": text})
        await kernel.commands.handle(
            NOTE, note, command, person.why(note), answer=lambda state, version, told=told: told
        )
    for n in range(4):
        await kernel.commands.handle(
            NOTE, first, ChangeNote(first, f"{n} {person.secret}"), cause()
        )
    await eventually(lambda: has_snapshot(kernel, first), what="a snapshot")


async def has_snapshot(kernel: Kernel, note: UUID) -> bool:
    async with kernel.database.reader() as reader:
        start = await kernel.commands.snapshots.newest(reader, NOTE, NOTE.stream(note))
    return start.version > 0


@asynccontextmanager
async def connected(
    kernel: Kernel, inbox: Inbox, broker: RabbitMQBroker, group: str
) -> AsyncIterator[None]:
    """Everything the kernel publishes goes over the broker to the inbox meanwhile."""
    relay = Relay(kernel.database, kernel.store, publish, broker, kernel.seal)
    tasks = [
        asyncio.ensure_future(relay.run(kernel.wake)),
        asyncio.ensure_future(broker.consume(group, inbox.types, inbox.handle)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def erase(kernel: Kernel, copier: Kernel, person: Person) -> None:
    """As services do it: the key and the person's things in one transaction, in each of them."""
    async with kernel.database.transaction() as transaction:
        await kernel.store.keys.erase(transaction, person.id, NOW)
        for note in person.notes:
            await kernel.commands.handle_in(transaction, NOTE, note, BurnNote(note), cause())
    async with copier.database.transaction() as transaction:
        await copier.store.keys.erase(transaction, person.id, NOW)


async def heard_of(copier: Kernel, count: int) -> bool:
    """Whether so many messages have had their effect or are parked, first and later ones."""
    async with copier.database.reader() as reader:
        parked = await reader.connection.fetchval("select count(*) from parked")
        streams = await reader.connection.fetchval(
            "select coalesce(sum(case when last_version = 0 then 0 when last_version = 1 then 1"
            " else 2 end), 0) from inbox"
        )
    return bool(parked + streams == count)


async def test_after_an_erasure_no_plaintext_is_left_and_others_are_untouched(
    postgres: EmbeddedPostgres, amqp_url: str
) -> None:
    gone, other = Person.new(), Person.new()
    broker = RabbitMQBroker(amqp_url, partitions=1, exchange=f"test.{uuid4().hex}")
    group, idle = f"copies-{uuid4().hex}", f"idle-{uuid4().hex}"
    with json_log("debug") as log:
        async with (
            kernel_on(postgres, DECLARATION) as kernel,
            copying_service(postgres) as (copier, inbox),
        ):
            databases = (kernel.database.dsn, copier.database.dsn)
            await broker.declare(idle, inbox.types)
            await broker.declare(group, inbox.types)
            async with connected(kernel, inbox, broker, group):
                await live(kernel, gone)
                await live(kernel, other)
                await eventually(lambda: heard_of(copier, 4), what="all copied or parked")
                before = [await tables_with(dsn, gone.secret) for dsn in databases]
                await erase(kernel, copier, gone)
                await eventually(lambda: heard_of(copier, 6), what="the erasure heard of")
            after = [await tables_with(dsn, gone.secret) for dsn in databases]
            kept = [await tables_with(dsn, other.secret) for dsn in databases]
            waiting = await messages_in(amqp_url, f"{idle}.p0", 6)
            await is_read_as(databases[0], gone, {""}, None)
            told = Answer(201, {"text": other.secret})
            await is_read_as(
                databases[0], other, {f"3 {other.secret}", f"poison {other.secret}"}, told
            )

    # the search itself is able to find
    assert before == [{"public.notes", "public.snapshots"}, {"public.copies"}]
    assert after == [set(), set()]
    assert kept == [{"public.notes"}, {"public.copies"}]
    assert await waiting_in(amqp_url, f"{group}.p0") == 0
    assert await waiting_in(amqp_url, dead_letter_queue(group)) == 0
    for form in forms(gone.secret):
        assert form not in log.getvalue()
        assert not any(form in message for message in waiting)


async def is_read_as(dsn: str, person: Person, said: set[str], told: Answer | None) -> None:
    """By a process that starts now: the newest texts, and the answer to a repeated request."""
    async with kernel_at(dsn, DECLARATION) as kernel:
        assert await texts(kernel, person) == said
        assert await answer(kernel, person) == told


async def texts(kernel: Kernel, person: Person) -> set[str]:
    """What the log says today in the last text of each of somebody's notes."""
    found: set[str] = set()
    async with kernel.database.reader() as reader:
        for note in person.notes:
            stream = await kernel.store.load(reader, NOTE.stream(note))
            found.add([event.text for event in stream.events if hasattr(event, "text")][-1])
    return found


async def answer(kernel: Kernel, person: Person) -> Answer | None:
    """What a caller hears who repeats the request for the first note."""
    note = person.notes[0]
    handled = await kernel.commands.handle(NOTE, note, BurnNote(note), person.why(note))
    assert handled.replayed
    return handled.answer


async def test_who_still_remembers_a_key_writes_no_snapshot_of_an_erased_person(
    postgres: EmbeddedPostgres,
) -> None:
    gone, other = Person.new(), Person.new()
    note = gone.notes[0]
    async with kernel_on(postgres, DECLARATION) as kernel:
        dsn = kernel.database.dsn
        async with kernel_at(dsn, DECLARATION) as remembering:
            await live(remembering, gone)
            async with kernel.database.transaction() as transaction:
                await kernel.store.keys.erase(transaction, gone.id, NOW)
            async with remembering.database.transaction() as transaction:
                stream, _ = await remembering.commands.state(transaction, NOTE, note)
            assert gone.secret in stream.events[-1].text
            await live(remembering, other)

        assert "public.snapshots" in await tables_with(dsn, other.secret)
        assert "public.snapshots" not in await tables_with(dsn, gone.secret)


_TABLES = """
    select format('%I.%I', nspname, relname) as name
      from pg_class join pg_namespace on pg_namespace.oid = relnamespace
     where relkind in ('r', 'p', 'm') and nspname <> 'information_schema'
       and nspname not like 'pg\\_%'"""
