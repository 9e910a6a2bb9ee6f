"""A consumer with its inbox and one row as the effect; beside a bare consume and acknowledge."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from aio_pika.abc import AbstractIncomingMessage
from common.broker import Outgoing
from common.messages import Envelope, event_id
from common.testing.example import NoteShared
from common.testing.reader import Reader, reader_on
from common.wire import WireSeal

from bench.example_store import TEXT
from bench.measurement import Measurement, Reference
from bench.queues import PARTITIONS, TYPES, BenchQueues, bench_queues
from bench.rounds import Run, Side, in_turn
from bench.targets import line

MESSAGES_A_SECOND = 3_000
"""So many wait in the queues for each second of a round; the figure is what they took."""
MESSAGES_A_STREAM = 5
PREFETCH, BATCH = 200, 100
"""What our broker uses by default; the bare consumer acknowledges as rarely."""


async def measure(run: Run) -> list[Measurement]:
    """The line about the consumer."""
    async with bench_queues() as queues, reader_on(run.postgres, _nothing_is_missing) as reader:
        server = queues.server
        figures = await in_turn(run, _handling(queues, reader), bare=_acknowledging(queues, reader))
    reference = Reference("aio-pika consume and ack", figures["bare"])
    conditions = run.told(
        f"{MESSAGES_A_STREAM} messages a stream, {PARTITIONS} quorum queues, prefetch {PREFETCH}, "
        f"one ack for up to {BATCH} messages on both sides, {server}"
    )
    return [
        line("consumer", "consumer", figures["ours"], reference, unit="/s", conditions=conditions),
    ]


async def _nothing_is_missing(source: str, stream: str, after: int) -> Sequence[bytes]:
    raise AssertionError(f"{source} {stream} after {after}: the queues have everything")


class _Progress:
    """Counts down; the clock runs from the first message to the end of the last."""

    def __init__(self, expected: int) -> None:
        self._expected = self._left = expected
        self._start = 0.0
        self.rate = 0.0
        self.done = asyncio.Event()

    def begin(self) -> None:
        self._start = self._start or time.perf_counter()

    def finish(self, messages: int) -> None:
        self._left -= messages
        if self._left <= 0:
            self.rate = self._expected / (time.perf_counter() - self._start)
            self.done.set()


class _Waiting:
    """Fills the queues before a round."""

    def __init__(self, queues: BenchQueues, seal: WireSeal) -> None:
        self._queues = queues
        self._seal = seal
        self.number = 0

    async def prepare(self, seconds: float) -> None:
        """Replace what the queues hold by messages of new streams."""
        await self._queues.purge()
        streams = int(MESSAGES_A_SECOND * seconds) // MESSAGES_A_STREAM
        messages = [message for _ in range(streams) for message in self._stream()]
        async with self._queues.broker.publisher() as publisher:
            self.number = await publisher.publish(messages)
        assert self.number == len(messages)

    def _stream(self) -> list[Outgoing]:
        note_id, author = uuid4(), uuid4()
        stream, message = (
            f"note-{note_id}",
            NoteShared(note_id=note_id, author_id=author, text=TEXT),
        )
        found = []
        for version in range(1, MESSAGES_A_STREAM + 1):
            id = event_id("example", stream, version)
            data, person = self._seal.dump(message, id)
            envelope = Envelope(
                id,
                "example",
                message.type_name,
                stream,
                version,
                version - 1,
                datetime.now(UTC),
                data,
                data_subject=person,
            )
            found.append(Outgoing(id, envelope.type, envelope.subject, envelope.to_bytes()))
        return found


def _handling(queues: BenchQueues, reader: Reader) -> Side:
    waiting = _Waiting(queues, reader.kernel.seal)

    async def work(_: float) -> float:
        progress = _Progress(waiting.number)

        async def handle(batch: Sequence[bytes]) -> None:
            progress.begin()
            await reader.inbox.handle(batch)
            progress.finish(len(batch))

        consuming = asyncio.create_task(queues.broker.consume(queues.group, TYPES, handle))
        await progress.done.wait()
        await asyncio.sleep(0.1)  # the last acknowledgement goes out after the handler
        consuming.cancel()
        await asyncio.gather(consuming, return_exceptions=True)
        return progress.rate

    return Side(work, waiting.prepare)


def _acknowledging(queues: BenchQueues, reader: Reader) -> Side:
    waiting = _Waiting(queues, reader.kernel.seal)

    async def work(_: float) -> float:
        progress = _Progress(waiting.number)
        channels = []
        for name in queues.names:
            channel = await queues.connection.channel()
            await channel.set_qos(prefetch_count=PREFETCH)
            queue = await channel.get_queue(name)
            await queue.consume(_acknowledge_some(progress))
            channels.append(channel)
        await progress.done.wait()
        for channel in channels:
            await channel.close()
        return progress.rate

    return Side(work, waiting.prepare)


def _acknowledge_some(progress: _Progress):  # type: ignore[no-untyped-def] # a private type
    heard = 0

    async def hear(message: AbstractIncomingMessage) -> None:
        nonlocal heard
        progress.begin()
        heard += 1
        if heard % BATCH == 0:
            await message.ack(multiple=True)
        progress.finish(1)

    return hear
