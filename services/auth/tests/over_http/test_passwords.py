"""Passwords: changed, forgotten, reset, guessed, and hashed anew when the parameters change."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from auth.accounts.commands import RehashPassword
from auth.accounts.decider import ACCOUNT
from auth.accounts.read_model import account_by_id
from auth.passwords import Passwords, WeakPassword, check_password
from auth.resources import InvalidCredentials
from auth.signing_in import StillSo
from common.event_store import Cause

PASSWORD = "a long enough secret"
BETTER = "another long enough secret"


async def change(house, who, current=PASSWORD, new=BETTER, **more):
    body = {"current_password": current, "new_password": new}
    return await house.post("password/change", body, who=who, **more)


async def reset(house, token, password=BETTER):
    return await house.post("password/reset", {"token": token, "password": password})


async def try_login(house, who, password="wrong", **more):
    return await house.post("login", {"email": who.email, "password": password}, **more)


@pytest.mark.parametrize("password", ["ada@example.org", "ADA", "Ada Lovelace"])
def test_ones_own_name_or_address_is_no_password(password):
    with pytest.raises(WeakPassword):
        check_password(password.ljust(8), email="ada@example.org", name=password.ljust(8))


async def test_changing_the_password_ends_the_other_sessions_and_is_told(house):
    """PG-02."""
    ada = await house.register()
    elsewhere = await house.login(ada)
    got = await change(house, ada)
    assert (got.status, got.headers["cache-tags"]) == (204, f"account/{ada.id}")
    assert (await house.refresh(elsewhere.refresh_token)).status == 401
    assert (await house.refresh(ada.refresh_token)).status == 200
    assert (await try_login(house, ada, PASSWORD)).status == 401
    assert (await try_login(house, ada, BETTER)).status == 200
    mails = await house.mails_to(ada.email, 2)
    assert mails[-1]["Subject"] == "Your password was changed"


async def test_a_change_repeated_under_its_key_is_answered_as_before(house):
    """Although the current password, as the repeat says it, is the current one no longer."""
    ada, key = await house.register(), uuid4().hex
    first = await change(house, ada, idempotency_key=key)
    again = await change(house, ada, idempotency_key=key)
    assert (first.status, again.status) == (204, 204)
    assert again.headers["idempotent-replayed"] == "true"
    other = await change(house, ada, new="a third long enough secret", idempotency_key=key)
    assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_the_wrong_current_password_changes_nothing(house):
    """PG-02 (403 with us: the request is well-formed)."""
    ada = await house.register()
    got = await change(house, ada, current="not the right one")
    assert (got.status, got.code) == (403, "wrong_password")
    assert (await house.login(ada)).id == ada.id


async def test_a_weak_new_password_is_refused(house):
    ada = await house.register()
    got = await change(house, ada, new="password1")
    assert (got.status, got.code) == (422, "weak_password")
    got = await change(house, ada, new=ada.email)
    assert (got.status, got.code) == (422, "weak_password")


async def test_a_forgotten_password_is_reset_by_mail_and_ends_all_sessions(house):
    """MP-18, PG-02."""
    ada = await house.register()
    got = await house.post("password/forgot", {"email": ada.email.upper()})
    assert got.status == 202
    token = await house.link(ada.email, "reset")
    assert (await reset(house, token)).status == 204
    assert (await house.refresh(ada.refresh_token)).status == 401
    assert (await try_login(house, ada, PASSWORD)).status == 401
    assert (await try_login(house, ada, BETTER)).status == 200
    used = await reset(house, token, "a third long enough secret")
    assert (used.status, used.code) == (422, "link_used")


async def test_known_and_unknown_addresses_get_the_same_answer(house):
    """MP-18, PG-02."""
    ada = await house.register()
    known = await house.post("password/forgot", {"email": ada.email})
    unknown = await house.post("password/forgot", {"email": f"{uuid4().hex}@example.org"})
    nonsense = await house.post("password/forgot", {"email": "nonsense"})
    assert known.status == unknown.status == nonsense.status == 202
    assert known.body == unknown.body == nonsense.body
    assert known.headers.keys() == unknown.headers.keys()


async def test_a_reset_link_is_good_for_half_an_hour(house):
    ada = await house.register()
    await house.post("password/forgot", {"email": ada.email})
    token = await house.link(ada.email, "reset")
    house.clock.advance(timedelta(minutes=30))
    got = await reset(house, token)
    assert (got.status, got.code) == (422, "link_expired")


async def test_a_newer_reset_link_replaces_the_older(house):
    ada = await house.register()
    await house.post("password/forgot", {"email": ada.email})
    older = await house.link(ada.email, "reset")
    house.clock.advance(timedelta(minutes=1))
    await house.post("password/forgot", {"email": ada.email})
    newer = await house.link(ada.email, "reset", 2)
    assert (await reset(house, older)).code == "link_used"
    assert (await reset(house, newer)).status == 204


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 86, "A" * 87, "=="])
async def test_what_is_no_link_of_ours_resets_nothing(house, token):
    got = await reset(house, token)
    assert (got.status, got.code) == (422, "link_invalid")


async def test_a_link_for_another_purpose_resets_nothing(house):
    ada = await house.register()
    token = await house.link(ada.email, "verify")
    assert (await reset(house, token)).code == "link_invalid"


async def test_two_resets_by_one_link_at_once_set_one_password(house):
    ada = await house.register()
    await house.post("password/forgot", {"email": ada.email})
    token = await house.link(ada.email, "reset")
    answers = await asyncio.gather(*(reset(house, token, f"{BETTER} {n}") for n in range(5)))
    assert sorted(a.status for a in answers) == [204, 422, 422, 422, 422]


async def test_no_token_stands_in_the_database_in_clear(house):
    ada = await house.register()
    await house.post("password/forgot", {"email": ada.email})
    tokens = [
        await house.link(ada.email, "reset"),
        await house.link(ada.email, "verify"),
        ada.refresh_token,
    ]
    tables = await house.fetch(
        "select table_name from information_schema.tables where table_schema = 'public'"
    )
    for [table] in tables:
        for token in tokens:
            found = await house.fetch(
                f'select 1 from "{table}" as row where row::text like $1', f"%{token[-43:]}%"
            )
            assert not found, table


async def test_a_password_is_hashed_anew_when_the_parameters_have_changed(house):
    ada = await house.register()
    cheap = Passwords(memory_kib=8192, rounds=1)
    encoded = await cheap.hash(PASSWORD)
    cheap.close()
    row = await account_by_id(house.kernel.database, ada.id)
    rehash = RehashPassword(ada.id, row.password_hash, encoded, house.clock.now())
    cause = Cause(uuid4(), house.clock.now())
    await house.kernel.commands.handle(ACCOUNT, ada.id, rehash, cause)
    assert (await house.login(ada)).id == ada.id
    row = await account_by_id(house.kernel.database, ada.id)
    assert row.password_hash != encoded
    assert "m=19456,t=2,p=1" in row.password_hash
    assert (await house.login(ada)).id == ada.id


async def test_a_login_that_was_overtaken_by_a_change_of_password_is_refused(house):
    """The old password was right when it was looked at, and is not when the session begins."""
    ada = await house.register()
    row = await account_by_id(house.kernel.database, ada.id)
    assert (await change(house, ada)).status == 204
    with pytest.raises(InvalidCredentials):
        async with house.kernel.database.transaction() as transaction:
            await StillSo(row)(transaction)


async def test_logins_during_a_change_of_password_leave_no_session_of_the_old_one(house):
    ada = await house.register()
    answers = await asyncio.gather(
        *(try_login(house, ada, PASSWORD, address=f"10.7.{n}.1") for n in range(8)),
        change(house, ada),
        *(try_login(house, ada, PASSWORD, address=f"10.8.{n}.1") for n in range(8)),
    )
    assert {a.status for a in answers} <= {200, 204, 401}
    for answer in answers:
        if answer.status == 200:
            assert (await house.refresh(answer.body["refresh_token"])).status == 401
