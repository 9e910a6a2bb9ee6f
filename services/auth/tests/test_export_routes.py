"""A copy of all accounts: for administrators, without secrets, and never without a note."""

import csv
import io
from typing import Any
from uuid import UUID

import pytest
from common.stream_history import history
from common.table_export import FORMULA

EXPORT = "/api/v1/admin/export"
USERS = EXPORT + "?model=users"


@pytest.fixture
async def admin(service: Any) -> tuple[UUID, dict[str, str]]:
    id = await service.account("admin", name="Root")
    return id, service.headers(id, "admin")


async def noted(service: Any) -> list[dict[str, Any]]:
    """Who took copies."""
    async with service.kernel.database.reader() as reader:
        rows = await reader.connection.fetch(
            "select stream from events where type = 'auth.users_exported'"
        )
    streams = [
        await history(service.kernel.database, service.kernel.store, row["stream"]) for row in rows
    ]
    return [dict(stream[0].data) for stream in streams]


async def test_others_are_kept_out_and_nothing_is_noted(service: Any) -> None:
    assert (await service.call("GET", USERS))[0] == 401
    for roles in ((), ("support",)):
        headers = service.headers(await service.account(*roles), *roles)
        status, problem, _ = await service.call("GET", USERS, headers=headers)
        assert (status, problem["code"]) == (403, "forbidden")
    assert await noted(service) == []


async def test_all_accounts_are_handed_over_without_secrets_and_noted(
    service: Any, admin: tuple[UUID, dict[str, str]]
) -> None:
    id, headers = admin
    other = await service.account(name="Other")

    status, users, told = await service.call("GET", USERS, headers=headers)

    assert status == 200
    assert told["content-disposition"] == 'attachment; filename="users-2026-03-01.json"'
    assert [user["id"] for user in users] == sorted([str(id), str(other)])
    assert not {key for user in users for key in user if "password" in key or "index" in key}
    [note] = await noted(service)
    assert (note["admin_id"], note["format"]) == (str(id), "json")


async def test_a_spreadsheet_finds_no_formula(
    service: Any, admin: tuple[UUID, dict[str, str]]
) -> None:
    attacks = ["=1+1", "+1", "-1", "@SUM(A1)", '"quoted", and more']
    for attack in attacks:
        await service.account(name=attack)

    _, body, told = await service.call("GET", USERS + "&format=csv", headers=admin[1])

    assert told["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    assert [row["name"].removeprefix("'") for row in rows] == ["Root", *attacks]
    assert not [cell for row in rows for cell in row.values() if cell.startswith(FORMULA)]


@pytest.mark.parametrize("query", ["", "?model=cards", "?model=", "?model=users&format=xml"])
async def test_an_unknown_copy_is_refused_and_not_noted(
    service: Any, admin: tuple[UUID, dict[str, str]], query: str
) -> None:
    status, problem, _ = await service.call("GET", EXPORT + query, headers=admin[1])

    assert (status, problem["code"]) == (422, "invalid")
    assert await noted(service) == []


async def test_every_copy_is_noted_also_under_one_idempotency_key(
    service: Any, admin: tuple[UUID, dict[str, str]]
) -> None:
    for _ in range(2):
        headers = {**admin[1], "Idempotency-Key": "same"}
        assert (await service.call("GET", USERS, headers=headers))[0] == 200

    assert len(await noted(service)) == 2
