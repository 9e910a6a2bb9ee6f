"""One command, one transaction: done, refused, repeated, lost the race, and unknown."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
import sqlalchemy as sa
from common.command_handling import (
    Answer,
    Commands,
    Handled,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
)
from common.database import Transaction
from common.embedded_postgres import EmbeddedPostgres
from common.kernel import Kernel
from common.problems import Conflict, Invalid, NotFound, PreconditionFailed, Unavailable
from common.read_models import Projection, Stamp
from common.statements import Statement, Write
from common.testing.example import (
    ALL_NOTES,
    NOTE,
    NOTES,
    BurnNote,
    ChangeNote,
    NoteChanged,
    NoteState,
    TitleTaken,
    WriteNote,
    notes,
)
from common.testing.kernel import EXAMPLE, cause, kernel_on

pytestmark = pytest.mark.integration


async def positions(kernel: Kernel) -> int:
    async with kernel.database.reader() as reader:
        count: int = await reader.connection.fetchval("select count(*) from events")
    return count


async def test_a_write_is_read_back_at_once(kernel: Kernel) -> None:
    id = uuid4()

    handled = await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "t", "x"), cause())

    rows = await kernel.database.fetch(ALL_NOTES)
    assert handled.version == 1
    assert [(row["note_id"], row["text"]) for row in rows] == [(id, "x")]


async def test_what_is_already_so_writes_nothing(kernel: Kernel) -> None:
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "t", "x"), cause())

    handled = await kernel.commands.handle(NOTE, id, ChangeNote(id, "x"), cause())

    assert (handled.version, await positions(kernel)) == (1, 1)


async def test_a_refusal_writes_nothing(kernel: Kernel) -> None:
    with pytest.raises(NotFound):
        await kernel.commands.handle(NOTE, uuid4(), ChangeNote(uuid4(), "x"), cause())

    assert await positions(kernel) == 0


async def test_a_taken_title_is_the_declared_refusal_and_leaves_no_event(kernel: Kernel) -> None:
    first, second = uuid4(), uuid4()
    await kernel.commands.handle(NOTE, first, WriteNote(first, uuid4(), "same", "x"), cause())

    with pytest.raises(TitleTaken):
        await kernel.commands.handle(NOTE, second, WriteNote(second, uuid4(), "same", "y"), cause())

    assert await positions(kernel) == 1


class TitleNeeded(Invalid):
    code = "title_needed"
    detail = "A title is needed."


_UNTITLED = Statement(
    sa.insert(notes).values(
        note_id=sa.bindparam("id"), version=sa.literal(1), title=sa.null(), text=sa.literal("")
    )
)


def an_untitled_copy(event: NoteChanged, _: Stamp) -> list[Write]:
    return [Write(_UNTITLED, {"id": uuid4()}, "copy")]


async def test_a_null_that_the_table_refuses_is_the_declared_refusal(
    postgres: EmbeddedPostgres,
) -> None:
    copies = Projection(NoteChanged, an_untitled_copy, {"notes.title": TitleNeeded})
    id = uuid4()
    async with kernel_on(postgres, replace(EXAMPLE, projections=(NOTES, copies))) as kernel:
        await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "t", "x"), cause())

        with pytest.raises(TitleNeeded):
            await kernel.commands.handle(NOTE, id, ChangeNote(id, "y"), cause())

        assert await positions(kernel) == 1
        [row] = await kernel.database.fetch(ALL_NOTES)
        assert row["text"] == "x"


async def test_what_belongs_to_a_command_is_written_with_it_or_not_at_all(kernel: Kernel) -> None:
    first, second = uuid4(), uuid4()
    write = WriteNote(first, uuid4(), "t", "x")

    async def also(transaction: Transaction) -> None:
        beside = WriteNote(second, uuid4(), "beside", "y")
        await kernel.commands.handle_in(transaction, NOTE, second, beside, cause())

    async def refuse(transaction: Transaction) -> None:
        await also(transaction)
        raise Conflict

    with pytest.raises(Conflict):
        await kernel.commands.handle(NOTE, first, write, cause(), then=refuse)
    assert await positions(kernel) == 0
    await kernel.commands.handle(NOTE, first, write, cause(), then=also)
    assert await positions(kernel) == 2


async def test_an_old_version_in_if_match_is_refused(kernel: Kernel) -> None:
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "t", "x"), cause())
    await kernel.commands.handle(NOTE, id, ChangeNote(id, "y"), cause(), expected=1)

    with pytest.raises(PreconditionFailed):
        await kernel.commands.handle(NOTE, id, ChangeNote(id, "z"), cause(), expected=1)


async def test_two_writers_who_saw_the_same_version_one_wins(kernel: Kernel) -> None:
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "t", "x"), cause())

    results = await asyncio.gather(
        *(
            kernel.commands.handle(NOTE, id, ChangeNote(id, f"by {n}"), cause(), expected=1)
            for n in range(8)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(result, PreconditionFailed) for result in results) == 7


async def test_without_if_match_the_loser_decides_again_or_hears_of_the_conflict(
    kernel: Kernel,
) -> None:
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "t", "x"), cause())

    results = await asyncio.gather(
        *(kernel.commands.handle(NOTE, id, ChangeNote(id, str(n)), cause()) for n in range(8)),
        return_exceptions=True,
    )

    won = sum(not isinstance(result, BaseException) for result in results)
    assert won + sum(isinstance(result, Conflict) for result in results) == 8
    assert await positions(kernel) == 1 + won


async def burn_twice(commands: Commands, key: object, fingerprints: tuple[bytes, bytes]) -> object:
    id = uuid4()
    for fingerprint in fingerprints:
        result = await commands.handle(
            NOTE,
            id,
            WriteNote(id, uuid4(), f"t{id}", "x"),
            cause(key, fingerprint=fingerprint),  # type: ignore[arg-type] # a UUID
            answer=lambda state, version: Answer(201, {"version": version}, {"ETag": '"1"'}),
        )
    return result


async def test_the_same_key_gives_the_first_answer_again(kernel: Kernel) -> None:
    result = await burn_twice(kernel.commands, uuid4(), (b"same", b"same"))

    assert result.replayed  # type: ignore[attr-defined] # a Handled
    assert result.answer == Answer(201, {"version": 1}, {"ETag": '"1"'})  # type: ignore[attr-defined]
    assert await positions(kernel) == 1


async def test_the_same_key_for_another_request_is_refused(kernel: Kernel) -> None:
    with pytest.raises(IdempotencyKeyReused):
        await burn_twice(kernel.commands, uuid4(), (b"one", b"two"))


async def test_the_same_key_at_once_has_one_effect(kernel: Kernel) -> None:
    key, author = uuid4(), uuid4()

    async def once() -> object:
        id = uuid4()
        return await kernel.commands.handle(
            NOTE,
            id,
            WriteNote(id, author, f"t{id}", "x"),
            cause(key, fingerprint=b"same"),
            answer=lambda state, version: Answer(201, None),
        )

    results = await asyncio.gather(*(once() for _ in range(20)))

    assert await positions(kernel) == 1
    assert sum(not result.replayed for result in results) == 1  # type: ignore[attr-defined] # Handled


async def test_a_command_whose_commit_was_not_seen_is_looked_up_and_not_repeated(
    kernel: Kernel,
) -> None:
    id, once = uuid4(), cause()
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "t", "x"), once)

    again = await kernel.commands.handle(NOTE, id, ChangeNote(id, "y"), once)

    assert again.replayed
    assert await positions(kernel) == 1


async def test_a_lost_connection_at_the_commit_has_one_effect_and_a_true_answer(
    kernel: Kernel,
) -> None:
    id = uuid4()
    async with kernel.database.owner() as owner:
        # the backend is killed as soon as its commit waits behind this lock
        await owner.execute(
            "create function die() returns trigger language plpgsql as $$ begin"
            " perform pg_terminate_backend(pg_backend_pid()); return null; end $$ security definer"
        )
        await owner.execute(
            "create constraint trigger die after insert on events"
            " deferrable initially deferred for each row execute function die()"
        )
        with pytest.raises(Exception, match="Nothing was changed"):
            await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "t", "x"), cause())
        await owner.execute("drop trigger die on events")

    assert await positions(kernel) == 0
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "t", "x"), cause())
    await kernel.commands.handle(NOTE, id, BurnNote(id), cause())
    assert await positions(kernel) == 2


async def test_a_statement_that_arrives_after_its_caller_was_told_no_has_no_effect(
    kernel: Kernel,
) -> None:
    id, key = uuid4(), uuid4()

    async def write() -> Handled[NoteState]:
        keyed = cause(key, fingerprint=b"same")
        return await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "t", "x"), keyed)

    async with kernel.database.owner() as owner:
        async with owner.transaction():
            await owner.execute("lock table events in share row exclusive mode")
            under_way = asyncio.create_task(write())
            pool = kernel.database._pool
            while not await owner.fetchval(WAITING):  # noqa: ASYNC110 (PostgreSQL has no event)
                await asyncio.sleep(0.01)
            for connection in pool._in_use:
                connection.terminate()  # of our side alone: the server goes on with the statement
            with pytest.raises(Unavailable, match="Nothing was changed"):
                await under_way
        while await owner.fetchval(STILL_AT_IT):  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    assert await positions(kernel) == 0
    assert not (await write()).replayed
    assert (await write()).replayed
    assert await positions(kernel) == 1


async def test_a_request_whose_first_try_takes_too_long_is_told_so(kernel: Kernel) -> None:
    id, keyed = uuid4(), cause(fingerprint=b"same")
    async with kernel.database.owner() as owner, owner.transaction():
        await owner.execute(
            "insert into commands (id, stream, first_version, last_version, at)"
            " values ($1, 'note-1', 1, 1, $2)",
            keyed.command_id,
            keyed.now,
        )
        with pytest.raises(IdempotencyKeyInUse):
            await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "t", "x"), keyed)


WAITING = "select exists (select from pg_locks where relation = 'events'::regclass and not granted)"
STILL_AT_IT = """
    select exists (select from pg_stat_activity where datname = current_database()
                      and state = 'active' and pid <> pg_backend_pid())"""
