"""Five ways to follow a log in a sequence's order, under the same writers: who loses, who reorders.

    python -m bench.readers --seconds 10

The comparison behind docs/adr/0001-floor-horizon.md. The writers are those of property P1; every
reader polls the same table at the same time.
"""

import argparse
import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import asyncpg
from common.kernel import open_kernel
from common.testing.faults.postgres_server import restartable_postgres
from common.testing.kernel import EXAMPLE
from common.testing.random_writers import (
    STREAMS,
    Habits,
    prepare_for_writers,
    write_at_random,
)

WRITERS = 24
POLL_SECONDS = 0.005
PAGE = 1_000
GAP_PATIENCE_SECONDS = 0.1
CATCH_UP_SECONDS = 5.0
HABITS = Habits(backend_ended=0)

Rows = Sequence[asyncpg.Record]


@dataclass(frozen=True)
class Row:
    """One way of reading. Counts are of events; `behind` those not reached after the catch-up."""

    reader: str
    committed: int
    seen: int
    lost: int
    reordered: int
    behind: int


class ByPosition:
    """Remembers the highest position it saw, and nothing else."""

    name = "position cursor only"
    condition = "true"

    def __init__(self) -> None:
        self.cursor = 0

    async def poll(self, connection: asyncpg.Connection) -> Rows:
        """What is new."""
        rows: Rows = await connection.fetch(
            f"select position, stream, version from events where position > $1"
            f" and {self.condition} order by position limit {PAGE}",
            self.cursor,
        )
        self.cursor = rows[-1]["position"] if rows else self.cursor
        return rows

    def passed(self, row: asyncpg.Record) -> bool:
        """Whether its cursor stands at or behind this event: it will never look there again."""
        return bool(row["position"] <= self.cursor)


class ByPositionBelowXmin(ByPosition):
    """The same, but only transactions older than any that runs: younger ones may sit below."""

    name = "xmin filter, position cursor"
    condition = "xid < pg_snapshot_xmin(pg_current_snapshot())"


class ByTransaction:
    """The pair (transaction id, position): loses nothing; a stream may run backwards."""

    name = "(xid8, position) cursor"

    def __init__(self) -> None:
        self.cursor = (0, 0)

    async def poll(self, connection: asyncpg.Connection) -> Rows:
        """What is new."""
        rows: Rows = await connection.fetch(_BY_TRANSACTION, *map(str, self.cursor))
        if rows:
            self.cursor = (rows[-1]["xid"], rows[-1]["position"])
        return rows

    def passed(self, row: asyncpg.Record) -> bool:
        """Whether its cursor stands at or behind this event."""
        return (row["xid"], row["position"]) <= self.cursor


class WaitThenSkip(ByPosition):
    """Stops at a hole in the positions, and goes on when it has waited long enough."""

    name = f"wait {GAP_PATIENCE_SECONDS * 1000:.0f} ms at a gap, then skip"

    def __init__(self) -> None:
        super().__init__()
        self._since: float | None = None

    async def poll(self, connection: asyncpg.Connection) -> Rows:
        """What is new up to the next hole."""
        before = self.cursor
        rows = await super().poll(connection)
        whole = 0
        while whole < len(rows) and rows[whole]["position"] == before + whole + 1:
            whole += 1
        self.cursor = before + whole
        if whole or not rows:
            self._since = None
        elif self._since is None:
            self._since = time.monotonic()
        elif time.monotonic() - self._since > GAP_PATIENCE_SECONDS:
            self.cursor, self._since = rows[0]["position"] - 1, None
        return rows[:whole]


class FloorHorizon(ByPosition):
    """Ours: stops at the lowest floor of a writer that is still under way."""

    name = "floor horizon (ours)"

    async def poll(self, connection: asyncpg.Connection) -> Rows:
        """What is new up to the horizon."""
        rows = await connection.fetch(
            "select horizon, log_position as position, stream, version from events_after($1, $2)",
            self.cursor,
            PAGE,
        )
        found = [row for row in rows if row["position"] is not None]
        self.cursor = found[-1]["position"] if len(found) == PAGE else rows[0]["horizon"]
        return found


Reader = ByPosition | ByTransaction


@dataclass
class Watch:
    """One reader and what it saw."""

    reader: Reader
    positions: set[int] = field(default_factory=set)
    newest: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    reordered: int = 0

    async def run(self, dsn: str, done: Callable[[], bool]) -> None:
        """Poll until the writers are done and nothing comes any more, or time is up."""
        connection = await asyncpg.connect(dsn)
        until = 0.0
        try:
            while not until or time.monotonic() < until:
                if done() and not until:
                    until = time.monotonic() + CATCH_UP_SECONDS
                self._note(await self.reader.poll(connection))
                await asyncio.sleep(POLL_SECONDS)
        finally:
            await connection.close()

    def result(self, committed: Rows) -> Row:
        """The account: an event that was passed and not seen is lost."""
        missed = [row for row in committed if row["position"] not in self.positions]
        lost = sum(self.reader.passed(row) for row in missed)
        return Row(
            self.reader.name,
            len(committed),
            len(self.positions),
            lost,
            self.reordered,
            len(missed) - lost,
        )

    def _note(self, rows: Rows) -> None:
        for row in rows:
            self.positions.add(row["position"])
            self.reordered += row["version"] < self.newest[row["stream"]]
            self.newest[row["stream"]] = max(row["version"], self.newest[row["stream"]])


async def compare(dsn: str, seconds: float) -> list[Row]:
    """The experiment on an empty database of its own."""
    await _prepare(dsn)
    readers = (ByPosition, ByPositionBelowXmin, ByTransaction, WaitThenSkip, FloorHorizon)
    watches = [Watch(reader()) for reader in readers]
    end = time.monotonic() + seconds
    writers = [
        asyncio.ensure_future(write_at_random(dsn, n, lambda: time.monotonic() > end, HABITS))
        for n in range(WRITERS)
    ]

    def done() -> bool:
        return all(writer.done() for writer in writers)

    await asyncio.gather(*writers, *(watch.run(dsn, done) for watch in watches))
    connection = await asyncpg.connect(dsn)
    try:
        committed = await connection.fetch(
            "select position, stream, version, xid::text::bigint as xid from events"
        )
    finally:
        await connection.close()
    return [watch.result(committed) for watch in watches]


async def _prepare(dsn: str) -> None:
    async with (
        open_kernel(EXAMPLE, dsn=dsn, data_key=b"d" * 32, wire_key=b"w" * 32) as kernel,
        kernel.database.owner() as owner,
    ):
        await prepare_for_writers(owner)
        # what the other ways need in the row; ours does not
        await owner.execute("alter table events add xid xid8 default pg_current_xact_id()")
        await owner.execute("create index on events (xid, position)")


_BY_TRANSACTION = f"""
    select position, stream, version, xid::text::bigint as xid from events
     where (xid, position) > ($1::text::xid8, $2::text::bigint)
       and xid < pg_snapshot_xmin(pg_current_snapshot())
     order by events.xid, position limit {PAGE}"""


def table(rows: Sequence[Row], seconds: float) -> str:
    """The result and its conditions, for people."""
    lines = [
        f"{WRITERS} writers on {len(STREAMS)} streams for {seconds:g} s. Of a hundred transactions"
        f" {HABITS.written_elsewhere_first} write another table first,",
        f"{HABITS.second_stream} have a second stream, {HABITS.copied} use COPY,"
        f" {HABITS.taken_back_to_a_savepoint} return to a savepoint, {HABITS.held} stay open for"
        f" {HABITS.held_for * 1000:.0f} ms,",
        f"{HABITS.rolled_back} are rolled back. Readers poll every {POLL_SECONDS * 1000:.0f} ms and"
        f" have {CATCH_UP_SECONDS:g} s at the end.",
        "",
        f"{'reader':<32}{'committed':>10}{'seen':>8}{'lost':>8}{'reordered':>11}{'behind':>8}",
    ]
    lines += [
        f"{r.reader:<32}{r.committed:>10}{r.seen:>8}{r.lost:>8}{r.reordered:>11}{r.behind:>8}"
        for r in rows
    ]
    return "\n".join(lines)


async def measure(seconds: float) -> list[Row]:
    """The same on a PostgreSQL of its own."""
    with restartable_postgres() as restartable:
        postgres = restartable.server
        return await compare(await postgres.create_database(f"readers_{uuid4().hex}"), seconds)


def main() -> None:
    """`python -m bench.readers`."""
    parser = argparse.ArgumentParser(description="Who loses events, who reorders them?")
    parser.add_argument("--seconds", type=float, default=10.0)
    seconds = parser.parse_args().seconds
    sys.stdout.write(table(asyncio.run(measure(seconds)), seconds) + "\n")


if __name__ == "__main__":
    main()
