"""A service's log and tables as of one moment, out into a sealed file; and whether a file is whole.

1. one session takes the lock (one backup at a time), and a snapshot: all tables are of one moment
2. whatever the log cannot rebuild is copied: the events, inbox, cursors, timers, the service's own
   tables; read models and snapshots are left out
3. persons' keys, and tables that show persons in clear, go into a second file, what they uploaded
   into a third, and both first: no log is ever kept that nobody can open
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import asyncpg
import orjson
import structlog
from prometheus_client import Gauge

from common.backup_archive import ArchiveWriter, Frame, Header, Kind
from common.backup_files import pack_files
from common.backup_folder import BackupFile, BackupFolder, BackupsNotSetUp
from common.database import connect
from common.kernel import Files, KernelDeclaration
from common.problems import Conflict
from common.settings import ServiceSettings

log = structlog.get_logger(__name__)

LAST = Gauge("cartulary_backup_last_success_seconds", "Unix time of the last backup", ["service"])

PIECE = 1024 * 1024
KEYS = "subject_keys"
REBUILT = frozenset({"alembic_version", "views", "snapshots", KEYS})
"""Tables of which the log's file has nothing: made by the code, or kept in the keys' file."""


class BackupUnderWay(Conflict):
    """Another backup of this service is being written, or one is restored."""

    code = "backup_under_way"
    detail = "A backup of this service is being written or restored at this moment."


def backup_folder(settings: ServiceSettings, service: str) -> BackupFolder:
    """The service's folder, as its settings say. Raises `BackupsNotSetUp`."""
    if settings.backup_key_bytes is None:
        raise BackupsNotSetUp
    path = settings.backup_folder or Path("var/backups")
    return BackupFolder(
        service, path, settings.backup_key_bytes, settings.backups_kept, settings.backup_keys_kept
    )


async def create_backup(
    declaration: KernelDeclaration,
    dsn: str,
    folder: BackupFolder,
    now: datetime,
    *,
    spare: str = "",
    files: Files | None = None,
) -> BackupFile:
    """Write its files, then remove the oldest beyond the number that is kept, but not `spare`.

    Raises `BackupUnderWay`, `BackupFolderUnusable`, `StorageUnavailable`: then there is no backup.
    """
    async with _snapshot(dsn) as session:
        log_header = Header(Kind.LOG, declaration.source, now, **await session.fetchrow(_HEADER))
        keys_header = Header(**{**vars(log_header), "kind": Kind.KEYS})
        stem = await asyncio.to_thread(folder.free_name, now)
        tables = await _tables(session, declaration)
        sequences = {row["name"]: row["value"] for row in await session.fetch(_SEQUENCES)}
        personal = [KEYS, *sorted(declaration.personal_tables)]
        await _write(session, folder, f"{stem}.keys", keys_header, personal, {})
        if files is not None:
            await pack_files(files, folder, stem, log_header)
        await _write(session, folder, f"{stem}.backup", log_header, tables, sequences)
        await asyncio.to_thread(folder.tidy, spare)
    LAST.labels(declaration.source).set(now.timestamp())
    size = (folder.path / f"{stem}.backup").stat().st_size
    log.info("backup_written", file=f"{stem}.backup", events=log_header.events, bytes=size)
    return BackupFile(f"{stem}.backup", size, log_header)


@asynccontextmanager
async def _snapshot(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A session that sees the database as of one moment. Raises `BackupUnderWay`."""
    session = await connect(dsn, {"application_name": "cartulary backup"})
    try:
        if not await session.fetchval(_LOCK):
            raise BackupUnderWay
        async with session.transaction(isolation="repeatable_read", readonly=True):
            yield session
    finally:
        # a session that ends takes its lock with it, also when it is broken off while copying
        session.terminate()


async def _tables(session: asyncpg.Connection, declaration: KernelDeclaration) -> list[str]:
    rebuilt = {table.name for model in declaration.read_models for table in model.tables}
    found = [row["name"] for row in await session.fetch(_TABLES)]
    elsewhere = rebuilt | REBUILT | set(declaration.personal_tables)
    return [name for name in found if name not in elsewhere]


async def _write(
    session: asyncpg.Connection,
    folder: BackupFolder,
    filename: str,
    header: Header,
    tables: Sequence[str],
    sequences: dict[str, int],
) -> None:
    with folder.new_file(filename) as file:
        writer = ArchiveWriter(file, header, folder.key)
        rows = {}
        for table in tables:
            rows[table] = await _copy(session, table, writer)
        writer.frame(Frame.SEQUENCES, orjson.dumps(sequences))
        writer.frame(Frame.END, orjson.dumps(rows))
        await asyncio.to_thread(writer.finish)


async def _copy(session: asyncpg.Connection, table: str, writer: ArchiveWriter) -> int:
    """Copy one table as text, which every version of PostgreSQL reads; return its rows."""
    columns = [row["name"] for row in await session.fetch(_COLUMNS, table)]
    writer.frame(Frame.TABLE, orjson.dumps({"table": table, "columns": columns}))
    put, flush = _in_pieces(writer)
    listed = ", ".join(f'"{column}"' for column in columns)
    status: str = await session.copy_from_query(
        f'select {listed} from public."{table}"', output=put, format="text"
    )
    await flush()
    return int(status.rpartition(" ")[2])


def _in_pieces(
    writer: ArchiveWriter,
) -> tuple[Callable[[bytes], Awaitable[None]], Callable[[], Awaitable[None]]]:
    """Gathers rows until they are worth a thread: compressing and sealing take a processor."""
    waiting = bytearray()

    async def flush() -> None:
        piece = bytes(waiting)
        waiting.clear()
        if piece:
            await asyncio.to_thread(writer.frame, Frame.ROWS, piece)

    async def put(data: bytes) -> None:
        waiting.extend(data)
        if len(waiting) >= PIECE:
            await flush()

    return put, flush


_LOCK = "select pg_try_advisory_lock(hashtext('cartulary'), hashtext('backup'))"
_HEADER = """
    select (select version_num from alembic_version) as revision,
           count(*) as events, coalesce(max(position), 0) as position from events"""
_TABLES = """
    select relname as name from pg_class
     where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace
     order by relname"""
_COLUMNS = """
    select attname as name from pg_attribute
     where attrelid = format('public.%I', $1::text)::regclass
       and attnum > 0 and not attisdropped and attgenerated = ''
     order by attnum"""
# read after the snapshot was taken, so beyond every cursor in it: what comes after a restore must
# not stand where a follower has passed
_SEQUENCES = """
    select sequencename as name, last_value as value from pg_sequences
     where schemaname = 'public' and last_value is not null"""
