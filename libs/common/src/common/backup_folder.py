"""Where backups lie: one folder, names that say whose and when, and how many of them are kept.

Persons' keys, and files that show persons, lie in files of their own, of which only the newest are
kept: a person who was erased is gone from all backups as soon as none of these is from before.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import structlog

from common.backup_archive import BackupDamaged, Header, Kind, read_header
from common.problems import Invalid, NotFound, Unavailable

log = structlog.get_logger(__name__)

_NAME = re.compile(r"([a-z][a-z0-9_]{0,31})-(\d{8}T\d{9}Z)\.(backup|keys|files)")


class BackupNotFound(NotFound):
    """No such file in the folder."""

    code = "backup_not_found"
    detail = "There is no backup of this name here."


class BackupForeign(Invalid):
    """The file is another service's."""

    code = "backup_of_another_service"
    detail = "This is another service's backup. Nothing was changed."


class BackupFolderUnusable(Unavailable):
    """The folder cannot be read or written, or its disk is full."""

    code = "backup_folder_unusable"
    detail = "The folder of backups cannot be used."


class BackupsNotSetUp(Unavailable):
    """No key to seal backups with was set."""

    code = "backups_not_set_up"
    detail = "Backups are not set up here: BACKUP_KEY is missing."


@dataclass(frozen=True)
class BackupFile:
    """One file of the folder: its name, its size in bytes, and what its header says."""

    filename: str
    bytes: int
    header: Header


@dataclass(frozen=True)
class BackupFolder:
    """One service's backups. `kept` and `keys_kept` are numbers of files, the newest ones."""

    service: str
    path: Path
    key: bytes
    kept: int = 14
    keys_kept: int = 2

    def listed(self, kind: Kind = Kind.LOG) -> list[BackupFile]:
        """The files whose header can be read, the newest first. Raises `BackupFolderUnusable`."""
        with _usable():
            if not self.path.exists():
                return []
            found = [self._look(path) for path in self.path.iterdir() if self._is(path.name, kind)]
        files = [file for file in found if file]
        return sorted(files, key=lambda file: file.filename, reverse=True)

    def find(self, filename: str, kind: Kind = Kind.LOG) -> Path:
        """A file by its name. Raises `BackupNotFound`, also for a name that none can have."""
        known = _NAME.fullmatch(filename)
        if known is None or known[3] != kind.value:
            raise BackupNotFound
        if known[1] != self.service:
            raise BackupForeign
        path = self.path / filename
        with _usable():
            if not path.is_file():
                raise BackupNotFound
        return path

    def header(self, path: Path) -> Header:
        """What the file says of itself. Raises `BackupDamaged`, `BackupForeign`."""
        with _usable(), path.open("rb") as file:
            header = read_header(file)
        if header.service != self.service:
            raise BackupForeign
        return header

    def free_name(self, now: datetime) -> str:
        """A name without its ending: the service, and the time in UTC; behind all others, since
        the newest is kept. Raises `BackupFolderUnusable`."""
        with _usable():
            names = [path.name for path in self.path.glob(f"{self.service}-*")]
        taken = max((name for name in names if _NAME.fullmatch(name)), default="")
        stem = self._stem(now)
        if stem <= (newest := taken.partition(".")[0]):
            at = datetime.strptime(newest.rpartition("-")[2], "%Y%m%dT%H%M%S%f%z")
            stem = self._stem(at + timedelta(milliseconds=1))
        return stem

    def _stem(self, at: datetime) -> str:
        at = at.astimezone(UTC)
        return f"{self.service}-{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03}Z"

    @contextmanager
    def new_file(self, filename: str) -> Iterator[BinaryIO]:
        """A file that has its name once it is whole and on the disk, and is gone otherwise.

        Raises `BackupFolderUnusable`.
        """
        part = self.path / f"{filename}.part"
        with _usable():
            self.path.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)
            try:
                with os.fdopen(
                    os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb"
                ) as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(self.path / filename)
                _sync(self.path)
            finally:
                part.unlink(missing_ok=True)

    def tidy(self, spare: str = "") -> None:
        """Remove what is beyond the number kept, and what a killed process left half written.

        Only while nobody else writes a backup of this service; never log or files of `spare`.
        """
        with _usable():
            for kind in Kind:
                kept = self.kept if kind is Kind.LOG else self.keys_kept
                for file in self.listed(kind)[kept:]:
                    if kind is not Kind.KEYS and _stem_of(file.filename) == _stem_of(spare):
                        continue
                    (self.path / file.filename).unlink(missing_ok=True)
                    log.info("backup_removed", file=file.filename)
            for path in self.path.glob(f"{self.service}-*.part"):
                path.unlink(missing_ok=True)

    def _is(self, name: str, kind: Kind) -> bool:
        known = _NAME.fullmatch(name)
        return known is not None and (known[1], known[3]) == (self.service, kind.value)

    def _look(self, path: Path) -> BackupFile | None:
        try:
            with path.open("rb") as file:
                return BackupFile(path.name, path.stat().st_size, read_header(file))
        except BackupDamaged:
            log.warning("backup_unreadable", file=path.name)
            return None


def _stem_of(filename: str) -> str:
    return filename.partition(".")[0]


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except (ConnectionError, TimeoutError):
        raise  # the database's, while its rows are written
    except OSError as error:
        # a disk's own words; the path would tell more than a caller needs
        detail = f"The folder of backups cannot be used: {error.strerror or type(error).__name__}."
        raise BackupFolderUnusable(detail) from error


def _sync(folder: Path) -> None:
    """Keep the new name, too, through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
