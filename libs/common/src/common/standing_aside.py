"""All processes of a service leave its database alone while a backup takes its place.

1. every session of a service takes a shared lock as it opens, and keeps it as long as it lasts
2. who restores wants that lock alone: from then on nobody new gets it, and who has it is ended
3. the restored database gets its name before the lock is given back, which also a kill does
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.02


class BeingRestored(ConnectionError):
    """A backup takes the database's place: it is for nobody else until that is done."""


class SessionsDoNotEnd(Exception):
    """Some session stays, though it was told to end."""


async def take_part(connection: asyncpg.Connection) -> None:
    """Use the database until this connection ends. Raises `BeingRestored`, and then ends it."""
    if not await connection.fetchval(_TAKE_PART):
        connection.terminate()
        raise BeingRestored("a backup takes the database's place")


@asynccontextmanager
async def alone(server: asyncpg.Connection, own: asyncpg.Connection) -> AsyncIterator[None]:
    """Nobody who takes part uses the database of the session `own` meanwhile.

    `server` is a session in another database. Raises `SessionsDoNotEnd`.
    """
    pid, granted = own.get_server_pid(), asyncio.ensure_future(own.execute(_ALONE))
    try:
        async with _limited():
            while not granted.done():
                await server.execute(_END_BEFORE, pid)
                await asyncio.wait({granted}, timeout=LOOK_SECONDS)
        await granted
        yield
    finally:
        granted.cancel()
        own.terminate()


async def rename(server: asyncpg.Connection, ender: asyncpg.Connection, statement: str) -> None:
    """Rename a database while its sessions, `alone`'s own among them, are ended by `ender`.

    The statement first takes a lock that keeps new sessions out, then waits five seconds for those
    that are there: they are ended only then, and nobody slips in. Raises `SessionsDoNotEnd`.
    """
    renaming = asyncio.ensure_future(server.execute(statement))
    try:
        async with _limited():
            while not renaming.done():
                await ender.execute(_END_THOSE_OF_RENAMED, server.get_server_pid())
                await asyncio.wait({renaming}, timeout=LOOK_SECONDS)
        await renaming
    except asyncpg.ObjectInUseError as error:
        raise SessionsDoNotEnd from error
    finally:
        renaming.cancel()


@asynccontextmanager
async def _limited() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield
    except TimeoutError as error:
        raise SessionsDoNotEnd from error


_KEYS = "hashtext('cartulary'), hashtext('use of the database')"
_TAKE_PART = f"select pg_try_advisory_lock_shared({_KEYS})"
_ALONE = f"select pg_advisory_lock({_KEYS})"
_END_BEFORE = "select pg_terminate_backend(pid) from unnest(pg_blocking_pids($1)) as pid"
_END_THOSE_OF_RENAMED = """
    select pg_terminate_backend(a.pid)
      from pg_locks as l join pg_stat_activity as a on a.datid = l.objid
     where l.locktype = 'object' and l.classid = 'pg_database'::regclass and l.pid = $1
       and l.mode = 'AccessExclusiveLock' and l.granted and a.pid <> pg_backend_pid()"""
