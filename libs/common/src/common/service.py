"""What every HTTP service gets for nothing: problems, ids, health, metrics, callers, pages."""

import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from common import api_document
from common.access_tokens import (
    CLIENT_HEADER,
    IDENTITY_HEADER,
    STAFF,
    Identity,
    InternalTokens,
)
from common.clock import Clock, SystemClock
from common.database_problems import install_database_handlers
from common.direct_routes import DirectRoutes
from common.operations import Check, missing_parts
from common.problem_responses import install_problem_handlers
from common.problems import Forbidden, PreconditionFailed, Unauthenticated
from common.reporting import start_reporting
from common.request_context import MAX_BODY, RequestContext
from common.serving import serve
from common.settings import ServiceSettings

# FastAPI looks whether a model is one of pydantic's first version and imports all of that to know:
# 1.5 MB in every process, for models that nobody has. Where it is absent FastAPI goes without.
sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type] # None: "not to be found"

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

LONGEST_VERSION = 18


class Service(FastAPI):
    """FastAPI, whose document also describes the problems, and which takes the direct way."""

    offered: Sequence[APIRouter] = ()
    record: Path | None = None
    """The OpenAPI document as a test holds it to the code; without, it is made when asked for."""

    def setup(self) -> None:
        """The document's address; there are no pages about it here."""
        self.add_route("/openapi.json", self._document, include_in_schema=False)

    async def _document(self, _: Request) -> Response:
        if self.record is None:
            return JSONResponse(self.openapi())
        # read here and now: a thread for it would come with another megabyte of libraries
        return Response(_content(self.record), media_type="application/json")

    def offer(self, routers: Sequence[APIRouter]) -> None:
        """Serve their routes as they are. To include a router makes each of its routes once more,
        which costs up to 0.2 s and 2 MB; the document alone needs that."""
        self.offered = routers
        self.router.routes += [route for router in routers for route in router.routes]

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, from the code."""
        if self.openapi_schema is None:
            self.openapi_schema = api_document.made(self.title, self.version, self.offered)
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        """Without FastAPI's outer layers: `RequestContext` limits bodies and answers defects."""
        app: ASGIApp = DirectRoutes(self.router)
        app = ExceptionMiddleware(app, handlers=self.exception_handlers)
        for middleware, arguments, options in reversed(self.user_middleware):
            app = middleware(app, *arguments, **options)
        return app


def _content(file: Path) -> bytes:
    return file.read_bytes()


def create_service(
    *,
    name: str,
    settings: ServiceSettings,
    routers: Sequence[APIRouter],
    lifespan: Lifespan,
    readiness: Mapping[str, Check],
    clock: Clock | None = None,
    max_body: int = MAX_BODY,
) -> Service:
    """An application with these routes; `lifespan` puts what they need on `app.state`.

    `max_body` is in bytes, for all of them; the gateway has a limit for each.
    """

    @asynccontextmanager
    async def whole_life(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(app):
            app.state.ready = True
            yield
            app.state.ready = False

    app = Service(
        title=name,
        version="1",
        redirect_slashes=False,
        lifespan=whole_life,
        middleware=[Middleware(RequestContext, service=name, max_body=max_body)],
        # `RequestContext` measures, logs and traces, and without paths and queries
        telemetry={"metrics": False, "logs": False, "tracing": False},
    )
    tokens = InternalTokens(settings.internal_secret.get_secret_value())
    _equip(app, clock or SystemClock(), tokens, readiness)
    app.offer([*routers, _operations])
    return app


def _equip(
    app: FastAPI, clock: Clock, tokens: InternalTokens, readiness: Mapping[str, Check]
) -> None:
    app.state.ready = False
    app.state.clock = clock
    app.state.business_clock = None  # a sandbox has one for commands; callers go by the other
    app.state.tokens = tokens
    app.state.readiness = readiness
    install_problem_handlers(app)
    install_database_handlers(app)


def run_service(factory: Callable[[], FastAPI], settings: ServiceSettings) -> None:
    """Serve until SIGTERM or SIGINT. From then on `/readyz` says no; the doors close
    `drain_seconds` later, and requests under way get ten seconds more."""
    app = factory()
    start_reporting(app.title, settings)

    def drain() -> None:
        app.state.ready = False

    serve(app, settings, on_drain=drain)


_operations = APIRouter(include_in_schema=False)


@_operations.get("/livez")
async def livez() -> dict[str, str]:
    """The process runs."""
    return {"status": "ok"}


@_operations.get("/readyz")
async def readyz(request: Request) -> Response:
    """Whether requests can be served; names the parts that are not ready."""
    missing = await missing_parts(request.app.state.readiness)
    if not request.app.state.ready:
        missing.append("service")
    return JSONResponse(
        {"status": "ok" if not missing else "not ready", "missing": missing},
        503 if missing else 200,
    )


@_operations.get("/metrics")
async def metrics() -> Response:
    """Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _now(request: Request) -> datetime:
    clock: Clock = request.app.state.business_clock or request.app.state.clock
    return clock.now()


async def _maybe_caller(request: Request) -> Identity | None:
    token = request.headers.get(IDENTITY_HEADER)
    if token is None:
        return None
    identity: Identity = request.app.state.tokens.verify(token, request.app.state.clock.now())
    return identity


Now = Annotated[datetime, Depends(_now)]
MaybeCaller = Annotated[Identity | None, Depends(_maybe_caller)]


async def _caller(caller: MaybeCaller) -> Identity:
    if caller is None:
        raise Unauthenticated
    return caller


Caller = Annotated[Identity, Depends(_caller)]


async def _client_address(request: Request) -> str:
    signed = request.headers.get(CLIENT_HEADER)
    if signed is not None:
        address: str | None = request.app.state.tokens.client(signed)
        if address is not None:
            return address
    return request.client.host if request.client else ""


ClientAddress = Annotated[str, Depends(_client_address)]
"""Where the request came from: as the gateway says, else whoever asks us directly."""


async def _admin(caller: Caller) -> Identity:
    if "admin" not in caller.roles:
        raise Forbidden
    return caller


Admin = Annotated[Identity, Depends(_admin)]


async def _staff(caller: Caller) -> Identity:
    if caller.roles.isdisjoint(STAFF):
        raise Forbidden
    return caller


Staff = Annotated[Identity, Depends(_staff)]
"""Whoever may look at other people's things, and not change them: support and administrators."""


async def _if_match(request: Request) -> int | None:
    sent = request.headers.get("if-match")
    if sent is None or sent.strip() == "*":
        return None
    text = sent.strip().removeprefix("W/").strip('"')
    if not text.isdecimal() or len(text) > LONGEST_VERSION:
        # no version of ours looks like this, so it cannot be the current one
        raise PreconditionFailed
    return int(text)


IfMatch = Annotated[int | None, Depends(_if_match)]


class RequestedPage(BaseModel):
    """Which part of a list is asked for."""

    page: int
    per_page: int

    @property
    def offset(self) -> int:
        """How many items stand before it."""
        return (self.page - 1) * self.per_page

    def page_of(self, items: Sequence[Mapping[str, Any]], total: int) -> dict[str, Any]:
        """What `Page` describes, of items that are told already."""
        return {"items": items, "page": self.page, "per_page": self.per_page, "total": total}


async def _page(
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    per_page: Annotated[int, Query(ge=1, le=100)] = 20,
) -> RequestedPage:
    return RequestedPage(page=page, per_page=per_page)


Paging = Annotated[RequestedPage, Depends(_page)]

ItemT = TypeVar("ItemT")


class Page(BaseModel, Generic[ItemT]):
    """One part of a list."""

    items: list[ItemT]
    page: int
    per_page: int
    total: int


def etag(version: int) -> str:
    """The strong validator of a version."""
    return f'"{version}"'


def not_modified(request: Request, tag: str, headers: Mapping[str, str]) -> Response | None:
    """304 when the caller has this version already."""
    sent = request.headers.get("if-none-match", "")
    known = {candidate.strip().removeprefix("W/") for candidate in sent.split(",")}
    if known.isdisjoint({tag, "*"}):
        return None
    return Response(status_code=304, headers={**headers, "ETag": tag})
