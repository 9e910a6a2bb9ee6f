"""What the broker gave up delivering joins the parked messages: one list, one way to replay.

A message comes here when whoever took it ended before the acknowledgement, again and again. Its
neighbours in the same batches come too, with nothing wrong with them: replaying tells them apart.
"""

from collections.abc import Sequence

import structlog

from common.broker import BatchHandler
from common.clock import Clock
from common.database import Database
from common.inbox_rows import lock_rows
from common.messages import Envelope, MalformedMessage
from common.parking import Parked, Reason, park

log = structlog.get_logger(__name__)

ERROR = "its consumer ended before it could acknowledge, until the broker gave up"


def park_undelivered(consumer: str, database: Database, clock: Clock) -> BatchHandler:
    """The handler of a group's dead letters: park each, unless it has had its effect since."""

    async def handle(batch: Sequence[bytes]) -> None:
        for raw in batch:
            await _park(raw)

    async def _park(raw: bytes) -> None:
        try:
            envelope = Envelope.from_bytes(raw)
        except MalformedMessage as error:
            async with database.transaction() as transaction:
                await park(transaction, Parked.malformed(consumer, raw, str(error), clock.now()))
            return
        key = (envelope.source, envelope.stream)
        async with database.transaction() as transaction:
            last_version, _ = (await lock_rows(transaction, consumer, [key]))[key]
            if envelope.version > last_version:
                reason, now = Reason.UNDELIVERED, clock.now()
                await park(transaction, Parked.message(consumer, envelope, raw, reason, ERROR, now))
                log.error("undelivered_message_parked", consumer=consumer, stream=envelope.stream)

    return handle
