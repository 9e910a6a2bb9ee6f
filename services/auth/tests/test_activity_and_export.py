"""What somebody may read of themselves: what happened, and all that is held."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from auth.accounts.commands import SuspendAccount
from auth.accounts.decider import ACCOUNT
from auth.personal_data_export import HOLDERS
from common.ids import uuid7
from common.personal_data_export import PersonalDataHolders, personal_data_router
from common.testing.http import served
from fastapi import FastAPI

ACTIVITY, EXPORT = "/api/v1/auth/activity", "/api/v1/auth/me/export"


async def test_somebody_reads_what_happened_but_not_which_administrator_it_was(
    service: Any,
) -> None:
    id, admin = await service.account(), uuid7()
    headers = service.headers(id)
    await service.call("PATCH", "/api/v1/user/profile", json={"company": "X"}, headers=headers)
    suspend = SuspendAccount(id, "said in private", admin, service.clock.now())
    await service.kernel.commands.handle(ACCOUNT, id, suspend, service.cause())

    status, body, _ = await service.call("GET", ACTIVITY, headers=headers)

    assert status == 200
    assert {(item["what"], item["by"]) for item in body["items"]} == {
        ("account_registered", "you"),
        ("profile_changed", "you"),
        ("account_suspended", "administrator"),
    }
    assert str(admin) not in json.dumps(body)
    assert body["next"] is None
    assert (await service.call("GET", ACTIVITY))[0] == 401
    assert (await service.call("GET", ACTIVITY + "?limit=101", headers=headers))[0] == 422


async def test_the_pages_of_the_activity_are_the_whole_once(service: Any) -> None:
    headers = service.headers(await service.account())
    for n in range(7):
        change = {"json": {"company": f"Company {n}"}, "headers": headers}
        await service.call("PATCH", "/api/v1/user/profile", **change)
    _, whole, _ = await service.call("GET", ACTIVITY, headers=headers)

    found: list[Any] = []
    cursor = ""
    while True:
        path = f"{ACTIVITY}?limit=3{cursor}"
        _, page, _ = await service.call("GET", path, headers=headers)
        found += page["items"]
        if page["next"] is None:
            break
        cursor = f"&after={page['next']}"

    assert len(whole["items"]) == 8
    assert found == whole["items"]


async def test_an_export_has_everything_and_nothing_that_opens_anything(service: Any) -> None:
    id = await service.account(name="Ada", email="ada@example.org")
    headers = service.headers(id)
    await service.call(
        "PATCH", "/api/v1/user/profile", json={"company": "Engines"}, headers=headers
    )

    status, body, told = await service.call("GET", EXPORT, headers=headers)

    assert (status, told["cache-control"]) == (200, "private, no-store")
    assert "attachment" in told["content-disposition"]
    assert body["account"]["email"] == "ada@example.org"
    assert body["profile"]["details"]["company"] == "Engines"
    assert [item["what"] for item in body["activity"]] == ["profile_changed", "account_registered"]
    assert "argon2" not in json.dumps(body)
    assert (await service.call("GET", EXPORT))[0] == 401


async def test_a_service_that_is_away_is_named_and_does_not_fail_the_export(service: Any) -> None:
    headers = service.headers(await service.account())

    status, body, _ = await service.call("GET", EXPORT, headers=headers)

    assert status == 200
    assert body["parts"] == dict.fromkeys(HOLDERS)
    assert body["partial"] == [
        {"part": name, "reason": "unavailable", "retryable": True} for name in HOLDERS
    ]


SECRET = "the secret that services share, long enough"


@asynccontextmanager
async def holder(**held: Any) -> AsyncIterator[Any]:
    """A service that holds something of everybody."""

    async def about(account_id: UUID) -> Mapping[str, Any]:
        return {"of": account_id, **held}

    app = FastAPI()
    app.include_router(personal_data_router(about, SECRET))
    async with served(app) as client:
        yield client


async def test_another_service_tells_what_it_holds_to_who_knows_the_secret() -> None:
    id = uuid7()
    async with holder(cards=[1, 2]) as client:
        holders = PersonalDataHolders(SECRET, {"cards": str(client._base_url).rstrip("/")})
        assert await holders.held_by("cards", id) == {"of": str(id), "cards": [1, 2]}

        path = f"/internal/personal-data/{id}"
        for authorization in ("", "Bearer x", "Bearer é", SECRET):
            headers = {"Authorization": authorization}
            async with client.get(path, headers=headers) as answer:
                assert answer.status != 200


@pytest.mark.parametrize("known", [{}, {"cards": "http://127.0.0.1:1"}, {"cards": "nonsense"}])
async def test_a_part_that_cannot_be_had_is_missing(service: Any, known: dict[str, str]) -> None:
    exporter = service.app.state.exporter
    holders = PersonalDataHolders(SECRET, known)
    service.app.state.exporter = type(exporter)(exporter.database, holders)
    headers = service.headers(await service.account())

    _, body, _ = await service.call("GET", EXPORT, headers=headers)

    assert body["parts"]["cards"] is None
