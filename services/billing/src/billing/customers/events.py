"""What has happened to a customer; whatever tells something of them is sealed under their key."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from common.facts import Personal, PersonalData, Subject


@dataclass(frozen=True, slots=True)
class Contact:
    """How mails reach somebody and in which language; None before auth has told us."""

    email: str | None = None
    name: str | None = None
    locale: str = "en"


@dataclass(frozen=True, slots=True)
class Address:
    """Where invoices are addressed to; `country` is an ISO 3166-1 alpha-2 code."""

    line1: str
    city: str
    country: str
    line2: str | None = None
    postal_code: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class BillingDetails:
    """What stands on invoices beside the name, and what decides about tax."""

    company: str | None = None
    address: Address | None = None
    vat_number: str | None = None


@dataclass(frozen=True, slots=True)
class MethodFace:
    """A saved way to pay as the provider knows it and as its owner recognises it.

    `reference` is the provider's name for it, `customer` for its owner; `expires` is YYYY-MM.
    """

    reference: str
    customer: str
    brand: str | None = None
    last4: str | None = None
    expires: str | None = None


NOBODY = Contact()
NOTHING = BillingDetails()
FORGOTTEN = MethodFace("", "")


@dataclass(frozen=True)
class CustomerContactChanged:
    """The customer is reached like this now."""

    type_name: ClassVar[str] = "billing.customer_contact_changed"

    account_id: Subject
    contact: Annotated[Contact, PersonalData(fallback=NOBODY)]
    changed_at: datetime


@dataclass(frozen=True)
class CustomerDetailsChanged:
    """New invoices say this of the customer; those there are keep what they say."""

    type_name: ClassVar[str] = "billing.customer_details_changed"

    account_id: Subject
    details: Annotated[BillingDetails, PersonalData(fallback=NOTHING)]
    changed_at: datetime


@dataclass(frozen=True)
class CustomerNamedByProvider:
    """A payment provider knows the customer by this name."""

    type_name: ClassVar[str] = "billing.customer_named_by_provider"

    account_id: Subject
    provider: str
    reference: Personal[str]
    named_at: datetime


@dataclass(frozen=True)
class MethodPageOpened:
    """A page was opened on which the customer may save a way to pay."""

    type_name: ClassVar[str] = "billing.method_page_opened"

    account_id: Subject
    page_id: UUID
    provider: str
    reference: Personal[str]
    opened_at: datetime


@dataclass(frozen=True)
class PaymentMethodSaved:
    """There is a way to pay that may be used while the customer is away."""

    type_name: ClassVar[str] = "billing.payment_method_saved"

    account_id: Subject
    method_id: UUID
    provider: str
    face: Annotated[MethodFace, PersonalData(fallback=FORGOTTEN)]
    saved_at: datetime


@dataclass(frozen=True)
class DefaultPaymentMethodSet:
    """Renewals are charged to this one from now on."""

    type_name: ClassVar[str] = "billing.default_payment_method_set"

    account_id: UUID
    method_id: UUID
    set_at: datetime


@dataclass(frozen=True)
class PaymentMethodRemoved:
    """This one is never charged again."""

    type_name: ClassVar[str] = "billing.payment_method_removed"

    account_id: UUID
    method_id: UUID
    removed_at: datetime


@dataclass(frozen=True)
class CustomerErased:
    """The account was erased; what their invoices say stays with the invoices."""

    type_name: ClassVar[str] = "billing.customer_erased"

    account_id: UUID
    erased_at: datetime


CustomerEvent = (
    CustomerContactChanged
    | CustomerDetailsChanged
    | CustomerNamedByProvider
    | MethodPageOpened
    | PaymentMethodSaved
    | DefaultPaymentMethodSet
    | PaymentMethodRemoved
    | CustomerErased
)
