"""What may be asked of a customer. Every account is one from the start, one without anything."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing.customers.events import BillingDetails, MethodFace


@dataclass(frozen=True)
class ChangeContact:
    """Set these fields of `Contact`; what is not named stays."""

    account_id: UUID
    changes: tuple[tuple[str, str | None], ...]
    now: datetime


@dataclass(frozen=True)
class ChangeDetails:
    """From now on invoices say this."""

    account_id: UUID
    details: BillingDetails
    now: datetime


@dataclass(frozen=True)
class NameAtProvider:
    """Remember what a provider calls this customer."""

    account_id: UUID
    provider: str
    reference: str
    now: datetime


@dataclass(frozen=True)
class OpenMethodPage:
    """Remember a page on which the customer may save a way to pay."""

    account_id: UUID
    page_id: UUID
    provider: str
    reference: str
    now: datetime


@dataclass(frozen=True)
class SavePaymentMethod:
    """Keep a way to pay. `method_id` follows from what the provider calls it."""

    account_id: UUID
    method_id: UUID
    provider: str
    face: MethodFace
    now: datetime


@dataclass(frozen=True)
class SetDefaultPaymentMethod:
    """Charge renewals to this one."""

    account_id: UUID
    method_id: UUID
    now: datetime


@dataclass(frozen=True)
class RemovePaymentMethod:
    """Never charge this one again."""

    account_id: UUID
    method_id: UUID
    now: datetime


@dataclass(frozen=True)
class EraseCustomer:
    """Forget the customer because their account was erased."""

    account_id: UUID
    now: datetime


MethodCommand = SavePaymentMethod | SetDefaultPaymentMethod | RemovePaymentMethod
CustomerCommand = (
    ChangeContact | ChangeDetails | NameAtProvider | OpenMethodPage | MethodCommand | EraseCustomer
)
