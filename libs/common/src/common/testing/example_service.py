"""A service with one route of every kind, for the shell's tests; also a process of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import structlog
from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from common.clock import Clock
from common.observability import configure_logging
from common.problems import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    Refusal,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from common.service import (
    Admin,
    Caller,
    IfMatch,
    MaybeCaller,
    Now,
    Page,
    Paging,
    create_service,
    etag,
    not_modified,
    run_service,
)
from common.settings import ServiceSettings

KINDS: Mapping[str, type[Refusal]] = {
    kind.code: kind
    for kind in (
        Conflict,
        Forbidden,
        Invalid,
        NotFound,
        PreconditionFailed,
        TooManyRequests,
        Unauthenticated,
        Unavailable,
    )
}
SECRET_TEXT = "select * from the_inner_table"

router = APIRouter()


class Thing(BaseModel):
    """What can be made here."""

    title: str = Field(min_length=1, max_length=20)
    sizes: list[int] = []


@router.get("/context")
async def show_context(request: Request) -> dict[str, Any]:
    """What a route knows of its request."""
    return {
        "state": {name: request.scope["state"][name] for name in ("request_id", "traceparent")},
        "log": structlog.contextvars.get_contextvars(),
    }


@router.get("/callers/maybe")
async def show_maybe(caller: MaybeCaller) -> UUID | None:
    """Anyone."""
    return caller.account_id if caller else None


@router.get("/callers/me")
async def show_me(caller: Caller, now: Now) -> dict[str, Any]:
    """Somebody, and when they ask."""
    return {"account_id": caller.account_id, "now": now}


@router.get("/callers/admin")
async def show_admin(caller: Admin) -> UUID:
    """Administrators only."""
    return caller.account_id


@router.get("/things")
async def list_things(page: Paging) -> Page[int]:
    """Fifty numbers."""
    items = list(range(50))[page.offset : page.offset + page.per_page]
    return Page(items=items, page=page.page, per_page=page.per_page, total=50)


@router.post("/things", status_code=201)
async def make_thing(thing: Thing) -> Thing:
    """Takes a body."""
    return thing


@router.get("/things/{thing_id}", response_model=Thing)
async def show_thing(thing_id: UUID, request: Request) -> Any:
    """Version 7 of a thing."""
    return not_modified(request, etag(7), {"Vary": "Accept"}) or Thing(title=str(thing_id)[:8])


@router.patch("/things/{thing_id}")
async def change_thing(thing_id: UUID, expected: IfMatch) -> int | None:
    """The version that the caller expects."""
    return expected


@router.get("/refusals/{code}")
async def refuse(code: str) -> None:
    """Every kind of refusal."""
    raise KINDS[code](errors=[FieldError("/a", "wrong", "It is wrong.")])


@router.get("/broken")
async def broken() -> None:
    """A defect."""
    raise RuntimeError(SECRET_TEXT)


@router.get("/half")
async def half() -> Response:
    """A defect after the answer has begun."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 100_000
        raise RuntimeError(SECRET_TEXT)

    return StreamingResponse(pieces())


@router.get("/slow")
async def slow(request: Request, seconds: float) -> str:
    """An answer that takes its time."""
    request.app.state.busy = True
    await asyncio.sleep(seconds)
    return "done"


@router.get("/busy")
async def is_busy(request: Request) -> bool:
    """Whether the slow answer was asked for."""
    return getattr(request.app.state, "busy", False)


def create_app(
    settings: ServiceSettings | None = None,
    *,
    clock: Clock | None = None,
    readiness: Mapping[str, Callable[[], Awaitable[bool]]] | None = None,
    routers: Sequence[APIRouter] = (),
) -> FastAPI:
    """The application, with routes of the test's own if need be."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield

    return create_service(
        name="example",
        settings=settings or ServiceSettings.load(),
        routers=[router, *routers],
        lifespan=lifespan,
        readiness=readiness or {},
        clock=clock,
    )


def main() -> None:
    """`python -m common.testing.example_service`."""
    settings = ServiceSettings.load()
    configure_logging(level=settings.log_level)
    run_service(lambda: create_app(settings), settings)


if __name__ == "__main__":
    main()
