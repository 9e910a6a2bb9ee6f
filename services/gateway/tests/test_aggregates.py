"""Pages gathered from several services: whole, or honest about what is missing."""

import asyncio
from functools import partial

import orjson
import pytest
from common.ids import uuid7
from gateway.aggregates import MOST_BYTES
from gateway.forwarding import InProcessUpstream
from gateway.http_forwarding import HttpUpstream
from gateway.overview import METRICS, OVERVIEW
from gateway.routes import GET, Access, Route
from gateway.routes_table import ROUTES

BILLING = tuple(
    Route("billing", GET, part.path, Access.USER)
    for part in OVERVIEW.parts
    if part.service == "billing" and part.path not in {route.path.rstrip("/") for route in ROUTES}
)
"""What billing does not offer yet."""
ACCOUNT = {
    "id": str(uuid7()),
    "email": "ann@example.org",
    "email_verified": True,
    "username": None,
    "name": "Ann",
    "locale": "en",
    "roles": ["user"],
}
CARD = {
    "id": str(uuid7()),
    "name": "Ann",
    "title": "T",
    "visibility": "public",
    "updated_at": "2026-03-01T12:00:00Z",
}
VISITS = {"views": 4, "scans": 3, "downloads": 2, "clicks": 1}
SAID = {
    "/api/v1/auth/me": {**ACCOUNT, "created_at": "2026-03-01T12:00:00Z"},
    "/api/v1/cards/": {"items": [{**CARD, "bio": "x"}], "page": 1, "per_page": 5, "total": 1},
    "/api/v1/user/visits": {"total": VISITS, "days": []},
    "/api/v1/user/subscriptions/active": {"subscription": {"id": "s", "status": "active"}},
    "/api/v1/user/invoices": {"items": [{"id": "i"}], "page": 1, "per_page": 5, "total": 1},
    "/api/v1/user/entitlements": {"cards.max": 5},
    "/api/v1/user/tokens/balance": {"balance": 70},
}
WHOLE = {
    "account": ACCOUNT,
    "cards": {"items": [CARD], "total": 1},
    "visits": VISITS,
    "subscription": {"id": "s", "status": "active"},
    "open_invoices": {"items": [{"id": "i"}], "total": 1},
    "entitlements": {"cards.max": 5},
    "tokens": 70,
    "partial": [],
}


def says_all(service):
    for path, said in SAID.items():
        service.answers(path, orjson.dumps(said), content_type="application/json")


@pytest.fixture(params=["over HTTP", "in one process"])
async def gathering(request, service, before):
    """A gateway with a billing beside the others."""
    upstream = (
        partial(HttpUpstream, service.url)
        if request.param == "over HTTP"
        else partial(InProcessUpstream, service)
    )
    says_all(service)
    async with before(
        upstream, service, routes=(*ROUTES, *BILLING), more={"billing": upstream}
    ) as world:
        world.bearer = world.token()
        yield world


async def overview(world):
    got = await world.get(OVERVIEW.path, world.bearer)
    return got, orjson.loads(got.body)


async def test_all_parts_stand_in_one_answer_which_may_be_kept_by_its_reader(gathering):
    got, body = await overview(gathering)
    assert (got.status, body) == (200, WHOLE)
    assert got.headers["cache-control"] == "private, no-cache"
    again = await gathering.get(OVERVIEW.path, gathering.bearer, if_none_match=got.headers["etag"])
    assert (again.status, again.body) == (304, b"")


async def test_figures_are_figures(gathering):
    got = await gathering.get(METRICS.path, gathering.bearer)
    assert orjson.loads(got.body) == {
        "cards": 1,
        "cards_in_trash": 1,
        "visits": VISITS,
        "subscription": WHOLE["subscription"],
        "open_invoices": 1,
        "tokens": 70,
        "partial": [],
    }


async def test_each_service_is_asked_as_the_caller(gathering):
    account = uuid7()
    await gathering.get(OVERVIEW.path, gathering.token(account), x_request_id="mine")
    assert {seen.caller.account_id for seen in gathering.service.calls} == {account}
    assert {dict(seen.headers)["x-request-id"] for seen in gathering.service.calls} == {"mine"}


async def test_nobody_gets_nothing(gathering):
    for path in (OVERVIEW.path, METRICS.path):
        assert (await gathering.get(path)).code == "unauthenticated"
    assert gathering.service.calls == []


async def test_parts_of_a_service_that_is_not_there_are_left_out(service, before):
    says_all(service)
    routes = [route for route in ROUTES if route.service != "billing"]
    async with before(partial(HttpUpstream, service.url), service, routes=routes) as world:
        body = orjson.loads((await world.get(OVERVIEW.path, world.token())).body)
    assert body == {name: WHOLE[name] for name in ("account", "cards", "visits", "partial")}


async def slow(scope, receive, send):
    await asyncio.Event().wait()


async def dripping(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await asyncio.sleep(0.05)


async def broken(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
    raise LookupError


def answering(status, body):
    async def answer(scope, receive, send):
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return answer


LATE = ("visits", "open_invoices")
PROBLEM = orjson.dumps({"code": "unavailable", "detail": "Not now.", "status": 503})


@pytest.mark.parametrize(
    ("said", "reason", "retryable"),
    [
        (broken, "upstream_unavailable", True),
        (answering(200, b"x" * (MOST_BYTES + 1)), "too_large", False),
        (answering(200, b"<html>"), "unreadable", False),
        (answering(200, b"[1, 2]"), "unreadable", False),
        (answering(200, b'{"items": 7, "total": "many"}'), "unreadable", False),
        (answering(200, b'{"items": [], "total": -1}'), "unreadable", False),
        (answering(200, b""), "unreadable", False),
        (answering(204, b""), "upstream_unavailable", False),
        (answering(503, PROBLEM), "unavailable", True),
        (answering(500, b"Traceback"), "upstream_unavailable", True),
        (answering(403, b'{"code": "forbidden", "detail": "No."}'), "forbidden", False),
    ],
    ids=lambda value: None if isinstance(value, str | bool) else "case",
)
async def test_an_optional_part_that_fails_is_null_and_named_and_nothing_is_kept(
    gathering, said, reason, retryable
):
    gathering.service.raw["/api/v1/user/invoices"] = said
    got, body = await overview(gathering)
    missing = {"part": "open_invoices", "reason": reason, "retryable": retryable}
    assert (got.status, body) == (200, {**WHOLE, "open_invoices": None, "partial": [missing]})
    assert got.headers["cache-control"] == "private, no-store"
    assert "etag" not in got.headers


async def test_who_is_slow_is_left_behind_and_all_others_are_there(gathering):
    gathering.service.raw["/api/v1/user/invoices"] = slow
    gathering.service.raw["/api/v1/user/visits"] = dripping
    got, body = await overview(gathering)
    assert got.status == 200
    late = [{"part": n, "reason": "upstream_timeout", "retryable": True} for n in LATE]
    assert body == {**WHOLE, **dict.fromkeys(LATE), "partial": late}


async def test_having_none_is_an_answer_and_not_partial(gathering):
    none = b'{"subscription": null}'
    gathering.service.answers("/api/v1/user/subscriptions/active", none)
    _, body = await overview(gathering)
    assert body == {**WHOLE, "subscription": None}


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        (answering(404, b'{"code": "not_found", "detail": "Gone."}'), 404, "not_found"),
        (answering(401, b'{"code": "invalid_token", "detail": "No."}'), 401, "invalid_token"),
        (answering(403, b'{"code": "forbidden", "detail": "No."}'), 403, "forbidden"),
        (answering(500, b"Traceback"), 502, "upstream_unavailable"),
        (answering(200, b"[]"), 502, "upstream_unavailable"),
        (broken, 502, "upstream_unavailable"),
    ],
    ids=lambda value: None if isinstance(value, str | int) else "case",
)
async def test_a_required_part_that_fails_fails_the_whole_with_its_own_meaning(
    gathering, said, status, code
):
    gathering.service.raw["/api/v1/auth/me"] = said
    got, _ = await overview(gathering)
    assert (got.status, got.code) == (status, code)
    assert b"Traceback" not in got.body


async def test_a_service_that_is_away_takes_its_own_parts_and_no_others(service, before):
    says_all(service)
    auth, away = partial(InProcessUpstream, service), partial(HttpUpstream, "http://127.0.0.1:1")
    routes = (*ROUTES, *BILLING)
    async with before(auth, service, routes=routes, more={"billing": away}) as world:
        world.bearer = world.token()
        got, body = await overview(world)
    lost = {part.name for part in OVERVIEW.parts if part.service == "billing"}
    assert got.status == 200
    assert {part["part"]: (part["reason"], part["retryable"]) for part in body["partial"]} == {
        name: ("upstream_unavailable", True) for name in lost
    }
    assert all(body[name] == WHOLE[name] for name in ("account", "cards", "visits"))
