"""One service asks another: an answer's JSON, or an error of the few kinds that callers expect."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from common import asking
from common.asking import ask


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async def echo(request: web.Request) -> web.Response:
        return web.json_response([dict(request.query), request.headers["Authorization"]])

    async def refuse(_: web.Request) -> web.Response:
        raise web.HTTPForbidden

    async def nonsense(_: web.Request) -> web.Response:
        return web.Response(text="<html>")

    async def never(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        raise AssertionError

    app = web.Application()
    for handler in (echo, refuse, nonsense, never):
        app.router.add_get(f"/{handler.__name__}", handler)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        yield str(server.make_url("")).rstrip("/")


async def test_a_question_carries_its_parameters_and_the_secret(url: str) -> None:
    answer = await ask(f"{url}/echo", "secret", {"stream": "note-1 &", "after": 2})

    assert answer == [{"stream": "note-1 &", "after": "2"}, "Bearer secret"]


async def test_a_refusal_is_no_answer(url: str) -> None:
    with pytest.raises(OSError, match="403"):
        await ask(f"{url}/refuse", "wrong")


async def test_what_is_no_json_is_nonsense(url: str) -> None:
    with pytest.raises(ValueError, match="JSON"):
        await ask(f"{url}/nonsense", "secret")


async def test_who_takes_too_long_is_not_waited_for(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE_SECONDS", 0.2)

    with pytest.raises(OSError):  # noqa: PT011 (either end may give up first)
        await ask(f"{url}/never", "secret")


async def test_a_closed_door_is_an_os_error() -> None:
    with pytest.raises(OSError, match="refused"):
        await ask("http://127.0.0.1:1/echo", "secret")
