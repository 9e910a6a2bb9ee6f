"""Files that people upload: a folder by default, any S3-compatible bucket by setting.

One library speaks to both; it is 4 MB, so a process with a folder imports it with its first file.
Its blocking calls run in threads: its asynchronous ones were seen to abort the interpreter at its
end, one run in ten.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qs, urlsplit

import structlog
from pydantic import SecretStr

from common.problems import Unavailable
from common.settings import ServiceSettings, StartRefused

if TYPE_CHECKING:
    from obstore.store import ObjectStore

TIMEOUT = timedelta(seconds=5)
RETRIES = 2

log = structlog.get_logger(__name__)

ResultT = TypeVar("ResultT")


class StorageUnavailable(Unavailable):
    """The folder or bucket does not answer (503)."""

    code = "storage_unavailable"
    detail = "Files cannot be reached at the moment. Try again shortly."


class StorageSettings(ServiceSettings):
    """Where files lie. `storage_url` is `s3://bucket?region=…&endpoint=…`; without it they lie in
    `storage_folder`, which every process of the service must see."""

    storage_url: str = ""
    storage_folder: Path | None = None
    storage_access_key: SecretStr | None = None
    storage_secret_key: SecretStr | None = None

    def problems(self) -> list[str]:
        """As for every service; in production the place is not left to chance."""
        found = super().problems()
        if self.storage_url and not self.storage_url.startswith("s3://"):
            found.append("STORAGE_URL: has the form s3://bucket?region=…&endpoint=…")
        if self.storage_url and not (self.storage_access_key and self.storage_secret_key):
            found.append("STORAGE_ACCESS_KEY, STORAGE_SECRET_KEY: are missing")
        if self.environment == "production" and not (self.storage_url or self.storage_folder):
            found.append("STORAGE_URL or STORAGE_FOLDER: is missing")
        return found


class ObjectStorage:
    """Objects by their key, such as `avatars/0198…/0199…`.

    Each method raises `StorageUnavailable` when the storage does not answer.
    """

    def __init__(self, open: Callable[[], "ObjectStore"]) -> None:
        self._open = open

    @cached_property
    def _store(self) -> "ObjectStore":
        return self._open()

    async def put(self, key: str, content: bytes) -> None:
        """Keep the object, whole or not at all; one with this key is replaced."""
        await self._call(lambda: self._store.put(key, content))

    async def get(self, key: str) -> bytes | None:
        """The object, if it is there."""

        def read() -> bytes | None:
            try:
                return bytes(self._store.get(key).bytes())
            except FileNotFoundError:
                return None

        return await self._call(read)

    async def delete(self, key: str) -> None:
        """Remove the object; one that is not there is removed already."""

        def remove() -> None:
            try:
                self._store.delete(key)
            except FileNotFoundError:
                return

        await self._call(remove)

    async def keys(self, folder: str) -> list[str]:
        """The keys below a folder, such as `avatars/0198…`."""
        listed = await self._call(lambda: self._store.list(folder).collect())
        return [found["path"] for found in listed]

    async def walk(self) -> AsyncIterator[str]:
        """All keys, some at a time."""
        pages = await self._call(lambda: iter(self._store.list()))
        while page := await self._call(lambda: next(pages, None)):
            for found in page:
                yield found["path"]

    async def _call(self, work: Callable[[], ResultT]) -> ResultT:
        return await asyncio.to_thread(_carried_out, work)


def _carried_out(work: Callable[[], ResultT]) -> ResultT:
    from obstore.exceptions import BaseError  # noqa: PLC0415 (see above)

    try:
        return work()
    except (BaseError, OSError) as error:
        # its text has the key and the address in it
        log.warning("storage_failed", reason=type(error).__name__)
        raise StorageUnavailable from error


def storage_for(settings: StorageSettings) -> ObjectStorage:
    """The bucket where one is set, else the folder. Raises `StartRefused`."""
    if settings.storage_url:
        bucket = _bucket(settings)
        return ObjectStorage(lambda: bucket)
    folder = (settings.storage_folder or Path("var/files")).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartRefused(f"cannot start: STORAGE_FOLDER: {error.strerror}") from None
    return ObjectStorage(lambda: _local(folder))


def _local(folder: Path) -> "ObjectStore":
    from obstore.store import LocalStore  # noqa: PLC0415 (see above)

    return LocalStore(folder, mkdir=True)


def _bucket(settings: StorageSettings) -> "ObjectStore":
    from obstore.exceptions import BaseError  # noqa: PLC0415 (see above)
    from obstore.store import S3Store  # noqa: PLC0415

    # both are there: `problems` has checked it
    assert settings.storage_access_key
    assert settings.storage_secret_key
    parts = urlsplit(settings.storage_url)
    given = {name: values[0] for name, values in parse_qs(parts.query).items()}
    endpoint = given.get("endpoint", "")
    try:
        return S3Store(
            parts.netloc,
            region=given.get("region", "us-east-1"),
            endpoint=endpoint or None,
            access_key_id=settings.storage_access_key.get_secret_value(),
            secret_access_key=settings.storage_secret_key.get_secret_value(),
            client_options={"allow_http": endpoint.startswith("http://"), "timeout": TIMEOUT},
            retry_config={"max_retries": RETRIES, "retry_timeout": TIMEOUT},
        )
    except (BaseError, ValueError):
        raise StartRefused("cannot start: STORAGE_URL: is not understood") from None
