"""The feed of `common.feed` over HTTP, apart from it: workers ask for one and never serve one."""

from base64 import b64encode
from collections.abc import Sequence
from secrets import compare_digest
from typing import Annotated

from fastapi import APIRouter, Header, Query

from common.feed import Feed, Progress, StreamVersion
from common.problems import Forbidden


def feed_router(feed: Feed, secret: str) -> APIRouter:
    """`GET /internal/feed`, `/streams` and `/progress` below it: never routed by the gateway."""
    router = APIRouter(include_in_schema=False)

    def check(authorization: str) -> None:
        if not compare_digest(authorization.encode(), f"Bearer {secret}".encode()):
            raise Forbidden

    @router.get("/internal/feed")
    async def internal_feed(
        stream: Annotated[str, Query(max_length=200)],
        after: Annotated[int, Query(ge=0, lt=2**63)],
        authorization: Annotated[str, Header()] = "",
    ) -> list[str]:
        """The messages in base64."""
        check(authorization)
        return [b64encode(message).decode() for message in await feed(stream, after)]

    @router.get("/internal/feed/streams")
    async def internal_streams(
        after: Annotated[str, Query(max_length=200)] = "",
        authorization: Annotated[str, Header()] = "",
    ) -> Sequence[StreamVersion]:
        """Pairs of a stream's name and its last public version."""
        check(authorization)
        return await feed.streams(after)

    @router.get("/internal/feed/progress")
    async def internal_progress(authorization: Annotated[str, Header()] = "") -> Progress:
        """The log's last position, and the last one whose message is published."""
        check(authorization)
        return await feed.progress()

    return router
