"""A backup back into a database, beside the live one, whose place it takes when all of it is true.

1. the files are read to their end: a damaged, cut or foreign one, or another key, is refused here
2. a database that holds events is refused unless it shall be replaced; all of the service's
   processes stand aside from now on, and it is backed up first
3. beside it a new one is made: migrated to the backup's revision, filled, migrated to the code's
4. a new epoch begins, the views are built, every hash chain is verified
5. the databases change their names in one transaction, and the processes come back

Killed at any point it leaves the live database as it was, or replaced.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import structlog

from common.backup_archive import Header, Kind
from common.backup_files import files_beside, unpack_files
from common.backup_folder import BackupFile, BackupFolder
from common.backup_loading import load_keys, load_log
from common.backup_reading import Checked, check_backup
from common.backups import BackupUnderWay, create_backup
from common.database import connect
from common.epochs import begin_epoch
from common.kernel import Files, KernelDeclaration, open_kernel
from common.migrations import newest_revision, prepare_database
from common.problems import Conflict, Invalid, Unavailable
from common.standing_aside import SessionsDoNotEnd, alone, rename
from common.verification import verify_log

log = structlog.get_logger(__name__)


class DatabaseNotEmpty(Conflict):
    """It holds events, and nobody said that they may be replaced."""

    code = "database_not_empty"
    detail = "The database holds events. Say that they shall be replaced, or restore elsewhere."


class BackupTooNew(Invalid):
    """The code that wrote the backup knew migrations that this one does not."""

    code = "backup_too_new"
    detail = "The backup was made by a newer version of the service. Nothing was changed."


class BackupKeysMissing(Invalid):
    """No file of persons' keys is at least as new as the log."""

    code = "backup_keys_missing"
    detail = "No file of keys is as new as this backup: its personal data could not be read."


class BackupNotWhole(Invalid):
    """What was restored is not what was once written: its hashes do not fit."""

    code = "backup_not_whole"
    detail = "The backup's events are not those that were written. Nothing was changed."


class RestoreImpossible(Unavailable):
    """The server does not let a database be made or renamed."""

    code = "restore_impossible"


@dataclass(frozen=True)
class Secrets:
    """The service's keys, which open what the log has sealed."""

    data_key: bytes
    wire_key: bytes


@dataclass(frozen=True)
class Restored:
    """What was done. `safety` are backups of what was replaced; `erased_since` the persons whom the
    log still knows and whose keys were destroyed after it was backed up: erase them again. `files`
    are those put back into the storage, None where the backup has none any more."""

    backup: str
    keys: str
    events: int
    created_at: datetime
    epoch: int
    safety: list[str]
    erased_since: list[UUID]
    files: int | None


@dataclass(frozen=True)
class Restore:
    """One restore: whose, where to, out of which folder; `files` is where uploaded files lie."""

    declaration: KernelDeclaration
    dsn: str
    secrets: Secrets
    folder: BackupFolder
    files: Files | None = None

    async def run(
        self, path: Path, now: datetime, *, replace: bool = False, keys: Path | None = None
    ) -> Restored:
        """Do it; see the module. `keys`: that file instead of the newest that there is."""
        checked = await check_backup(self.folder, path)
        self._check_revision(checked.header)
        packed = await files_beside(self.folder, path, self.files)
        name = urlsplit(self.dsn).path.lstrip("/")
        async with _server(self.dsn, name) as server, AsyncExitStack() as aside:
            holds_events = await _holds_events(server, self.dsn, name)
            if holds_events and not replace:
                raise DatabaseNotEmpty
            await aside.enter_async_context(_alone(server, self.dsn, name))
            safety = await self._safety(path, now) if holds_events else []
            keys = await self._keys(checked.header, keys, safety)
            beside = f"{name[:40]}_restoring"
            await _make(server, beside)
            try:
                epoch, erased = await self._fill(beside, path, keys, checked, now)
                former = f"{name[:40]}_before_{int(now.timestamp() * 1000)}"
                await _switch(server, self.dsn, former, beside)
            finally:
                with suppress(asyncpg.PostgresError):
                    await server.execute(f'drop database if exists "{beside}" with (force)')
            safety += await self._last_words(server, former, safety, now)
        unpacked = await unpack_files(packed, self.folder.key, self.dsn) if packed else None
        log.info("backup_restored", file=path.name, events=checked.header.events, epoch=epoch)
        header = checked.header
        return Restored(
            path.name,
            keys.name,
            header.events,
            header.created_at,
            epoch,
            [file.filename for file in safety],
            erased,
            unpacked,
        )

    def _check_revision(self, header: Header) -> None:
        if header.revision > newest_revision(self.declaration.migrations):
            raise BackupTooNew

    async def _safety(self, path: Path, now: datetime) -> list[BackupFile]:
        """A backup of what will be replaced."""
        made = await create_backup(
            self.declaration, self.dsn, self.folder, now, spare=path.name, files=self.files
        )
        return [made]

    async def _keys(self, header: Header, given: Path | None, safety: Sequence[BackupFile]) -> Path:
        """The newest keys: persons erased after the backup stay so. The live database's own were
        just written if it had any: nothing may bring back whom they do not know any more."""
        newest = await asyncio.to_thread(self.folder.listed, Kind.KEYS)
        if safety:
            path = self.folder.path / f"{safety[0].filename.removesuffix('.backup')}.keys"
        elif given is not None:
            path = given
        elif newest:
            path = self.folder.path / newest[0].filename
        else:
            raise BackupKeysMissing
        checked = await check_backup(self.folder, path)
        if checked.header.kind is not Kind.KEYS or checked.header.created_at < header.created_at:
            raise BackupKeysMissing
        return path

    async def _fill(
        self, beside: str, path: Path, keys: Path, checked: Checked, now: datetime
    ) -> tuple[int, list[UUID]]:
        """The whole restored database. Returns its epoch and who was erased since the backup."""
        dsn, migrations = _dsn_of(self.dsn, beside), self.declaration.migrations
        await prepare_database(dsn, migrations, revision=checked.header.revision)
        owner = await connect(dsn, {"application_name": "cartulary restore"})
        try:
            await load_log(owner, path, self.folder.key, checked)
            erased = await load_keys(owner, keys, self.folder.key, checked.header.created_at)
        finally:
            await owner.close()
        await prepare_database(dsn, migrations)
        owner = await connect(dsn, {"application_name": "cartulary restore"})
        try:
            epoch = await begin_epoch(owner, path.name, now)
        finally:
            await owner.close()
        async with open_kernel(
            self.declaration,
            dsn=dsn,
            data_key=self.secrets.data_key,
            wire_key=self.secrets.wire_key,
            pool_size=2,
        ) as kernel:
            async for flaw in verify_log(kernel.database):
                log.error("backup_not_whole", stream=flaw.stream, problem=flaw.problem)
                raise BackupNotWhole
        return epoch, erased

    async def _last_words(
        self, server: asyncpg.Connection, former: str, safety: list[BackupFile], now: datetime
    ) -> list[BackupFile]:
        """Keep what was still written after the safety backup, then let the old database go."""
        more = []
        if safety:
            dsn = _dsn_of(self.dsn, former)
            if await _position(dsn) > safety[0].header.position:
                more.append(await create_backup(self.declaration, dsn, self.folder, now))
        await server.execute(f'drop database if exists "{former}" with (force)')
        return more


@asynccontextmanager
async def _server(dsn: str, name: str) -> AsyncIterator[asyncpg.Connection]:
    """A session in the server's own database; it holds the lock of this restore."""
    server = await connect(_dsn_of(dsn, "postgres"), {"application_name": "cartulary restore"})
    try:
        if not await server.fetchval(_LOCK, f"restore {name}"):
            raise BackupUnderWay
        yield server
    except asyncpg.InsufficientPrivilegeError as error:
        detail = "The database's user may not make or rename databases (CREATEDB)."
        raise RestoreImpossible(f"{detail} Nothing was changed.") from error
    except asyncpg.ObjectInUseError as error:
        detail = "The server is making another database at this moment. Try again."
        raise RestoreImpossible(f"{detail} Nothing was changed.") from error
    finally:
        await server.close()


async def _holds_events(server: asyncpg.Connection, dsn: str, name: str) -> bool:
    if not await server.fetchval(
        "select exists (select from pg_database where datname = $1)", name
    ):
        return False
    return await _position(dsn) > 0


async def _position(dsn: str) -> int:
    session = await connect(dsn, {})
    try:
        if await session.fetchval("select to_regclass('public.events')") is None:
            return 0
        position: int = await session.fetchval("select coalesce(max(position), 0) from events")
        return position
    finally:
        await session.close()


async def _make(server: asyncpg.Connection, name: str) -> None:
    """An empty database; what a killed restore left under its name is removed."""
    await server.execute(f'drop database if exists "{name}" with (force)')
    await server.execute(f'create database "{name}"')


@asynccontextmanager
async def _alone(server: asyncpg.Connection, dsn: str, name: str) -> AsyncIterator[None]:
    """The service's processes stand aside, where there is a database that they could use."""
    if not await server.fetchval(_EXISTS, name):
        yield
        return
    own = await connect(dsn, {"application_name": "cartulary restore"})
    try:
        async with alone(server, own):
            yield
    except SessionsDoNotEnd as error:
        raise RestoreImpossible(
            "Sessions of the database do not end. Nothing was changed."
        ) from error


async def _switch(server: asyncpg.Connection, dsn: str, former: str, restored: str) -> None:
    """Give the restored database the live one's name, both or neither."""
    live = urlsplit(dsn).path.lstrip("/")
    ender = await connect(_dsn_of(dsn, "postgres"), {"application_name": "cartulary restore"})
    try:
        async with server.transaction():
            if await server.fetchval(_EXISTS, live):
                await rename(server, ender, f'alter database "{live}" rename to "{former}"')
            await rename(server, ender, f'alter database "{restored}" rename to "{live}"')
    finally:
        await ender.close()


def _dsn_of(dsn: str, database: str) -> str:
    parts = urlsplit(dsn)
    return urlunsplit(parts._replace(path=f"/{database}"))


_LOCK = "select pg_try_advisory_lock(hashtext('cartulary'), hashtext($1))"
_EXISTS = "select exists (select from pg_database where datname = $1)"
