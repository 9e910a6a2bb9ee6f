"""What others may know of our log goes to the broker: in order, at least once, by one leader.

The cursor moves to the last position up to which everything is confirmed. What the broker may have
taken without our seeing it is sent again, and its readers drop it by its version.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

import structlog
from prometheus_client import Counter

from common.broker import Broker, BrokerUnavailable, Outgoing, Publisher
from common.database import Database, Transaction
from common.epochs import PUBLIC_VERSION
from common.event_store import EventStore, Recorded
from common.log_followers import LeadershipLost, Lease, Wake, lead, move_cursor, read_page
from common.message_traces import tell_published
from common.messages import Envelope, PublishedEvent
from common.wire import WireSeal

log = structlog.get_logger(__name__)

PUBLISHED = Counter("cartulary_relay_messages_total", "Messages published", ["service"])

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
            last = await self._last_versions(reader, {record.stream for record, _ in facts})
        if any(record.public_version <= last.get(record.stream, 0) for record, _ in facts):
            # another leader has published these since: what we know of `prev` is not of their time
            raise LeadershipLost(lease.name)
        outgoing, versions = self._outgoing(facts, last)
        started = time.perf_counter()
        safe = await publisher.publish(outgoing) if outgoing else 0
        seconds = time.perf_counter() - started
        tell_published(self._store.source, [record for record, _ in facts[:safe]], seconds)
        position = page.end if safe == len(outgoing) else facts[safe][0].position - 1
        async with self._database.transaction() as transaction:
            moved = await move_cursor(transaction, lease, max(position, lease.position))
            await self._remember(transaction, versions[:safe])
        PUBLISHED.labels(self._store.source).inc(safe)
        if safe < len(outgoing):
            raise BrokerUnavailable(f"{safe} of {len(outgoing)} messages were confirmed")
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

    async def _last_versions(self, reader: Transaction, streams: set[str]) -> dict[str, int]:
        if not streams:
            return {}
        rows = await reader.connection.fetch(_LAST, list(streams))
        return {row["stream"]: row["version"] for row in rows}

    async def _remember(
        self, transaction: Transaction, versions: Sequence[tuple[str, int]]
    ) -> None:
        newest = dict(versions)
        if newest:
            await transaction.connection.execute(_REMEMBER, list(newest), list(newest.values()))


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
_REMEMBER = """
    insert into published_streams (stream, version)
    select * from unnest($1::text[], $2::bigint[])
        on conflict (stream) do update set version = excluded.version"""
_FEED = f"""
    select position as log_position, stream, version, type, schema, data, meta, recorded_at
      from events where stream = $1 and {PUBLIC_VERSION} > $2 order by version limit 1000"""
