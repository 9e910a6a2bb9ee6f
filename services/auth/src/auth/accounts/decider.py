"""The rules of an account: pure."""

from dataclasses import dataclass
from typing import assert_never
from uuid import UUID

from common.decider import Decider
from common.problems import Conflict, NotFound

from auth.accounts.commands import AccountCommand, EraseAccount, RegisterAccount
from auth.accounts.events import AccountErased, AccountEvent, AccountRegistered


class AlreadyRegistered(Conflict):
    """This id is an account already."""

    code = "already_registered"
    detail = "There is an account with this id already."


@dataclass(frozen=True)
class NoAccount:
    """Nobody yet."""


@dataclass(frozen=True)
class Account:
    """Somebody who may log in."""

    account_id: UUID
    email: str
    username: str | None
    name: str | None


@dataclass(frozen=True)
class Erased:
    """Somebody whom we have forgotten."""


AccountState = NoAccount | Account | Erased


def decide(command: AccountCommand, state: AccountState) -> list[AccountEvent]:
    """What follows from a command. Raises `AlreadyRegistered` and `NotFound`."""
    match command:
        case RegisterAccount():
            return _register(command, state)
        case EraseAccount():
            return _erase(command, state)
        case _:
            assert_never(command)


def _register(command: RegisterAccount, state: AccountState) -> list[AccountEvent]:
    if not isinstance(state, NoAccount):
        raise AlreadyRegistered
    return [
        AccountRegistered(
            command.account_id,
            command.email,
            command.email_index,
            command.username,
            command.name,
            command.password_hash,
            command.now,
        )
    ]


def _erase(command: EraseAccount, state: AccountState) -> list[AccountEvent]:
    match state:
        case Account():
            return [AccountErased(command.account_id, command.now)]
        case Erased():
            return []
        case NoAccount():
            raise NotFound
        case _:
            assert_never(state)


def evolve(state: AccountState, event: AccountEvent) -> AccountState:
    """The state after one more event."""
    match event:
        case AccountRegistered():
            return Account(event.account_id, event.email, event.username, event.name)
        case AccountErased():
            return Erased()
        case _:
            assert_never(event)


ACCOUNT: Decider[AccountCommand, AccountState, AccountEvent] = Decider(
    "account", NoAccount(), decide, evolve
)
