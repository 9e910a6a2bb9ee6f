"""One command, one transaction: done, refused, repeated, lost the race, and unknown."""

import asyncio
from uuid import uuid4

import pytest
from common.command_handling import (
    Answer,
    Commands,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
)
from common.kernel import Kernel
from common.problems import Conflict, NotFound, PreconditionFailed
from common.testing.example import ALL_NOTES, NOTE, BurnNote, ChangeNote, TitleTaken, WriteNote
from common.testing.kernel import cause

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

    results = await asyncio.gather(*(once() for _ in range(20)), return_exceptions=True)

    assert await positions(kernel) == 1
    failed = [result for result in results if isinstance(result, BaseException)]
    assert all(isinstance(result, IdempotencyKeyInUse) for result in failed)
    assert len(failed) < 20


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
