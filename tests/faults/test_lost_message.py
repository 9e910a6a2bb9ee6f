"""A message that vanishes from its queue is noticed by its successor and fetched."""

import asyncio
from uuid import UUID

import aio_pika
import pytest
from common.broker import partition
from common.messages import Envelope, subject_of
from common.testing.example import NOTE
from common.testing.faults.invariants import inspect, quiet
from common.testing.faults.system import PARTITIONS, System
from common.testing.faults.writers import BURNT

pytestmark = pytest.mark.integration


async def take_by_hand(system: System, id: UUID) -> None:
    """Receive and acknowledge the note's message, as somebody with a console might."""
    stream = NOTE.stream(id)
    n = partition(subject_of(stream), PARTITIONS)
    connection = await aio_pika.connect(system.node.url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue(f"{system.reader.declaration.source}.p{n}")
        async with queue.iterator() as messages, asyncio.timeout(30):
            async for message in messages:
                await message.ack()
                if Envelope.from_bytes(message.body).stream == stream:
                    return


async def test_a_message_taken_from_its_queue_by_hand_is_noticed_and_fetched_from_the_feed(
    system: System,
) -> None:
    """P8."""
    await quiet(system)
    await asyncio.gather(*(reader.stop() for reader in system.readers))
    gaps = sum(reader.said().count("gap_found") for reader in system.readers)
    writer = system.writer()
    id = await writer.note(0, burn=False)
    await take_by_hand(system, id)

    await writer.change(id, "DELETE", None, BURNT)
    for reader in system.readers:
        reader.start()
        reader.keep_running()
    await quiet(system)

    assert sum(reader.said().count("gap_found") for reader in system.readers) == gaps + 1
    findings = await inspect(system)
    assert findings.faultless, findings
