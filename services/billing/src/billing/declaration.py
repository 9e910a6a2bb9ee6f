"""What billing's log holds and what follows from it; without routes, for the worker needs none."""

from pathlib import Path

from common.kernel import KernelDeclaration

from billing.categories.events import CategoryEvent
from billing.categories.read_model import CATEGORIES, CATEGORY_SLUGS
from billing.customers.events import CustomerEvent
from billing.customers.read_model import CUSTOMERS
from billing.deadlines import DEADLINES
from billing.entitlements.events import EntitlementsEvent
from billing.exclusivity import CATEGORIES_HELD, TRIALS_USED
from billing.invoice_refunds import INVOICE_REFUNDS
from billing.invoices.events import InvoiceEvent
from billing.invoices.read_model import INVOICES
from billing.payment_queue import PAYMENT_QUEUE
from billing.payment_refunds import PAYMENT_REFUNDS
from billing.payments.events import PaymentEvent
from billing.payments.read_model import PAYMENTS
from billing.plans.events import PlanEvent
from billing.plans.read_model import PLAN_SLUGS, PLANS
from billing.published_events import publish
from billing.subscriptions.events import SubscriptionEvent
from billing.subscriptions.read_model import SUBSCRIPTIONS

DECLARATION = KernelDeclaration(
    source="billing",
    events=(
        *(PlanEvent, CategoryEvent, CustomerEvent, EntitlementsEvent),
        *(SubscriptionEvent, InvoiceEvent, PaymentEvent),
    ),
    projections=(
        *(PLANS, PLAN_SLUGS, CATEGORIES, CATEGORY_SLUGS, CUSTOMERS),
        *(SUBSCRIPTIONS, CATEGORIES_HELD, TRIALS_USED, INVOICES, INVOICE_REFUNDS),
        *(PAYMENTS, PAYMENT_REFUNDS, PAYMENT_QUEUE, DEADLINES),
    ),
    processors=(
        "delete_an_erased_customer_at_their_providers",
        "detach_a_removed_payment_method",
        "forget_mails_about_an_erased_customer",
        "tell_what_an_account_may_do",
        "use_a_new_payment_method_at_once",
        "write_to_customers_about_their_money",
    ),
    publish=publish,
    migrations=Path(__file__).parent / "migrations",
    openapi=Path(__file__).parent / "openapi.json",
)
