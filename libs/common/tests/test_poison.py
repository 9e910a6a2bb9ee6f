"""P7: a stream that cannot be handled waits alone, and goes on in order when it is mended."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID, uuid4

import pytest
from common.embedded_postgres import EmbeddedPostgres
from common.kernel import Kernel
from common.parking import list_parked
from common.replaying import replay
from common.testing.example import NOTE, BurnNote, WriteNote
from common.testing.kernel import cause, kernel_on
from common.testing.logs import json_log
from common.testing.reader import Reader, reader_on
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
async def kernel(postgres: EmbeddedPostgres) -> AsyncIterator[Kernel]:
    """One for all examples: each has streams of its own."""
    async with kernel_on(postgres) as kernel:
        yield kernel


@pytest.fixture(scope="module")
async def reader(postgres: EmbeddedPostgres, kernel: Kernel) -> AsyncIterator[Reader]:
    """The second service; the feed is the first one's."""

    async def missing(source: str, stream: str, after: int) -> Sequence[bytes]:
        return await kernel.feed(stream, after)

    async with reader_on(postgres, missing) as reader:
        yield reader


async def two_messages(kernel: Kernel, text: str) -> tuple[UUID, list[bytes]]:
    """A note that was written and burnt."""
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), str(id), text), cause())
    await kernel.commands.handle(NOTE, id, BurnNote(id), cause())
    return id, await kernel.feed(NOTE.stream(id), 0)


def interleaved(queues: list[list[bytes]], order: Sequence[int]) -> list[bytes]:
    """The messages of all streams in some order that keeps each stream's own."""
    left = [list(queue) for queue in queues]
    chosen = [left[n % len(left)].pop(0) for n in order if left[n % len(left)]]
    return chosen + [message for queue in left for message in queue]


@pytest.mark.integration
@given(
    poisonous=st.lists(st.booleans(), min_size=2, max_size=5),
    order=st.lists(st.integers(0, 4), max_size=10),
    size=st.integers(1, 10),
)
@settings(max_examples=15, deadline=None)  # a step is a transaction on a disk that others share
async def test_any_poison_delays_no_other_stream_and_is_handled_in_order_once_mended(
    kernel: Kernel, reader: Reader, poisonous: Sequence[bool], order: Sequence[int], size: int
) -> None:
    lives = [await two_messages(kernel, "bad" if bad else "good") for bad in poisonous]
    messages = interleaved([queue for _, queue in lives], order)
    reader.poisonous.add("bad")

    async def whats(id: UUID) -> list[str]:
        return [what for found, what in await reader.saw() if found == id]

    for start in range(0, len(messages), size):
        batch = messages[start : start + size]
        with json_log("critical"):  # tracebacks for people take longer than everything else
            await reader.inbox.handle(batch)
        # nobody waits longer than for the batch that they are in
        for (id, queue), bad in zip(lives, poisonous, strict=True):
            arrived = sum(message in messages[: start + size] for message in queue)
            assert await whats(id) == ([] if bad else ["good", "gone"][:arrived])
    database = reader.kernel.database
    parked = {row["stream"]: row["reason"] for row in await list_parked(database)}
    bad_ids = [id for (id, _), bad in zip(lives, poisonous, strict=True) if bad]
    assert set(parked) == {NOTE.stream(id) for id in bad_ids}

    reader.poisonous.clear()
    for id in bad_ids:
        await replay(database, reader.inbox, "example", NOTE.stream(id))

    assert [await whats(id) for id in bad_ids] == [["bad", "gone"]] * len(bad_ids)
    assert await list_parked(database) == []
