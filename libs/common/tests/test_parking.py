"""Parked streams: tried again in order, given up one by one, healed by themselves; never half."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from common.embedded_postgres import EmbeddedPostgres
from common.kernel import Kernel
from common.messages import Envelope
from common.parking import Letter, LetterErased, drop, letters_of, list_parked, next_attempt
from common.replaying import replay, replay_due, retry_at
from common.testing.example import NOTE, BurnNote, ChangeNote, WriteNote
from common.testing.kernel import NOW, cause
from common.testing.reader import Reader, reader_on


class Feed:
    """The first service's feed, which can be away."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.away = False

    async def missing(self, source: str, stream: str, after: int) -> Sequence[bytes]:
        """As `Feeds.missing`."""
        if self.away:
            raise OSError("the producer is away")
        return await self._kernel.feed(stream, after)


@pytest.fixture
def feed(kernel: Kernel) -> Feed:
    """Where missing messages are asked for."""
    return Feed(kernel)


@pytest.fixture
async def reader(postgres: EmbeddedPostgres, feed: Feed) -> AsyncIterator[Reader]:
    """The second service."""
    async with reader_on(postgres, feed.missing) as reader:
        yield reader


async def life(kernel: Kernel, text: str, author: UUID | None = None) -> UUID:
    """A note with three events, of which the first and the last are public."""
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, author or uuid4(), str(id), text), cause())
    await kernel.commands.handle(NOTE, id, ChangeNote(id, text + " changed"), cause())
    await kernel.commands.handle(NOTE, id, BurnNote(id), cause())
    return id


async def messages(kernel: Kernel, id: UUID) -> list[bytes]:
    return await kernel.feed(NOTE.stream(id), 0)


async def parked(reader: Reader, id: UUID) -> list[Letter]:
    return await letters_of(reader.kernel.database, "reader", NOTE.stream(id))


async def poisoned(kernel: Kernel, reader: Reader, text: str = "bad") -> UUID:
    """A note whose first message is parked, and its last behind it."""
    id = await life(kernel, text)
    reader.poisonous.add(text)
    await reader.inbox.handle(await messages(kernel, id))
    return id


async def try_again(reader: Reader, id: UUID) -> object:
    return await replay(reader.kernel.database, reader.inbox, "example", NOTE.stream(id))


@pytest.mark.integration
async def test_a_letter_that_fails_again_stays_with_one_attempt_more(
    kernel: Kernel, reader: Reader
) -> None:
    id = await poisoned(kernel, reader)

    for _ in range(2):
        await try_again(reader, id)

    first, behind = await parked(reader, id)
    assert (first.version, first.attempts, first.reason, first.error) == (1, 3, "poison", "Poison")
    assert (behind.version, behind.attempts, behind.reason) == (3, 1, "behind")
    assert await reader.saw() == []


@pytest.mark.integration
async def test_a_letter_that_ends_its_process_is_still_parked_and_counted(
    kernel: Kernel, reader: Reader
) -> None:
    id = await poisoned(kernel, reader)
    stream = NOTE.stream(id)

    await next_attempt(reader.kernel.database, "reader", "example", stream)  # and then kill -9

    assert [(letter.version, letter.attempts) for letter in await parked(reader, id)] == [
        (1, 2),
        (3, 1),
    ]
    reader.poisonous.clear()
    await try_again(reader, id)
    assert await reader.saw() == [(id, "bad"), (id, "gone")]


@pytest.mark.integration
async def test_new_messages_of_a_stream_queue_behind_it_while_it_is_replayed(
    kernel: Kernel, reader: Reader
) -> None:
    id = await life(kernel, "bad")
    reader.poisonous.add("bad")
    first, last = await messages(kernel, id)
    await reader.inbox.handle([first])
    reader.poisonous.clear()

    await asyncio.gather(
        try_again(reader, id),
        *(reader.inbox.handle([last]) for _ in range(5)),
        try_again(reader, id),
    )
    await try_again(reader, id)

    assert await reader.saw() == [(id, "bad"), (id, "gone")]
    assert await list_parked(reader.kernel.database) == []


@pytest.mark.integration
async def test_dropping_the_first_letter_lets_the_rest_go_on_in_order(
    kernel: Kernel, reader: Reader
) -> None:
    id = await poisoned(kernel, reader)
    stream = NOTE.stream(id)

    dropped = await drop(reader.kernel.database, "reader", "example", stream, only_first=True)

    assert [letter.version for letter in dropped] == [1]
    assert [letter.version for letter in await parked(reader, id)] == [3]
    await try_again(reader, id)
    assert await reader.saw() == [(id, "gone")]
    assert await parked(reader, id) == []


@pytest.mark.integration
async def test_what_stayed_behind_a_dropped_letter_goes_on_by_itself(
    kernel: Kernel, reader: Reader
) -> None:
    id = await poisoned(kernel, reader)
    database = reader.kernel.database
    await drop(database, "reader", "example", NOTE.stream(id), only_first=True)

    assert await replay_due(database, reader.inbox, NOW + timedelta(minutes=1)) == 1

    assert await reader.saw() == [(id, "gone")]


@pytest.mark.integration
async def test_what_was_erased_is_passed_over(kernel: Kernel, reader: Reader) -> None:
    author, database = uuid4(), reader.kernel.database
    id = await life(kernel, "bad", author)
    reader.poisonous.add("bad")
    await reader.inbox.handle(await messages(kernel, id))

    async with database.transaction() as transaction:
        await reader.kernel.store.keys.erase(transaction, author, NOW)
    await try_again(reader, id)

    assert await reader.saw() == [(id, "gone")]
    assert await parked(reader, id) == []


@pytest.mark.integration
async def test_a_person_erased_while_their_letter_is_handled_leaves_no_trace(
    kernel: Kernel, reader: Reader
) -> None:
    author, database = uuid4(), reader.kernel.database
    id = await life(kernel, "bad", author)
    reader.poisonous.add("bad")
    await reader.inbox.handle((await messages(kernel, id))[:1])
    reader.poisonous.clear()
    letter = await next_attempt(database, "reader", "example", NOTE.stream(id))
    assert letter is not None
    assert letter.raw is not None

    async with database.transaction() as transaction:
        await reader.kernel.store.keys.erase(transaction, author, NOW)
    with pytest.raises(LetterErased):
        await reader.inbox.replay(Envelope.from_bytes(letter.raw), letter.raw, letter.id)

    assert await reader.saw() == []


@pytest.mark.integration
async def test_a_gap_heals_by_itself_when_the_feed_is_back(
    kernel: Kernel, reader: Reader, feed: Feed
) -> None:
    id, database = await life(kernel, "lost"), reader.kernel.database
    feed.away = True
    await reader.inbox.handle((await messages(kernel, id))[1:])
    (letter,) = await parked(reader, id)
    assert (letter.reason, letter.error) == ("gap", "OSError")

    at = letter.parked_at
    assert await replay_due(database, reader.inbox, at + timedelta(seconds=4)) == 0
    assert await replay_due(database, reader.inbox, at + timedelta(seconds=5)) == 1
    assert [letter.attempts for letter in await parked(reader, id)] == [2]
    feed.away = False
    assert await replay_due(database, reader.inbox, at + timedelta(seconds=14)) == 0
    assert await replay_due(database, reader.inbox, at + timedelta(seconds=15)) == 1

    assert await reader.saw() == [(id, "lost"), (id, "gone")]
    assert await parked(reader, id) == []


@pytest.mark.integration
async def test_poison_never_tries_itself_again(kernel: Kernel, reader: Reader) -> None:
    id = await poisoned(kernel, reader)

    due = await replay_due(reader.kernel.database, reader.inbox, NOW + timedelta(days=365))

    assert due == 0
    assert [letter.attempts for letter in await parked(reader, id)] == [1, 1]


@pytest.mark.integration
async def test_poison_among_fetched_messages_is_what_is_parked(
    kernel: Kernel, reader: Reader
) -> None:
    id = await life(kernel, "bad")
    reader.poisonous.add("bad")

    await reader.inbox.handle((await messages(kernel, id))[1:])

    assert [(letter.version, letter.reason) for letter in await parked(reader, id)] == [
        (1, "poison"),
        (3, "behind"),
    ]


@pytest.mark.integration
async def test_bytes_that_are_no_message_stay_when_they_are_tried_again(reader: Reader) -> None:
    await reader.inbox.handle([b"not a message"])
    database = reader.kernel.database
    (row,) = await list_parked(database)

    outcome = await replay(database, reader.inbox, row["source"], row["stream"])

    assert (outcome.handled, outcome.reason) == (0, "malformed")
    assert [row["attempts"] for row in await list_parked(database)] == [2]


def test_the_pauses_between_attempts_grow_to_ten_minutes() -> None:
    tried = [retry_at(NOW, attempts) for attempts in range(12)]

    pauses = [(later - at).total_seconds() for at, later in pairwise(tried)]
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 600, 600, 600, 600]
