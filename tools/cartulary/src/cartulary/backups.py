"""`cartulary backup`: a service's log out into a sealed file, and back."""

import sys
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from common.backup_archive import Kind
from common.backup_files import files_of
from common.backup_folder import BackupFile, BackupFolder
from common.backup_reading import Checked, check_backup
from common.backups import backup_folder, create_backup
from common.problems import Refusal, Unavailable
from common.restoring import DatabaseNotEmpty, Restore, Restored, Secrets

from cartulary.options import as_json, layout, where
from cartulary.output import Unreachable, ask, document, note, size, table, when
from cartulary.services import Place, places

ResultT = TypeVar("ResultT")

database = click.option("--database-url", metavar="URL", help="Its database.")


@click.group()
def backup() -> None:
    """Back up logs and restore them. Files lie in BACKUP_FOLDER, sealed under BACKUP_KEY.

    \b
    *.backup   a log, and the tables that it cannot rebuild
    *.keys     the persons' keys: only the newest are kept, so that who was erased stays erased
    *.files    pictures that people uploaded, kept as briefly as the keys
    """


@backup.command("create")
@where
@as_json
def create_command(services: tuple[str, ...], database_url: str | None, as_json: bool) -> None:
    """Write a backup of each service, as of one moment, while it goes on.

    \b
    Example:
      cartulary backup create --service cards
    """
    made: list[BackupFile] = [
        ask(lambda place=place: _told(_create(place)))  # type: ignore[misc] # bound now
        for place in places(layout(), services, database_url)
    ]
    _print_files(made, as_json=as_json)


@backup.command("list")
@where
@as_json
def list_command(services: tuple[str, ...], database_url: str | None, as_json: bool) -> None:
    """Show the backups that there are, the newest first."""
    found = [
        file
        for place in places(layout(), services, database_url)
        for file in ask(lambda place=place: _told(_listed(place)))  # type: ignore[misc] # bound now
    ]
    _print_files(found, as_json=as_json)


@backup.command("verify")
@click.argument("filename")
@as_json
def verify_command(filename: str, as_json: bool) -> None:
    """Read a file to its end: is every byte what was written? Exits 1 if not.

    \b
    Example:
      cartulary backup verify cards-20260131T120000000Z.backup
    """
    place = _owner(filename, None)
    checked: Checked = ask(lambda: _told(_check(place, filename)))
    if as_json:
        document({"filename": filename, "rows": checked.rows, **_plain(checked)})
    else:
        click.echo(f"{filename}: whole ({checked.header.events} events)")


@backup.command("restore")
@click.argument("filename")
@database
@click.option("--replace", is_flag=True, help="Replace a database that holds events.")
@click.option("--keys", metavar="FILE", help="These keys instead of the newest that there are.")
@as_json
def restore_command(
    filename: str, database_url: str | None, replace: bool, keys: str | None, as_json: bool
) -> None:
    """Restore a backup into its service's database, and build every view from it.

    A database that holds events is refused unless --replace; it is then backed up first. The
    service may run: its processes stand aside until the end.

    \b
    Example:
      cartulary backup restore cards-20260131T120000000Z.backup --replace
    """
    place = _owner(filename, database_url)
    result: Restored = ask(lambda: _told(_restore(place, filename, keys, replace=replace)))
    if as_json:
        document(result)
        return
    click.echo(f"{place.name}: restored {result.events} events as of {when(result.created_at)}")
    if result.files is not None:
        click.echo(f"  uploaded files: {result.files}")
    for safety in result.safety:
        click.echo(f"  what was there before: {safety}")
    for person in result.erased_since:
        click.echo(f"  erased since, erase again: {person}")


async def _create(place: Place) -> BackupFile:
    now, declaration = datetime.now(UTC), place.service.declaration
    files = files_of(declaration, place.settings())
    return await create_backup(declaration, place.dsn, _folder(place), now, files=files)


async def _listed(place: Place) -> list[BackupFile]:
    return _folder(place).listed()


async def _check(place: Place, filename: str) -> Checked:
    folder, ending = _folder(place), Path(filename).suffix.removeprefix(".")
    kind = Kind(ending) if ending in {kind.value for kind in Kind} else Kind.LOG
    return await check_backup(folder, _find(folder, filename, kind))


async def _restore(place: Place, filename: str, keys: str | None, *, replace: bool) -> Restored:
    settings, folder = place.settings(), _folder(place)
    secrets = Secrets(settings.data_key_bytes, settings.wire_key_bytes)
    declaration = place.service.declaration
    files = files_of(declaration, settings)
    restore = Restore(declaration, place.dsn, secrets, folder, files)
    of_keys = _find(folder, keys, Kind.KEYS) if keys else None
    path, now = _find(folder, filename), datetime.now(UTC)
    return await restore.run(path, now, replace=replace, keys=of_keys)


def _folder(place: Place) -> BackupFolder:
    return backup_folder(place.settings(), place.name)


def _find(folder: BackupFolder, filename: str, kind: Kind = Kind.LOG) -> Path:
    """A file of the folder by its name, or any other by its path."""
    return Path(filename) if "/" in filename else folder.find(filename, kind)


def _owner(filename: str, database_url: str | None) -> Place:
    """The service whose file it is, by its name. Raises `UsageError`."""
    service = Path(filename).name.rpartition("-")[0]
    (place,) = places(layout(), [service], database_url)
    return place


async def _told(work: Awaitable[ResultT]) -> ResultT:
    """What is refused becomes one line, and exit code 1, or 3 where something is away."""
    try:
        return await work
    except DatabaseNotEmpty as refused:
        raise click.ClickException(f"{refused.detail} (--replace)") from refused
    except Unavailable as away:
        raise Unreachable(away.detail) from away
    except Refusal as refused:
        raise click.ClickException(refused.detail) from refused
    except FileNotFoundError as missing:
        raise click.UsageError(f"There is no file {missing.filename}.") from missing


def _print_files(files: Sequence[BackupFile], *, as_json: bool) -> None:
    if as_json:
        document([{"filename": f.filename, "bytes": f.bytes, **_plain(f)} for f in files])
        return
    if not files:
        note("There is no backup yet.")
        sys.exit(0)
    headers = ("BACKUP", "MADE", "EVENTS", "SIZE")
    rows = [(f.filename, when(f.header.created_at), f.header.events, size(f.bytes)) for f in files]
    table(headers, rows)


def _plain(file: BackupFile | Checked) -> dict[str, Any]:
    return {**vars(file.header), "kind": file.header.kind.value}
