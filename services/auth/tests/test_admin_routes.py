"""Administration over HTTP: who may, what changes, and that it says who did it."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from auth.accounts.commands import EraseAccount
from auth.accounts.decider import ACCOUNT
from auth.sessions.commands import StartSession
from auth.sessions.decider import SESSION
from common.ids import uuid7

USERS = "/api/v1/admin/users"


@pytest.fixture
async def admin(service: Any) -> tuple[UUID, dict[str, str]]:
    id = await service.account("admin", name="Root")
    return id, service.headers(id, "admin")


async def session_of(service: Any, account_id: UUID) -> UUID:
    id = uuid7()
    start = StartSession(id, account_id, "c2VjcmV0", "Firefox on Linux", "", service.clock.now())
    await service.kernel.commands.handle(SESSION, id, start, service.cause())
    return id


async def live(service: Any, account_id: UUID) -> int:
    headers = service.headers(account_id)
    _, body, _ = await service.call("GET", "/api/v1/auth/sessions", headers=headers)
    total: int = body["total"]
    return total


WRITES = [
    ("PATCH", "", {"name": "X"}),
    ("POST", "/suspend", {}),
    ("POST", "/activate", {}),
    ("POST", "/end-sessions", {}),
    ("PUT", "/roles", {"roles": ["user", "admin"]}),
]
READS = ["", "/{id}", "/{id}/activity"]


async def test_users_may_nothing_support_may_read_and_administrators_may_write(
    service: Any,
) -> None:
    """CP-10, PG-03."""
    target = await service.account()
    user, support = service.headers(target), service.headers(await service.account(), "support")
    for method, path, body in WRITES:
        for headers in (user, support):
            url = f"{USERS}/{target}{path}"
            status, problem, _ = await service.call(method, url, json=body, headers=headers)
            assert (status, problem["code"]) == (403, "forbidden")
        assert (await service.call(method, f"{USERS}/{target}{path}", json=body))[0] == 401
    for path in READS:
        url = USERS + path.format(id=target)
        assert (await service.call("GET", url, headers=user))[0] == 403
        assert (await service.call("GET", url, headers=support))[0] == 200


async def test_a_filter_finds_exactly_what_it_says_and_never_changes_the_shape(
    service: Any, admin: Any
) -> None:
    """CP-14."""
    _, headers = admin
    index = service.app_index("Ada@Example.org")
    ada = await service.account(
        email="ada@example.org", email_index=index, username="ada_l", name="Ada 100%"
    )
    bob = await service.account(name="Bob", username="adaxl")
    await service.call("POST", f"{USERS}/{bob}/suspend", headers=headers)

    async def found(query: str) -> list[str]:
        status, body, _ = await service.call("GET", f"{USERS}?{query}", headers=headers)
        assert (status, set(body)) == (200, {"items", "page", "per_page", "total"})
        assert body["total"] == len(body["items"])
        return [item["id"] for item in body["items"]]

    assert await found("email=ADA@example.org") == [str(ada)]
    assert await found("email=nobody@example.org") == []
    assert await found("email=nonsense") == []
    assert await found("q=ada_") == [str(ada)], "an underscore is an underscore"
    assert await found("q=100%25") == [str(ada)]
    assert await found("q=ADA") == [str(bob), str(ada)], "newest first"
    assert await found("status=suspended") == [str(bob)]
    assert await found("status=active&q=adaxl") == []
    _, body, _ = await service.call("GET", f"{USERS}?per_page=1&page=2", headers=headers)
    assert (len(body["items"]), body["total"]) == (1, 3)
    for wrong in ("status=gone", "q=", "per_page=101", "page=0"):
        assert (await service.call("GET", f"{USERS}?{wrong}", headers=headers))[0] == 422


async def test_an_answer_says_nothing_that_opens_anything(service: Any, admin: Any) -> None:
    id, headers = admin
    _, body, _ = await service.call("GET", f"{USERS}/{id}", headers=headers)

    assert set(body) == {
        *("id", "email", "email_verified", "username", "name", "locale"),
        *("roles", "created_at", "status", "suspended_at"),
    }


async def test_a_suspended_account_is_shut_until_it_is_activated(service: Any, admin: Any) -> None:
    """MP-05."""
    _, headers = admin
    id = await service.account()
    await session_of(service, id)
    path = f"{USERS}/{id}"

    reason = {"reason": "Chargebacks"}
    status, body, _ = await service.call("POST", path + "/suspend", json=reason, headers=headers)
    assert (status, body["status"]) == (200, "suspended")
    assert await live(service, id) == 0
    status, problem, _ = await service.call("POST", path + "/suspend", headers=headers)
    assert (status, problem["code"]) == (409, "already_suspended")
    for _ in range(2):
        status, body, _ = await service.call("POST", path + "/activate", headers=headers)
        assert (status, body["status"], body["suspended_at"]) == (200, "active", None)


async def test_roles_are_set_whole_and_end_the_sessions_only_when_they_change(
    service: Any, admin: Any
) -> None:
    _, headers = admin
    id = await service.account()
    path = f"{USERS}/{id}/roles"
    await session_of(service, id)

    for roles, left in ((["user"], 1), (["support", "user"], 0)):
        how = {"json": {"roles": roles}, "headers": headers}
        status, body, _ = await service.call("PUT", path, **how)
        assert (status, body["roles"], await live(service, id)) == (200, roles, left)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/roles", {"roles": ["root"]}, "invalid"),
        ("/roles", {"roles": []}, "unknown_role"),
        ("/roles", {"roles": ["admin"]}, "unknown_role"),
        ("/roles", {"roles": "admin"}, "invalid"),
        ("/roles", {"roles": ["user"], "id": "x"}, "invalid"),
        ("/roles", {}, "invalid"),
        ("/suspend", {"reason": "x" * 501}, "invalid"),
        ("/suspend", {"until": "tomorrow"}, "invalid"),
    ],
)
async def test_what_moves_rights_is_read_strictly(
    service: Any, admin: Any, path: str, body: dict[str, Any], code: str
) -> None:
    url = f"{USERS}/{await service.account()}{path}"
    method = "PUT" if path == "/roles" else "POST"

    status, problem, _ = await service.call(method, url, json=body, headers=admin[1])

    assert (status, problem["code"]) == (422, code)


async def test_administrators_do_not_shut_themselves_out(service: Any, admin: Any) -> None:
    id, headers = admin
    for method, path, body in (
        ("POST", "/suspend", {}),
        ("PUT", "/roles", {"roles": ["user"]}),
    ):
        how = {"json": body, "headers": headers}
        status, problem, _ = await service.call(method, f"{USERS}/{id}{path}", **how)
        assert (status, problem["code"]) == (409, "own_account")


async def test_a_change_names_the_version_that_it_is_about(service: Any, admin: Any) -> None:
    _, headers = admin
    path = f"{USERS}/{await service.account(name='Old')}"
    _, _, before = await service.call("GET", path, headers=headers)
    status, body, _ = await service.call("PATCH", path, json={"name": "New"}, headers=headers)
    assert (status, body["name"]) == (200, "New")

    stale = {**headers, "If-Match": before["etag"]}
    for method, more, change in (
        ("PATCH", "", {"name": "Again"}),
        ("PUT", "/roles", {"roles": ["user", "admin"]}),
    ):
        assert (await service.call(method, path + more, json=change, headers=stale))[0] == 412


async def test_a_taken_username_is_refused(service: Any, admin: Any) -> None:
    await service.account(username="taken")
    path = f"{USERS}/{await service.account()}"
    how = {"json": {"username": "TAKEN"}, "headers": admin[1]}

    status, problem, _ = await service.call("PATCH", path, **how)

    assert (status, problem["code"]) == (409, "username_taken")


async def test_unknown_malformed_and_erased_accounts_are_not_found(
    service: Any, admin: Any
) -> None:
    _, headers = admin
    erased = await service.account()
    erase = EraseAccount(erased, service.clock.now())
    await service.kernel.commands.handle(ACCOUNT, erased, erase, service.cause())
    for id in (uuid4(), "not-an-id", erased):
        for method, path, body in WRITES:
            how = {"json": body, "headers": headers}
            assert (await service.call(method, f"{USERS}/{id}{path}", **how))[0] == 404
        assert (await service.call("GET", f"{USERS}/{id}", headers=headers))[0] == 404


async def test_every_change_says_who_made_it_even_after_the_account_was_erased(
    service: Any, admin: Any
) -> None:
    id, headers = admin
    target = await service.account()
    await session_of(service, target)
    for method, path, body in WRITES:
        await service.call(method, f"{USERS}/{target}{path}", json=body, headers=headers)
    before = await trail(service, target, headers)
    erase = EraseAccount(target, service.clock.now())
    await service.kernel.commands.handle(ACCOUNT, target, erase, service.cause())

    after = await trail(service, target, headers)

    assert {entry["what"] for entry in before if entry["by"] == str(id)} == {
        *("account_renamed", "account_suspended", "account_activated"),
        *("roles_set", "session_ended"),
    }
    assert {entry["device"] for entry in before} == {None, "Firefox on Linux"}
    assert {entry["device"] for entry in after} == {None}
    assert len(after) == len(before) + 1


async def trail(service: Any, id: UUID, headers: dict[str, str]) -> list[dict[str, Any]]:
    """All of it, three entries at a time."""
    found: list[dict[str, Any]] = []
    query = "?limit=3"
    while True:
        path = f"{USERS}/{id}/activity{query}"
        status, body, _ = await service.call("GET", path, headers=headers)
        assert status == 200
        found += body["items"]
        if body["next"] is None:
            return found
        query = f"?limit=3&after={body['next']}"


@pytest.mark.parametrize("cursor", ["x", "%00", "AAAA", "é", "bm90IGEgY3Vyc29y", "a" * 201])
async def test_a_made_up_cursor_is_refused(service: Any, admin: Any, cursor: str) -> None:
    id, headers = admin
    for path in (f"{USERS}/{id}/activity", "/api/v1/auth/activity"):
        status, _, _ = await service.call("GET", f"{path}?after={cursor}", headers=headers)
        assert status == 422
