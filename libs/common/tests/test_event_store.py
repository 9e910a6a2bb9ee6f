"""The log: appended in order, sealed, chained, and never changed."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest
from common.event_store import Stream, VersionConflict, genesis
from common.kernel import Kernel
from common.testing.example import NOTE, ChangeNote, NoteWritten, WriteNote
from common.testing.kernel import cause, kernel_at
from common.verification import Flaw, verify_log

pytestmark = pytest.mark.integration


async def write(kernel: Kernel, text: str = "a secret", author: UUID | None = None) -> UUID:
    id = uuid4()
    command = WriteNote(id, author or uuid4(), f"title {id}", text)
    await kernel.commands.handle(NOTE, id, command, cause())
    return id


async def flaws(kernel: Kernel) -> list[Flaw]:
    return [flaw async for flaw in verify_log(kernel.database)]


async def test_what_was_appended_is_loaded(kernel: Kernel) -> None:
    id = await write(kernel, "hello")
    await kernel.commands.handle(NOTE, id, ChangeNote(id, "again"), cause())

    async with kernel.database.reader() as reader:
        stream = await kernel.store.load(reader, NOTE.stream(id))

    assert stream.version == 2
    assert [event.text for event in stream.events] == ["hello", "again"]


async def test_an_append_behind_somebody_else_is_a_conflict(kernel: Kernel) -> None:
    id = await write(kernel)
    name = NOTE.stream(id)
    stale = Stream(name, 0, genesis(name), ())
    event = NoteWritten(id, uuid4(), "t", "x")

    with pytest.raises(VersionConflict):
        async with kernel.database.transaction() as transaction:
            await kernel.store.append(transaction, stale, [event], cause())


async def test_an_append_that_would_leave_a_hole_is_a_conflict(kernel: Kernel) -> None:
    id = uuid4()
    ahead = Stream(NOTE.stream(id), 7, b"", ())
    event = NoteWritten(id, uuid4(), "t", "x")

    with pytest.raises(VersionConflict):
        async with kernel.database.transaction() as transaction:
            await kernel.store.append(transaction, ahead, [event], cause())


async def test_of_twenty_writers_of_one_version_one_wins(kernel: Kernel) -> None:
    id = uuid4()
    stream = Stream(NOTE.stream(id), 0, genesis(NOTE.stream(id)), ())

    async def append(n: int) -> None:
        async with kernel.database.transaction() as transaction:
            event = NoteWritten(id, uuid4(), str(n), "x")
            await kernel.store.append(transaction, stream, [event], cause())

    results = await asyncio.gather(*(append(n) for n in range(20)), return_exceptions=True)

    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, VersionConflict) for result in results) == 19


async def test_personal_data_never_stand_in_clear_in_the_log(kernel: Kernel) -> None:
    await write(kernel, "my telephone number")

    async with kernel.database.owner() as owner:
        rows = await owner.fetch("select data::text || meta::text as all from events")

    assert not any("telephone" in row["all"] for row in rows)


async def test_an_erased_person_is_gone_and_the_log_still_verifies(kernel: Kernel) -> None:
    author, other = uuid4(), uuid4()
    id, kept = await write(kernel, "gone", author), await write(kernel, "kept", other)

    async with kernel.database.transaction() as transaction:
        await kernel.store.keys.erase(transaction, author, cause().now)
    async with kernel_at(kernel.database.dsn) as fresh, fresh.database.reader() as reader:
        erased = await fresh.store.load(reader, NOTE.stream(id))
        untouched = await fresh.store.load(reader, NOTE.stream(kept))

    assert erased.events[0].text == ""
    assert untouched.events[0].text == "kept"
    assert await flaws(kernel) == []


async def test_what_is_written_of_an_erased_person_leaves_no_trace(kernel: Kernel) -> None:
    author = uuid4()
    async with kernel.database.transaction() as transaction:
        await kernel.store.keys.erase(transaction, author, cause().now)

    id = await write(kernel, "too late", author)

    async with kernel.database.owner() as owner:
        data = await owner.fetchval("select data from events where stream = $1", NOTE.stream(id))
    assert orjson.loads(data)["$sealed"]["author_id"][1] is None


async def test_a_key_made_in_a_transaction_that_failed_is_not_used_again(kernel: Kernel) -> None:
    author, id = uuid4(), uuid4()

    async def fail() -> None:
        async with kernel.database.transaction() as transaction:
            command = WriteNote(id, author, "t", "lost")
            await kernel.commands.handle_in(transaction, NOTE, id, command, cause())
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError):
        await fail()
    await kernel.commands.handle(NOTE, id, WriteNote(id, author, "t", "kept"), cause())

    async with kernel_at(kernel.database.dsn) as fresh, fresh.database.reader() as reader:
        stream = await fresh.store.load(reader, NOTE.stream(id))
    assert stream.events[0].text == "kept"


@pytest.mark.parametrize("statement", ["update events set version = 9", "delete from events"])
async def test_services_can_not_change_the_log(kernel: Kernel, statement: str) -> None:
    await write(kernel)

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with kernel.database.transaction() as transaction:
            await transaction.connection.execute(statement)


async def tamper(kernel: Kernel, statement: str, *values: object) -> None:
    async with kernel.database.owner() as owner:
        await owner.execute("alter table events disable trigger events_are_append_only")
        await owner.execute(statement, *values)


async def test_a_changed_event_is_found(kernel: Kernel) -> None:
    id = await write(kernel)
    await tamper(
        kernel,
        "update events set data = replace(data::text, 'title', 'fable')::json where stream = $1",
        NOTE.stream(id),
    )

    assert [(flaw.stream, flaw.version) for flaw in await flaws(kernel)] == [(NOTE.stream(id), 1)]


async def test_a_removed_event_is_found_in_the_middle_and_at_the_end(kernel: Kernel) -> None:
    cut, holed = await write(kernel), await write(kernel)
    for id in (cut, holed):
        await kernel.commands.handle(NOTE, id, ChangeNote(id, "two"), cause())
        await kernel.commands.handle(NOTE, id, ChangeNote(id, "three"), cause())
    await tamper(kernel, "delete from events where stream=$1 and version=3", NOTE.stream(cut))
    await tamper(kernel, "delete from events where stream=$1 and version=2", NOTE.stream(holed))

    found = {flaw.stream for flaw in await flaws(kernel)}

    assert found == {NOTE.stream(cut), NOTE.stream(holed)}
