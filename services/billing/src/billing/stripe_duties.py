"""What billing's worker does for Stripe: look at what was told, tidy, compare."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from common.clock import Clock
from common.kernel import Kernel

from billing.notification_work import NotificationWork
from billing.payment_provider import PaymentProvider
from billing.provider_news import OnOutcome
from billing.providers import stripe_among
from billing.reconciliation import OpenPayments, OwedRefunds, Reconciliation
from billing.settings import BillingSettings


def stripe_duties(
    settings: BillingSettings,
    kernel: Kernel,
    providers: Mapping[str, PaymentProvider],
    on_outcome: OnOutcome,
    open_payments: OpenPayments,
    owed_refunds: OwedRefunds,
    clock: Clock,
) -> dict[str, Callable[[], Awaitable[None]]]:
    """Duties for the worker's declaration; none without an account at Stripe.

    `clock` is billing's own. `on_outcome`, `open_payments` and `owed_refunds` are core's.
    """
    gateway = stripe_among(providers)
    if gateway is None:
        return {}
    work = NotificationWork(kernel, gateway, on_outcome, clock)
    reconciliation = Reconciliation(kernel, gateway, open_payments, on_outcome, clock, owed_refunds)
    return {
        "stripe notifications": work.run,
        "stripe sweeper": work.keep_sweeping,
        "stripe reconciliation": partial(reconciliation.keep_running, settings.reconcile_seconds),
    }
