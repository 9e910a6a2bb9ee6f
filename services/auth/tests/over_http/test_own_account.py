"""The caller's own account over HTTP: read, renamed, protected from late writes; and suspended."""

import asyncio
from functools import partial
from uuid import uuid4

import pytest
from auth.accounts.commands import ActivateAccount, SetRoles, SuspendAccount
from auth.accounts.decider import ACCOUNT
from auth.signing_out import SigningOut
from common.event_store import Cause

ME = "/api/v1/auth/me"
PASSWORD = "a long enough secret"


async def patch(house, who, body, **headers):
    return await house.ask("PATCH", ME, body, who=who, **headers)


async def command(house, make, *arguments, then=None):
    now = house.clock.now()
    cause = Cause(uuid4(), now)
    more = {"then": then(cause)} if then else {}
    id = arguments[0]
    await house.kernel.commands.handle(ACCOUNT, id, make(*arguments, now), cause, **more)


async def suspend(house, who):
    ending = partial(SigningOut, house.kernel, who.id, "suspended")
    await command(house, SuspendAccount, who.id, "Sent spam.", None, then=ending)


async def test_who_am_i(house):
    """CP-09, MP-05, PG-02."""
    ada = await house.register(name="Ada")
    got = await house.ask("GET", ME, who=ada)
    assert (got.status, got.body["id"], got.body["name"]) == (200, str(ada.id), "Ada")
    assert got.headers["etag"] == '"1"'
    assert got.headers["cache-tags"] == f"account/{ada.id}"
    again = await house.ask("GET", ME, who=ada, if_none_match='"1"')
    assert again.status == 304


async def test_nobody_is_401(house):
    for method in ("GET", "PATCH", "DELETE"):
        got = await house.ask(method, ME)
        assert (got.status, got.code) == (401, "unauthenticated")


async def test_renaming_changes_what_was_sent_and_keeps_the_rest(house):
    """CP-11, PG-03, MP-05."""
    name = f"u{uuid4().hex[:12]}"
    ada = await house.register(username=name, name="Ada")
    got = await patch(house, ada, {"name": "Ada King", "locale": "fr"})
    assert (got.status, got.headers["etag"]) == (200, '"2"')
    assert got.headers["cache-tags"] == f"account/{ada.id}"
    assert (got.body["username"], got.body["name"], got.body["locale"]) == (name, "Ada King", "fr")
    assert (await house.ask("GET", ME, who=ada)).body == got.body
    got = await patch(house, ada, {"username": None})
    assert (got.body["username"], got.body["name"]) == (None, "Ada King")


async def test_two_changes_of_different_fields_at_once_are_both_kept(house):
    ada = await house.register()
    answers = await asyncio.gather(
        patch(house, ada, {"name": "Ada"}), patch(house, ada, {"locale": "fr"})
    )
    assert {a.status for a in answers} == {200}
    now = (await house.ask("GET", ME, who=ada)).body
    assert (now["name"], now["locale"]) == ("Ada", "fr")


async def test_a_late_change_is_412(house):
    ada = await house.register()
    assert (await patch(house, ada, {"name": "A"}, if_match='"1"')).status == 200
    late = await patch(house, ada, {"name": "B"}, if_match='"1"')
    assert (late.status, late.code) == (412, "precondition_failed")


@pytest.mark.parametrize(
    "body", [{"username": "a b"}, {"name": ""}, {"locale": None}, {"name": 7}, [], "x"]
)
async def test_bad_names_are_422(house, body):
    ada = await house.register()
    got = await patch(house, ada, body)
    assert (got.status, got.code) == (422, "invalid")


async def test_a_taken_username_is_409(house):
    name = f"u{uuid4().hex[:12]}"
    await house.register(username=name)
    got = await patch(house, await house.register(), {"username": name.upper()})
    assert (got.status, got.code) == (409, "username_taken")


async def test_a_suspended_account_neither_logs_in_nor_refreshes_nor_changes(house):
    """MP-05: also not by a login or refresh that was under way."""
    ada = await house.register()
    await suspend(house, ada)
    assert (await house.refresh(ada.refresh_token)).status == 401
    body = {"email": ada.email, "password": PASSWORD}
    got = await house.post("login", body)
    assert (got.status, got.code) == (403, "account_suspended")
    wrong = await house.post("login", {**body, "password": "not the right one"})
    assert (wrong.status, wrong.code) == (401, "invalid_credentials")
    got = await patch(house, ada, {"name": "Eve"})
    assert (got.status, got.code) == (403, "account_suspended")
    await command(house, ActivateAccount, ada.id, None)
    assert (await house.refresh(ada.refresh_token)).status == 401
    assert (await house.post("login", body)).status == 200


async def test_logins_during_a_suspension_leave_no_session(house):
    ada = await house.register()
    body = {"email": ada.email, "password": PASSWORD}
    answers = await asyncio.gather(
        *(house.post("login", body, address=f"10.9.{n}.1") for n in range(6)),
        suspend(house, ada),
        *(house.post("login", body, address=f"10.10.{n}.1") for n in range(6)),
    )
    for answer in answers:
        if answer is not None:
            assert answer.status in (200, 403)
    assert not await house.fetch("select 1 from sessions where account_id = $1", ada.id)


async def test_a_forgotten_password_of_a_suspended_account_sends_nothing_and_says_nothing(house):
    ada = await house.register()
    await suspend(house, ada)
    assert (await house.post("password/forgot", {"email": ada.email})).status == 202
    types = await house.fetch("select type from events where stream = $1", f"account-{ada.id}")
    assert "auth.password_reset_requested" not in {t["type"] for t in types}


async def test_roles_stand_in_the_next_access_token(house):
    ada = await house.register()
    await command(house, SetRoles, ada.id, frozenset({"user", "admin"}), None)
    got = await house.refresh(ada.refresh_token)
    assert (await house.verified(got.body["access_token"])).roles == {"user", "admin"}
