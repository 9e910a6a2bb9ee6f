"""A service's database brought up to its code at start: under a lock, forwards, by itself."""

import asyncio
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import asyncpg
import sqlalchemy as sa
import structlog
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from common.database import OUTCOME_UNKNOWN, SERVICE_ROLE, Database, connect
from common.event_store import EventStore
from common.read_models import ReadModel, prepare_views

log = structlog.get_logger(__name__)


class DatabaseUnfit(Exception):
    """The database lacks what the kernel's promises stand on; the message says what."""


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


async def prepare_database(dsn: str, migrations: Path) -> None:
    """Wait for PostgreSQL, migrate, assert what the log's readers rely on.

    Raises `DatabaseUnfit`, and whatever a migration raises: nothing of it is kept then.
    """
    owner = await _when_it_answers(dsn)
    try:
        await owner.execute(_ROLE)
        # two processes of a service start at once: one migrates, the other waits
        await owner.execute("select pg_advisory_lock(hashtext('cartulary'), hashtext('migrate'))")
        await _upgrade(dsn, migrations)
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


async def _when_it_answers(dsn: str) -> asyncpg.Connection:
    pause = 0.1
    while True:
        try:
            return await connect(dsn, {})
        except OUTCOME_UNKNOWN as error:
            log.warning("database_is_away", why=type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5)


async def _upgrade(dsn: str, migrations: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations))
    engine = create_async_engine(dsn.replace("postgresql://", "postgresql+asyncpg://", 1))

    def upgrade(connection: sa.Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    try:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade)
    finally:
        await engine.dispose()


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
_GRANT = f"""
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
