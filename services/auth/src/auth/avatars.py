"""Where people's pictures lie; apart from their drawing, which the worker has no use for."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import UUID

from common.object_storage import ObjectStorage

if TYPE_CHECKING:
    from auth.avatar_drawing import Drawn

LARGEST_FILE = 2 * 1024 * 1024
CONTENT_TYPE = "image/webp"


class Avatars:
    """Draws, keeps and finds them; one is drawn at a time, which bounds memory."""

    def __init__(self, storage: ObjectStorage) -> None:
        self._storage = storage
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="avatars")

    async def draw(self, content: bytes) -> "Drawn":
        """See `avatar_drawing.draw`."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, _draw, content)

    async def keep(self, account_id: UUID, picture_id: UUID, picture: bytes) -> None:
        """Put it away. Raises `StorageUnavailable`, as all that follow."""
        await self._storage.put(_key(account_id, picture_id), picture)

    async def find(self, account_id: UUID, picture_id: UUID) -> bytes | None:
        """The picture."""
        return await self._storage.get(_key(account_id, picture_id))

    async def forget(self, account_id: UUID, picture_id: UUID) -> None:
        """Throw one away."""
        await self._storage.delete(_key(account_id, picture_id))

    async def forget_all(self, account_id: UUID) -> None:
        """Throw all of an account's away, those that were never shown too."""
        for key in await self._storage.keys(_folder(account_id)):
            await self._storage.delete(key)

    def close(self) -> None:
        """End the pool's thread."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _draw(content: bytes) -> "Drawn":
    from auth.avatar_drawing import draw  # noqa: PLC0415 (Pillow: 4 MB for this one route)

    return draw(content)


def _folder(account_id: UUID) -> str:
    return f"avatars/{account_id}"


def _key(account_id: UUID, picture_id: UUID) -> str:
    return f"{_folder(account_id)}/{picture_id}"
