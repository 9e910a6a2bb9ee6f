"""Files in a folder and in a bucket: the same promises."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from common.object_storage import (
    ObjectStorage,
    StorageSettings,
    StorageUnavailable,
    storage_for,
)
from common.settings import StartRefused
from common.testing.processes import free_port
from common.testing.s3 import s3_bucket


@pytest.fixture(scope="module")
def bucket() -> Iterator[StorageSettings]:
    with s3_bucket() as settings:
        yield settings


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.integration)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStorage:
    if request.param == "folder":
        return storage_for(StorageSettings.load(storage_folder=tmp_path / "files"))
    return storage_for(request.getfixturevalue("bucket"))


async def test_what_is_put_can_be_got_replaced_and_listed(storage: ObjectStorage) -> None:
    await storage.put("a/b/c", b"one")
    await storage.put("a/b/c", b"two")
    await storage.put("a/bb/d", b"another folder")

    assert await storage.get("a/b/c") == b"two"
    assert await storage.keys("a/b") == ["a/b/c"]


async def test_what_is_not_there_is_nothing_and_is_removed_already(storage: ObjectStorage) -> None:
    await storage.put("x/y", b"here")
    await storage.delete("x/y")
    await storage.delete("x/y")

    assert await storage.get("x/y") is None
    assert await storage.keys("x") == []


async def test_a_bucket_that_does_not_answer_is_named_without_its_address() -> None:
    url = f"s3://bucket?endpoint=http://127.0.0.1:{free_port()}"
    gone = StorageSettings.load(
        storage_url=url, storage_access_key="key-id", storage_secret_key="the-secret"
    )

    with pytest.raises(StorageUnavailable) as refused:
        await storage_for(gone).get("a")

    assert "127.0.0.1" not in refused.value.detail
    assert "the-secret" not in repr(gone)


@pytest.mark.parametrize(
    "wrong",
    [
        {"storage_url": "https://bucket", "storage_access_key": "a", "storage_secret_key": "b"},
        {"storage_url": "s3://bucket"},
    ],
)
def test_a_place_that_makes_no_sense_is_refused_at_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(StartRefused, match="STORAGE"):
        StorageSettings.load(**wrong)


def test_a_folder_that_cannot_be_made_is_refused_at_the_start() -> None:
    with pytest.raises(StartRefused, match="STORAGE_FOLDER"):
        storage_for(StorageSettings.load(storage_folder="/proc/nowhere"))
