"""A producer's public messages of one stream, for a consumer that missed some.

Services ask one another inside the network only; the shared internal secret says who may.
"""

from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from secrets import compare_digest
from typing import Annotated

import aiohttp
from fastapi import APIRouter, Header, Query

from common.problems import Forbidden

Feed = Callable[[str, int], Awaitable[Sequence[bytes]]]
"""(stream, after) → its public messages after that version, in order."""


def feed_router(feed: Feed, secret: str) -> APIRouter:
    """`GET /internal/feed`: never routed by the gateway."""
    router = APIRouter(include_in_schema=False)

    @router.get("/internal/feed")
    async def internal_feed(
        stream: Annotated[str, Query(max_length=200)],
        after: Annotated[int, Query(ge=0)],
        authorization: Annotated[str, Header()] = "",
    ) -> list[str]:
        """The messages in base64."""
        if not compare_digest(authorization.encode(), f"Bearer {secret}".encode()):
            raise Forbidden
        return [b64encode(message).decode() for message in await feed(stream, after)]

    return router


class Feeds:
    """Where to ask for missing messages: a function for those in this process, else an address."""

    def __init__(
        self, secret: str, addresses: Mapping[str, str], local: Mapping[str, Feed] | None = None
    ) -> None:
        self._secret = secret
        self._addresses = addresses
        self._local = local or {}

    async def missing(self, source: str, stream: str, after: int) -> Sequence[bytes]:
        """The messages after a version. Raises `LookupError` for an unknown source."""
        if source in self._local:
            return await self._local[source](stream, after)
        if source not in self._addresses:
            raise LookupError(f"no feed of {source} is known")
        timeout = aiohttp.ClientTimeout(total=5)
        headers = {"Authorization": f"Bearer {self._secret}"}
        async with aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session:
            answer = await session.get(
                f"{self._addresses[source]}/internal/feed",
                params={"stream": stream, "after": after},
                headers=headers,
            )
            return [b64decode(message) for message in await answer.json()]
