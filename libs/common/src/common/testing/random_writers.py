"""Writers that do to the log whatever a transaction can do: the experiment behind property P1.

They speak SQL of their own, since the promise to readers must hold for every writer, psql and COPY
included. Also a process of its own, so that a test may kill it:
`python -m common.testing.random_writers DSN SEED`.
"""

import asyncio
import random
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from common.database import OUTCOME_UNKNOWN, SERVICE_ROLE
from common.testing.example import NOTE

STREAMS = tuple(NOTE.stream(UUID(int=n)) for n in range(12))
LOST_RACES = (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError)


@dataclass(frozen=True)
class Habits:
    """How often in a hundred transactions something happens. Times in seconds."""

    written_elsewhere_first: int = 40
    """Another table is written before the log: the transaction's number is drawn early."""
    second_stream: int = 20
    taken_back_to_a_savepoint: int = 10
    copied: int = 10
    held: int = 3
    held_for: float = 0.3
    rolled_back: int = 5
    backend_ended: int = 1


class _TakenBack(Exception):
    """The writer changes its mind."""


async def prepare_for_writers(owner: asyncpg.Connection) -> None:
    """Make the other table that writers write first."""
    await owner.execute("create table elsewhere (n int)")
    await owner.execute(f"grant all on elsewhere to {SERVICE_ROLE}")


async def write_at_random(
    dsn: str, seed: int, done: Callable[[], bool], habits: Habits | None = None
) -> None:
    """One writer: a transaction after another on some of `STREAMS`, until told to stop."""
    writer = _Writer(dsn, random.Random(seed), habits or Habits())
    while not done():
        connection = await asyncpg.connect(dsn, server_settings={"role": SERVICE_ROLE})
        try:
            while not done():
                with suppress(_TakenBack, *LOST_RACES):
                    await writer.transaction(connection)
        except OUTCOME_UNKNOWN:
            continue  # its backend was ended: what was not committed is gone
        finally:
            connection.terminate()


class _Writer:
    def __init__(self, dsn: str, dice: random.Random, habits: Habits) -> None:
        self._dsn = dsn
        self._dice = dice
        self._habits = habits

    async def transaction(self, connection: asyncpg.Connection) -> None:
        chosen = self._dice.sample(STREAMS, 2 if self._happens(self._habits.second_stream) else 1)
        async with connection.transaction():
            if self._happens(self._habits.written_elsewhere_first):
                await connection.execute("insert into elsewhere values (1)")
            # sorted: two writers of the same two streams must not wait for each other
            for stream in sorted(chosen):
                await self._append_perhaps_twice(connection, stream)
            if self._happens(self._habits.held):
                await asyncio.sleep(self._habits.held_for)
            if self._happens(self._habits.rolled_back):
                raise _TakenBack
            if self._happens(self._habits.backend_ended):
                await self._end(connection)

    async def _append_perhaps_twice(self, connection: asyncpg.Connection, stream: str) -> None:
        """The first time inside a savepoint that is taken back: its positions become holes."""
        if self._happens(self._habits.taken_back_to_a_savepoint):
            with suppress(_TakenBack):
                async with connection.transaction():
                    await self._append(connection, stream)
                    raise _TakenBack
        await self._append(connection, stream)

    async def _append(self, connection: asyncpg.Connection, stream: str) -> None:
        version = await connection.fetchval(_VERSION, stream)
        versions = range(version + 1, version + 1 + self._dice.randint(1, 3))
        if self._happens(self._habits.copied):
            await _copy(connection, stream, versions)
        else:
            await connection.execute(_INSERT, stream, list(versions), _data(stream))

    async def _end(self, connection: asyncpg.Connection) -> None:
        other = await asyncpg.connect(self._dsn)
        try:
            await other.execute("select pg_terminate_backend($1)", connection.get_server_pid())
        finally:
            await other.close()

    def _happens(self, in_a_hundred: int) -> bool:
        return self._dice.randrange(100) < in_a_hundred


async def _copy(connection: asyncpg.Connection, stream: str, versions: Sequence[int]) -> None:
    rows = [
        (stream, "note", version, "example.note_burnt", 1, _data(stream), "{}", b"")
        for version in versions
    ]
    columns = ["stream", "category", "version", "type", "schema", "data", "meta", "hash"]
    await connection.copy_records_to_table("events", records=rows, columns=columns)


def _data(stream: str) -> str:
    return f'{{"note_id": "{stream.partition("-")[2]}"}}'


_VERSION = "select coalesce(max(version), 0) from events where stream = $1"
_INSERT = """
    insert into events (stream, category, version, type, schema, data, meta, hash)
    select $1, 'note', version, 'example.note_burnt', 1, $3::json, '{}', ''
      from unnest($2::int[]) as version order by version"""


async def main() -> None:
    """Four writers until the process is killed."""
    dsn, seed = sys.argv[1], int(sys.argv[2])
    await asyncio.gather(*(write_at_random(dsn, seed + n, lambda: False) for n in range(4)))


if __name__ == "__main__":
    asyncio.run(main())
