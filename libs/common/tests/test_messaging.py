"""From one log to another service: in order, once, nothing lost, one bad stream alone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from common.broker import BrokerUnavailable, Outgoing
from common.embedded_postgres import EmbeddedPostgres
from common.in_process import InProcessBroker
from common.inbox_rows import Verdict, judge
from common.kernel import Kernel
from common.log_followers import LeadershipLost, Lease, move_cursor
from common.messages import Envelope
from common.parking import drop, list_parked
from common.relay import Relay
from common.replaying import replay
from common.testing.example import NOTE, BurnNote, ChangeNote, WriteNote, publish
from common.testing.kernel import cause
from common.testing.reader import Reader, reader_on


@pytest.fixture
async def reader(postgres: EmbeddedPostgres, kernel: Kernel) -> AsyncIterator[Reader]:
    """The second service; the feed is the first one's."""

    async def missing(source: str, stream: str, after: int) -> Sequence[bytes]:
        return await kernel.feed(stream, after)

    async with reader_on(postgres, missing) as reader:
        yield reader


async def write(kernel: Kernel, text: str) -> UUID:
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), str(id), text), cause())
    return id


async def life(kernel: Kernel, text: str) -> UUID:
    """A note with three events, of which the first and the last are public."""
    id = await write(kernel, text)
    await kernel.commands.handle(NOTE, id, ChangeNote(id, text + " changed"), cause())
    await kernel.commands.handle(NOTE, id, BurnNote(id), cause())
    return id


async def messages(kernel: Kernel, id: UUID) -> list[bytes]:
    return await kernel.feed(NOTE.stream(id), 0)


class Recorder:
    """A publisher that keeps what it was given and confirms as many as it is told to."""

    def __init__(self, confirm: int = 1_000_000) -> None:
        self.sent: list[Outgoing] = []
        self.confirm = confirm

    async def publish(self, messages: Sequence[Outgoing]) -> int:
        self.sent += messages
        return min(self.confirm, len(messages))


async def relay_once(kernel: Kernel, publisher: Recorder) -> None:
    relay = Relay(kernel.database, kernel.store, publish, InProcessBroker(), kernel.seal)
    async with kernel.database.reader() as reader:
        row = await reader.connection.fetchrow(
            "insert into cursors values ('relay', 0, 1) on conflict (name)"
            " do update set epoch = cursors.epoch + 1 returning epoch, position"
        )
    await relay.step(Lease("relay", row["epoch"], row["position"]), publisher)


@pytest.mark.parametrize(
    ("last", "parked", "prev", "version", "verdict"),
    [
        (0, False, 0, 1, Verdict.APPLY),
        (1, False, 1, 3, Verdict.APPLY),
        (3, False, 1, 3, Verdict.DUPLICATE),
        (3, True, 1, 2, Verdict.DUPLICATE),
        (3, True, 3, 4, Verdict.PARKED),
        (0, False, 1, 3, Verdict.GAP),
    ],
)
def test_the_inbox_row_tells_what_a_message_is(
    last: int, parked: bool, prev: int, version: int, verdict: Verdict
) -> None:
    assert judge(last, parked, prev, version) is verdict


@pytest.mark.integration
async def test_the_relay_publishes_in_order_and_names_the_previous_one(kernel: Kernel) -> None:
    id = await life(kernel, "x")
    recorder = Recorder()

    await relay_once(kernel, recorder)

    sent = [Envelope.from_bytes(message.body) for message in recorder.sent]
    assert [(e.stream, e.version, e.prev) for e in sent] == [
        (NOTE.stream(id), 1, 0),
        (NOTE.stream(id), 3, 1),
    ]


@pytest.mark.integration
async def test_the_wire_never_holds_personal_data_in_clear(kernel: Kernel) -> None:
    await write(kernel, "my telephone number")
    recorder = Recorder()

    await relay_once(kernel, recorder)

    assert b"telephone" not in recorder.sent[0].body


@pytest.mark.integration
async def test_what_was_not_confirmed_is_published_again(kernel: Kernel) -> None:
    for n in range(5):
        await write(kernel, str(n))
    doubtful = Recorder(confirm=2)
    with pytest.raises(BrokerUnavailable):
        await relay_once(kernel, doubtful)
    healthy = Recorder()

    await relay_once(kernel, healthy)

    assert [m.id for m in healthy.sent] == [m.id for m in doubtful.sent[2:]]


@pytest.mark.integration
async def test_a_leader_that_was_overtaken_cannot_move_the_cursor(kernel: Kernel) -> None:
    async with kernel.database.reader() as reader:
        await reader.connection.execute("insert into cursors values ('relay', 0, 7)")

    with pytest.raises(LeadershipLost):
        async with kernel.database.transaction() as transaction:
            await move_cursor(transaction, Lease("relay", 6, 0), 5)


@pytest.mark.integration
async def test_a_message_twice_has_one_effect(kernel: Kernel, reader: Reader) -> None:
    id = await life(kernel, "once")
    batch = await messages(kernel, id)

    await reader.inbox.handle([*batch, *batch])
    await reader.inbox.handle(batch)

    assert await reader.saw() == [(id, "once"), (id, "gone")]


@pytest.mark.integration
async def test_messages_out_of_order_have_their_effect_in_order(
    kernel: Kernel, reader: Reader
) -> None:
    id = await life(kernel, "first")
    first, last = await messages(kernel, id)

    await reader.inbox.handle([last, first])

    assert await reader.saw() == [(id, "first"), (id, "gone")]


@pytest.mark.integration
async def test_a_lost_message_is_noticed_and_fetched(kernel: Kernel, reader: Reader) -> None:
    lost, other = await life(kernel, "lost"), await life(kernel, "other")
    *_, last = await messages(kernel, lost)

    await reader.inbox.handle([last, *await messages(kernel, other)])

    assert [what for id, what in await reader.saw() if id == lost] == ["lost", "gone"]
    assert [what for id, what in await reader.saw() if id == other] == ["other", "gone"]


@pytest.mark.integration
async def test_a_gap_that_cannot_be_closed_parks_its_stream_until_replayed(
    postgres: EmbeddedPostgres, kernel: Kernel
) -> None:
    away = True

    async def missing(source: str, stream: str, after: int) -> Sequence[bytes]:
        if away:
            raise OSError("the producer is away")
        return await kernel.feed(stream, after)

    id, other = await life(kernel, "lost"), await life(kernel, "other")
    async with reader_on(postgres, missing) as reader:
        database = reader.kernel.database
        await reader.inbox.handle([(await messages(kernel, id))[1], *await messages(kernel, other)])
        assert {found for found, _ in await reader.saw()} == {other}
        assert [row["reason"] for row in await list_parked(database)] == ["gap"]
        away = False

        await replay(database, reader.inbox, "example", NOTE.stream(id))

        assert [what for found, what in await reader.saw() if found == id] == ["lost", "gone"]
        assert await list_parked(database) == []


@pytest.mark.integration
async def test_poison_parks_its_stream_and_the_others_go_on(kernel: Kernel, reader: Reader) -> None:
    bad, good = await life(kernel, "bad"), await life(kernel, "good")
    reader.poisonous.add("bad")

    await reader.inbox.handle([*await messages(kernel, bad), *await messages(kernel, good)])

    database = reader.kernel.database
    assert {id for id, _ in await reader.saw()} == {good}
    assert [row["reason"] for row in await list_parked(database)] == ["poison", "behind"]

    reader.poisonous.clear()
    await replay(database, reader.inbox, "example", NOTE.stream(bad))
    assert [what for id, what in await reader.saw() if id == bad] == ["bad", "gone"]


@pytest.mark.integration
async def test_a_replay_that_fails_again_is_parked_again_and_nothing_is_lost(
    kernel: Kernel, reader: Reader
) -> None:
    bad = await life(kernel, "bad")
    reader.poisonous.add("bad")
    await reader.inbox.handle(await messages(kernel, bad))
    database = reader.kernel.database

    await replay(database, reader.inbox, "example", NOTE.stream(bad))

    assert [row["version"] for row in await list_parked(database)] == [1, 3]


@pytest.mark.integration
async def test_a_dropped_stream_goes_on_behind_what_was_given_up(
    kernel: Kernel, reader: Reader
) -> None:
    bad = await write(kernel, "bad")
    reader.poisonous.add("bad")
    await reader.inbox.handle(await messages(kernel, bad))
    await kernel.commands.handle(NOTE, bad, BurnNote(bad), cause())

    await drop(reader.kernel.database, "reader", "example", NOTE.stream(bad))
    await reader.inbox.handle(await messages(kernel, bad))

    assert await reader.saw() == [(bad, "gone")]


@pytest.mark.integration
async def test_bytes_that_are_no_message_are_parked_and_the_rest_goes_on(
    kernel: Kernel, reader: Reader
) -> None:
    id = await write(kernel, "good")

    await reader.inbox.handle([b"\xff not json", b'{"id": 7}', *await messages(kernel, id)])

    assert await reader.saw() == [(id, "good")]
    parked = await list_parked(reader.kernel.database)
    assert [row["reason"] for row in parked] == ["malformed", "malformed"]


@pytest.mark.integration
async def test_an_unknown_version_of_a_type_is_parked_and_an_unknown_type_passed_over(
    kernel: Kernel, reader: Reader
) -> None:
    id, other = await write(kernel, "x"), await write(kernel, "y")
    envelope = Envelope.from_bytes((await messages(kernel, id))[0])
    newer = replace(envelope, type="example.note_shared.v2")
    foreign = Envelope.from_bytes((await messages(kernel, other))[0])
    unknown = replace(foreign, type="example.note_framed.v1")

    await reader.inbox.handle([newer.to_bytes(), unknown.to_bytes()])

    assert await reader.saw() == []
    assert [r["stream"] for r in await list_parked(reader.kernel.database)] == [NOTE.stream(id)]


@pytest.mark.integration
async def test_everything_written_arrives_while_it_is_written(
    kernel: Kernel, reader: Reader
) -> None:
    broker = InProcessBroker()
    await broker.declare("reader", reader.inbox.types)
    relay = Relay(kernel.database, kernel.store, publish, broker, kernel.seal)
    tasks = [
        asyncio.ensure_future(broker.consume("reader", reader.inbox.types, reader.inbox.handle)),
        asyncio.ensure_future(relay.run(kernel.wake)),
    ]

    ids = [await life(kernel, f"text {n}") for n in range(40)]
    async with asyncio.timeout(20):
        while len(await reader.saw()) < 80:  # noqa: ASYNC110 (a condition in a database)
            await asyncio.sleep(0.02)
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    saw = await reader.saw()
    assert len(saw) == 80
    for n, id in enumerate(ids):
        assert [what for found, what in saw if found == id] == [f"text {n}", "gone"]
