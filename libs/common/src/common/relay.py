"""What others may know of our log goes to the broker: in order, at least once, by one leader.

The cursor moves to the last position up to which everything is confirmed. What the broker may have
taken without our seeing it is sent again, and its readers drop it by its version.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import structlog
from prometheus_client import Counter

from common.broker import Broker, BrokerUnavailable, Outgoing, Publisher
from common.database import Database, Transaction
from common.epochs import PUBLIC_VERSION
from common.event_store import EventStore, Recorded
from common.log_followers import PAGE, LeadershipLost, Lease, Wake, lead, read_page
from common.message_traces import tell_published
from common.messages import Envelope, PublishedEvent
from common.wire import WireSeal

log = structlog.get_logger(__name__)

PUBLISHED = Counter("cartulary_relay_messages_total", "Messages published", ["service"])

CROWD, CROWD_SECONDS = 8, 0.010
"""From so many messages at once on, the next page is given time to fill: a small one costs the
database, the broker and us as much as a large one. A lone message never waits."""

Publish = Callable[[object], PublishedEvent | None]
"""A service's `published_events.publish`: the public message of a fact, None when private."""


class Relay:
    """Publishes one service's facts."""

    def __init__(
        self,
        database: Database,
        store: EventStore,
        publish: Publish,
        broker: Broker,
        seal: WireSeal,
    ) -> None:
        self._database = database
        self._store = store
        self._publish = publish
        self._broker = broker
        self._seal = seal

    async def run(self, wake: Wake) -> None:
        """Publish until cancelled; raises when the broker or the database is away."""
        async with self._broker.publisher() as publisher:

            async def step(lease: Lease) -> Lease | None:
                return await self.step(lease, publisher)

            await lead(self._database, "relay", from_now=False, wake=wake, step=step)

    async def step(self, lease: Lease, publisher: Publisher) -> Lease | None:
        """One page of the log: publish it, then move the cursor past what is confirmed."""
        async with self._database.reader() as reader:
            page = await read_page(reader, self._store, lease.position)
            if page.end == lease.position:
                return None
            facts = [(r, m) for r in page.events if (m := self._publish(r.event)) is not None]
            last = await self._last_versions(reader, [record for record, _ in facts])
        if any(record.public_version <= last.get(record.stream, 0) for record, _ in facts):
            # another leader has published these since: what we know of `prev` is not of their time
            raise LeadershipLost(lease.name)
        outgoing, versions = self._outgoing(facts, last)
        started = time.perf_counter()
        safe = await publisher.publish(outgoing) if outgoing else 0
        seconds = time.perf_counter() - started
        tell_published(self._store.source, [record for record, _ in facts[:safe]], seconds)
        position = page.end if safe == len(outgoing) else facts[safe][0].position - 1
        moved = await self._move(lease, max(position, lease.position), dict(versions[:safe]))
        PUBLISHED.labels(self._store.source).inc(safe)
        if safe < len(outgoing):
            raise BrokerUnavailable(f"{safe} of {len(outgoing)} messages were confirmed")
        if len(outgoing) >= CROWD and len(page.events) < PAGE:
            await asyncio.sleep(CROWD_SECONDS)
        return moved

    def _outgoing(
        self, facts: Sequence[tuple[Recorded, PublishedEvent]], last: Mapping[str, int]
    ) -> tuple[list[Outgoing], list[tuple[str, int]]]:
        previous = dict(last)
        outgoing: list[Outgoing] = []
        versions: list[tuple[str, int]] = []
        for record, message in facts:
            envelope = to_envelope(
                self._store.source, record, message, previous.get(record.stream, 0), self._seal
            )
            previous[record.stream] = record.public_version
            versions.append((record.stream, record.public_version))
            outgoing.append(
                Outgoing(envelope.id, envelope.type, envelope.subject, envelope.to_bytes())
            )
        return outgoing, versions

    async def _last_versions(
        self, reader: Transaction, records: Sequence[Recorded]
    ) -> dict[str, int]:
        """The last published version of each stream; before a stream's first there was none."""
        streams = {record.stream for record in records if record.public_version > 1}
        if not streams:
            return {}
        rows = await reader.connection.fetch(_LAST, list(streams))
        return {row["stream"]: row["version"] for row in rows}

    async def _move(self, lease: Lease, position: int, newest: Mapping[str, int]) -> Lease:
        """Move the cursor and remember the streams' newest versions, both or neither.

        Raises `LeadershipLost`.
        """
        async with self._database.transaction() as transaction:
            moved = await transaction.connection.fetchval(
                _MOVE, lease.name, position, lease.epoch, list(newest), list(newest.values())
            )
            if moved is None:
                raise LeadershipLost(lease.name)
        return replace(lease, position=position)


def to_envelope(
    source: str, record: Recorded, message: PublishedEvent, prev: int, seal: WireSeal
) -> Envelope:
    """The public message of a recorded fact, as it goes over the wire."""
    id = record.id
    data, person = seal.dump(message, id)
    return Envelope(
        id=id,
        source=source,
        type=message.type_name,
        stream=record.stream,
        version=record.public_version,
        prev=prev,
        time=record.recorded_at,
        data=data,
        correlation_id=record.meta.get("correlation"),
        causation_id=str(id),
        traceparent=record.meta.get("traceparent"),
        data_subject=person,
    )


async def feed(
    database: Database, store: EventStore, publish: Publish, seal: WireSeal, stream: str, after: int
) -> list[bytes]:
    """The public messages of one stream after a version, for a consumer that missed some."""
    async with database.reader() as reader:
        rows = await reader.connection.fetch(_FEED, stream, after)
        recorded = await store.recorded(reader, rows)
    messages: list[bytes] = []
    previous = after
    for record in recorded:
        message = publish(record.event)
        if message is not None:
            envelope = to_envelope(store.source, record, message, previous, seal)
            messages.append(envelope.to_bytes())
            previous = record.public_version
    return messages


async def keep_running(relay: Relay, wake: Wake) -> None:
    """Run the relay through the broker's absences."""
    while True:
        try:
            await relay.run(wake)
        except BrokerUnavailable as error:
            log.warning("broker_unavailable", why=str(error))
            await asyncio.sleep(1)


_LAST = "select stream, version from published_streams where stream = any($1::text[])"
_MOVE = """
    with moved as (
        update cursors set position = $2 where name = $1 and epoch = $3 returning position
    ), remembered as (
        insert into published_streams (stream, version)
        select stream, version from moved, unnest($4::text[], $5::bigint[]) as new (stream, version)
            on conflict (stream) do update set version = excluded.version
    )
    select position from moved"""
_FEED = f"""
    select position as log_position, stream, version, type, schema, data, meta, recorded_at
      from events where stream = $1 and {PUBLIC_VERSION} > $2 order by version limit 1000"""
