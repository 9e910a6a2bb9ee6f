"""What others may rely on of subscriptions, invoices and payments: ids, states and amounts."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from common.messages import PublishedEvent
from common.money import Money

from billing.invoices import events as invoices
from billing.payments import events as payments
from billing.subscriptions import events as subscriptions

MoneyEvent = subscriptions.SubscriptionEvent | invoices.InvoiceEvent | payments.PaymentEvent


class SubscriptionChanged(PublishedEvent):
    """A subscription is in another state, period or plan, or will be."""

    type_name: ClassVar[str] = "billing.subscription_changed.v1"

    subscription_id: UUID
    account_id: UUID


class SubscriptionStarted(PublishedEvent):
    """A subscription has begun, as a trial or paid."""

    type_name: ClassVar[str] = "billing.subscription_started.v1"

    subscription_id: UUID
    account_id: UUID
    trial: bool
    started_at: datetime


class SubscriptionRenewed(PublishedEvent):
    """Its next period has begun."""

    type_name: ClassVar[str] = "billing.subscription_renewed.v1"

    subscription_id: UUID
    account_id: UUID
    plan: str
    period_starts_at: datetime
    period_ends_at: datetime


class SubscriptionEnded(PublishedEvent):
    """It is over for good."""

    type_name: ClassVar[str] = "billing.subscription_ended.v1"

    subscription_id: UUID
    account_id: UUID
    reason: str
    ended_at: datetime


class InvoiceIssued(PublishedEvent):
    """There is an invoice to pay."""

    type_name: ClassVar[str] = "billing.invoice_issued.v1"

    invoice_id: UUID
    account_id: UUID
    number: str
    total: Money
    due_at: datetime


class InvoicePaid(PublishedEvent):
    """An invoice is paid."""

    type_name: ClassVar[str] = "billing.invoice_paid.v1"

    invoice_id: UUID
    account_id: UUID
    amount: Money
    paid_at: datetime


class InvoiceChanged(PublishedEvent):
    """An invoice is void, overdue, given up, or some of it goes back."""

    type_name: ClassVar[str] = "billing.invoice_changed.v1"

    invoice_id: UUID
    account_id: UUID


class PaymentSucceeded(PublishedEvent):
    """Money came in for an invoice."""

    type_name: ClassVar[str] = "billing.payment_succeeded.v1"

    payment_id: UUID
    invoice_id: UUID
    account_id: UUID
    amount: Money
    succeeded_at: datetime


class PaymentFailed(PublishedEvent):
    """An attempt to pay an invoice came to nothing."""

    type_name: ClassVar[str] = "billing.payment_failed.v1"

    payment_id: UUID
    invoice_id: UUID
    account_id: UUID
    code: str


def publish_of_money(fact: MoneyEvent) -> PublishedEvent | None:
    """The public message of a fact, or None when it stays inside."""
    if isinstance(fact, payments.PaymentEvent):
        return _of_payment(fact)
    if isinstance(fact, invoices.InvoiceEvent):
        return _of_invoice(fact)
    return _of_subscription(fact)


def _of_subscription(fact: subscriptions.SubscriptionEvent) -> PublishedEvent | None:
    who: dict[str, Any] = {"subscription_id": fact.subscription_id, "account_id": fact.account_id}
    match fact:
        case subscriptions.TrialStarted():
            return SubscriptionStarted(**who, trial=True, started_at=fact.started_at)
        case subscriptions.SubscriptionActivated():
            return SubscriptionStarted(**who, trial=False, started_at=fact.activated_at)
        case subscriptions.SubscriptionRenewed():
            span = fact.span
            period = {"period_starts_at": span.starts_at, "period_ends_at": span.ends_at}
            return SubscriptionRenewed(**who, plan=fact.terms.slug, **period)
        case subscriptions.SubscriptionEnded():
            return SubscriptionEnded(**who, reason=fact.reason, ended_at=fact.ended_at)
        case subscriptions.TrialEnded() | subscriptions.TrialEndAnnounced():
            return None
        case _:
            return SubscriptionChanged(**who)


def _of_invoice(fact: invoices.InvoiceEvent) -> PublishedEvent | None:
    who: dict[str, Any] = {"invoice_id": fact.invoice_id, "account_id": fact.account_id}
    match fact:
        case invoices.InvoiceDrafted() | invoices.RefundSent():
            return None
        case invoices.InvoiceFinalised():
            return InvoiceIssued(**who, number=fact.number, total=fact.total, due_at=fact.due_at)
        case invoices.InvoicePaid():
            return InvoicePaid(**who, amount=fact.amount, paid_at=fact.paid_at)
        case _:
            return InvoiceChanged(**who)


def _of_payment(fact: payments.PaymentEvent) -> PublishedEvent | None:
    who: dict[str, Any] = {
        "payment_id": fact.payment_id,
        "invoice_id": fact.invoice_id,
        "account_id": fact.account_id,
    }
    match fact:
        case payments.PaymentSucceeded():
            return PaymentSucceeded(**who, amount=fact.captured, succeeded_at=fact.succeeded_at)
        case payments.PaymentAccepted():
            return PaymentSucceeded(**who, amount=fact.amount, succeeded_at=fact.accepted_at)
        case payments.PaymentDeclined() | payments.PaymentNotAttempted():
            return PaymentFailed(**who, code=fact.code)
        case _:
            return None
