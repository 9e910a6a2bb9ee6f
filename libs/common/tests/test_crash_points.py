"""P5, P2 and P12: wherever it crashes between a commit and its effect elsewhere, view = fold."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from uuid import UUID, uuid4

import pytest
from common.broker import BrokerUnavailable, Outgoing
from common.clock import MovableClock
from common.embedded_postgres import EmbeddedPostgres
from common.in_process import InProcessBroker
from common.inbox import Inbox, MessageView, Reaction, Received
from common.kernel import Kernel
from common.log_followers import LeadershipLost, Lease
from common.messages import Envelope, PublishedEvent
from common.relay import Relay, feed
from common.statements import Write
from common.testing import example
from common.testing.example import NOTE, BurnNote, ChangeNote, NoteChanged, WriteNote
from common.testing.kernel import NOW, cause, kernel_on
from common.testing.machines import AsyncMachine, run_machine
from common.testing.reader import SEE, NoteGone, NoteShared, Reader, reader_on
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, precondition, rule

pytestmark = pytest.mark.integration


class Crash(BaseException):
    """The process ends here: nothing that follows may run, not even error handling."""


class RelayCrash(Enum):
    """Where the relay ends."""

    NOWHERE = auto()
    BEFORE_PUBLISHING = auto()
    IN_THE_MIDDLE_OF_PUBLISHING = auto()
    HALF_CONFIRMED = auto()
    BEFORE_THE_CURSOR_MOVED = auto()


class InboxCrash(Enum):
    """Where the consumer ends."""

    NOWHERE = auto()
    IN_THE_EFFECT = auto()
    BEFORE_THE_ACKNOWLEDGEMENT = auto()


def publish(event: object) -> PublishedEvent | None:
    """Every fact of a note is public here, so that its stream has many messages."""
    if isinstance(event, NoteChanged):
        return example.NoteShared(note_id=event.note_id, author_id=event.author_id, text=event.text)
    return example.publish(event)


@dataclass
class Queue:
    """One partition of a broker: keeps order, delivers at least once, forgets when acknowledged."""

    waiting: list[bytes] = field(default_factory=list)
    crash: RelayCrash = RelayCrash.NOWHERE

    async def publish(self, messages: Sequence[Outgoing]) -> int:
        bodies = [message.body for message in messages]
        half = len(bodies) // 2
        match self.crash:
            case RelayCrash.BEFORE_PUBLISHING:
                raise Crash
            case RelayCrash.IN_THE_MIDDLE_OF_PUBLISHING:
                self.waiting += bodies[:half]
                raise Crash
            case RelayCrash.HALF_CONFIRMED:  # the other half is lost
                self.waiting += bodies[:half]
                return half
            case RelayCrash.BEFORE_THE_CURSOR_MOVED:
                self.waiting += bodies
                raise Crash
            case RelayCrash.NOWHERE:
                self.waiting += bodies
                return len(bodies)


@dataclass
class Line:
    """One service's log, its relay, and the service that reads it."""

    kernel: Kernel
    reader: Reader
    relay: Relay
    inbox: Inbox
    crashes: list[Crash] = field(default_factory=list)
    """What the next effect raises."""

    async def take_over(self, *, from_now: bool = False) -> Lease:
        """Lead from now on: every lease given before is stale."""
        async with self.kernel.database.reader() as reader:
            row = await reader.connection.fetchrow(_TAKE_OVER, from_now)
        return Lease("relay", row["epoch"], row["position"])


@pytest.fixture(scope="module")
async def line(postgres: EmbeddedPostgres) -> AsyncIterator[Line]:
    async def missing(source: str, stream: str, after: int) -> Sequence[bytes]:
        return await feed(kernel.database, kernel.store, publish, kernel.seal, stream, after)

    async with kernel_on(postgres) as kernel, reader_on(postgres, missing) as reader:
        relay = Relay(kernel.database, kernel.store, publish, InProcessBroker(), kernel.seal)
        crashes: list[Crash] = []

        def on_shared(message: NoteShared, envelope: Envelope) -> list[Write]:
            if crashes:
                raise crashes.pop()
            values = {"note_id": message.note_id, "what": message.text, "n": envelope.version}
            return [Write(SEE, values, message.note_id)]

        async def on_gone(message: NoteGone, received: Received) -> None:
            values = {"note_id": message.note_id, "what": "gone", "n": received.envelope.version}
            await received.transaction.write([Write(SEE, values, message.note_id)])

        inbox = Inbox(
            "crashing",
            reader.kernel.commands,
            [MessageView(NoteShared, on_shared), Reaction(NoteGone, on_gone)],
            kernel.seal,
            missing,
            MovableClock(NOW),
        )
        yield Line(kernel, reader, relay, inbox, crashes)


class CrashingLine(AsyncMachine):
    """Writes, relays and deliveries in any order, each of which may end anywhere."""

    notes: Bundle[UUID] = Bundle("notes")

    def __init__(self, loop: asyncio.AbstractEventLoop, line: Line) -> None:
        super().__init__(loop)
        self._line = line
        self._queue = Queue()
        self._facts: defaultdict[UUID, list[str]] = defaultdict(list)
        self._stale: list[Lease] = []

    @initialize()
    def lead_from_now(self) -> None:
        self._lease = self.wait_for(self._line.take_over(from_now=True))

    @rule(target=notes, crashes=st.booleans())
    def write(self, crashes: bool) -> UUID:
        id = uuid4()
        self._do(id, WriteNote(id, UUID(int=1), str(id), "new"), "new", crashes)
        return id

    @rule(id=notes, text=st.sampled_from(["red", "green"]), crashes=st.booleans())
    def change(self, id: UUID, text: str, crashes: bool) -> None:
        if self._facts[id] and self._facts[id][-1] not in ("gone", text):
            self._do(id, ChangeNote(id, text), text, crashes)

    @rule(id=notes, crashes=st.booleans())
    def burn(self, id: UUID, crashes: bool) -> None:
        if self._facts[id] and self._facts[id][-1] != "gone":
            self._do(id, BurnNote(id), "gone", crashes)

    def _do(self, id: UUID, command: example.NoteCommand, fact: str, crashes: bool) -> None:
        try:
            self.wait_for(self._in_a_transaction(id, command, crashes))
        except Crash:
            return
        self._facts[id].append(fact)

    async def _in_a_transaction(
        self, id: UUID, command: example.NoteCommand, crashes: bool
    ) -> None:
        commands = self._line.kernel.commands
        async with commands.database.transaction() as transaction:
            await commands.handle_in(transaction, NOTE, id, command, cause())
            if crashes:
                raise Crash

    @rule(crash=st.sampled_from(RelayCrash))
    def relay(self, crash: RelayCrash) -> None:
        self._queue.crash = crash
        try:
            self._lease = self.wait_for(self._relay(self._lease)) or self._lease
        except (Crash, BrokerUnavailable):
            self.another_leader()
        finally:
            self._queue.crash = RelayCrash.NOWHERE

    @rule()
    def another_leader(self) -> None:
        self._stale.append(self._lease)
        self._lease = self.wait_for(self._line.take_over())

    @precondition(lambda self: self._stale)
    @rule(data=st.data())
    def a_stale_leader_goes_on(self, data: st.DataObject) -> None:
        """It publishes once more what it had not confirmed, and can not move the cursor."""
        lease = data.draw(st.sampled_from(self._stale))
        before = len(self._queue.waiting)
        try:
            moved = self.wait_for(self._relay(lease))
        except LeadershipLost:
            return
        assert moved is None
        assert len(self._queue.waiting) == before

    async def _relay(self, lease: Lease) -> Lease | None:
        return await self._line.relay.step(lease, self._queue)

    @rule(count=st.integers(1, 5), crash=st.sampled_from(InboxCrash))
    def deliver(self, count: int, crash: InboxCrash) -> None:
        batch = self._queue.waiting[:count]
        if crash is InboxCrash.IN_THE_EFFECT:
            self._line.crashes.append(Crash())
        try:
            self.wait_for(self._line.inbox.handle(batch))
        except Crash:
            return
        finally:
            self._line.crashes.clear()
        if crash is not InboxCrash.BEFORE_THE_ACKNOWLEDGEMENT:
            del self._queue.waiting[:count]

    @precondition(lambda self: self._queue.waiting)
    @rule(data=st.data())
    def the_broker_loses_one(self, data: st.DataObject) -> None:
        """Any but the last of a stream: that nobody could notice."""
        n = data.draw(st.integers(0, len(self._queue.waiting) - 1))
        if Envelope.from_bytes(self._queue.waiting[n]).type != example.NoteGone.type_name:
            del self._queue.waiting[n]

    @invariant()
    def what_had_its_effect_is_the_beginning_of_what_happened(self) -> None:
        for id, saw in self.wait_for(self._saw()).items():
            assert saw == self._facts[id][: len(saw)]

    async def _saw(self) -> dict[UUID, list[str]]:
        saw: defaultdict[UUID, list[str]] = defaultdict(list)
        for id, what in await self._line.reader.saw():
            if id in self._facts:
                saw[id].append(what)
        return saw

    def teardown(self) -> None:
        """All notes end, so that every loss can be noticed; then nothing crashes any more."""
        for id in list(self._facts):
            self.burn(id, crashes=False)
        self.another_leader()
        self.relay(RelayCrash.NOWHERE)
        self.deliver(len(self._queue.waiting), InboxCrash.NOWHERE)

        assert self.wait_for(self._saw()) == {i: facts for i, facts in self._facts.items() if facts}


async def test_wherever_it_crashes_the_view_is_the_fold(line: Line) -> None:
    await run_machine(lambda loop: CrashingLine(loop, line), examples=25, steps=30)


async def test_a_leader_that_slept_through_its_end_can_only_repeat(line: Line) -> None:
    """P12: it wakes up in the middle of publishing, while another has long gone on."""
    id, queue = uuid4(), Queue()
    old = await line.take_over(from_now=True)
    asleep, wake_up = asyncio.Event(), asyncio.Event()

    class Sleeper:
        async def publish(self, messages: Sequence[Outgoing]) -> int:
            asleep.set()
            await wake_up.wait()
            return await queue.publish(messages)

    await line.kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), str(id), "one"), cause())
    sleeping = asyncio.ensure_future(line.relay.step(old, Sleeper()))
    await asleep.wait()
    await line.kernel.commands.handle(NOTE, id, ChangeNote(id, "two"), cause())
    new = await line.relay.step(await line.take_over(), queue)
    await line.inbox.handle(queue.waiting)
    wake_up.set()
    with pytest.raises(LeadershipLost):
        await sleeping
    await line.inbox.handle(queue.waiting)

    assert new is not None
    assert (await line.take_over()).position == new.position
    assert len(queue.waiting) == 3
    assert [what for found, what in await line.reader.saw() if found == id] == ["one", "two"]


_TAKE_OVER = """
    insert into cursors (name, position, epoch)
    values ('relay', (select horizon from events_after(0, 0) limit 1), 1)
        on conflict (name) do update
           set epoch = cursors.epoch + 1,
               position = case when $1 then excluded.position else cursors.position end
    returning epoch, position"""
