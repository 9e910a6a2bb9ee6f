"""Reactions to our own facts that reach outside: mails, calls of providers. Never replayed.

A processor starts where the log stood when its service was first opened with it in the declaration,
goes through the log once, and cannot be rebuilt. Its call carries a key made from the event's id;
the attempt is written down before it and the outcome after it.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import structlog
from prometheus_client import Counter

from common.clock import Clock
from common.database import Database
from common.event_store import EventStore, Recorded
from common.event_types import classes_of
from common.log_followers import Lease, Wake, lead, move_cursor, processor_cursor, read_page
from common.mail import Mail, Mailer, MailFailed
from common.reporting import note_span

log = structlog.get_logger(__name__)

CALLS = Counter("cartulary_outbound_calls_total", "Calls to the outside", ["processor", "outcome"])


class Refused(Exception):
    """The other side will never take this: noted, and not tried again."""


async def send_mail(mailer: Mailer, mail: Mail) -> None:
    """Hand a mail over, as a processor's one call.

    Raises `Refused` when the server will never take it, `MailFailed` when it may later.
    """
    try:
        await mailer.send(mail)
    except MailFailed as failed:
        if failed.permanent:
            raise Refused(str(failed)) from failed
        raise


@dataclass(frozen=True)
class Processor:
    """Named for its rule. `act` does one call for one event, under the key that it is given."""

    name: str
    events: Any
    act: Callable[[Recorded, UUID], Awaitable[None]]


class ProcessorRunner:
    """Leads one processor through the log."""

    def __init__(
        self, database: Database, store: EventStore, processor: Processor, clock: Clock
    ) -> None:
        self._database = database
        self._store = store
        self._processor = processor
        self._classes = classes_of(processor.events)
        self._clock = clock

    async def run(self, wake: Wake) -> None:
        """Follow until cancelled; a failed call raises, and is tried again by the supervisor."""
        name = processor_cursor(self._processor.name)
        await lead(self._database, name, from_now=True, wake=wake, step=self._step)

    async def _step(self, lease: Lease) -> Lease | None:
        async with self._database.reader() as reader:
            page = await read_page(reader, self._store, lease.position)
        if page.end == lease.position:
            return None
        for record in page.events:
            if isinstance(record.event, self._classes):
                await self._act(record)
                lease = await self._move(lease, record.position)
        return await self._move(lease, page.end)

    async def _act(self, record: Recorded) -> None:
        key = uuid5(record.id, self._processor.name)
        if await self._attempt(key) == "done":
            return
        outcome, error, started = "done", None, time.perf_counter()
        try:
            await self._processor.act(record, key)
        except Refused as refused:
            log.warning("outbound_call_refused", processor=self._processor.name, key=str(key))
            outcome, error = "refused", str(refused)
        except Exception:
            CALLS.labels(self._processor.name, "failed").inc()
            raise
        CALLS.labels(self._processor.name, outcome).inc()
        self._tell(record, key, outcome, time.perf_counter() - started)
        async with self._database.reader() as writer:
            await writer.connection.execute(_OUTCOME, key, outcome, error, self._clock.now())

    def _tell(self, record: Recorded, key: UUID, outcome: str, seconds: float) -> None:
        log.info(
            "outbound_call",
            processor=self._processor.name,
            key=str(key),
            outcome=outcome,
            correlation_id=record.meta.get("correlation"),
        )
        parent = record.meta.get("traceparent")
        note_span(self._processor.name, parent, seconds, outcome=outcome)

    async def _attempt(self, key: UUID) -> str:
        async with self._database.reader() as writer:
            outcome: str = await writer.connection.fetchval(
                _ATTEMPT, key, self._processor.name, self._clock.now()
            )
        return outcome

    async def _move(self, lease: Lease, position: int) -> Lease:
        async with self._database.transaction() as transaction:
            return await move_cursor(transaction, lease, position)


_ATTEMPT = """
    insert into outbound (key, kind, attempts, outcome, at) values ($1, $2, 1, 'attempted', $3)
        on conflict (key) do update set attempts = outbound.attempts + 1, at = excluded.at
    returning outcome"""
_OUTCOME = "update outbound set outcome = $2, error = $3, at = $4 where key = $1"
