"""Profiles over HTTP: what is kept, what is refused, and who may."""

from typing import Any

import pytest
from auth.accounts.commands import SuspendAccount
from auth.accounts.decider import ACCOUNT

PATH = "/api/v1/user/profile"
FULL = {
    "name": "Ada King",
    "company": "Analytical Engines Ltd",
    "billing_address": {
        "line1": "12 St James's Square",
        "line2": None,
        "postal_code": "SW1Y 4JH",
        "city": "London",
        "region": None,
        "country": "gb",
    },
    "vat_number": "gb 123.456-789",
    "phone": "+44 20 7946 0958",
    "preferences": {"theme": "dark", "newsletter": False, "rows": 50},
}


async def test_a_profile_is_filled_in_read_and_changed(service: Any) -> None:
    """PG-03, MP-05, CP-11: rename included; fields that are not the profile's change nothing."""
    id = await service.account(name="Ada")
    headers = service.headers(id)
    _, empty, first = await service.call("GET", PATH, headers=headers)
    assert (empty["name"], empty["company"], empty["preferences"]) == ("Ada", None, {})

    greedy = {**FULL, "role": "admin", "roles": ["admin"], "id": "x", "email": "other@example.org"}
    status, put, second = await service.call("PUT", PATH, json=greedy, headers=headers)

    assert status == 200
    assert put["vat_number"] == "GB123456789"
    assert put["billing_address"] == {**FULL["billing_address"], "country": "GB"}
    assert (put["id"], put["email"], put["name"]) == (str(id), f"{id}@example.org", "Ada King")
    assert first["etag"] != second["etag"]
    assert (await service.call("GET", PATH, headers=headers))[1] == put

    change = {"phone": None, "preferences": {"theme": None, "language": "fr"}}
    _, patched, _ = await service.call("PATCH", PATH, json=change, headers=headers)
    preferences = {"newsletter": False, "rows": 50, "language": "fr"}
    assert patched["preferences"] == preferences
    assert {**patched, "phone": "", "preferences": ""} == {**put, "phone": "", "preferences": ""}


@pytest.mark.parametrize("name", ["ക്\u200dഷ", "王小明", "Ada 👩\u200d💻", "O’Neil-Müller"])
async def test_any_name_of_a_person_is_taken(service: Any, name: str) -> None:
    headers = service.headers(await service.account())

    _, body, _ = await service.call("PATCH", PATH, json={"name": name}, headers=headers)

    assert body["name"] == name


async def test_a_change_names_the_version_that_it_is_about(service: Any) -> None:
    headers = service.headers(await service.account())
    _, _, before = await service.call("GET", PATH, headers=headers)
    await service.call("PATCH", PATH, json={"name": "Other"}, headers=headers)

    stale = {**headers, "If-Match": before["etag"]}
    status, problem, _ = await service.call("PATCH", PATH, json={"company": "X"}, headers=stale)
    assert (status, problem["code"]) == (412, "precondition_failed")

    _, body, now = await service.call("GET", PATH, headers=headers)
    assert (body["company"], body["name"]) == (None, "Other")
    fresh = {**headers, "If-Match": now["etag"]}
    assert (await service.call("PATCH", PATH, json={"company": "X"}, headers=fresh))[0] == 200
    known = {**headers, "If-None-Match": now["etag"]}
    assert (await service.call("GET", PATH, headers=known))[0] == 200


async def test_a_repeated_change_is_answered_without_being_made_again(service: Any) -> None:
    headers = {**service.headers(await service.account()), "Idempotency-Key": "k"}
    change = {"name": "Once", "company": "X"}
    _, first, _ = await service.call("PATCH", PATH, json=change, headers=headers)
    _, again, told = await service.call("PATCH", PATH, json=change, headers=headers)

    assert first == again
    assert told["idempotent-replayed"] == "true"
    status, problem, _ = await service.call("PATCH", PATH, json={"name": "Two"}, headers=headers)
    assert (status, problem["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"name": "a\u202eb"}, "/name"),
        ({"company": "a\u2028b"}, "/company"),
        ({"name": "x" * 101}, "/name"),
        ({"company": "x" * 201}, "/company"),
        ({"company": 7}, "/company"),
        ({"billing_address": {"line1": "a", "city": "b"}}, "/billing_address/country"),
        (
            {"billing_address": {"line1": "a", "city": "b", "country": "ZZ"}},
            "/billing_address/country",
        ),
        ({"billing_address": "a street"}, "/billing_address"),
        ({"vat_number": "12345"}, "/vat_number"),
        ({"vat_number": "FR"}, "/vat_number"),
        ({"phone": "call me"}, "/phone"),
        ({"phone": "------"}, "/phone"),
        ({"preferences": {"a b": 1}}, "/preferences/a b/[key]"),
        ({"preferences": {"a": {}}}, "/preferences/a"),
        ({"preferences": {"a": 10**30}}, "/preferences/a"),
        ({"preferences": {"a": "x" * 501}}, "/preferences/a"),
        ({"preferences": []}, "/preferences"),
        ({"preferences": {f"k{n}": n for n in range(101)}}, "/preferences"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_named(
    service: Any, change: dict[str, Any], pointer: str
) -> None:
    headers = service.headers(await service.account())

    status, problem, _ = await service.call("PATCH", PATH, json=change, headers=headers)

    assert (status, problem["code"]) == (422, "invalid")
    assert {error["pointer"].rpartition(pointer)[0] for error in problem["errors"]} == {""}


async def test_preferences_do_not_grow_request_by_request(service: Any) -> None:
    headers = service.headers(await service.account())
    for start in (0, 50):
        change = {"preferences": {f"k{n}": n for n in range(start, start + 50)}}
        status, body, _ = await service.call("PATCH", PATH, json=change, headers=headers)

    assert (status, body["code"]) == (422, "too_many_preferences")


async def test_nobody_has_a_profile_without_an_account(service: Any) -> None:
    assert (await service.call("GET", PATH))[0] == 401
    stranger = service.headers(service.cause().command_id)
    for method, how in (("GET", {}), ("PATCH", {"json": {"company": "X"}})):
        assert (await service.call(method, PATH, headers=stranger, **how))[0] == 404


async def test_a_suspended_account_cannot_change_its_profile(service: Any) -> None:
    """MP-05."""
    id = await service.account()
    suspend = SuspendAccount(id, None, None, service.clock.now())
    await service.kernel.commands.handle(ACCOUNT, id, suspend, service.cause())
    how = {"json": {"company": "X"}, "headers": service.headers(id)}

    status, problem, _ = await service.call("PATCH", PATH, **how)

    assert (status, problem["code"]) == (403, "account_suspended")
