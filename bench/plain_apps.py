"""What the gateway and the services are compared with, each served by uvicorn as ours are.

`python -m bench.plain_apps asgi|fastapi|changing`, with PORT and BODY or DATABASE_URL in the
environment.
"""

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import uvicorn
from common.ids import uuid7
from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]


def plain_asgi(body: bytes) -> Application:
    """The least that an ASGI application can do: always the same answer."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def application(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return application


NEXT = "/next"
TAG = "card/0198c0de-0000-7000-8000-000000000000"


def changing() -> Application:
    """Stands for services behind a gateway: one page, which a POST to `NEXT` changes and answers.

    A gateway that asks for keys or ended sessions is told that there are none.
    """
    version = 0

    async def application(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        nonlocal version
        version += scope["path"] == NEXT
        said = {"jwks.json": b'{"keys": []}', "ended-sessions": b"[]"}
        body = said.get(scope["path"].rpartition("/")[2], b"version %d" % version)
        headers = [
            (b"content-length", b"%d" % len(body)),
            (b"cache-tags", TAG.encode()),
            (b"cache-control", b"public, no-cache"),
            (b"etag", b'"%d"' % version),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return application


class NewCard(BaseModel):
    """What a card says."""

    name: str
    title: str
    email: str
    phone: str | None = None
    company: str | None = None
    website: str | None = None
    bio: str | None = None


class CardOut(NewCard):
    """A card as it is answered."""

    id: UUID


class Event(BaseModel):
    """What somebody tells."""

    id: str
    type: str
    created: int
    data: dict[str, Any]


async def _pool(request: Request) -> asyncpg.Pool:
    return request.app.state.pool


Pool = Annotated[asyncpg.Pool, Depends(_pool)]


def plain_fastapi(dsn: str) -> FastAPI:
    """A usual service without events: checks the body, inserts one row, answers it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(dsn, max_size=10) as pool:
            await pool.execute(_TABLE)
            await pool.execute(_EVENTS)
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/cards", status_code=201)
    async def create_card(card: NewCard, pool: Pool) -> CardOut:
        created = CardOut(id=uuid7(), **card.model_dump())
        await pool.execute(_INSERT, created.id, *card.model_dump().values())
        return created

    @app.post("/events")
    async def take_event(event: Event, pool: Pool) -> dict[str, bool]:
        await pool.execute(_TAKE, event.id, event.type, event.created)
        return {"received": True}

    return app


def main() -> None:
    """Serve until asked to end."""
    kinds: dict[str, Callable[[], Any]] = {
        "asgi": lambda: plain_asgi(os.environ["BODY"].encode()),
        "fastapi": lambda: plain_fastapi(os.environ["DATABASE_URL"]),
        "changing": changing,
    }
    kind = sys.argv[1]
    uvicorn.run(
        kinds[kind](),
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        lifespan="on" if kind == "fastapi" else "off",
        http="httptools",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
    )


_TABLE = """
    create table if not exists plain_cards (
        id uuid primary key, name text not null, title text not null, email text not null,
        phone text, company text, website text, bio text,
        created_at timestamptz not null default now())"""
_EVENTS = """
    create table if not exists plain_events (
        id text primary key, type text not null, created bigint not null,
        received_at timestamptz not null default now())"""
_TAKE = "insert into plain_events (id, type, created) values ($1, $2, $3)"
_INSERT = """
    insert into plain_cards (id, name, title, email, phone, company, website, bio)
    values ($1, $2, $3, $4, $5, $6, $7, $8)"""


if __name__ == "__main__":
    main()
