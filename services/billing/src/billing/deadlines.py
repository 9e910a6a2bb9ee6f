"""The deadlines that follow from facts; who meets them stands in `processes`."""

from datetime import datetime, timedelta

from common.read_models import Projection, Stamp
from common.statements import Write
from common.timers import set_timer

from billing.invoices.events import InvoiceFinalised
from billing.subscriptions.events import (
    PlanChanged,
    SubscriptionActivated,
    SubscriptionCreated,
    SubscriptionExtended,
    SubscriptionPastDue,
    SubscriptionRenewed,
    SubscriptionResumed,
    SubscriptionUnpaid,
    TrialStarted,
    UpgradeReversed,
)

PERIOD_END = "period_end"
TRIAL_REMINDER = "trial_reminder"
RETRY = "payment_retry"
GRACE_END = "grace_end"
PENDING_EXPIRY = "pending_expiry"
DUE_DATE = "invoice_due"

REMIND_BEFORE = timedelta(days=3)

_Sets = (
    SubscriptionCreated
    | TrialStarted
    | SubscriptionActivated
    | SubscriptionRenewed
    | SubscriptionResumed
    | PlanChanged
    | UpgradeReversed
    | SubscriptionExtended
    | SubscriptionPastDue
    | SubscriptionUnpaid
    | InvoiceFinalised
)


def _set(event: _Sets, stamp: Stamp) -> list[Write]:
    match event:
        case SubscriptionCreated():
            return [set_timer(PENDING_EXPIRY, event.expires_at, stamp)]
        case TrialStarted():
            return _trial(event.ends_at, event.started_at, stamp)
        case SubscriptionExtended(trial=True):
            return _trial(event.span.ends_at, event.extended_at, stamp)
        case SubscriptionPastDue():
            return [set_timer(RETRY, event.retry_at, stamp)]
        case SubscriptionUnpaid():
            return [set_timer(GRACE_END, event.grace_until, stamp)]
        case InvoiceFinalised():
            return [set_timer(DUE_DATE, event.due_at, stamp)]
        case _:
            return [set_timer(PERIOD_END, event.span.ends_at, stamp)]


def _trial(ends_at: datetime, now: datetime, stamp: Stamp) -> list[Write]:
    timers = [set_timer(PERIOD_END, ends_at, stamp)]
    if ends_at - REMIND_BEFORE > now:
        timers.append(set_timer(TRIAL_REMINDER, ends_at - REMIND_BEFORE, stamp))
    return timers


DEADLINES = Projection(_Sets, _set)
