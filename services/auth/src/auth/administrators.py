"""Making an administrator without one: for the command line, which whoever operates us may use."""

from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_urlsafe
from uuid import UUID

from common.event_store import Cause
from common.ids import uuid7
from common.kernel import Kernel
from common.problems import Conflict

from auth.accounts.commands import RegisterAccount, SetRoles
from auth.accounts.decider import ACCOUNT
from auth.accounts.read_model import account_by_login
from auth.passwords import Passwords, check_password
from auth.resources import email_index
from auth.signing_out import SigningOut


class AlreadyAnAccount(Conflict):
    """Somebody has this address; nobody is made an administrator by mistake."""

    code = "already_an_account"
    detail = "There is an account with this address. Say --promote to make it an administrator."


@dataclass(frozen=True)
class NewAdministrator:
    """Whom to make. Without a password one is drawn."""

    email: str
    name: str | None = None
    password: str | None = field(default=None, repr=False)
    promote: bool = False


@dataclass(frozen=True)
class Made:
    """Who is an administrator now; the password only when it was drawn here."""

    account_id: UUID
    password: str | None = field(repr=False)


async def make_administrator(
    kernel: Kernel, data_key: bytes, wanted: NewAdministrator, now: datetime
) -> Made:
    """Open an account that is an administrator, or promote the one with this address.

    Repeating a promotion changes nothing. Raises `AlreadyAnAccount`, `WeakPassword`.
    """
    index = email_index(data_key, wanted.email)
    row = await account_by_login(kernel.database, index, wanted.email)
    if row is not None:
        if not wanted.promote:
            raise AlreadyAnAccount
        await _promote(kernel, row.account_id, frozenset(row.roles), now)
        return Made(row.account_id, None)
    id, drawn = uuid7(), wanted.password is None
    password = wanted.password or token_urlsafe(18)
    check_password(password, email=wanted.email, name=wanted.name)
    hashed = await _hash(password)
    register = RegisterAccount(
        id, wanted.email, index, None, wanted.name, "en", hashed, uuid7(), now
    )
    await kernel.commands.handle(ACCOUNT, id, register, Cause(uuid7(), now))
    await _promote(kernel, id, frozenset(), now)
    return Made(id, password if drawn else None)


async def _promote(kernel: Kernel, id: UUID, roles: frozenset[str], now: datetime) -> None:
    command = SetRoles(id, roles | {"user", "admin"}, None, now)
    cause = Cause(uuid7(), now)
    # its tokens say what it could do before
    ending = SigningOut(kernel, id, "roles_changed", cause)
    await kernel.commands.handle(ACCOUNT, id, command, cause, then=ending)


async def _hash(password: str) -> str:
    passwords = Passwords()
    try:
        return await passwords.hash(password)
    finally:
        passwords.close()
