"""`cartulary admin` and `cartulary keys`: the first administrator, and keys by hand."""

from typing import Any
from uuid import UUID

import pytest
from auth.accounts.read_model import AccountRow, account_by_login
from auth.passwords import Passwords
from auth.resources import email_index
from auth.signing_keys import SigningKeys
from common.clock import SystemClock
from common.settings import ServiceSettings

pytestmark = pytest.mark.integration

OPS = "Ops@example.org"
CREATE = ("admin", "create", "--email", OPS)


async def account_of(operated: Any, email: str) -> AccountRow | None:
    index = email_index(ServiceSettings().data_key_bytes, email)
    return await account_by_login(operated.auth.database, index, email)


async def has_password(row: AccountRow, password: str) -> bool:
    passwords = Passwords()
    try:
        return await passwords.matches(password, row.password_hash)
    finally:
        passwords.close()


async def test_the_first_administrator_is_made_with_a_password_that_is_shown_once(
    operated: Any,
) -> None:
    ran = await operated.run(*CREATE, "--name", "Operations")

    assert ran.code == 0, ran.err
    row = await account_of(operated, "ops@example.org")
    assert row is not None
    assert (row.roles, row.name) == (["admin", "user"], "Operations")
    assert await has_password(row, ran.out.strip())


async def test_a_given_password_is_used_and_not_shown(operated: Any) -> None:
    given = "a phrase that nobody guesses"
    ran = await operated.ask(*CREATE, ADMIN_PASSWORD=given)

    row = await account_of(operated, OPS)
    assert row is not None
    assert await has_password(row, given)
    assert given not in ran.out + ran.err


async def test_an_account_is_promoted_only_when_that_is_said(operated: Any) -> None:
    index = email_index(ServiceSettings().data_key_bytes, OPS)
    id = await operated.account(email=OPS, email_index=index)
    ran = await operated.ask(*CREATE)
    assert (ran.code, "--promote" in ran.err) == (1, True)

    for _ in range(2):
        ran = await operated.ask(*CREATE, "--promote")
        assert (ran.code, ran.out) == (0, "")

    row = await account_of(operated, OPS)
    assert row is not None
    assert (row.account_id, row.roles) == (id, ["admin", "user"])


@pytest.mark.parametrize(
    ("email", "password", "code"),
    [("nonsense", "", 2), (OPS, "password1", 1), (OPS, "short", 1)],
)
async def test_what_makes_no_sense_is_refused(
    operated: Any, email: str, password: str, code: int
) -> None:
    ran = await operated.ask("admin", "create", "--email", email, ADMIN_PASSWORD=password)

    assert (ran.code, "Traceback" in ran.err) == (code, False)
    assert await account_of(operated, OPS) is None


async def test_keys_are_listed_and_rotated_by_hand(operated: Any) -> None:
    kernel = operated.auth
    keys = SigningKeys(kernel.database, kernel.store.keys, SystemClock())
    await keys.refresh()
    first = keys.current.kid

    for _ in range(2):
        assert (await operated.ask("keys", "rotate")).code == 0
    ran = await operated.ask("keys", "list", "--json")
    assert [key["state"] for key in ran.json] == ["next", "current"]
    assert ran.json[1]["kid"] == first
    assert UUID(ran.json[0]["kid"])

    assert (await operated.ask("keys", "rotate", "--at-once")).code == 0
    ran = await operated.ask("keys", "list")
    assert first not in ran.out
    assert "current" in ran.out
    await keys.refresh()
    assert keys.public.keys() == {keys.current.kid}
