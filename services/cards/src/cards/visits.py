"""Visitors, counted once a day each: noted in memory, written a second later, many at a time.

Nobody is stored. A visitor is a keyed hash of the card, the address and the browser's name; the key
is a salt of the day, which the processes share in the database and destroy with the hashes when the
day is over. A process that is killed loses what it noted in its last second, and nothing else: what
was written and what was counted is one transaction, so that repeating it counts nothing twice.
"""

import asyncio
import hmac
import os
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from ipaddress import ip_address
from uuid import UUID

import structlog
from common.clock import Clock
from common.database import OUTCOME_UNKNOWN, Transaction
from common.event_store import Cause
from common.ids import uuid7
from common.kernel import Kernel
from common.observability import supervise
from prometheus_client import Counter

from cards.counters.commands import CountVisits
from cards.counters.decider import COUNTERS, counters_id
from cards.counters.events import Counts, Kind
from cards.counters.routes import Visitor

log = structlog.get_logger(__name__)

VISITS = Counter("cartulary_visits_total", "Visits of cards that were noted", ["result"])
COUNTED, REPEATED = VISITS.labels("counted"), VISITS.labels("repeated")
ROBOT, DROPPED = VISITS.labels("robot"), VISITS.labels("dropped")

FLUSH_SECONDS = 1.0
FLUSH_SIZE = 200
MOST_NOTED = 20_000
"""What is noted beyond, while the database is slow or away, is dropped: counters are not worth the
memory of a process."""

CARDS_TOGETHER = 25
"""Cards written in one transaction: followers of the log wait for its end."""

LATE = timedelta(hours=1)
"""How long after midnight a day's hashes are kept, for what was noted just before it."""

_ROBOTS = re.compile(
    r"(?<!cu)bot(\b|[/_-])|crawl|spider|slurp|preview|facebookexternalhit|^whatsapp|skypeuri"
    r"|slack-img|embedly|headless|lighthouse|pagespeed|pingdom|uptime|monitor|archiver|scrapy"
    r"|feedfetcher",
    re.IGNORECASE,
)
"""Makers of previews, not the browsers inside messengers, which carry the messenger's name too."""


def is_robot(agent: str) -> bool:
    """Whether it calls itself a crawler or a maker of previews, or does not say what it is."""
    return not agent.strip() or _ROBOTS.search(agent) is not None


@dataclass(frozen=True, slots=True)
class _Visit:
    day: date
    card_id: UUID
    kind: Kind
    visitor: bytes


class Visits:
    """One process's notes. `run` writes them; `close` writes the last ones."""

    def __init__(self, kernel: Kernel, clock: Clock) -> None:
        self._kernel = kernel
        self._clock = clock
        self._noted: dict[_Visit, None] = {}
        self._many = asyncio.Event()
        self._day: date | None = None
        self._salt = b""
        self._swept: date | None = None

    async def note(self, kind: Kind, card_id: UUID, visitor: Visitor) -> None:
        """Note a visit, unless it is a robot's. Never fails: a page is worth more than a count."""
        if is_robot(visitor.agent):
            ROBOT.inc()
            return
        day = self._clock.now().date()
        try:
            salt = await self._salt_of(day)
        except OUTCOME_UNKNOWN as error:
            DROPPED.inc()
            log.warning("visit_dropped", why=type(error).__name__)
            return
        self._add([_Visit(day, card_id, kind, _hashed(salt, card_id, visitor))])

    async def run(self) -> None:
        """Write what was noted, every second or when it is much, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._many.wait()
            self._many.clear()
            await self.flush()
            await self.sweep()

    async def close(self) -> None:
        """Write the last ones. Without a database they are lost, and counted as dropped."""
        try:
            await self.flush()
        except OUTCOME_UNKNOWN as error:
            DROPPED.inc(len(self._noted))
            log.warning("visits_dropped", visits=len(self._noted), why=type(error).__name__)

    async def flush(self) -> None:
        """Write all that is noted. What could not be written stays noted, and it raises."""
        noted, self._noted = self._noted, {}
        left = list(noted)
        try:
            for part in _parts(left):
                await self._write(part)
                for visit in part:
                    noted.pop(visit)
        finally:
            self._add(noted)

    def _add(self, visits: Iterable[_Visit]) -> None:
        for visit in visits:
            if len(self._noted) < MOST_NOTED or visit in self._noted:
                self._noted[visit] = None
            else:
                DROPPED.inc()
        if len(self._noted) >= FLUSH_SIZE:
            self._many.set()

    async def _write(self, visits: Sequence[_Visit]) -> None:
        columns = list(zip(*((v.day, v.card_id, v.kind, v.visitor) for v in visits), strict=True))
        async with self._kernel.database.transaction() as transaction:
            # one writer at a time, so that nobody loses a race for a counter or meets a deadlock
            await transaction.connection.execute(_ONE_AT_A_TIME)
            rows = await transaction.connection.fetch(_NEW, *columns)
            await self._count(
                transaction, [(row["card_id"], row["day"], row["kind"]) for row in rows]
            )
        COUNTED.inc(len(rows))
        REPEATED.inc(len(visits) - len(rows))

    async def _count(
        self, transaction: Transaction, visits: Iterable[tuple[UUID, date, Kind]]
    ) -> None:
        counts: dict[tuple[UUID, date], Counts] = {}
        for card_id, day, kind in visits:
            before = counts.get((card_id, day), Counts())
            counts[card_id, day] = replace(before, **{kind: getattr(before, kind) + 1})
        for (card_id, day), found in counts.items():
            await self._kernel.commands.handle_in(
                transaction,
                COUNTERS,
                counters_id(card_id, day),
                CountVisits(card_id, day, found),
                Cause(uuid7(), self._clock.now()),
            )

    async def _salt_of(self, day: date) -> bytes:
        """The day's salt: the first process makes it, all others find it."""
        if self._day != day:
            async with self._kernel.database.reader() as reader:
                await reader.connection.execute(_MAKE_SALT, day, os.urandom(32))
                self._salt = await reader.connection.fetchval(_SALT, day)
            self._day = day
        return self._salt

    async def sweep(self) -> None:
        """Destroy the salts and hashes of days that are over."""
        first_kept = (self._clock.now() - LATE).date()
        if self._swept == first_kept:
            return
        if self._day is not None and self._day < first_kept:
            self._day, self._salt = None, b""
        async with self._kernel.database.transaction() as transaction:
            for statement in _SWEEP:
                await transaction.connection.execute(statement, first_kept)
        self._swept = first_kept


@asynccontextmanager
async def counting(kernel: Kernel, clock: Clock) -> AsyncIterator[Visits]:
    """Notes that are written meanwhile, and to the last at the end."""
    visits = Visits(kernel, clock)
    task = asyncio.create_task(supervise("cards visits", visits.run), name="cards visits")
    try:
        yield visits
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await visits.close()


def _hashed(salt: bytes, card_id: UUID, visitor: Visitor) -> bytes:
    """The card is part of it: nobody can be followed from card to card."""
    said = f"{card_id}\n{_household(visitor.address)}\n{visitor.agent}"
    return hmac.digest(salt, said.encode(), "sha256")[:16]


def _household(address: str) -> str:
    """An IPv6 address changes its second half by the hour; its first half stays for the day."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return parsed.packed[:8].hex() if parsed.version == 6 else address


def _parts(visits: Sequence[_Visit]) -> Iterator[list[_Visit]]:
    """The visits, those of a card together, in parts of a few cards."""
    by_card: dict[UUID, list[_Visit]] = {}
    for visit in visits:
        by_card.setdefault(visit.card_id, []).append(visit)
    cards = list(by_card.values())
    for start in range(0, len(cards), CARDS_TOGETHER):
        yield [visit for of_card in cards[start : start + CARDS_TOGETHER] for visit in of_card]


_ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtext('cartulary'), hashtext('visits'))"
_NEW = """
    insert into visitors (day, card_id, kind, visitor)
    select * from unnest($1::date[], $2::uuid[], $3::text[], $4::bytea[])
        on conflict do nothing returning card_id, day, kind"""
_MAKE_SALT = "insert into visitor_salts (day, salt) values ($1, $2) on conflict do nothing"
_SALT = "select salt from visitor_salts where day = $1"
_SWEEP = (
    "delete from visitors where day < $1",
    "delete from visitor_salts where day < $1",
)
