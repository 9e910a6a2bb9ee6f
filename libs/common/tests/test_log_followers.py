"""Following the log: what commits late is not skipped, and one process leads at a time."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import uuid4

import pytest
from common.command_handling import Commands
from common.database import Transaction
from common.event_store import Recorded
from common.kernel import Kernel
from common.log_followers import Follower, Wake, read_page
from common.testing.example import NOTE, ChangeNote, WriteNote
from common.testing.kernel import cause, kernel_at
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration


async def write_slowly(commands: Commands, seconds: float, *, keep: bool) -> None:
    """One note in a transaction that stays open after its append."""
    id = uuid4()
    with suppress(InterruptedError):
        async with commands.database.transaction() as transaction:
            command = WriteNote(id, uuid4(), str(id), "x")
            await commands.handle_in(transaction, NOTE, id, command, cause())
            await asyncio.sleep(seconds)
            if not keep:
                raise InterruptedError


async def test_the_horizon_stops_at_an_open_writer_and_passes_over_its_rollback(
    kernel: Kernel,
) -> None:
    slow = asyncio.ensure_future(write_slowly(kernel.commands, 60, keep=False))

    async def has_appended() -> bool:
        async with kernel.database.reader() as reader:
            return bool(
                await reader.connection.fetchval("select is_called from events_position_seq")
            )

    async def page_end() -> tuple[int, int]:
        async with kernel.database.reader() as reader:
            page = await read_page(reader, kernel.store, 0)
        return page.end, len(page.events)

    await eventually(has_appended)
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "fast", "x"), cause())
    assert await page_end() == (0, 0)
    slow.cancel()
    with suppress(asyncio.CancelledError):
        await slow

    assert await page_end() == (2, 1)


async def test_a_stuck_writer_holds_followers_and_nobody_else_and_they_catch_up(
    kernel: Kernel,
) -> None:
    """P14: the stuck one has its position, and neither commits nor ends."""
    seen: list[str] = []

    async def effects(transaction: Transaction, events: Sequence[Recorded]) -> None:
        seen.extend(record.stream for record in events)

    async def write() -> str:
        id = uuid4()
        await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), str(id), "x"), cause())
        return NOTE.stream(id)

    follower = Follower(kernel.database, kernel.store, "watch", effects, from_now=False)
    following = asyncio.ensure_future(follower.run(kernel.wake))
    before = [await write() for _ in range(5)]
    await eventually(lambda: holds(seen == before), what="the follower at the end")
    async with kernel.database.session("stuck") as stuck:
        await stuck.execute("begin")
        await stuck.execute(
            "insert into events (stream, category, version, type, schema, data, meta, hash)"
            " values ('note-stuck', 'note', 1, 'example.note_burnt', 1, '{}', '{}', '')"
        )
        meanwhile = [await write() for _ in range(30)]
        async with kernel.database.reader() as reader:
            page = await read_page(reader, kernel.store, 0)
        assert [record.stream for record in page.events] == before
        assert seen == before
        async with kernel.database.owner() as owner:
            await owner.execute("select pg_terminate_backend($1)", stuck.get_server_pid())

    await eventually(lambda: holds(seen == before + meanwhile), what="the follower at the end")
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def holds(condition: bool) -> bool:
    return condition


async def test_a_followers_effects_happen_once_however_many_processes_follow(
    kernel: Kernel,
) -> None:
    async with kernel.database.owner() as owner:
        await owner.execute("create table effects (stream text, version int)")
        await owner.execute("grant all on effects to cartulary_service")

    async def note(transaction: Transaction, events: Sequence[Recorded]) -> None:
        rows = [(record.stream, record.version) for record in events]
        await transaction.connection.executemany("insert into effects values ($1, $2)", rows)

    async with kernel_at(kernel.database.dsn) as second:
        tasks = [
            asyncio.ensure_future(
                Follower(one.database, one.store, "effects", note, from_now=False).run(one.wake)
            )
            for one in (kernel, second)
        ]
        for n in range(30):
            id = uuid4()
            await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), str(n), "x"), cause())
            await kernel.commands.handle(NOTE, id, ChangeNote(id, "y"), cause())

        async def all_there() -> bool:
            async with kernel.database.reader() as reader:
                return bool(await reader.connection.fetchval("select count(*) = 60 from effects"))

        await eventually(all_there)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with kernel.database.reader() as reader:
            count = await reader.connection.fetchval("select count(*) from effects")

    assert count == 60
    assert Wake().subscribe().is_set() is False
