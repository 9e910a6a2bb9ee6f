"""A service's database brought up to its code at start: under a lock, forwards, by itself."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import asyncpg
import structlog

from common.database import SERVICE_ROLE, Database
from common.database_waiting import when_it_answers
from common.event_store import EventStore
from common.read_models import ReadModel, prepare_views

log = structlog.get_logger(__name__)


class DatabaseUnfit(Exception):
    """The database lacks what the kernel's promises stand on; the message says what."""


class MigrationFailed(Exception):
    """The database is as it was; the message is the line that the migration ended with."""


def kernel_schema(name: str) -> list[str]:
    """The statements of a numbered file of kernel tables; such files are never edited."""
    text = (files("common") / "kernel_schema" / f"{name}.sql").read_text()
    statements, lines, in_body = [], [], False
    for line in text.splitlines():
        lines.append(line)
        in_body ^= line.count("$$") % 2 == 1
        if line.split("--")[0].rstrip().endswith(";") and not in_body:
            statements.append("\n".join(lines))
            lines = []
    return statements


async def prepare_database(dsn: str, migrations: Path, *, revision: str | None = None) -> None:
    """Wait for PostgreSQL, migrate, assert what the log's readers rely on.

    `revision` is how far, for a backup of that time; else to the newest.

    Raises `DatabaseUnfit` and `MigrationFailed`; nothing of a failed migration is kept. Raises
    `StartRefused` for an address that PostgreSQL will never let in.
    """
    owner = await when_it_answers(dsn)
    try:
        await owner.execute(_ROLE)
        wanted = revision or newest_revision(migrations)
        if await _revision(owner) != wanted:
            await _upgrade(dsn, migrations, wanted)
        await owner.execute(_GRANT)
        await _assert_fit(owner)
    finally:
        await owner.close()


async def prepare_views_once(
    database: Database, store: EventStore, read_models: Sequence[ReadModel]
) -> None:
    """Build what read models are missing; a second process waits until the first has."""
    async with database.owner() as owner:
        await owner.execute("select pg_advisory_lock(hashtext('cartulary'), hashtext('views'))")
        await prepare_views(database, store, read_models)


async def _upgrade(dsn: str, migrations: Path, revision: str) -> None:
    command = (sys.executable, "-m", "common.migration_process", str(migrations), revision)
    environment = {**os.environ, "DATABASE_URL": dsn}

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)

    # not by the loop: uvloop's fork runs what libraries with threads have registered for forks, and
    # the child was seen to stand still there, before it became the other program
    starting = asyncio.ensure_future(asyncio.to_thread(start))
    try:
        process = await asyncio.shield(starting)
    except asyncio.CancelledError:
        process = await starting
        process.kill()
        await asyncio.to_thread(process.communicate)
        raise
    listening = asyncio.ensure_future(asyncio.to_thread(process.communicate))
    try:
        _, said = await asyncio.shield(listening)
    except asyncio.CancelledError:
        process.kill()
        await listening
        raise
    if process.returncode:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise MigrationFailed(f"the migration failed: {last or 'its process was killed'}")


async def _revision(owner: asyncpg.Connection) -> str | None:
    if await owner.fetchval("select to_regclass('alembic_version')") is None:
        return None
    revision: str | None = await owner.fetchval("select version_num from alembic_version")
    return revision


def newest_revision(migrations: Path) -> str:
    """The revision that the folder leads to: each file's name begins with its own."""
    return max(file.name.partition("_")[0] for file in (migrations / "versions").glob("*.py"))


async def _assert_fit(owner: asyncpg.Connection) -> None:
    """Without these, readers of the log would skip events in silence."""
    row = await owner.fetchrow(_FITNESS)
    problems = {
        "the trigger events_floor is missing or disabled": not row["trigger"],
        "the sequence of positions must have cache 1": row["cache"] != 1,
        "the default isolation must be read committed": row["isolation"] != "read committed",
        "this is a standby; the log must be read on the primary": row["standby"],
    }
    found = [problem for problem, holds in problems.items() if holds]
    if found:
        raise DatabaseUnfit("; ".join(found))


_ROLE = f"""
    do $$ begin
        create role {SERVICE_ROLE} nologin;
    exception when duplicate_object or unique_violation then null;
    end $$;
    do $$ begin
        execute format('grant {SERVICE_ROLE} to %I', current_user);
    exception when others then
        if not pg_has_role(current_user, '{SERVICE_ROLE}', 'set') then raise; end if;
    end $$"""
# one transaction, and one process at a time: grants made together stumble over each other's rows
_GRANT = f"""
    select pg_advisory_xact_lock(hashtext('cartulary'), hashtext('grants'));
    grant usage on schema public to {SERVICE_ROLE};
    grant select, insert, update, delete on all tables in schema public to {SERVICE_ROLE};
    grant usage, select on all sequences in schema public to {SERVICE_ROLE};
    revoke update, delete, truncate on events from {SERVICE_ROLE}"""
_FITNESS = """
    select exists (select from pg_trigger where tgname = 'events_floor'
                      and tgrelid = 'events'::regclass and tgenabled in ('O', 'A')) as trigger,
           (select seqcache from pg_sequence
             where seqrelid = 'events_position_seq'::regclass) as cache,
           current_setting('default_transaction_isolation') as isolation,
           pg_is_in_recovery() as standby"""
