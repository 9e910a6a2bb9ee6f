"""Coming in and going: register, log in, refresh, log out, leave; also all at the same time."""

import asyncio
import json
from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest

PASSWORD = "a long enough secret"


def new(**more):
    return {"email": f"{uuid4().hex}@example.org", "password": PASSWORD, **more}


async def test_registering_opens_an_account_and_logs_in(house):
    """CP-01, MP-01."""
    body = new(username=f"u{uuid4().hex[:12]}", name="Ada")
    got = await house.post("register", body)
    assert got.status == 201
    assert got.headers["cache-control"] == "no-store"
    user = got.body["user"]
    assert (user["email"], user["name"], user["roles"]) == (body["email"], "Ada", ["user"])
    assert (user["email_verified"], user["locale"]) == (False, "en")
    assert not {"password", "password_hash"} & set(user)
    assert (await house.refresh(got.body["refresh_token"])).status == 200


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"email": None}, "invalid", "/email"),
        ({"email": "no address"}, "invalid", "/email"),
        ({"email": ["a@example.org"]}, "invalid", "/email"),
        ({"password": None}, "invalid", "/password"),
        ({"password": "x" * 1025}, "invalid", "/password"),
        ({"username": "a b"}, "invalid", "/username"),
        ({"name": "x" * 101}, "invalid", "/name"),
        ({"locale": "english"}, "invalid", "/locale"),
        ({"password": "four"}, "weak_password", "/password"),
        ({"password": "password1"}, "weak_password", "/password"),
        ({"password": "x" * 129}, "weak_password", "/password"),
        ({"password": "aaaaaaaaaaaa"}, "weak_password", "/password"),
    ],
)
async def test_bad_registrations_say_what_is_wrong(house, change, code, pointer):
    """CP-02, CP-03, MP-01, PG-01."""
    body = {name: value for name, value in (new() | change).items() if value is not None}
    got = await house.post("register", body)
    assert (got.status, got.code) == (422, code)
    assert got.body["errors"][0]["pointer"] == pointer


async def test_a_taken_address_is_refused_in_any_letter_case(house):
    """MP-01, PG-01."""
    ada = await house.register()
    got = await house.post("register", new(email=ada.email.upper()))
    assert (got.status, got.code) == (409, "email_taken")


async def test_a_taken_username_is_refused_in_any_letter_case(house):
    name = f"U{uuid4().hex[:12]}"
    await house.register(username=name)
    got = await house.post("register", new(username=name.lower()))
    assert (got.status, got.code) == (409, "username_taken")


async def test_a_greedy_body_gets_nothing_more(house):
    """PG-03, MP-05: mass assignment."""
    greedy = {"role": "admin", "roles": ["admin"], "id": str(uuid4()), "password_hash": "x"}
    got = await house.post("register", new(**greedy, verified_at="2020-01-01", suspended_at=None))
    user = got.body["user"]
    assert user["roles"] == ["user"]
    assert user["id"] != greedy["id"]
    assert not user["email_verified"]
    person = await house.person(got.body)
    greedy["email"], greedy["email_verified"] = "other@example.org", True
    changed = await house.ask("PATCH", "/api/v1/auth/me", greedy | {"name": "Ada"}, who=person)
    assert changed.body == user | {"name": "Ada"}


async def test_fifty_registrations_of_one_address_at_once_give_one_account(house):
    body = new()
    answers = await asyncio.gather(*(house.post("register", body) for _ in range(50)))
    assert Counter(a.status for a in answers) == {201: 1, 409: 49}
    assert {a.code for a in answers if a.status == 409} == {"email_taken"}
    [winner] = [a for a in answers if a.status == 201]
    person = await house.person(winner.body)
    assert (await house.ask("GET", "/api/v1/auth/me", who=person)).body["email"] == body["email"]


async def test_a_registration_repeated_under_its_key_opens_one_account(house):
    body, key = new(), uuid4().hex
    first = await house.post("register", body, idempotency_key=key)
    again = await house.post("register", body, idempotency_key=key)
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["idempotent-replayed"] == "true"
    other = await house.post("register", new(), idempotency_key=key)
    assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_the_language_is_what_the_browser_asks_for(house):
    got = await house.post("register", new(), accept_language="fr-CH, en;q=0.5")
    assert got.body["user"]["locale"] == "fr"
    got = await house.post("register", new(locale="de"), accept_language="fr")
    assert got.body["user"]["locale"] == "de"


async def test_logging_in_by_address_or_username_in_any_letter_case(house):
    """CP-01, MP-02, CP-09."""
    name = f"u{uuid4().hex[:12]}"
    ada = await house.register(username=name, name="Ada")
    by_address = {"email": ada.email.upper(), "password": PASSWORD}
    by_name = {"username": name.upper(), "password": PASSWORD}
    for body in (by_address, by_name):
        got = await house.post("login", body)
        assert got.status == 200
        assert got.body["token_type"] == "Bearer"
        assert got.body["expires_in"] == 600
        assert got.body["user"]["username"] == name
        assert not {"password", "password_hash"} & set(got.body["user"])
        assert (await house.verified(got.body["access_token"])).account_id == ada.id


async def test_an_address_may_be_written_in_another_way(house):
    """As pasted with a blank, or with its domain in either of the two ways it has."""
    ada = await house.register(f"{uuid4().hex}@exämple.example")
    local = ada.email.partition("@")[0]
    for email in (f" {ada.email} ", f"{local}@xn--exmple-cua.example", f"{local}@EXÄMPLE.example"):
        got = await house.post("login", {"email": email, "password": PASSWORD})
        assert got.status == 200, email
        assert (await house.post("register", new(email=email.strip()))).code == "email_taken"


async def test_a_login_repeated_under_its_key_begins_one_session(house):
    ada, key = await house.register(), uuid4().hex
    body = {"email": ada.email, "password": PASSWORD}
    first = await house.post("login", body, idempotency_key=key)
    again = await house.post("login", body, idempotency_key=key)
    assert again.body == first.body
    assert again.headers["idempotent-replayed"] == "true"
    listed = await house.ask("GET", "/api/v1/auth/sessions", who=ada)
    assert listed.body["total"] == 2


@pytest.mark.parametrize("field", ["email", "username", "password"])
@pytest.mark.parametrize("value", ["\ud800aaaaaaaa", 7, ["x"], {"a": 1}, None, "x" * 5000])
async def test_odd_values_at_login_are_a_problem_and_no_failure(house, field, value):
    body = {"email": "a@example.org", "password": PASSWORD, field: value}
    raw = json.dumps(body).encode()
    got = await house.ask("POST", "/api/v1/auth/login", data=raw, content_type="application/json")
    assert got.status in (401, 422)
    assert got.code in ("invalid", "invalid_credentials")


async def test_an_access_token_names_the_session_and_nothing_personal(house):
    ada = await house.register(name="Ada")
    identity = await house.verified(ada.access_token)
    assert identity.roles == {"user"}
    assert identity.expires_at == house.clock.now() + timedelta(minutes=10)
    listed = await house.ask("GET", "/api/v1/auth/sessions", who=ada)
    assert [s["id"] for s in listed.body["items"]] == [str(identity.session_id)]


async def test_wrong_password_and_unknown_account_are_told_alike(house):
    """MP-02, CP-01."""
    ada = await house.register()
    wrong = await house.post("login", {"email": ada.email, "password": "not the right one"})
    unknown = await house.post("login", new())
    assert (wrong.status, wrong.code) == (401, "invalid_credentials")
    volatile = {"request_id"}
    assert {k: v for k, v in wrong.body.items() if k not in volatile} == {
        k: v for k, v in unknown.body.items() if k not in volatile
    }
    assert wrong.headers.keys() == unknown.headers.keys()


async def test_a_nul_in_a_name_is_a_problem_and_no_failure(house):
    got = await house.post("register", new(name="a\x00b"))
    assert (got.status, got.code) == (422, "invalid")
    got = await house.post("login", {"username": "a\x00b", "password": PASSWORD})
    assert got.status in (401, 422)


async def test_logging_out_ends_this_session_and_no_other(house):
    """CP-01, PG-02."""
    ada = await house.register()
    elsewhere = await house.login(ada)
    assert (await house.post("logout", who=ada)).status == 204
    assert (await house.post("logout", who=ada)).status == 204
    assert (await house.refresh(ada.refresh_token)).status == 401
    assert (await house.refresh(elsewhere.refresh_token)).status == 200


async def test_leaving_needs_the_password_and_frees_address_and_name(house):
    """CP-11."""
    body = new(username=f"u{uuid4().hex[:12]}")
    ada = await house.person((await house.post("register", body)).body)
    elsewhere = await house.login(ada)
    wrong = {"password": "not the right one"}
    got = await house.ask("DELETE", "/api/v1/auth/me", wrong, who=ada)
    assert (got.status, got.code) == (403, "wrong_password")
    got = await house.ask("DELETE", "/api/v1/auth/me", {"password": PASSWORD}, who=ada)
    assert got.status == 204
    for session in (ada, elsewhere):
        assert (await house.refresh(session.refresh_token)).status == 401
    assert (await house.ask("GET", "/api/v1/auth/me", who=ada)).status == 404
    assert (await house.post("login", body)).status == 401
    assert (await house.post("register", body)).status == 201
