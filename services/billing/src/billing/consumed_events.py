"""What billing reads of other services."""

from typing import ClassVar
from uuid import UUID

from common.messages import ConsumedEvent
from pydantic import BaseModel


class AccountRegistered(ConsumedEvent):
    """Somebody opened an account, and may buy. `locale` is the language of their mails."""

    type_name: ClassVar[str] = "auth.account_registered.v1"

    account_id: UUID
    email: str
    name: str | None
    locale: str = "en"


class AccountRenamed(ConsumedEvent):
    """They are called otherwise, or read another language."""

    type_name: ClassVar[str] = "auth.account_renamed.v1"

    account_id: UUID
    name: str | None
    locale: str


class EmailChanged(ConsumedEvent):
    """Mails reach them elsewhere."""

    type_name: ClassVar[str] = "auth.email_changed.v1"

    account_id: UUID
    email: str


class BillingAddress(BaseModel):
    """Where invoices are addressed to."""

    line1: str
    line2: str | None = None
    postal_code: str | None = None
    city: str
    region: str | None = None
    country: str


class ProfileChanged(ConsumedEvent):
    """What stands on invoices, and what decides about tax."""

    type_name: ClassVar[str] = "auth.profile_changed.v1"

    account_id: UUID
    company: str | None
    billing_address: BillingAddress | None
    vat_number: str | None


class AccountErased(ConsumedEvent):
    """The account is gone: forget the person, keep what the law wants kept."""

    type_name: ClassVar[str] = "auth.account_erased.v1"

    account_id: UUID
