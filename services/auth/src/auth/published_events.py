"""What others may rely on of accounts, and how our facts become it."""

from datetime import datetime
from typing import Any, ClassVar, assert_never
from uuid import UUID

from common.facts import Personal, Subject
from common.messages import PublishedEvent

from auth.accounts.events import AccountErased as ErasedFact
from auth.accounts.events import AccountRegistered as RegisteredFact


class AccountRegistered(PublishedEvent):
    """Somebody opened an account."""

    type_name: ClassVar[str] = "auth.account_registered.v1"

    account_id: Subject
    email: Personal[str]
    name: Personal[str | None]
    registered_at: datetime


class AccountErased(PublishedEvent):
    """Forget this person: whoever holds anything of them must let go of it."""

    type_name: ClassVar[str] = "auth.account_erased.v1"

    account_id: UUID
    erased_at: datetime


def publish(event: Any) -> PublishedEvent | None:
    """The public message of a fact, or None when it stays inside."""
    fact: RegisteredFact | ErasedFact = event
    match fact:
        case RegisteredFact():
            return AccountRegistered(
                account_id=fact.account_id,
                email=fact.email,
                name=fact.name,
                registered_at=fact.registered_at,
            )
        case ErasedFact():
            return AccountErased(account_id=fact.account_id, erased_at=fact.erased_at)
        case _:
            assert_never(fact)
