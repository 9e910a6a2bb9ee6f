"""Commands of the same moment share a commit, and nothing else: no refusal, no wait, no end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import pytest
from common.command_handling import Handled
from common.embedded_postgres import EmbeddedPostgres
from common.event_store import Stream
from common.group_commit import AT_ONCE, LEAST_TOGETHER, MOST_TOGETHER
from common.kernel import Kernel
from common.testing.example import NOTE, NoteState, NoteWritten, TitleTaken, WriteNote
from common.testing.kernel import cause, kernel_on
from prometheus_client import REGISTRY

CROWD = 24
LARGEST = AT_ONCE * MOST_TOGETHER + LEAST_TOGETHER
AUTHOR = UUID(int=7)
BATCHES = "cartulary_group_commit_statements_count"

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
async def kernel(postgres: EmbeddedPostgres) -> AsyncIterator[Kernel]:
    async with kernel_on(postgres, pool_size=LARGEST + AT_ONCE) as kernel:
        first = uuid4()
        await write(kernel, first, str(first))  # the author's key is there
        yield kernel


async def write(kernel: Kernel, id: UUID, title: str) -> Handled[NoteState]:
    return await kernel.commands.handle(NOTE, id, WriteNote(id, AUTHOR, title, "x"), cause())


async def open_all(kernel: Kernel) -> None:
    """Let the pool open its connections: giving up while one is opened is another story."""
    async with AsyncExitStack() as stack:
        for _ in range(LARGEST + AT_ONCE):
            await stack.enter_async_context(kernel.database.reader())


async def committed(kernel: Kernel, ids: Sequence[UUID]) -> tuple[int, int]:
    """How many of these streams there are, and in how many transactions they were written."""
    async with kernel.database.reader() as reader:
        row = await reader.connection.fetchrow(
            "select count(*), count(distinct xmin::text) from events where stream = any($1)",
            [NOTE.stream(id) for id in ids],
        )
    return row[0], row[1]


async def test_a_crowd_is_written_in_few_transactions(kernel: Kernel) -> None:
    ids = [uuid4() for _ in range(CROWD)]

    handled = await asyncio.gather(*(write(kernel, id, str(id)) for id in ids))

    streams, transactions = await committed(kernel, ids)
    assert [each.version for each in handled] == [1] * CROWD
    assert streams == CROWD
    assert transactions <= CROWD // 2


@pytest.mark.parametrize(
    ("callers", "commits"),
    [
        (LEAST_TOGETHER, 1),
        (AT_ONCE * LEAST_TOGETHER, AT_ONCE),
        (CROWD, AT_ONCE),
        (LARGEST, AT_ONCE + 1),
    ],
)
async def test_those_who_come_in_one_round_of_the_loop_share_the_commits_that_are_free(
    kernel: Kernel, callers: int, commits: int
) -> None:
    ids = [uuid4() for _ in range(callers)]
    await open_all(kernel)

    async def append(id: UUID) -> None:
        async with kernel.database.reader() as reader:
            events = [NoteWritten(id, AUTHOR, str(id), "x")]
            await kernel.store.append(reader, Stream.begun(NOTE.stream(id)), events, cause())

    await asyncio.gather(*(append(id) for id in ids))

    assert await committed(kernel, ids) == (callers, commits)


async def test_who_comes_alone_goes_over_a_connection_of_its_own(kernel: Kernel) -> None:
    before, id = REGISTRY.get_sample_value(BATCHES), uuid4()

    await write(kernel, id, str(id))

    assert (await committed(kernel, [id]))[0] == 1
    assert REGISTRY.get_sample_value(BATCHES) == before


async def test_one_who_is_refused_takes_nobody_along(kernel: Kernel) -> None:
    ids = [uuid4() for _ in range(CROWD)]
    title = f"taken {ids[0]}"
    await write(kernel, uuid4(), title)

    told = await asyncio.gather(
        *(write(kernel, id, title if n % 8 == 5 else str(id)) for n, id in enumerate(ids)),
        return_exceptions=True,
    )

    refused = [n for n, each in enumerate(told) if isinstance(each, TitleTaken)]
    assert refused == [5, 13, 21]
    streams, _ = await committed(kernel, ids)
    assert streams == CROWD - len(refused)
    assert {type(each) for n, each in enumerate(told) if n not in refused} == {Handled}


async def test_nobody_waits_for_a_row_that_another_wants(kernel: Kernel) -> None:
    ids, held = [uuid4() for _ in range(CROWD)], f"held {uuid4()}"
    async with kernel.database.transaction() as holder:
        command = WriteNote(uuid4(), AUTHOR, held, "x")
        await kernel.commands.handle_in(holder, NOTE, command.note_id, command, cause())

        crowd = [
            asyncio.create_task(write(kernel, id, held if n == 9 else str(id)))
            for n, id in enumerate(ids)
        ]
        await asyncio.gather(*(task for n, task in enumerate(crowd) if n != 9))
        assert not crowd[9].done()

    with pytest.raises(TitleTaken):
        await crowd[9]


@pytest.mark.parametrize("waiting", [1, 2, 4])
async def test_those_who_wait_for_a_row_keep_nobody_from_a_commit(
    kernel: Kernel, waiting: int
) -> None:
    held = [f"held {uuid4()}" for _ in range(waiting)]
    async with kernel.database.transaction() as holder:
        for title in held:
            command = WriteNote(uuid4(), AUTHOR, title, "x")
            await kernel.commands.handle_in(holder, NOTE, command.note_id, command, cause())
        stuck = [asyncio.create_task(write(kernel, uuid4(), title)) for title in held]

        for _ in range(3):  # a crowd, which tries those who wait together with others, and then few
            for size in (CROWD, 2):
                told = await asyncio.gather(
                    *(write(kernel, uuid4(), f"{uuid4()}") for _ in range(size))
                )
                assert [each.version for each in told] == [1] * size
        assert not any(task.done() for task in stuck)

    assert {type(each) for each in await asyncio.gather(*stuck, return_exceptions=True)} == {
        TitleTaken
    }


@pytest.mark.parametrize("moment", [1, 10, 40, 160])
async def test_who_gives_up_leaves_the_others_alone(kernel: Kernel, moment: int) -> None:
    ids = [uuid4() for _ in range(CROWD)]
    await open_all(kernel)
    crowd = [asyncio.create_task(write(kernel, id, str(id))) for id in ids]
    for _ in range(moment):
        await asyncio.sleep(0)
    for impatient in crowd[::3]:
        impatient.cancel()

    told = await asyncio.gather(*crowd, return_exceptions=True)

    assert {type(each) for each in told[1::3] + told[2::3]} == {Handled}
    for id, each in zip(ids, told, strict=True):
        streams, _ = await committed(kernel, [id])
        assert streams == 1 or isinstance(each, asyncio.CancelledError)
