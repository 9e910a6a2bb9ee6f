"""The feed of `common.feed` over HTTP, apart from it: workers ask for one and never serve one."""

from base64 import b64encode
from secrets import compare_digest
from typing import Annotated

from fastapi import APIRouter, Header, Query

from common.feed import Feed
from common.problems import Forbidden


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
