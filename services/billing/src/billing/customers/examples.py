"""One good example of each message of a customer: for tests, contracts and documents."""

from datetime import UTC, datetime
from uuid import UUID

from billing.customers.commands import (
    ChangeContact,
    ChangeDetails,
    EraseCustomer,
    NameAtProvider,
    OpenMethodPage,
    RemovePaymentMethod,
    SavePaymentMethod,
    SetDefaultPaymentMethod,
)
from billing.customers.events import (
    Address,
    BillingDetails,
    Contact,
    CustomerContactChanged,
    CustomerDetailsChanged,
    CustomerErased,
    CustomerNamedByProvider,
    DefaultPaymentMethodSet,
    MethodFace,
    MethodPageOpened,
    PaymentMethodRemoved,
    PaymentMethodSaved,
)

ACCOUNT_ID = UUID("01990000-0000-7000-8000-00000000a001")
METHOD_ID = UUID("01990000-0000-7000-8000-00000000e001")
OTHER_METHOD_ID = UUID("01990000-0000-7000-8000-00000000e002")
PAGE_ID = UUID("01990000-0000-7000-8000-00000000e101")
AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 2, 1, 9, 30, tzinfo=UTC)

CONTACT = Contact("ada@example.org", "Ada Lovelace", "fr")
DETAILS = BillingDetails(
    company="Analytical Engines Ltd",
    address=Address(
        line1="12 St James's Square", city="London", country="GB", postal_code="SW1Y 4JH"
    ),
    vat_number="GB123456789",
)
FACE = MethodFace("pm_1", "cus_1", "visa", "4242", "2030-12")
OTHER_FACE = MethodFace("pm_2", "cus_1", "mastercard", "4444", "2031-01")

CHANGE_CONTACT = ChangeContact(
    ACCOUNT_ID, (("email", CONTACT.email), ("name", CONTACT.name), ("locale", "fr")), AT
)
CHANGE_DETAILS = ChangeDetails(ACCOUNT_ID, DETAILS, AT)
NAME_AT_PROVIDER = NameAtProvider(ACCOUNT_ID, "stripe", "cus_1", AT)
OPEN_PAGE = OpenMethodPage(ACCOUNT_ID, PAGE_ID, "stripe", "cs_1", AT)
SAVE = SavePaymentMethod(ACCOUNT_ID, METHOD_ID, "stripe", FACE, AT)
SAVE_OTHER = SavePaymentMethod(ACCOUNT_ID, OTHER_METHOD_ID, "stripe", OTHER_FACE, LATER)
SET_DEFAULT = SetDefaultPaymentMethod(ACCOUNT_ID, METHOD_ID, LATER)
REMOVE = RemovePaymentMethod(ACCOUNT_ID, METHOD_ID, LATER)
ERASE = EraseCustomer(ACCOUNT_ID, LATER)

CONTACT_CHANGED = CustomerContactChanged(ACCOUNT_ID, CONTACT, AT)
DETAILS_CHANGED = CustomerDetailsChanged(ACCOUNT_ID, DETAILS, AT)
NAMED = CustomerNamedByProvider(ACCOUNT_ID, "stripe", "cus_1", AT)
PAGE_OPENED = MethodPageOpened(ACCOUNT_ID, PAGE_ID, "stripe", "cs_1", AT)
SAVED = PaymentMethodSaved(ACCOUNT_ID, METHOD_ID, "stripe", FACE, AT)
DEFAULT_SET = DefaultPaymentMethodSet(ACCOUNT_ID, METHOD_ID, AT)
OTHER_SAVED = PaymentMethodSaved(ACCOUNT_ID, OTHER_METHOD_ID, "stripe", OTHER_FACE, LATER)
OTHER_DEFAULT_SET = DefaultPaymentMethodSet(ACCOUNT_ID, OTHER_METHOD_ID, LATER)
REMOVED = PaymentMethodRemoved(ACCOUNT_ID, METHOD_ID, LATER)
CUSTOMER_ERASED = CustomerErased(ACCOUNT_ID, LATER)

EVENTS = (
    CONTACT_CHANGED,
    DETAILS_CHANGED,
    NAMED,
    PAGE_OPENED,
    SAVED,
    DEFAULT_SET,
    REMOVED,
    CUSTOMER_ERASED,
)
