"""Reactions to our own facts that reach outside: mails, calls of providers. Never replayed.

A processor starts where the log stood when its service was first opened with it in the declaration,
goes through the log once, and cannot be rebuilt. Its call carries a key made from the event's id;
the attempt is written down before it and the outcome after it. The cursor follows from time to
time: who goes over the same events again finds what has an outcome.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
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


MOVE_SECONDS = 1.0
"""How old a cursor may get while calls are made: it tells how far behind its follower is."""


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


def _always(_: Any) -> bool:
    return True


@dataclass(frozen=True)
class Processor:
    """Named for its rule. `act` does one call for one event, under the key that it is given.

    `concerns` tells apart the events with which there is nothing to do. Up to `at_once` events are
    acted on side by side, each of another stream.
    """

    name: str
    events: Any
    act: Callable[[Recorded, UUID], Awaitable[None]]
    concerns: Callable[[Any], bool] = _always
    at_once: int = 1


class ProcessorRunner:
    """Leads one processor through the log."""

    def __init__(
        self, database: Database, store: EventStore, processor: Processor, clock: Clock
    ) -> None:
        self._database = database
        self._store = store
        self._processor = processor
        classes = classes_of(processor.events)
        self._types = {known.name for known in store.types if known.cls in classes}
        self._clock = clock

    async def run(self, wake: Wake) -> None:
        """Follow until cancelled; a failed call raises, and is tried again by the supervisor."""
        name = processor_cursor(self._processor.name)
        await lead(self._database, name, from_now=True, wake=wake, step=self._step)

    async def _step(self, lease: Lease) -> Lease | None:
        async with self._database.reader() as reader:
            page = await read_page(reader, self._store, lease.position, self._types)
        if page.end == lease.position:
            return None
        moved = time.monotonic()
        for group in self._groups(page.events):
            try:
                await self._act(group)
            except Exception:
                # what went well before is not looked at again
                await self._move(lease, group[0].position - 1)
                raise
            if time.monotonic() - moved > MOVE_SECONDS:
                lease, moved = await self._move(lease, group[-1].position), time.monotonic()
        return await self._move(lease, page.end)

    def _groups(self, events: Sequence[Recorded]) -> Iterator[Sequence[Recorded]]:
        group: list[Recorded] = []
        for record in events:
            if not self._processor.concerns(record.event):
                continue
            if len(group) == self._processor.at_once or record.stream in {r.stream for r in group}:
                yield group
                group = []
            group.append(record)
        if group:
            yield group

    async def _act(self, group: Sequence[Recorded]) -> None:
        """Call for each that was not done; raise the first failure once the others have ended."""
        keyed = {uuid5(record.id, self._processor.name): record for record in group}
        open = await self._attempt(list(keyed))
        results = await asyncio.gather(
            *(self._call(keyed[key], key) for key in open), return_exceptions=True
        )
        ended = [result for result in results if isinstance(result, _Outcome)]
        if ended:
            async with self._database.reader() as writer:
                await writer.connection.execute(
                    _OUTCOMES,
                    [one.key for one in ended],
                    [one.outcome for one in ended],
                    [one.error for one in ended],
                    self._clock.now(),
                )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _call(self, record: Recorded, key: UUID) -> "_Outcome":
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
        return _Outcome(key, outcome, error)

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

    async def _attempt(self, keys: Sequence[UUID]) -> Sequence[UUID]:
        """Write the attempts down; the keys of those that have had no outcome yet, in order."""
        async with self._database.reader() as writer:
            rows = await writer.connection.fetch(
                _ATTEMPT, keys, self._processor.name, self._clock.now()
            )
        open = {row["key"] for row in rows}
        return [key for key in keys if key in open]

    async def _move(self, lease: Lease, position: int) -> Lease:
        async with self._database.reader() as writer:
            return await move_cursor(writer, lease, max(position, lease.position))


class _Outcome(NamedTuple):
    key: UUID
    outcome: str
    error: str | None


_ATTEMPT = """
    insert into outbound (key, kind, attempts, outcome, at)
    select key, $2, 1, 'attempted', $3 from unnest($1::uuid[]) as key
        on conflict (key) do update set attempts = outbound.attempts + 1, at = excluded.at
     where outbound.outcome = 'attempted'
    returning key"""
_OUTCOMES = """
    update outbound set outcome = ended.outcome, error = ended.error, at = $4
      from unnest($1::uuid[], $2::text[], $3::text[]) as ended (key, outcome, error)
     where outbound.key = ended.key"""
