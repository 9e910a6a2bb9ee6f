"""The direct way to an endpoint and FastAPI's own give the same answers."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import pytest
from common.idempotency import RequestCause
from common.service import Caller, Now, Paging
from common.settings import ServiceSettings
from common.testing.example_service import create_app
from common.testing.http import signed_in
from fastapi import APIRouter, Depends, FastAPI, Request
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message

router = APIRouter(prefix="/ways")
ID = "0198f0e4-7b1e-7c3a-9f00-000000000001"


class Part(BaseModel):
    """A body inside of a body."""

    number: Annotated[int, Field(ge=0, le=9)]
    label: str = ""


class Thing(BaseModel):
    """A body as routes take them."""

    name: Annotated[str, Field(min_length=1, max_length=5)]
    parts: Annotated[list[Part], Field(max_length=2)] = []
    ratio: float | None = None


async def _counted(request: Request) -> int:
    request.state.calls = getattr(request.state, "calls", 0) + 1
    calls: int = request.state.calls
    return calls


Counted = Annotated[int, Depends(_counted)]


async def _twice(once: Counted) -> int:
    return once


def _told(request: Request, **more: Any) -> Response:
    ways = {True: "FastAPI's", False: "direct"}
    way = ways["fastapi_inner_astack" in request.scope]
    return JSONResponse({**more, "path": request.path_params}, headers={"way": way})


@router.get("/newest")
async def newest(request: Request, page: Paging) -> Response:
    """A plain path with a query."""
    return _told(request, page=page.page, per_page=page.per_page)


@router.get("/{id}")
async def one(request: Request, id: UUID, now: Now, colour: str = "") -> Response:
    """A path that says something."""
    return _told(request, id=str(id), colour=colour, now=now.tzname())


@router.post("/")
async def make(
    request: Request,
    body: Thing,
    first: Counted,
    second: Annotated[int, Depends(_twice)],
    caller: Caller,
    cause: RequestCause,
) -> Response:
    """What a command looks like."""
    return _told(request, body=body.model_dump(), calls=[first, second])


@router.post("/maybe")
async def maybe(request: Request, body: Thing | None = None) -> Response:
    """A body that may be left out."""
    return _told(request, body=body and body.model_dump())


class Answered(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[bytes, bytes]
    body: bytes

    @property
    def way(self) -> bytes | None:
        """How the request got to the endpoint, if it did."""
        return self.headers.get(b"way")

    @property
    def told(self) -> tuple[int, bytes | None, bytes]:
        """What the caller sees of it, whichever way it took."""
        return self.status, self.headers.get(b"content-type"), self.body


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(routers=[router])


@pytest.fixture(scope="module")
def direct(app: FastAPI) -> ASGIApp:
    return within(app, app.build_middleware_stack())


@pytest.fixture(scope="module")
def own(app: FastAPI) -> ASGIApp:
    """FastAPI's own way through the same routes."""
    return within(app, FastAPI.build_middleware_stack(app))


def within(app: FastAPI, stack: ASGIApp) -> ASGIApp:
    async def called(scope: Any, receive: Any, send: Any) -> None:
        await stack({**scope, "app": app}, receive, send)

    return called


async def asked(
    app: ASGIApp,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Answered:
    pieces: list[Message] = [
        {"type": "http.request", "body": body[:3], "more_body": True},
        {"type": "http.request", "body": body[3:], "more_body": False},
    ]
    sent: list[Message] = []
    path, _, query = path.partition("?")
    named = {"x-request-id": "same", **(headers or {})}

    async def receive() -> Message:
        return pieces.pop(0) if pieces else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }
    await app(scope, receive, send)
    told = b"".join(message.get("body", b"") for message in sent[1:])
    return Answered(sent[0]["status"], dict(sent[0]["headers"]), told)


def caller() -> dict[str, str]:
    now = create_app().state.clock.now()
    return signed_in(ServiceSettings.load(), now, account_id=UUID(ID), session_id=UUID(ID))


JSON = {"content-type": "application/json"}
THING = {"name": "a", "parts": [{"number": 1}], "ratio": 1.5}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/ways/newest?page=2", b""),
        ("GET", f"/ways/{ID}", b""),
        ("POST", "/ways/", json.dumps(THING).encode()),
        ("POST", "/ways/maybe", json.dumps(THING).encode()),
    ],
)
async def test_a_request_that_is_in_order_goes_the_direct_way(
    direct: ASGIApp, own: ASGIApp, method: str, path: str, body: bytes
) -> None:
    headers = {**JSON, **caller()}
    answer = await asked(direct, method, path, body, headers)
    expected = await asked(own, method, path, body, headers)

    assert (answer.way, expected.way) == (b"direct", b"FastAPI's")
    assert (answer.status, answer.told) == (200, expected.told)


async def test_a_dependency_of_two_is_called_once(direct: ASGIApp) -> None:
    body = json.dumps(THING).encode()
    answer = await asked(direct, "POST", "/ways/", body, {**JSON, **caller()})

    assert json.loads(answer.body)["calls"] == [1, 1]


async def test_who_is_nobody_hears_that_before_what_is_wrong_with_the_body(
    direct: ASGIApp,
) -> None:
    wrong = await asked(direct, "POST", "/ways/", b"{}", JSON)
    right = await asked(direct, "POST", "/ways/", json.dumps(THING).encode(), JSON)

    assert wrong.status == right.status == 401


PATHS = [
    *("/ways/newest", "/ways/newest?page=0", "/ways/newest?page=a&per_page=3"),
    *("/ways/newest/", "/ways/nobody", f"/ways/{ID}", f"/ways/{ID}?colour=red"),
    *("/ways/", "/ways", "/ways/maybe", "/elsewhere", "/livez", "/readyz", "/echo"),
]
TYPES = ["application/json", "application/json; charset=utf-8", "Application/JSON", "text/plain"]
any_thing = st.fixed_dictionaries(
    {},
    optional={
        "name": st.one_of(st.text(max_size=6), st.none(), st.integers()),
        "parts": st.lists(
            st.fixed_dictionaries(
                {"number": st.one_of(st.integers(-1, 10), st.just(10**30), st.just("7"))},
                optional={"label": st.one_of(st.text(max_size=3), st.none())},
            ),
            max_size=3,
        ),
        "ratio": st.one_of(st.floats(), st.just("1.5"), st.booleans()),
        "more": st.integers(),
    },
)
bodies = st.one_of(
    st.binary(max_size=20),
    any_thing.map(json.dumps).map(str.encode),
    any_thing.map(lambda thing: json.dumps(thing).encode("utf-16")),
    st.sampled_from([b"", b"null", b"[]", b'{"name": "\\ud800"}', b'{"name": "a"', b"[" * 5000]),
)


@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "DELETE"]),
    path=st.sampled_from(PATHS),
    body=bodies,
    kind=st.sampled_from([*TYPES, None]),
    known=st.booleans(),
)
@settings(max_examples=settings().max_examples * 4)
async def test_any_request_has_the_same_answer_either_way(
    direct: ASGIApp,
    own: ASGIApp,
    *,
    method: str,
    path: str,
    body: bytes,
    kind: str | None,
    known: bool,
) -> None:
    headers = {**({"content-type": kind} if kind else {}), **(caller() if known else {})}
    answer = await asked(direct, method, path, body, headers)
    expected = await asked(own, method, path, body, headers)

    assert answer.told == expected.told
